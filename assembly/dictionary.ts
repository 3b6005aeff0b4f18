// The dictionary of keys: each different key of a query is one record, shared by all its windows
// and by its final rows in the view, and freed in log order when the last of them goes.
//
//   key (64 bytes, then its encoded values):
//   ┌──────┬───────┬──────┬───────┬────────┬─────┬───────┬──────┬──────┐
//   │ refs │ timer │ open │ query │ length │ tag │ other │ head │ tail │
//   ├──────┼───────┴──┬───┴────┬──┴──┬─────┴─┬───┴───────┴──────┴──────┘
//   │ next │ previous │ record │ end │ bytes │
//   └──────┴──────────┴────────┴─────┴───────┘
//
// `open` counts its windows not yet final: while it is not 0 the key counts against `limits.keys`.
// An event whose key would be one too many is counted under the key whose every member is the
// string `__other__`, which itself counts for nothing.
//
// Encoded values: see encode.ts.

import {
  PROGRAM,
  PROGRAM_KEYS_MAX,
  QUERY_KEYS,
  QUERY_KEY_COUNT,
  TAG_COMPOSITE,
  TAG_NULL,
  TAG_STRING,
} from "./layout";
import { tagAhead } from "./ahead";
import { alloc, free } from "./arena";
import { copyBytes, encodeValue } from "./encode";
import { bytesAt, evaluate, lengthAt, tagAt } from "./expression";
import { forgetFound, foundWay, keepFound, keyFound, seek } from "./found";
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
import { scratch, scratchAlloc } from "./regions";
import { sameBytes } from "./scan-text";
import { NO_TIME, Q_OPEN_KEYS, S_KEYS, S_KEY_BYTES, queryState } from "./state";

const KEY_REFS: usize = 0;
const KEY_OPEN: usize = 8;
const KEY_QUERY: usize = 12;
const KEY_LENGTH: usize = 16;
const KEY_TAG: usize = 20;
const KEY_OTHER: usize = 24;
/** The key's lane: its slices or open sessions, by start (lane.ts). */
export const KEY_HEAD: usize = 28;
export const KEY_TAIL: usize = 32;
/** The query's list of keys whose lane is not empty. */
export const KEY_NEXT: usize = 36;
export const KEY_PREVIOUS: usize = 40;
/**
 * In panes the first of its open records, which stands in no table; of slices the one that was
 * found last; 0 once that is listed no more.
 */
export const KEY_RECORD: usize = 44;
/** The end of the key's newest final session, NO_TIME where there is none. */
export const KEY_END: usize = 48; // i64
/** Bytes of its accumulators outside their records. */
export const KEY_EXTERNAL: usize = 56; // u64
export const KEY_HEADER_BYTES: usize = 64;

const OTHER: usize = memory.data<u8>([95, 95, 111, 116, 104, 101, 114, 95, 95]); // __other__
export const OTHER_BYTES: usize = 9;

// ── a key being built ──────────────────────────────────────────────────────────────────────────

/** Where in scratch the key of the event at hand is built (`reserveKeyBuffer`), and its length. */
let buffer: i32 = 0;
let length: usize = 0;

/** Where a key may be built; what was built before is gone. */
export function keyBuffer(): usize {
  return scratch + buffer;
}

export function reserveKeyBuffer(bytes: usize): bool {
  buffer = scratchAlloc(bytes);
  return buffer >= 0;
}

/** The string that the key of the event at hand is, where it is one; else 0. */
let text: usize = 0;
let textLength: usize = 0;
/** Whether it is not built yet. */
let isPending: bool = false;

/**
 * Takes the key of the event whose fields are bound; false where a member is null. One that is a
 * string is built only when somebody asks for its encoded values.
 */
export function takeKey(query: usize): bool {
  let to = scratch + buffer;
  text = 0;
  isPending = false;
  const members = load<u16>(query, QUERY_KEY_COUNT);
  let codes = PROGRAM + <usize>load<u32>(query, QUERY_KEYS);
  for (let i: u32 = 0; i < members; i++, codes += 4) {
    const value = evaluate(load<u32>(codes));
    const tag = tagAt(value);
    if (tag == TAG_NULL || tag == TAG_COMPOSITE) return false;
    if (tag == TAG_STRING && members == 1) {
      takeString(bytesAt(value), lengthAt(value));
      return true;
    }
    to = encodeValue(to, value);
  }
  length = to - scratch - buffer;
  return true;
}

