// Changes and rows on their way out: records in a buffer in scratch, which the host empties
// whenever it is full. The host names the members, computes nothing, and puts a push's changes
// in order (live/telling-order.ts).

import {
  CHANGE_BYTES_TOTAL,
  CHANGE_END,
  CHANGE_FINAL,
  CHANGE_HEADER_BYTES,
  CHANGE_KEY_BYTES,
  CHANGE_KEY_TAG,
  CHANGE_KIND,
  CHANGE_POSITION,
  CHANGE_QUERY,
  CHANGE_REVISION,
  CHANGE_START,
  CHANGE_VALUE_BYTES,
  OUT_BYTES,
} from "./layout";
import { keyBytes, keyLength, keyTag } from "./dictionary";
import { copyBytes } from "./encode";
import { scratch, scratchClaim, wrote } from "./regions";
import { S_KEY_BYTES, queryCount } from "./state";
import { traceRoom } from "./trace";

let buffer: i32 = 0;
let capacity: usize = 0;
let used: usize = 0;

/** The record being written. */
let record: usize = 0;

/**
 * A buffer with room, behind what counts as full, for what one event or one timer writes at the
 * most: two retracts a query of sessions, two rows that are gone, and a change, with `valueBytes`
 * of values in all, and what is traced of it.
 */
export function reserveOut(keyBytes: usize, valueBytes: usize): bool {
  const key = max(keyBytes, <usize>load<u64>(S_KEY_BYTES));
  const records = 4 * queryCount() + 1;
  const headers = records * (CHANGE_HEADER_BYTES + key + 8) + 8;
  capacity = OUT_BYTES + headers + valueBytes + traceRoom(key);
  buffer = scratchClaim(capacity);
  used = 0;
  return buffer >= 0;
}

let pushBuffer: i32 = 0;
let pushCapacity: usize = 0;

/** A buffer for reading, in the place of that of a push under way until `returnOut`. */
export function borrowOut(valueBytes: usize): bool {
  pushBuffer = buffer;
  pushCapacity = capacity;
  return reserveOut(0, valueBytes);
}

export function returnOut(): void {
  buffer = pushBuffer;
  capacity = pushCapacity;
  used = 0;
}

export function outOffset(): usize {
  return scratch + buffer;
}

/** How many bytes of records lie in the buffer; it is empty again. */
export function takeOut(): usize {
  const bytes = used;
  used = 0;
  return bytes;
}

/** Whether the next record may not fit: the host empties the buffer first. */
export function outIsFull(): bool {
  return used >= <usize>OUT_BYTES;
}

/** Where a value may be written that is no part of a record. */
export function beginUnheard(): usize {
  return scratch + buffer + used;
}

/** Starts a record; where its value's bytes go (`endRecord` says where they end). */
export function beginRecord(kind: u32, final: bool, query: u32, key: usize): usize {
  const to = beginRecordOf(kind, final, query, keyBytes(key), keyLength(key));
  store<u32>(record, keyTag(key), CHANGE_KEY_TAG);
  return to;
}

/** The same for the `n` encoded bytes of a key at `key`. */
export function beginRecordOf(
  kind: u32,
  final: bool,
  query: u32,
  key: usize,
  n: usize,
): usize {
  record = scratch + buffer + used;
  store<u8>(record, kind, CHANGE_KIND);
  store<u8>(record, final, CHANGE_FINAL);
  store<u16>(record, query, CHANGE_QUERY);
  store<u32>(record, <u32>n, CHANGE_KEY_BYTES);
  store<u64>(record, 0, CHANGE_KEY_TAG);
  copyBytes(record + CHANGE_HEADER_BYTES, key, n);
  wrote(record + CHANGE_HEADER_BYTES + n);
  return record + CHANGE_HEADER_BYTES + n;
}

export function endRecord(start: i64, end: i64, revision: u64, position: u64, to: usize): void {
  store<i64>(record, start, CHANGE_START);
  store<i64>(record, end, CHANGE_END);
  store<f64>(record, <f64>revision, CHANGE_REVISION);
  store<f64>(record, <f64>position, CHANGE_POSITION);
  const bytes = to - record;
  const key = <usize>load<u32>(record, CHANGE_KEY_BYTES);
  store<u32>(record, <u32>(bytes - CHANGE_HEADER_BYTES - key), CHANGE_VALUE_BYTES);
  const total = (bytes + 7) & ~7;
  // Up to the next multiple of 8, and a little further: there is a word of room behind all.
  store<u64>(to, 0);
  wrote(to + 8);
  store<u32>(record, <u32>total, CHANGE_BYTES_TOTAL);
  used += total;
  assert(used + 8 <= capacity);
}
