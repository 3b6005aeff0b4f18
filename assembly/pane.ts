// Panes: all windows of one query with one span of time, of the kinds whose windows do not
// overlap (tumbling, calendar, global). They become final at one instant and leave the view at one
// instant, so the clock has two timers a pane, not a window. Final rows of slices stand in panes
// too, made when their window closes.
//
//   pane (56 bytes):
//   ┌──────┬───────┬───────┬────────┬───────┬─────┬──────┬───────┬─────┬──────────┬───┐
//   │ next │ timer │ query │ status │ start │ end │ head │ count │ tag │ previous │ – │
//   └──────┴───────┴───────┴────────┴───────┴─────┴──────┴───────┴─────┴──────────┴───┘
//
// The view is this: open rows are read from their accumulators, final rows stay encoded in place
// until `T` reaches end + grace + retain.

import {
  PROGRAM,
  QUERY_GRACE,
  QUERY_KEYS,
  QUERY_KEY_COUNT,
  QUERY_OFFSET,
  QUERY_RETAIN,
  QUERY_SIZE,
  QUERY_WINDOW_BYTES,
  QUERY_WINDOW_KIND,
  TAG_STRING,
  WINDOW_CALENDAR,
  WINDOW_GLOBAL,
  WINDOW_HOPPING,
} from "./layout";
import { TOUCHED_RECORDS, touchKeysOf } from "./ahead";
import { alloc, free } from "./arena";
import { floorDiv } from "./civil";
import {
  closeKey,
  findWay,
  internUnfound,
  isOtherKey,
  releaseKey,
  retainKey,
} from "./dictionary";
import {
  beginRecord as beginChange,
  beginUnheard,
  endRecord as endChange,
  outIsFull,
} from "./emit";
import { finalValue, freeFinal, keepFinal } from "./final";
import {
  SETS,
  forgetAllFound,
  foundWay,
  keepFound,
  keyFound,
  recordFound,
  recordOfKey,
} from "./found";
import {
  hashWords,
  home,
  slotAfter,
  slotRef,
  slotTag,
  tableBits,
  tableFor,
  tableInsert,
  tableRemove,
  tagOf,
} from "./hash";
import { addLate } from "./late";
import { encodeOutputs } from "./output";
import { queryProgram } from "./program";
import {
  RECORD_KEY,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_PANE,
  RECORD_REVISION,
  addToRecord,
  bodyOf,
  emptyRecord,
  findInPane,
  keyOf,
  openInPane,
  revisionOf,
  roomOf,
  unlistInPane,
} from "./record";
import {
  NO_TIME,
  Q_OPEN,
  Q_PANES,
  Q_ROWS,
  S_CLOCK,
  S_PANES,
  S_POSITION,
  increment,
  queryState,
} from "./state";
import { TIMER_CLOSE_PANE, TIMER_DROP_PANE, addTimer, removeTimer } from "./timer";
import { untouch } from "./touch";
import { isTraced, traceApplied, traceLate } from "./trace";
import { UNHEARD, isWatched, kindOfFinal, writeGone } from "./watch";
import { calendarEnd, calendarStart, calendarWindow } from "./zone";

const PANE_NEXT: usize = 0;
const PANE_QUERY: usize = 8;
const PANE_STATUS: usize = 12;
const PANE_START: usize = 16;
const PANE_END: usize = 24;
const PANE_HEAD: usize = 32;
const PANE_COUNT: usize = 36;
const PANE_TAG: usize = 40;
const PANE_PREVIOUS: usize = 44;
export const PANE_BYTES: usize = 56;
/** A final row of slices: the head of a record, then its encoded value. */
export const FINAL_HEADER_BYTES: usize = 32;

const PANE_OPEN: u32 = 1;
/** Some of its windows are final, others not yet: the host is emptying the buffer. */
const PANE_CLOSING: u32 = 2;
const PANE_FINAL: u32 = 3;

@inline
export function paneStart(pane: usize): i64 {
  return load<i64>(pane, PANE_START);
}

@inline
export function paneEnd(pane: usize): i64 {
  return load<i64>(pane, PANE_END);
}

@inline
export function paneHead(pane: usize): usize {
  return load<u32>(pane, PANE_HEAD);
}

@inline
export function paneNext(pane: usize): usize {
  return load<u32>(pane, PANE_NEXT);
}

@inline
export function paneQuery(pane: usize): u32 {
  return load<u32>(pane, PANE_QUERY);
}

export function isFinalPane(pane: usize): bool {
  return load<u32>(pane, PANE_STATUS) == PANE_FINAL;
}

