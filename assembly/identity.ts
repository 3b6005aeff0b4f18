// One identity as it is kept. A million events leave little else behind, so those that come one
// after another share what is nearly the same of each: a sheet of 127 has the clock and the
// position at which it began, and an identity how far it is from these.
//
//   sheet, 4 KiB:         ┌──────────┬──────────────┬──────┬──────┬─────┬──────┬──────────────────┐
//                         │ time i64 │ position u64 │ span │ live │ far │ next │ identities × 127 │
//                         └──────────┴──────────────┴──────┴──────┴─────┴──────┴──────────────────┘
//   identity, 32 bytes:   ┌─────────────────────┬──────────┬──────┐
//                         │ fingerprint u64 × 2 │ mark u64 │ word │
//                         └─────────────────────┴──────────┴──────┘
//   word, 64 bits:        next / 16 27 │ is far 1 │ position 9 │ time 27
//   one that is far, 48:  the same, then time i64 │ position u64
//
// Near is a time within an eighth of what dedup looks back to, as it is when the sheet begins. A
// sheet's places are not taken again before all of it is forgotten: it stays a quarter of that time
// longer at most than the first that it forgets, and no event of a far future holds one back. What
// is far is a block by itself.

import { alloc, free } from "./arena";
import { needBlocks } from "./need";
import { S_CLOCK, S_HORIZON, S_SHEET } from "./state";

const FINGERPRINT: usize = 0;
const MARK: usize = 16;
const WORD: usize = 24;
const NEAR_BYTES: usize = 32;
const FAR_TIME: usize = 32;
const FAR_POSITION: usize = 40;
const FAR_BYTES: usize = 48;

const NEXT: u64 = 0x7ffffff;
const FAR: u64 = 0x8000000;
const POSITION_SHIFT: u64 = 28;
const POSITIONS: u64 = 512;
const TIME_SHIFT: u64 = 37;
const TIMES: u64 = 1 << 27;

/** The earliest time and the least position of its identities. */
const SHEET_TIME: usize = 0;
const SHEET_POSITION: usize = 8;
/** u32, how far beyond the earliest time a near one is. */
const SHEET_SPAN: usize = 16;
/** u16, identities that are not forgotten. */
const SHEET_LIVE: usize = 20;
/** u16, those that were far while it was the sheet at hand. */
const SHEET_FAR: usize = 22;
/** u16, where the next one lies. */
const SHEET_NEXT: usize = 24;
const SHEET_HEADER_BYTES: usize = 32;
const SHEET_BYTES: usize = 4096;
const SHEET_IDENTITIES: u32 = <u32>((SHEET_BYTES - SHEET_HEADER_BYTES) / NEAR_BYTES);
/** After so many that were far another sheet begins, which may be nearer. */
const SHEET_FAR_END: u32 = 4 * SHEET_IDENTITIES;

@inline
function sheetOf(identity: usize): usize {
  return identity & ~(SHEET_BYTES - 1);
}

export function markOf(identity: usize): u64 {
  return load<u64>(identity, MARK);
}

export function timeOf(identity: usize): i64 {
  const word = load<u64>(identity, WORD);
  if (word & FAR) return load<i64>(identity, FAR_TIME);
  return load<i64>(sheetOf(identity), SHEET_TIME) + <i64>(word >> TIME_SHIFT);
}

export function positionOf(identity: usize): u64 {
  const word = load<u64>(identity, WORD);
  if (word & FAR) return load<u64>(identity, FAR_POSITION);
  const more = (word >> POSITION_SHIFT) & (POSITIONS - 1);
  return load<u64>(sheetOf(identity), SHEET_POSITION) + more;
}

/** The identity behind this one in its list, or 0. */
export function identityAfter(identity: usize): usize {
  return <usize>(load<u64>(identity, WORD) & NEXT) << 4;
}

export function setIdentityAfter(identity: usize, next: usize): void {
  store<u64>(identity, (load<u64>(identity, WORD) & ~NEXT) | (<u64>next >> 4), WORD);
}

export function firstWordOf(identity: usize): u64 {
  return load<u64>(identity, FINGERPRINT);
}

/** The sheet at hand, a fresh one where that is full or nothing is near to it any more. */
function sheetAtHand(position: u64): usize {
  const sheet = <usize>load<u32>(S_SHEET);
  const isLeft =
    !sheet ||
    <u32>load<u16>(sheet, SHEET_NEXT) == <u32>SHEET_BYTES ||
    <u32>load<u16>(sheet, SHEET_FAR) == SHEET_FAR_END;
  return isLeft ? beginSheet(sheet, position) : sheet;
}

function beginSheet(before: usize, position: u64): usize {
  if (before && !load<u16>(before, SHEET_LIVE)) free(before, SHEET_BYTES);
  const sheet = alloc(SHEET_BYTES);
  const clock = load<i64>(S_CLOCK);
  const lookBack = clock - load<i64>(S_HORIZON);
  const reach = lookBack < 0 ? 0 : min<i64>(lookBack >> 3, (TIMES >> 1) - 1);
  store<i64>(sheet, clock - reach, SHEET_TIME);
  store<u64>(sheet, position, SHEET_POSITION);
  store<u32>(sheet, 2 * <u32>reach, SHEET_SPAN);
  store<u16>(sheet, <u16>SHEET_HEADER_BYTES, SHEET_NEXT);
  store<u32>(S_SHEET, <u32>sheet);
  return sheet;
}

/** An identity that is in no list. The clock has taken its event. */
export function makeIdentity(print: usize, mark: u64, time: i64, position: u64): usize {
  const sheet = sheetAtHand(position);
  const morePosition = position - load<u64>(sheet, SHEET_POSITION);
  const moreTime = <u64>(time - load<i64>(sheet, SHEET_TIME));
  let identity: usize;
  if (morePosition < POSITIONS && moreTime <= <u64>load<u32>(sheet, SHEET_SPAN)) {
    const next = <usize>load<u16>(sheet, SHEET_NEXT);
    store<u16>(sheet, <u16>(next + NEAR_BYTES), SHEET_NEXT);
    store<u16>(sheet, load<u16>(sheet, SHEET_LIVE) + 1, SHEET_LIVE);
    identity = sheet + next;
    store<u64>(identity, (morePosition << POSITION_SHIFT) | (moreTime << TIME_SHIFT), WORD);
  } else {
    store<u16>(sheet, load<u16>(sheet, SHEET_FAR) + 1, SHEET_FAR);
    identity = alloc(FAR_BYTES);
    store<u64>(identity, FAR, WORD);
    store<i64>(identity, time, FAR_TIME);
    store<u64>(identity, position, FAR_POSITION);
  }
  v128.store(identity, v128.load(print), FINGERPRINT);
  store<u64>(identity, mark, MARK);
  return identity;
}

/** An identity is forgotten; of a sheet, with the last one that it has, all. */
export function freeIdentity(identity: usize): void {
  if (load<u64>(identity, WORD) & FAR) return free(identity, FAR_BYTES);
  const sheet = sheetOf(identity);
  const live = load<u16>(sheet, SHEET_LIVE) - 1;
  store<u16>(sheet, live, SHEET_LIVE);
  if (!live && sheet != <usize>load<u32>(S_SHEET)) free(sheet, SHEET_BYTES);
}

/** Notes what `more` identities take. Who leaves a sheet has met so many since it began. */
export function needIdentityBlocks(more: u32): void {
  if (more == 0) return;
  needBlocks(more, FAR_BYTES);
  needBlocks(more / SHEET_IDENTITIES + 1, SHEET_BYTES);
}
