// The view, read: the rows of one query, of all keys or of one, open ones from their accumulators,
// final ones as they were encoded. The walk stops where the buffer is full and goes on from there.

import {
  CHANGE_ROW,
  QUERY_WINDOW_KIND,
  WINDOW_GLOBAL,
  WINDOW_HOPPING,
  WINDOW_SESSION,
} from "./layout";
import { beginRecord as beginChange, endRecord as endChange, outIsFull } from "./emit";
import { firstKey, laneHead, laneNext, nextKey } from "./lane";
import { isFinalPane, paneEnd, paneHead, paneNext, paneQuery, paneStart, rowValue } from "./pane";
import { queryProgram } from "./program";
import {
  RECORD_LENGTH,
  RECORD_NEXT,
  endOf,
  findInPane,
  keyOf,
  revisionOf,
  startOf,
} from "./record";
import { writeFinalSession, writeSession } from "./session";
import { beginWalk, walkSlice, walkedTo } from "./slice";
import { Q_FINALS, Q_PANES, queryState } from "./state";
import { writeInPane } from "./tell";

let query: u32 = 0;
/** The key whose rows are read, 0: those of all. */
let only: usize = 0;
let pane: usize = 0;
let inPane: usize = 0;
let key: usize = 0;
let inLane: usize = 0;
let final: usize = 0;

/** Of one key where it is not 0. */
export function beginRows(index: u32, one: usize): void {
  query = index;
  only = one;
  const state = queryState(index);
  beginPane(load<u32>(state, Q_PANES));
  key = one || firstKey(index);
  inLane = key ? laneHead(key) : 0;
  final = load<u32>(state, Q_FINALS);
  beginWalk();
}

/** A walk that stands aside while others read: query, pane, in it, key, in it, final, walked. */
const parked: usize = memory.data(32, 8);

/** What is walked stays as it is until `resumeRows`: no state moves. */
export function parkRows(): void {
  store<u32>(parked, query);
  store<u32>(parked, <u32>pane, 4);
  store<u32>(parked, <u32>inPane, 8);
  store<u32>(parked, <u32>key, 12);
  store<u32>(parked, <u32>inLane, 16);
  store<u32>(parked, <u32>final, 20);
  store<i64>(parked, walkedTo(), 24);
}

/** Of all keys. */
export function resumeRows(): void {
  query = load<u32>(parked);
  only = 0;
  pane = load<u32>(parked, 4);
  inPane = load<u32>(parked, 8);
  key = load<u32>(parked, 12);
  inLane = load<u32>(parked, 16);
  final = load<u32>(parked, 20);
  beginWalk(load<i64>(parked, 24));
}

/** There is nothing to read. */
export function beginNoRows(): void {
  pane = key = final = 0;
}

function beginPane(next: usize): void {
  pane = next;
  // Final rows are in no table: they are looked through.
  const isFound = only && next && !isFinalPane(next);
  inPane = isFound ? findInPane(only, next) : next ? paneHead(next) : 0;
}

@inline
function isAsked(record: usize): bool {
  return !only || keyOf(record) == only;
}

/** Writes the rows whose windows touch [from, to); false where the buffer is full. */
export function writeRows(from: i64, to: i64): bool {
  return writePanes(from, to) && writeLanes(from, to) && writeFinals(from, to);
}

function writePanes(from: i64, to: i64): bool {
  const isGlobal = load<u8>(queryProgram(query), QUERY_WINDOW_KIND) == WINDOW_GLOBAL;
  while (pane) {
    const touches = isGlobal || (paneStart(pane) < to && paneEnd(pane) > from);
    while (touches && inPane) {
      if (outIsFull()) return false;
      const isFinal = isFinalPane(pane);
      if (!isFinal) writeInPane(CHANGE_ROW, inPane);
      else if (isAsked(inPane)) writeFinal(inPane);
      inPane = only && !isFinal ? 0 : load<u32>(inPane, RECORD_NEXT);
    }
    beginPane(paneNext(pane));
  }
  return true;
}

function writeFinal(record: usize): void {
  const to = beginChange(CHANGE_ROW, true, paneQuery(pane), keyOf(record));
  const length = <usize>load<u32>(record, RECORD_LENGTH);
  memory.copy(to, rowValue(queryProgram(query), record), length);
  endChange(paneStart(pane), paneEnd(pane), revisionOf(record), 0, to + length);
}

function writeLanes(from: i64, to: i64): bool {
  const isSession = load<u8>(queryProgram(query), QUERY_WINDOW_KIND) == WINDOW_SESSION;
  while (key) {
    while (inLane) {
      if (outIsFull()) return false;
      if (isSession) {
        if (startOf(inLane) < to && endOf(inLane) > from) writeSession(CHANGE_ROW, inLane);
      } else if (!walkSlice(CHANGE_ROW, query, inLane, from, to)) return false;
      inLane = laneNext(inLane);
    }
    key = only ? 0 : nextKey(key);
    inLane = key ? laneHead(key) : 0;
    beginWalk();
  }
  return true;
}

function writeFinals(from: i64, to: i64): bool {
  while (final) {
    if (outIsFull()) return false;
    if (isAsked(final) && startOf(final) < to && endOf(final) > from) writeFinalSession(final);
    final = load<u32>(final, RECORD_NEXT);
  }
  return true;
}

/** Whether reading the query merges slices for a moment, which takes room. */
export function readsSlices(index: u32): bool {
  const kind = <u32>load<u8>(queryProgram(index), QUERY_WINDOW_KIND);
  return kind >= <u32>WINDOW_HOPPING && kind != WINDOW_SESSION;
}
