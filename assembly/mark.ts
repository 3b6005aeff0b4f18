// Content marks: a keyed hash of each member of an envelope, by its number and raw value; added up,
// so that the members' order does not matter. Equal contents as bytes have equal marks, always; two
// different ones that no one could choose by the key, once in 2^62 or so. A mark is compared with
// another of the same identity and is nothing else, so `eventId` and `source` have no part in it,
// and it is not mixed at its end.
//
// It is NH, twice, with keys of its own for each member (Black, Halevi, Krawczyk, Krovetz, Rogaway:
// "UMAC: Fast and Secure Message Authentication", 1999): 32-bit words plus key words, multiplied
// in pairs and added. What is longer than a block goes through SipHash, a block after another; a
// block of `data` is longer than the others', so that few events have more than one.
//
//   keys of a member:  ┌───────────────┬──────────────────────┐
//                      │ of the length │ words, of a block +16│     the second NH begins 16 bytes on
//                      └───────────────┴──────────────────────┘

import { DATA, ENVELOPE_MEMBERS, EVENT_TIME, SCAN } from "./layout";
import { hashWords } from "./hash";

const BLOCK_BYTES: usize = 256;
const DATA_BLOCK_BYTES: usize = 1024;
const WORDS: usize = 16;
const KEY_BYTES: usize = WORDS + BLOCK_BYTES + 16;
/** Behind the types of route.ts; those of `data` are the last. */
const KEYS: usize = SCAN + 8192 + 5120;
const TIME_KEYS: usize = KEYS + EVENT_TIME * KEY_BYTES;
const DATA_KEYS: usize = KEYS + DATA * KEY_BYTES;
const JOIN_KEY: usize = DATA_KEYS + WORDS + DATA_BLOCK_BYTES + 16;

/** Sixteen bytes that are kept, then sixteen that are not. */
const KEPT: usize = memory.data<u64>([u64.MAX_VALUE, u64.MAX_VALUE, 0, 0]);

/** The members of the event at hand, then one on its own: keys, where the value is, its bytes. */
const ENTRY_BYTES: usize = 16;
const LIST: usize = memory.data((ENVELOPE_MEMBERS + 1) * 16, 16);
const LONE: usize = LIST + ENVELOPE_MEMBERS * ENTRY_BYTES;

/** Where the next member goes, and the parts of those that need not be listed. */
let listed: usize = LIST;
let part: u64 = 0;

/** Draws the keys from the log's. */
export function openMarks(): void {
  for (let p = KEYS; p <= JOIN_KEY; p += 8) store<u64>(p, hashWords(p - KEYS, 0x6b72616d));
}

@inline
function sum(v: v128): u64 {
  return <u64>i64x2.extract_lane(v, 0) + <u64>i64x2.extract_lane(v, 1);
}

/** Of a long value, the blocks before its last, one hash after another. */
function chainOf(keys: usize, block: usize, p: usize, n: usize): u64 {
  let chain: u64 = 0;
  for (; n > block; p += block, n -= block) {
    let one = i64x2.splat(0);
    let two = i64x2.splat(0);
    for (let i: usize = 0; i < block; i += 32) {
      const a = v128.load(p + i);
      const b = v128.load(p + i, 16);
      const k = keys + i;
      const a1 = i32x4.add(a, v128.load(k));
      const b1 = i32x4.add(b, v128.load(k, 16));
      const a2 = i32x4.add(a, v128.load(k, 16));
      const b2 = i32x4.add(b, v128.load(k, 32));
      one = i64x2.add(one, i64x2.extmul_low_i32x4_u(a1, b1));
      two = i64x2.add(two, i64x2.extmul_low_i32x4_u(a2, b2));
      one = i64x2.add(one, i64x2.extmul_high_i32x4_u(a1, b1));
      two = i64x2.add(two, i64x2.extmul_high_i32x4_u(a2, b2));
    }
    chain = hashWords(sum(one) ^ chain, sum(two));
  }
  return chain;
}

