import { expect, test } from "vitest";
import { memory } from "../../engine/index.ts";
import { engineOf, event, planOf, eventsAt } from "../builders.ts";

test("a late event is brought in", async () => {
  const store = memory();
  const plan = planOf();
  const engine = await engineOf(plan, [eventsAt([1, 2, 20]), [event("late", 5)]], { store });
  const told: unknown[] = [];
  engine.listen((changes) => told.push(...changes));
  const changes = await engine.reprocess("q", { from: 0, to: 10 });
  expect(changes).toEqual([
    { query: "q", kind: "correction", key: {}, window: { start: 0, end: 10 }, value: { n: 3 }, revision: 5, position: 4 },
  ]);
  expect(told).toEqual(changes);
  expect(engine.view("q").rows()).toMatchObject([{ value: { n: 3 }, final: true, revision: 5 }, { final: false }]);
  expect(await engine.reprocess("q", { from: 0, to: 10 })).toEqual([]);
  const hash = await engine.stateHash();
  const again = await engineOf(plan, [], { store });
  expect(await again.stateHash()).toBe(hash);
});
