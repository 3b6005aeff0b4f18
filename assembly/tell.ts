// Telling: at the end of a push, an update of each window that the push touched and that is still
// open, once, as it stands then.

import { QUERY_WINDOW_KIND, WINDOW_HOPPING, WINDOW_SESSION } from "./layout";
import { queryOf } from "./dictionary";
import { beginRecord as beginChange, endRecord as endChange, outIsFull } from "./emit";
import { encodeOutputs } from "./output";
import { paneEnd, paneStart } from "./pane";
import { queryProgram } from "./program";
import { RECORD_PANE, RECORD_POSITION, keyOf, revisionOf, startOf } from "./record";
import { writeSession } from "./session";
import { beginWalk, walkSlice } from "./slice";
import { setTouched, tell, touchedAt, touchedCount } from "./touch";
import { kindOfOpen } from "./watch";

let cursor: u32 = 0;
/** The slices among the touched records, moved to the front of the list; then where they stand. */
let slices: u32 = 0;
let slice: u32 = 0;
let sorted: bool = false;
/** Whether the walk over the slice at hand has begun, and stopped for want of room. */
let walking: bool = false;

export function beginTelling(): void {
  cursor = 0;
  slices = 0;
  slice = 0;
  sorted = false;
  walking = false;
}

/** Writes an open window of a pane, as a change or as a row. */
export function writeInPane(kind: u32, record: usize): void {
  const index = queryOf(keyOf(record));
  const pane = <usize>load<u32>(record, RECORD_PANE);
  const to = beginChange(kind, false, index, keyOf(record));
  const end = encodeOutputs(to, queryProgram(index), record);
  const position = load<u64>(record, RECORD_POSITION);
  endChange(paneStart(pane), paneEnd(pane), revisionOf(record), position, end);
}

/** Tells what is left to tell; false where the buffer of changes is full. */
export function tellUpdates(): bool {
  for (; cursor < touchedCount; cursor++) {
    if (outIsFull()) return false;
    const record = touchedAt(cursor);
    if (!tell(record)) continue;
    const query = queryProgram(queryOf(keyOf(record)));
    const kind = <u32>load<u8>(query, QUERY_WINDOW_KIND);
    if (kind < <u32>WINDOW_HOPPING) writeInPane(kindOfOpen(query), record);
    else if (kind == WINDOW_SESSION) writeSession(kindOfOpen(query), record);
    else setTouched(slices++, record);
  }
  if (!sorted) {
    sortSlices();
    sorted = true;
  }
  return tellSlices();
}

/** A window that holds several touched slices is told once: they come by key, then by start. */
function tellSlices(): bool {
  for (; slice < slices; slice++) {
    const record = touchedAt(slice);
    const isFirst = slice == 0 || keyOf(touchedAt(slice - 1)) != keyOf(record);
    if (isFirst && !walking) beginWalk();
    const index = queryOf(keyOf(record));
    const kind = kindOfOpen(queryProgram(index));
    walking = !walkSlice(kind, index, record, i64.MIN_VALUE, i64.MAX_VALUE);
    if (walking) return false;
  }
  return true;
}

function comesBefore(a: usize, b: usize): bool {
  if (keyOf(a) != keyOf(b)) return keyOf(a) < keyOf(b);
  return startOf(a) < startOf(b);
}

/** Heapsort: in place, and no worse on any input. */
function sortSlices(): void {
  for (let i = slices / 2; i > 0; i--) siftDown(i - 1, slices);
  for (let end = slices; end > 1; end--) {
    const last = touchedAt(end - 1);
    setTouched(end - 1, touchedAt(0));
    setTouched(0, last);
    siftDown(0, end - 1);
  }
}

function siftDown(from: u32, end: u32): void {
  let i = from;
  while (true) {
    let most = i;
    const left: u32 = 2 * i + 1;
    if (left < end && comesBefore(touchedAt(most), touchedAt(left))) most = left;
    if (left + 1 < end && comesBefore(touchedAt(most), touchedAt(left + 1))) most = left + 1;
    if (most == i) return;
    const record = touchedAt(i);
    setTouched(i, touchedAt(most));
    setTouched(most, record);
    i = most;
  }
}
