// The batch: the wall between ingest and core. The host asks for one (`beginBatch`) and copies the
// bytes of a push in; then the scan (scan.ts) cuts them into lines and fills a slot a line; those
// that it leaves the host fills. From then on everything about the push is read from here.
//
//   scratch:  ┌────────┬──────────┬───────┬───────┬─────────────┬─────────┐
//             │ header │ envelope │ bytes │ slots │ values      │ strings │
//             │        │ 80       │       │ n×64  │ n×fields×16 │         │
//             └────────┴──────────┴───────┴───────┴─────────────┴─────────┘

import { forgetBrought } from "./zone";
import {
  ENVELOPE_BYTES,
  ENVELOPE_EVENT_ID,
  ENVELOPE_MEMBERS,
  ENVELOPE_SOURCE,
  EVENT_TIME,
  KIND_EVENT,
  KIND_ODD,
  SCRATCH_BYTES,
  SCRATCH_DUPLICATES,
  SCRATCH_ENTRIES,
  SCRATCH_ENTRY_BYTES,
  SCRATCH_ENVELOPE,
  SCRATCH_HEADER_BYTES,
  SCRATCH_RELEASED,
  SCRATCH_SLOTS,
  SCRATCH_STRINGS,
  SCRATCH_VALUES,
  SLOT_BYTES,
  SLOT_IDENTITY,
  SLOT_KIND,
  SLOT_LINE,
  SLOT_LINE_BYTES,
  SLOT_MARK,
  SLOT_VERDICT,
  VERDICT_ACCEPTED,
  VERDICT_DUPLICATE,
} from "./layout";
import { hashIdentity } from "./hash";
import { TOUCHED, touchIdentities } from "./identity-table";
import { beginMark, endMark } from "./mark";
import { fieldRowBytes } from "./program";
import { PLAIN_TIME_BYTES, addRaw } from "./scan-envelope";
import { time } from "./scan-time";
import {
  clearScratch,
  scratch,
  scratchAlloc,
  scratchExtend,
  scratchMark,
  scratchReturn,
} from "./regions";

export let slotCount: u32 = 0;
/** Whether the scan left some to the strict lane. Ticks are among them. */
let hasOdd: bool = false;

/** What is read behind the bytes by whoever reads by sixteen at once. */
const MARGIN_BYTES: usize = 64;
const NEWLINE: u8 = 10;

/** Room for `bytes` bytes; the address of the header, 0 without memory. */
export function beginBatch(bytes: u32): usize {
  clearScratch();
  forgetBrought();
  slotCount = 0;
  const header = scratchAlloc(SCRATCH_HEADER_BYTES);
  const envelope = scratchAlloc(ENVELOPE_BYTES);
  const text = scratchAlloc(<usize>bytes + MARGIN_BYTES);
  if (header < 0 || envelope < 0 || text < 0) return 0;
  store<u32>(scratch, envelope, SCRATCH_ENVELOPE);
  store<u32>(scratch, text, SCRATCH_BYTES);
  memory.fill(scratch + text + bytes, NEWLINE, MARGIN_BYTES);
  store<u32>(scratch, 0, SCRATCH_RELEASED);
  return scratch;
}

/** Slots and rows for `lines` lines, all zero and none odd; false without memory. */
export function layLines(lines: u32): bool {
  if (<u64>lines * (SLOT_BYTES + fieldRowBytes()) >> 31 != 0) return false;
  hasOdd = false;
  const slots = scratchAlloc(<usize>lines * SLOT_BYTES);
  const values = scratchAlloc(<usize>lines * fieldRowBytes());
  if (slots < 0 || values < 0) return false;
  slotCount = lines;
  store<u32>(scratch, slots, SCRATCH_SLOTS);
  store<u32>(scratch, values, SCRATCH_VALUES);
  memory.fill(scratch + slots, 0, <usize>lines * SLOT_BYTES);
  memory.fill(scratch + values, 0, <usize>lines * fieldRowBytes());
  markStrings();
  return true;
}

/** The lines were fewer than room was laid for, and strings follow. */
export function endLines(lines: u32): void {
  slotCount = lines;
  markStrings();
}

/** From here on the host writes strings, in room that it asks for (`extendBatch`). */
function markStrings(): void {
  store<u32>(scratch, <u32>(scratchMark() - load<u32>(scratch, SCRATCH_BYTES)), SCRATCH_STRINGS);
}

export function endBatch(): void {
  clearScratch();
  slotCount = 0;
}

/** Room for `bytes` more bytes behind the batch's bytes; false without memory. */
export function extendBatch(bytes: u32): bool {
  return scratchExtend(bytes);
}

