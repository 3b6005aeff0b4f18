// Windows. All windows of one query with one span of time share a pane: they become final at one
// instant and leave the view at one instant, so the clock has two timers a pane, not a window.
//
//   pane (48 bytes):
//   ┌──────┬──────┬───────┬────────┬───────┬─────┬──────┬───────┬─────┬───┐
//   │ next │ prev │ query │ status │ start │ end │ head │ count │ tag │ – │
//   └──────┴──────┴───────┴────────┴───────┴─────┴──────┴───────┴─────┴───┘
//   window:
//   ┌──────┬──────┬─────┬────────┬──────────┬──────────┬──────────────────────────────────┐
//   │ next │ pane │ key │ length │ revision │ position │ accumulators, or, once final,    │
//   └──────┴──────┴─────┴────────┴──────────┴──────────┤ its encoded value (`length`)     │
//                                                      └──────────────────────────────────┘
//
// The view is this: open rows are read from their accumulators, final rows stay encoded in place
// until `T` reaches end + grace + retain. `position` is that of the entry last applied.

import {
  CHANGE_IS_FINAL,
  CHANGE_ROW,
  CHANGE_UPDATE,
  EMIT_ALL,
  EMIT_NONE,
  QUERY_EMIT,
  QUERY_GRACE,
  QUERY_OFFSET,
  QUERY_RETAIN,
  QUERY_SIZE,
  QUERY_WINDOW_BYTES,
} from "./layout";
import {
  addToAccumulators,
  beginAccumulators,
  encodeOutputs,
  freeAccumulators,
  inputGrowthBytes,
} from "./aggregate";
import { alloc, blockBytes, free } from "./arena";
import { KEY_HEADER_BYTES, buildKey, closeKey, internKey, openKey, releaseKey } from "./dictionary";
import { beginRecord, endRecord, outIsFull } from "./emit";
import { finalValue, freeFinal, keepFinal } from "./final";
import {
  hashWords,
  home,
  slotAfter,
  slotRef,
  slotTag,
  tableBits,
  tableInsert,
  tableRemove,
  tagOf,
} from "./hash";
import { addLate } from "./late";
import { queryProgram } from "./program";
import { scratch, scratchAlloc } from "./regions";
import {
  Q_APPLIED,
  Q_OPEN,
  Q_PANES,
  Q_ROWS,
  Q_UNKEYED,
  S_CLOCK,
  S_PANES,
  S_WINDOWS,
  increment,
  queryState,
} from "./state";
import { TIMER_CLOSE, TIMER_DROP, addTimer } from "./timer";
import { isTouched, tell, touch, untouch } from "./told";

const PANE_NEXT: usize = 0;
const PANE_PREVIOUS: usize = 4;
const PANE_QUERY: usize = 8;
const PANE_STATUS: usize = 12;
const PANE_START: usize = 16;
const PANE_END: usize = 24;
const PANE_HEAD: usize = 32;
const PANE_COUNT: usize = 36;
const PANE_TAG: usize = 40;
export const PANE_BYTES: usize = 48;

const PANE_OPEN: u32 = 1;
/** Some of its windows are final, others not yet: the host is emptying the buffer. */
const PANE_CLOSING: u32 = 2;
const PANE_FINAL: u32 = 3;

const WINDOW_NEXT: usize = 0;
const WINDOW_PANE: usize = 4;
const WINDOW_KEY: usize = 8;
const WINDOW_LENGTH: usize = 12;
const WINDOW_REVISION: usize = 16;
const WINDOW_POSITION: usize = 24;
const WINDOW_BODY: usize = 32;

// ── finding and opening ────────────────────────────────────────────────────────────────────────

function findPane(index: u32, start: i64, tag: u32): usize {
  if (tableBits(S_PANES) == 0) return 0;
  let i = home(S_PANES, tag);
  while (true) {
    const pane = slotRef(S_PANES, i);
    if (!pane) return 0;
    if (
      slotTag(S_PANES, i) == tag &&
      load<i64>(pane, PANE_START) == start &&
      load<u32>(pane, PANE_QUERY) == index
    ) {
      return pane;
    }
    i = slotAfter(S_PANES, i);
  }
}

