// A view: the latest value of every key and window of one query. It is the core's own state, read
// where it lies; nothing is kept here.

import { canonical } from "../event/canonical.ts";
import type { Core } from "../core/core.ts";
import type { Plan } from "../query/plan.ts";
import { rowsOf, type Key, type Row } from "./change.ts";

export interface RowFilter {
  /** Only rows whose key has these members with these values. */
  readonly key?: Key;
  /** Only windows that touch [from, to), in ms since 1970. */
  readonly from?: number;
  readonly to?: number;
}

export interface View {
  /** Rows in the order of changes: window end, window start, key. */
  rows(filter?: RowFilter): Row[];
}

export function readRows(core: Core, plan: Plan, query: number, filter: RowFilter = {}): Row[] {
  const { from = -Infinity, to = Infinity, key } = filter;
  const records: Uint8Array[] = [];
  core.rows(query, from, to, (bytes) => records.push(bytes));
  const rows = rowsOf(plan, records);
  if (key === undefined) return rows;
  const wanted = Object.entries(key).map(([name, value]) => [name, canonical(value)] as const);
  return rows.filter((row) =>
    wanted.every(
      ([name, text]) => Object.hasOwn(row.key, name) && canonical(row.key[name]!) === text,
    ),
  );
}
