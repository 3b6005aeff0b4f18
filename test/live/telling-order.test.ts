// The order by itself, with what no engine tells in one push: one window in several kinds. By the
// numbers that ranked keys give, and by comparison.

import { expect, test } from "vitest";
import { KnownKeys } from "../../engine/live/known-keys.ts";
import { TellingOrder } from "../../engine/live/telling-order.ts";

function knownOf(texts: readonly string[], query = 0): KnownKeys {
  const known = new KnownKeys();
  const utf8 = new TextEncoder();
  for (const [tag, text] of texts.entries()) {
    known.add(query, tag, utf8.encode(text), { key: {}, text });
  }
  return known;
}

function sortedItems(order: TellingOrder, known: KnownKeys): number[] {
  return [...order.sorted(known).subarray(0, order.size)];
}

test("of one window and key the kinds come in their order, ranked or not", () => {
  for (const unranked of [0, 200]) {
    const known = knownOf(["b", "a"]);
    known.rank(2);
    for (let tag = 2; tag < unranked; tag++) {
      known.add(0, tag, new Uint8Array([tag]), { key: {}, text: `x${tag}` });
    }
    if (unranked > 0) known.rank(unranked);
    if (unranked > 0) known.add(0, 1000, new Uint8Array(2), { key: {}, text: "new" });
    const order = new TellingOrder();
    const window = order.enter(0, 5, 9);
    for (const kind of [3, 0, 2, 1]) for (const key of [0, 1]) order.add(window, key, kind, 0, 0);
    expect(sortedItems(order, known)).toEqual([3, 7, 5, 1, 2, 6, 4, 0]);
  }
});

test("windows go by query, end and start, nulls last, however they alternate", () => {
  const known = knownOf(["a"]);
  const order = new TellingOrder();
  const windows: [query: number, start: number | null, end: number | null][] = [
    [1, 0, 10],
    [0, null, null],
    [0, -5, 20],
    [0, 0, 20],
    [0, 3, 4],
    [0, 0, 20],
    [1, 0, 10],
    [0, -5, 20],
  ];
  for (const [query, start, end] of windows) order.add(order.enter(query, start, end), 0, 0, 0, 0);
  expect(sortedItems(order, known)).toEqual([4, 2, 7, 3, 5, 1, 0, 6]);
  expect(order.windowOf(1)).toEqual({ start: null, end: null });
});