@inline
export function slotAt(index: u32): usize {
  return scratch + <usize>load<u32>(scratch, SCRATCH_SLOTS) + <usize>index * SLOT_BYTES;
}

@inline
export function rowOf(index: u32): usize {
  return scratch + <usize>load<u32>(scratch, SCRATCH_VALUES) + <usize>index * fieldRowBytes();
}

/** The batch's bytes, which the offsets of its strings are relative to. */
@inline
export function textBase(): usize {
  return scratch + <usize>load<u32>(scratch, SCRATCH_BYTES);
}

/** Whether the batch is a release: none of its events is held back. */
@inline
export function isRelease(): bool {
  return load<u32>(scratch, SCRATCH_RELEASED) != 0;
}

/** The row of the envelope of the event at hand. */
@inline
export function envelopeRow(): usize {
  return scratch + <usize>load<u32>(scratch, SCRATCH_ENVELOPE);
}

@inline
export function kindOf(slot: usize): u32 {
  return load<u8>(slot, SLOT_KIND);
}

@inline
export function verdictOf(slot: usize): u32 {
  return load<u8>(slot, SLOT_VERDICT);
}

/** Touches the identities of the slots from `line` on; `enters`: they will be remembered. */
export function touchSlots(line: u32, enters: bool): void {
  const count = min(TOUCHED, slotCount - line);
  touchIdentities(slotAt(line) + SLOT_IDENTITY, count, SLOT_BYTES, enters);
}

// ── what the host asks of the slots ────────────────────────────────────────────────────────────

/** The scan leaves a line to the strict lane. */
@inline
export function noteOdd(): void {
  hasOdd = true;
}

/** The first line from `line` on that the scan left to the strict lane; `slotCount`: none. */
export function oddFrom(line: u32): u32 {
  if (!hasOdd) return slotCount;
  while (line < slotCount && kindOf(slotAt(line)) != KIND_ODD) line++;
  return line;
}

/** The first line from `line` on that is neither an accepted event nor a duplicate. */
export function unsettledFrom(line: u32): u32 {
  const settled = load<u32>(scratch, SCRATCH_ENTRIES) + load<u32>(scratch, SCRATCH_DUPLICATES);
  if (!hasOdd && settled == slotCount) return slotCount;
  for (; line < slotCount; line++) {
    const slot = slotAt(line);
    if (kindOf(slot) != KIND_EVENT) break;
    const verdict = verdictOf(slot);
    if (verdict != VERDICT_ACCEPTED && verdict != VERDICT_DUPLICATE) break;
  }
  return line;
}

/** Accepts every line: they are entries of the log, and nothing is judged twice. */
export function acceptBatch(): void {
  for (let i: u32 = 0; i < slotCount; i++) {
    store<u8>(slotAt(i), VERDICT_ACCEPTED, SLOT_VERDICT);
  }
}

/**
 * Copies the accepted lines of a batch that was probed, each ended by a newline, to the end of
 * scratch, to be read before the next call; 0 without memory.
 */
export function gatherEntries(): usize {
  const mark = scratchMark();
  const gathered = scratchAlloc(load<u32>(scratch, SCRATCH_ENTRY_BYTES));
  if (gathered < 0) return 0;
  scratchReturn(mark);
  let to = scratch + gathered;
  const text = textBase();
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (verdictOf(slot) != VERDICT_ACCEPTED) continue;
    const length = <usize>load<u32>(slot, SLOT_LINE_BYTES);
    memory.copy(to, text + load<u32>(slot, SLOT_LINE), length);
    store<u8>(to + length, NEWLINE);
    to += length + 1;
  }
  return scratch + gathered;
}

/**
 * Gives an event that the strict lane decoded its identity and its content mark. Of what the
 * identity says nothing is in the mark, as in the scan.
 */
export function sealEvent(line: u32): void {
  const text = textBase();
  const slot = slotAt(line);
  const envelope = envelopeRow();
  beginMark();
  for (let member = 0; member < ENVELOPE_MEMBERS; member++) {
    const span = envelope + ((<usize>member) << 3);
    const from = text + load<u32>(span);
    const bytes = <usize>load<u32>(span, 4);
    if (member == EVENT_TIME && bytes == PLAIN_TIME_BYTES) time(from + 1, bytes - 2);
    if (bytes) addRaw(member, from, from + bytes);
  }
  store<u64>(slot, endMark(), SLOT_MARK);
  const source = text + load<u32>(envelope, ENVELOPE_SOURCE);
  const id = text + load<u32>(envelope, ENVELOPE_EVENT_ID);
  hashIdentity(
    source,
    load<u32>(envelope, ENVELOPE_SOURCE + 4),
    id,
    load<u32>(envelope, ENVELOPE_EVENT_ID + 4),
    slot + SLOT_IDENTITY,
  );
}
