// "Cutting the same events into other batches changes no final, no view, no disposition", nor the
// state: hostile feeds, ticks and refused lines included.

import { expect } from "vitest";
import { pushesOf, randomCase, type Pushes } from "../twin/case.ts";
import { runEngine, type EngineRun } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { property } from "./property.ts";
import { countsOf, finalsOf, viewsOf } from "./shown.ts";

/** None, each line alone, and anything between. */
const CHANCES = [0, 1, 0.5, 0.1];

property("any cut into batches", { some: 60, many: 4000 }, async (seed, seen) => {
  const random = new Random(seed);
  const { plan, lines } = randomCase(seed);
  const runs: object[] = [];
  for (const chance of CHANCES) {
    const pushes = pushesOf(
      lines,
      lines.map(() => random.chance(chance)),
    );
    const run = await runEngine(plan, pushes, { random, reopenAt: -1 });
    runs.push({
      stateHash: run.stateHash,
      counts: countsOf(run),
      finals: finalsOf(run),
      views: viewsOf(run),
      verdicts: verdictsOf(run, pushes),
    });
    seen("finals", finalsOf(run).length);
  }
  for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
});

/** What became of each line of the feed: counts, and the codes by the line's place in it. */
function verdictsOf({ pushed, held }: EngineRun, pushes: Pushes): object {
  let first = 0;
  const counts = { accepted: 0, duplicate: 0 };
  const codes: [index: number, code: string][] = [];
  for (const [index, { receipt }] of pushed.entries()) {
    // A tick alone may have gone in by `tick`, which gives no receipt.
    if (receipt !== null) {
      counts.accepted += receipt.accepted;
      counts.duplicate += receipt.duplicate;
      const refused = [...receipt.invalid, ...receipt.quarantined];
      codes.push(...refused.map((each): [number, string] => [first + each.index, each.code]));
    }
    first += pushes[index]!.length;
  }
  return { counts, codes: codes.toSorted(([a], [b]) => a - b), held: held.map(({ line }) => line) };
}