// ── finding and opening ────────────────────────────────────────────────────────────────────────

/** The open pane of each query that was found last: events mostly fall into one after another. */
const latest: usize = memory.data(64 * 4, 8);

@inline
function latestOf(index: u32): usize {
  return latest + ((<usize>index) << 2);
}

/** The open pane of a query that starts at `start`. */
function paneOf(index: u32, query: usize, start: i64, end: i64): usize {
  const last = <usize>load<u32>(latestOf(index));
  if (last && paneStart(last) == start) return last;
  const tag = tagOf(hashWords(index, start));
  const pane = findPane(index, start, tag) || openPane(index, query, start, end, tag);
  store<u32>(latestOf(index), <u32>pane);
  return pane;
}

function findPane(index: u32, start: i64, tag: u32): usize {
  if (tableBits(S_PANES) == 0) return 0;
  const table = tableFor(S_PANES, tag);
  let i = home(table, tag);
  while (true) {
    const pane = slotRef(table, i);
    if (!pane) return 0;
    if (slotTag(table, i) == tag && paneStart(pane) == start && paneQuery(pane) == index) {
      return pane;
    }
    i = slotAfter(table, i);
  }
}

function listPane(index: u32, start: i64, end: i64, status: u32): usize {
  const pane = alloc(PANE_BYTES);
  const list = queryState(index) + Q_PANES;
  const next = <usize>load<u32>(list);
  store<u32>(pane, <u32>next, PANE_NEXT);
  if (next) store<u32>(next, <u32>pane, PANE_PREVIOUS);
  store<u32>(list, <u32>pane);
  store<u32>(pane, index, PANE_QUERY);
  store<u32>(pane, status, PANE_STATUS);
  store<i64>(pane, start, PANE_START);
  store<i64>(pane, end, PANE_END);
  return pane;
}

function openPane(index: u32, query: usize, start: i64, end: i64, tag: u32): usize {
  const pane = listPane(index, start, end, PANE_OPEN);
  store<u32>(pane, tag, PANE_TAG);
  tableInsert(S_PANES, tag, pane);
  if (start != NO_TIME) {
    addTimer(end + load<i64>(query, QUERY_GRACE), TIMER_CLOSE_PANE, index, 0, 0, pane);
  }
  return pane;
}

function enterPane(pane: usize, record: usize): void {
  store<u32>(record, load<u32>(pane, PANE_HEAD), RECORD_NEXT);
  store<u32>(record, <u32>pane, RECORD_PANE);
  store<u32>(pane, <u32>record, PANE_HEAD);
  store<u32>(pane, load<u32>(pane, PANE_COUNT) + 1, PANE_COUNT);
  increment(queryState(paneQuery(pane)) + Q_ROWS);
}

// ── applying ───────────────────────────────────────────────────────────────────────────────────

/** The open pane that an event at `time` falls into; 0 where it is late, and listed. */
function paneAt(index: u32, query: usize, time: i64, position: u64): usize {
  const kind = <u32>load<u8>(query, QUERY_WINDOW_KIND);
  let start = NO_TIME;
  let end = NO_TIME;
  if (kind == WINDOW_CALENDAR) {
    calendarWindow(query, time);
    start = calendarStart;
    end = calendarEnd;
  } else if (kind != WINDOW_GLOBAL) {
    const size = load<i64>(query, QUERY_SIZE);
    const offset = load<i64>(query, QUERY_OFFSET);
    start = floorDiv(time - offset, size) * size + offset;
    end = start + size;
  }
  const clock = load<i64>(S_CLOCK);
  if (kind != WINDOW_GLOBAL && clock >= end + load<i64>(query, QUERY_GRACE)) {
    if (isTraced(index)) traceLate(time, position, start, end, 1, 0, 1);
    addLate(index, position, start, end, clock - time);
    return 0;
  }
  return paneOf(index, query, start, end);
}

/** Whether an event at `time` falls into the latest pane, and is not late. */
@inline
function takesLatest(index: u32, query: usize, time: i64): bool {
  const pane = <usize>load<u32>(latestOf(index));
  if (!pane || time < paneStart(pane) || time >= paneEnd(pane)) return false;
  return load<i64>(S_CLOCK) < paneEnd(pane) + load<i64>(query, QUERY_GRACE);
}

/**
 * Applies the event whose fields are bound where its key is one string that was found last in the
 * latest pane, as mostly; false where it is to be looked for.
 */
