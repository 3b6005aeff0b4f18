// Slices: windows that overlap (hopping, cumulate) are pre-aggregated by slice, and merged when a
// window is told. Slices are cut only where windows start and end, at most two per `every`, so an
// event is added once, however many windows hold it.
//
//   hopping, size 10, every 4:     windows  [0 ──────── 10)  [4 ──────── 14)  [8 …
//                                  slices   [0  2)[2  4)[4  6)[6  8)[8  10)…     size mod every = 2
//   cumulate, size 12, every 4:    windows  [0 4) [0 ── 8) [0 ───── 12)
//                                  slices   [0 4) [4 8) [8 12)
//
// A slice is a record in its key's lane. One timer a query stands at the next window to become
// final. When a hopping window is final, the slices of no later window are freed; when a cumulate
// window is, its slices become one, so each is merged once.
//
// Of a query the first window that may still be open follows from the clock alone: windows with
// end + grace at or before it are closed.

import {
  QUERY_EVERY,
  QUERY_GRACE,
  QUERY_OFFSET,
  QUERY_SIZE,
  QUERY_WINDOW_KIND,
  QUERY_WINDOW_BYTES,
  WINDOW_HOPPING,
} from "./layout";
import { beginAccumulators, mergeAccumulators } from "./aggregate";
import { alloc, beginBrief, endBrief } from "./arena";
import { closeKey, internKey, releaseKey } from "./dictionary";
import { beginRecord as beginChange, endRecord as endChange, outIsFull } from "./emit";
import { enterLane, firstKey, laneHead, laneNext, leaveLane, nextKey } from "./lane";
import { addLateWindows } from "./late";
import { floorDiv } from "./civil";
import { encodeOutputs } from "./output";
import { addFinal, openFinalPane } from "./pane";
import { queryProgram } from "./program";
import {
  RECORD_END,
  RECORD_POSITION,
  RECORD_START,
  addToRecord,
  emptyRecord,
  findInLane,
  freeRecord,
  keyOf,
  mergeRecord,
  openInLane,
  relistRecord,
  revisionOf,
  startOf,
  unlistRecord,
} from "./record";
import { NO_TIME, Q_CLOSER, S_CLOCK, S_POSITION, queryState } from "./state";
import { TIMER_CLOSE_SLICES, addTimer, hasTimer, moveTimer, removeTimer } from "./timer";
import { untouch } from "./touch";
import { isTraced, traceApplied, traceLate } from "./trace";
import { UNHEARD, kindOfFinal } from "./watch";

// The closer: the block whose timer stands at the next window to become final.
const CLOSER_QUERY: usize = 8;
const CLOSER_START: usize = 16;
const CLOSER_END: usize = 24;
const CLOSER_BYTES: usize = 32;

// ── windows ────────────────────────────────────────────────────────────────────────────────────

/** A window of the query: set by the functions below. */
export let windowStart: i64 = 0;
export let windowEnd: i64 = 0;

@inline
function every(query: usize): i64 {
  return load<i64>(query, QUERY_EVERY);
}

@inline
function size(query: usize): i64 {
  return load<i64>(query, QUERY_SIZE);
}

@inline
function isHopping(query: usize): bool {
  return load<u8>(query, QUERY_WINDOW_KIND) == WINDOW_HOPPING;
}

/** The greatest multiple of `by`, counted from the query's offset, at or before `time`. */
function alignDown(query: usize, time: i64, by: i64): i64 {
  const offset = load<i64>(query, QUERY_OFFSET);
  return floorDiv(time - offset, by) * by + offset;
}

/** The first window that holds `time`. */
function setFirstWindow(query: usize, time: i64): void {
  const step = every(query);
  if (isHopping(query)) {
    windowStart = alignDown(query, time - size(query), step) + step;
    windowEnd = windowStart + size(query);
  } else {
    windowStart = alignDown(query, time, size(query));
    windowEnd = alignDown(query, time, step) + step;
  }
}

/** The end of the last window that holds `time`. */
function lastEnd(query: usize, time: i64): i64 {
  if (isHopping(query)) return alignDown(query, time, every(query)) + size(query);
  return alignDown(query, time, size(query)) + size(query);
}

/** The window after the one that is set; of cumulate, within the same `size` only. */
function setNextWindow(query: usize): void {
  windowEnd += every(query);
  if (isHopping(query)) windowStart += every(query);
}

/** Moves the window that is set on to the first that is still open when the clock is `clock`. */
function skipClosed(query: usize, clock: i64): void {
  if (clock == NO_TIME) return;
  // Open: clock < end + grace.
  const behind = clock - load<i64>(query, QUERY_GRACE) - windowEnd;
  if (behind < 0) return;
  const steps = behind / every(query) + 1;
  windowEnd += steps * every(query);
  if (isHopping(query)) windowStart += steps * every(query);
}

// ── applying ───────────────────────────────────────────────────────────────────────────────────

