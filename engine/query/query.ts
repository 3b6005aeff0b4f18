/** One query of a plan, checked: what it reads, in the order in which an event goes through it. */
import { checkAggregates, type Aggregate } from "./aggregate.ts";
import { checkDuration, DAY_MS } from "./duration.ts";
import { checkPatterns } from "./event-pattern.ts";
import {
  aggregateScope,
  checkCondition,
  checkExpression,
  checkPathOrExpression,
  eventScope,
  type Expression,
  type Read,
  type Scope,
} from "./expression.ts";
import { DERIVED_MAX, KEY_MEMBERS_MAX } from "./plan-limit.ts";
import { checkName, isRecord, namedOf, namesOf, quote, wordOf, type Place } from "./plan-place.ts";
import { checkSpan, type Span } from "./span.ts";
import { checkLookups, type LookBack, type Lookup } from "./table.ts";
import { EMITS } from "./vocabulary.ts";
import { checkWindow, GLOBAL, type Window } from "./window.ts";

export interface Named {
  readonly name: string;
  readonly of: Expression;
}

export interface Query {
  readonly name: string;
  /** Empty where the query reads spans. */
  readonly from: readonly string[];
  readonly span: Span | null;
  readonly with: readonly Lookup[];
  readonly waitMs: number;
  readonly where: Expression | null;
  readonly key: readonly Named[];
  readonly window: Window;
  readonly aggregates: readonly Aggregate[];
  readonly derive: readonly Named[];
  readonly emit: "all" | "final" | "none";
  readonly retainMs: number;
}

/** What the checks of all queries share. */
export interface QueryContext {
  readonly fields: Read[];
  readonly tables: readonly string[];
  readonly names: Set<string>;
  readonly lookBacks: LookBack[];
}

const REQUIRED = ["name", "key", "window", "aggregate"];
const OPTIONAL = ["from", "span", "with", "wait", "where", "derive", "emit", "retain"];

/** One query, or none where it is no object. */
export function checkQuery(context: QueryContext, place: Place): Query[] {
  if (!isRecord(place, REQUIRED, OPTIONAL)) return [];
  const { fields, tables, lookBacks } = context;
  const name = place.member("name", (each) => checkQueryName(context, each), "");
  const from = checkFrom(place);
  const facts = eventScope(fields, "events");
  const scope = has(place, "span") ? eventScope(fields, "spans") : facts;
  const window = place.member("window", checkWindow, GLOBAL);
  const span = place.member("span", (each) => checkSpan(facts, each, window), null);
  const lookups = place.member("with", (each) => checkLookups(scope, each, tables), []);
  const waitMs = place.number("wait", (wait) => checkWait(place, wait, window), 0);
  const graceMs = window.kind === "global" ? 0 : window.graceMs;
  const ms = Math.max(graceMs, waitMs || 0, span?.waitMs || 0);
  for (const { table } of lookups) lookBacks.push({ table, query: name, ms });
  const query: Query = {
    name,
    from,
    span,
    with: lookups,
    waitMs,
    where: place.member("where", (each) => checkCondition(scope, each), null),
    key: place.member("key", (each) => checkKey(scope, each), []),
    window,
    aggregates: place.member("aggregate", (each) => checkAggregates(scope, each), []),
    derive: place.member("derive", (each) => checkDerived(place.child("aggregate"), each), []),
    emit: place.member("emit", (each) => wordOf(each, EMITS, "unknown_emit"), "all") ?? "all",
    retainMs: place.number("retain", checkDuration, DAY_MS),
  };
  return [query];
}

function has(place: Place, name: string): boolean {
  return place.child(name).value !== undefined;
}

function checkQueryName({ names }: QueryContext, place: Place): string {
  const name = checkName(place);
  if (name === null) return "";
  if (names.has(name)) place.add("duplicate_name", `Got ${quote(name)}.`);
  names.add(name);
  return name;
}

/** Events or spans: one of the two, never both. */
function checkFrom(place: Place): readonly string[] {
  const from = place.child("from");
  if (has(place, "span") && from.value !== undefined) from.add("from_and_span", "Got both.");
  if (has(place, "span") || from.value !== undefined)
    return place.member("from", checkPatterns, []);
  from.add("missing_member", 'Add "from" or "span".');
  return [];
}

/** A wait is for versions of a table that come after their event; a span has its own. */
function checkWait(place: Place, wait: Place, window: Window): number | null {
  const waitMs = checkDuration(wait);
  const lookups = place.child("with").value;
  const looksUp = Array.isArray(lookups) ? lookups.length > 0 : lookups !== undefined;
  if (!looksUp || has(place, "span")) {
    const got = has(place, "span") ? "a query of spans; the span takes one" : "no `with`";
    return wait.add("wait_not_allowed", `Got ${got}.`);
  }
  if (waitMs === null || window.kind === "global" || waitMs <= window.graceMs) return waitMs;
  const detail = `Got ${waitMs} ms when the grace is ${window.graceMs} ms.`;
  return wait.add("wait_over_grace", detail);
}

function checkKey(scope: Scope, place: Place): readonly Named[] {
  return namedOf(place, KEY_MEMBERS_MAX).map(([name, each]) => {
    return { name, of: checkPathOrExpression(scope, each) };
  });
}

/** Derived members see the query's aggregates, good or not, and share their object with them. */
function checkDerived(aggregates: Place, place: Place): readonly Named[] {
  const names = namesOf(aggregates);
  const scope = aggregateScope(names);
  return namedOf(place, DERIVED_MAX).map(([name, each]) => {
    if (names.includes(name)) each.add("duplicate_name", "An aggregate of this query has it.");
    return { name, of: checkExpression(scope, each) };
  });
}