function takeString(at: usize, n: usize): void {
  text = at;
  textLength = n;
  isPending = true;
}

/** Builds what was taken. */
function build(): void {
  if (!isPending) return;
  const to = scratch + buffer;
  store<u8>(to, TAG_STRING);
  store<u32>(to + 1, <u32>textLength);
  copyBytes(to + 5, text, textLength);
  length = 5 + textLength;
  isPending = false;
}

/** Where the key taken last lies: that of the event, or `__other__` once it counts there. */
export function builtKey(): usize {
  build();
  return scratch + buffer;
}

export function builtLength(): usize {
  build();
  return length;
}

function buildOther(query: usize): void {
  const start = scratch + buffer;
  let to = start;
  for (let i: u32 = load<u16>(query, QUERY_KEY_COUNT); i > 0; i--) {
    store<u8>(to, TAG_STRING);
    store<u32>(to + 1, <u32>OTHER_BYTES);
    memory.copy(to + 5, OTHER, OTHER_BYTES);
    to += 5 + OTHER_BYTES;
  }
  text = 0;
  length = to - start;
}

/** Whether every member of the encoded key is `__other__`; the empty key is an ordinary one. */
function isOther(p: usize, bytes: usize): bool {
  if (bytes == 0 || bytes % (5 + OTHER_BYTES) != 0) return false;
  for (const end = p + bytes; p < end; p += 5 + OTHER_BYTES) {
    if (load<u8>(p) != TAG_STRING || load<u32>(p + 1) != OTHER_BYTES) return false;
    if (memory.compare(p + 5, OTHER, OTHER_BYTES) != 0) return false;
  }
  return true;
}

// ── the table ──────────────────────────────────────────────────────────────────────────────────

/** The tag that was looked for last. */
let sought: u32 = 0;

function findKey(index: u32, tag: u32): usize {
  sought = tag;
  if (tableBits(S_KEYS) == 0) return 0;
  const table = tableFor(S_KEYS, tag);
  let i = home(table, tag);
  while (true) {
    const key = slotRef(table, i);
    if (!key) return 0;
    if (slotTag(table, i) == tag && isBuilt(index, key)) return key;
    i = slotAfter(table, i);
  }
}

/** Whether `key` is the one that was built. */
@inline
function isBuilt(index: u32, key: usize): bool {
  return (
    load<u32>(key, KEY_QUERY) == index &&
    load<u32>(key, KEY_LENGTH) == <u32>length &&
    sameBytes(key + KEY_HEADER_BYTES, scratch + buffer, length)
  );
}

/** Makes a key of what was built, and looked for in vain. */
function internBuilt(index: u32): usize {
  const tag = sought;
  const key = alloc(KEY_HEADER_BYTES + length);
  store<u32>(key, index, KEY_QUERY);
  store<u32>(key, <u32>length, KEY_LENGTH);
  store<u32>(key, tag, KEY_TAG);
  store<i64>(key, NO_TIME, KEY_END);
  memory.copy(key + KEY_HEADER_BYTES, scratch + buffer, length);
  store<u32>(key, isOther(key + KEY_HEADER_BYTES, length), KEY_OTHER);
  tableInsert(S_KEYS, tag, key);
  store<u64>(S_KEY_BYTES, max(load<u64>(S_KEY_BYTES), <u64>length));
  return key;
}

/** Whether the key that was built would be one too many; then it is built anew as `__other__`. */
function turnsOther(index: u32, query: usize, known: usize): bool {
  if (known && load<u32>(known, KEY_OPEN) != 0) return false;
  const full = load<u32>(queryState(index), Q_OPEN_KEYS) >= load<u32>(PROGRAM + PROGRAM_KEYS_MAX);
  if (!full || load<u16>(query, QUERY_KEY_COUNT) == 0) return false;
  buildOther(query);
  return true;
}

function builtTag(index: u32): u32 {
  return tagOf(hashMember(index, scratch + buffer, length));
}

/** The tag of a query's key of one string, `n` bytes at `at`. What was taken is gone. */
export function tagOfString(index: u32, at: usize, n: usize): u32 {
  takeString(at, n);
  build();
  return builtTag(index);
}

