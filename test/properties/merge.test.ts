// Merging partial aggregates: whatever the parts, their order and how they are bracketed, the value
// is that of all inputs added to one; for every aggregate, inputs within the range of `sum`.

import { expect } from "vitest";
import { Accumulators, type Scalar } from "../core/accumulators.ts";
import { Random } from "../twin/random.ts";
import { randomNumber, STRINGS } from "../twin/value.ts";
import { property } from "./property.ts";

const of = "data.x";
const AGGREGATES: readonly (readonly [name: string, aggregate: object])[] = [
  ...["sum", "avg", "min", "max", "variance", "stddev"].map((fn) => [fn, { fn, of }] as const),
  ...["count", "first", "last", "distinct"].map((fn) => [fn, { fn, of }] as const),
  ["quantile", { fn: "quantile", of, q: [0, 0.1, 0.5, 0.9, 1] }],
  ["top", { fn: "top", of, k: 1000 }],
  ["histogram", { fn: "histogram", of, bounds: [-1, 0, 0.1, 10, 1e6] }],
];
/** `top` is exact up to it, `distinct` dense beyond it. */
const VALUES_MAX = 1000;

interface Input {
  readonly value: Scalar;
  readonly time: number;
  readonly position: number;
}

for (const [name, aggregate] of AGGREGATES) {
  const kept = new Accumulators({ a: aggregate }, 16 << 20);
  const recordOf = (inputs: readonly Input[]): number => {
    const record = kept.record();
    for (const { value, time, position } of inputs) kept.add(record, value, time, position);
    return record;
  };
  /** The value's bytes; the record is freed. */
  const told = (record: number): Uint8Array => {
    const bytes = kept.encoded(record);
    kept.discard(record);
    return bytes;
  };
  const merged = (to: number, from: number): number => {
    kept.merge(to, from);
    kept.discard(from);
    return to;
  };

  property(`merge of ${name} is associative`, { some: 60, many: 5000 }, (seed, seen) => {
    const random = new Random(seed);
    const inputs = randomInputs(random, name);
    const [a, b, c] = partsOf(random, inputs);
    const left = told(merged(merged(recordOf(a), recordOf(b)), recordOf(c)));
    const right = told(merged(recordOf(a), merged(recordOf(b), recordOf(c))));
    expect(right).toEqual(left);
    expect(left).toEqual(told(recordOf(inputs)));
    seen("inputs", inputs.length);
    expect(kept.external).toBe(0);
  });

  property(`merge of ${name} is commutative`, { some: 60, many: 5000 }, (seed, seen) => {
    const random = new Random(seed);
    const inputs = randomInputs(random, name);
    const [a, b, c] = partsOf(random, inputs);
    const orders = [[a, b, c], [c, b, a], random.shuffled([a, b, c])].map((parts) => {
      return told(parts.map((part) => recordOf(part)).reduce(merged));
    });
    for (const bytes of orders) expect(bytes).toEqual(orders[0]);
    // What was merged from stays as it was.
    const [to, from] = [recordOf(a), recordOf(b)];
    kept.merge(to, from);
    kept.discard(to);
    expect(told(from)).toEqual(told(recordOf(b)));
    seen("inputs", inputs.length);
    expect(kept.external).toBe(0);
  });
}

function randomInputs(random: Random, name: string): Input[] {
  const count = random.pick([0, 1, 2, 3, 10, 100, 3000]);
  const most = name === "top" ? VALUES_MAX : random.pick([3, 50, VALUES_MAX, 5 * VALUES_MAX]);
  const values = Array.from({ length: Math.min(most, count) }, (): Scalar => {
    if (random.chance(0.7)) return randomNumber(random, false);
    if (random.chance(0.5)) return `${random.pick(STRINGS)}${random.below(2000)}`;
    return random.pick([null, true, false, ...STRINGS]);
  });
  return Array.from({ length: count }, (_, position) => {
    return { value: random.pick(values), time: random.below(50) - 25, position };
  });
}

/** Three parts, some of them empty. */
function partsOf(random: Random, inputs: readonly Input[]): [Input[], Input[], Input[]] {
  const parts: [Input[], Input[], Input[]] = [[], [], []];
  const runs = random.chance(0.5);
  let part: 0 | 1 | 2 = 0;
  for (const input of inputs) {
    if (!runs || random.chance(0.05)) part = random.pick([0, 1, 2]);
    parts[part].push(input);
  }
  return parts;
}
