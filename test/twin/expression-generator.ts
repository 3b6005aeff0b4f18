// Random expressions: every operator, over paths that find numbers, strings, lists or nothing.

import type { Json } from "../model/json.ts";
import type { Random } from "./random.ts";
import { PLAIN_NUMBERS, STRINGS } from "./value.ts";

export interface Fields {
  /** What a path may begin with: nothing, or the name of a lookup or a side with its dot. */
  readonly roots: readonly string[];
  readonly isSpan: boolean;
}

const PATHS = {
  number: ["data.n", "data.n", "data.m", "data.deep.n", "eventTime"],
  key: ["data.k", "data.k", "data.s"],
  any: [
    ...["data.k", "data.s", "data.b", "data.list", "data.deep", "data.missing", "data.list.0"],
    ...["data.n", "eventType", "source", "extra.note", "correlationId", "causationId", "data.n.x"],
    ...["eventVersion", "data.deep.s"],
  ],
} as const;
const SPAN_PATHS = ["span.duration", "span.outcome", "span.start", "span.end", "eventTime"];

export function randomPath(random: Random, fields: Fields, kind: keyof typeof PATHS): string {
  if (fields.isSpan && kind !== "key" && random.chance(0.4)) return random.pick(SPAN_PATHS);
  return `${random.pick(fields.roots)}${random.pick(PATHS[kind])}`;
}

function literal(random: Random): Json {
  return random.weighted<() => Json>([
    [4, () => random.pick(PLAIN_NUMBERS)],
    [4, () => random.pick(STRINGS)],
    [1, () => random.pick([true, false])],
    [1, () => null],
  ])();
}

export function randomExpression(random: Random, fields: Fields, depth: number): Json {
  const inner = (): Json => randomExpression(random, fields, depth - 1);
  const path = (): Json => [
    "get",
    randomPath(random, fields, random.pick(["number", "number", "key", "any"])),
  ];
  if (depth <= 0) return random.chance(0.65) ? path() : literal(random);
  return random.weighted<() => Json>([
    [3, path],
    [1, () => literal(random)],
    [4, () => [random.pick(["+", "-", "*", "/", "%"]), inner(), inner()]],
    [2, () => ["coalesce", ...several(random, inner)]],
    [2, () => randomCase(random, fields, depth)],
    [2, () => randomCondition(random, fields, depth)],
  ])();
}

/** Two operands mostly; none is allowed too. */
function several(random: Random, operand: () => Json): Json[] {
  return Array.from({ length: random.pick([2, 2, 2, 2, 3, 1, 0]) }, operand);
}

function randomCase(random: Random, fields: Fields, depth: number): Json {
  const condition = (): Json => randomCondition(random, fields, depth - 1);
  const inner = (): Json => randomExpression(random, fields, depth - 1);
  const otherwise = random.chance(0.6) ? [inner()] : [];
  const more = random.chance(0.3) ? [condition(), inner()] : [];
  return ["case", condition(), inner(), ...more, ...otherwise];
}

/** Holds fairly often, so that the windows behind it are not empty. */
export function randomCondition(random: Random, fields: Fields, depth: number): Json {
  const inner = (): Json => randomCondition(random, fields, depth - 1);
  const value = (): Json => randomExpression(random, fields, depth - 1);
  const number = (): Json => ["get", randomPath(random, fields, "number")];
  const key = (): Json => ["get", randomPath(random, fields, "key")];
  const comparison = (): string => random.pick(["<", "<=", ">", ">=", "==", "!="]);
  const simple: readonly (readonly [number, () => Json])[] = [
    [3, () => [random.pick([">", ">=", "!="]), number(), random.pick([0, 1, 0.1])]],
    [2, () => [comparison(), key(), random.pick(STRINGS)]],
    [1, () => ["has", randomPath(random, fields, random.pick(["number", "any"]))]],
    [1, () => ["get", randomPath(random, fields, "any")]],
  ];
  if (depth <= 0) return random.weighted(simple)();
  return random.weighted<() => Json>([
    ...simple,
    [2, () => [comparison(), value(), value()]],
    [2, () => [random.pick(["all", "any"]), ...several(random, inner)]],
    [2, () => ["!", random.chance(0.7) ? inner() : value()]],
    [2, () => ["in", value(), Array.from({ length: random.between(1, 4) }, () => literal(random))]],
  ])();
}
