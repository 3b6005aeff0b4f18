// Timers: what happens by itself when the clock gets there. A binary heap, earliest first; at one
// instant in the order of semantics.md: by class, then by query, then `from` before `to`, then by
// position. It lies in segments, each twice as long as the one before it, and none is ever moved:
//
//   ┌───────┬──────────┬──────────────────────────────┐
//   │ count │ segments │ address of each u32, 8 × 2^n │
//   └───────┴──────────┴──────────────────────────────┘
//
//   timer (24 bytes):  ┌──────┬──────────────────────────────────────────┬─────────┬───┐
//                      │ time │ class 4 │ query 8 │ side 1 │ position 51 │ subject │ – │
//                      └──────┴──────────────────────────────────────────┴─────────┴───┘
//
// A subject is a block of the arena that has at most one timer, and keeps its place in the heap,
// plus one, at TIMER_INDEX: so a timer can be moved or taken away with what it is for.
//
// A session grows with most of its events. Its timer is moved when it comes to be the first
// (session.ts, `settleFirst`): until then it may stand earlier than what it is for.

import { alloc } from "./arena";
import { needBlocks } from "./need";
import { dueOf } from "./session";
import { S_TIMERS, TIMER_SEGMENTS } from "./state";

/**
 * A span expires once the clock goes beyond its instant. Where the clock stood at that very instant
 * (`postpone`), the expiry is the first thing that happens when it goes on, and still reads it.
 */
export const TIMER_OVERDUE: u32 = 0;
/** A fact of a span has waited. */
export const TIMER_FACT: u32 = 1;
/** An event of a query with `wait` has waited. */
export const TIMER_EVENT: u32 = 2;
export const TIMER_EXPIRE: u32 = 3;
/** Windows become final: of a pane, of slices, of a session. */
export const TIMER_CLOSE_PANE: u32 = 4;
export const TIMER_CLOSE_SLICES: u32 = 5;
export const TIMER_CLOSE_SESSION: u32 = 6;
/** Final rows leave the view: of a pane, of a session. */
export const TIMER_DROP_PANE: u32 = 7;
export const TIMER_DROP_SESSION: u32 = 8;
/** The end of a key's newest final session is forgotten. */
export const TIMER_FORGET: u32 = 9;

/** In every subject: its timer's place in the heap, plus one; 0 where it has none. */
export const TIMER_INDEX: usize = 4;

const TIME: usize = 0;
const ORDER: usize = 8;
const SUBJECT: usize = 16;
const TIMER_BYTES: usize = 24;
/** Of the first segment: so many timers, as a power of two. */
const FIRST_BITS: u32 = 3;
const FIRST: u32 = 1 << FIRST_BITS;

const SEGMENTS: usize = 4;
const ADDRESSES: usize = 8;

const CLASS_SHIFT: u64 = 60;
const QUERY_SHIFT: u64 = 52;
const SIDE_SHIFT: u64 = 51;

@inline
export function timerCount(): u32 {
  return load<u32>(S_TIMERS);
}

/** How many timers so many segments hold. */
@inline
function capacity(segments: u32): u64 {
  return (<u64>FIRST << segments) - FIRST;
}

@inline
function at(index: u32): usize {
  const place = index + FIRST;
  const bits: u32 = 31 - clz(place);
  const segment = load<u32>(S_TIMERS + ADDRESSES + (<usize>(bits - FIRST_BITS) << 2));
  return segment + <usize>(place ^ (1 << bits)) * TIMER_BYTES;
}

function isBefore(a: usize, b: usize): bool {
  const x = load<i64>(a, TIME);
  const y = load<i64>(b, TIME);
  return x < y || (x == y && load<u64>(a, ORDER) < load<u64>(b, ORDER));
}

function widen(): void {
  const segments = load<u32>(S_TIMERS, SEGMENTS);
  assert(segments < TIMER_SEGMENTS);
  const fresh = alloc((<usize>FIRST << segments) * TIMER_BYTES);
  store<u32>(S_TIMERS + ADDRESSES + (<usize>segments << 2), <u32>fresh);
  store<u32>(S_TIMERS, segments + 1, SEGMENTS);
}

/** Writes the timer at `from` to place `index`. */
function put(index: u32, time: i64, order: u64, subject: usize): void {
  const to = at(index);
  store<i64>(to, time, TIME);
  store<u64>(to, order, ORDER);
  store<u32>(to, <u32>subject, SUBJECT);
  store<u32>(subject, index + 1, TIMER_INDEX);
}

@inline
function move(from: u32, to: u32): void {
  const timer = at(from);
  put(to, load<i64>(timer, TIME), load<u64>(timer, ORDER), load<u32>(timer, SUBJECT));
}

/** Puts a timer into the free place `index`, or where it belongs from there: up, else down. */
function settle(index: u32, time: i64, order: u64, subject: usize): void {
  let i = index;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const above = load<i64>(at(parent), TIME);
    if (time > above || (time == above && order >= load<u64>(at(parent), ORDER))) break;
    move(parent, i);
    i = parent;
  }
  if (i < index) put(i, time, order, subject);
  else sink(index, time, order, subject);
}

/** The same of one that is not before those above. */
function sink(index: u32, time: i64, order: u64, subject: usize): void {
  let i = index;
  const count = timerCount();
  while (true) {
    let child: u32 = 2 * i + 1;
    if (child >= count) break;
    if (child + 1 < count && isBefore(at(child + 1), at(child))) child++;
    const below = load<i64>(at(child), TIME);
    if (below > time || (below == time && load<u64>(at(child), ORDER) >= order)) break;
    move(child, i);
    i = child;
  }
  put(i, time, order, subject);
}

