/**
 * The aggregates of a query, checked: which functions there are, and what each of them takes. What
 * they promise and how they are computed is the core's.
 */
import {
  checkCondition,
  checkPathOrExpression,
  type Expression,
  type Scope,
} from "./expression.ts";
import { AGGREGATES_MAX, HISTOGRAM_BOUNDS_MAX, QUANTILES_MAX, TOP_K_MAX } from "./plan-limit.ts";
import {
  elementsOf,
  membersOf,
  namedOf,
  recordOf,
  valueText,
  wordOf,
  type Place,
} from "./plan-place.ts";

export const AGGREGATE_FUNCTIONS = [
  "count",
  "sum",
  "avg",
  "min",
  "max",
  "variance",
  "stddev",
  "first",
  "last",
  "quantile",
  "distinct",
  "top",
  "histogram",
] as const;

export type AggregateFunction = (typeof AGGREGATE_FUNCTIONS)[number];

export interface Aggregate {
  readonly name: string;
  readonly fn: AggregateFunction;
  readonly of: Expression | null;
  readonly where: Expression | null;
  readonly q?: number | readonly number[];
  readonly k?: number;
  readonly bounds?: readonly number[];
}

/** All aggregates of a query, in the order of the plan; those at fault are left out. */
export function checkAggregates(scope: Scope, place: Place): readonly Aggregate[] {
  const named = namedOf(place, AGGREGATES_MAX);
  const isObject = typeof place.value === "object" && place.value !== null;
  if (named.length === 0 && isObject && !Array.isArray(place.value)) {
    place.add("empty_list", 'Add one, such as "n": { "fn": "count" }.');
  }
  return named
    .map(([name, each]) => checkAggregate(scope, name, each))
    .filter((aggregate) => aggregate !== null);
}

function checkAggregate(scope: Scope, name: string, place: Place): Aggregate | null {
  if (membersOf(place) === null) return null;
  const fnPlace = place.child("fn");
  if (fnPlace.value === undefined) return fnPlace.add("missing_member", 'Add "fn".');
  const fn = wordOf(fnPlace, AGGREGATE_FUNCTIONS, "unknown_function");
  if (fn === null) return null;
  const members = recordOf(place, membersFor(fn));
  const ofPlace = members?.get("of");
  const wherePlace = members?.get("where");
  const of = ofPlace === undefined ? null : checkPathOrExpression(scope, ofPlace);
  const where = wherePlace === undefined ? null : checkCondition(scope, wherePlace);
  const aggregate = { name, fn, of, where };
  const q = members?.get("q");
  const k = members?.get("k");
  const bounds = members?.get("bounds");
  if (fn === "quantile" && q !== undefined) {
    const checked = checkQuantile(q);
    return checked === null ? null : { ...aggregate, q: checked };
  }
  if (fn === "top" && k !== undefined) {
    const checked = checkTop(k);
    return checked === null ? null : { ...aggregate, k: checked };
  }
  if (fn === "histogram" && bounds !== undefined) {
    return { ...aggregate, bounds: checkBounds(bounds) };
  }
  return aggregate;
}

function membersFor(fn: AggregateFunction): { required: string[]; optional: string[] } {
  if (fn === "count") return { required: ["fn"], optional: ["of", "where"] };
  const own = { quantile: ["q"], top: ["k"], histogram: ["bounds"] };
  const extra = fn === "quantile" || fn === "top" || fn === "histogram" ? own[fn] : [];
  return { required: ["fn", ...extra, "of"], optional: ["where"] };
}

function checkQuantile(place: Place): number | readonly number[] | null {
  if (!Array.isArray(place.value)) return checkRank(place);
  const elements = elementsOf(place, QUANTILES_MAX);
  if (elements.length === 0) return place.add("bad_quantile", "Got an empty list.");
  return elements.map((each) => checkRank(each)).filter((rank) => rank !== null);
}

function checkRank(place: Place): number | null {
  const { value } = place;
  if (typeof value === "number" && value >= 0 && value <= 1) return value === 0 ? 0 : value;
  return place.add("bad_quantile", `Got ${valueText(value)}.`);
}

function checkTop(place: Place): number | null {
  const { value } = place;
  const isCount = typeof value === "number" && Number.isInteger(value);
  if (isCount && value >= 1 && value <= TOP_K_MAX) return value;
  return place.add("bad_top", `Got ${valueText(value)}.`);
}

function checkBounds(place: Place): readonly number[] {
  const elements = elementsOf(place, HISTOGRAM_BOUNDS_MAX);
  if (elements.length === 0 && Array.isArray(place.value)) {
    place.add("bad_bounds", "Got an empty list.");
  }
  const bounds: number[] = [];
  for (const each of elements) {
    const { value } = each;
    const before = bounds.at(-1) ?? -Infinity;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      each.add("bad_bounds", `Got ${valueText(value)}.`);
    } else if (value <= before) {
      each.add("bad_bounds", `Got ${value} after ${before}.`);
    } else {
      bounds.push(value === 0 ? 0 : value);
    }
  }
  return bounds;
}
