// The batch: the wall between ingest and core. The host asks for one (`beginBatch`), fills a slot
// a line, and from then on everything about the push is read from here.
//
//   scratch:  ┌────────┬───────┬───────────┬────────────┬───────┐
//             │ header │ slots │ envelopes │ values     │ bytes │
//             │        │ n×64  │ n×80      │ n×fields×16│       │
//             └────────┴───────┴───────────┴────────────┴───────┘

import { forgetBrought } from "./zone";
import {
  ENVELOPE_BYTES,
  ENVELOPE_EVENT_ID,
  ENVELOPE_MEMBERS,
  ENVELOPE_SOURCE,
  KIND_EVENT,
  SCRATCH_BYTES,
  SCRATCH_ENVELOPES,
  SCRATCH_HEADER_BYTES,
  SCRATCH_RELEASED,
  SCRATCH_SLOTS,
  SCRATCH_VALUES,
  SLOT_BYTES,
  SLOT_IDENTITY,
  SLOT_KIND,
  SLOT_MARK,
  SLOT_VERDICT,
} from "./layout";
import { hashIdentity, hashMember } from "./hash";
import { fieldRowBytes } from "./program";
import { clearScratch, scratch, scratchAlloc, scratchExtend } from "./regions";

export let slotCount: u32 = 0;

/** Room for `lines` lines and `bytes` bytes; the address of the header, 0 without memory. */
export function beginBatch(lines: u32, bytes: u32): usize {
  clearScratch();
  forgetBrought();
  slotCount = lines;
  if (scratchAlloc(SCRATCH_HEADER_BYTES) < 0) return 0;
  const slots = scratchAlloc(<usize>lines * SLOT_BYTES);
  const envelopes = scratchAlloc(<usize>lines * ENVELOPE_BYTES);
  const values = scratchAlloc(<usize>lines * fieldRowBytes());
  const text = scratchAlloc(bytes);
  if (slots < 0 || envelopes < 0 || values < 0 || text < 0) return 0;
  store<u32>(scratch, slots, SCRATCH_SLOTS);
  store<u32>(scratch, envelopes, SCRATCH_ENVELOPES);
  store<u32>(scratch, values, SCRATCH_VALUES);
  store<u32>(scratch, text, SCRATCH_BYTES);
  store<u32>(scratch, 0, SCRATCH_RELEASED);
  memory.fill(scratch + slots, 0, <usize>lines * SLOT_BYTES);
  memory.fill(scratch + envelopes, 0, <usize>lines * ENVELOPE_BYTES);
  memory.fill(scratch + values, 0, <usize>lines * fieldRowBytes());
  return scratch;
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

@inline
export function kindOf(slot: usize): u32 {
  return load<u8>(slot, SLOT_KIND);
}

@inline
export function verdictOf(slot: usize): u32 {
  return load<u8>(slot, SLOT_VERDICT);
}

/**
 * Gives each event that the strict lane decoded its identity and its content mark. The mark is the
 * sum of the members' hashes, so their order does not matter.
 */
export function sealBatch(): void {
  const text = textBase();
  let envelope = scratch + <usize>load<u32>(scratch, SCRATCH_ENVELOPES);
  for (let i: u32 = 0; i < slotCount; i++, envelope += ENVELOPE_BYTES) {
    const slot = slotAt(i);
    if (kindOf(slot) != KIND_EVENT) continue;
    let mark: u64 = 0;
    for (let m: u32 = 0; m < <u32>ENVELOPE_MEMBERS; m++) {
      const span = envelope + (<usize>m << 3);
      const length = load<u32>(span, 4);
      if (length) mark += hashMember(m, text + load<u32>(span), length);
    }
    store<u64>(slot, mark, SLOT_MARK);
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
}
