// Top: exact to 1,000 different values and its order, then within its stated bound, merged or not;
// and the summary's bytes.

import { describe, expect, test } from "vitest";
import { compareUtf8 } from "../../engine/event/canonical.ts";
import { randomOf, seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { FULL, measured } from "../measured.ts";
import { Accumulators, type Scalar } from "./accumulators.ts";

const of = "data.x";
const open = (k: number): Accumulators => new Accumulators({ t: { fn: "top", k, of } });
type Entry = { readonly value: Scalar; readonly count: number };
const summaries = new Map<number, Accumulators>();
const topOf = (k: number, inputs: readonly Scalar[]): Entry[] => {
  const summary = summaries.get(k) ?? open(k);
  summaries.set(k, summary);
  const record = summary.recordOf(inputs);
  const entries = summary.read(record)[0] as Entry[];
  summary.discard(record);
  return entries;
};

const kindOf = (value: Scalar): number => ["boolean", "number", "string"].indexOf(typeof value);

function compareScalars(a: Scalar, b: Scalar): number {
  if (kindOf(a) !== kindOf(b)) return kindOf(a) - kindOf(b);
  return typeof a === "string" ? compareUtf8(a, String(b)) : Number(a) - Number(b);
}

/** By counting in a map and sorting all. */
function truth(inputs: readonly Scalar[]): Entry[] {
  const counts = new Map<Scalar, number>();
  for (const input of inputs) {
    const value = input === 0 ? 0 : input;
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || compareScalars(a.value, b.value));
}

const ODD: readonly Scalar[] = [true, false, 0, -0, 1, "1", "", "a", "ab", "é", "\uffff", "😀"];

test("nothing is an empty list; null is skipped", () => {
  expect(topOf(3, [])).toEqual([]);
  expect(topOf(3, [null])).toEqual([]);
});

test("orders by count, then booleans, numbers, strings, each ascending, strings by UTF-8", () => {
  const inputs = ["b", "\uffff", "😀", 2, -1, true, false, "a", 0, "", "z", "z"];
  const values = topOf(20, inputs).map(({ value }) => value);
  expect(values).toEqual(["z", false, true, -1, 0, 2, "", "a", "b", "\uffff", "😀"]);
});

test("is what counting gives, of any scalars, whatever k, to 1,000 different values", () => {
  seeded((random) => {
    for (let round = 0; round < 40; round++) {
      const different = [1, 3, 4, 5, 100, 999, 1000][round % 7]!;
      const pick = (): Scalar => {
        const n = random.below(different);
        return n < ODD.length ? ODD[n]! : n % 2 ? n + 0.5 : `value ${n}`;
      };
      const inputs = Array.from({ length: random.below(4000) }, pick);
      for (const k of [1, 2, 10, 999, 1000]) {
        expect(topOf(k, inputs)).toStrictEqual(truth(inputs).slice(0, k));
      }
    }
  });
});

test("is still exact at 2,000 different values, and within its bound at 2,001", () => {
  const inputs = Array.from({ length: 2000 }, (_, index) => index);
  expect(topOf(1000, [...inputs, 7])).toEqual(truth([...inputs, 7]).slice(0, 1000));
  expect(topOf(10, [...inputs, 7, 7, 2000])).toEqual([
    { value: 7, count: 2 },
    { value: 2000, count: 1 },
  ]);
});

/** Values by Zipf's law: the nth comes about 1 / n as often as the first. */
function zipf(random: Random, count: number, different: number): string[] {
  return Array.from({ length: count }, () => {
    return `C-${Math.floor(different ** ((random.below(1e9) + 0.5) / 1e9))}`;
  });
}

function expectWithinBound(told: readonly Entry[], inputs: readonly Scalar[]): number {
  const counts = new Map(truth(inputs).map(({ value, count }) => [value, count]));
  const bound = inputs.length / 1001;
  let worst = 0;
  for (const { value, count } of told) {
    const off = counts.get(value)! - count;
    expect([value, off >= 0 && off <= bound]).toEqual([value, true]);
    worst = Math.max(worst, off);
  }
  const values = new Set(told.map(({ value }) => value));
  for (const [value, count] of counts) {
    if (count > bound) expect([value, values.has(value)]).toEqual([value, true]);
  }
  return worst / bound;
}

describe("beyond 1,000 different values", () => {
  const size = FULL ? 1_000_000 : 60_000;

  test(
    "no count is above the truth, nor below it by more than n / 1001",
    { timeout: 120_000 },
    () => {
      const random = randomOf(3);
      const all = Array.from({ length: size }, (_, index) => index);
      for (const [name, inputs] of [
        ["Zipf", zipf(random, size, size)],
        ["all different", all],
        ["half of each", [...all.slice(0, size / 2), ...zipf(random, size / 2, 3000)]],
      ] as const) {
        const worst = expectWithinBound(topOf(1000, inputs), inputs);
        measured(`top, ${name}: greatest error of n / 1001`, worst * 100, "%");
      }
    },
  );

  test(
    "the bound holds for what was merged, either way round",
    { timeout: SEEDED_LIMIT_MS },
    () => {
      seeded((random) => {
        const parts = Array.from({ length: 5 }, () => zipf(random, random.below(8000) + 1, 20_000));
        for (const order of [
          [0, 1, 2, 3, 4],
          [4, 2, 0, 3, 1],
        ]) {
          const summary = open(1000);
          const merged = summary.record();
          for (const part of order) {
            const record = summary.recordOf(parts[part]!);
            summary.merge(merged, record);
            summary.discard(record);
          }
          expectWithinBound(summary.read(merged)[0] as Entry[], parts.flat());
          summary.discard(merged);
          expect(summary.external).toBe(0);
        }
        const [a, b] = [zipf(random, 6000, 9000), zipf(random, 6000, 9000)];
        const summary = open(1000);
        const one = summary.recordOf(a);
        const other = summary.recordOf(b);
        summary.merge(one, summary.recordOf(b));
        summary.merge(other, summary.recordOf(a));
        expect(summary.encoded(one)).toEqual(summary.encoded(other));
      });
    },
  );
});

test("does not depend on the order or the parts while exact", () => {
  seeded((random) => {
    const parts = Array.from({ length: 4 }, () => {
      return Array.from({ length: random.below(500) }, () => `v${random.below(1000)}`);
    });
    const summary = open(1000);
    const whole = summary.encoded(summary.recordOf(parts.flat()));
    for (const order of [
      [0, 1, 2, 3],
      [3, 1, 0, 2],
    ]) {
      const merged = summary.record();
      for (const part of order) summary.merge(merged, summary.recordOf(parts[part]!));
      expect(summary.encoded(merged)).toEqual(whole);
    }
  });
});

test("has these bytes: entries by hash, each with its count and its value", () => {
  const summary = open(2);
  const record = summary.recordOf(["abc", 1, "abc", true]);
  const body = summary.body(record, 16);
  expect([body.getUint32(0, true), body.getUint32(4, true)]).toEqual([3, 4]);
  const entries = summary.block(body.getUint32(8, true), 128);
  const read = [0, 32, 64].map((at) => ({
    hash: entries.getBigUint64(at, true),
    count: Number(entries.getBigUint64(at + 8, true)),
    tag: entries.getUint8(at + 16),
    length: entries.getUint32(at + 20, true),
  }));
  expect(read).toEqual([
    { hash: 0xb1eecd3f6492c244n, count: 2, tag: 4, length: 3 },
    { hash: 0xb7b41276360564d4n, count: 1, tag: 3, length: 0 },
    { hash: 0xd7c9b97948142e4an, count: 1, tag: 2, length: 0 },
  ]);
  const text = summary.block(entries.getUint32(24, true), 3);
  expect(new TextDecoder().decode(text)).toBe("abc");
  expect(entries.getFloat64(56, true)).toBe(1);
  const encoded = [7, 2, 0, 0, 0, 4, 3, 0, 0, 0, 97, 98, 99, 3, 0, 0, 0, 0, 0, 0, 0, 64];
  expect([...summary.encoded(record)]).toEqual([...encoded, 2, 3, 0, 0, 0, 0, 0, 0, 240, 63]);
  summary.discard(record);
  expect(summary.external).toBe(0);
});
