// The table of identities: where one stands, by its fingerprint. Nearly all that are looked for are
// new, so a look should cost one line of the processor's cache, and the lines should be few.
//
//   a group, 64 bytes:
//   ┌───────────────┬──────┬────────────────┐   word:  count 4 │ passed 12 │ filter 16 bits
//   │ clue u16 × 10 │ word │ entry u32 × 10 │   entry: address / 16 27 │ clue 2 │ distance 3 bits
//   └───────────────┴──────┴────────────────┘
//
// The high bits of a fingerprint name its group. What finds that full is displaced into the first
// one behind it that is not, and each group that it passed counts it and notes one of sixteen bits
// of it (as F14 does: Bronson, Shi, "Open-sourcing F14", 2019): so whoever looks for what is new
// goes on behind hardly any group, and what is removed leaves no tombstone.
//
// A clue is 18 bits of the fingerprint, from the one on that `clueStart` says: they tell those of
// one group apart, and the first of them are the next bits of the group's name. So a wider table is
// filled without a look at the identities, but for where clues start elsewhere in it.
//
// A table that is four fifths full gets another, twice as wide, and whoever is remembered from then
// on moves a group, so that no push waits for all of them: `moved` groups of the former table, from
// `from` on, are empty, and what belongs there is in the wider one. They are moved up to the end of
// a run: nothing passed from what was moved to what was not.

import { alloc, freeCleared } from "./arena";
import { needBlocks } from "./need";
import { S_IDENTITIES } from "./state";

// Of a table: the address, and log2 of its groups; then what the wider one counts.
const GROUPS: usize = 0;
const BITS: usize = 4;
const COUNT: usize = S_IDENTITIES + 8;
const FORMER: usize = S_IDENTITIES + 16;
const FROM: usize = S_IDENTITIES + 24;
const MOVED: usize = S_IDENTITIES + 28;

const GROUP: u32 = 10;
const GROUP_BYTES: usize = 64;
/** Groups that fill a page of the host, of 4 KiB, once they are moved to a wider table. */
const PAGE_GROUPS: u32 = 32;
const WORD: usize = 20;
const ENTRIES: usize = 24;

const TAKEN: u32 = 0xf;
const PASSED: u32 = 0xfff0;
const PASSED_ONE: u32 = 0x10;
const FILTER_SHIFT: u32 = 16;

const ADDRESS: u32 = 0x7ffffff;
const CLUE_BITS: u32 = 18;
const CLUE_SHIFT: u32 = 27;
const DISTANCE_SHIFT: u32 = 29;
/** So far or farther. */
const DISTANCE_MOST: u32 = 7;

@inline
export function identityCount(): u32 {
  return load<u32>(COUNT);
}

/** The first `bits` bits of a fingerprint. */
@inline
function groupOf(print: u64, bits: u32): u32 {
  return <u32>(((print >> 32) << bits) >> 32);
}

/** The first bit of clues in a table of 2^bits groups. */
@inline
function clueStart(bits: u32): u32 {
  return (bits / 10) * 10;
}

@inline
function clueOf(print: u64, bits: u32): u32 {
  return <u32>((print << clueStart(bits)) >> (64 - CLUE_BITS));
}

/** The table in which what has this fingerprint stands, or would. There is one. */
@inline
function tableFor(print: u64): usize {
  if (!load<u32>(FORMER, GROUPS)) return S_IDENTITIES;
  const bits = load<u32>(FORMER, BITS);
  const behind = (groupOf(print, bits) - load<u32>(FROM)) & ((1 << bits) - 1);
  return behind < load<u32>(MOVED) ? S_IDENTITIES : FORMER;
}

@inline
function groupAt(table: usize, group: u32): usize {
  return <usize>load<u32>(table, GROUPS) + <usize>group * GROUP_BYTES;
}

@inline
function groupAfter(table: usize, group: u32): u32 {
  return (group + 1) & ((1 << load<u32>(table, BITS)) - 1);
}

@inline
function entryAt(at: usize, index: u32): u32 {
  return load<u32>(at + (<usize>index << 2), ENTRIES);
}

@inline
function identityOf(entry: u32): usize {
  return <usize>(entry & ADDRESS) << 4;
}

/** What the groups note that were passed, of whom this is the clue. */
@inline
function filterOf(clue: u32): u32 {
  return <u32>1 << (FILTER_SHIFT + (clue & 15));
}

/** Bits of those of a group of whose clue this is the end. */
@inline
function among(at: usize, clue: u32): u32 {
  const own = i16x8.splat(<i16>clue);
  const low = i16x8.bitmask(i16x8.eq(v128.load(at), own));
  const all = low | (i16x8.bitmask(i16x8.eq(v128.load(at, 16), own)) << 8);
  return all & ((1 << (load<u32>(at, WORD) & TAKEN)) - 1);
}

