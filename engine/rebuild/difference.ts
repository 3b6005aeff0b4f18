// What another plan makes of a query: whether it is the same question, and, at the swap, what a
// listener hears so that it has the new view: rows that no longer stand are retracted, as they were
// told; those that stand instead are told as changes. Where both plans say the same, nothing is.

import { canonical, compareUtf8 } from "../event/canonical.ts";
import type { Change, Key, Row } from "../live/change.ts";
import { compareRows, STEP_ROWS } from "../live/compare-rows.ts";
import type { Steps } from "../store/steps.ts";
import type { RowPlace } from "../live/decoder.ts";
import { compareTimes } from "../live/telling-order.ts";
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

/** One query's view under one plan; null where that plan has not the query. */
export interface Shown {
  readonly query: Query | null;
  readonly rows: readonly Row[];
}

export function shownOf(plan: Plan, name: string, read: () => readonly Row[]): Shown {
  const query = queryOf(plan, name) ?? null;
  return query === null || query.emit === "none" ? { query, rows: [] } : { query, rows: read() };
}

/** What is told of a query at the swap; `position` is the next. */
export function* differenceOf(before: Shown, after: Shown, position: number): Steps<Change[]> {
  const { was, is } = yield* compareRows(toldRows(before), toldRows(after));
  const at = Math.max(0, position - 1);
  const changes: Change[] = [];
  let next = 0;
  const tellFresh = (end: number): void => {
    while (next < end) {
      const { final, ...row } = is[next++]!;
      changes.push({ ...row, kind: final ? "final" : "update", position: at });
    }
  };
  const isBefore = places();
  for (const [count, { final: _, ...row }] of was.entries()) {
    let end = next;
    while (end < is.length && isBefore(is[end]!, row)) end++;
    tellFresh(end);
    changes.push({ ...row, kind: "retract", position: at });
    if (count % STEP_ROWS === STEP_ROWS - 1) yield STEP_ROWS;
  }
  tellFresh(is.length);
  return changes;
}

/** With `emit: "final"` only finals were told, or are. */
function toldRows({ query, rows }: Shown): readonly Row[] {
  return query?.emit === "final" ? rows.filter(({ final }) => final) : rows;
}

/** Whether a row comes before another, in the order of changes. */
function places(): (a: RowPlace, b: RowPlace) => boolean {
  const texts = new Map<Key, string>();
  const textOf = (key: Key): string => {
    const text = texts.get(key) ?? canonical(Object.values(key));
    texts.set(key, text);
    return text;
  };
  return (a, b) => {
    const byWindow =
      compareTimes(a.window.end, b.window.end) || compareTimes(a.window.start, b.window.start);
    return (byWindow || compareUtf8(textOf(a.key), textOf(b.key))) < 0;
  };
}
