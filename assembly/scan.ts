// The scan, the fast lane of ingest: the bytes of a push become lines, and of each line that it is
// sure of the slot and the values that the plan reads, in one walk and without an object for it.
// The others it marks as odd: malformed ones, for their code, ticks, CloudEvents. The strict lane
// (engine/ingest/decode.ts) fills the same slots; the two are compared by test.

import {
  KIND_EVENT,
  KIND_ODD,
  LINE_BYTES_MAX,
  PROGRAM,
  PROGRAM_MEMBERS,
  PROGRAM_WHOLE,
  SLOT_BYTES,
  SLOT_FLAGS,
  SLOT_KIND,
  SLOT_LINE,
  SLOT_LINE_BYTES,
  SLOT_RECEIVED,
  TAG_COMPOSITE,
  VALUE_BYTES,
} from "./layout";
import { noteOdd, endLines, layLines, rowOf, slotAt, slotCount, textBase } from "./batch";
import { fits } from "./check";
import { fieldRowBytes } from "./program";
import { scratchMark, scratchReturn } from "./regions";
import { beginEnvelope, checksTaken, routeTaken, sealEnvelope } from "./scan-envelope";
import { followLine, sealShape } from "./scan-follow";
import { beginIdentities, endIdentities } from "./scan-identity";
import { beginText, lacksMemory } from "./scan-text";
import { beginNotes, beginValues, blankEnd, endNotes, object, rowFlags } from "./scan-value";
import { ROOT, beginLine, learn, learns } from "./shape";

const NEWLINE: u32 = 10;
const RETURN: u32 = 13;
const OPEN_OBJECT: u32 = 0x7b;
/** No event is shorter: where lines are, they may be blank. */
const LEAST_EVENT_BYTES: u32 = 100;
/** So many bytes say how long the lines of a push are. */
const SAMPLE_BYTES: u32 = 16384;
const NEWLINES: v128 = i8x16.splat(10);

/** The first newline from `p`; there is one behind the batch's bytes. */
@inline
function newlineFrom(p: usize): usize {
  while (true) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), NEWLINES));
    if (mask) return p + ctz(mask);
    p += 16;
  }
}

/** The newlines in [p, end). */
function countNewlines(p: usize, end: usize): u32 {
  let count: u32 = 0;
  while (end - p >= 32) {
    // So many rounds fit into counters of a byte.
    let counts = i8x16.splat(0);
    for (let stop = min(end - 31, p + 32 * 127); p < stop; p += 32) {
      const first = i8x16.eq(v128.load(p), NEWLINES);
      counts = i8x16.sub(i8x16.sub(counts, first), i8x16.eq(v128.load(p, 16), NEWLINES));
    }
    const pairs = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(counts));
    count += i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
    count += i32x4.extract_lane(pairs, 2) + i32x4.extract_lane(pairs, 3);
  }
  for (; p < end; p++) if (<u32>load<u8>(p) == NEWLINE) count++;
  return count;
}

/** The lines of [p, end) that are not blank. */
function countLines(p: usize, end: usize): u32 {
  let count: u32 = 0;
  while (p < end) {
    if (<u32>load<u8>(blankEnd(p)) != NEWLINE) count++;
    p = newlineFrom(p) + 1;
  }
  return count;
}

/** How many slots the lines of [p, end) take at most: blank ones count where they are few. */
function slotsFor(p: usize, end: usize): u32 {
  const newlines = countNewlines(p, end);
  return newlines > <u32>(end - p) / LEAST_EVENT_BYTES ? countLines(p, end) : newlines + 1;
}

/** About how many they take, by the first of them: to count all is to read them all. */
function slotsLikely(p: usize, end: usize): u32 {
  const all = <u32>(end - p);
  if (all <= 2 * SAMPLE_BYTES) return slotsFor(p, end);
  const sampled = slotsFor(p, p + SAMPLE_BYTES);
  return sampled * (all / SAMPLE_BYTES + 1) + ((all / SAMPLE_BYTES) * sampled) / 8;
}

