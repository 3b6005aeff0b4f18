// Sums and quantiles of one window through the engine, against whole numbers and sorted inputs: the
// twin accepts what is within the promise of the sketch, and has few inputs a window.

import { memory, open } from "../../engine/index.ts";
import { Random } from "../twin/random.ts";

const RANKS = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1];
const ULP = 2 ** -52;

interface Told {
  readonly sum: number | null;
  readonly p: readonly (number | null)[];
}

/** One line an input; a hopping window merges two slices. */
async function tell(inputs: readonly number[], hops: boolean): Promise<Told> {
  const aggregate = {
    sum: { fn: "sum", of: "data.x" },
    p: { fn: "quantile", of: "data.x", q: RANKS },
  } as const;
  const window = hops
    ? ({ kind: "hopping", size: 2000, every: 1000, grace: "1d" } as const)
    : ({ kind: "global" } as const);
  const queries = [{ name: "all", from: ["in"], key: {}, window, aggregate }];
  const engine = await open({ plan: { version: 1, queries }, store: memory() });
  const lines = inputs.map((x, index) => {
    const eventTime = index % 2 === 0 ? "2026-01-01T00:00:00Z" : "2026-01-01T00:00:01Z";
    const data = { x };
    return JSON.stringify({
      eventId: `e${index}`,
      eventType: "in",
      eventVersion: "1.0",
      eventTime,
      correlationId: "c",
      data,
    });
  });
  await engine.push(lines.join("\n"), { format: "ndjson" });
  const start = Date.parse("2026-01-01T00:00:00Z");
  const rows = engine.view("all").rows();
  const row = rows.find((each) => !hops || each.window.start === start);
  return row!.value as unknown as Told;
}

// ── decimals ───────────────────────────────────────────────────────────────────────────────────

/** The shortest decimal of `x`, in millionths. */
function millionths(x: number): bigint {
  const [whole, fraction = ""] = Math.abs(x).toFixed(6).split(".");
  const shortest = String(Math.abs(x));
  const [own = whole, part = fraction] = /e/.test(shortest) ? [] : shortest.split(".");
  const all = BigInt(
    own! + (shortest.includes(".") || /e/.test(shortest) ? part : "").padEnd(6, "0"),
  );
  return x < 0 ? -all : all;
}

function exactSum(inputs: readonly number[]): number {
  const sum = inputs.reduce((all, x) => all + millionths(x), 0n);
  const digits = (sum < 0n ? -sum : sum).toString().padStart(7, "0");
  // Reading a decimal rounds to the nearest double.
  return Number(`${sum < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`);
}

function plainInputs(random: Random): number[] {
  const count = random.pick([1, 2, 3, 50]);
  const size = random.pick([1e3, 1e9, 1e10, 1e13, 2 ** 53 - 1]);
  return Array.from({ length: count }, () => {
    const whole = random.below(2 ** 32) * (size / 2 ** 32);
    const signed = random.chance(0.3) ? -whole : whole;
    return size > 1e12 && random.chance(0.5) ? Math.round(signed) : Number(signed.toFixed(6));
  });
}

const TIES: readonly (readonly number[])[] = [
  [2 ** 53 - 1, 2],
  [2 ** 53 - 1, 4],
  [-(2 ** 53) + 1, -2],
  [0.1, 0.2],
  [12345678901.123456, 0.000001],
];

async function checkDecimal(): Promise<string | null> {
  const random = new Random(7);
  const cases = [...TIES, ...Array.from({ length: 300 }, () => plainInputs(random))];
  for (const inputs of cases) {
    for (const hops of [false, true]) {
      const { sum } = await tell(inputs, hops);
      const wanted = exactSum(inputs);
      if (sum !== wanted)
        return `the sum of ${String(inputs.slice(0, 5))} is ${sum}, not ${wanted}`;
    }
  }
  return checkWide(random);
}

/** Whole numbers in 2^-1074: exact. */
function bitsOf(x: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0]!;
  const exponent = (bits >> 52n) & 0x7ffn;
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0n ? 0n : 1n << 52n);
  const whole = mantissa << (exponent === 0n ? 0n : exponent - 1n);
  return bits >> 63n === 1n ? -whole : whole;
}

async function checkWide(random: Random): Promise<string | null> {
  const thirds = (count: number) =>
    Array.from({ length: count }, () => (random.below(2 ** 32) + 1) / (3 * 2 ** random.below(40)));
  const cases = [[2 ** 53], [2 ** 53, 1], [1.7e308, 1.7e308, -1.7e308], thirds(3), thirds(3000)];
  for (const inputs of cases) {
    const { sum } = await tell(inputs, false);
    if (sum === null) return `the sum of ${String(inputs.slice(0, 5))} is null`;
    const exact = inputs.reduce((all, x) => all + bitsOf(x), 0n);
    const magnitude = inputs.reduce((all, x) => all + Math.abs(x) / 4, 0);
    const off = bitsOf(sum) - exact;
    if ((off < 0n ? -off : off) > bitsOf(8 * ULP * magnitude)) {
      return `the sum of ${inputs.length} inputs beyond the exact range is ${sum}`;
    }
  }
  return null;
}

// ── quantiles ──────────────────────────────────────────────────────────────────────────────────

async function checkQuantile(): Promise<string | null> {
  const random = new Random(11);
  for (let trial = 0; trial < 60; trial++) {
    const zeros = random.pick([0, 0, 0.3]);
    const sign = random.pick([0, 0.5]);
    const inputs = Array.from({ length: random.pick([1, 2, 5, 400]) }, () => {
      const x = random.chance(zeros) ? 0 : (random.below(2 ** 30) + 1) / 1000;
      return random.chance(sign) ? -x : x;
    });
    const sorted = Float64Array.from(inputs).toSorted();
    for (const hops of [false, true]) {
      const { p } = await tell(inputs, hops);
      for (const [index, q] of RANKS.entries()) {
        const wanted = sorted[Math.floor(q * (sorted.length - 1))]!;
        const got = p[index]!;
        const isEnd = q === 0 || q === 1;
        const isWithin = got >= sorted[0]! && got <= sorted.at(-1)!;
        const off = Math.abs(got - wanted);
        if (!isWithin || off > Math.abs(wanted) * (isEnd ? 0 : 0.01)) {
          return `quantile ${q} of ${inputs.length} inputs is ${got}, not ${wanted}`;
        }
      }
    }
  }
  return null;
}

export const oracles: { readonly [part: string]: () => Promise<string | null> } = {
  decimal: checkDecimal,
  quantile: checkQuantile,
};