/** The identity with the fingerprint at `print`, which its own begins with, or 0. */
export function findIdentity(print: usize): usize {
  if (identityCount() == 0) return 0;
  const low = load<u64>(print);
  const table = tableFor(low);
  const bits = load<u32>(table, BITS);
  const clue = clueOf(low, bits);
  const own = groupOf(low, bits);
  let group = own;
  // Once round at most: the longest runs of a table can have left each of its groups passed.
  do {
    const at = groupAt(table, group);
    for (let same = among(at, clue); same; same &= same - 1) {
      const identity = identityOf(entryAt(at, ctz(same)));
      if (load<u64>(identity) == low && load<u64>(identity, 8) == load<u64>(print, 8)) {
        return identity;
      }
    }
    if (!(load<u32>(at, WORD) & filterOf(clue))) return 0;
    group = groupAfter(table, group);
  } while (group != own);
  return 0;
}

/** The groups of those that are touched; so many at once at most. */
const groups: usize = memory.data(64 * 4, 8);
export const TOUCHED: u32 = 64;
let touched: u32 = 0;

/**
 * Reads the groups of `count` fingerprints, the first at `print`, each `stride` bytes behind the
 * one before it. Of a run, read before the first is looked for, the cache misses overlap: the more,
 * the less there is to do between one read and the next. `enters`: what lies behind those that are
 * full is read, too, where most of what is entered goes on.
 */
export function touchIdentities(print: usize, count: u32, stride: usize, enters: bool): void {
  if (identityCount() == 0) return;
  const end = groups + (<usize>count << 2);
  for (let p = groups; p < end; p += 4, print += stride) {
    const low = load<u64>(print);
    const table = tableFor(low);
    store<u32>(p, <u32>groupAt(table, groupOf(low, load<u32>(table, BITS))));
  }
  let sum: u32 = 0;
  for (let p = groups; p < end; p += 4) sum += load<u32>(load<u32>(p));
  for (let p = enters ? groups : end; p < end; p += 4) {
    const at = <usize>load<u32>(p);
    const isFull = (load<u32>(at, WORD) & TAKEN) == GROUP;
    sum += load<u32>(isFull ? at + GROUP_BYTES : at);
  }
  touched = sum;
}

/** Puts an identity into the first free place. Its group and its clue are known of its `print`. */
@inline
function place(table: usize, print: u64, identity: usize): void {
  const bits = load<u32>(table, BITS);
  const clue = clueOf(print, bits);
  let group = groupOf(print, bits);
  let at = groupAt(table, group);
  let word = load<u32>(at, WORD);
  let distance: u32 = 0;
  for (; (word & TAKEN) == GROUP; distance++) {
    // A count that is full stays so.
    if ((word & PASSED) != PASSED) word += PASSED_ONE;
    store<u32>(at, word | filterOf(clue), WORD);
    group = groupAfter(table, group);
    at = groupAt(table, group);
    word = load<u32>(at, WORD);
  }
  const index = <usize>(word & TAKEN);
  store<u32>(at, word + 1, WORD);
  store<u16>(at + (index << 1), <u16>clue);
  const more = (clue >> 16) | (min(distance, DISTANCE_MOST) << (DISTANCE_SHIFT - CLUE_SHIFT));
  store<u32>(at + (index << 2), (<u32>identity >> 4) | (more << CLUE_SHIFT), ENTRIES);
}

function isFull(bits: u32, count: u32): bool {
  return <u64>count * 5 > <u64>(4 * GROUP) << bits;
}

/** Enters an identity that is not there, whose fingerprint's first word is `print`. */
export function insertIdentity(print: u64, identity: usize): void {
  const count = identityCount() + 1;
  if (!load<u32>(S_IDENTITIES, GROUPS) || isFull(load<u32>(S_IDENTITIES, BITS), count)) widen();
  if (load<u32>(FORMER, GROUPS)) moveOn();
  place(tableFor(print), print, identity);
  store<u32>(COUNT, count);
}

// ── growth ─────────────────────────────────────────────────────────────────────────────────────

@inline
function isPassed(at: usize): bool {
  return (load<u32>(at, WORD) & PASSED) != 0;
}

function widen(): void {
  assert(!load<u32>(FORMER, GROUPS));
  let bits: u32 = 0;
  if (load<u32>(S_IDENTITIES, GROUPS)) {
    store<u64>(FORMER, load<u64>(S_IDENTITIES));
    bits = load<u32>(FORMER, BITS) + 1;
    // Behind the end of a run. Where there is none, all are moved at once.
    let group: u32 = 1;
    while (group < (<u32>1 << (bits - 1)) && isPassed(groupAt(FORMER, group - 1))) group++;
    store<u32>(FROM, group);
    store<u32>(MOVED, 0);
  }
  store<u32>(S_IDENTITIES, <u32>alloc(GROUP_BYTES << bits), GROUPS);
  store<u32>(S_IDENTITIES, bits, BITS);
}

