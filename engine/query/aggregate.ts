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
  countOf,
  elementsOf,
  isRecord,
  kindOf,
  namedOf,
  valueText,
  type Place,
} from "./plan-place.ts";
import { FUNCTIONS } from "./vocabulary.ts";

export type AggregateFunction = keyof typeof FUNCTIONS;

export interface Aggregate {
  readonly name: string;
  readonly fn: AggregateFunction;
  readonly of: Expression | null;
  readonly where: Expression | null;
  readonly q?: number | readonly number[];
  readonly k?: number;
  readonly bounds?: readonly number[];
}

/** All aggregates of a query, in the order of the plan; those of no function are left out. */
export function checkAggregates(scope: Scope, place: Place): readonly Aggregate[] {
  const named = namedOf(place, AGGREGATES_MAX, 'Add one, such as "n": { "fn": "count" }.');
  return named.flatMap(([name, each]) => checkAggregate(scope, name, each));
}

function checkAggregate(scope: Scope, name: string, place: Place): Aggregate[] {
  const fn = kindOf(place, "fn", FUNCTIONS, "unknown_function");
  if (fn === null) return [];
  const own = OWN_MEMBERS[fn];
  if (fn === "count") isRecord(place, ["fn"], ["of", "where"]);
  else isRecord(place, own === undefined ? ["fn", "of"] : ["fn", own, "of"], ["where"]);
  const aggregate: Aggregate = {
    name,
    fn,
    of: place.member("of", (of) => checkPathOrExpression(scope, of), null),
    where: place.member("where", (where) => checkCondition(scope, where), null),
    ...(own === "q" && { q: place.member("q", checkQuantile, []) }),
    ...(own === "k" && { k: place.number("k", (k) => countOf(k, TOP_K_MAX, "bad_top")) }),
    ...(own === "bounds" && { bounds: place.member("bounds", checkBounds, []) }),
  };
  return [aggregate];
}

/** What a function takes besides its input. */
const OWN_MEMBERS: { readonly [fn in AggregateFunction]?: "q" | "k" | "bounds" } = {
  quantile: "q",
  top: "k",
  histogram: "bounds",
};

const EMPTY = "Got an empty list.";

function checkQuantile(place: Place): number | readonly number[] {
  if (!Array.isArray(place.value)) return checkRank(place) ?? NaN;
  const elements = elementsOf(place, QUANTILES_MAX, { code: "bad_quantile", detail: EMPTY });
  return elements.map((each) => checkRank(each) ?? NaN);
}

function checkRank(place: Place): number | null {
  const { value } = place;
  if (typeof value === "number" && value >= 0 && value <= 1) return value + 0;
  return place.add("bad_quantile", `Got ${valueText(value)}.`);
}

function checkBounds(place: Place): readonly number[] {
  const elements = elementsOf(place, HISTOGRAM_BOUNDS_MAX, { code: "bad_bounds", detail: EMPTY });
  const bounds: number[] = [];
  for (const each of elements) {
    const { value } = each;
    const before = bounds.at(-1) ?? -Infinity;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      each.add("bad_bounds", `Got ${valueText(value)}.`);
    } else if (value <= before) {
      each.add("bad_bounds", `Got ${value} after ${before}.`);
    } else {
      bounds.push(value + 0);
    }
  }
  return bounds;
}
