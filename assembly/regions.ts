// The three regions: state, told, scratch. State starts at a constant and grows upwards; told and
// scratch lie behind it and move up when it needs room, so what points into them is an offset
// from `told` or `scratch`, and nothing holds such an address across a reservation.
//
//   STATE ──► top ┄┄ room ┄┄ told ──► toldBytes ┄┄ room ┄┄ scratch ──► scratchBytes ┄┄ memory's end
//
// Room in state and told is made before the append of a push (room.ts), never after it.

import { PAGE_BYTES, STATE } from "./layout";
import { S_TOP } from "./state";

const REGION_BYTES_FIRST: usize = PAGE_BYTES;

export let told: usize = STATE + REGION_BYTES_FIRST;
export let toldBytes: usize = 0;
export let scratch: usize = STATE + 2 * REGION_BYTES_FIRST;
let scratchBytes: usize = 0;
/** What lies behind it, and behind told, was never written, and is zero. */
let written: usize = 0;

/** Makes the memory reach `end`; false where the host's maximum forbids it. */
function reach(end: usize): bool {
  const have = <usize>memory.size() * PAGE_BYTES;
  if (end <= have) return true;
  return memory.grow(<i32>((end - have + PAGE_BYTES - 1) / PAGE_BYTES)) >= 0;
}

/** Opens a gap of `bytes` before `at`; what lies there and behind it moves up. */
function widen(at: usize, bytes: usize): bool {
  const end = scratch + scratchBytes;
  if (!reach(end + bytes)) return false;
  const dirty = max(written, scratch);
  // What is claimed of scratch may be large, and only what was written of it has to move.
  const used = min(dirty, end);
  memory.copy(at + bytes, at, used - at);
  memory.fill(at, 0, min(dirty - at, bytes));
  written = max(dirty, used + bytes);
  return true;
}

/** `more` bytes for the region that ends at `limit`, half as much again where there is memory. */
function grow(size: usize, more: usize, at: usize): usize {
  const exact = (more + PAGE_BYTES - 1) & ~(<usize>PAGE_BYTES - 1);
  const ample = max(exact, (size >> 1) & ~(<usize>PAGE_BYTES - 1));
  if (widen(at, ample)) return ample;
  return widen(at, exact) ? exact : 0;
}

/** Room for `more` bytes at the end of the state region; false where the host has no memory. */
export function reserveState(more: usize): bool {
  const top = <usize>load<u32>(S_TOP);
  if (top + more <= told) return true;
  const gap = grow(told - STATE, top + more - told, told);
  told += gap;
  scratch += gap;
  return gap != 0;
}

/** Room for `bytes` in all in the told region. */
export function reserveTold(bytes: usize): bool {
  if (told + bytes <= scratch) return true;
  const gap = grow(scratch - told, told + bytes - scratch, scratch);
  scratch += gap;
  return gap != 0;
}

/** Gives room back: told and scratch where they were at `toldBefore` and `scratchBefore`. */
export function shrinkTo(toldBefore: usize, scratchBefore: usize): void {
  assert(toldBefore + toldBytes <= scratchBefore && toldBefore <= told);
  memory.copy(toldBefore, told, toldBytes);
  // Behind what was told there are zeros.
  memory.fill(toldBefore + toldBytes, 0, scratchBefore - toldBefore - toldBytes);
  told = toldBefore;
  scratch = scratchBefore;
  scratchBytes = 0;
}

export function setToldBytes(bytes: usize): void {
  assert(told + bytes <= scratch);
  toldBytes = bytes;
}

export function clearScratch(): void {
  scratchBytes = 0;
}

/** How far scratch is taken; who allocates for a while goes back there (`scratchReturn`). */
export function scratchMark(): usize {
  return scratchBytes;
}

export function scratchReturn(mark: usize): void {
  scratchBytes = mark;
}

/** An offset of `bytes` fresh bytes, not zeroed, in scratch; -1 where the host has no memory. */
export function scratchAlloc(bytes: usize): i32 {
  const offset = (scratchBytes + 15) & ~15;
  // What scans by 16 bytes may read past an end: 64 spare bytes behind all.
  if (bytes > 0x7fff0000 || !reach(scratch + offset + bytes + 64)) return -1;
  scratchBytes = offset + bytes;
  written = max(written, scratch + scratchBytes + 64);
  return <i32>offset;
}

/** The same, of which only a part is written, as `wrote` says. */
export function scratchClaim(bytes: usize): i32 {
  const before = written;
  const offset = scratchAlloc(bytes);
  written = before;
  return offset;
}

/** Scratch was written up to `end`. */
@inline
export function wrote(end: usize): void {
  written = max(written, end);
}

/** Makes the latest allocation `bytes` longer; false where the host has no memory. */
export function scratchExtend(bytes: usize): bool {
  if (bytes > 0x7fff0000 || !reach(scratch + scratchBytes + bytes + 64)) return false;
  scratchBytes += bytes;
  written = max(written, scratch + scratchBytes + 64);
  return true;
}

/** All three as small as they start. */
export function resetRegions(): void {
  told = STATE + REGION_BYTES_FIRST;
  scratch = told + REGION_BYTES_FIRST;
  toldBytes = 0;
  scratchBytes = 0;
}
