// Identities of the scan: of four events at a time whose ids are as long as each other, and their
// sources. The rounds of SipHash wait one for the other, so that four in a row take longer than
// four side by side, two in a register. Others are hashed one by one (hash.ts), and come to the
// same, as the two lanes' test shows.

import { PROGRAM, PROGRAM_HASH_KEY, SLOT_IDENTITY } from "./layout";
import { hashIdentity } from "./hash";

const LANES: u32 = 4;
/** The slots whose identities wait; in place of one: where id and source stand. */
const WAITING: usize = memory.data(16, 16);
const SOURCE_AT: usize = SLOT_IDENTITY + 4;
let waiting: u32 = 0;
/** How long ids and sources of those that wait are. */
let idLength: usize = 0;
let sourceLength: usize = 0;

/** The four words of SipHash at its beginning, and once it has taken in that there is no source. */
const BEGINNING: usize = memory.data(64, 8);
const NO_SOURCE: usize = BEGINNING + 32;

export function beginIdentities(): void {
  waiting = 0;
  let a = load<u64>(PROGRAM + PROGRAM_HASH_KEY) ^ 0x736f6d6570736575;
  let b = load<u64>(PROGRAM + PROGRAM_HASH_KEY, 8) ^ 0x646f72616e646f6d ^ 0xee;
  let c = load<u64>(PROGRAM + PROGRAM_HASH_KEY) ^ 0x6c7967656e657261;
  let d = load<u64>(PROGRAM + PROGRAM_HASH_KEY, 8) ^ 0x7465646279746573;
  // Its length and its last word are zero.
  for (let round = 0; ; round++) {
    if (round % 2 == 0) {
      const to = BEGINNING + ((<usize>round) << 4);
      store<u64>(to, a);
      store<u64>(to, b, 8);
      store<u64>(to, c, 16);
      store<u64>(to, d, 24);
      if (round == 2) return;
    }
    a += b;
    b = rotl(b, 13) ^ a;
    a = rotl(a, 32);
    c += d;
    d = rotl(d, 16) ^ c;
    a += d;
    d = rotl(d, 21) ^ a;
    c += b;
    b = rotl(b, 17) ^ c;
    c = rotl(c, 32);
  }
}

/**
 * Hashes the identity of a slot, now or with those that come. Where the line turns out to be odd,
 * what is hashed is of no event, and nobody asks for it.
 */
@inline
export function addIdentity(
  source: usize,
  sourceBytes: usize,
  id: usize,
  idBytes: usize,
  slot: usize,
): void {
  if (idBytes != idLength || sourceBytes != sourceLength) {
    endIdentities();
    idLength = idBytes;
    sourceLength = sourceBytes;
  }
  store<u32>(slot, <u32>id, SLOT_IDENTITY);
  store<u32>(slot, <u32>source, SOURCE_AT);
  store<u32>(WAITING + (<usize>waiting << 2), <u32>slot);
  if (++waiting < LANES) return;
  hashWaiting();
  waiting = 0;
}

/** Hashes those that wait. */
export function endIdentities(): void {
  for (let i: u32 = 0; i < waiting; i++) {
    const slot = <usize>load<u32>(WAITING + (<usize>i << 2));
    const id = <usize>load<u32>(slot, SLOT_IDENTITY);
    const source = <usize>load<u32>(slot, SOURCE_AT);
    hashIdentity(source, sourceLength, id, idLength, slot + SLOT_IDENTITY);
  }
  waiting = 0;
}

@inline
function rotate32(v: v128): v128 {
  return i32x4.shuffle(v, v, 1, 0, 3, 2);
}

@inline
function rotate(v: v128, left: i32): v128 {
  return v128.or(i64x2.shl(v, left), i64x2.shr_u(v, 64 - left));
}

/**
 * The word at `at` of the strings of `n` bytes that begin where the two waiting slots from `i` on
 * say at `place`; the last one is filled up, the length in its high byte.
 */