/** Reads the event that begins at `p` into slot and row; the newline behind it, or 0. */
function event(p: usize, slot: usize, row: usize, text: usize): usize {
  const strings = scratchMark();
  beginLine();
  beginEnvelope();
  beginValues(row, text);
  const followed = followLine(p, slot);
  if (followed) return followed;
  if (<u32>load<u8>(p) != OPEN_OBJECT) return 0;
  // What was read so far is read again; a null leaves its value as it is.
  scratchReturn(strings);
  memory.fill(row, 0, fieldRowBytes());
  beginEnvelope();
  beginValues(row, text);
  beginNotes();
  const end = object(p + 1, 1, PROGRAM + <usize>load<u32>(PROGRAM, PROGRAM_MEMBERS));
  endNotes();
  if (!end) return 0;
  const newline = blankEnd(end);
  if (<u32>load<u8>(newline) != NEWLINE || !sealEnvelope(slot)) return 0;
  if (learns()) sealShape(learn(ROOT, p, newline + 1));
  return newline;
}

/** What nobody takes has no values. `whole` is the field of the event itself, plus 1. */
@inline
function finishRow(slot: usize, row: usize, whole: u32): void {
  if (routeTaken == 0) {
    memory.fill(row, 0, fieldRowBytes());
    return;
  }
  if (whole) store<u8>(row + <usize>(whole - 1) * VALUE_BYTES, TAG_COMPOSITE);
  store<u8>(slot, rowFlags, SLOT_FLAGS);
}

function markOdd(slot: usize, row: usize): void {
  memory.fill(slot, 0, SLOT_BYTES);
  memory.fill(row, 0, fieldRowBytes());
  store<u8>(slot, KIND_ODD, SLOT_KIND);
  noteOdd();
}

/** Fills a slot for each line of the batch's `bytes` bytes; false without memory. */
export function scanBatch(bytes: usize, received: i64): bool {
  const end = textBase() + bytes;
  const before = scratchMark();
  if (layLines(slotsLikely(textBase(), end)) && scanLines(end, received)) return !lacksMemory;
  // The first lines are longer than the others. A scan leaves nothing behind but the slots.
  scratchReturn(before);
  return layLines(slotsFor(textBase(), end)) && scanLines(end, received) && !lacksMemory;
}

/** Fills the slots; false where they are too few. */
function scanLines(end: usize, received: i64): bool {
  const text = textBase();
  const slots = slotCount;
  const rowBytes = fieldRowBytes();
  const whole = load<u32>(PROGRAM, PROGRAM_WHOLE);
  let slot = slotAt(0);
  let row = rowOf(0);
  let p = text;
  beginText();
  beginIdentities();
  let line: u32 = 0;
  while (true) {
    const first = blankEnd(p);
    if (<u32>load<u8>(first) == NEWLINE) {
      if (first >= end) break;
      p = first + 1;
      continue;
    }
    if (line == slots) return false;
    const strings = scratchMark();
    let next = event(first, slot, row, text);
    // What does not fit its schema is odd, so that the strict lane says where.
    const isEvent = next != 0 && fits(checksTaken, row, text);
    if (!next) next = newlineFrom(first);
    const isReturned = <u32>load<u8>(next - 1) == RETURN;
    const length = next - p - (isReturned ? 1 : 0);
    if (isEvent && length <= <usize>LINE_BYTES_MAX) {
      store<u8>(slot, KIND_EVENT, SLOT_KIND);
      store<i64>(slot, received, SLOT_RECEIVED);
      finishRow(slot, row, whole);
    } else {
      if (lacksMemory) return true;
      scratchReturn(strings);
      markOdd(slot, row);
    }
    store<u32>(slot, <u32>(p - text), SLOT_LINE);
    store<u32>(slot, <u32>length, SLOT_LINE_BYTES);
    line++;
    slot += SLOT_BYTES;
    row += rowBytes;
    p = next + 1;
    if (p >= end) break;
  }
  endIdentities();
  endLines(line);
  return true;
}
