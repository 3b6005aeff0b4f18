// A measurement of a test: kept for docs/measured.md, which `npm run test:full` writes. Works where
// files can be written (the node project); a test of another host hands its figures to one of node.

import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

export interface Measured {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The test file that measured it, from the root of the repository. */
  readonly file: string;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** True in `npm run test:full`, where tests may take minutes. */
export const FULL: boolean = process.env["MILLRACE_FULL"] === "1";

/** Notes a figure; where nobody collects them, nothing happens. */
export function measured(name: string, value: number, unit: string): void {
  const path = process.env["MILLRACE_MEASURED"];
  if (path === undefined) return;
  const file = relative(ROOT, expect.getState().testPath ?? ROOT);
  const line: Measured = { name, value, unit, file };
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}
