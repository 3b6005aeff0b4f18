// Histogram: half-open buckets with both open ends, exactly at every bound; and its bytes. And what
// derives from a list.

import { describe, expect, test } from "vitest";
import { seeded } from "../event/random.ts";
import { Accumulators, type Scalar } from "./accumulators.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const of = "data.x";
const open = (bounds: readonly number[]): Accumulators =>
  new Accumulators({ h: { fn: "histogram", bounds, of } });
const countsOf = (bounds: readonly number[], inputs: readonly Scalar[]): unknown => {
  const kept = open(bounds);
  return kept.read(kept.recordOf(inputs))[0];
};

test("nothing is zeros, one more than bounds; what is no number is skipped", () => {
  expect(countsOf([1, 2, 3], [])).toEqual([0, 0, 0, 0]);
  expect(countsOf([1], ["1", null, true])).toEqual([0, 0]);
});

test("a bucket begins with its bound: each bound, and the doubles beside it", () => {
  expect(countsOf([10, 20], [9, 10, 20, 25])).toEqual([1, 1, 2]);
  const below = 10 - 2 ** -49;
  expect(countsOf([10], [below, 10])).toEqual([1, 1]);
  expect(countsOf([0], [-0, 0, -5e-324])).toEqual([1, 2]);
  expect(countsOf([-1e308, 1e308], [-Number.MAX_VALUE, 0, Number.MAX_VALUE])).toEqual([1, 1, 1]);
});

test("is what counting gives, of up to 1,024 bounds, merged or not; and frees what it held", () => {
  seeded((random) => {
    for (const count of [1, 2, 3, 7, 63, 64, 65, 1024]) {
      const bounds = Array.from({ length: count }, (_, index) => index * 3 - 50);
      const inputs = Array.from({ length: 2000 }, () => random.below(count * 3 + 100) - 100);
      const expected = [-Infinity, ...bounds].map((low, index) => {
        const high = bounds[index] ?? Infinity;
        return inputs.filter((x) => x >= low && x < high).length;
      });
      expect(countsOf(bounds, inputs)).toEqual(expected);
      const kept = open(bounds);
      const record = kept.recordOf(inputs.slice(700));
      const other = kept.recordOf(inputs.slice(0, 700));
      kept.merge(record, kept.record());
      kept.merge(record, other);
      expect(kept.read(record)).toEqual([expected]);
      kept.discard(record);
      kept.discard(other);
      expect(kept.external).toBe(0);
    }
  });
});

test("has these bytes", () => {
  const kept = open([10, 20]);
  const record = kept.recordOf([9, 25]);
  const counters = kept.block(kept.body(record, 8).getUint32(0, true), 24);
  expect([0, 8, 16].map((at) => counters.getBigUint64(at, true))).toEqual([1n, 0n, 1n]);
  const one = [3, 0, 0, 0, 0, 0, 0, 240, 63];
  const zero = [3, 0, 0, 0, 0, 0, 0, 0, 0];
  expect([...kept.encoded(record)]).toEqual([6, 3, 0, 0, 0, ...one, ...zero, ...one]);
});

describe("derive", () => {
  const derived = async (derive: object): Promise<object> => {
    const bounds = [1, 2];
    const aggregate = {
      h: { fn: "histogram", bounds, of },
      t: { fn: "top", k: 2, of },
      q: { fn: "quantile", q: [0, 1], of },
    };
    const engine = await engineOf(planOf({ window: tumbling(1000, 0), aggregate, derive }));
    await engine.push([event("a", 0, { x: 1 }), event("b", 1, { x: 5 })]);
    const open = engine.view("q").rows()[0]!.value;
    await engine.tick(1000);
    const { value, final } = engine.view("q").rows()[0]!;
    expect([value, final]).toEqual([open, true]);
    const { h, t, q, ...rest } = value;
    expect([h, q]).toEqual([
      [0, 1, 1],
      [1, 5],
    ]);
    expect(t).toEqual([
      { value: 1, count: 1 },
      { value: 5, count: 1 },
    ]);
    return rest;
  };

  test("sees a list as something that is there, and compares with nothing", async () => {
    const compared = { e: ["==", ["get", "h"], ["get", "h"]], n: ["!=", ["get", "t"], 1] };
    const rest = await derived({ ...compared, has: ["has", "q"], sum: ["+", ["get", "h"], 1] });
    expect(rest).toEqual({ e: false, n: true, has: true, sum: null });
  });

  test("tells the list where that is its result", async () => {
    const whole = { h2: ["get", "h"], t2: ["coalesce", ["get", "t"], 1], q2: ["get", "q"] };
    expect(await derived(whole)).toEqual({
      h2: [0, 1, 1],
      t2: [
        { value: 1, count: 1 },
        { value: 5, count: 1 },
      ],
      q2: [1, 5],
    });
  });
});
