// The debug build, which has its assertions on, and the release agree in everything that they show.

import { readFile } from "node:fs/promises";
import { expect, vi } from "vitest";
import { pushesOf, randomCase } from "../twin/case.ts";
import { runEngine } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { property } from "./property.ts";
import { allOf } from "./shown.ts";

let build: "core.wasm" | "core.debug.wasm" = "core.wasm";
const compiled = new Map<string, WebAssembly.Module>();

vi.mock("#core-wasm", () => ({
  default: async () => {
    const known = compiled.get(build);
    if (known !== undefined) return known;
    const bytes = await readFile(new URL(`../../dist/core/${build}`, import.meta.url));
    const core = await WebAssembly.compile(bytes);
    compiled.set(build, core);
    return core;
  },
}));

property("debug and release builds agree", { some: 80, many: 4000 }, async (seed, seen) => {
  const { plan, lines, cuts } = randomCase(seed);
  const pushes = pushesOf(lines, cuts[1]!);
  const runs: object[] = [];
  for (build of ["core.wasm", "core.debug.wasm"] as const) {
    const options = { random: new Random(seed), reopenAt: seed % pushes.length };
    const run = await runEngine(plan, pushes, options);
    runs.push(allOf(run));
    seen(`changes of ${build}`, run.flushed.length);
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(compiled.size).toBe(2);
});
