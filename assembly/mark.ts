// Content marks: a keyed hash of each member of an envelope, by its number and raw value; added up,
// so that the members' order does not matter. Equal contents as bytes have equal marks, always; two
// different ones that no one could choose by the key, once in 2^62 or so. A mark is compared with
// another and is nothing else, so it is not mixed at its end.
//
// It is NH, twice, with keys of its own for each member (Black, Halevi, Krawczyk, Krovetz, Rogaway:
// "UMAC: Fast and Secure Message Authentication", 1999): 32-bit words plus key words, multiplied
// in pairs and added. What is longer than a block goes through SipHash, a block after another; a
// block of `data` is longer than the others', so that few events have more than one.
//
//   keys of a member:  ┌───────────────┬──────────────────────┐
//                      │ of the length │ words, of a block +16│     the second NH begins 16 bytes on
//                      └───────────────┴──────────────────────┘

import { DATA, ENVELOPE_MEMBERS, SCAN } from "./layout";
import { hashWords } from "./hash";

const BLOCK_BYTES: usize = 256;
const DATA_BLOCK_BYTES: usize = 1024;
const WORDS: usize = 16;
const KEY_BYTES: usize = WORDS + BLOCK_BYTES + 16;
/** Behind the types of route.ts; those of `data` are the last. */
const KEYS: usize = SCAN + 8192 + 5120;
const DATA_KEYS: usize = KEYS + DATA * KEY_BYTES;
const JOIN_KEY: usize = DATA_KEYS + WORDS + DATA_BLOCK_BYTES + 16;

/** Sixteen bytes that are kept, then sixteen that are not. */
const KEPT: usize = memory.data<u64>([u64.MAX_VALUE, u64.MAX_VALUE, 0, 0]);

/** An envelope's row with one member, at offset 0. */
const LONE: usize = memory.data(ENVELOPE_MEMBERS * 8, 16);

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

/**
 * The mark of an event whose members' raw values stand in the envelope's row: offset from `text`
 * and length each, 0 where there is none. Thirty-two bytes more than each can be read.
 */
export function markOf(envelope: usize, text: usize): u64 {
  let one = i64x2.splat(0);
  let two = i64x2.splat(0);
  let mark: u64 = 0;
  let keys = KEYS;
  const end = envelope + ENVELOPE_MEMBERS * 8;
  for (let span = envelope; span < end; span += 8, keys += KEY_BYTES) {
    let n = <usize>load<u32>(span, 4);
    if (!n) continue;
    let p = text + load<u32>(span);
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

/** The part of the mark that is a member's, of its raw value, the `n` bytes at `p`. */
export function markOfMember(member: usize, p: usize, n: usize): u64 {
  memory.fill(LONE, 0, ENVELOPE_MEMBERS * 8);
  store<u32>(LONE + (member << 3), <u32>n, 4);
  return markOf(LONE, p);
}
