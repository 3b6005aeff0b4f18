// Probe: what becomes of each line of a push, before anything is appended and without moving any
// state. It walks the lines with a tentative clock and tentative identities, so that a duplicate
// inside the push and the clock as it moves through it are seen. What is accepted has its position
// from here on; then room is made for it (room.ts).

import {
  FAULT_TIME_IN_FUTURE,
  FAULT_TIME_TOO_OLD,
  KIND_EVENT,
  KIND_TICK,
  SCRATCH_DUPLICATES,
  SCRATCH_ENTRIES,
  SCRATCH_ENTRY_BYTES,
  SLOT_FAULT,
  SLOT_FIRST,
  SLOT_IDENTITY,
  SLOT_LINE_BYTES,
  SLOT_MARK,
  SLOT_RECEIVED,
  SLOT_TIME,
  SLOT_VERDICT,
  VERDICT_ACCEPTED,
  VERDICT_DIFFERS,
  VERDICT_DUPLICATE,
  VERDICT_QUARANTINED,
} from "./layout";
import {
  isRelease,
  kindOf,
  slotAt,
  slotCount,
  touchSlots,
  verdictOf,
} from "./batch";
import { RECEIVED_UNKNOWN, afterEvent, afterTick } from "./clock";
import { clock, foresee, foreseeClock, foreseeIdentity, horizon } from "./foresight";
import { markOf, positionOf, timeOf } from "./identity";
import { TOUCHED, findIdentity } from "./identity-table";
import { maxAhead } from "./program";
import { scratch, scratchAlloc } from "./regions";
import { S_POSITION } from "./state";

// ── identities of this push ────────────────────────────────────────────────────────────────────

/** Open addressing over the lines accepted so far: line index + 1, by fingerprint. */
let table: i32 = 0;
let tableBits: u32 = 0;

function beginIdentities(): bool {
  tableBits = max<u32>(4, 34 - <u32>clz<u32>(slotCount));
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

// ── identities of before ───────────────────────────────────────────────────────────────────────

/** Of a run of lines: the identity with the fingerprint of each, or 0. */
const found: usize = memory.data(64 * 4, 8);

/** Looks for those of the lines from `line` on, one right behind the other. */
function findIdentities(line: u32): void {
  const end = min(line + TOUCHED, slotCount);
  touchSlots(line, false);
  for (let i = line; i < end; i++) {
    store<u32>(found + (<usize>(i - line) << 2), <u32>findIdentity(slotAt(i) + SLOT_IDENTITY));
  }
}

@inline
function foundAt(line: u32): usize {
  return load<u32>(found + (<usize>(line % TOUCHED) << 2));
}

// ── verdicts ───────────────────────────────────────────────────────────────────────────────────

let entries: u32 = 0;
let entryBytes: usize = 0;
let duplicates: u32 = 0;

function accept(slot: usize): void {
  store<u8>(slot, VERDICT_ACCEPTED, SLOT_VERDICT);
  store<f64>(slot, <f64>(load<u64>(S_POSITION) + entries++), SLOT_FIRST);
  entryBytes += load<u32>(slot, SLOT_LINE_BYTES) + 1;
}

function setKnown(slot: usize, sameMark: bool, first: f64): void {
  store<u8>(slot, sameMark ? VERDICT_DUPLICATE : VERDICT_DIFFERS, SLOT_VERDICT);
  store<f64>(slot, first, SLOT_FIRST);
  if (sameMark) duplicates++;
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
  // What a release takes is remembered beside the table too, however old it is.
  const earlier = slotAt(line - 1);
  if (line && (isRelease() || load<i64>(earlier, SLOT_TIME) >= horizon)) {
    const same = load<u64>(earlier, SLOT_MARK) == mark;
    return setKnown(slot, same, load<f64>(earlier, SLOT_FIRST));
  }
  const identity = line ? 0 : foundAt(index);
  if (identity && timeOf(identity) >= horizon) {
    const same = markOf(identity) == mark;
    return setKnown(slot, same, <f64>positionOf(identity));
  }
  const time = load<i64>(slot, SLOT_TIME);
  const received = load<i64>(slot, SLOT_RECEIVED);
  if (!isRelease()) {
    if (time < horizon) return hold(slot, FAULT_TIME_TOO_OLD);
    if (received != RECEIVED_UNKNOWN && time > received + maxAhead()) {
      return hold(slot, FAULT_TIME_IN_FUTURE);
    }
  }
  accept(slot);
  store<u32>(place, index + 1);
  foreseeClock(afterEvent(clock, time, received));
  foreseeIdentity(time);
}

/** Lines of the log keep their verdict; room is made for where they bring the clock. */
export function sealLogged(): void {
  foresee(0);
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (verdictOf(slot) != VERDICT_ACCEPTED) continue;
    const time = load<i64>(slot, SLOT_TIME);
    if (kindOf(slot) == KIND_TICK) foreseeClock(afterTick(clock, time));
    else foreseeClock(afterEvent(clock, time, load<i64>(slot, SLOT_RECEIVED)));
  }
}

/** Gives every event and tick of the batch its verdict; false where the host has no memory. */
export function probeBatch(): bool {
  if (!beginIdentities() || !foresee(slotCount)) return false;
  entries = 0;
  entryBytes = 0;
  duplicates = 0;
  for (let i: u32 = 0; i < slotCount; i++) {
    if (i % TOUCHED == 0) findIdentities(i);
    const slot = slotAt(i);
    const kind = kindOf(slot);
    if (kind == KIND_EVENT) probeEvent(i, slot);
    else if (kind == KIND_TICK) {
      accept(slot);
      foreseeClock(afterTick(clock, load<i64>(slot, SLOT_TIME)));
    }
  }
  store<u32>(scratch, entries, SCRATCH_ENTRIES);
  store<u32>(scratch, <u32>entryBytes, SCRATCH_ENTRY_BYTES);
  store<u32>(scratch, duplicates, SCRATCH_DUPLICATES);
  return true;
}
