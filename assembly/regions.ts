// The three regions: state, told, scratch. State starts at a constant and grows upwards; scratch
// lies behind all and moves up when there has to be room before it, so what points into it is an
// offset from `scratch`, and nothing holds such an address across a reservation.
//
//   STATE ──► top ┄┄ room ┄┄ told ▭▭▭▭▭▭▭ toldEnd ┄┄ room ┄┄ scratch ──► scratchBytes ┄┄ memory's end
//
// Told lies in frames of 64 KiB, in any order (told-pages.ts). State that grows takes the place of
// the lowest of them, which goes behind the highest: with a push as many as it needs, and a few
// ahead of that, never all. The room on both sides is zeros.
//
// Room in state and told is made before the append of a push (room.ts), never after it.

import { PAGE_BYTES, STATE } from "./layout";
import { S_TOP } from "./state";
import { frameMoved } from "./told-pages";

const REGION_BYTES_FIRST: usize = PAGE_BYTES;
const FRAME_BYTES: usize = PAGE_BYTES;
/** So many bytes of frames are moved ahead of need with one reservation. */
const AHEAD_BYTES: usize = 16 * FRAME_BYTES;

/** Where the first frame of told begins, and the last one ends. */
export let told: usize = STATE + REGION_BYTES_FIRST;
export let toldEnd: usize = told;
export let scratch: usize = told;
let scratchBytes: usize = 0;
/** What lies behind it, and behind told, was never written, and is zero. */
let written: usize = 0;

/** Makes the memory reach `end`; false where the host's maximum forbids it. */
function reach(end: usize): bool {
  const have = <usize>memory.size() * PAGE_BYTES;
  if (end <= have) return true;
  return memory.grow(<i32>((end - have + PAGE_BYTES - 1) / PAGE_BYTES)) >= 0;
}

/** Moves scratch up by `bytes`, and leaves zeros. */
function widen(bytes: usize): bool {
  const end = scratch + scratchBytes;
  if (!reach(end + bytes)) return false;
  const dirty = max(written, scratch);
  // What is claimed of scratch may be large, and only what was written of it has to move.
  const used = min(dirty, end);
  memory.copy(scratch + bytes, scratch, used - scratch);
  memory.fill(scratch, 0, min(dirty - scratch, bytes));
  written = max(dirty, used + bytes);
  scratch += bytes;
  return true;
}

/** Room up to `end` before scratch, half as much again where there is memory. */
function reserveTo(end: usize): bool {
  if (end <= scratch) return true;
  const ample = ((scratch - STATE) >> 1) & ~(FRAME_BYTES - 1);
  return (end - scratch < ample && widen(ample)) || widen(end - scratch);
}

/** Room for `more` bytes at the end of the state region; false where the host has no memory. */
export function reserveState(more: usize): bool {
  const top = <usize>load<u32>(S_TOP);
  const end = (top + more + FRAME_BYTES - 1) & ~(FRAME_BYTES - 1);
  if (end > told) {
    if (!reserveTo(end + toldEnd - told)) return false;
    raiseTold(end);
  }
  return true;
}

/**
 * A table that is widened needs much at once: a quarter of the state is room, by and by. It is for
 * a push alone, before it makes room in told, since this takes of the room behind told.
 */
export function moveAhead(): void {
  const size = <usize>load<u32>(S_TOP) - STATE;
  if (told == toldEnd || told - STATE - size >= size >> 2) return;
  if (toldEnd + AHEAD_BYTES <= scratch) raiseTold(told + AHEAD_BYTES);
}

/** Told begins at `to`: its frames below that go behind the others. There is room. */
function raiseTold(to: usize): void {
  const moved = min(toldEnd, to);
  toldEnd += to - told;
  let free = toldEnd - (moved - told);
  for (; told < moved; told += FRAME_BYTES, free += FRAME_BYTES) moveFrame(told, free);
  told = to;
}

function moveFrame(from: usize, to: usize): void {
  memory.copy(to, from, FRAME_BYTES);
  memory.fill(from, 0, FRAME_BYTES);
  frameMoved(from, to);
}

/** Room for so many frames of told more; false where the host has no memory. */
export function reserveFrames(count: u32): bool {
  return reserveTo(toldEnd + <usize>count * FRAME_BYTES);
}

/** A frame more, of zeros; there is room. */
export function takeFrame(): usize {
  if (toldEnd + FRAME_BYTES > scratch) unreachable();
  toldEnd += FRAME_BYTES;
  return toldEnd - FRAME_BYTES;
}

/** Gives room back: told and scratch where they were at `toldBefore` and `scratchBefore`. */
export function shrinkTo(toldBefore: usize, scratchBefore: usize): void {
  assert(toldBefore <= told);
  const end = toldBefore + (toldEnd - told);
  assert(end <= scratchBefore);
  let from = max(end, told);
  for (let to = toldBefore; to < min(end, told); to += FRAME_BYTES, from += FRAME_BYTES) {
    moveFrame(from, to);
  }
  memory.fill(end, 0, scratchBefore - end);
  told = toldBefore;
  toldEnd = end;
  scratch = scratchBefore;
  scratchBytes = 0;
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
  toldEnd = told;
  scratch = told;
  scratchBytes = 0;
}
