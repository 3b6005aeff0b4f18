/** One query of a plan, checked: what it reads, in the order in which an event goes through it. */
import { checkAggregates, type Aggregate } from "./aggregate.ts";
import { checkDurationOr, DAY_MS } from "./duration.ts";
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
import {
  checkName,
  namedOf,
  quote,
  recordOf,
  wordOf,
  type Members,
  type Place,
} from "./plan-place.ts";
import { checkSpan, type Span } from "./span.ts";
import { checkLookups, type LookBack, type Lookup } from "./table.ts";
import { checkWindow, type Window } from "./window.ts";

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

const MEMBERS = {
  required: ["name", "key", "window", "aggregate"],
  optional: ["from", "span", "with", "wait", "where", "derive", "emit", "retain"],
};

const EMITS = ["all", "final", "none"] as const;

export function checkQuery(context: QueryContext, place: Place): Query | null {
  const { fields } = context;
  const members = recordOf(place, MEMBERS);
  if (members === null) return null;
  const name = checkQueryName(context, members.get("name"));
  const spanPlace = members.get("span");
  const from = checkFrom(place, members);
  const scope = eventScope(fields, spanPlace === undefined ? "events" : "spans");
  const windowPlace = members.get("window");
  const window = windowPlace === undefined ? null : checkWindow(windowPlace);
  const facts = eventScope(fields, "events");
  const span = spanPlace === undefined ? null : checkSpan(facts, spanPlace, window);
  const lookups = checkLookups(scope, members.get("with"), context.tables);
  const waitMs = checkWait(members, window);
  const graceMs = window === null || window.kind === "global" ? 0 : window.graceMs;
  const lookBackMs = Math.max(graceMs, waitMs ?? 0, span?.waitMs ?? 0);
  for (const { table } of lookups) {
    context.lookBacks.push({ table, query: name ?? "", ms: lookBackMs });
  }
  const wherePlace = members.get("where");
  const where = wherePlace === undefined ? null : checkCondition(scope, wherePlace);
  const key = checkKey(scope, members.get("key"));
  const aggregatePlace = members.get("aggregate");
  const aggregates = aggregatePlace === undefined ? [] : checkAggregates(scope, aggregatePlace);
  const derive = checkDerived(members);
  const emit = checkEmit(members.get("emit"));
  const retainMs = checkDurationOr(members.get("retain"), DAY_MS);
  if (name === null || window === null || waitMs === null) return null;
  if (emit === null || retainMs === null) return null;
  const value = { key, window, aggregates, derive, emit, retainMs };
  return { name, from, span, with: lookups, waitMs, where, ...value };
}

function checkQueryName(context: QueryContext, place: Place | undefined): string | null {
  if (place === undefined) return null;
  const { names } = context;
  const name = checkName(place);
  if (name === null) return null;
  if (names.has(name)) return place.add("duplicate_name", `Got ${quote(name)}.`);
  names.add(name);
  return name;
}

/** Events or spans: one of the two, never both. */
function checkFrom(place: Place, members: Members): readonly string[] {
  const from = members.get("from");
  const span = members.get("span");
  if (from === undefined) {
    if (span === undefined) place.child("from").add("missing_member", 'Add "from" or "span".');
    return [];
  }
  if (span !== undefined) from.add("from_and_span", "Got both.");
  return checkPatterns(from);
}

/** A wait is for versions of a table that come after their event; a span has its own. */
function checkWait(members: Members, window: Window | null): number | null {
  const wait = members.get("wait");
  if (wait === undefined) return 0;
  const waitMs = checkDurationOr(wait, 0);
  const lookups = members.get("with")?.value;
  const looksUp = Array.isArray(lookups) ? lookups.length > 0 : lookups !== undefined;
  if (!looksUp || members.has("span")) {
    const got = members.has("span") ? "a query of spans; the span takes one" : "no `with`";
    return wait.add("wait_not_allowed", `Got ${got}.`);
  }
  if (waitMs === null || window === null || window.kind === "global") return waitMs;
  if (waitMs <= window.graceMs) return waitMs;
  const detail = `Got ${waitMs} ms when the grace is ${window.graceMs} ms.`;
  return wait.add("wait_over_grace", detail);
}

function checkKey(scope: Scope, place: Place | undefined): readonly Named[] {
  if (place === undefined) return [];
  return namedOf(place, KEY_MEMBERS_MAX).flatMap(([name, each]) => {
    const of = checkPathOrExpression(scope, each);
    return of === null ? [] : [{ name, of }];
  });
}

/** Derived members see the query's aggregates, good or not, and share their object with them. */
function checkDerived(members: Members): readonly Named[] {
  const place = members.get("derive");
  if (place === undefined) return [];
  const aggregates = members.get("aggregate")?.value;
  const isObject = typeof aggregates === "object" && aggregates !== null;
  const names = isObject ? Object.keys(aggregates) : [];
  const scope = aggregateScope(names);
  return namedOf(place, DERIVED_MAX).flatMap(([name, each]) => {
    if (names.includes(name)) {
      each.add("duplicate_name", "An aggregate of this query has it.");
    }
    const of = checkExpression(scope, each);
    return of === null ? [] : [{ name, of }];
  });
}

function checkEmit(place: Place | undefined): "all" | "final" | "none" | null {
  return place === undefined ? "all" : wordOf(place, EMITS, "unknown_emit");
}
