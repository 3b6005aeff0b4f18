// What was told of open sessions, where updates are told: bounds, revision and value, since they
// are told again when a session is retracted. It depends on how the entries were cut into pushes,
// so it lies in a region of its own: saved in a snapshot, no part of the state's hash, never
// allocating in the state.
//
//   ┌───────┬──────┬─────┬─────────┬────┬──────┬──────────────────────┐
//   │ table │ base │ top │ garbage │ to │ from │ … blobs …            │
//   └───────┴──────┴─────┴─────────┴────┴──────┴──────────────────────┘
//   blob:   ┌───────┬────────┬───────┬─────┬──────────┬────────┬─────────────────┐
//           │ bytes │ record │ start │ end │ revision │ length │ encoded value … │
//           └───────┴────────┴───────┴─────┴──────────┴────────┴─────────────────┘
//   slots:  ┌───────┬───┬─────────────┐
//           │ bytes │ 0 │ slots …     │      of the table (hash.ts), a blob like any other
//           └───────┴───┴─────────────┘
//
// The table has the offset of a record's blob in the region under a tag that is the record's own,
// and addresses that are mended (`mend`) when the region has moved. Blobs are only ever appended.
// What is told no more is garbage; once that is half, the rest moves down, some with each push:
// between `to` and `from` nothing is left. All behind `top` is zeros.

import { EMIT_ALL, QUERY_EMIT, QUERY_WINDOW_KIND, WINDOW_SESSION } from "./layout";
import {
  isFull,
  tableBits,
  tableCount,
  tableMoved,
  tablePut,
  tableRemove,
  tableShift,
  tableSlotOf,
  tableWiden,
} from "./hash";
import { reserveTold, setToldBytes, told } from "./regions";
import { TABLE_BYTES } from "./state";

const BASE: usize = TABLE_BYTES;
const TOP: usize = BASE + 4;
const GARBAGE: usize = BASE + 8;
const TO: usize = BASE + 12;
/** 0: none are moved. */
const FROM: usize = BASE + 16;
const HEAD_BYTES: usize = BASE + 24;

const BLOB_RECORD: usize = 4;
export const BLOB_START: usize = 8;
export const BLOB_END: usize = 16;
export const BLOB_REVISION: usize = 24;
const BLOB_LENGTH: usize = 32;
export const BLOB_VALUE: usize = 40;
const SLOTS: usize = 8;
const BITS_FIRST: u32 = 6;

/** So much is looked at with a push when blobs are moved, and more where it has more to tell. */
const MOVED_BYTES: usize = 256 * 1024;

@inline
function head(field: usize): u32 {
  return load<u32>(told + field);
}

@inline
function setHead(field: usize, value: usize): void {
  store<u32>(told + field, <u32>value);
}

/** Of the blob for 2^bits slots. */
@inline
function slotsBytes(bits: u32): usize {
  return SLOTS + (<usize>8 << bits);
}

/** Nothing told; the region has room for its first size. */
export function toldOpen(): void {
  memory.fill(told, 0, HEAD_BYTES);
  setHead(BASE, told);
  setHead(TOP, HEAD_BYTES);
  setToldBytes(HEAD_BYTES);
}

/** Whether it is kept what is told of a query's windows. */
export function keepsTold(query: usize): bool {
  return (
    load<u8>(query, QUERY_WINDOW_KIND) == WINDOW_SESSION && load<u8>(query, QUERY_EMIT) == EMIT_ALL
  );
}

// ── room ───────────────────────────────────────────────────────────────────────────────────────

/** Room for `more` sessions and `bytes` of blobs; false where the host has no memory. */
export function reserveTelling(more: u32, bytes: usize): bool {
  mend();
  if (head(FROM) || head(GARBAGE) > head(TOP) / 2) moveBlobs(max(2 * bytes, MOVED_BYTES));
  let all = <u64>head(TOP) + bytes;
  for (let bits = tableBits(told); isFull(bits, tableCount(told) + more); ) {
    bits = bits ? bits + 1 : BITS_FIRST;
    all += slotsBytes(bits);
  }
  return all < 0x70000000 && reserveTold(<usize>all);
}

/** The table's addresses, where the region has moved since. */
function mend(): void {
  tableShift(told, told - head(BASE));
  setHead(BASE, told);
}

