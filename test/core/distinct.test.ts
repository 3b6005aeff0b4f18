// Distinct: the hash against published vectors and the canonical JSON of the host, exact to 1,000,
// within its standard error beyond, whatever the order and the parts; and the sketch's bytes.

import { describe, expect, test } from "vitest";
import { canonical } from "../../engine/event/canonical.ts";
import { randomOf, seeded } from "../event/random.ts";
import { FULL, measured } from "../measured.ts";
import { Accumulators, type Scalar } from "./accumulators.ts";

const of = "data.x";
const open = (): Accumulators => new Accumulators({ d: { fn: "distinct", of } });
const countOf = (inputs: readonly Scalar[]): number => {
  const sketch = open();
  return sketch.read(sketch.recordOf(inputs))[0] as number;
};

// ── the hash ───────────────────────────────────────────────────────────────────────────────────

const MASK = 2n ** 64n - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & MASK;
const round = (lane: bigint, word: bigint): bigint =>
  (rotate((lane + word * P2) & MASK, 31n) * P1) & MASK;

/** XXH64 with seed 0, as its specification says it. */
function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (const [lane, value] of lanes.entries()) {
        lanes[lane] = round(value, view.getBigUint64(at + lane * 8, true));
      }
    }
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint];
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & MASK;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
  }
  if (at + 4 <= bytes.length) {
    hash ^= (BigInt(view.getUint32(at, true)) * P1) & MASK;
    hash = (rotate(hash, 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) {
    const byte = (BigInt(bytes[at]!) * P5) & MASK;
    hash = (rotate(hash ^ byte, 11n) * P1) & MASK;
  }
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

const encoder = new TextEncoder();
const canonicalHash = (input: Scalar): bigint => xxh64(encoder.encode(canonical(input)));

describe("the hash of a value", () => {
  test("is XXH64: the test's own is, by the vectors of its authors", () => {
    expect(xxh64(encoder.encode(""))).toBe(0xef46db3751d8e999n);
    expect(xxh64(encoder.encode("a"))).toBe(0xd24ec4f1a98c6e5bn);
    expect(xxh64(encoder.encode("abc"))).toBe(0x44bc2cf5ad770999n);
  });

  test("is that of its canonical JSON: strings with every escape, at every length", () => {
    const sketch = open();
    const escapes = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code));
    const strings = [...escapes, "é", "€", "😀", "\u2028", "\ufeffx", '"\\/', ""];
    for (let length = 1; length < 70; length++) strings.push("a".repeat(length));
    for (const length of [1021, 1022, 1023, 1024, 1025, 1055, 1056, 1057, 5000, 262_144]) {
      strings.push("b".repeat(length), "\u0001".repeat(length / 4), `${"c".repeat(length)}"\n`);
    }
    for (const text of strings) {
      for (const padded of [text, `0123456789abcde${text}`, `${text}0123456789abcdefg`]) {
        const where = JSON.stringify(padded.slice(0, 40));
        expect([where, sketch.hash(padded)]).toEqual([where, canonicalHash(padded)]);
      }
    }
  });

  test("is that of its canonical JSON: numbers and booleans", () => {
    const sketch = open();
    const numbers = [0, 1, 9, 10, 0.1, 12.5, 1e-6, 1e-7, 0.000001, 0.1234567, 1e21, 1e20, 5e-324];
    numbers.push(2 ** 53, 2 ** 53 - 1, 2 ** 33, 2 ** 33 - 0.5, 8589934591.999999, 123456.789012);
    numbers.push(Number.MAX_VALUE, 1 / 3, 0.1 + 0.2, 4503599627370496.5, 999999.999999, 100, 1e15);
    for (const x of [...numbers, ...numbers.map((x) => -x), true, false]) {
      expect([x, sketch.hash(x)]).toEqual([x, canonicalHash(x)]);
    }
    seeded((random) => {
      for (let n = 0; n < 5000; n++) {
        const x = random.below(2 ** 31) / 10 ** random.below(9);
        const bits = new BigUint64Array([BigInt(random.below(2 ** 32)) << 32n]);
        const any = new Float64Array(bits.buffer)[0]!;
        for (const each of [x, -x, x * 4096, Number.isFinite(any) ? any : 0]) {
          expect([each, sketch.hash(each)]).toEqual([each, canonicalHash(each)]);
        }
      }
    });
  });
});

