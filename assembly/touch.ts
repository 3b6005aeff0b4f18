// What the push at hand has to tell: the records it touched, in scratch, as a list, and as a set of
// those that are still open. At the end of the push these become updates (tell.ts).
//
// A record enters the set when an event is first applied to it in this push, and leaves it when it
// is final, so whatever is found there is open, even where the arena has reused an address since.
//
//   slot, u32:  ┌──────────────┬──────┬───────┐
//               │ record    28 │ told │ known │      0: empty
//               └──────────────┴──────┴───────┘
//
// Open addressing, at most three quarters full; zeros only once something is touched.

import { EMIT_ALL, QUERY_EMIT } from "./layout";
import { scratch, scratchAlloc } from "./regions";
import { isWatched } from "./watch";

/** There was a row of the record, as its window still is, before this push. */
const KNOWN: u32 = 1;
const TOLD: u32 = 2;
const RECORD: u32 = ~15;

let pushStart: i64 = 0;
let list: i32 = 0;
export let touchedCount: u32 = 0;

let set: i32 = 0;
let setBits: u32 = 0;
/** Whether the slots are those of this push; before, nothing is touched. */
let isOpen: bool = false;

export function beginTouching(position: u64): void {
  pushStart = <i64>position;
  touchedCount = 0;
  isOpen = false;
}

export function reserveTouched(touches: u32): bool {
  list = scratchAlloc(<usize>touches << 2);
  setBits = 4;
  while (<u64>touches * 4 > <u64>3 << setBits) setBits++;
  if (list < 0 || setBits > 28) return false;
  set = scratchAlloc(<usize>4 << setBits);
  return set >= 0;
}

/** An event was applied to the record, the last one before it at position `before`. */
export function touchRecord(index: u32, query: usize, record: usize, before: i64): void {
  // What is the same for all events is asked before what nobody can foresee.
  if (load<u8>(query, QUERY_EMIT) != EMIT_ALL && !isWatched(index)) return;
  if (before >= pushStart) return;
  touch(record, before >= 0);
  setTouched(touchedCount++, record);
}

/** What an event was applied to in this push is now part of the record. */
export function carryTouch(
  index: u32,
  query: usize,
  record: usize,
  before: i64,
  other: i64,
): void {
  if (other >= pushStart) touchRecord(index, query, record, before);
}

@inline
export function touchedAt(index: u32): usize {
  return load<u32>(scratch + list + (<usize>index << 2));
}

@inline
export function setTouched(index: u32, record: usize): void {
  store<u32>(scratch + list + (<usize>index << 2), <u32>record);
}

// ── the set ────────────────────────────────────────────────────────────────────────────────────

@inline
function home(record: usize): u32 {
  return (<u32>record * 0x9e3779b1) >> (32 - setBits);
}

@inline
function slotAt(index: u32): usize {
  return scratch + set + (<usize>index << 2);
}

@inline
function slotAfter(index: u32): u32 {
  return (index + 1) & ((1 << setBits) - 1);
}

/** The slot of the record, or where it would be. */
function find(record: usize): u32 {
  let i = home(record);
  while (true) {
    const at = load<u32>(slotAt(i));
    if (at == 0 || (at & RECORD) == <u32>record) return i;
    i = slotAfter(i);
  }
}

function touch(record: usize, known: bool): void {
  if (!isOpen) memory.fill(scratch + set, 0, <usize>4 << setBits);
  isOpen = true;
  const slot = slotAt(find(record));
  if (!load<u32>(slot)) store<u32>(slot, <u32>record | (known ? KNOWN : 0));
}

/** Whether the record is open and was touched, and not told yet; then it is told now. */
export function tell(record: usize): bool {
  const slot = slotAt(find(record));
  const is = load<u32>(slot);
  if (!is || is & TOLD) return false;
  store<u32>(slot, is | TOLD);
  return true;
}

/**
 * Whether there was a row of the record, as its window still is, before this push; from now on
 * there was none. `stays`: the record goes on, with another window.
 */
export function forgetRow(record: usize, stays: bool): bool {
  const slot = isOpen ? slotAt(find(record)) : 0;
  const is = slot ? load<u32>(slot) : 0;
  if (is) store<u32>(slot, is & ~KNOWN);
  else if (stays) touch(record, false);
  return !is || (is & KNOWN) != 0;
}

/** The record is no longer open. */
export function untouch(record: usize): void {
  if (!isOpen) return;
  let hole = find(record);
  if (!load<u32>(slotAt(hole))) return;
  const mask: u32 = (1 << setBits) - 1;
  for (let i = slotAfter(hole); ; i = slotAfter(i)) {
    const other = load<u32>(slotAt(i));
    if (!other) break;
    const from = home(other & RECORD);
    if (((i - from) & mask) < ((i - hole) & mask)) continue;
    store<u32>(slotAt(hole), other);
    hole = i;
  }
  store<u32>(slotAt(hole), 0);
}
