// The scope of a reprocess: the one query, the tables that it looks up, and the closed windows that
// touch its range. Both passes over the log run a plan of that query alone; nothing that a query
// gives depends on another.

import type { ReprocessFact } from "../ingest/fact.ts";
import { compile, type Program } from "../query/compile.ts";
import type { Plan, Query } from "../query/plan.ts";

export interface Scope {
  readonly query: Query;
  /** Its tables, by name in the order of the plan. */
  readonly plan: Plan;
  readonly hashKey: Uint8Array;
  /** ms since 1970. */
  readonly from: number;
  readonly to: number;
}

/** Null where nothing can be corrected: no such query in this plan, or a global window. */
export function scopeOf(plan: Plan, hashKey: Uint8Array, fact: ReprocessFact): Scope | null {
  const query = plan.queries.find(({ name }) => name === fact.query);
  if (query === undefined || query.window.kind === "global") return null;
  const names = new Set(query.with.map(({ table }) => table));
  const tables = plan.tables.filter(({ name }) => names.has(name));
  const { from, to } = fact;
  return { query, plan: { ...plan, tables, queries: [query] }, hashKey, from, to };
}

/** The program of the plan as altered; identities were judged long ago. */
export function programOf({ plan, hashKey }: Scope, altered: Partial<Plan>): Program {
  return compile({ ...plan, limits: { ...plan.limits, identities: 1 }, ...altered }, hashKey);
}

/** Windows are half open, and so is the range. */
export function touches(
  { from, to }: Scope,
  { start, end }: { start: number; end: number },
): boolean {
  return start < to && end > from;
}

/** Whether the window is final when the clock stands at `clock`: a session once that is passed. */
export function isClosed({ query }: Scope, end: number, clock: number): boolean {
  const due = end + graceOf(query);
  return isSession(query) ? due < clock : due <= clock;
}

export function isSession({ window }: Query): boolean {
  return window.kind === "session";
}

function graceOf({ window }: Query): number {
  return window.kind === "global" ? 0 : window.graceMs;
}

const LONGEST_DAYS = { d: 2, w: 9, mo: 33, y: 368 } as const;
const DAY_MS = 86_400_000;

/**
 * How far an event may lie from a window that holds it; null where there is no such bound: events
 * of sessions and facts of spans hang together over any time.
 */
function reachOf({ window, span }: Query): number | null {
  if (span !== null || window.kind === "session" || window.kind === "global") return null;
  return window.kind === "calendar" ? LONGEST_DAYS[window.unit] * DAY_MS : window.sizeMs;
}

/** Whether an entry of the log has a say in what the range gives, or in what was looked up. */
export function wantedBy(
  scope: Scope,
  { router }: Program,
): (event: { readonly timeMs: number; readonly route: number }) => boolean {
  const reach = reachOf(scope.query);
  const tables = scope.plan.tables.length;
  // Takers are numbered tables first (query/compile.ts).
  const feeds = router.routes.map((takers) => takers.some((taker) => taker < tables));
  return ({ timeMs, route }) => {
    if (route === 0 || reach === null || feeds[route] === true) return route !== 0;
    return timeMs > scope.from - reach && timeMs < scope.to + reach;
  };
}
