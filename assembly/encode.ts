// Encoded values, as keys, told values and final rows hold them: a tag byte, then nothing, a
// double, a u32 length and UTF-8 bytes, or a u32 count and so many values or pairs. No padding.
//
//   null, false, true  │ 00 │ 01 │ 02
//   12.5               │ 03  00 00 00 00 00 00 29 40
//   "ab"               │ 04  02 00 00 00  61 62
//   [1, null]          │ 06  02 00 00 00  03 00 00 00 00 00 00 f0 3f  00
//   true, once         │ 07  01 00 00 00  02  03 00 00 00 00 00 00 f0 3f      of a top

import { TAG_NULL, TAG_NUMBER, TAG_STRING } from "./layout";
import { bytesAt, lengthAt, numberAt, tagAt } from "./expression";

/** Of an encoded number; no other value but a string or a list takes more. */
export const ENCODED_NUMBER_BYTES: usize = 9;

/** Bytes that a scalar takes encoded. */
@inline
export function encodedBytes(value: usize): usize {
  const tag = tagAt(value);
  if (tag == TAG_NUMBER) return ENCODED_NUMBER_BYTES;
  return tag == TAG_STRING ? 5 + <usize>lengthAt(value) : 1;
}

/** Copies a string; most are short, and for those the call of memory.copy costs more. */
@inline
export function copyBytes(to: usize, from: usize, n: usize): void {
  if (n > 64) return memory.copy(to, from, n);
  const end = to + n;
  for (; to + 8 <= end; to += 8, from += 8) store<u64>(to, load<u64>(from));
  for (; to < end; to++, from++) store<u8>(to, load<u8>(from));
}

/** Moves words up by `bytes`, 8 or more; most are few. */
export function moveUp(from: usize, end: usize, bytes: usize): void {
  if (end - from > 512) return memory.copy(from + bytes, from, end - from);
  for (; end >= from + 16; end -= 16) v128.store(end + bytes - 16, v128.load(end - 16));
  if (end > from) store<u64>(from + bytes, load<u64>(from));
}

/** Writes a scalar at `to`, an object or an array as its bare tag; where the next one goes. */
export function encodeValue(to: usize, value: usize): usize {
  const tag = tagAt(value);
  if (tag == TAG_NUMBER) return encodeNumber(to, numberAt(value));
  store<u8>(to, tag);
  if (tag != TAG_STRING) return to + 1;
  const n = lengthAt(value);
  store<u32>(to + 1, n);
  copyBytes(to + 5, bytesAt(value), n);
  return to + 5 + n;
}

@inline
export function encodeNumber(to: usize, x: f64): usize {
  store<u8>(to, TAG_NUMBER);
  // One zero: -0 and 0 are the same value, and print the same.
  store<f64>(to + 1, x + 0);
  return to + 9;
}

export function encodeCount(to: usize, count: u64): usize {
  return encodeNumber(to, <f64>count);
}

export function encodeNull(to: usize): usize {
  store<u8>(to, TAG_NULL);
  return to + 1;
}

/** Starts a list of `count` values, or a top of `count` pairs, which follow. */
export function encodeList(to: usize, tag: u32, count: u32): usize {
  store<u8>(to, tag);
  store<u32>(to + 1, count);
  return to + 5;
}
