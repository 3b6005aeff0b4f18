// The identities: which events were accepted, so that a redelivery changes nothing.
//
//   identity (48 bytes):
//   ┌──────────────────────┬──────┬──────┬──────────┬──────┐
//   │ fingerprint u64 × 2  │ mark │ time │ position │ next │
//   └──────────────────────┴──────┴──────┴──────────┴──────┘
//
// Found by fingerprint (a table keyed by SipHash-1-3-128 of source and id), forgotten by time:
// a monotone radix heap (Ahuja, Mehlhorn, Orlin, Tarjan: "Faster algorithms for the shortest path
// problem", 1990) keeps them in 65 lists by the highest bit in which their time differs from a
// reference that only grows. To remember is one push on a list; to forget all before a horizon
// looks only at the lists that the horizon has reached.
//
// An identity is known while its time is at or after the horizon, which is `T - dedup`, or later
// once more than `limits.identities` were to be remembered: then the earliest are forgotten, and
// counted.

import { PROGRAM, PROGRAM_DEDUP, PROGRAM_IDENTITIES_MAX } from "./layout";
import { alloc, free } from "./arena";
import {
  identityCount,
  insertIdentity,
  needIdentityTable,
  removeIdentity,
} from "./identity-table";
import { needBlocks } from "./need";
import { NO_TIME, S_FORGOTTEN, S_HORIZON, S_RADIX } from "./state";

const FINGERPRINT: usize = 0;
export const IDENTITY_MARK: usize = 16;
export const IDENTITY_TIME: usize = 24;
export const IDENTITY_POSITION: usize = 32;
export const IDENTITY_NEXT: usize = 40;
const IDENTITY_BYTES: usize = 48;

const HEADS: usize = S_RADIX + 8;
/** No list begins before this, as far as is known: a horizon below it forgets nothing. */
let quietBelow: i64 = NO_TIME;
export const LISTS: u32 = 65;

/** The state was put there as a whole. */
export function dedupeRestored(): void {
  quietBelow = NO_TIME;
}

export function dedupeOpen(): void {
  store<i64>(S_HORIZON, NO_TIME);
  store<i64>(S_RADIX, NO_TIME);
}

export function identitiesMax(): u32 {
  return load<u32>(PROGRAM + PROGRAM_IDENTITIES_MAX);
}

/** What dedup can vouch for when the clock stands at `clock`. */
export function horizonAt(clock: i64): i64 {
  return clock == NO_TIME ? NO_TIME : clock - load<i64>(PROGRAM + PROGRAM_DEDUP);
}

// ── the radix heap ─────────────────────────────────────────────────────────────────────────────

function listOf(time: i64, reference: i64): u32 {
  assert(time >= reference);
  return time == reference ? 0 : 64 - <u32>clz<u64>(<u64>(time ^ reference));
}

/** The least time that list `list` can hold, for the reference as it stands. */
export function listStart(list: u32): i64 {
  const reference = load<i64>(S_RADIX);
  if (list == 0) return reference;
  // Above bit `list - 1` as in the reference; that bit set; below it zeros. At the sign bit, set
  // means the times from zero up.
  if (list == 64) return 0;
  const bit: i64 = (<i64>1) << (list - 1);
  return (reference | bit) & ~(bit - 1);
}

function listEnd(list: u32): i64 {
  if (list == 0) return load<i64>(S_RADIX);
  if (list == 64) return i64.MAX_VALUE;
  return listStart(list) + (((<i64>1) << (list - 1)) - 1);
}

export function listHead(list: u32): usize {
  return load<u32>(HEADS + ((<usize>list) << 2));
}

function setHead(list: u32, identity: usize): void {
  store<u32>(HEADS + ((<usize>list) << 2), <u32>identity);
}

function link(identity: usize, reference: i64): void {
  const time = load<i64>(identity, IDENTITY_TIME);
  if (time < quietBelow) quietBelow = NO_TIME;
  const list = listOf(time, reference);
  store<u32>(identity, <u32>listHead(list), IDENTITY_NEXT);
  setHead(list, identity);
}

function forget(identity: usize): void {
  removeIdentity(load<u64>(identity, FINGERPRINT), identity);
  free(identity, IDENTITY_BYTES);
}

/** Takes list `list` apart: forgets what lies before `horizon`, links the rest relative to it. */
function sift(list: u32, horizon: i64): void {
  let identity = listHead(list);
  setHead(list, 0);
  while (identity) {
    const next = <usize>load<u32>(identity, IDENTITY_NEXT);
    if (load<i64>(identity, IDENTITY_TIME) < horizon) forget(identity);
    else link(identity, horizon);
    identity = next;
  }
}

/** Moves the horizon up to `horizon` and forgets every identity before it. */
export function raiseHorizon(horizon: i64): void {
  if (horizon <= load<i64>(S_HORIZON)) return;
  store<i64>(S_HORIZON, horizon);
  if (identityCount() != 0 && horizon >= quietBelow) {
    quietBelow = NO_TIME;
    for (let list: u32 = 0; list < LISTS; list++) {
      if (!listHead(list)) continue;
      if (listStart(list) > horizon) {
        quietBelow = listStart(list);
        break;
      }
      const reaches = listEnd(list) >= horizon;
      sift(list, horizon);
      if (reaches) break;
    }
  }
  store<i64>(S_RADIX, horizon);
}

function earliest(): i64 {
  let list: u32 = 0;
  while (!listHead(list)) list++;
  let time = i64.MAX_VALUE;
  for (let p = listHead(list); p; p = load<u32>(p, IDENTITY_NEXT)) {
    time = min(time, load<i64>(p, IDENTITY_TIME));
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
    raiseHorizon(max(load<i64>(S_HORIZON), min(earliest(), time) + 1));
    const kept = identityCount() + (time >= load<i64>(S_HORIZON) ? 1 : 0);
    store<u64>(S_FORGOTTEN, load<u64>(S_FORGOTTEN) + (before - kept));
  }
  if (time < load<i64>(S_HORIZON)) return;
  const identity = alloc(IDENTITY_BYTES);
  store<u64>(identity, load<u64>(print), FINGERPRINT);
  store<u64>(identity, load<u64>(print, 8), FINGERPRINT + 8);
  store<u64>(identity, mark, IDENTITY_MARK);
  store<i64>(identity, time, IDENTITY_TIME);
  store<u64>(identity, position, IDENTITY_POSITION);
  insertIdentity(load<u64>(print), identity);
  link(identity, load<i64>(S_RADIX));
}

export function needIdentities(more: u32): void {
  needBlocks(more, IDENTITY_BYTES);
  needIdentityTable(more);
}