function openPane(index: u32, start: i64, end: i64, tag: u32): usize {
  const pane = alloc(PANE_BYTES);
  const list = queryState(index) + Q_PANES;
  const next = <usize>load<u32>(list);
  store<u32>(pane, <u32>next, PANE_NEXT);
  if (next) store<u32>(next, <u32>pane, PANE_PREVIOUS);
  store<u32>(list, <u32>pane);
  store<u32>(pane, index, PANE_QUERY);
  store<u32>(pane, PANE_OPEN, PANE_STATUS);
  store<i64>(pane, start, PANE_START);
  store<i64>(pane, end, PANE_END);
  store<u32>(pane, tag, PANE_TAG);
  tableInsert(S_PANES, tag, pane);
  addTimer(end + load<i64>(queryProgram(index), QUERY_GRACE), TIMER_CLOSE, pane);
  return pane;
}

function windowTag(pane: usize, key: usize): u32 {
  return tagOf(hashWords(pane, key));
}

function findWindow(pane: usize, key: usize, tag: u32): usize {
  if (tableBits(S_WINDOWS) == 0) return 0;
  let i = home(S_WINDOWS, tag);
  while (true) {
    const window = slotRef(S_WINDOWS, i);
    if (!window) return 0;
    if (
      slotTag(S_WINDOWS, i) == tag &&
      load<u32>(window, WINDOW_PANE) == <u32>pane &&
      load<u32>(window, WINDOW_KEY) == <u32>key
    ) {
      return window;
    }
    i = slotAfter(S_WINDOWS, i);
  }
}

function openWindow(query: usize, pane: usize, key: usize, tag: u32): usize {
  const window = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  store<u32>(window, load<u32>(pane, PANE_HEAD), WINDOW_NEXT);
  store<u32>(pane, <u32>window, PANE_HEAD);
  store<u32>(pane, load<u32>(pane, PANE_COUNT) + 1, PANE_COUNT);
  store<u32>(window, <u32>pane, WINDOW_PANE);
  store<u32>(window, <u32>key, WINDOW_KEY);
  beginAccumulators(query, window);
  tableInsert(S_WINDOWS, tag, window);
  openKey(key);
  const state = queryState(load<u32>(pane, PANE_QUERY));
  increment(state + Q_OPEN);
  increment(state + Q_ROWS);
  return window;
}

// ── applying ───────────────────────────────────────────────────────────────────────────────────

/** The push at hand: its first position, and the windows it touched, a list in scratch. */
let pushStart: u64 = 0;
let touched: i32 = 0;
let touchedCount: u32 = 0;
let toldCount: u32 = 0;

export function beginPush(position: u64): void {
  pushStart = position;
  touchedCount = 0;
  toldCount = 0;
}

export function reserveTouched(touches: u32): bool {
  touched = scratchAlloc((<usize>touches) << 2);
  return touched >= 0;
}

function floorDiv(a: i64, b: i64): i64 {
  const q = a / b;
  return q * b > a ? q - 1 : q;
}

