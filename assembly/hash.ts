// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012; the 128-bit form as
// in the authors' reference code), and the one hash table of the core.
//
// Keys come from untrusted producers, so every table is keyed; the host draws the key when a log
// is created. Iteration order never comes from a hash.
//
//   table:  ┌─────────┬──────┬───────┬───┬─────────┬──────┬──────┬───────┐   slot:  ┌─────┬─────┐
//           │ address │ bits │ count │ – │ address │ bits │ from │ moved │          │ tag │ ref │
//           └─────────┴──────┴───────┴───┴─────────┴──────┴──────┴───────┘          └─────┴─────┘
//                                          the former one, 0: there is none       ref 0: empty
//
// Open addressing, linear probing from the tag's high bits, at most three quarters full; removal
// shifts back what was displaced, so there are no tombstones.
//
// One that is full gets another, twice as wide, and whatever is inserted from then on moves a few
// slots, so that no entry waits for all of them: `moved` slots of the former table, from `from` on,
// are empty, and what belongs there is in the wider one. They are moved up to an empty slot:
// nothing that belongs before it stands behind it.

import { PROGRAM, PROGRAM_HASH_KEY } from "./layout";
import { alloc, freeCleared } from "./arena";
import { needBlocks } from "./need";

/** The last word of a string of SipHash: the bytes behind the whole words, and the length. */
@inline
function lastWord(p: usize, n: usize): u64 {
  const rest = (<u64>1 << ((n & 7) << 3)) - 1;
  return (<u64>n << 56) | (load<u64>(p + (n & ~7)) & rest);
}

/** SipHash-1-3 of a number, then bytes. */
export function hashMember(member: u64, p: usize, n: usize): u64 {
  return hashStrings(member, p, n, 0, 0, 0);
}

/** SipHash-1-3-128 of two strings, 16 bytes at `to`: an event's identity. */
export function hashIdentity(first: usize, firstBytes: usize, p: usize, n: usize, to: usize): void {
  // The first string's length keeps ("ab", "c") apart from ("a", "bc").
  hashStrings(firstBytes, first, firstBytes, p, n, to);
}

/**
 * SipHash-1-3 of a word, then one string, or two where `p` is not 0; each is padded to words, its
 * length in the last one's high byte. Where `to` is not 0, the 128 bits of SipHash-1-3-128 there.
 */