/** Where the slice of `time` starts, and ends. */
let sliceEnd: i64 = 0;
function sliceStart(query: usize, time: i64): i64 {
  const step = every(query);
  const base = alignDown(query, time, step);
  const cut = isHopping(query) ? base + size(query) % step : base;
  if (time >= cut) {
    sliceEnd = base + step;
    return cut;
  }
  sliceEnd = cut;
  return base;
}

/** Applies the event whose key is built and whose fields are bound. */
export function applyToSlice(index: u32, query: usize, time: i64, position: u64): void {
  const clock = load<i64>(S_CLOCK);
  const last = lastEnd(query, time);
  setFirstWindow(query, time);
  const start = windowStart;
  const end = windowEnd;
  skipClosed(query, clock);
  const step = every(query);
  const late = min((windowEnd - end) / step, (last - end) / step + 1);
  const startStep = isHopping(query) ? step : 0;
  if (late > 0) {
    if (isTraced(index)) traceLate(time, position, start, end, step, startStep, late);
    addLateWindows(index, position, start, end, step, startStep, late, clock - time);
  }
  if (windowEnd > last) return;
  const open = (last - windowEnd) / step + 1;
  let from = sliceStart(query, time);
  // What lies in a closed cumulate window is one slice with all before it.
  if (!isHopping(query) && sliceEnd < windowEnd) {
    from = windowStart;
    sliceEnd = windowEnd - every(query);
  }
  setCloser(index, query);
  const key = internKey(index, query);
  if (isTraced(index)) {
    traceApplied(time, position, windowStart, windowEnd, step, startStep, open);
  }
  let record = findInLane(key, from);
  if (!record) {
    record = openInLane(query, key, from);
    store<i64>(record, from, RECORD_START);
    store<i64>(record, sliceEnd, RECORD_END);
    enterLane(record);
  }
  addToRecord(index, query, record, open);
}

/** Sets the closer to the window that is set, where that one closes before. */
function setCloser(index: u32, query: usize): void {
  const state = queryState(index);
  let closer = <usize>load<u32>(state, Q_CLOSER);
  if (!closer) {
    closer = alloc(CLOSER_BYTES);
    store<u32>(closer, index, CLOSER_QUERY);
    store<u32>(state, <u32>closer, Q_CLOSER);
  }
  const due = windowEnd + load<i64>(query, QUERY_GRACE);
  if (!hasTimer(closer)) addTimer(due, TIMER_CLOSE_SLICES, index, 0, 0, closer);
  else if (windowEnd < load<i64>(closer, CLOSER_END)) moveTimer(closer, due);
  else return;
  store<i64>(closer, windowStart, CLOSER_START);
  store<i64>(closer, windowEnd, CLOSER_END);
}

// ── merging ────────────────────────────────────────────────────────────────────────────────────

/** What `mergeWindow` found beside the accumulators. */
let mergedRevision: u64 = 0;
let mergedPosition: i64 = 0;

/** A brief record of all that the key has in [start, end); 0 where it has nothing. */
function mergeWindow(query: usize, key: usize, start: i64, end: i64): usize {
  let merged: usize = 0;
  mergedRevision = 0;
  mergedPosition = -1;
  for (let slice = laneHead(key); slice; slice = laneNext(slice)) {
    if (startOf(slice) < start) continue;
    if (startOf(slice) >= end) break;
    if (!merged) {
      merged = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
      beginAccumulators(query, merged);
    }
    mergeAccumulators(query, merged, slice);
    mergedRevision += revisionOf(slice);
    mergedPosition = max(mergedPosition, load<i64>(slice, RECORD_POSITION));
  }
  return merged;
}

/** Writes the change or row of the key's window [start, end), if it has anything in it. */
export function writeWindow(kind: u32, index: u32, key: usize, start: i64, end: i64): void {
  const query = queryProgram(index);
  beginBrief();
  const merged = mergeWindow(query, key, start, end);
  if (merged) {
    const to = beginChange(kind, false, index, key);
    const valueEnd = encodeOutputs(to, query, merged);
    endChange(start, end, mergedRevision, <u64>mergedPosition, valueEnd);
  }
  endBrief();
}

// ── closing ────────────────────────────────────────────────────────────────────────────────────

/** Where closing stands: the next key, and the pane of final rows. */
let closingKey: usize = 0;
let closingPane: usize = 0;
let closingBegun: bool = false;

function closeKeyWindow(index: u32, query: usize, key: usize, start: i64, end: i64): void {
  beginBrief();
  const merged = mergeWindow(query, key, start, end);
  const kind = kindOfFinal(index);
  const to = beginChange(kind, true, index, key);
  const valueEnd = merged ? encodeOutputs(to, query, merged) : to;
  endBrief();
  if (!merged) return;
  if (kind != UNHEARD) {
    endChange(start, end, mergedRevision + 1, load<u64>(S_POSITION), valueEnd);
  }
  addFinal(closingPane, key, mergedRevision + 1, to, valueEnd - to);
}

