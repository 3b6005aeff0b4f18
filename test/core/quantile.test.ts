// Quantiles: within 1 % of the sorted inputs on eight distributions, the ends exact, merged or not;
// and the sketch's bytes.

import { describe, expect, test } from "vitest";
import { randomOf, type Random } from "../event/random.ts";
import { FULL, measured } from "../measured.ts";
import { Accumulators, type Told } from "./accumulators.ts";

const COUNT = FULL ? 1_000_000 : 20_000;
const ARENA_BYTES = FULL ? 64 << 20 : 8 << 20;
const RANKS = [0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

const unit = (random: Random): number => (random.below(2 ** 32) + 0.5) / 2 ** 32;
const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(unit(random))) * Math.cos(2 * Math.PI * unit(random));

const DISTRIBUTIONS: { readonly [name: string]: (random: Random) => number } = {
  "order totals, log-normal": (random) =>
    Math.round(100 * Math.exp(3 + 0.6 * normal(random))) / 100,
  "delivery times in ms, exponential": (random) => Math.round(-1.8e6 * Math.log(unit(random))),
  "normal around 0, negatives and all": normal,
  "uniform whole numbers with many zeros": (random) => Math.max(0, random.below(200) - 100),
  "every magnitude and sign of a double": (random) =>
    (random.below(2) - 0.5) * 2 * Math.exp((unit(random) - 0.5) * 1400),
  subnormals: (random) => (random.below(2) - 0.5) * 2 * random.below(2 ** 31) * 5e-324,
  "one value": () => 12.34,
  "heavy tail, Pareto": (random) => 1 / unit(random) ** 2,
};

const of = "data.x";
const sketchOf = (q: readonly number[] = RANKS): Accumulators =>
  new Accumulators({ p: { fn: "quantile", q, of } }, ARENA_BYTES);

function worstError(sorted: Float64Array, told: Told, ranks = RANKS): number {
  let worst = 0;
  for (const [index, q] of ranks.entries()) {
    const truth = sorted[Math.floor(q * (sorted.length - 1))]!;
    const value = (told as number[])[index]!;
    if (value === truth) continue;
    expect([value >= sorted[0]!, value <= sorted.at(-1)!]).toEqual([true, true]);
    worst = Math.max(worst, Math.abs(value - truth) / Math.abs(truth));
  }
  return worst;
}

describe.each(Object.keys(DISTRIBUTIONS))("quantiles of %s", (name) => {
  const random = randomOf(COUNT + name.length);
  const inputs = Array.from({ length: COUNT }, () => DISTRIBUTIONS[name]!(random));
  const sorted = Float64Array.from(inputs).toSorted();

  test("are within 1 % at every rank, never beyond the inputs", { timeout: 120_000 }, () => {
    const sketch = sketchOf();
    const record = sketch.recordOf(inputs);
    const error = worstError(sorted, sketch.read(record)[0]!);
    expect(error).toBeLessThanOrEqual(0.01);
    measured(`quantile error, ${name}`, error * 100, "%");
    measured(`quantile bytes, ${name}`, sketch.external, "B");
  });

  test("are the same in another order, and merged from parts", { timeout: 120_000 }, () => {
    const sketch = sketchOf();
    const whole = sketch.encoded(sketch.recordOf(inputs));
    expect(sketch.encoded(sketch.recordOf(inputs.toReversed()))).toEqual(whole);
    const parts = [0, 1, 2].map((part) => inputs.filter((_, index) => index % 3 === part));
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
    ]) {
      const merged = sketch.record();
      for (const part of order) {
        const record = sketch.recordOf(parts[part]!);
        sketch.merge(merged, record);
        sketch.discard(record);
      }
      expect(sketch.encoded(merged)).toEqual(whole);
    }
  });
});