/** Moves the blobs that are still told down, and their slots after them: `bytes` of the region. */
function moveBlobs(bytes: usize): void {
  const top = <usize>head(TOP);
  let to = head(FROM) ? <usize>head(TO) : HEAD_BYTES;
  let from = head(FROM) ? <usize>head(FROM) : HEAD_BYTES;
  const begin = from;
  const end = min(top, from + bytes);
  while (from < end) {
    const length = <usize>load<u32>(told + from);
    if (follow(from, to)) {
      memory.copy(told + to, told + from, length);
      to += length;
    } else setHead(GARBAGE, head(GARBAGE) - length);
    from += length;
  }
  const dirty = max(begin, to);
  memory.fill(told + dirty, 0, from - dirty);
  setHead(TO, to);
  setHead(FROM, from);
  if (from < top) return;
  setHead(FROM, 0);
  setTop(to);
}

/** What the table has at `from` will be at `to`; false where it has nothing there. */
function follow(from: usize, to: usize): bool {
  const record = load<u32>(told + from, BLOB_RECORD);
  if (!record) return tableMoved(told, told + from + SLOTS, told + to + SLOTS);
  const slot = tableSlotOf(told, tagOf(record));
  if (!slot || load<u32>(slot, 4) != <u32>from) return false;
  store<u32>(slot, <u32>to, 4);
  return true;
}

function setTop(top: usize): void {
  setHead(TOP, top);
  setToldBytes(top);
}

// ── blobs ──────────────────────────────────────────────────────────────────────────────────────

/** A record's own, since the factor is odd. */
@inline
function tagOf(record: usize): u32 {
  return <u32>record * 0x9e3779b1;
}

/** What was last told of a session, an offset in the region; 0 where nothing was. */
export function blobOf(record: usize): usize {
  if (!tableCount(told)) return 0;
  const slot = tableSlotOf(told, tagOf(record));
  return slot ? <usize>load<u32>(slot, 4) : 0;
}

/** Keeps what is told of a session; there is room. */
export function keepBlob(
  record: usize,
  start: i64,
  end: i64,
  revision: u64,
  value: usize,
  length: usize,
): void {
  const offset = list(record);
  const bytes = (BLOB_VALUE + length + 7) & ~7;
  const blob = told + offset;
  store<u32>(blob, <u32>bytes);
  store<u32>(blob, <u32>record, BLOB_RECORD);
  store<i64>(blob, start, BLOB_START);
  store<i64>(blob, end, BLOB_END);
  store<u64>(blob, revision, BLOB_REVISION);
  store<u32>(blob, <u32>length, BLOB_LENGTH);
  memory.copy(blob + BLOB_VALUE, value, length);
  setTop(offset + bytes);
}

/** Gives the record's slot the next blob; the offset of that. */
function list(record: usize): usize {
  const tag = tagOf(record);
  const slot = tableSlotOf(told, tag);
  if (slot) {
    discard(load<u32>(slot, 4));
    const offset = <usize>head(TOP);
    store<u32>(slot, <u32>offset, 4);
    return offset;
  }
  if (isFull(tableBits(told), tableCount(told) + 1)) widen();
  const offset = <usize>head(TOP);
  const emptied = tablePut(told, tag, offset);
  if (emptied) discard(emptied - SLOTS - told);
  return offset;
}

/** Slots twice as many behind all blobs: what lies there is zeros. */
function widen(): void {
  const bits = tableBits(told) ? tableBits(told) + 1 : BITS_FIRST;
  const offset = <usize>head(TOP);
  store<u32>(told + offset, <u32>slotsBytes(bits));
  tableWiden(told, bits, told + offset + SLOTS);
  setTop(offset + slotsBytes(bits));
}

/** Bytes of the value told. */
export function blobLength(offset: usize): usize {
  return load<u32>(told + offset, BLOB_LENGTH);
}

/** What was told of the session is told no more; it stays readable until the push ends. */
export function dropBlob(record: usize): void {
  const offset = blobOf(record);
  if (!offset) return;
  tableRemove(told, tagOf(record), offset);
  discard(offset);
}

export const BLOB_PADDING: usize = BLOB_VALUE + 8;

function discard(offset: usize): void {
  setHead(GARBAGE, head(GARBAGE) + load<u32>(told + offset));
}
