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
  SLOT_ROUTE,
  TAG_COMPOSITE,
  VALUE_BYTES,
} from "./layout";
import { envelopeRow, endLines, layLines, rowOf, slotAt, textBase } from "./batch";
import { fits } from "./check";
import { fieldRowBytes } from "./program";
import { scratchMark, scratchReturn } from "./regions";
import { beginEnvelope, checksOfType, sealEnvelope } from "./scan-envelope";
import { follow } from "./scan-follow";
import { beginText, lacksMemory } from "./scan-text";
import { beginNotes, beginValues, blankEnd, endNotes, object, rowFlags } from "./scan-value";
import { ROOT, STEP_END, beginLine, learn, learns } from "./shape";

const NEWLINE: u32 = 10;
const RETURN: u32 = 13;
const OPEN_OBJECT: u32 = 0x7b;
/** No event is shorter: where lines are, they may be blank. */
const LEAST_EVENT_BYTES: u32 = 100;
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

/** How many slots the lines of [p, end) may take: blank ones count where they are few. */
function slotsFor(p: usize, end: usize): u32 {
  const newlines = countNewlines(p, end);
  return newlines > <u32>(end - p) / LEAST_EVENT_BYTES ? countLines(p, end) : newlines + 1;
}

/** Reads the event that begins at `p` into slot and row; the newline behind it, or 0. */
function event(p: usize, slot: usize, row: usize, text: usize): usize {
  const strings = scratchMark();
  beginLine();
  beginEnvelope(envelopeRow(), text);
  beginValues(row, text);
  const followed = follow(p, slot);
  if (followed) return followed;
  if (<u32>load<u8>(p) != OPEN_OBJECT) return 0;
  // What was read so far is read again; a null leaves its value as it is.
  scratchReturn(strings);
  memory.fill(row, 0, fieldRowBytes());
  beginEnvelope(envelopeRow(), text);
  beginValues(row, text);
  beginNotes();
  const end = object(p + 1, 1, PROGRAM + <usize>load<u32>(PROGRAM, PROGRAM_MEMBERS));
  endNotes();
  if (!end) return 0;
  const newline = blankEnd(end);
  if (<u32>load<u8>(newline) != NEWLINE || !sealEnvelope(slot)) return 0;
  if (learns()) learn(ROOT, p, newline, STEP_END);
  return newline;
}

/** What nobody takes has no values. */
function finishRow(slot: usize, row: usize): void {
  const whole = load<u32>(PROGRAM, PROGRAM_WHOLE);
  if (load<u32>(slot, SLOT_ROUTE) == 0) {
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
}

/** Fills a slot for each line of the batch's `bytes` bytes; false without memory. */
export function scanBatch(bytes: usize, received: i64): bool {
  let p = textBase();
  const text = p;
  const end = p + bytes;
  if (!layLines(slotsFor(p, end))) return false;
  beginText();
  let line: u32 = 0;
  while (true) {
    const first = blankEnd(p);
    if (<u32>load<u8>(first) == NEWLINE) {
      if (first >= end) break;
      p = first + 1;
      continue;
    }
    const slot = slotAt(line);
    const row = rowOf(line);
    const strings = scratchMark();
    let next = event(first, slot, row, text);
    // What does not fit its schema is odd, so that the strict lane says where.
    const isEvent = next != 0 && fits(checksOfType(), row, text);
    if (!next) next = newlineFrom(first);
    const isReturned = <u32>load<u8>(next - 1) == RETURN;
    const length = next - p - (isReturned ? 1 : 0);
    if (isEvent && length <= <usize>LINE_BYTES_MAX) {
      store<u8>(slot, KIND_EVENT, SLOT_KIND);
      store<i64>(slot, received, SLOT_RECEIVED);
      finishRow(slot, row);
    } else {
      if (lacksMemory) return false;
      scratchReturn(strings);
      markOdd(slot, row);
    }
    store<u32>(slot, <u32>(p - text), SLOT_LINE);
    store<u32>(slot, <u32>length, SLOT_LINE_BYTES);
    line++;
    p = next + 1;
    if (p >= end) break;
  }
  endLines(line);
  return true;
}
