// Found: the keys that events found last, each with the record that it was found with. Most events
// come for one of them, and find both in one line of memory: nothing is hashed with a key, no key
// is built, and neither its dictionary nor the windows' table is looked at. No state.
//
//   set (64 bytes):  two ways, the one that was put in last first
//   way (32 bytes):  ┌───────────────┬──────────────┬─────┬─────┬────────┬───────┬───┐
//                    │ first 8 bytes │ last 8 bytes │ who │ key │ record │ place │ – │
//                    └───────────────┴──────────────┴─────┴─────┴────────┴───────┴───┘
//
// `who` has the query and the length, so the bytes name a key of 16 at most; a longer one is
// compared as well. A way is forgotten when a record of its key closes, so what is found is open.
// A session is in no pane: its place is 0.

import { FOUND, PROGRAM, QUERY_KEYS, TAG_STRING } from "./layout";
import { keyBytes, keyLength, queryOf } from "./dictionary";
import { fieldAt, fieldBytes, fieldOf, lengthAt, tagAt } from "./expression";
import { sameBytes } from "./scan-text";

const FIRST: usize = 0; // u64
const LAST: usize = 8; // u64
const WHO: usize = 16; // u32, 0 of a way that is free
const KEY: usize = 20; // u32
const RECORD: usize = 24; // u32, 0 where none was found with it
const PLACE: usize = 28; // u32, the pane that the record is in; 0 of a session
const WAY_BYTES: usize = 32;
const SET_BITS: u64 = 11;
export const SETS: u32 = 1 << 11;

const TAKEN: u32 = 1 << 31;
/** The key is one string, and the bytes are its own; else they are those of the encoded key. */
const LONE: u32 = 1 << 30;
const LONG: u32 = 255;

/** The string of a member, before its bytes. */
const STRING_HEAD_BYTES: usize = 5;

// ── what is looked for ─────────────────────────────────────────────────────────────────────────

let who: u32 = 0;
let first: u64 = 0;
let last: u64 = 0;
let bytes: usize = 0;
let length: usize = 0;
let set: usize = 0;
/** Whether anything is known. */
let isAny: bool = false;

/** The key that is looked for: of one string, `isLone`, its bytes; else the encoded key's. */
export function seek(query: u32, isLone: bool, at: usize, n: usize): void {
  bytes = at;
  length = n;
  who = whoOf(query, isLone, n);
  first = firstOf(at, n);
  last = lastOf(at, n);
  set = setOf(first, last, who);
}

@inline
function whoOf(query: u32, isLone: bool, n: usize): u32 {
  return TAKEN | (isLone ? LONE : 0) | (query << 8) | min(<u32>n, LONG);
}

@inline
function firstOf(at: usize, n: usize): u64 {
  const word = load<u64>(at);
  return n >= 8 ? word : word & ((<u64>1 << (<u64>n << 3)) - 1);
}

@inline
function lastOf(at: usize, n: usize): u64 {
  return select<u64>(load<u64>(at + max(n, 8) - 8), 0, n >= 8);
}

@inline
function setOf(first: u64, last: u64, who: u32): usize {
  const mixed = (first + rotl(last, 23) + who) * 0x9e3779b97f4a7c15;
  return FOUND + (<usize>(mixed >> (64 - SET_BITS)) << 6);
}

@inline
function isSought(way: usize): bool {
  if (load<u64>(way, FIRST) != first || load<u64>(way, LAST) != last) return false;
  return load<u32>(way, WHO) == who && (length <= 16 || isLongKey(load<u32>(way, KEY)));
}

function isLongKey(key: usize): bool {
  const head = who & LONE ? STRING_HEAD_BYTES : 0;
  return keyLength(key) == length + head && sameBytes(keyBytes(key) + head, bytes, length);
}

/** The way of the key that is sought; 0 where it is not known. */
@inline
export function foundWay(): usize {
  return isSought(set) ? set : isSought(set + WAY_BYTES) ? set + WAY_BYTES : 0;
}

@inline
export function keyFound(way: usize): usize {
  return load<u32>(way, KEY);
}

/** The record in the pane with which the key of the way was found, else 0. */
@inline
export function recordFound(way: usize, pane: usize): usize {
  return load<u32>(way, PLACE) == <u32>pane ? <usize>load<u32>(way, RECORD) : 0;
}

/**
 * The record with which the key, of one member, of the event whose fields are bound was found in
 * the pane; 0 where it is not known, is no string of a field, or is long.
 */
export function recordOfKey(index: u32, query: usize, pane: usize): usize {
  const field = fieldOf(load<u32>(PROGRAM + <usize>load<u32>(query, QUERY_KEYS)));
  if (!field) return 0;
  const value = fieldAt(field - 1);
  if (tagAt(value) != TAG_STRING) return 0;
  return recordOfString(index, fieldBytes(value), lengthAt(value), pane);
}

/** What `seek` and `foundWay` do, but without a word in memory. */
function recordOfString(query: u32, at: usize, n: usize, pane: usize): usize {
  if (n > 16) return 0;
  const whose = whoOf(query, true, n);
  const start = firstOf(at, n);
  const end = lastOf(at, n);
  let way = setOf(start, end, whose);
  const other = (load<u64>(way, FIRST) ^ start) | (load<u64>(way, LAST) ^ end);
  way = select<usize>(way, way + WAY_BYTES, other == 0);
  if (load<u64>(way, FIRST) != start || load<u64>(way, LAST) != end) return 0;
  return load<u32>(way, WHO) == whose ? recordFound(way, pane) : 0;
}

/** Keeps what was found; `way` is where the key is known already, else 0. */
export function keepFound(way: usize, key: usize, record: usize, pane: usize): void {
  if (!way) {
    way = set;
    v128.store(way, v128.load(way), WAY_BYTES);
    v128.store(way, v128.load(way, 16), WAY_BYTES + 16);
    store<u64>(way, first, FIRST);
    store<u64>(way, last, LAST);
    store<u32>(way, who, WHO);
    store<u32>(way, <u32>key, KEY);
    isAny = true;
  }
  store<u32>(way, <u32>record, RECORD);
  store<u32>(way, <u32>pane, PLACE);
}

/** Nothing is known of any key. */
export function forgetAllFound(): void {
  if (isAny) memory.fill(FOUND, 0, <usize>SETS << 6);
  isAny = false;
}

/** A record of the key closes: nothing is known of it any more. */
export function forgetFound(key: usize): void {
  if (!isAny) return;
  const at = keyBytes(key);
  const n = keyLength(key);
  const isLone =
    n >= STRING_HEAD_BYTES &&
    load<u8>(at) == TAG_STRING &&
    <usize>load<u32>(at + 1) + STRING_HEAD_BYTES == n;
  const head = isLone ? STRING_HEAD_BYTES : 0;
  seek(queryOf(key), isLone, at + head, n - head);
  for (let way = set; way < set + 2 * WAY_BYTES; way += WAY_BYTES) {
    if (load<u32>(way, KEY) == <u32>key) store<u32>(way, 0, WHO);
  }
}