@inline
function wordAt(i: usize, place: usize, at: i32, n: i32): v128 {
  const one = <usize>load<u32>(<usize>load<u32>(WAITING + i) + place) + at;
  const two = <usize>load<u32>(<usize>load<u32>(WAITING + i + 4) + place) + at;
  const both = v128.load_lane<u64>(two, v128.load_zero<u64>(one), 1);
  if (at + 8 <= n) return both;
  const kept = i64x2.splat((<u64>1 << ((n & 7) << 3)) - 1);
  return v128.or(v128.and(both, kept), i64x2.splat(<u64>n << 56));
}

@inline
function putHash(i: usize, to: usize, hash: v128): void {
  v128.store_lane<u64>(<usize>load<u32>(WAITING + i) + to, hash, 0);
  v128.store_lane<u64>(<usize>load<u32>(WAITING + i + 4) + to, hash, 1);
}

function hashWaiting(): void {
  let n = <i32>sourceLength;
  let rounds = <i32>(idLength >> 3) + (n ? (n >> 3) + 3 : 1);
  let place = SOURCE_AT;
  // The length of the source comes first.
  let at = n ? -8 : 8;
  let word0 = i64x2.splat(n);
  let word1 = word0;
  const seed = n ? BEGINNING : NO_SOURCE;
  let a0 = v128.load_splat<u64>(seed);
  let b0 = v128.load_splat<u64>(seed + 8);
  let c0 = v128.load_splat<u64>(seed + 16);
  let d0 = v128.load_splat<u64>(seed + 24);
  let a1 = a0;
  let b1 = b0;
  let c1 = c0;
  let d1 = d0;
  while (true) {
    if (rounds > 0) {
      if (at > n) {
        place = SLOT_IDENTITY;
        n = <i32>idLength;
        at = 0;
      }
      if (at >= 0) {
        word0 = wordAt(0, place, at, n);
        word1 = wordAt(8, place, at, n);
      }
      at += 8;
    }
    d0 = v128.xor(d0, word0);
    d1 = v128.xor(d1, word1);
    a0 = i64x2.add(a0, b0);
    a1 = i64x2.add(a1, b1);
    b0 = v128.xor(rotate(b0, 13), a0);
    b1 = v128.xor(rotate(b1, 13), a1);
    a0 = rotate32(a0);
    a1 = rotate32(a1);
    c0 = i64x2.add(c0, d0);
    c1 = i64x2.add(c1, d1);
    d0 = v128.xor(rotate(d0, 16), c0);
    d1 = v128.xor(rotate(d1, 16), c1);
    a0 = i64x2.add(a0, d0);
    a1 = i64x2.add(a1, d1);
    d0 = v128.xor(rotate(d0, 21), a0);
    d1 = v128.xor(rotate(d1, 21), a1);
    c0 = i64x2.add(c0, b0);
    c1 = i64x2.add(c1, b1);
    b0 = v128.xor(rotate(b0, 17), c0);
    b1 = v128.xor(rotate(b1, 17), c1);
    c0 = rotate32(c0);
    c1 = rotate32(c1);
    a0 = v128.xor(a0, word0);
    a1 = v128.xor(a1, word1);
    rounds--;
    if (rounds == 0) {
      word0 = i64x2.splat(0);
      word1 = word0;
      c0 = v128.xor(c0, i64x2.splat(0xee));
      c1 = v128.xor(c1, i64x2.splat(0xee));
    }
    if (rounds != -3 && rounds != -6) continue;
    const to = rounds == -3 ? SLOT_IDENTITY : SLOT_IDENTITY + 8;
    putHash(0, to, v128.xor(v128.xor(a0, b0), v128.xor(c0, d0)));
    putHash(8, to, v128.xor(v128.xor(a1, b1), v128.xor(c1, d1)));
    if (rounds == -6) return;
    b0 = v128.xor(b0, i64x2.splat(0xdd));
    b1 = v128.xor(b1, i64x2.splat(0xdd));
  }
}
