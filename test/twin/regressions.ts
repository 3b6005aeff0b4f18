// Cases on which engine and model once differed, made small: a file each in regressions/. They hold
// the case itself, not its seed, which is another case whenever the generator changes.

import { readdirSync, readFileSync } from "node:fs";
import type { Case } from "./case.ts";

interface Regression extends Omit<Case, "seed"> {
  /** What was wrong. */
  readonly what: string;
}

const folder = new URL("regressions/", import.meta.url);

export const regressions: readonly (readonly [what: string, Case])[] = readdirSync(folder)
  .toSorted()
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Regression)
  .map(({ what, ...each }, index) => [what, { ...each, seed: index + 1 }]);
