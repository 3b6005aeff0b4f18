// Variance and stddev against whole numbers of any size: within 1e-12 in the exact range whatever
// the mean, the order and the parts; within 1e-9 beyond it.

import { describe, expect, test } from "vitest";
import { randomOf, seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { FULL, measured } from "../measured.ts";
import { Accumulators } from "./accumulators.ts";

const of = "data.x";
const open = (): Accumulators =>
  new Accumulators({ v: { fn: "variance", of }, s: { fn: "stddev", of } });
let shared: Accumulators | null = null;
const both = (inputs: readonly number[]): (number | null)[] => {
  shared ??= open();
  const record = shared.recordOf(inputs);
  const values = shared.read(record) as (number | null)[];
  shared.discard(record);
  return values;
};

/** A double as a whole number of 2^-1074. */
function wholeOf(x: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(Math.abs(x)).buffer)[0]!;
  const exponent = bits >> 52n;
  const fraction = bits & ((1n << 52n) - 1n);
  const whole = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return x < 0 ? -whole : whole;
}

/** Millionths of a decimal of up to 6 fraction digits. */
const millionthsOf = (x: number): bigint => BigInt(Math.round(x * 1e6));

/** numerator / denominator to about 60 bits, without leaving the doubles for large ones. */
function ratio(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return 0;
  const shift = numerator.toString(2).length - denominator.toString(2).length - 64;
  const quotient =
    shift > 0
      ? numerator / (denominator << BigInt(shift))
      : (numerator << BigInt(-shift)) / denominator;
  const half = Math.trunc(shift / 2);
  return Number(quotient) * 2 ** half * 2 ** (shift - half);
}

/** The sample variance of whole numbers, times the square of their unit's denominator. */
function spread(wholes: readonly bigint[]): readonly [numerator: bigint, denominator: bigint] {
  const n = BigInt(wholes.length);
  const sum = wholes.reduce((total, each) => total + each, 0n);
  const squares = wholes.reduce((total, each) => total + each * each, 0n);
  return [n * squares - sum * sum, n * (n - 1n)];
}

const errorOf = (told: number | null, truth: number): number =>
  truth === 0 ? Math.abs(told!) : Math.abs(told! - truth) / truth;

/** A decimal of up to 6 fraction digits at a random magnitude. */
function decimal(random: Random): number {
  const digits = random.below(7);
  const magnitude = random.below(10 ** (1 + random.below(9))) / 10 ** digits;
  return random.below(2) ? magnitude : -magnitude;
}

test("fewer than two inputs are null; null and other types are skipped", () => {
  expect(both([])).toEqual([null, null]);
  expect(both([3])).toEqual([null, null]);
  const record = open();
  expect(record.read(record.recordOf([1, "2", null, true]))).toEqual([null, null]);
});

test("is the sample's, in the plainest cases", () => {
  expect(both([0.1, 0.2, 0.3])).toEqual([0.01, 0.1]);
  expect(both([1, 2, 3, 4])).toEqual([5 / 3, Math.sqrt(5 / 3)]);
  expect(both([-2, 2])).toEqual([8, Math.sqrt(8)]);
});

describe("within the exact range", () => {
  test("errs by less than 1e-12, whatever the mean", { timeout: SEEDED_LIMIT_MS }, () => {
    let worst = 0;
    seeded((random) => {
      for (let round = 0; round < (FULL ? 2000 : 300); round++) {
        const mean = [0, 1e3, -1e6, 8e9][round % 4]!;
        const scale = [1, 1e-3, 1e-5][round % 3]!;
        const inputs = Array.from({ length: 2 + random.below(50) }, () => {
          return Number((mean + decimal(random) * scale).toFixed(6));
        }).filter((x) => Math.abs(x) < 8_589_934_592);
        if (inputs.length < 2) continue;
        const [numerator, denominator] = spread(inputs.map(millionthsOf));
        const truth = ratio(numerator, denominator * 10n ** 12n);
        const [variance, deviation] = both(inputs);
        worst = Math.max(worst, errorOf(variance!, truth));
        worst = Math.max(worst, errorOf(deviation!, Math.sqrt(truth)));
      }
    });
    expect(worst).toBeLessThan(1e-15);
    measured("variance, greatest relative error in the exact range", worst, "");
  });

  test("inputs all equal give exactly 0, up to 2^53", () => {
    for (const x of [
      0,
      0.1,
      -12.34,
      1e9 + 0.000001,
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      123456789.123456,
    ]) {
      expect([x, both([x, x]), both([x, x, x])]).toEqual([x, [0, 0], [0, 0]]);
      expect(both(Array.from({ length: 1001 }, () => x))).toEqual([0, 0]);
    }
  });

  test("whole numbers next to 2^53 are told apart", () => {
    const top = 2 ** 53 - 1;
    expect(both([top, top - 1])).toEqual([0.5, Math.sqrt(0.5)]);
    expect(both([top, -top])[0]).toBe(2 * top * top);
  });

  test("is the same in any order, cut or merge", { timeout: SEEDED_LIMIT_MS }, () => {
    seeded((random) => {
      const inputs = Array.from({ length: 999 }, () => decimal(random));
      const kept = open();
      const whole = kept.encoded(kept.recordOf(inputs));
      expect(kept.encoded(kept.recordOf(inputs.toReversed()))).toEqual(whole);
      const parts = [0, 1, 2].map((part) => inputs.filter((_, index) => index % 3 === part));
      for (const order of [
        [0, 1, 2],
        [2, 0, 1],
      ]) {
        const merged = kept.record();
        for (const part of order) kept.merge(merged, kept.recordOf(parts[part]!));
        expect(kept.encoded(merged)).toEqual(whole);
      }
    });
  });
});