// ── the count ──────────────────────────────────────────────────────────────────────────────────

test("nothing is 0; null is skipped; 1 and its text differ, -0 and 0 do not", () => {
  expect(countOf([])).toBe(0);
  expect(countOf([null, null])).toBe(0);
  expect(countOf([1, "1", true, "true", 0, -0, 0, false, "", null])).toBe(7);
});

test("is exact to 1,000, and then no longer promised to be", () => {
  for (const count of [1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129, 224, 225, 896, 999, 1000]) {
    const inputs = Array.from({ length: count }, (_, index) => `v${index}`);
    expect(countOf([...inputs, ...inputs.toReversed()])).toBe(count);
  }
  const sketch = open();
  const isDense = (count: number): boolean => {
    const record = sketch.recordOf(Array.from({ length: count }, (_, index) => index));
    return sketch.body(record, 16).getUint32(12, true) !== 0;
  };
  expect([isDense(1000), isDense(1001)]).toEqual([false, true]);
});

test(
  "is within 3 standard errors in 99 of 100 trials, and always within 5",
  { timeout: 600_000 },
  () => {
    const trials = FULL ? 1000 : 100;
    const error = 1.04 / Math.sqrt(2 ** 14);
    const random = randomOf(7);
    let beyond = 0;
    let squares = 0;
    let worst = 0;
    for (let trial = 0; trial < trials; trial++) {
      // From just beyond the exact range to a hundred thousand, by orders of magnitude.
      const count = Math.round(1001 * 100 ** ((trial + random.below(1000) / 1000) / trials));
      const inputs = Array.from({ length: count }, (_, index) => `${trial}/${index}`);
      const off = Math.abs(countOf(inputs) - count) / count / error;
      expect([count, off < 5]).toEqual([count, true]);
      if (off > 3) beyond++;
      squares += off ** 2;
      worst = Math.max(worst, off);
    }
    expect(beyond).toBeLessThanOrEqual(trials / 100);
    measured("distinct: trials of 1,001 to 100,000 values", trials, "");
    measured("distinct: trials beyond 3 standard errors", beyond, "");
    measured("distinct: greatest error", worst * error * 100, "%");
    measured("distinct: standard error", Math.sqrt(squares / trials) * error * 100, "%");
  },
);

test("does not depend on the order or the parts, exact and dense ones mixed", () => {
  seeded((random) => {
    for (const size of [10, 400, 900, 1500, 20_000]) {
      const parts = Array.from({ length: 4 }, () => {
        const length = random.below(size) + 1;
        return Array.from({ length }, () => random.below(size));
      });
      const sketch = open();
      const whole = sketch.encoded(sketch.recordOf(parts.flat()));
      for (const order of [
        [0, 1, 2, 3],
        [3, 1, 0, 2],
      ]) {
        const merged = sketch.record();
        for (const part of order) sketch.merge(merged, sketch.recordOf(parts[part]!));
        expect([size, ...sketch.encoded(merged)]).toEqual([size, ...whole]);
      }
      const left = sketch.record();
      const right = sketch.record();
      for (const part of [0, 1]) sketch.merge(left, sketch.recordOf(parts[part]!));
      for (const part of [2, 3]) sketch.merge(right, sketch.recordOf(parts[part]!));
      sketch.merge(right, left);
      expect([size, ...sketch.encoded(right)]).toEqual([size, ...whole]);
    }
  });
});

