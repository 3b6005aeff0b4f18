// Late events: counted for ever, the newest LATE_LISTED_MAX of each query listed.
//
//   ring, one a query:  ┌──────────┬───────┬─────┬────────┐
//                       │ position │ start │ end │ lateMs │ …      entry n at slot n % capacity
//                       └──────────┴───────┴─────┴────────┘
//
// The ring doubles until it holds all that is listed, so a query that is never late costs nothing.

import {
  LATE_BYTES,
  LATE_END,
  LATE_LISTED_MAX,
  LATE_MS,
  LATE_POSITION,
  LATE_START,
} from "./layout";
import { alloc, free } from "./arena";
import { needBlocks } from "./need";
import { Q_LATE, Q_LATE_LIST, Q_LISTED, increment, queryState } from "./state";

const CAPACITY_FIRST: u32 = 4;

function capacityAfter(capacity: u32): u32 {
  return capacity == 0 ? CAPACITY_FIRST : min<u32>(capacity * 2, LATE_LISTED_MAX);
}

function widen(list: usize, capacity: u32): void {
  const before = <usize>load<u32>(list);
  const wider = capacityAfter(capacity);
  const ring = alloc(<usize>wider * LATE_BYTES);
  if (before) {
    // Not yet wrapped: the ring was as long as the count.
    memory.copy(ring, before, <usize>capacity * LATE_BYTES);
    free(before, <usize>capacity * LATE_BYTES);
  }
  store<u32>(list, <u32>ring);
  store<u32>(list, wider, 4);
}

/** Counts a late event, and lists it. */
export function addLate(index: u32, position: u64, start: i64, end: i64, lateMs: i64): void {
  increment(queryState(index) + Q_LATE);
  listLate(index, position, start, end, lateMs);
}

/** Lists what is late; the facts of a span are counted apart. */
export function listLate(index: u32, position: u64, start: i64, end: i64, lateMs: i64): void {
  const state = queryState(index);
  const list = state + Q_LATE_LIST;
  const count = load<u64>(state, Q_LISTED);
  const capacity = load<u32>(list, 4);
  if (count == capacity && capacity < <u32>LATE_LISTED_MAX) widen(list, capacity);
  const entry = <usize>load<u32>(list) + <usize>(count % load<u32>(list, 4)) * LATE_BYTES;
  store<f64>(entry, <f64>position, LATE_POSITION);
  store<i64>(entry, start, LATE_START);
  store<i64>(entry, end, LATE_END);
  store<i64>(entry, lateMs, LATE_MS);
  store<u64>(state, count + 1, Q_LISTED);
}

/**
 * So many windows of an event are late, the first of them [start, end), each next one by `step`
 * later (`startStep` of its start). Only the newest are listed.
 */
export function addLateWindows(
  index: u32,
  position: u64,
  start: i64,
  end: i64,
  step: i64,
  startStep: i64,
  count: i64,
  lateMs: i64,
): void {
  const unlisted = max(count - LATE_LISTED_MAX, <i64>0);
  const late = queryState(index) + Q_LATE;
  // Those that would be pushed out of the list at once are counted only, once it is as long as
  // it gets: until then each widens it.
  for (let i: i64 = 0; i < count; i++) {
    const isFull = load<u32>(queryState(index), Q_LATE_LIST + 4) == <u32>LATE_LISTED_MAX;
    if (isFull && i < unlisted) {
      store<u64>(late, load<u64>(late) + <u64>(unlisted - i));
      i = unlisted;
    }
    addLate(index, position, start + i * startStep, end + i * step, lateMs);
  }
}

/** Copies the listed entries to `to`, oldest first; how many. */
export function copyLate(index: u32, to: usize): u32 {
  const state = queryState(index);
  const ring = <usize>load<u32>(state, Q_LATE_LIST);
  const capacity = <u64>load<u32>(state, Q_LATE_LIST + 4);
  const count = load<u64>(state, Q_LISTED);
  const listed = min(count, capacity);
  for (let i: u64 = count - listed; i < count; i++, to += LATE_BYTES) {
    memory.copy(to, ring + <usize>(i % capacity) * LATE_BYTES, LATE_BYTES);
  }
  return <u32>listed;
}

/** Notes what the list takes from the arena while `more` windows of events are late. */
export function needLate(index: u32, more: u64): void {
  let capacity = load<u32>(queryState(index), Q_LATE_LIST + 4);
  const wanted = load<u64>(queryState(index), Q_LISTED) + more;
  while (capacity < <u32>LATE_LISTED_MAX && wanted > capacity) {
    capacity = capacityAfter(capacity);
    needBlocks(1, <usize>capacity * LATE_BYTES);
  }
}