/** Sets the timer of a subject that has none. `side`: 1 for a `to`, else 0. */
export function addTimer(
  time: i64,
  kind: u32,
  query: u32,
  side: u32,
  position: u64,
  subject: usize,
): void {
  assert(load<u32>(subject, TIMER_INDEX) == 0);
  const count = timerCount();
  if (count == capacity(load<u32>(S_TIMERS, SEGMENTS))) widen();
  store<u32>(S_TIMERS, count + 1);
  const order =
    (<u64>kind << CLASS_SHIFT) |
    (<u64>query << QUERY_SHIFT) |
    (<u64>side << SIDE_SHIFT) |
    position;
  settle(count, time, order, subject);
}

export function removeTimer(subject: usize): void {
  const index = load<u32>(subject, TIMER_INDEX) - 1;
  const last = timerCount() - 1;
  assert(<usize>load<u32>(at(index), SUBJECT) == subject);
  store<u32>(subject, 0, TIMER_INDEX);
  store<u32>(S_TIMERS, last);
  const time = load<i64>(at(last), TIME);
  const order = load<u64>(at(last), ORDER);
  const moved = <usize>load<u32>(at(last), SUBJECT);
  memory.fill(at(last), 0, TIMER_BYTES);
  if (index != last) settle(index, time, order, moved);
}

export function hasTimer(subject: usize): bool {
  return load<u32>(subject, TIMER_INDEX) != 0;
}

/** The instant of the subject's timer; it has one. */
export function timeOf(subject: usize): i64 {
  return load<i64>(at(load<u32>(subject, TIMER_INDEX) - 1), TIME);
}

/** Moves the subject's timer to another instant. */
export function moveTimer(subject: usize, time: i64): void {
  const index = load<u32>(subject, TIMER_INDEX) - 1;
  const order = load<u64>(at(index), ORDER);
  if (time > load<i64>(at(index), TIME)) sink(index, time, order, subject);
  else settle(index, time, order, subject);
}

/** An expiry whose instant the clock stands at happens 1 ms on, before all else. */
export function postpone(subject: usize): void {
  const index = load<u32>(subject, TIMER_INDEX) - 1;
  const rest = load<u64>(at(index), ORDER) & ((<u64>1 << CLASS_SHIFT) - 1);
  store<u64>(at(index), rest | (<u64>TIMER_OVERDUE << CLASS_SHIFT), ORDER);
  moveTimer(subject, timeOf(subject) + 1);
}

/** The earliest; there is one. */
export function firstTime(): i64 {
  return load<i64>(at(0), TIME);
}

export function firstKind(): u32 {
  return <u32>(load<u64>(at(0), ORDER) >> CLASS_SHIFT);
}

export function firstSubject(): usize {
  return load<u32>(at(0), SUBJECT);
}

// ── the timers that a clock would pass ─────────────────────────────────────────────────────────

/** The end of a walk over them. */
export const NO_TIMER: u32 = u32.MAX_VALUE;

function isDue(index: u32, time: i64): bool {
  return index < timerCount() && load<i64>(at(index), TIME) <= time;
}

export function firstDue(time: i64): u32 {
  return isDue(0, time) ? 0 : NO_TIMER;
}

/** The next after place `index`, in no order: none stands below one that is not due. */
export function nextDue(index: u32, time: i64): u32 {
  let i: u32 = 2 * index + 1;
  while (!isDue(i, time)) {
    // Right children have even places: up, until there is a sibling to the right.
    while (i != 0 && (i & 1) == 0) i = (i - 1) >> 1;
    if (i == 0) return NO_TIMER;
    i++;
  }
  return i;
}

export function kindAt(index: u32): u32 {
  return <u32>(load<u64>(at(index), ORDER) >> CLASS_SHIFT);
}

export function subjectAt(index: u32): usize {
  return load<u32>(at(index), SUBJECT);
}

/** When what stands at place `index` happens; i64.MAX_VALUE where nobody is told of it. */
function tellingTime(index: u32): i64 {
  const kind = kindAt(index);
  if (kind >= TIMER_DROP_PANE) return i64.MAX_VALUE;
  if (kind == TIMER_CLOSE_SESSION) return dueOf(subjectAt(index));
  return load<i64>(at(index), TIME) + (kind == TIMER_EXPIRE ? 1 : 0);
}

/**
 * The first instant of the clock at which something is told or taken, the forgetting of rows left
 * out; i64.MAX_VALUE where there is nothing.
 */
export function firstTellingTime(): i64 {
  let first = i64.MAX_VALUE;
  // Only below a timer that is earlier than the best yet may a better one stand.
  let index: u32 = firstDue(i64.MAX_VALUE);
  while (index != NO_TIMER) {
    first = min(first, tellingTime(index));
    index = nextDue(index, first - 1);
  }
  return first;
}

/** Notes what `more` timers take from the arena. */
export function needTimers(more: u64): void {
  let segments = load<u32>(S_TIMERS, SEGMENTS);
  while (<u64>timerCount() + more > capacity(segments)) {
    // So many do not fit in any memory.
    if (segments == TIMER_SEGMENTS) return needBlocks(2, 1 << 30);
    needBlocks(1, (<usize>FIRST << segments++) * TIMER_BYTES);
  }
}