export function beginMark(): void {
  listed = LIST;
  part = 0;
}

@inline
function put(entry: usize, member: usize, p: usize, n: usize): void {
  store<u32>(entry, <u32>(KEYS + member * KEY_BYTES));
  store<u32>(entry, <u32>p, 4);
  store<u32>(entry, <u32>n, 8);
}

/** A member's raw value is the `n` bytes at `p`; thirty-two more can be read. */
@inline
export function addMember(member: usize, p: usize, n: usize): void {
  put(listed, member, p, n);
  listed += ENTRY_BYTES;
}

/**
 * A time as machines write it, quotes and all, in the place of its text: the same text has the same
 * number. A length that no other form has keeps it apart from them.
 */
@inline
export function addPlainTime(ms: i64): void {
  const low = <u32>ms;
  const high = <u32>(ms >> 32);
  const one = <u64>(low + load<u32>(TIME_KEYS, 16)) * <u64>(high + load<u32>(TIME_KEYS, 20));
  const two = <u64>(low + load<u32>(TIME_KEYS, 24)) * <u64>(high + load<u32>(TIME_KEYS, 28));
  part += (load<u64>(TIME_KEYS) | 1) + one + two * (load<u64>(JOIN_KEY) | 1);
}

/** A member's part is known. */
@inline
export function addPart(known: u64): void {
  part += known;
}

/** The mark of the members that were added. */
@inline
export function endMark(): u64 {
  return part + sumOf(LIST, listed);
}

/** The part of the mark that is a member's, of its raw value, the `n` bytes at `p`. */
export function markOfMember(member: usize, p: usize, n: usize): u64 {
  put(LONE, member, p, n);
  return sumOf(LONE, LONE + ENTRY_BYTES);
}

/** The mark of the members that are listed from `entry` to `end`. */
function sumOf(entry: usize, end: usize): u64 {
  let one = i64x2.splat(0);
  let two = i64x2.splat(0);
  let mark: u64 = 0;
  for (; entry < end; entry += ENTRY_BYTES) {
    const keys = <usize>load<u32>(entry);
    let p = <usize>load<u32>(entry, 4);
    let n = <usize>load<u32>(entry, 8);
    mark += <u64>n * (load<u64>(keys) | 1);
    const block = keys == DATA_KEYS ? DATA_BLOCK_BYTES : BLOCK_BYTES;
    if (n > block) {
      mark += chainOf(keys + WORDS, block, p, n);
      const last = ((n - 1) % block) + 1;
      p += n - last;
      n = last;
    }
    let k = keys + WORDS;
    let k1 = v128.load(k);
    const stop = p + n;
    while (true) {
      let a = v128.load(p);
      let b = v128.load(p, 16);
      const left = stop - p;
      if (left < 32) {
        a = v128.and(a, v128.load(KEPT + 16 - min<usize>(left, 16)));
        b = v128.and(b, v128.load(KEPT + 32 - max<usize>(left, 16)));
      }
      const k2 = v128.load(k, 16);
      const k3 = v128.load(k, 32);
      const a1 = i32x4.add(a, k1);
      const b1 = i32x4.add(b, k2);
      const a2 = i32x4.add(a, k2);
      const b2 = i32x4.add(b, k3);
      one = i64x2.add(one, i64x2.extmul_low_i32x4_u(a1, b1));
      two = i64x2.add(two, i64x2.extmul_low_i32x4_u(a2, b2));
      one = i64x2.add(one, i64x2.extmul_high_i32x4_u(a1, b1));
      two = i64x2.add(two, i64x2.extmul_high_i32x4_u(a2, b2));
      if (left <= 32) break;
      k1 = k3;
      k += 32;
      p += 32;
    }
  }
  return mark + sum(one) + sum(two) * (load<u64>(JOIN_KEY) | 1);
}