export function applyToFound(index: u32, query: usize, time: i64): bool {
  const members = load<u16>(query, QUERY_KEY_COUNT);
  if (members > 1 || isTraced(index) || !takesLatest(index, query, time)) return false;
  if (!members) return applyToOnly(index, query);
  const record = recordOfKey(index, query, load<u32>(latestOf(index)));
  if (record) addToRecord(index, query, record, 1);
  return record != 0;
}

/** Of a query without a key: the latest pane has one record, where it has any. */
function applyToOnly(index: u32, query: usize): bool {
  const record = paneHead(load<u32>(latestOf(index)));
  if (record) addToRecord(index, query, record, 1);
  return record != 0;
}

/** Applies the event whose key is taken and whose fields are bound. */
export function applyToPane(index: u32, query: usize, time: i64, position: u64): void {
  const pane = takesLatest(index, query, time)
    ? <usize>load<u32>(latestOf(index))
    : paneAt(index, query, time, position);
  if (!pane) return;
  const record = recordIn(index, query, pane);
  if (isTraced(index)) traceApplied(time, position, paneStart(pane), paneEnd(pane), 1, 0, 1);
  addToRecord(index, query, record, 1);
}

/** The record in the pane of the key that was taken; it is opened where there is none. */
function recordIn(index: u32, query: usize, pane: usize): usize {
  let way = findWay(index);
  let record = way ? recordFound(way, pane) : 0;
  if (record) return record;
  const key = way ? keyFound(way) : internUnfound(index, query);
  // To find the key may have made it known.
  if (!way) way = foundWay();
  record = findInPane(key, pane);
  if (!record) {
    record = openInPane(query, key, pane);
    enterPane(pane, record);
    increment(queryState(index) + Q_OPEN);
  }
  if (!isOtherKey(key)) keepFound(way, key, record, pane);
  return record;
}

// ── closing and dropping ───────────────────────────────────────────────────────────────────────

/** So many are closed or dropped before the host has a turn, whether there are changes or not. */
const ROWS_AT_ONCE: u32 = 4096;

/** Where closing stands, when the host has to empty the buffer in the middle of a pane. */
let closing: usize = 0;
let closed: u32 = 0;

function closeInPane(query: usize, pane: usize, record: usize): void {
  const index = paneQuery(pane);
  const key = keyOf(record);
  // The value is encoded where the accumulators lie, so it is made in the buffer first.
  const kind = kindOfFinal(index);
  const to = kind == UNHEARD ? beginUnheard() : beginChange(kind, true, index, key);
  const end = encodeOutputs(to, query, record);
  increment(record + RECORD_REVISION);
  if (kind != UNHEARD) {
    const position = load<u64>(S_POSITION);
    endChange(paneStart(pane), paneEnd(pane), revisionOf(record), position, end);
  }
  emptyRecord(index, query, record);
  unlistInPane(record, pane);
  closeKey(key);
  untouch(record);
  keepFinal(record + bodyOf(query), roomOf(query), to, end - to);
  store<u32>(record, <u32>(end - to), RECORD_LENGTH);
  const open = queryState(index) + Q_OPEN;
  store<u64>(open, load<u64>(open) - 1);
}

/**
 * Makes every window of the pane final. False where there are more: the host empties the buffer and
 * asks again. `drops`: whether the rows leave the view one day.
 */
export function closePane(pane: usize, drops: bool): bool {
  const query = queryProgram(paneQuery(pane));
  if (load<u32>(pane, PANE_STATUS) == PANE_OPEN) {
    store<u32>(pane, PANE_CLOSING, PANE_STATUS);
    tableRemove(S_PANES, load<u32>(pane, PANE_TAG), pane);
    store<u32>(latestOf(paneQuery(pane)), 0);
    closing = paneHead(pane);
    closed = 0;
    // Of so many keys hardly one is known: to look for each costs more than to find those again.
    if (load<u32>(pane, PANE_COUNT) >= SETS) forgetAllFound();
  }
  let most = ROWS_AT_ONCE;
  while (closing) {
    if (outIsFull() || most-- == 0) return false;
    if (closed++ % TOUCHED_RECORDS == 0) touchKeysOf(closing);
    closeInPane(query, pane, closing);
    closing = load<u32>(closing, RECORD_NEXT);
  }
  store<u32>(pane, PANE_FINAL, PANE_STATUS);
  removeTimer(pane);
  if (drops) addDrop(pane, query);
  return true;
}

function addDrop(pane: usize, query: usize): void {
  const due = paneEnd(pane) + load<i64>(query, QUERY_GRACE) + load<i64>(query, QUERY_RETAIN);
  addTimer(due, TIMER_DROP_PANE, paneQuery(pane), 0, 0, pane);
}

