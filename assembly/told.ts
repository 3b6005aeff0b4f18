// What was told: for each open record of a query that tells updates, the revision last emitted,
// and of a session its bounds and value too, since they are told again when it is retracted. It
// depends on how the entries were cut into pushes, so it lies in a region of its own: saved in a
// snapshot, no part of the state's hash, never allocating in the state.
//
//   ┌──────┬───────┬─────┬─────────┬───────────────────────────────────┬──────────────┐
//   │ bits │ count │ top │ garbage │ record u32, blob u32, revision u64│ … blobs …    │
//   └──────┴───────┴─────┴─────────┴───────────────────────────────────┴──────────────┘
//   blob:  ┌───────┬────────┬───────┬─────┬──────────┬────────┬─────────────────┐
//          │ bytes │ record │ start │ end │ revision │ length │ encoded value … │
//          └───────┴────────┴───────┴─────┴──────────┴────────┴─────────────────┘
//
// Slots are found by open addressing, at most 3/4 full. Blobs are offsets in the region and only
// ever appended; what is no longer told is garbage until the next reservation moves the rest up.
// A record enters when an event is first applied to it and leaves when it is final, so whatever is
// found here is open, even where the arena has reused an address since.

import { reserveTold, setToldBytes, told } from "./regions";

const COUNT: usize = 4;
const TOP: usize = 8;
const GARBAGE: usize = 12;
const SLOTS: usize = 16;
const SLOT: usize = 16;
const SLOT_BLOB: usize = 4;
const SLOT_REVISION: usize = 8;
const BITS_FIRST: u32 = 6;

const BLOB_RECORD: usize = 4;
export const BLOB_START: usize = 8;
export const BLOB_END: usize = 16;
export const BLOB_REVISION: usize = 24;
const BLOB_LENGTH: usize = 32;
export const BLOB_VALUE: usize = 40;

@inline
function bits(): u32 {
  return load<u32>(told);
}

@inline
function slotAt(index: u32): usize {
  return told + SLOTS + <usize>index * SLOT;
}

@inline
function home(record: usize, bits: u32): u32 {
  return (<u32>record * 0x9e3779b1) >> (32 - bits);
}

/** An empty table; the region has room for its first size. */
export function toldOpen(): void {
  const top = SLOTS + (SLOT << BITS_FIRST);
  memory.fill(told, 0, top);
  store<u32>(told, BITS_FIRST);
  store<u32>(told, <u32>top, TOP);
  setToldBytes(top);
}

// ── room ───────────────────────────────────────────────────────────────────────────────────────

/** Room for `more` records and `bytes` of blobs; false where the host has no memory. */
export function reserveTelling(more: u32, bytes: usize): bool {
  if (load<u32>(told, GARBAGE) > load<u32>(told, TOP) / 2) compact();
  const wanted = <u64>load<u32>(told, COUNT) + more;
  let wider = bits();
  while (wanted * 4 > <u64>3 << wider) wider++;
  if (wider > 26) return false;
  const top = <usize>load<u32>(told, TOP);
  const extra = wider == bits() ? 0 : (SLOT << wider) - (SLOT << bits());
  // While it is made again, the old table lies behind all.
  if (!reserveTold(top + extra + (extra ? SLOT << bits() : 0) + bytes)) return false;
  if (extra) rehash(wider, extra);
  return true;
}

function rehash(wider: u32, extra: usize): void {
  const before = bits();
  const size = SLOT << before;
  const top = <usize>load<u32>(told, TOP);
  const old = told + top + extra;
  memory.copy(old, told + SLOTS, size);
  memory.copy(told + SLOTS + size + extra, told + SLOTS + size, top - SLOTS - size);
  memory.fill(told + SLOTS, 0, size + extra);
  store<u32>(told, wider);
  store<u32>(told, <u32>(top + extra), TOP);
  const mask: u32 = (1 << wider) - 1;
  for (let p = old; p < old + size; p += SLOT) {
    if (!load<u32>(p)) continue;
    let i = home(load<u32>(p), wider);
    while (load<u32>(slotAt(i))) i = (i + 1) & mask;
    memory.copy(slotAt(i), p, SLOT);
    const blob = load<u32>(slotAt(i), SLOT_BLOB);
    if (blob) store<u32>(slotAt(i), blob + <u32>extra, SLOT_BLOB);
  }
  memory.fill(old, 0, size);
  setToldBytes(top + extra);
}

/** Moves the blobs that are still told to the front, and their slots after them. */
function compact(): void {
  const start = SLOTS + (SLOT << bits());
  const end = <usize>load<u32>(told, TOP);
  let to = start;
  for (let from = start; from < end; ) {
    const bytes = <usize>load<u32>(told + from);
    const slot = slotAt(find(load<u32>(told + from, BLOB_RECORD)));
    if (load<u32>(slot) && load<u32>(slot, SLOT_BLOB) == <u32>from) {
      memory.copy(told + to, told + from, bytes);
      store<u32>(slot, <u32>to, SLOT_BLOB);
      to += bytes;
    }
    from += bytes;
  }
  memory.fill(told + to, 0, end - to);
  store<u32>(told, <u32>to, TOP);
  store<u32>(told, 0, GARBAGE);
  setToldBytes(to);
}

