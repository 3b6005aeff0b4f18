// Which chunks of a SQLite log are one page of a read. A chunk lies in rows of its position, one
// for each part. SQLite tells a length without reading the bytes, so sizes are asked for first; but
// to find its way to a row it reads others whole, so a page is found with as few looks as can be.

import type { Following } from "./chunk.ts";
import type { SqlRow, SqlValue } from "./sqlite.ts";

/** Where its chunks begin, whether the last one has many parts, and what stands behind it. */
export interface Page {
  readonly first: number;
  readonly last: number;
  readonly isLong: boolean;
  readonly following: Following;
}

type Rows = (query: string, ...bindings: number[]) => readonly SqlRow[];

/** So many rows are looked at, and more where those are no page: eight times as many. */
const PAGE_ROWS_FIRST = 16;
/** So that a log of tiny chunks is read in pages too. */
const PAGE_ROWS_MAX = 1024;

/** About `limitBytes` of chunks, at least one, from the one that holds position `from`. */
export function findPage(rows: Rows, from: number, limitBytes: number, endPosition: number): Page {
  let start = from;
  let most = PAGE_ROWS_FIRST;
  for (;;) {
    const sizes = rows(
      `SELECT position, length(bytes) AS size FROM millrace_chunk
         WHERE position >= ? ORDER BY position, part LIMIT ?`,
      start,
      most,
    );
    if (start === from && positionOf(sizes[0]) !== from) {
      const before = "SELECT max(position) AS position FROM millrace_chunk WHERE position < ?";
      start = positionOf(rows(before, from)[0]) ?? from;
      if (start !== from) continue;
    }
    const { next, ...page } = cut(sizes, from, limitBytes);
    const isCut = next === null && sizes.length === most;
    if (isCut && most < PAGE_ROWS_MAX) {
      most *= 8;
      continue;
    }
    const behind = "SELECT min(position) AS position FROM millrace_chunk WHERE position > ?";
    const following = isCut ? positionOf(rows(behind, page.last)[0]) : next;
    const position = following ?? endPosition;
    return { ...page, following: { position, isEnd: following === null } };
  }
}

/** `next`: where the chunk behind begins, as far as the rows tell. */
function cut(sizes: readonly SqlRow[], from: number, limitBytes: number) {
  const first = positionOf(sizes[0]) ?? from;
  let last = first;
  let bytes = 0;
  let parts = 0;
  for (const row of sizes) {
    const position = Number(row["position"]);
    const page = { first, last, isLong: parts > 1 };
    if (position !== last && bytes >= limitBytes) return { ...page, next: position };
    parts = position === last ? parts + 1 : 1;
    last = position;
    bytes += Number(row["size"]);
  }
  return { first, last, isLong: parts > 1, next: null };
}

function positionOf(row: SqlRow | undefined): number | null {
  const position: SqlValue | undefined = row?.["position"];
  return position === null || position === undefined ? null : Number(position);
}
