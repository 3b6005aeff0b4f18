// All contenders that run in Node.

import type { Contender } from "../contender.ts";
import { ANYWHERE } from "./anywhere.ts";

export const IN_NODE: { readonly [name: string]: () => Promise<Contender> } = {
  ...ANYWHERE,
  perspective: () => import("./perspective.ts"),
  duckdb: () => import("./duckdb.ts"),
  "duckdb-wasm": () => import("./duckdb-wasm.ts"),
  footprint: () => import("./footprint.ts"),
  views: () => import("./views.ts"),
};
