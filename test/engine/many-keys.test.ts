// More keys than are kept at hand: those of the next events are read ahead (assembly/ahead.ts), and
// so are those of windows that close. What comes out is what one would count by hand.

import { expect, test } from "vitest";
import type { Engine } from "../../engine/index.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const KEYS = 9000;
const KEYS_LIMIT = KEYS + 400;
const WINDOW_MS = 1000;
const OTHER = "__other__";

const keyOf = (index: number): string => `k-${index}`;

/** All keys in the first window, then each third key, known or new, in both by turns. */
function inputs(): { key: string; time: number }[] {
  const first = Array.from({ length: KEYS }, (_, index) => ({ key: keyOf(index), time: 0 }));
  const then = Array.from({ length: 4000 }, (_, index) => ({
    key: keyOf((index * 7919) % (KEYS + 1000)),
    time: index % 2 ? WINDOW_MS : 1,
  }));
  return [...first, ...then, { key: keyOf(1), time: 2 * WINDOW_MS }];
}

function countedByHand(): Map<string, number> {
  const open = new Set<string>();
  const counts = new Map<string, number>();
  for (const { key, time } of inputs()) {
    const told = open.has(key) || open.size < KEYS_LIMIT ? key : OTHER;
    if (told === key) open.add(key);
    const name = `${Math.floor(time / WINDOW_MS) * WINDOW_MS} ${told}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

const countedBy = (engine: Engine, query: string): Map<string, number> => {
  const rows = engine.view(query).rows();
  return new Map(
    rows.map(({ window, key, value }) => [`${window.start} ${key["k"]}`, value["n"] as number]),
  );
};

test.each([20_000, 1000, 77])("in pushes of %i events", async (size) => {
  const query = { window: tumbling(WINDOW_MS, 1500), key: { k: "data.k" } };
  const engine = await engineOf(planOf(query, { limits: { keys: KEYS_LIMIT } }));
  const events = inputs().map(({ key, time }, index) => event(`e${index}`, time, { k: key }));
  for (let from = 0; from < events.length; from += size) {
    await engine.push(events.slice(from, from + size));
  }
  expect(countedBy(engine, "q")).toEqual(countedByHand());
  // All windows of the first panes close, and their keys are told apart as before.
  await engine.push([event("end", 10 * WINDOW_MS, { k: keyOf(2) })]);
  expect(countedBy(engine, "q").size).toBe(countedByHand().size + 1);
  expect(
    engine
      .view("q")
      .rows()
      .filter(({ final }) => !final),
  ).toHaveLength(1);
});