function freeSlice(index: u32, query: usize, slice: usize): void {
  emptyRecord(index, query, slice);
  unlistRecord(slice, startOf(slice));
  leaveLane(slice);
  untouch(slice);
  const key = keyOf(slice);
  freeRecord(query, slice);
  closeKey(key);
  releaseKey(key);
}

/** After the hopping window from `start`: frees the key's slices that no later window holds. */
function freeBefore(index: u32, query: usize, key: usize, start: i64): void {
  let slice = laneHead(key);
  while (slice && startOf(slice) < start) {
    const next = laneNext(slice);
    freeSlice(index, query, slice);
    slice = next;
  }
}

/** After the cumulate window [start, end): its slices become one, from `start` to `end`. */
function joinSlices(index: u32, query: usize, key: usize, start: i64, end: i64): void {
  let first: usize = 0;
  let slice = laneHead(key);
  while (slice && startOf(slice) < end) {
    const next = laneNext(slice);
    if (startOf(slice) >= start) {
      if (first) {
        mergeRecord(index, query, first, slice);
        freeSlice(index, query, slice);
      } else {
        first = slice;
        if (startOf(slice) != start) {
          unlistRecord(slice, startOf(slice));
          store<i64>(slice, start, RECORD_START);
          relistRecord(slice, start);
        }
        store<i64>(slice, end, RECORD_END);
      }
    }
    slice = next;
  }
}

function closeKeyOf(index: u32, query: usize, key: usize, start: i64, end: i64): void {
  closeKeyWindow(index, query, key, start, end);
  if (isHopping(query)) freeBefore(index, query, key, start + every(query));
  else if (end - start == size(query)) freeBefore(index, query, key, end);
  else joinSlices(index, query, key, start, end);
}

/** Makes the closer's window final; false where the buffer of changes is full. */
export function closeSlices(closer: usize, drops: bool): bool {
  const index = load<u32>(closer, CLOSER_QUERY);
  const query = queryProgram(index);
  const start = load<i64>(closer, CLOSER_START);
  const end = load<i64>(closer, CLOSER_END);
  if (!closingBegun) {
    closingBegun = true;
    closingKey = firstKey(index);
    closingPane = openFinalPane(index, query, start, end, drops);
  }
  while (closingKey) {
    if (outIsFull()) return false;
    const next = nextKey(closingKey);
    closeKeyOf(index, query, closingKey, start, end);
    closingKey = next;
  }
  closingBegun = false;
  removeTimer(closer);
  moveOn(index, query);
  return true;
}

/** Sets the closer to the next window that holds anything. */
function moveOn(index: u32, query: usize): void {
  const clock = load<i64>(S_CLOCK);
  let start: i64 = 0;
  let end = i64.MAX_VALUE;
  for (let key = firstKey(index); key; key = nextKey(key)) {
    setFirstWindow(query, startOf(laneHead(key)));
    skipClosed(query, clock);
    if (windowEnd >= end) continue;
    start = windowStart;
    end = windowEnd;
  }
  if (end == i64.MAX_VALUE) return;
  windowStart = start;
  windowEnd = end;
  setCloser(index, query);
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────

/** Where a walk over the open windows of one key stands: the end of the last one written. */
let walked: i64 = NO_TIME;

export function beginWalk(from: i64 = NO_TIME): void {
  walked = from;
}

export function walkedTo(): i64 {
  return walked;
}

/** Sets the first open window that holds the slice and was not walked yet; false where none is. */
function setUnwalked(query: usize, slice: usize): bool {
  setFirstWindow(query, startOf(slice));
  skipClosed(query, load<i64>(S_CLOCK));
  if (walked != NO_TIME && windowEnd <= walked) {
    const steps = (walked - windowEnd) / every(query) + 1;
    windowEnd += steps * every(query);
    if (isHopping(query)) windowStart += steps * every(query);
  }
  return windowEnd <= lastEnd(query, startOf(slice));
}

/**
 * Writes the open windows that hold the slice, but those walked before, and that touch [from, to).
 * The slices of a key come by start. False where the buffer is full; then the same slice again.
 */
export function walkSlice(kind: u32, index: u32, slice: usize, from: i64, to: i64): bool {
  const query = queryProgram(index);
  if (!setUnwalked(query, slice)) return true;
  const last = lastEnd(query, startOf(slice));
  while (windowEnd <= last) {
    if (outIsFull()) return false;
    if (windowStart < to && windowEnd > from) {
      writeWindow(kind, index, keyOf(slice), windowStart, windowEnd);
    }
    walked = windowEnd;
    setNextWindow(query);
  }
  return true;
}

/** How many windows of the query are open and hold anything. */
export function countOpenWindows(index: u32): u64 {
  const query = queryProgram(index);
  let count: u64 = 0;
  for (let key = firstKey(index); key; key = nextKey(key)) {
    beginWalk();
    for (let slice = laneHead(key); slice; slice = laneNext(slice)) {
      if (!setUnwalked(query, slice)) continue;
      const last = lastEnd(query, startOf(slice));
      count += <u64>((last - windowEnd) / every(query)) + 1;
      walked = last;
    }
  }
  return count;
}
