// Waiting: a query that looks things up may take its events only when `T` reaches t + wait, so
// that a version which arrives a little after the event it belongs to is still found.
//
//   waiting event (32 bytes):  ┌──────────┬───────┬───────┬───────┬──────┬──────────┐
//                              │ released │ timer │ query │ tuple │ time │ position │
//                              └──────────┴───────┴───────┴───────┴──────┴──────────┘

import { QUERY_COLUMNS, QUERY_WAIT, QUERY_WHERE } from "./layout";
import { alloc, free } from "./arena";
import { isRelease } from "./batch";
import { holds } from "./expression";
import { completeFrame, fillFromRow, fillFromTuple } from "./frame";
import { needBlocks } from "./need";
import { queryProgram } from "./program";
import { Q_WAITING, S_CLOCK, queryState } from "./state";
import { TIMER_EVENT, addTimer, removeTimer } from "./timer";
import { freeTuple, makeTuple } from "./tuple";
import { applyToQuery } from "./window";

const WAITING_RELEASED: usize = 0;
const WAITING_QUERY: usize = 8;
const WAITING_TUPLE: usize = 12;
const WAITING_TIME: usize = 16;
const WAITING_POSITION: usize = 24;
const WAITING_BYTES: usize = 32;

export function addWaiting(index: u32, by: i64): void {
  const counter = queryState(index) + Q_WAITING;
  store<u64>(counter, load<u64>(counter) + by);
}

/** The query takes the event now, or when it has waited. */
export function takeOrWait(index: u32, row: usize, text: usize, time: i64, position: u64): void {
  const query = queryProgram(index);
  const due = time + load<i64>(query, QUERY_WAIT);
  if (load<i64>(S_CLOCK) >= due || load<i64>(query, QUERY_WAIT) == 0) {
    fillFromRow(query, row, text);
    return take(index, query, time, position, isRelease());
  }
  const waiting = alloc(WAITING_BYTES);
  store<u32>(waiting, isRelease() ? 1 : 0, WAITING_RELEASED);
  store<u32>(waiting, index, WAITING_QUERY);
  store<u32>(waiting, <u32>makeTuple(load<u32>(query, QUERY_COLUMNS), row, text), WAITING_TUPLE);
  store<i64>(waiting, time, WAITING_TIME);
  store<u64>(waiting, position, WAITING_POSITION);
  addTimer(due, TIMER_EVENT, index, 0, position, waiting);
  addWaiting(index, 1);
}

function take(index: u32, query: usize, time: i64, position: u64, released: bool): void {
  completeFrame(query, time);
  if (!holds(load<u32>(query, QUERY_WHERE))) return;
  applyToQuery(index, query, time, position, position, released);
}

/** The event has waited. */
export function takeWaiting(waiting: usize): void {
  const index = load<u32>(waiting, WAITING_QUERY);
  const query = queryProgram(index);
  const tuple = <usize>load<u32>(waiting, WAITING_TUPLE);
  removeTimer(waiting);
  addWaiting(index, -1);
  fillFromTuple(query, tuple);
  const released = load<u32>(waiting, WAITING_RELEASED) != 0;
  const position = load<u64>(waiting, WAITING_POSITION);
  take(index, query, load<i64>(waiting, WAITING_TIME), position, released);
  freeTuple(tuple);
  free(waiting, WAITING_BYTES);
}

export function waitingQuery(waiting: usize): u32 {
  return load<u32>(waiting, WAITING_QUERY);
}

/** Notes what an event that waits takes, beside its tuple. */
export function needWaiting(): void {
  needBlocks(1, WAITING_BYTES);
}
