// Timers: what happens by itself when the clock gets there. A binary heap, earliest first; at one
// instant by kind, as semantics.md orders them, then by query.
//
//   timer (16 bytes):  ┌──────┬──────┬──────┐
//                      │ time │ kind │ pane │
//                      └──────┴──────┴──────┘

import { alloc, blockBytes, free } from "./arena";
import { S_TIMERS } from "./state";

/** A pane's windows become final. */
export const TIMER_CLOSE: u32 = 1;
/** A pane's final rows leave the view. */
export const TIMER_DROP: u32 = 2;

const TIME: usize = 0;
const KIND: usize = 8;
const SUBJECT: usize = 12;
const TIMER_BYTES: usize = 16;
const CAPACITY_FIRST: u32 = 8;

@inline
function heap(): usize {
  return load<u32>(S_TIMERS);
}

@inline
function capacity(): u32 {
  return load<u32>(S_TIMERS, 4);
}

@inline
export function timerCount(): u32 {
  return load<u32>(S_TIMERS, 8);
}

@inline
function at(index: u32): usize {
  return heap() + <usize>index * TIMER_BYTES;
}

function isBefore(a: usize, b: usize): bool {
  const x = load<i64>(a, TIME);
  const y = load<i64>(b, TIME);
  return x < y || (x == y && load<u32>(a, KIND) < load<u32>(b, KIND));
}

function widen(): void {
  const before = heap();
  const size = <usize>capacity() * TIMER_BYTES;
  const wider = capacity() == 0 ? CAPACITY_FIRST : capacity() * 2;
  const fresh = alloc(<usize>wider * TIMER_BYTES);
  if (before) {
    memory.copy(fresh, before, size);
    free(before, size);
  }
  store<u32>(S_TIMERS, <u32>fresh);
  store<u32>(S_TIMERS, wider, 4);
}

export function addTimer(time: i64, kind: u32, subject: usize): void {
  const count = timerCount();
  if (count == capacity()) widen();
  store<u32>(S_TIMERS, count + 1, 8);
  let i = count;
  store<i64>(at(i), time, TIME);
  store<u32>(at(i), kind, KIND);
  store<u32>(at(i), <u32>subject, SUBJECT);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!isBefore(at(i), at(parent))) break;
    swap(i, parent);
    i = parent;
  }
}

function swap(i: u32, j: u32): void {
  const a = v128.load(at(i));
  v128.store(at(i), v128.load(at(j)));
  v128.store(at(j), a);
}

/** The earliest; there is one. */
export function firstTime(): i64 {
  return load<i64>(heap(), TIME);
}

export function firstKind(): u32 {
  return load<u32>(heap(), KIND);
}

export function firstSubject(): usize {
  return load<u32>(heap(), SUBJECT);
}

/** Takes the first timer off. */
export function removeFirst(): void {
  const count = timerCount() - 1;
  store<u32>(S_TIMERS, count, 8);
  v128.store(at(0), v128.load(at(count)));
  memory.fill(at(count), 0, TIMER_BYTES);
  let i: u32 = 0;
  while (true) {
    let least = i;
    const left: u32 = 2 * i + 1;
    if (left < count && isBefore(at(left), at(least))) least = left;
    if (left + 1 < count && isBefore(at(left + 1), at(least))) least = left + 1;
    if (least == i) return;
    swap(i, least);
    i = least;
  }
}

/** The most that `more` timers take from the arena. */
export function timerGrowthBytes(more: u32): usize {
  let room = capacity();
  let bytes: usize = 0;
  while (timerCount() + more > room) {
    room = room == 0 ? CAPACITY_FIRST : room * 2;
    bytes += blockBytes(<usize>room * TIMER_BYTES);
  }
  return bytes;
}