// ── records ────────────────────────────────────────────────────────────────────────────────────

function find(record: usize): u32 {
  const mask: u32 = (1 << bits()) - 1;
  let i = home(record, bits());
  while (true) {
    const at = load<u32>(slotAt(i));
    if (at == <u32>record || at == 0) return i;
    i = (i + 1) & mask;
  }
}

/** Some revision that was told: no record that is touched again still stands at its first. */
const TOLD_BEFORE: u64 = 1;

/** The record has something to tell; `known`: there was a row of it before this push. */
export function touch(record: usize, known: bool): void {
  const slot = slotAt(find(record));
  if (load<u32>(slot)) return;
  store<u32>(slot, <u32>record);
  store<u64>(slot, known ? TOLD_BEFORE : 0, SLOT_REVISION);
  store<u32>(told, load<u32>(told, COUNT) + 1, COUNT);
}

/** Whether the record is open and stands at a revision not yet told; then it is told now. */
export function tell(record: usize, revision: u64): bool {
  const slot = slotAt(find(record));
  if (!load<u32>(slot) || load<u64>(slot, SLOT_REVISION) == revision) return false;
  store<u64>(slot, revision, SLOT_REVISION);
  return true;
}

/**
 * Whether there was a row of the record, as its window still is, before this push; from now on
 * there was none. `stays`: the record goes on, with another window.
 */
export function forgetRow(record: usize, stays: bool): bool {
  const slot = slotAt(find(record));
  if (!load<u32>(slot)) {
    // Nothing was applied to it since the query is watched.
    if (stays) touch(record, false);
    return true;
  }
  const was = load<u64>(slot, SLOT_REVISION) != 0;
  store<u64>(slot, 0, SLOT_REVISION);
  return was;
}

/** The record is no longer open. Its blob, if any, stays readable until the push ends. */
export function untouch(record: usize): void {
  if (!load<u32>(told, COUNT)) return;
  const mask: u32 = (1 << bits()) - 1;
  let hole = find(record);
  if (!load<u32>(slotAt(hole))) return;
  discard(load<u32>(slotAt(hole), SLOT_BLOB));
  let i = hole;
  while (true) {
    i = (i + 1) & mask;
    const other = load<u32>(slotAt(i));
    if (!other) break;
    const from = home(other, bits());
    if (((i - from) & mask) < ((i - hole) & mask)) continue;
    memory.copy(slotAt(hole), slotAt(i), SLOT);
    hole = i;
  }
  memory.fill(slotAt(hole), 0, SLOT);
  store<u32>(told, load<u32>(told, COUNT) - 1, COUNT);
}

// ── blobs ──────────────────────────────────────────────────────────────────────────────────────

/** What was last told of a session, an offset in the region; 0 where nothing was. */
export function blobOf(record: usize): usize {
  if (!load<u32>(told, COUNT)) return 0;
  const slot = slotAt(find(record));
  return load<u32>(slot) ? <usize>load<u32>(slot, SLOT_BLOB) : 0;
}

/** Keeps what is told of a touched session; there is room. */
export function keepBlob(
  record: usize,
  start: i64,
  end: i64,
  revision: u64,
  value: usize,
  length: usize,
): void {
  const slot = slotAt(find(record));
  assert(load<u32>(slot) != 0);
  discard(load<u32>(slot, SLOT_BLOB));
  const offset = <usize>load<u32>(told, TOP);
  const bytes = (BLOB_VALUE + length + 7) & ~7;
  const blob = told + offset;
  memory.fill(blob, 0, bytes);
  store<u32>(blob, <u32>bytes);
  store<u32>(blob, <u32>record, BLOB_RECORD);
  store<i64>(blob, start, BLOB_START);
  store<i64>(blob, end, BLOB_END);
  store<u64>(blob, revision, BLOB_REVISION);
  store<u32>(blob, <u32>length, BLOB_LENGTH);
  memory.copy(blob + BLOB_VALUE, value, length);
  store<u32>(slot, <u32>offset, SLOT_BLOB);
  store<u32>(told, <u32>(offset + bytes), TOP);
  setToldBytes(offset + bytes);
}

/** Bytes of the value told. */
export function blobLength(offset: usize): usize {
  return load<u32>(told + offset, BLOB_LENGTH);
}

/** What was told of the session is told no more. */
export function dropBlob(record: usize): void {
  const slot = slotAt(find(record));
  discard(load<u32>(slot, SLOT_BLOB));
  store<u32>(slot, 0, SLOT_BLOB);
}

export const BLOB_PADDING: usize = BLOB_VALUE + 8;

function discard(blob: u32): void {
  if (blob) store<u32>(told, load<u32>(told, GARBAGE) + load<u32>(told + blob), GARBAGE);
}
