// Spans: the time between two facts about one thing. Facts are taken in event-time order: each
// waits until `T` reaches its stand + wait, a `to` standing at its time + early. Taken so, a thing
// is idle or open:
//
//   idle  ── from ──► open since f        open ── from ──► repeated
//   idle  ── to ────► unmatched           open ── to at or before f + within ──► completed, idle
//                                         open ── T passes f + within + early + wait ──► expired, idle
//
//   thing (40 bytes, then its value):
//   ┌──────┬───────┬───────┬────────┬─────┬──────┬───────┬──────────┬──────────┐
//   │ refs │ timer │ query │ length │ tag │ from │ since │ position │ value …  │
//   └──────┴───────┴───────┴────────┴─────┴──────┴───────┴──────────┴──────────┘
//   fact that waits (40 bytes):
//   ┌───┬───────┬───────┬──────┬───────┬───┬──────┬──────────┐
//   │ – │ timer │ thing │ side │ tuple │ – │ time │ position │
//   └───┴───────┴───────┴──────┴───────┴───┴──────┴──────────┘
//
// A thing is kept while it is open or one of its facts waits (`refs`).

import {
  QUERY_COLUMNS,
  QUERY_EARLY,
  QUERY_ON_FROM,
  QUERY_TO_COLUMNS,
  QUERY_WAIT,
  QUERY_WHERE,
  QUERY_WITHIN,
  TAG_COMPOSITE,
  TAG_NULL,
} from "./layout";
import { alloc, free } from "./arena";
import { keyBuffer } from "./dictionary";
import { encodeValue, encodedBytes } from "./encode";
import { bindFields, evaluate, holds, tagAt } from "./expression";
import { completeFrame, fillFromSpan } from "./frame";
import {
  hashMember,
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
import { listLate } from "./late";
import { needBlocks, needBlocksUpTo } from "./need";
import { queryProgram } from "./program";
import {
  NO_TIME,
  Q_LATE_FACTS,
  Q_REPEATED,
  Q_UNKEYED,
  Q_UNMATCHED,
  S_CLOCK,
  S_POSITION,
  S_THINGS,
  increment,
  queryState,
} from "./state";
import { TIMER_EXPIRE, TIMER_FACT, addTimer, postpone, removeTimer } from "./timer";
import { isTraced, traceSpan } from "./trace";
import { freeTuple, makeTuple } from "./tuple";
import { addWaiting } from "./wait";
import { applyToQuery } from "./window";

export const SIDE_FROM: u32 = 0;
export const SIDE_TO: u32 = 1;

const THING_REFS: usize = 0;
const THING_QUERY: usize = 8;
const THING_LENGTH: usize = 12;
const THING_TAG: usize = 16;
const THING_FROM: usize = 20;
const THING_SINCE: usize = 24;
const THING_POSITION: usize = 32;
const THING_VALUE: usize = 40;

const FACT_THING: usize = 8;
const FACT_SIDE: usize = 12;
const FACT_TUPLE: usize = 16;
const FACT_TIME: usize = 24;
const FACT_POSITION: usize = 32;
const FACT_BYTES: usize = 40;

// ── things ─────────────────────────────────────────────────────────────────────────────────────

function findThing(index: u32, value: usize): usize {
  const length = encodedBytes(value);
  const key = keyBuffer();
  encodeValue(key, value);
  const tag = tagOf(hashMember(index, key, length));
  if (tableBits(S_THINGS) != 0) {
    const table = tableFor(S_THINGS, tag);
    let i = home(table, tag);
    for (let thing = slotRef(table, i); thing; thing = slotRef(table, i)) {
      const same =
        slotTag(table, i) == tag &&
        load<u32>(thing, THING_QUERY) == index &&
        load<u32>(thing, THING_LENGTH) == <u32>length &&
        memory.compare(thing + THING_VALUE, key, length) == 0;
      if (same) return thing;
      i = slotAfter(table, i);
    }
  }
  const thing = alloc(THING_VALUE + length);
  store<u32>(thing, index, THING_QUERY);
  store<u32>(thing, <u32>length, THING_LENGTH);
  store<u32>(thing, tag, THING_TAG);
  memory.copy(thing + THING_VALUE, key, length);
  tableInsert(S_THINGS, tag, thing);
  return thing;
}

function hold(thing: usize): void {
  store<u32>(thing, load<u32>(thing, THING_REFS) + 1, THING_REFS);
}

function release(thing: usize): void {
  const refs = load<u32>(thing, THING_REFS) - 1;
  store<u32>(thing, refs, THING_REFS);
  if (refs) return;
  tableRemove(S_THINGS, load<u32>(thing, THING_TAG), thing);
  free(thing, THING_VALUE + load<u32>(thing, THING_LENGTH));
}

// ── facts ──────────────────────────────────────────────────────────────────────────────────────

/** Whether the fact at hand is taken while the clock rests, not as it passes through timers. */
let atRest: bool = false;

/** A fact arrives: it is taken at once, waits, or is late. */
export function addFact(
  index: u32,
  side: u32,
  row: usize,
  text: usize,
  time: i64,
  position: u64,
): void {
  const query = queryProgram(index);
  const state = queryState(index);
  bindFields(row, text);
  const on = evaluate(load<u32>(query, QUERY_ON_FROM));
  if (tagAt(on) == TAG_NULL || tagAt(on) == TAG_COMPOSITE) return increment(state + Q_UNKEYED);
  const stands = side == SIDE_TO ? time + load<i64>(query, QUERY_EARLY) : time;
  const due = stands + load<i64>(query, QUERY_WAIT);
  const clock = load<i64>(S_CLOCK);
  if (clock > due) {
    increment(state + Q_LATE_FACTS);
    return listLate(index, position, NO_TIME, NO_TIME, clock - time);
  }
  const thing = findThing(index, on);
  const columns =
    side == SIDE_TO ? load<u32>(query, QUERY_TO_COLUMNS) : load<u32>(query, QUERY_COLUMNS);
  const tuple = makeTuple(columns, row, text);
  hold(thing);
  if (clock == due) {
    atRest = true;
    return takeFact(thing, side, time, position, tuple);
  }
  const fact = alloc(FACT_BYTES);
  store<u32>(fact, <u32>thing, FACT_THING);
  store<u32>(fact, side, FACT_SIDE);
  store<u32>(fact, <u32>tuple, FACT_TUPLE);
  store<i64>(fact, time, FACT_TIME);
  store<u64>(fact, position, FACT_POSITION);
  addTimer(due, TIMER_FACT, index, side, position, fact);
  addWaiting(index, 1);
}

/** The fact has waited. */
export function takeWaitingFact(fact: usize): void {
  const thing = <usize>load<u32>(fact, FACT_THING);
  const side = load<u32>(fact, FACT_SIDE);
  const tuple = <usize>load<u32>(fact, FACT_TUPLE);
  const time = load<i64>(fact, FACT_TIME);
  const position = load<u64>(fact, FACT_POSITION);
  removeTimer(fact);
  free(fact, FACT_BYTES);
  addWaiting(load<u32>(thing, THING_QUERY), -1);
  atRest = false;
  takeFact(thing, side, time, position, tuple);
}

/** Takes a fact in its turn. The thing is held for it. */
function takeFact(thing: usize, side: u32, time: i64, position: u64, tuple: usize): void {
  const index = load<u32>(thing, THING_QUERY);
  const isOpen = load<u32>(thing, THING_FROM) != 0;
  if (side == SIDE_FROM) {
    if (isOpen) {
      increment(queryState(index) + Q_REPEATED);
      freeTuple(tuple);
    } else open(thing, time, position, tuple);
  } else {
    if (isOpen) complete(thing, time, position, tuple);
    else increment(queryState(index) + Q_UNMATCHED);
    freeTuple(tuple);
  }
  release(thing);
}

function open(thing: usize, time: i64, position: u64, tuple: usize): void {
  const index = load<u32>(thing, THING_QUERY);
  const query = queryProgram(index);
  hold(thing);
  store<u32>(thing, <u32>tuple, THING_FROM);
  store<i64>(thing, time, THING_SINCE);
  store<u64>(thing, position, THING_POSITION);
  const instant =
    time +
    load<i64>(query, QUERY_WITHIN) +
    load<i64>(query, QUERY_EARLY) +
    load<i64>(query, QUERY_WAIT);
  addTimer(instant, TIMER_EXPIRE, index, 0, position, thing);
  // Where the clock only passes through, the expiry still comes before the closes of its instant.
  if (atRest && load<i64>(S_CLOCK) == instant) postpone(thing);
}

/** The thing is idle again. What `close` frees was told before. */
function close(thing: usize): void {
  freeTuple(load<u32>(thing, THING_FROM));
  store<u32>(thing, 0, THING_FROM);
  release(thing);
}

function complete(thing: usize, time: i64, position: u64, tuple: usize): void {
  const since = load<i64>(thing, THING_SINCE);
  removeTimer(thing);
  tellSpan(thing, tuple, since, time, time, position);
  close(thing);
}

/** The clock passed the span's instant, and reads it. */
export function expire(thing: usize): void {
  const query = queryProgram(load<u32>(thing, THING_QUERY));
  const since = load<i64>(thing, THING_SINCE);
  removeTimer(thing);
  const time = since + load<i64>(query, QUERY_WITHIN);
  tellSpan(thing, 0, since, NO_TIME, time, load<u64>(thing, THING_POSITION));
  close(thing);
}

/** A span is an event at its own time. */
function tellSpan(
  thing: usize,
  to: usize,
  start: i64,
  end: i64,
  time: i64,
  position: u64,
): void {
  const index = load<u32>(thing, THING_QUERY);
  const query = queryProgram(index);
  fillFromSpan(query, load<u32>(thing, THING_FROM), to, start, end, time);
  completeFrame(query, time);
  if (!holds(load<u32>(query, QUERY_WHERE))) return;
  if (isTraced(index)) traceSpan(load<u64>(thing, THING_POSITION));
  applyToQuery(index, query, time, position, load<u64>(S_POSITION), false);
}

export function factQuery(fact: usize): u32 {
  return load<u32>(load<u32>(fact, FACT_THING), THING_QUERY);
}

export function thingQuery(thing: usize): u32 {
  return load<u32>(thing, THING_QUERY);
}

/** Notes what a fact takes, beside its tuple, its value at most `valueBytes` long. */
export function needFact(valueBytes: usize): void {
  needBlocks(1, FACT_BYTES);
  needBlocksUpTo(1, THING_VALUE + valueBytes);
}
