// All contenders that run in Chromium.

import type { Contender } from "../contender.ts";
import { ANYWHERE } from "./anywhere.ts";

export const IN_PAGE: { readonly [name: string]: () => Promise<Contender> } = {
  ...ANYWHERE,
  perspective: () => import("./perspective-page.ts"),
  "duckdb-wasm": () => import("./duckdb-page.ts"),
};
