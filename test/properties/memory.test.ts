// "A log gives the same rows on every host": what the host lends in memory decides whether a push
// fits (`state_full`), and nothing else.

import { expect } from "vitest";
import { pushesOf, randomCase } from "../twin/case.ts";
import { runEngine } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { property } from "./property.ts";
import { allOf } from "./shown.ts";

/** Of 64 KiB. The first is hardly more than an empty core takes; the last is all there is. */
const PAGES = [20, 48, 32_768];

property("the host's memory changes no result", { some: 40, many: 3000 }, async (seed, seen) => {
  const { plan, lines, cuts } = randomCase(seed);
  const pushes = pushesOf(lines, cuts[0]!);
  const runs: object[] = [];
  for (const memoryPagesMax of PAGES) {
    const random = new Random(seed);
    const options = { random, reopenAt: seed % pushes.length, open: { memoryPagesMax } };
    const run = await runEngine(plan, pushes, options).catch((fault: unknown) => {
      if ((fault as { code?: string }).code !== "state_full") throw fault;
      return null;
    });
    seen(`runs of ${memoryPagesMax} pages`, run === null ? 0 : 1);
    if (run !== null) runs.push(allOf(run));
  }
  expect(runs.length).toBeGreaterThan(0);
  for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
});
