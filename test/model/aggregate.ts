// Aggregates: each from the whole list of a window's rows, every time anew. Where the semantics
// promise a bound and not a value, the answer has a test for what else is right.

import * as decimal from "./decimal.ts";
import { evaluate, holds, valueOf } from "./expression.ts";
import { asScalar, canonical, compareUtf8, type Json, type Scalar } from "./json.ts";
import type { AggregateJson, QueryJson } from "./plan.ts";

/** One event or span that was applied to a window. */
export interface Row {
  readonly root: Json;
  readonly time: number;
  /** "Ties by position (of spans that ended in one entry: by the order in which they ended)." */
  readonly position: number;
  readonly order: number;
  readonly isReleased: boolean;
}

export interface Answer {
  readonly value: Json;
  /** Absent: exactly this value. */
  readonly accepts?: (got: Json) => boolean;
}

export interface Answers {
  readonly value: { readonly [name: string]: Json };
  readonly accepts: { readonly [name: string]: (got: Json) => boolean };
}

/** The value of a window: its aggregates by name, then what `derive` makes of them. */
export function answersOf(query: QueryJson, rows: readonly Row[]): Answers {
  const value: { [name: string]: Json } = {};
  const accepts: { [name: string]: (got: Json) => boolean } = {};
  for (const [name, aggregate] of Object.entries(query.aggregate)) {
    const answer = answerOf(aggregate, rows);
    value[name] = answer.value;
    if (answer.accepts !== undefined) accepts[name] = answer.accepts;
  }
  const aggregates = { ...value };
  const isExact = Object.keys(accepts).length === 0;
  for (const [name, expression] of Object.entries(query.derive ?? {})) {
    value[name] = evaluate(expression, aggregates);
    if (!isExact) accepts[name] = () => true;
  }
  return { value, accepts };
}

function answerOf(aggregate: AggregateJson, allRows: readonly Row[]): Answer {
  const rows = allRows.filter(({ root }) => holds(aggregate.where, root));
  const { fn, of } = aggregate;
  if (fn === "count" && of === undefined) return { value: rows.length };
  // "A missing or null input is skipped."
  const inputs = rows
    .map((row) => ({ ...row, input: valueOf(of!, row.root) }))
    .filter(({ input }) => input !== null);
  // "So is one of another type where a number is needed."
  const numbers = inputs.map(({ input }) => input).filter((each) => typeof each === "number");
  const scalars = inputs.map(({ input }) => asScalar(input)).filter((each) => each !== null);
  switch (fn) {
    case "count":
      return { value: inputs.length };
    case "sum":
      return sumOf(numbers);
    case "avg":
      return avgOf(numbers);
    case "min":
      return { value: numbers.length === 0 ? null : Math.min(...numbers) };
    case "max":
      return { value: numbers.length === 0 ? null : Math.max(...numbers) };
    case "variance":
      return varianceOf(numbers, (variance) => variance);
    case "stddev":
      return varianceOf(numbers, Math.sqrt);
    case "first":
      return { value: inTimeOrder(inputs)[0] ?? null };
    case "last":
      return { value: inTimeOrder(inputs).at(-1) ?? null };
    case "quantile":
      return quantilesOf(aggregate.q!, numbers);
    case "distinct":
      return distinctOf(scalars);
    case "top":
      return { value: topOf(scalars).slice(0, aggregate.k!) };
    case "histogram":
      return { value: histogramOf(aggregate.bounds!, numbers) };
    default:
      throw new Error(`The model knows no aggregate ${fn}.`);
  }
}

/** "By event time, ties by position", scalars only. */
function inTimeOrder(inputs: readonly (Row & { readonly input: Json })[]): Scalar[] {
  return inputs
    .toSorted((a, b) => a.time - b.time || a.position - b.position || a.order - b.order)
    .map(({ input }) => asScalar(input))
    .filter((each) => each !== null);
}

function sumOf(numbers: readonly number[]): Answer {
  if (numbers.length === 0) return { value: null };
  const inputs = numbers.map((each) => decimal.decimalOf(each));
  const sum = decimal.nearestDouble(inputs.reduce(decimal.add, decimal.ZERO));
  const value = Number.isFinite(sum) ? sum : null;
  if (numbers.every((each) => decimal.isInRange(each))) return { value };
  // "Error ≤ 2 ulp of Σ|x|"; a Σ|x| beyond the doubles bounds nothing.
  const size = inputs.map(decimal.absolute).reduce(decimal.add, decimal.ZERO);
  const bound = 2 * decimal.ulp(decimal.nearestDouble(size));
  return { value, accepts: (got) => isWithin(got, value, bound) };
}

/** "`avg` is that sum, rounded, divided by n." */
function avgOf(numbers: readonly number[]): Answer {
  const sum = sumOf(numbers);
  const count = numbers.length;
  const quotient = typeof sum.value === "number" ? sum.value / count : null;
  if (sum.accepts === undefined) return { value: quotient };
  const accepts = (got: Json): boolean => {
    if (typeof got !== "number") return sum.accepts!(got);
    return sum.accepts!(got * count) || got === quotient;
  };
  return { value: quotient, accepts };
}