describe("beyond the exact range", () => {
  const normal = (random: Random): number => {
    const unit = (): number => (random.below(2 ** 32) + 0.5) / 2 ** 32;
    return Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
  };

  test(
    "errs by less than 1e-9 while |mean| ≤ 1e4 stddev, at every magnitude",
    { timeout: SEEDED_LIMIT_MS },
    () => {
      const random = randomOf(11);
      let worst = 0;
      for (const unit of [1, 1e-9, 1e-160, 1e-300, 1e12, 1e150, 1e300]) {
        for (const mean of [0, 1, 100, -1e4]) {
          const inputs = Array.from({ length: 3000 }, () => (mean + normal(random)) * unit);
          const [numerator, denominator] = spread(inputs.map(wholeOf));
          const [variance, deviation] = both(inputs);
          const truth = ratio(numerator, denominator << 2148n);
          if (truth > 1e-290 && truth < 1e300) {
            worst = Math.max(worst, errorOf(variance!, truth));
          }
          // The root of what is beyond the doubles is not.
          const scaled = ratio(numerator << 2000n, denominator << 2148n);
          const small =
            Number.isFinite(scaled) && scaled > 0 ? Math.sqrt(scaled) * 2 ** -1000 : null;
          if (small !== null && unit < 1e-100) worst = Math.max(worst, errorOf(deviation!, small));
          if (unit > 1e200) {
            const shrunk = ratio(numerator, denominator << 4148n);
            worst = Math.max(worst, errorOf(deviation! / 2 ** 1000, Math.sqrt(shrunk)));
          }
        }
      }
      expect(worst).toBeLessThan(1e-12);
      measured("variance, greatest relative error beyond the exact range", worst, "");
    },
  );

  test("joins the exact inputs and the others, and parts of them", () => {
    const random = randomOf(5);
    const inputs = Array.from({ length: 2000 }, (_, index) => {
      const x = 50 + 10 * normal(random);
      return index % 2 ? x : Number(x.toFixed(2));
    });
    const [numerator, denominator] = spread(inputs.map(wholeOf));
    const truth = ratio(numerator, denominator << 2148n);
    expect(errorOf(both(inputs)[0]!, truth)).toBeLessThan(1e-14);
    const kept = open();
    const merged = kept.record();
    for (let at = 0; at < inputs.length; at += 500) {
      kept.merge(merged, kept.recordOf(inputs.slice(at, at + 500)));
    }
    expect(errorOf((kept.read(merged) as number[])[0]!, truth)).toBeLessThan(1e-14);
  });

  test("of magnitudes far apart the great ones decide, in any order", () => {
    for (const inputs of [
      [1e-200, 5, 1e200],
      [1e200, 1e-200, 5],
      [5, 1e200, 1e-200],
    ]) {
      const [variance, deviation] = both(inputs);
      expect(variance).toBeNull();
      expect(errorOf(deviation!, 1e200 / Math.sqrt(3))).toBeLessThan(1e-14);
    }
    expect(errorOf(both([0, 1e-200, 5])[0]!, 25 / 3)).toBeLessThan(1e-14);
    expect(both([1e-170, 3e-170])).toEqual([0, Math.SQRT2 * 1e-170]);
  });

  test("inputs all equal give 0", () => {
    for (const x of [1 / 3, 1e-9, 1e300, 5e-324, -1 / 7]) {
      expect([x, both([x, x, x])]).toEqual([x, [0, 0]]);
      expect(both(Array.from({ length: 1001 }, () => x))).toEqual([0, 0]);
    }
  });
});

test("has these bytes", () => {
  const kept = open();
  const record = kept.recordOf([0.1, 0.2, -0.3]);
  const body = kept.body(record, 64);
  const words = [0, 8, 16, 24, 32, 40, 48, 56].map((at) => body.getBigInt64(at, true));
  expect(words).toEqual([3n, 0n, 0n, 140_000_000_000n, 0n, 0n, 0n, 0n]);
  kept.addAll(record, [1e300]);
  const wide = kept.block(body.getUint32(56, true), 48);
  expect([wide.getBigUint64(0, true), wide.getInt32(8, true)]).toEqual([1n, 996]);
  expect(wide.getFloat64(16, true)).toBe(1e300 / 2 ** 996);
  kept.discard(record);
  expect(kept.external).toBe(0);
});
