// The identities: which events were accepted, so that a redelivery changes nothing.
//
// Found by fingerprint, a SipHash-1-3-128 of source and id, in a table (identity-table.ts; how each
// is kept says identity.ts), forgotten by time: a monotone radix heap (Ahuja, Mehlhorn, Orlin,
// Tarjan: "Faster algorithms for the shortest path problem", 1990) over digits of six bits. An
// identity is in the list of the highest digit in which its time differs from the horizon, and of
// what its time has there. To remember is one push on a list. The horizon forgets whole lists, and
// takes apart only the one that it enters: an identity moves once for each digit at most, not once
// for each bit.
//
// An identity is known while its time is at or after the horizon, which is `T - dedup`, or later
// once more than `limits.identities` were to be remembered: then the earliest are forgotten, and
// counted.

import { PROGRAM, PROGRAM_DEDUP, PROGRAM_IDENTITIES_MAX } from "./layout";
import {
  firstWordOf,
  freeIdentity,
  identityAfter,
  makeIdentity,
  needIdentityBlocks,
  setIdentityAfter,
  timeOf,
} from "./identity";
import {
  identityCount,
  insertIdentity,
  needIdentityTable,
  removeIdentity,
} from "./identity-table";
import { NO_TIME, RADIX_LEVELS, S_FORGOTTEN, S_HORIZON, S_RADIX } from "./state";

const DIGIT_BITS: u32 = 6;
export const LISTS: u32 = RADIX_LEVELS << DIGIT_BITS;
/**
 * Behind an instant up to which the horizon finds nothing, and of each level a bit for each list
 * that has something.
 */
const HEADS: usize = S_RADIX + 8 + ((<usize>RADIX_LEVELS) << 3);

export function dedupeOpen(): void {
  store<i64>(S_HORIZON, NO_TIME);
}

export function identitiesMax(): u32 {
  return load<u32>(PROGRAM + PROGRAM_IDENTITIES_MAX);
}

/** What dedup can vouch for when the clock stands at `clock`. */
export function horizonAt(clock: i64): i64 {
  return clock == NO_TIME ? NO_TIME : clock - load<i64>(PROGRAM + PROGRAM_DEDUP);
}

// ── the radix heap ─────────────────────────────────────────────────────────────────────────────

/** The level of the highest digit in which two times differ; 0 where they are the same. */
@inline
function levelOf(time: i64, other: i64): u32 {
  return (63 - <u32>clz<u64>(<u64>(time ^ other) | 1)) / DIGIT_BITS;
}

@inline
function digitOf(time: i64, level: u32): u32 {
  return <u32>(<u64>time >> (level * DIGIT_BITS)) & ((1 << DIGIT_BITS) - 1);
}

/** The least time that list `list` can hold, for the horizon as it stands; later lists, later. */
export function listStart(list: u32): i64 {
  const shift = (list >> DIGIT_BITS) * DIGIT_BITS;
  const digit = <u64>(list & ((1 << DIGIT_BITS) - 1));
  // The digits above are the horizon's, those below zeros. The highest differs only between times
  // before 1970 and later ones, whose digit is 0.
  const above = (load<u64>(S_HORIZON) >> shift) >> DIGIT_BITS;
  return <i64>((above << DIGIT_BITS << shift) | (digit << shift));
}

@inline
function taken(level: u32): usize {
  return S_RADIX + 8 + ((<usize>level) << 3);
}

export function listHead(list: u32): usize {
  return load<u32>(HEADS + ((<usize>list) << 2));
}

function setHead(list: u32, identity: usize): void {
  store<u32>(HEADS + ((<usize>list) << 2), <u32>identity);
}

/** The list with the earliest times; `LISTS`: all are empty. */
function firstList(): u32 {
  for (let level: u32 = 0; level < RADIX_LEVELS; level++) {
    const lists = load<u64>(taken(level));
    if (lists) return (level << DIGIT_BITS) | <u32>ctz(lists);
  }
  return LISTS;
}

function link(identity: usize, time: i64): void {
  const horizon = load<i64>(S_HORIZON);
  assert(time >= horizon);
  if (time < load<i64>(S_RADIX)) store<i64>(S_RADIX, horizon);
  const level = levelOf(time, horizon);
  const digit = digitOf(time, level);
  const list = (level << DIGIT_BITS) | digit;
  const head = listHead(list);
  setIdentityAfter(identity, head);
  setHead(list, identity);
  if (head) return;
  store<u64>(taken(level), load<u64>(taken(level)) | ((<u64>1) << digit));
}

function forget(identity: usize): void {
  removeIdentity(firstWordOf(identity), identity);
  freeIdentity(identity);
}

/** Takes a list apart: forgets what lies before `horizon`, links the rest again. */
function sift(level: u32, digit: u32, horizon: i64): void {
  const list = (level << DIGIT_BITS) | digit;
  let identity = listHead(list);
  setHead(list, 0);
  store<u64>(taken(level), load<u64>(taken(level)) & ~((<u64>1) << digit));
  while (identity) {
    const next = identityAfter(identity);
    const time = timeOf(identity);
    if (time < horizon) forget(identity);
    else link(identity, time);
    identity = next;
  }
}

/** Moves the horizon up to `horizon` and forgets every identity before it. */
export function raiseHorizon(horizon: i64): void {
  const before = load<i64>(S_HORIZON);
  store<i64>(S_HORIZON, max(horizon, before));
  if (horizon < load<i64>(S_RADIX) || horizon <= before) return;
  // What lies behind the highest digit that moves is before the horizon, and so is what has a
  // lower one there. What has the same has lower digits to differ in, from now on.
  const top = levelOf(horizon, before);
  const end = digitOf(horizon, top);
  for (let level: u32 = 0; level <= top; level++) {
    const gone = level < top ? ~(<u64>0) : ((<u64>2) << end) - 1;
    let lists = load<u64>(taken(level)) & gone;
    for (; lists; lists &= lists - 1) sift(level, <u32>ctz(lists), horizon);
  }
  const first = firstList();
  store<i64>(S_RADIX, first < LISTS ? listStart(first) : i64.MAX_VALUE);
}

/** The earliest time of all and of `time`. A list that begins later is not looked through. */
function earliest(time: i64): i64 {
  const first = firstList();
  if (listStart(first) >= time) return time;
  for (let p = listHead(first); p; p = identityAfter(p)) {
    time = min(time, timeOf(p));
  }
  return time;
}

/**
 * Remembers an accepted event, but for one that was released from before the horizon. The clock has
 * taken it already.
 */
export function remember(print: usize, mark: u64, time: i64, position: u64): void {
  if (identityCount() == identitiesMax() && time >= load<i64>(S_HORIZON)) {
    const before = identityCount() + 1;
    raiseHorizon(max(load<i64>(S_HORIZON), earliest(time) + 1));
    const kept = identityCount() + (time >= load<i64>(S_HORIZON) ? 1 : 0);
    store<u64>(S_FORGOTTEN, load<u64>(S_FORGOTTEN) + (before - kept));
  }
  if (time < load<i64>(S_HORIZON)) return;
  const identity = makeIdentity(print, mark, time, position);
  insertIdentity(load<u64>(print), identity);
  link(identity, time);
}

export function needIdentities(more: u32): void {
  needIdentityBlocks(more);
  needIdentityTable(more);
}
