// Keys that come again: found by their bytes, ordered by ranks that are kept, and forgotten where
// they take too much. What is told has to be the same as if none of it were there.

import { describe, expect, test } from "vitest";
import type { Change } from "../../engine/index.ts";
import { canonical, compareUtf8 } from "../../engine/event/canonical.ts";
import { KNOWN_KEYS_MAX, KNOWN_KEY_BYTES_MAX, KnownKeys } from "../../engine/live/known-keys.ts";
import { engineOf, event, planOf, queryOf, tumbling } from "../builders.ts";
import { randomOf } from "../event/random.ts";

const utf8 = new TextEncoder();

function add(known: KnownKeys, query: number, tag: number, text: string): number {
  return known.add(query, tag, utf8.encode(text), { key: { k: text }, text });
}

const find = (known: KnownKeys, query: number, tag: number, text: string): number => {
  const bytes = utf8.encode(`xx${text}yy`);
  return known.find(query, tag, new DataView(bytes.buffer), 2, bytes.length - 4);
};

describe("Known keys", () => {
  test("are told apart by query, tag and bytes, whatever collides", () => {
    const known = new KnownKeys();
    const names = Array.from({ length: 1000 }, (_, index) => `key ${index}`);
    for (const name of names) {
      for (const query of [0, 1]) {
        expect(find(known, query, 7, name)).toBe(-1);
        add(known, query, 7, name);
      }
    }
    for (const [index, name] of names.entries()) {
      for (const query of [0, 1]) expect(find(known, query, 7, name)).toBe(2 * index + query);
      expect(find(known, 0, 8, name)).toBe(-1);
      expect(known.keyOf(2 * index)).toEqual({ k: name });
    }
    expect(find(known, 0, 7, "key")).toBe(-1);
    expect(find(known, 0, 7, "key 10000")).toBe(-1);
  });

  test("have the ranks of their order, however many come at a time", () => {
    const random = randomOf(5);
    for (let round = 0; round < 50; round++) {
      const known = new KnownKeys();
      const all: [query: number, text: string, entry: number][] = [];
      for (let step = 0; step < 8; step++) {
        for (let count = random.below(60); count > 0; count--) {
          const text = `${random.below(500)}${["", "\u{1f600}", "\uffee", "é"][random.below(4)]}`;
          const query = random.below(3);
          if (find(known, query, 1, text) >= 0) continue;
          all.push([query, text, add(known, query, 1, text)]);
        }
        expect(known.rank(1000)).toBe(true);
        const sorted = all.toSorted((a, b) => a[0] - b[0] || compareUtf8(a[1], b[1]));
        expect(sorted.map(([, , entry]) => known.rankOf(entry))).toEqual(
          sorted.map((_, rank) => rank),
        );
      }
    }
  });

  test("are not ranked anew for little among many", () => {
    const known = new KnownKeys();
    for (let key = 0; key < 1000; key++) add(known, 0, key, String(key));
    expect(known.rank(1)).toBe(true);
    add(known, 0, 1000, "new");
    expect(known.rank(62)).toBe(false);
    expect(known.rank(63)).toBe(true);
    expect(known.rank(1)).toBe(true);
  });

  test("are forgotten beyond 16,384, or beyond a mebibyte", () => {
    const known = new KnownKeys();
    for (let key = 0; key < KNOWN_KEYS_MAX; key++) add(known, 0, key, String(key));
    expect(known.isLarge).toBe(false);
    add(known, 0, 1, "one more");
    expect(known.isLarge).toBe(true);
    const long = new KnownKeys();
    add(long, 0, 1, "k".repeat(KNOWN_KEY_BYTES_MAX - 1));
    add(long, 0, 2, "k");
    expect(long.isLarge).toBe(false);
    add(long, 0, 3, "k");
    expect(long.isLarge).toBe(true);
  });
});

/** The order of the contract, by the obvious comparison. */
function inOrder(changes: readonly Change[], queries: readonly string[]): Change[] {
  const kinds = ["retract", "update", "final", "correction"];
  const text = ({ key }: Change): string => canonical(Object.values(key));
  return changes.toSorted(
    (a, b) =>
      queries.indexOf(a.query) - queries.indexOf(b.query) ||
      a.window.end! - b.window.end! ||
      a.window.start! - b.window.start! ||
      compareUtf8(text(a), text(b)) ||
      kinds.indexOf(a.kind) - kinds.indexOf(b.kind),
  );
}

test("what is told is in order, of few keys and of many, known and new", async () => {
  const session = { kind: "session", gap: 5, grace: 0 };
  const queries = [
    queryOf({ name: "b", window: tumbling(10, 0), key: { k: "data.k" } }),
    queryOf({ name: "a", window: session, key: { k: "data.k", l: "data.l" } }),
  ];
  const engine = await engineOf({ version: 1, queries });
  const heard: Change[][] = [];
  engine.listen((changes) => heard.push([...changes]));
  const random = randomOf(9);
  let time = 0;
  for (let push = 0; push < 60; push++) {
    // Few among many, then more than are known.
    const count = [3, 40, 1000][push % 3]!;
    const keys = [50, 5000][push % 2]!;
    const events = Array.from({ length: count }, (_, index) => {
      const data = { k: `k${random.below(keys)}`, l: random.below(3) };
      return event(`${push}-${index}`, (time += random.below(2)), data);
    });
    await engine.push(events);
  }
  const kinds = new Set(heard.flat().map(({ kind }) => kind));
  expect(kinds).toEqual(new Set(["update", "final", "retract"]));
  for (const changes of heard) expect(changes).toEqual(inOrder(changes, ["b", "a"]));
});

test("more keys than are remembered are told as well", async () => {
  const engine = await engineOf(planOf({ key: { k: "data.k" } }));
  const heard: Change[][] = [];
  engine.subscribe("q", (changes) => heard.push([...changes]));
  const count = KNOWN_KEYS_MAX + 1;
  for (const id of ["a", "b"]) {
    const events = Array.from({ length: count }, (_, k) => event(`${id}${k}`, 1, { k }));
    await engine.push(events);
  }
  expect(heard.map(({ length }) => length)).toEqual([count, count]);
  const [first, second] = heard.map((changes) => changes.map(({ key }) => key["k"]));
  expect(first).toEqual(second);
  expect(new Set(first).size).toBe(count);
  expect(heard[1]).toEqual(inOrder(heard[1]!, ["q"]));
});

test("a change is a plain value, and shares its key and window with others, frozen", async () => {
  const engine = await engineOf(planOf({ key: { k: "data.k" } }));
  const heard: Change[] = [];
  engine.subscribe("q", (changes) => heard.push(...changes));
  await engine.push([event("a", 1, { k: "x" }), event("b", 2, { k: "y" })]);
  await engine.push(event("c", 3, { k: "x" }));
  const [x, y, again] = heard;
  expect(structuredClone(heard)).toEqual(heard);
  expect(JSON.parse(JSON.stringify(heard))).toEqual(heard);
  expect(x!.window).toBe(y!.window);
  expect(x!.key).toBe(again!.key);
  expect(Object.isFrozen(x!.key) && Object.isFrozen(x!.window)).toBe(true);
});
