// Records: what accumulates. A window of a pane, a slice and a session are each one record, found
// by key and start, or by the key alone, which has the first that is open in a pane. The head is
// common; slices and sessions stand in the lane of their key, by start, and have the longer head.
//
//   ┌──────┬──────┬─────┬────────┬──────────┬──────────┬──────────────────────────────────┐
//   │ next │ pane │ key │ length │ revision │ position │ accumulators, or, once final,    │
//   └──────┴──────┴─────┴────────┴──────────┴──────────┤ its encoded value (final.ts)     │
//                                                      └──────────────────────────────────┘
//   ┌──────┬───────┬─────┬────────┬──────────┬──────────┬───────┬─────┬──────────┬────────┐
//   │ next │ timer │ key │ length │ revision │ position │ start │ end │ previous │ higher │  …
//   └──────┴───────┴─────┴────────┴──────────┴──────────┴───────┴─────┴──────────┴────────┘
//
// `revision` counts the events applied (and one for being final); `position` is that of the entry
// during whose processing the last of them was applied.

import { QUERY_BODY, QUERY_WINDOW_BYTES } from "./layout";
import {
  addToAccumulators,
  beginAccumulators,
  freeAccumulators,
  mergeAccumulators,
} from "./aggregate";
import { account, alloc, free } from "./arena";
import { KEY_EXTERNAL, KEY_RECORD, openCount, openKey } from "./dictionary";
import {
  hashWords,
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
import {
  Q_APPLIED,
  Q_EXTERNAL,
  Q_EXTERNAL_MAX,
  S_POSITION,
  S_WINDOWS,
  increment,
  queryState,
} from "./state";
import { carryTouch, touchRecord } from "./touch";

export const RECORD_NEXT: usize = 0;
export const RECORD_PANE: usize = 4;
export const RECORD_KEY: usize = 8;
export const RECORD_LENGTH: usize = 12;
export const RECORD_REVISION: usize = 16;
export const RECORD_POSITION: usize = 24;
/** Of slices and sessions. */
export const RECORD_START: usize = 32;
export const RECORD_END: usize = 40;
export const RECORD_PREVIOUS: usize = 48;
/** The last one before it in its lane that is higher (lane.ts). */
export const RECORD_HIGHER: usize = 52;

@inline
export function keyOf(record: usize): usize {
  return load<u32>(record, RECORD_KEY);
}

@inline
export function startOf(record: usize): i64 {
  return load<i64>(record, RECORD_START);
}

@inline
export function endOf(record: usize): i64 {
  return load<i64>(record, RECORD_END);
}

@inline
export function revisionOf(record: usize): u64 {
  return load<u64>(record, RECORD_REVISION);
}

@inline
export function bodyOf(query: usize): usize {
  return load<u32>(query, QUERY_BODY);
}

/** Bytes for an encoded value in the place of the accumulators. */
export function roomOf(query: usize): usize {
  return <usize>load<u32>(query, QUERY_WINDOW_BYTES) - bodyOf(query);
}

// ── the table: by key, and by start, or pane ───────────────────────────────────────────────────

function tagOfRecord(key: usize, place: i64): u32 {
  return tagOf(hashWords(key, place));
}

/** The key's record in a pane (`place` is the pane's address). */
export function findInPane(key: usize, pane: usize): usize {
  const own = <usize>load<u32>(key, KEY_RECORD);
  if (own && <usize>load<u32>(own, RECORD_PANE) == pane) return own;
  return openCount(key) > <u32>(own != 0) ? find(key, <i64>pane, true) : 0;
}

/** The key's record in its lane that starts at `start`. */
export function findInLane(key: usize, start: i64): usize {
  const latest = <usize>load<u32>(key, KEY_RECORD);
  if (latest && startOf(latest) == start) return latest;
  const record = find(key, start, false);
  if (record) store<u32>(key, <u32>record, KEY_RECORD);
  return record;
}

function find(key: usize, place: i64, inPane: bool): usize {
  if (tableBits(S_WINDOWS) == 0) return 0;
  const tag = tagOfRecord(key, place);
  const table = tableFor(S_WINDOWS, tag);
  let i = home(table, tag);
  while (true) {
    const record = slotRef(table, i);
    if (!record) return 0;
    if (slotTag(table, i) == tag && keyOf(record) == key) {
      const at = inPane ? <i64>load<u32>(record, RECORD_PANE) : startOf(record);
      if (at == place) return record;
    }
    i = slotAfter(table, i);
  }
}

/** A fresh record of the key in a pane. */
export function openInPane(query: usize, key: usize, pane: usize): usize {
  const record = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  beginRecord(query, record, key);
  if (load<u32>(key, KEY_RECORD)) relistRecord(record, <i64>pane);
  else store<u32>(key, <u32>record, KEY_RECORD);
  return record;
}

/** A fresh record of the key's lane. */
export function openInLane(query: usize, key: usize, start: i64): usize {
  const record = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  beginRecord(query, record, key);
  relistRecord(record, start);
  store<u32>(key, <u32>record, KEY_RECORD);
  return record;
}

/** Makes a zeroed block a record of the key to which nothing was applied yet. */
export function beginRecord(query: usize, record: usize, key: usize): void {
  store<u32>(record, <u32>key, RECORD_KEY);
  store<i64>(record, -1, RECORD_POSITION);
  beginAccumulators(query, record);
  openKey(key);
}

/** The record in the pane is found no more. */
export function unlistInPane(record: usize, pane: usize): void {
  const key = keyOf(record);
  if (<usize>load<u32>(key, KEY_RECORD) == record) store<u32>(key, 0, KEY_RECORD);
  else tableRemove(S_WINDOWS, tagOfRecord(key, <i64>pane), record);
}

/** Takes the record of a lane out of the table. */
export function unlistRecord(record: usize, place: i64): void {
  const key = keyOf(record);
  tableRemove(S_WINDOWS, tagOfRecord(key, place), record);
  if (<usize>load<u32>(key, KEY_RECORD) == record) store<u32>(key, 0, KEY_RECORD);
}

/** Puts the record into the table, or back under another start. */
export function relistRecord(record: usize, place: i64): void {
  tableInsert(S_WINDOWS, tagOfRecord(keyOf(record), place), record);
}

// ── what is in it ──────────────────────────────────────────────────────────────────────────────

/** What is accounted to the query was of this key: adds what came since `before` to its own. */
function settle(state: usize, key: usize, before: u64): void {
  account(0);
  if (load<u64>(state, Q_EXTERNAL) == before) return;
  const own = load<u64>(key, KEY_EXTERNAL) + load<u64>(state, Q_EXTERNAL) - before;
  store<u64>(key, own, KEY_EXTERNAL);
  store<u64>(state, max(load<u64>(state, Q_EXTERNAL_MAX), own), Q_EXTERNAL_MAX);
}

/** Adds the event whose fields are bound, which counts for so many windows. */
export function addToRecord(index: u32, query: usize, record: usize, windows: u64): void {
  const state = queryState(index);
  const before = load<u64>(state, Q_EXTERNAL);
  account(state + Q_EXTERNAL);
  addToAccumulators(query, record);
  settle(state, keyOf(record), before);
  store<u64>(state, load<u64>(state, Q_APPLIED) + windows, Q_APPLIED);
  increment(record + RECORD_REVISION);
  touchRecord(index, query, record, load<i64>(record, RECORD_POSITION));
  store<u64>(record, load<u64>(S_POSITION), RECORD_POSITION);
}

/** Adds all that `from` holds; `from` stays as it is. */
export function mergeRecord(index: u32, query: usize, record: usize, from: usize): void {
  const state = queryState(index);
  const before = load<u64>(state, Q_EXTERNAL);
  account(state + Q_EXTERNAL);
  mergeAccumulators(query, record, from);
  settle(state, keyOf(record), before);
  const revision = record + RECORD_REVISION;
  store<u64>(revision, load<u64>(revision) + revisionOf(from));
  const position = load<i64>(record, RECORD_POSITION);
  const other = load<i64>(from, RECORD_POSITION);
  carryTouch(index, query, record, position, other);
  store<i64>(record, max(position, other), RECORD_POSITION);
}

/** Frees what the accumulators hold outside the record. */
export function emptyRecord(index: u32, query: usize, record: usize): void {
  const state = queryState(index);
  const before = load<u64>(state, Q_EXTERNAL);
  if (before == 0) return;
  account(state + Q_EXTERNAL);
  freeAccumulators(query, record);
  settle(state, keyOf(record), before);
}

export function freeRecord(query: usize, record: usize): void {
  free(record, load<u32>(query, QUERY_WINDOW_BYTES));
}