/** A pane for the final rows of a window whose slices were merged. */
export function openFinalPane(index: u32, query: usize, start: i64, end: i64, drops: bool): usize {
  const pane = listPane(index, start, end, PANE_FINAL);
  if (drops) addDrop(pane, query);
  return pane;
}

/** A row of such a pane; it has just the room of its value. */
export function addFinal(pane: usize, key: usize, revision: u64, value: usize, bytes: usize): void {
  const record = alloc(FINAL_HEADER_BYTES + bytes);
  store<u32>(record, <u32>key, RECORD_KEY);
  store<u32>(record, <u32>bytes, RECORD_LENGTH);
  store<u64>(record, revision, RECORD_REVISION);
  memory.copy(record + FINAL_HEADER_BYTES, value, bytes);
  retainKey(key);
  enterPane(pane, record);
}

// ── correcting ─────────────────────────────────────────────────────────────────────────────────

/** The pane's final row, behind `before` (0: none), leaves the view; the pane stays. */
export function takeFinal(pane: usize, before: usize, record: usize): void {
  const next = load<u32>(record, RECORD_NEXT);
  if (before) store<u32>(before, next, RECORD_NEXT);
  else store<u32>(pane, next, PANE_HEAD);
  store<u32>(pane, load<u32>(pane, PANE_COUNT) - 1, PANE_COUNT);
  const rows = queryState(paneQuery(pane)) + Q_ROWS;
  store<u64>(rows, load<u64>(rows) - 1);
  freeRow(queryProgram(paneQuery(pane)), record);
}

/** A final row of a key that has none in the pane. */
export function putFinal(pane: usize, key: usize, revision: u64, value: usize, bytes: usize): void {
  const query = queryProgram(paneQuery(pane));
  if (isSliced(query)) return addFinal(pane, key, revision, value, bytes);
  const record = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  store<u32>(record, <u32>key, RECORD_KEY);
  store<u32>(record, <u32>bytes, RECORD_LENGTH);
  store<u64>(record, revision, RECORD_REVISION);
  keepFinal(record + bodyOf(query), roomOf(query), value, bytes);
  retainKey(key);
  enterPane(pane, record);
}

/** Whether rows of the query's panes were made by `addFinal`. */
@inline
function isSliced(query: usize): bool {
  return load<u8>(query, QUERY_WINDOW_KIND) >= <u8>WINDOW_HOPPING;
}

/** Where the encoded value of a final row lies. */
export function rowValue(query: usize, record: usize): usize {
  if (isSliced(query)) return record + FINAL_HEADER_BYTES;
  const length = <usize>load<u32>(record, RECORD_LENGTH);
  return finalValue(record + bodyOf(query), roomOf(query), length);
}

function freeRow(query: usize, record: usize): void {
  const length = <usize>load<u32>(record, RECORD_LENGTH);
  releaseKey(keyOf(record));
  if (isSliced(query)) free(record, FINAL_HEADER_BYTES + length);
  else {
    freeFinal(record + bodyOf(query), roomOf(query), length);
    free(record, load<u32>(query, QUERY_WINDOW_BYTES));
  }
}

/** The final rows of the pane leave the view, without a change; false where there are more. */
export function dropPane(pane: usize): bool {
  const index = paneQuery(pane);
  const query = queryProgram(index);
  let record = paneHead(pane);
  let most = ROWS_AT_ONCE;
  while (record) {
    if (most-- == 0) return false;
    if (isWatched(index)) {
      if (outIsFull()) return false;
      writeGone(keyOf(record), paneStart(pane), paneEnd(pane));
    }
    const next = <usize>load<u32>(record, RECORD_NEXT);
    freeRow(query, record);
    store<u32>(pane, <u32>next, PANE_HEAD);
    record = next;
  }
  const rows = queryState(index) + Q_ROWS;
  store<u64>(rows, load<u64>(rows) - load<u32>(pane, PANE_COUNT));
  unlistPane(pane, index);
  return true;
}

function unlistPane(pane: usize, index: u32): void {
  const next = paneNext(pane);
  const previous = <usize>load<u32>(pane, PANE_PREVIOUS);
  if (next) store<u32>(next, <u32>previous, PANE_PREVIOUS);
  if (previous) store<u32>(previous, <u32>next, PANE_NEXT);
  else store<u32>(queryState(index), <u32>next, Q_PANES);
  removeTimer(pane);
  free(pane, PANE_BYTES);
}