describe("a quantile", () => {
  test("of nothing is null, of a list a list of nulls", () => {
    const sketch = new Accumulators({
      one: { fn: "quantile", q: 0.5, of },
      all: { fn: "quantile", q: [0, 1], of },
    });
    expect(sketch.read(sketch.recordOf(["1", null, true]))).toEqual([null, [null, null]]);
  });

  test("is the value at rank floor(q (n - 1))", () => {
    const sketch = sketchOf([0, 0.24, 0.25, 0.49, 0.5, 0.75, 0.99, 1]);
    const told = sketch.read(sketch.recordOf([16, 1, 4, 2, 8]))[0] as number[];
    const near = told.map((value) => 2 ** Math.round(Math.log2(value)));
    expect(near).toEqual([1, 1, 2, 2, 4, 8, 8, 16]);
    expect([told[0], told.at(-1)]).toEqual([1, 16]);
  });

  test("has -0, 0 and zeros between the negatives and the rest", () => {
    const sketch = sketchOf([0, 0.25, 0.5, 0.75, 1]);
    const told = sketch.read(sketch.recordOf([3, -0, -5, 0, 0]))[0];
    expect(told).toStrictEqual([-5, 0, 0, 0, 3]);
  });

  test("is right at every edge of a bucket, of every sign and of subnormals", () => {
    const edges = [5e-324, 1e-323, 63 * 5e-324, 64 * 5e-324, 65 * 5e-324, 127 * 5e-324];
    edges.push(128 * 5e-324, 2 ** -1022, 2 ** -1022 - 5e-324, 1, 1 + 1 / 64, 2 - 2 ** -52, 2);
    edges.push(Number.MAX_VALUE, 1 - 2 ** -53, 1 + 1 / 64 - 2 ** -52);
    const sketch = sketchOf([0.5]);
    for (const x of edges.flatMap((edge) => [edge, -edge])) {
      // Three inputs, so that the middle one is no end.
      const told = sketch.read(sketch.recordOf([x, -Number.MAX_VALUE, Number.MAX_VALUE]))[0];
      const error = Math.abs((told as number[])[0]! - x) / Math.abs(x);
      expect([x, error <= 1 / 128]).toEqual([x, true]);
    }
  });

  test("counts beyond 2^32 in one bucket", () => {
    const sketch = sketchOf([0.5]);
    let record = sketch.recordOf([1.5, 2, 2, 2]);
    for (let doubled = 0; doubled < 33; doubled++) {
      const twice = sketch.record();
      sketch.merge(twice, record);
      sketch.merge(twice, record);
      sketch.discard(record);
      record = twice;
    }
    const high = sketch.body(record, 8).getBigUint64(0, true);
    expect(high).toBe(4n * 2n ** 33n);
    expect((sketch.read(record)[0] as number[])[0]).toBe(2);
    sketch.discard(record);
    expect(sketch.external).toBe(0);
  });

  test("has these bytes", () => {
    const sketch = sketchOf([0.5]);
    const record = sketch.recordOf([12.5, 0, -12.5, 12.5]);
    const body = sketch.body(record, 48);
    expect(body.getBigUint64(0, true)).toBe(4n);
    expect([body.getFloat64(8, true), body.getFloat64(16, true)]).toEqual([-12.5, 12.5]);
    expect(body.getBigUint64(24, true)).toBe(1n);
    expect([body.getUint32(32, true), body.getUint32(36, true)]).toEqual([2, 4]);
    const directory = sketch.block(body.getUint32(40, true), 16);
    const few = [2 * -8645 + 1, 2 * 8644 + 1];
    expect([directory.getInt32(0, true), directory.getInt32(8, true)]).toEqual(few);
    expect(directory.getUint32(4, true)).toBe(16 ** (-69156 & 7));
    expect(directory.getUint32(12, true)).toBe(2 * 16 ** 4);
    sketch.discard(record);
    expect(sketch.external).toBe(0);
  });

  test("gives a page a block with its sixteenth input in one bucket", () => {
    const sketch = sketchOf([0.5]);
    const few = sketch.recordOf([12.6, ...Array.from({ length: 14 }, () => 12.5)]);
    expect(sketch.external).toBe(32);
    const record = sketch.recordOf([12.5, ...Array.from({ length: 16 }, () => 12.5)]);
    expect(sketch.external).toBe(32 + 32 + 16);
    const directory = sketch.block(sketch.body(record, 48).getUint32(40, true), 8);
    expect(directory.getInt32(0, true)).toBe(2 * 8644);
    const page = sketch.block(directory.getUint32(4, true), 16);
    const counters = Array.from({ length: 8 }, (_, slot) => page.getUint16(slot * 2, true));
    expect(counters).toEqual([0, 0, 0, 0, 17, 0, 0, 0]);
    sketch.merge(few, record);
    expect(sketch.read(few)[0]).toEqual([12.5625]);
    sketch.discard(few);
    sketch.discard(record);
    expect(sketch.external).toBe(0);
  });
});