function isWithin(got: Json, wanted: number | null, bound: number): boolean {
  if (!Number.isFinite(bound)) return got === null || typeof got === "number";
  if (got === null || wanted === null) return got === wanted;
  return typeof got === "number" && Math.abs(got - wanted) <= bound;
}

const TINY = 1e-290;

/** "Sample (n − 1); null for n < 2." */
function varianceOf(numbers: readonly number[], read: (variance: number) => number): Answer {
  const count = BigInt(numbers.length);
  if (count < 2n) return { value: null };
  const inputs = numbers.map((each) => decimal.decimalOf(each));
  const sum = inputs.reduce(decimal.add, decimal.ZERO);
  const squares = inputs.map((each) => decimal.multiply(each, each));
  const squareSum = squares.reduce(decimal.add, decimal.ZERO);
  const times: decimal.Decimal = { units: count, scale: 0 };
  const minus: decimal.Decimal = { units: -1n, scale: 0 };
  const mean2 = decimal.multiply(decimal.multiply(sum, sum), minus);
  const spread = decimal.add(decimal.multiply(squareSum, times), mean2);
  const variance = decimal.quotient(spread, count * (count - 1n));
  const value = Number.isFinite(variance) ? read(variance) : null;
  if (spread.units === 0n) return { value };
  // Squares that the doubles cannot hold: the deviation may be told all the same.
  if (variance < TINY) return { value, accepts: (got) => isWithin(got, 0, 2 * Math.sqrt(TINY)) };
  // Beyond the range of `sum` the promise holds "while |mean| ≤ 10⁴ stddev".
  const inRange = numbers.every((each) => decimal.isInRange(each));
  const mean = decimal.quotient(sum, count);
  if (!inRange && !(Math.abs(mean) <= 1e4 * Math.sqrt(variance))) return { value, accepts: any };
  if (!inRange && numbers.some((each) => Math.abs(each) > 1e150)) return { value, accepts: any };
  const bound = Math.abs(value ?? 0) * (inRange ? 1e-12 : 1e-9);
  return { value, accepts: (got) => isWithin(got, value, bound) };
}

function any(): boolean {
  return true;
}

function quantilesOf(q: number | readonly number[], numbers: readonly number[]): Answer {
  const sorted = numbers.toSorted((a, b) => a - b);
  const one = (each: number): Answer => quantileOf(each, sorted);
  if (typeof q === "number") return one(q);
  const answers = q.map(one);
  const accepts = (got: Json): boolean => {
    if (!Array.isArray(got) || got.length !== answers.length) return false;
    return answers.every(({ value, accepts: ok }, index) => {
      const each = (got as readonly Json[])[index]!;
      return ok === undefined ? each === value : ok(each);
    });
  };
  return { value: answers.map(({ value }) => value), accepts };
}

/** "Value at rank floor(q * (n - 1))"; "≤ 1 %, never outside the inputs' minimum and maximum". */
function quantileOf(q: number, sorted: readonly number[]): Answer {
  const value = sorted[Math.floor(q * (sorted.length - 1))] ?? null;
  if (value === null) return { value };
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const accepts = (got: Json): boolean => {
    if (typeof got !== "number" || got < low || got > high) return false;
    return Math.abs(got - value) <= Math.abs(value) * 0.01 * (1 + 1e-9);
  };
  return { value, accepts };
}

/** "Exact up to 1,000, then HyperLogLog, standard error ≤ 1 %": five of those here. */
function distinctOf(scalars: readonly Scalar[]): Answer {
  const value = new Set(scalars.map((each) => canonical(each))).size;
  if (value <= 1000) return { value };
  return { value, accepts: (got) => isWithin(got, value, value * 0.05) };
}

/** "By count; ties: booleans, numbers, strings, each ascending (strings by UTF-8 bytes)." */
function topOf(scalars: readonly Scalar[]): { value: Scalar; count: number }[] {
  const counts = new Map<string, { value: Scalar; count: number }>();
  for (const value of scalars) {
    const text = canonical(value);
    const known = counts.get(text) ?? { value, count: 0 };
    counts.set(text, { value, count: known.count + 1 });
  }
  return [...counts.values()].toSorted(
    (a, b) => b.count - a.count || compareScalars(a.value, b.value),
  );
}

function compareScalars(a: Scalar, b: Scalar): number {
  const kinds = ["boolean", "number", "string"];
  const order = kinds.indexOf(typeof a) - kinds.indexOf(typeof b);
  if (order !== 0) return order;
  return typeof a === "string" ? compareUtf8(a, String(b)) : Number(a) - Number(b);
}

/** "Counts per bucket [b_i, b_i+1), with both open ends." */
function histogramOf(bounds: readonly number[], numbers: readonly number[]): number[] {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  for (const each of numbers) {
    const bucket = bounds.filter((bound) => bound <= each).length;
    counts[bucket] = counts[bucket]! + 1;
  }
  return counts;
}
