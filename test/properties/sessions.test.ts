// Finals of one key of a session query never overlap, and never touch: what is as near as that to a
// final session is late. So no event is counted twice.

import { expect } from "vitest";
import { pushesOf, randomCase } from "../twin/case.ts";
import { runEngine } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { property } from "./property.ts";

property("finals of one key never overlap", { some: 150, many: 10_000 }, async (seed, seen) => {
  const { plan, lines, cuts } = randomCase(seed);
  const queries = plan.queries.filter(({ window }) => window.kind === "session");
  if (queries.length === 0) return;
  const told = queries.map((query) => ({ ...query, emit: "final" as const }));
  const random = new Random(seed);
  const pushes = pushesOf(lines, cuts[0]!);
  const run = await runEngine({ ...plan, queries: told }, pushes, { random, reopenAt: -1 });
  const ofKeys = new Map<string, { start: number; end: number }[]>();
  for (const { query, key, window } of [...run.pushed.flatMap((p) => p.changes), ...run.flushed]) {
    const name = `${query} ${JSON.stringify(key)}`;
    ofKeys.set(name, [
      ...(ofKeys.get(name) ?? []),
      { start: Number(window.start), end: Number(window.end) },
    ]);
  }
  for (const [name, windows] of ofKeys) {
    const inOrder = windows.toSorted((a, b) => a.start - b.start);
    for (const [index, { start }] of inOrder.entries()) {
      if (index === 0) continue;
      expect(start, name).toBeGreaterThan(inOrder[index - 1]!.end);
      seen("sessions behind another of their key", 1);
    }
  }
});
