// Probe: what becomes of each line of a push, before anything is appended and without moving any
// state. It walks the lines with a tentative clock and tentative identities, so that a duplicate
// inside the push and the clock as it moves through it are seen; then it makes room for the worst
// that applying the push can need, so that memory never runs out after the append.

import {
  FAULT_TIME_IN_FUTURE,
  FAULT_TIME_TOO_OLD,
  FIRST_IN_PUSH,
  KIND_EVENT,
  KIND_TICK,
  PROGRAM,
  PROGRAM_FIELDS,
  PROGRAM_LITERAL_BYTES,
  QUERY_KEY_COUNT,
  SLOT_FAULT,
  SLOT_FIRST,
  SLOT_IDENTITY,
  SLOT_MARK,
  SLOT_RECEIVED,
  SLOT_ROUTE,
  SLOT_TIME,
  SLOT_VERDICT,
  TAG_STRING,
  VALUE_BYTES,
  VERDICT_ACCEPTED,
  VERDICT_DIFFERS,
  VERDICT_DUPLICATE,
  VERDICT_QUARANTINED,
} from "./layout";
import { kindOf, rowOf, sealBatch, slotAt, slotCount, verdictOf } from "./batch";
import { RECEIVED_UNKNOWN, afterEvent, afterTick } from "./clock";
import {
  IDENTITY_MARK,
  IDENTITY_POSITION,
  IDENTITY_TIME,
  find,
  identityGrowthBytes,
} from "./dedupe";
import { OTHER_BYTES, reserveKeyBuffer } from "./dictionary";
import { reserveOut } from "./emit";
import { lengthAt, tagAt } from "./expression";
import { clock, foresee, foreseeClock, foreseeIdentity, horizon } from "./foresight";
import { tableGrowthBytes } from "./hash";
import { lateGrowthBytes } from "./late";
import { maxAhead, queryProgram, routeQueries } from "./program";
import { reserveState, scratch, scratchAlloc, shrinkTo, told } from "./regions";
import { S_KEYS, S_PANES, S_WINDOWS, queryCount } from "./state";
import { timerGrowthBytes } from "./timer";
import { reserveTouches } from "./told";
import { reserveTouched, windowGrowthBytes } from "./window";

// ── identities of this push ────────────────────────────────────────────────────────────────────

/** Open addressing over the lines accepted so far: line index + 1, by fingerprint. */
let table: i32 = 0;
let tableBits: u32 = 0;

function beginIdentities(): bool {
  tableBits = max<u32>(4, 33 - <u32>clz<u32>(slotCount));
  table = scratchAlloc((<usize>4) << tableBits);
  if (table < 0) return false;
  memory.fill(scratch + table, 0, (<usize>4) << tableBits);
  return true;
}

/** The place of the latest accepted line with this fingerprint, or the place for it. */
function placeOf(print: usize): usize {
  const mask: u32 = (1 << tableBits) - 1;
  const low = load<u64>(print);
  let i = <u32>(low >> 32) & mask;
  while (true) {
    const place = scratch + table + ((<usize>i) << 2);
    const line = load<u32>(place);
    if (!line) return place;
    const other = slotAt(line - 1) + SLOT_IDENTITY;
    if (load<u64>(other) == low && load<u64>(other, 8) == load<u64>(print, 8)) return place;
    i = (i + 1) & mask;
  }
}

// ── verdicts ───────────────────────────────────────────────────────────────────────────────────

function setKnown(slot: usize, sameMark: bool, first: f64): void {
  store<u8>(slot, sameMark ? VERDICT_DUPLICATE : VERDICT_DIFFERS, SLOT_VERDICT);
  store<f64>(slot, first, SLOT_FIRST);
}

function hold(slot: usize, fault: u32): void {
  store<u8>(slot, VERDICT_QUARANTINED, SLOT_VERDICT);
  store<u8>(slot, fault, SLOT_FAULT);
}

