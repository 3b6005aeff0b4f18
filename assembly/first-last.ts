// The first and the last value by event time, ties by position: any scalar, kept as it is. Of two
// at one time and one position (spans that ended in one entry) the one that was added first is the
// first, and the one that was added last is the last.
//
//   record (32 bytes):  ┌──────┬──────────┬──────────────────────────────┐     tag TAG_NULL:
//                       │ time │ position │ value: tag, length, payload  │     nothing yet
//                       └──────┴──────────┴──────────────────────────────┘
//
// A string's bytes lie in a block of their own. Example: of "b" at 20, 3 at 10 and null at 5, the
// first is 3, the last is "b".

import {
  TAG_NULL,
  TAG_NUMBER,
  TAG_STRING,
  VALUE_BYTES,
  VALUE_LENGTH,
  VALUE_PAYLOAD,
} from "./layout";
import { alloc, blockBytes, free } from "./arena";
import { bytesAt, lengthAt, numberAt, tagAt } from "./expression";

const TIME: usize = 0; // i64
const POSITION: usize = 8; // u64
/** A value, as expression.ts reads it. */
export const FIRST_VALUE: usize = 16;

function isBefore(time: i64, position: u64, record: usize): bool {
  const other = load<i64>(record, TIME);
  return time < other || (time == other && position < load<u64>(record, POSITION));
}

function isAfter(time: i64, position: u64, record: usize): bool {
  const other = load<i64>(record, TIME);
  return time > other || (time == other && position > load<u64>(record, POSITION));
}

/** Takes a scalar, not null, if it is the first (or the last) so far. */
export function firstAdd(record: usize, last: bool, value: usize, time: i64, position: u64): void {
  if (tagAt(record + FIRST_VALUE) != TAG_NULL) {
    if (last ? isBefore(time, position, record) : !isBefore(time, position, record)) return;
  }
  take(record, value, time, position);
}

export function firstMerge(record: usize, last: bool, from: usize): void {
  const value = from + FIRST_VALUE;
  if (tagAt(value) == TAG_NULL) return;
  const time = load<i64>(from, TIME);
  const position = load<u64>(from, POSITION);
  if (tagAt(record + FIRST_VALUE) != TAG_NULL) {
    if (!(last ? isAfter(time, position, record) : isBefore(time, position, record))) return;
  }
  take(record, value, time, position);
}

function take(record: usize, value: usize, time: i64, position: u64): void {
  store<i64>(record, time, TIME);
  store<u64>(record, position, POSITION);
  replaceValue(record + FIRST_VALUE, value);
}

/** As `freeValue` and `copyValue`, but in the block that is there where it has the same size. */
function replaceValue(own: usize, value: usize): void {
  const n = tagAt(value) == TAG_STRING ? lengthAt(value) : 0;
  const before = tagAt(own) == TAG_STRING ? lengthAt(own) : 0;
  if (n == 0 || before == 0 || blockBytes(n) != blockBytes(before)) {
    freeValue(own);
    return copyValue(own, value);
  }
  const block = bytesAt(own);
  memory.copy(block, bytesAt(value), n);
  if (n < before) memory.fill(block + n, 0, before - n);
  store<u32>(own, n, VALUE_LENGTH);
}

export function firstFree(record: usize): void {
  freeValue(record + FIRST_VALUE);
}

// ── values that are kept ───────────────────────────────────────────────────────────────────────

/** Copies a scalar; a string's bytes into a block of their own. */
export function copyValue(to: usize, value: usize): void {
  const tag = tagAt(value);
  store<u64>(to, tag);
  store<u64>(to, 0, VALUE_PAYLOAD);
  if (tag == TAG_NUMBER) store<f64>(to, numberAt(value) + 0, VALUE_PAYLOAD);
  if (tag != TAG_STRING) return;
  const n = lengthAt(value);
  store<u32>(to, n, VALUE_LENGTH);
  if (!n) return;
  const block = alloc(n);
  memory.copy(block, bytesAt(value), n);
  store<u32>(to, <u32>block, VALUE_PAYLOAD);
}

/** Frees what a kept value holds, and makes it null. */
export function freeValue(value: usize): void {
  if (tagAt(value) == TAG_STRING && lengthAt(value)) free(bytesAt(value), lengthAt(value));
  memory.fill(value, 0, VALUE_BYTES);
}
