// What the push at hand has to tell: the records it touched, a list in scratch. At the end of the
// push those that are still open become updates (tell.ts).

import { EMIT_ALL, QUERY_EMIT } from "./layout";
import { scratch, scratchAlloc } from "./regions";
import { touch } from "./told";
import { isWatched } from "./watch";

let pushStart: i64 = 0;
let list: i32 = 0;
export let touchedCount: u32 = 0;

export function beginTouching(position: u64): void {
  pushStart = <i64>position;
  touchedCount = 0;
}

export function reserveTouched(touches: u32): bool {
  list = scratchAlloc(<usize>touches << 2);
  return list >= 0;
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