test("has these bytes while it is a list: the hashes, in the order in which they came", () => {
  const sketch = open();
  const record = sketch.recordOf(["a", 1, "a", true]);
  const body = sketch.body(record, 16);
  expect([0, 4, 12].map((at) => body.getUint32(at, true))).toEqual([3, 4, 0]);
  const array = sketch.block(body.getUint32(8, true), 32);
  const hashes = [0, 8, 16, 24].map((at) => array.getBigUint64(at, true));
  expect(hashes).toEqual([...["a", 1, true].map(canonicalHash), 0n]);
  expect(hashes[1]).toBe(0xb7b41276360564d4n);
  expect(sketch.hash("abc")).toBe(0xb1eecd3f6492c244n);
  sketch.discard(record);
  expect(sketch.external).toBe(0);
});

/** As many slots as so many values take. */
function slotsOf(count: number): number {
  let slots = 4;
  while (count > (slots <= 128 || slots === 1024 ? slots : slots * 0.875)) slots *= 2;
  return slots;
}

test("has these bytes while it is a table: each hash behind its home, with no gap between", () => {
  const sketch = open();
  for (const count of [129, 224, 225, 448, 449, 1000]) {
    const inputs = Array.from({ length: count }, (_, index) => `v${index}`);
    const record = sketch.recordOf([...inputs, ...inputs]);
    const body = sketch.body(record, 16);
    const slots = slotsOf(count);
    expect([0, 4, 12].map((at) => body.getUint32(at, true))).toEqual([count, slots, 0]);
    const array = sketch.block(body.getUint32(8, true), slots * 8);
    const hashAt = (slot: number): bigint => array.getBigUint64((slot % slots) * 8, true);
    const found = Array.from({ length: slots }, (_, slot) => hashAt(slot)).filter((hash) => hash);
    expect(found.toSorted()).toEqual(inputs.map(canonicalHash).sort());
    const isReached = (hash: bigint): boolean => {
      let slot = Number(hash % BigInt(slots));
      while (hashAt(slot) !== hash && hashAt(slot) !== 0n) slot++;
      return hashAt(slot) === hash;
    };
    expect(found.every(isReached)).toBe(true);
    expect(sketch.external).toBe(slots * 8);
    sketch.discard(record);
    expect(sketch.external).toBe(0);
  }
});

test("takes a hash of 0 as 1, wherever it stands", () => {
  // Found by computing the hash backwards.
  const zero = "1000839B%r^#lv~";
  expect(canonicalHash(zero)).toBe(0n);
  for (const count of [1, 3, 4, 128, 129, 500, 999]) {
    const others = Array.from({ length: count }, (_, index) => `v${index}`);
    expect(countOf([zero, zero, ...others, zero])).toBe(count + 1);
    expect(countOf([...others, zero, zero])).toBe(count + 1);
  }
});

test("has these bytes while dense: the greatest rank a register, and how many have each", () => {
  const sketch = open();
  const inputs = Array.from({ length: 3000 }, (_, index) => index);
  const record = sketch.recordOf(inputs);
  const body = sketch.body(record, 16);
  const registers = sketch.block(body.getUint32(8, true), 16384);
  const ranks = sketch.block(body.getUint32(12, true), 128);
  const expected = new Uint8Array(16384);
  for (const hash of inputs.map(canonicalHash)) {
    const bits = (hash & (2n ** 50n - 1n)).toString(2).padStart(50, "0");
    const rank = bits.includes("1") ? bits.indexOf("1") + 1 : 51;
    const index = Number(hash >> 50n);
    expected[index] = Math.max(expected[index]!, rank);
  }
  expect(new Uint8Array(registers.buffer, registers.byteOffset, 16384)).toEqual(expected);
  for (let rank = 0; rank < 64; rank++) {
    const count = expected.filter((each) => each === rank).length;
    expect([rank, ranks.getUint16(rank * 2, true)]).toEqual([rank, count]);
  }
  expect(sketch.external).toBe(16384 + 128);
  sketch.discard(record);
  expect(sketch.external).toBe(0);
});
