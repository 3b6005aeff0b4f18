// What another plan makes of a query: whether it is the same question, and, at the swap, what a
// listener hears so that it has the new view: rows that no longer stand are retracted, as they were
// told; those that stand instead are told as changes. Where both plans say the same, nothing is.

import type { Change, Row } from "../live/change.ts";
import { comparePlaced, compareRows, ordered, STEP_ROWS } from "../live/compare-rows.ts";
import type { Steps } from "../store/steps.ts";
import type { Plan, Query } from "../query/plan.ts";

/** Whether the plan accepts what the other does: then the log would be the same under both. */
export function acceptsAlike(a: Plan, b: Plan): boolean {
  return JSON.stringify(acceptanceOf(a)) === JSON.stringify(acceptanceOf(b));
}

function acceptanceOf({ clock, limits, catalogue }: Plan): unknown {
  const { delayMs, maxAheadMs, dedupMs } = clock;
  const { identities, quarantine } = limits;
  return { delayMs, maxAheadMs, dedupMs, identities, quarantine, catalogue };
}

/** Whether a query gives the same numbers and tells the same under both plans. */
export function isSameQuery(a: Plan, b: Plan, name: string): boolean {
  const [before, after] = [questionOf(a, name), questionOf(b, name)];
  return before !== null && JSON.stringify(before) === JSON.stringify(after);
}

function questionOf(plan: Plan, name: string): unknown {
  const query = queryOf(plan, name);
  if (query === undefined) return null;
  const tables = new Set(query.with.map(({ table }) => table));
  const { delayMs, dedupMs } = plan.clock;
  return {
    query,
    tables: plan.tables.filter((table) => tables.has(table.name)),
    ...{ delayMs, dedupMs, keys: plan.limits.keys, catalogue: plan.catalogue },
  };
}

function queryOf(plan: Plan, name: string): Query | undefined {
  return plan.queries.find((query) => query.name === name);
}

/** The names of the plans' queries, each once, those of the first in its order. */
export function queriesOf(...plans: readonly Plan[]): string[] {
  return [...new Set(plans.flatMap(({ queries }) => queries.map(({ name }) => name)))];
}

/** The members of the query's key in each of the plans, once each. */
export function membersOf(query: string, ...plans: readonly Plan[]): string[] {
  const keys = plans.flatMap((plan) => queryOf(plan, query)?.key ?? []);
  return [...new Set(keys.map(({ name }) => name))];
}

/** One query's view under one plan; null where that plan has not the query. */
export interface Shown {
  readonly query: Query | null;
  readonly rows: readonly Row[];
}

export function* shownOf(plan: Plan, name: string, read: () => Steps<Row[]>): Steps<Shown> {
  const query = queryOf(plan, name) ?? null;
  const isRead = query !== null && query.emit !== "none";
  return { query, rows: isRead ? yield* read() : [] };
}

/** What is told of a query at the swap; `position` is the next. The rows come in any order. */
export function* differenceOf(before: Shown, after: Shown, position: number): Steps<Change[]> {
  const compared = yield* compareRows(toldRows(before), toldRows(after));
  const was = yield* ordered(compared.was);
  const is = yield* ordered(compared.is);
  const at = Math.max(0, position - 1);
  const changes: Change[] = [];
  let next = 0;
  // Of one place what goes is told first.
  for (let old = 0; old < was.length || next < is.length;) {
    const [a, b] = [was[old], is[next]];
    if (b === undefined || (a !== undefined && comparePlaced(a, b) <= 0)) {
      const { final: _, ...row } = was[old++]!.row;
      changes.push({ ...row, kind: "retract", position: at });
    } else {
      const { final, ...row } = is[next++]!.row;
      changes.push({ ...row, kind: final ? "final" : "update", position: at });
    }
    if (changes.length % STEP_ROWS === 0) yield STEP_ROWS;
  }
  return changes;
}

/** With `emit: "final"` only finals were told, or are. */
export function toldRows({ query, rows }: Shown): readonly Row[] {
  if (query === null || query.emit === "none") return [];
  return query.emit === "final" ? rows.filter(({ final }) => final) : rows;
}