function hashStrings(
  word: u64,
  at: usize,
  bytes: usize,
  p: usize,
  n: usize,
  to: usize,
): u64 {
  const k0 = load<u64>(PROGRAM + PROGRAM_HASH_KEY);
  const k1 = load<u64>(PROGRAM + PROGRAM_HASH_KEY, 8);
  let a = k0 ^ 0x736f6d6570736575;
  let b = k1 ^ 0x646f72616e646f6d ^ (to ? 0xee : 0);
  let c = k0 ^ 0x6c7967656e657261;
  let d = k1 ^ 0x7465646279746573;
  let end = at + (bytes & ~7);
  let last = lastWord(at, bytes);
  while (true) {
    d ^= word;
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
    a ^= word;
    if (at > end) {
      if (!p) break;
      at = p;
      end = p + (n & ~7);
      last = lastWord(p, n);
      p = 0;
    }
    word = at < end ? load<u64>(at) : last;
    at += 8;
  }
  c ^= to ? 0xee : 0xff;
  let second = false;
  while (true) {
    for (let round = 0; round < 3; round++) {
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
    const hash = a ^ b ^ c ^ d;
    if (to) store<u64>(to, hash);
    if (!to || second) return hash;
    second = true;
    to += 8;
    b ^= 0xdd;
  }
}

/** SipHash-1-3 of two words. */
export function hashWords(first: u64, second: u64): u64 {
  const k0 = load<u64>(PROGRAM + PROGRAM_HASH_KEY);
  const k1 = load<u64>(PROGRAM + PROGRAM_HASH_KEY, 8);
  let a = k0 ^ 0x736f6d6570736575;
  let b = k1 ^ 0x646f72616e646f6d;
  let c = k0 ^ 0x6c7967656e657261;
  let d = k1 ^ 0x7465646279746573;
  for (let round = 0; round < 5; round++) {
    const word = round == 0 ? first : round == 1 ? second : 0;
    d ^= word;
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
    a ^= word;
    if (round == 1) c ^= 0xff;
  }
  return a ^ b ^ c ^ d;
}

export function tagOf(hash: u64): u32 {
  return <u32>(hash >> 32);
}

// ── the table ──────────────────────────────────────────────────────────────────────────────────

const TABLE_BITS_FIRST: u32 = 4;
const COUNT: usize = 8;
const FORMER: usize = 16;
const FROM: usize = 24;
const MOVED: usize = 28;
/**
 * At least so many slots of the former table are moved when an entry is inserted: it is empty
 * before the wider one is full, which takes three entries for four slots.
 */
const MOVED_LEAST: u32 = 32;

@inline
function tableSlots(table: usize): usize {
  return load<u32>(table);
}

@inline
export function tableBits(table: usize): u32 {
  return load<u32>(table, 4);
}

@inline
export function tableCount(table: usize): u32 {
  return load<u32>(table, COUNT);
}

/** The table in which what has this tag stands, or would: `table`, or its former one. */
@inline
export function tableFor(table: usize, tag: u32): usize {
  return load<u32>(table, FORMER) && isLeft(table, tag) ? table + FORMER : table;
}

/** Whether what has this tag is not moved yet. */
function isLeft(table: usize, tag: u32): bool {
  const behind = home(table + FORMER, tag) - load<u32>(table, FROM);
  return (behind & maskOf(table + FORMER)) >= load<u32>(table, MOVED);
}

@inline
function maskOf(table: usize): u32 {
  return (1 << tableBits(table)) - 1;
}

/** Index of the first slot to look at for `tag`. The table is not empty. */
@inline
export function home(table: usize, tag: u32): u32 {
  return tag >> (32 - tableBits(table));
}

@inline
export function slotAfter(table: usize, index: u32): u32 {
  return (index + 1) & ((1 << tableBits(table)) - 1);
}

@inline
export function slotTag(table: usize, index: u32): u32 {
  return load<u32>(tableSlots(table) + (<usize>index << 3));
}

@inline
export function slotRef(table: usize, index: u32): usize {
  return load<u32>(tableSlots(table) + (<usize>index << 3), 4);
}

/** Puts an entry into the first free slot from its home on. */
@inline
function place(slots: usize, bits: u32, tag: u32, ref: usize): void {
  let i = tag >> (32 - bits);
  while (load<u32>(slots + (<usize>i << 3), 4)) i = (i + 1) & ((1 << bits) - 1);
  store<u64>(slots + (<usize>i << 3), <u64>tag | (<u64>ref << 32));
}

/** Whether so many entries are too many for 2^bits slots. */
export function isFull(bits: u32, count: u32): bool {
  return bits == 0 || <u64>count * 4 > (<u64>3 << bits);
}

export function tableInsert(table: usize, tag: u32, ref: usize): void {
  const bits = tableBits(table);
  if (isFull(bits, tableCount(table) + 1)) {
    const wider = bits == 0 ? TABLE_BITS_FIRST : bits + 1;
    tableWiden(table, wider, alloc(<usize>8 << wider));
  }
  const emptied = tablePut(table, tag, ref);
  if (emptied) freeCleared(emptied, <usize>4 << tableBits(table));
}

/** From now on the table has 2^bits slots, zeros, at `fresh`. */
function tableWiden(table: usize, bits: u32, fresh: usize): void {
  assert(!load<u32>(table, FORMER));
  if (tableBits(table)) {
    store<u64>(table, load<u64>(table), FORMER);
    let from: u32 = 0;
    while (slotRef(table, from)) from++;
    store<u32>(table, from, FROM);
  }
  store<u32>(table, <u32>fresh);
  store<u32>(table, bits, 4);
}

/** Inserts where there is room; the slots, half as many, that are the table's no more; or 0. */
function tablePut(table: usize, tag: u32, ref: usize): usize {
  const emptied = load<u32>(table, FORMER) ? moveOn(table) : 0;
  store<u32>(table, tableCount(table) + 1, COUNT);
  table = tableFor(table, tag);
  place(tableSlots(table), tableBits(table), tag, ref);
  return emptied;
}

/** Moves the next slots of the former table, up to one that is empty; its slots once all are. */
function moveOn(table: usize): usize {
  const former = table + FORMER;
  const mask = maskOf(former);
  const slots = tableSlots(former);
  const wider = tableSlots(table);
  const bits = tableBits(table);
  const from = load<u32>(table, FROM);
  let moved = load<u32>(table, MOVED);
  const least = moved + MOVED_LEAST;
  for (; ; moved++) {
    const at = slots + (<usize>((from + moved) & mask) << 3);
    const slot = load<u64>(at);
    if (slot >> 32 != 0) {
      place(wider, bits, <u32>slot, <usize>(slot >> 32));
      store<u64>(at, 0);
    } else if (moved >= least) break;
  }
  store<u32>(table, moved, MOVED);
  if (moved <= mask) return 0;
  store<u64>(table, 0, FORMER);
  store<u64>(table, 0, FROM);
  return slots;
}

export function tableRemove(table: usize, tag: u32, ref: usize): void {
  store<u32>(table, tableCount(table) - 1, COUNT);
  table = tableFor(table, tag);
  const slots = tableSlots(table);
  const mask = maskOf(table);
  let hole = home(table, tag);
  while (slotRef(table, hole) != ref) {
    assert(slotRef(table, hole) != 0);
    hole = (hole + 1) & mask;
  }
  // Shift back each follower that would not be found across the hole.
  let i = hole;
  while (true) {
    i = (i + 1) & mask;
    if (!slotRef(table, i)) break;
    const from = home(table, slotTag(table, i));
    if (((i - from) & mask) < ((i - hole) & mask)) continue;
    store<u64>(slots + (<usize>hole << 3), load<u64>(slots + (<usize>i << 3)));
    hole = i;
  }
  store<u64>(slots + (<usize>hole << 3), 0);
}

/** Notes what the table takes from the arena while `more` entries are inserted. */
export function needTable(table: usize, more: u32): void {
  let bits = tableBits(table);
  while (isFull(bits, tableCount(table) + more)) {
    bits = bits == 0 ? TABLE_BITS_FIRST : bits + 1;
    needBlocks(1, <usize>8 << bits);
  }
}
