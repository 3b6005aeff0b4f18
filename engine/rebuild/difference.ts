// What another plan makes of a query: whether it is the same question, and, at the swap, what a
// listener hears so that it has the new view: rows that no longer stand are retracted, as they were
// told; those that stand instead are told as changes. Where both plans say the same, nothing is.

import { canonical, compareUtf8 } from "../event/canonical.ts";
import type { Json } from "../event/envelope.ts";
import type { Change, Row } from "../live/change.ts";
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
export function differenceOf(before: Shown, after: Shown, position: number): Change[] {
  const [old, standing] = [toldRows(before), toldRows(after)];
  const at = Math.max(0, position - 1);
  const isTold = (rows: ReadonlyMap<string, Row>, id: string, row: Row): boolean => {
    const other = rows.get(id);
    return other !== undefined && textOf(other) === textOf(row);
  };
  const changes: Change[] = [];
  for (const [id, { final: _, ...row }] of old) {
    if (!isTold(standing, id, old.get(id)!))
      changes.push({ ...row, kind: "retract", position: at });
  }
  for (const [id, row] of standing) {
    const { final, ...rest } = row;
    if (isTold(old, id, row)) continue;
    changes.push({ ...rest, kind: final ? "final" : "update", position: at });
  }
  return changes.sort(
    (a, b) =>
      times(a.window.end, b.window.end) ||
      times(a.window.start, b.window.start) ||
      compareUtf8(keyText(a), keyText(b)) ||
      Number(b.kind === "retract") - Number(a.kind === "retract"),
  );
}

/** With `emit: "final"` only finals were told, or are. */
function toldRows({ query, rows }: Shown): Map<string, Row> {
  const told = query?.emit === "final" ? rows.filter(({ final }) => final) : rows;
  return new Map(
    told.map((row) => [canonical([row.key, { ...row.window }] as unknown as Json), row]),
  );
}

function textOf(row: Row): string {
  return canonical({ ...row } as unknown as Json);
}

function keyText({ key }: Change): string {
  return canonical(Object.values(key));
}

/** Nulls last. */
function times(a: number | null, b: number | null): number {
  return a === b ? 0 : (a ?? Infinity) < (b ?? Infinity) ? -1 : 1;
}