/** Applies the event whose fields are bound, at `time`, to one query that takes its type. */
export function applyToQuery(index: u32, query: usize, time: i64, position: u64): void {
  const state = queryState(index);
  if (!buildKey(query)) return increment(state + Q_UNKEYED);
  const size = load<i64>(query, QUERY_SIZE);
  const offset = load<i64>(query, QUERY_OFFSET);
  const start = floorDiv(time - offset, size) * size + offset;
  const end = start + size;
  const clock = load<i64>(S_CLOCK);
  if (clock >= end + load<i64>(query, QUERY_GRACE)) {
    return addLate(index, position, start, end, clock - time);
  }
  const paneTag = tagOf(hashWords(index, start));
  const pane = findPane(index, start, paneTag) || openPane(index, start, end, paneTag);
  const key = internKey(index, query);
  const tag = windowTag(pane, key);
  let window = findWindow(pane, key, tag);
  const isNew = window == 0;
  if (isNew) window = openWindow(query, pane, key, tag);
  addToAccumulators(query, window);
  increment(state + Q_APPLIED);
  increment(window + WINDOW_REVISION);
  if (load<u8>(query, QUERY_EMIT) == EMIT_ALL) {
    if (isNew || load<u64>(window, WINDOW_POSITION) < pushStart) {
      touch(window);
      store<u32>(scratch + touched + ((<usize>touchedCount) << 2), <u32>window);
      touchedCount++;
    }
  }
  store<u64>(window, position, WINDOW_POSITION);
}

// ── closing and dropping ───────────────────────────────────────────────────────────────────────

function closeWindow(query: usize, pane: usize, window: usize, position: u64): void {
  const index = load<u32>(pane, PANE_QUERY);
  const key = <usize>load<u32>(window, WINDOW_KEY);
  const body = window + WINDOW_BODY;
  // The value is encoded where the accumulators lie, so it is made in the buffer first.
  const to = beginRecord(CHANGE_IS_FINAL, true, index, key);
  const toEnd = encodeOutputs(to, query, window);
  const length = toEnd - to;
  freeAccumulators(query, window);
  keepFinal(body, load<u32>(query, QUERY_WINDOW_BYTES) - WINDOW_BODY, to, length);
  store<u32>(window, <u32>length, WINDOW_LENGTH);
  increment(window + WINDOW_REVISION);
  if (load<u8>(query, QUERY_EMIT) != EMIT_NONE) {
    const start = load<i64>(pane, PANE_START);
    const end = load<i64>(pane, PANE_END);
    endRecord(start, end, load<u64>(window, WINDOW_REVISION), position, toEnd);
  }
  tableRemove(S_WINDOWS, windowTag(pane, key), window);
  closeKey(key);
  untouch(window);
  const open = queryState(index) + Q_OPEN;
  store<u64>(open, load<u64>(open) - 1);
}

/** Where closing stands, when the host has to empty the buffer in the middle of a pane. */
let closing: usize = 0;

/**
 * Makes every window of the pane final. False where the buffer is full: the host empties it and
 * asks again. `drops`: whether the rows leave the view one day.
 */
export function closePane(pane: usize, position: u64, drops: bool): bool {
  const query = queryProgram(load<u32>(pane, PANE_QUERY));
  if (load<u32>(pane, PANE_STATUS) == PANE_OPEN) {
    store<u32>(pane, PANE_CLOSING, PANE_STATUS);
    tableRemove(S_PANES, load<u32>(pane, PANE_TAG), pane);
    closing = load<u32>(pane, PANE_HEAD);
  }
  while (closing) {
    if (outIsFull()) return false;
    closeWindow(query, pane, closing, position);
    closing = load<u32>(closing, WINDOW_NEXT);
  }
  store<u32>(pane, PANE_FINAL, PANE_STATUS);
  if (drops) {
    const end = load<i64>(pane, PANE_END) + load<i64>(query, QUERY_GRACE);
    addTimer(end + load<i64>(query, QUERY_RETAIN), TIMER_DROP, pane);
  }
  return true;
}

/** The final rows of the pane leave the view, without a change. */
export function dropPane(pane: usize): void {
  const index = load<u32>(pane, PANE_QUERY);
  const bytes = <usize>load<u32>(queryProgram(index), QUERY_WINDOW_BYTES);
  let window = <usize>load<u32>(pane, PANE_HEAD);
  while (window) {
    const next = <usize>load<u32>(window, WINDOW_NEXT);
    releaseKey(load<u32>(window, WINDOW_KEY));
    freeFinal(window + WINDOW_BODY, bytes - WINDOW_BODY, load<u32>(window, WINDOW_LENGTH));
    free(window, bytes);
    window = next;
  }
  const rows = queryState(index) + Q_ROWS;
  store<u64>(rows, load<u64>(rows) - load<u32>(pane, PANE_COUNT));
  const next = <usize>load<u32>(pane, PANE_NEXT);
  const previous = <usize>load<u32>(pane, PANE_PREVIOUS);
  if (next) store<u32>(next, <u32>previous, PANE_PREVIOUS);
  if (previous) store<u32>(previous, <u32>next, PANE_NEXT);
  else store<u32>(queryState(index), <u32>next, Q_PANES);
  free(pane, PANE_BYTES);
}