/**
 * Writes to the page of the wider table behind that of a group that is moved. The host gives a page
 * once to who reads it and again to who writes: one that is written at first is given once. Nothing
 * stands there: ten are moved from a group and one is entered, at most, where there is room for
 * twenty, so that none is displaced farther than to the group behind the last.
 */
@inline
function openPage(group: u32): void {
  const next = (group + PAGE_GROUPS) & ((1 << load<u32>(FORMER, BITS)) - 1);
  store<u8>(groupAt(S_IDENTITIES, next << 1), 0);
}

/** Moves the next group of the former table, and those behind it up to the end of a run. */
function moveOn(): void {
  const groups: u32 = 1 << load<u32>(FORMER, BITS);
  const from = load<u32>(FROM);
  let moved = load<u32>(MOVED);
  let group: u32;
  do {
    group = (from + moved) & (groups - 1);
    // Nothing of the next page was moved, as long as it is whole.
    if (group % PAGE_GROUPS == 0 && moved + 2 * PAGE_GROUPS <= groups) openPage(group);
    moved++;
  } while (moveGroup(group));
  store<u32>(MOVED, moved);
  if (moved < groups) return;
  freeCleared(load<u32>(FORMER, GROUPS), <usize>groups * GROUP_BYTES);
  store<u64>(FORMER, 0);
  store<u64>(FROM, 0);
}

/** Empties a group of the former table; whether some passed it. */
function moveGroup(group: u32): bool {
  const at = groupAt(FORMER, group);
  const bits = load<u32>(FORMER, BITS);
  const wasPassed = isPassed(at);
  const isKnown = clueStart(bits) == clueStart(bits + 1);
  const count = load<u32>(at, WORD) & TAKEN;
  for (let index: u32 = 0; index < count; index++) {
    const entry = entryAt(at, index);
    const distance = entry >> DISTANCE_SHIFT;
    let print: u64;
    if (isKnown && distance < DISTANCE_MOST) {
      const high = (entry >> CLUE_SHIFT) & 3;
      const clue = <u64>(load<u16>(at + (<usize>index << 1)) | (high << 16));
      const own = (group - distance) & ((1 << bits) - 1);
      print = (<u64>own << (64 - bits)) | ((clue << (64 - CLUE_BITS)) >> clueStart(bits));
    } else print = load<u64>(identityOf(entry));
    place(S_IDENTITIES, print, identityOf(entry));
  }
  for (let i = at; i < at + GROUP_BYTES; i += 16) v128.store(i, i32x4.splat(0));
  return wasPassed;
}

/** Notes what the table takes from the arena while `more` identities are entered. */
export function needIdentityTable(more: u32): void {
  if (more == 0) return;
  let bits = load<u32>(S_IDENTITIES, BITS);
  if (!load<u32>(S_IDENTITIES, GROUPS)) needBlocks(1, GROUP_BYTES);
  while (isFull(bits, identityCount() + more)) needBlocks(1, GROUP_BYTES << ++bits);
}

// ── removal ────────────────────────────────────────────────────────────────────────────────────

export function removeIdentity(print: u64, identity: usize): void {
  const table = tableFor(print);
  let group = groupOf(print, load<u32>(table, BITS));
  let at = groupAt(table, group);
  let index = indexOf(at, identity);
  while (index == GROUP) {
    assert(isPassed(at));
    let word = load<u32>(at, WORD);
    if ((word & PASSED) != PASSED) word -= PASSED_ONE;
    store<u32>(at, word & PASSED ? word : word & TAKEN, WORD);
    group = groupAfter(table, group);
    at = groupAt(table, group);
    index = indexOf(at, identity);
  }
  // The last of the group takes its place.
  const word = load<u32>(at, WORD) - 1;
  const last = word & TAKEN;
  store<u32>(at, word, WORD);
  store<u16>(at + (<usize>index << 1), load<u16>(at + (<usize>last << 1)));
  store<u32>(at + (<usize>index << 2), entryAt(at, last), ENTRIES);
  store<u16>(at + (<usize>last << 1), 0);
  store<u32>(at + (<usize>last << 2), 0, ENTRIES);
  store<u32>(COUNT, identityCount() - 1);
}

/** Where in a group the identity stands; `GROUP`: nowhere. */
@inline
function indexOf(at: usize, identity: usize): u32 {
  const count = load<u32>(at, WORD) & TAKEN;
  for (let index: u32 = 0; index < count; index++) {
    if (identityOf(entryAt(at, index)) == identity) return index;
  }
  return GROUP;
}
