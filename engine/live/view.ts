// A view: the latest value of every key and window of one query. It is the core's own state, read
// where it lies; nothing is kept here.

import type { Core } from "../core/core.ts";
import { checkRange } from "../store/asked.ts";
import type { ChangeWindow, Key, Row } from "./change.ts";
import type { Decoder } from "./decoder.ts";

export interface RowFilter {
  /** Only rows whose key has these members with these values. */
  readonly key?: Key;
  /** Only windows that touch [from, to), in ms since 1970. */
  readonly from?: number;
  readonly to?: number;
}

export interface View {
  /** In the order of changes: window end, window start, key. HostFault `bad_range`, `bad_key`. */
  rows(filter?: RowFilter): Row[];
}

export function readRows(
  core: Core,
  decoder: Decoder,
  query: number,
  filter: RowFilter = {},
): Row[] {
  checkRange(filter);
  const { from = -Infinity, to = Infinity, key: wanted } = filter;
  const records: Uint8Array[] = [];
  const encoded = wanted === undefined ? null : decoder.encodedKey(query, wanted);
  core.rows(query, from, to, encoded, (bytes) => records.push(bytes.slice()));
  return decoder.rows(records, wanted && ((key) => hasKey(key, wanted)));
}

/** Whether a row belongs to what the filter asks for. */
export function isIn(filter: RowFilter, row: { readonly key: Key; window: ChangeWindow }): boolean {
  const { from = -Infinity, to = Infinity } = filter;
  const { start, end } = row.window;
  const touches = start === null || (start < to && end > from);
  return touches && (filter.key === undefined || hasKey(row.key, filter.key));
}

function hasKey(key: Key, wanted: Key): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(key, name) && key[name] === value,
  );
}
