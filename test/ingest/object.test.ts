// Pushed objects: the line that JSON.stringify would write, and where JSON cannot hold the value,
// the code of its nearest JSON.

import { describe, expect, test } from "vitest";
import { lineOf } from "../../engine/ingest/object.ts";
import { SEEDED_LIMIT_MS, seeded } from "../event/random.ts";
import type { Random } from "../event/random.ts";
import { SAMPLE, verdict } from "./sample.ts";

const event = (data: unknown): string => verdict(lineOf({ ...SAMPLE, data }));

function ring(): object {
  const first: { [name: string]: unknown } = { a: 1 };
  first["self"] = first;
  return first;
}

function chain(depth: number): object {
  let inner: object = {};
  for (let level = 1; level < depth; level++) inner = { inner };
  return inner;
}

describe("what JSON cannot hold", () => {
  test.each<[string, unknown, string]>([
    ["NaN", { a: NaN }, "number_out_of_range /data/a"],
    ["Infinity in an array", { a: [1, -Infinity] }, "number_out_of_range /data/a/1"],
    ["a boxed NaN", { a: new Number(NaN) }, "number_out_of_range /data/a"],
    ["a BigInt", { a: 12345678901234567890n }, "ok"],
    ["a BigInt beyond the doubles", { a: 10n ** 400n }, "number_out_of_range /data/a"],
    ["a function", { a: () => 1 }, "invalid_json "],
    ["a function in an array", { a: [() => 1] }, "invalid_json "],
    ["a symbol", { a: Symbol("s") }, "invalid_json "],
    ["a cycle", ring(), "too_deep "],
    ["a cycle through an array", { a: [ring()] }, "too_deep "],
    ["a function after a cycle", { a: ring(), b: () => 1 }, "too_deep "],
    ["a function before a cycle", { a: () => 1, b: ring() }, "invalid_json "],
    ["a lone surrogate", { a: ["\ud800"] }, "invalid_utf8 /data/a/0"],
    ["a lone surrogate in a name", { a: { "\udc00": 1 } }, "invalid_utf8 /data/a"],
    ["its own __proto__", JSON.parse('{"__proto__":1}'), "forbidden_key /data/__proto__"],
    [
      "257 members",
      Object.fromEntries(Array.from({ length: 257 }, (_, k) => [`k${k}`, k])),
      "too_many_keys /data",
    ],
    ["256 KiB", { a: "x".repeat(262_144) }, "too_large "],
    ["256 KiB in items", { a: Array.from({ length: 200_000 }, () => 1) }, "too_large "],
    ["depth 32", chain(31), "ok"],
    ["depth 33", chain(32), "too_deep "],
    ["depth 20,000", chain(20_000), "too_deep "],
    ["depth 1,000,000", chain(1_000_000), "too_large "],
    ["an undefined member", { a: undefined, b: 1 }, "ok"],
    ["undefined as an item", { a: [undefined] }, "ok"],
    ["undefined instead", undefined, "missing_field /data"],
    ["null instead", null, "missing_field /data"],
    ["a Map", new Map([["a", 1]]), "ok"],
    ["a Date", new Date(0), "wrong_type /data"],
    ["a Date that is none", { a: new Date(NaN) }, "ok"],
  ])("%s", (_name, data, expected) => {
    expect(event(data)).toBe(expected);
  });

  test("an endless object without a cycle ends by its size", () => {
    const endless = { toJSON: (): object => ({ next: endless }) };
    expect(event(endless)).toBe("too_large ");
  });

  test("one object that stands at several places is no cycle", () => {
    const shared = { x: 1 };
    expect(event({ a: shared, b: [shared, shared], c: { shared } })).toBe("ok");
    let doubled: object = {};
    for (let level = 0; level < 100; level++) doubled = { a: doubled, b: doubled };
    expect(["too_deep ", "too_large "]).toContain(event(doubled));
  });

  test("reads own enumerable members with string names only", () => {
    const value = Object.create({ inherited: 1 });
    value.own = 1;
    value[Symbol("s")] = 2;
    Object.defineProperty(value, "hidden", { value: 3, enumerable: false });
    expect(lineOf(value)).toBe('{"own":1}');
  });
});

const SCALARS: readonly unknown[] = [
  0,
  -0,
  1e21,
  0.1,
  "",
  'é\n\u2028"',
  "🍣",
  true,
  null,
  undefined,
  new Date(1),
  new String("boxed"),
  new Boolean(false),
  new Number(3),
  { toJSON: (key: string): string => `named ${key}` },
  { toJSON: (): undefined => undefined },
];

function value(random: Random, depth: number): unknown {
  const kind = random.below(depth === 0 ? 1 : 4);
  if (kind < 2) return random.pick(SCALARS);
  const items = Array.from({ length: random.below(4) }, () => value(random, depth - 1));
  if (kind === 2) return items;
  return Object.fromEntries(
    items.map((item, index) => [random.pick(["a", "b", "é", "1", ""]) + index, item]),
  );
}

describe("what JSON can hold", () => {
  test(
    "is written as JSON.stringify writes it",
    () => {
      seeded((random) => {
        for (let round = 0; round < 20_000; round++) {
          const sample = { root: value(random, 5) };
          expect(lineOf(sample)).toBe(JSON.stringify(sample));
        }
      });
    },
    SEEDED_LIMIT_MS,
  );
});