// ── telling ────────────────────────────────────────────────────────────────────────────────────

function writeOpen(kind: u32, pane: usize, window: usize): void {
  const index = load<u32>(pane, PANE_QUERY);
  const to = beginRecord(kind, false, index, load<u32>(window, WINDOW_KEY));
  const end = encodeOutputs(to, queryProgram(index), window);
  const revision = load<u64>(window, WINDOW_REVISION);
  const position = load<u64>(window, WINDOW_POSITION);
  endRecord(load<i64>(pane, PANE_START), load<i64>(pane, PANE_END), revision, position, end);
}

/** Tells an update of each window that the push touched and that is still open. */
export function tellUpdates(): bool {
  for (; toldCount < touchedCount; toldCount++) {
    if (outIsFull()) return false;
    const window = <usize>load<u32>(scratch + touched + ((<usize>toldCount) << 2));
    if (!isTouched(window) || !tell(window, load<u64>(window, WINDOW_REVISION))) continue;
    writeOpen(CHANGE_UPDATE, load<u32>(window, WINDOW_PANE), window);
  }
  return true;
}

/** Where reading a view stands: the pane, and the window in it. */
let rowPane: usize = 0;
let rowWindow: usize = 0;

export function beginRows(index: u32): void {
  rowPane = load<u32>(queryState(index), Q_PANES);
  rowWindow = rowPane ? <usize>load<u32>(rowPane, PANE_HEAD) : 0;
}

/** Writes the rows of the query that touch [from, to); false where the buffer is full. */
export function writeRows(from: i64, to: i64): bool {
  while (rowPane) {
    const within = load<i64>(rowPane, PANE_START) < to && load<i64>(rowPane, PANE_END) > from;
    while (within && rowWindow) {
      if (outIsFull()) return false;
      writeRow(rowPane, rowWindow);
      rowWindow = load<u32>(rowWindow, WINDOW_NEXT);
    }
    rowPane = load<u32>(rowPane, PANE_NEXT);
    rowWindow = rowPane ? <usize>load<u32>(rowPane, PANE_HEAD) : 0;
  }
  return true;
}

function writeRow(pane: usize, window: usize): void {
  if (load<u32>(pane, PANE_STATUS) != PANE_FINAL) return writeOpen(CHANGE_ROW, pane, window);
  const key = <usize>load<u32>(window, WINDOW_KEY);
  const to = beginRecord(CHANGE_ROW, true, load<u32>(pane, PANE_QUERY), key);
  const length = <usize>load<u32>(window, WINDOW_LENGTH);
  const room = load<u32>(queryProgram(load<u32>(pane, PANE_QUERY)), QUERY_WINDOW_BYTES) - WINDOW_BODY;
  memory.copy(to, finalValue(window + WINDOW_BODY, room, length), length);
  const revision = load<u64>(window, WINDOW_REVISION);
  endRecord(load<i64>(pane, PANE_START), load<i64>(pane, PANE_END), revision, 0, to + length);
}

/** The most that one event applied to the query takes from the arena, its key `keyBytes` long. */
export function windowGrowthBytes(query: usize, keyBytes: usize): usize {
  return (
    blockBytes(load<u32>(query, QUERY_WINDOW_BYTES)) +
    blockBytes(PANE_BYTES) +
    blockBytes(KEY_HEADER_BYTES + keyBytes) +
    inputGrowthBytes(query)
  );
}