/** Looks for the key that was taken among those found last: its way, 0 where it is not known. */
export function findWay(index: u32): usize {
  if (text) seek(index, true, text, textLength);
  else seek(index, false, scratch + buffer, length);
  return foundWay();
}

/** The key under which the event whose key was taken counts, 0 where there is none yet. */
export function findTarget(index: u32, query: usize): usize {
  const way = findWay(index);
  return way ? keyFound(way) : findUnfound(index, query);
}

/** The same where it is not among those found last, as `findWay` said. */
function findUnfound(index: u32, query: usize): usize {
  build();
  const ahead = text ? tagAhead(index, text) : 0;
  const known = findKey(index, ahead || builtTag(index));
  if (!turnsOther(index, query, known)) {
    // One that has nothing open may be one too many by the next event.
    if (known && load<u32>(known, KEY_OPEN) && !isOtherKey(known)) keepFound(0, known, 0, 0);
    return known;
  }
  return findKey(index, builtTag(index));
}

/** The key under which the event whose key was taken counts. */
export function internKey(index: u32, query: usize): usize {
  return findTarget(index, query) || internBuilt(index);
}

/** The same where `findWay` did not find it. */
export function internUnfound(index: u32, query: usize): usize {
  return findUnfound(index, query) || internBuilt(index);
}

function takeEncoded(from: usize, bytes: usize): void {
  memory.copy(scratch + buffer, from, bytes);
  length = bytes;
  isPending = false;
}

/** The key of which `bytes` at `from` are the encoded values, 0 where there is none. */
export function findEncoded(index: u32, from: usize, bytes: usize): usize {
  takeEncoded(from, bytes);
  return findKey(index, builtTag(index));
}

/** The same where they lie in scratch: what is being built stays as it is. */
export function findKeyAt(index: u32, at: usize, bytes: usize): usize {
  const before = buffer;
  const built = length;
  buffer = <i32>(at - scratch);
  length = bytes;
  const key = findKey(index, builtTag(index));
  buffer = before;
  length = built;
  return key;
}

/** As `findEncoded`, made where there is none: it names final rows, so no limit is asked. */
export function internEncoded(index: u32, from: usize, bytes: usize): usize {
  return findEncoded(index, from, bytes) || internBuilt(index);
}

/** Something refers to the key. */
export function retainKey(key: usize): void {
  store<u32>(key, load<u32>(key, KEY_REFS) + 1, KEY_REFS);
}

/** A window of the key opens, or a slice of its windows. */
export function openKey(key: usize): void {
  retainKey(key);
  const open = load<u32>(key, KEY_OPEN) + 1;
  store<u32>(key, open, KEY_OPEN);
  if (open == 1) countOpen(key, 1);
}

/** What `openKey` opened is final; its row may still refer to the key. */
export function closeKey(key: usize): void {
  const open = load<u32>(key, KEY_OPEN) - 1;
  store<u32>(key, open, KEY_OPEN);
  if (open == 0) countOpen(key, -1);
  forgetFound(key);
}

/** Its windows, or slices of them, that are not final. */
@inline
export function openCount(key: usize): u32 {
  return load<u32>(key, KEY_OPEN);
}

/** Whether what is one key too many counts here. */
export function isOtherKey(key: usize): bool {
  return load<u32>(key, KEY_OTHER) != 0;
}

function countOpen(key: usize, by: i32): void {
  if (isOtherKey(key)) return;
  const counter = queryState(load<u32>(key, KEY_QUERY)) + Q_OPEN_KEYS;
  store<u32>(counter, load<u32>(counter) + by);
}

/** Something that referred to the key is gone. */
export function releaseKey(key: usize): void {
  const refs = load<u32>(key, KEY_REFS) - 1;
  store<u32>(key, refs, KEY_REFS);
  if (refs) return;
  tableRemove(S_KEYS, load<u32>(key, KEY_TAG), key);
  free(key, KEY_HEADER_BYTES + load<u32>(key, KEY_LENGTH));
}

export function keyBytes(key: usize): usize {
  return key + KEY_HEADER_BYTES;
}

export function keyLength(key: usize): usize {
  return load<u32>(key, KEY_LENGTH);
}

export function keyTag(key: usize): u32 {
  return load<u32>(key, KEY_TAG);
}

export function queryOf(key: usize): u32 {
  return load<u32>(key, KEY_QUERY);
}
