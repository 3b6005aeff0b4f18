// "Permutation within grace and wait": events of different ids and times in any order that grace and
// wait cover give the same finals, views and counts; spans, `early` and lookups included.

import { expect } from "vitest";
import { pushesOf } from "../twin/case.ts";
import { runEngine, type EngineRun } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { disordered, orderedCase, type OrderedCase, type TimedLine } from "./ordered-case.ts";
import { property } from "./property.ts";
import { countsOf, finalsOf, viewsOf } from "./shown.ts";

const ORDERS = 3;

function run({ plan }: OrderedCase, lines: readonly TimedLine[], random: Random) {
  const often = random.pick([0.05, 0.5, 1]);
  const pushes = pushesOf(
    lines.map(({ text }) => ({ text, receivedAt: null })),
    lines.map(() => random.chance(often)),
  );
  return runEngine(plan, pushes, { random, reopenAt: -1 });
}

const shown = (each: EngineRun): object => {
  return { finals: finalsOf(each), views: viewsOf(each), counts: countsOf(each) };
};

property("any order within grace and wait", { some: 150, many: 10_000 }, async (seed, seen) => {
  const random = new Random(seed);
  const each = orderedCase(seed);
  if (each.lines.length === 0) return;
  const ordered = await run(each, each.lines, random);
  const expected = shown(ordered);
  for (let order = 0; order < ORDERS; order++) {
    const lines = disordered(random, each);
    seen("events that came before an earlier one", inversionsOf(lines));
    const { finals, views, counts } = shown(await run(each, lines, random)) as typeof expected & {
      [name: string]: unknown;
    };
    expect({ finals, views, counts }).toEqual(expected);
  }
  seen("finals", finalsOf(ordered).length);
  for (const { name, span, with: lookups } of each.plan.queries) {
    const { applied, late, lateFacts } = ordered.stats.queries[name]!;
    expect([late, lateFacts]).toEqual([0, 0]);
    if (span !== undefined) seen("spans applied", applied);
    if (span?.early !== undefined && span.early !== 0) seen("spans with early applied", applied);
    if (lookups !== undefined) seen("events with lookups applied", applied);
  }
});

function inversionsOf(lines: readonly TimedLine[]): number {
  return lines.filter(({ timeMs }, index) => timeMs > (lines[index + 1]?.timeMs ?? Infinity))
    .length;
}
