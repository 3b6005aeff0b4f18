// Two states of a view beside each other: which rows stand otherwise. Of a large view that takes a
// while, so it goes in steps, between which its caller may let others come. No step is long: rows
// are found in many small maps, since one that is large moves all at once when it grows, and put in
// order by merging.

import { canonical, compareUtf8 } from "../event/canonical.ts";
import type { Json } from "../event/envelope.ts";
import { sorted, type Steps } from "../store/steps.ts";
import type { Row } from "./change.ts";
import type { RowPlace } from "./decoder.ts";
import { compareTimes } from "./telling-order.ts";

export const STEP_ROWS = 1000;

export interface Compared {
  /** Rows that stand no more or otherwise: as they stood, as they stand; in the order given. */
  readonly was: readonly Row[];
  readonly is: readonly Row[];
  /** Of `was` those in whose place none stands. */
  readonly gone: readonly Row[];
}

/** What became of a row. */
const GONE = 0;
const SAME = 1;
const CHANGED = 2;

export function* compareRows(before: readonly Row[], after: readonly Row[]): Steps<Compared> {
  const places = new Places();
  const fates = new Uint8Array(before.length);
  const is: Row[] = [];
  for (const [index, row] of before.entries()) {
    places.set(row, index);
    if (index % STEP_ROWS === STEP_ROWS - 1) yield STEP_ROWS;
  }
  for (const [index, row] of after.entries()) {
    const known = places.get(row);
    const isKnown = known !== undefined;
    if (isKnown && isSame(before[known]!, row)) {
      fates[known] = SAME;
    } else {
      is.push(row);
      if (isKnown) fates[known] = CHANGED;
    }
    if (index % STEP_ROWS === STEP_ROWS - 1) yield STEP_ROWS;
  }
  const was = before.filter((_, index) => fates[index] !== SAME);
  return { was, is, gone: before.filter((_, index) => fates[index] === GONE) };
}

/** A power of two. */
const MAPS = 256;

/** Which row of a view stands where in a list. */
class Places {
  readonly #maps = Array.from({ length: MAPS }, () => new Map<string, number>());

  set(place: RowPlace, index: number): void {
    const id = idOf(place);
    this.#mapOf(id).set(id, index);
  }

  get(place: RowPlace): number | undefined {
    const id = idOf(place);
    return this.#mapOf(id).get(id);
  }

  #mapOf(id: string): Map<string, number> {
    let hash = 0;
    for (let at = 0; at < id.length; at++) hash = (hash * 31 + id.charCodeAt(at)) | 0;
    return this.#maps[hash & (MAPS - 1)]!;
  }
}

/** What tells a row of a view from all others. */
export function idOf({ key, window: { start, end } }: RowPlace): string {
  return `${start}/${end}/${canonical({ ...key })}`;
}

/** Of two rows of one place. */
function isSame(a: Row, b: Row): boolean {
  if (a.final !== b.final || a.revision !== b.revision) return false;
  if (JSON.stringify(a.value) === JSON.stringify(b.value)) return true;
  return canonical(a.value as unknown as Json) === canonical(b.value as unknown as Json);
}

// ── order ──────────────────────────────────────────────────────────────────────────────────────

/** A row, and by what it is ordered among those of its window. */
export interface Placed {
  readonly row: Row;
  readonly text: string;
}

/** In the order of a view, and of changes. */
export function comparePlaced(a: Placed, b: Placed): number {
  const [{ window: one }, { window: other }] = [a.row, b.row];
  const byWindow = compareTimes(one.end, other.end) || compareTimes(one.start, other.start);
  return byWindow || compareUtf8(a.text, b.text);
}

/** The rows in the order of their view. */
export function* ordered(rows: readonly Row[]): Steps<readonly Placed[]> {
  const placed: Placed[] = [];
  for (const row of rows) {
    placed.push({ row, text: canonical(Object.values(row.key)) });
    if (placed.length % STEP_ROWS === 0) yield STEP_ROWS;
  }
  return yield* sorted(placed, comparePlaced);
}
