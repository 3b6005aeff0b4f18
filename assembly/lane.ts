// Lanes: the slices or open sessions of one key, a list by start; and of each query the list of
// keys whose lane is not empty. Most events fall into the newest, so a lane is searched from its
// tail.
//
// Each record has a height, by chance, and knows the last one before it that is higher. A search
// leaps there while it does not leap too far, so it passes a few of many records, in whatever order
// they came (the lane is a treap, told by one way up: Seidel and Aragon, 1996).

import { KEY_HEAD, KEY_NEXT, KEY_PREVIOUS, KEY_TAIL, queryOf } from "./dictionary";
import { RECORD_HIGHER, RECORD_NEXT, RECORD_PREVIOUS, keyOf, startOf } from "./record";
import { Q_KEYS, queryState } from "./state";

@inline
export function laneHead(key: usize): usize {
  return load<u32>(key, KEY_HEAD);
}

@inline
export function laneTail(key: usize): usize {
  return load<u32>(key, KEY_TAIL);
}

@inline
export function laneNext(record: usize): usize {
  return load<u32>(record, RECORD_NEXT);
}

@inline
export function lanePrevious(record: usize): usize {
  return load<u32>(record, RECORD_PREVIOUS);
}

/** The last record of the key that starts at or before `start`, or 0. */
export function laneAtOrBefore(key: usize, start: i64): usize {
  let record = laneTail(key);
  while (record && startOf(record) > start) {
    const higher = higherThan(record);
    record = higher && startOf(higher) > start ? higher : lanePrevious(record);
  }
  return record;
}

@inline
function higherThan(record: usize): usize {
  return load<u32>(record, RECORD_HIGHER);
}

/** Of its place in memory, which is the same in every replay, each bit mixed into all. */
function heightOf(record: usize): u32 {
  let height = <u32>record * 0x85ebca6b;
  height = (height ^ (height >> 15)) * 0xc2b2ae35;
  return height ^ (height >> 16);
}

/** The last one higher than `height`, from `record` back. */
function higherFrom(record: usize, height: u32): usize {
  while (record && heightOf(record) <= height) record = higherThan(record);
  return record;
}

/** A record has come between `before` and `after`: those behind it that it overtops know it now. */
function raise(record: usize, before: usize, after: usize): void {
  const height = heightOf(record);
  store<u32>(record, <u32>higherFrom(before, height), RECORD_HIGHER);
  let highest: u32 = 0;
  for (; after; after = laneNext(after)) {
    const other = heightOf(after);
    if (other < highest) continue;
    if (other >= height) return;
    store<u32>(after, <u32>record, RECORD_HIGHER);
    highest = other;
  }
}

/** The record goes from between them. */
function lower(record: usize, before: usize, after: usize): void {
  const height = heightOf(record);
  for (; after; after = laneNext(after)) {
    const other = heightOf(after);
    if (other >= height) return;
    if (higherThan(after) != record) continue;
    store<u32>(after, <u32>higherFrom(before, other), RECORD_HIGHER);
  }
}

/** Puts a record into its key's lane, by start. */
export function enterLane(record: usize): void {
  const key = keyOf(record);
  if (!laneHead(key)) listKey(key);
  const before = laneAtOrBefore(key, startOf(record));
  const after = before ? laneNext(before) : laneHead(key);
  store<u32>(record, <u32>before, RECORD_PREVIOUS);
  store<u32>(record, <u32>after, RECORD_NEXT);
  if (before) store<u32>(before, <u32>record, RECORD_NEXT);
  else store<u32>(key, <u32>record, KEY_HEAD);
  if (after) store<u32>(after, <u32>record, RECORD_PREVIOUS);
  else store<u32>(key, <u32>record, KEY_TAIL);
  raise(record, before, after);
}

export function leaveLane(record: usize): void {
  const key = keyOf(record);
  const before = lanePrevious(record);
  const after = laneNext(record);
  lower(record, before, after);
  if (before) store<u32>(before, <u32>after, RECORD_NEXT);
  else store<u32>(key, <u32>after, KEY_HEAD);
  if (after) store<u32>(after, <u32>before, RECORD_PREVIOUS);
  else store<u32>(key, <u32>before, KEY_TAIL);
  store<u32>(record, 0, RECORD_NEXT);
  store<u32>(record, 0, RECORD_PREVIOUS);
  store<u32>(record, 0, RECORD_HIGHER);
  if (!laneHead(key)) unlistKey(key);
}

// ── the keys of a query ────────────────────────────────────────────────────────────────────────

export function firstKey(index: u32): usize {
  return load<u32>(queryState(index), Q_KEYS);
}

export function nextKey(key: usize): usize {
  return load<u32>(key, KEY_NEXT);
}

function listKey(key: usize): void {
  const list = queryState(queryOf(key)) + Q_KEYS;
  const next = <usize>load<u32>(list);
  store<u32>(key, <u32>next, KEY_NEXT);
  if (next) store<u32>(next, <u32>key, KEY_PREVIOUS);
  store<u32>(list, <u32>key);
}

function unlistKey(key: usize): void {
  const next = <usize>load<u32>(key, KEY_NEXT);
  const previous = <usize>load<u32>(key, KEY_PREVIOUS);
  if (next) store<u32>(next, <u32>previous, KEY_PREVIOUS);
  if (previous) store<u32>(previous, <u32>next, KEY_NEXT);
  else store<u32>(queryState(queryOf(key)), <u32>next, Q_KEYS);
  store<u32>(key, 0, KEY_NEXT);
  store<u32>(key, 0, KEY_PREVIOUS);
}
