// The contenders by name. Each module is loaded in the process that runs it, so that a package that
// is missing costs its own contender only.

import type { Contender } from "../contender.ts";

type Load = () => Promise<Contender>;

/** Those of plain JavaScript and our own, which run in Node and in Chromium. */
export const ANYWHERE: { readonly [name: string]: Load } = {
  millrace: () => import("./millrace.ts"),
  prototype: () => import("./prototype.ts"),
  parse: () => import("./parse.ts"),
  "decode-split-parse": () => import("./decode-split-parse.ts"),
  idiomatic: () => import("./idiomatic.ts"),
  distributions: () => import("./distributions.ts"),
  sketches: () => import("./sketches.ts"),
  rxjs: () => import("./rxjs.ts"),
  arquero: () => import("./arquero.ts"),
  d2ts: () => import("./d2ts.ts"),
};