function probeEvent(index: u32, slot: usize): void {
  const print = slot + SLOT_IDENTITY;
  const mark = load<u64>(slot, SLOT_MARK);
  const place = placeOf(print);
  const line = load<u32>(place);
  if (line && load<i64>(slotAt(line - 1), SLOT_TIME) >= horizon) {
    const same = load<u64>(slotAt(line - 1), SLOT_MARK) == mark;
    return setKnown(slot, same, <f64>FIRST_IN_PUSH - <f64>(line - 1));
  }
  const identity = line ? 0 : find(print);
  if (identity && load<i64>(identity, IDENTITY_TIME) >= horizon) {
    const same = load<u64>(identity, IDENTITY_MARK) == mark;
    return setKnown(slot, same, <f64>load<u64>(identity, IDENTITY_POSITION));
  }
  const time = load<i64>(slot, SLOT_TIME);
  if (time < horizon) return hold(slot, FAULT_TIME_TOO_OLD);
  const received = load<i64>(slot, SLOT_RECEIVED);
  if (received != RECEIVED_UNKNOWN && time > received + maxAhead()) {
    return hold(slot, FAULT_TIME_IN_FUTURE);
  }
  store<u8>(slot, VERDICT_ACCEPTED, SLOT_VERDICT);
  store<u32>(place, index + 1);
  foreseeClock(afterEvent(clock, time, received));
  foreseeIdentity(time);
}

/** Gives every event and tick of the batch its verdict; false where the host has no memory. */
export function probeBatch(): bool {
  sealBatch();
  if (!beginIdentities() || !foresee(slotCount)) return false;
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    const kind = kindOf(slot);
    if (kind == KIND_EVENT) probeEvent(i, slot);
    else if (kind == KIND_TICK) {
      store<u8>(slot, VERDICT_ACCEPTED, SLOT_VERDICT);
      foreseeClock(afterTick(clock, load<i64>(slot, SLOT_TIME)));
    }
  }
  return true;
}

// ── room ───────────────────────────────────────────────────────────────────────────────────────

/** Bytes of the longest string that a key of this event can have. */
function longestString(row: usize): usize {
  let longest: usize = max(OTHER_BYTES, <usize>load<u32>(PROGRAM, PROGRAM_LITERAL_BYTES));
  for (let i = load<u32>(PROGRAM, PROGRAM_FIELDS); i > 0; i--, row += VALUE_BYTES) {
    if (tagAt(row) == TAG_STRING) longest = max(longest, <usize>lengthAt(row));
  }
  return longest;
}

/**
 * Makes room for all that applying the accepted lines can need; false where the host has no
 * memory for it, and then nothing has changed.
 */
export function reserveBatch(): bool {
  let events: u32 = 0;
  let windows: u32 = 0;
  let bytes: u64 = 0;
  let keyBytes: usize = 0;
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (verdictOf(slot) != VERDICT_ACCEPTED || kindOf(slot) != KIND_EVENT) continue;
    events++;
    const queries = routeQueries(load<u32>(slot, SLOT_ROUTE));
    const count = load<u32>(queries);
    if (count == 0) continue;
    const longest = longestString(rowOf(i)) + 5;
    for (let q: u32 = 1; q <= count; q++) {
      const query = queryProgram(load<u32>(queries + ((<usize>q) << 2)));
      const key = <usize>load<u16>(query, QUERY_KEY_COUNT) * longest;
      keyBytes = max(keyBytes, key);
      bytes += windowGrowthBytes(query, key);
      windows++;
    }
  }
  bytes += identityGrowthBytes(events);
  bytes += tableGrowthBytes(S_KEYS, windows) + tableGrowthBytes(S_PANES, windows);
  bytes += tableGrowthBytes(S_WINDOWS, windows) + timerGrowthBytes(windows + 1);
  for (let q: u32 = 0; q < queryCount(); q++) bytes += lateGrowthBytes(q, windows);
  const toldBefore = told;
  const scratchBefore = scratch;
  const fits =
    bytes < 0x70000000 &&
    reserveTouched(windows) &&
    reserveKeyBuffer(keyBytes + 16) &&
    reserveOut(keyBytes) &&
    reserveState(<usize>bytes) &&
    reserveTouches(windows);
  // Room that the push takes with it when it fails would be missing for the next, smaller one, and
  // for the tick that frees more.
  if (!fits) shrinkTo(toldBefore, scratchBefore);
  return fits;
}
