// Ahead: of many keys, those of the next events are read before the first of them is looked for, so
// that the cache misses overlap, which one behind the other would be most of what an event costs:
// a slot of the dictionary, then the key. Only keys of one string are, as most keys are. No state.
//
//   entry (16 bytes):  ┌──────┬───────┬─────┬───────┐
//                      │ text │ query │ tag │ table │      text: the address of the string
//                      └──────┴───────┴─────┴───────┘

import {
  KIND_EVENT,
  PROGRAM,
  QUERY_KEYS,
  QUERY_KEY_COUNT,
  ROLE_EVENT,
  SLOT_ROUTE,
  TAG_STRING,
  TAKER_BYTES,
  TAKER_INDEX,
  TAKER_ROLE,
  VALUE_BYTES,
  VERDICT_ACCEPTED,
} from "./layout";
import { kindOf, rowOf, slotAt, textBase, verdictOf } from "./batch";
import { keyBytes, tagOfString } from "./dictionary";
import { bytesAt, fieldOf, lengthAt, tagAt } from "./expression";
import { home, slotAfter, slotRef, slotTag, tableCount, tableFor } from "./hash";
import { queryProgram, routeTakers } from "./program";
import { RECORD_NEXT, keyOf } from "./record";
import { S_KEYS } from "./state";

const TEXT: usize = 0;
const QUERY: usize = 4;
const TAG: usize = 8;
const TABLE: usize = 12;
const ENTRY_BYTES: usize = 16;
const entries: usize = memory.data(256 * 16, 8);
const ENTRIES_END: usize = entries + 256 * ENTRY_BYTES;

/** Fewer keys stay in the cache. */
const MANY_KEYS: u32 = 8192;

let end: usize = entries;
/** The entry that is asked for next, as events come in their order. */
let next: usize = entries;
let touched: u32 = 0;

/** Nothing is read ahead any more: where the strings of a batch lay there may be others. */
export function endAhead(): void {
  next = entries;
  end = entries;
}

/** Reads the keys of `count` events from `line` on. */
export function touchKeys(line: u32, count: u32): void {
  endAhead();
  if (tableCount(S_KEYS) < MANY_KEYS) return;
  for (; count > 0; count--, line++) {
    const slot = slotAt(line);
    if (verdictOf(slot) != VERDICT_ACCEPTED || kindOf(slot) != KIND_EVENT) continue;
    const takers = routeTakers(load<u32>(slot, SLOT_ROUTE));
    for (let i = load<u32>(takers), taker = takers + 4; i > 0; i--, taker += TAKER_BYTES) {
      if (load<u16>(taker, TAKER_ROLE) == ROLE_EVENT) enter(load<u16>(taker, TAKER_INDEX), line);
    }
  }
  touch();
}

function enter(index: u32, line: u32): void {
  const query = queryProgram(index);
  if (end == ENTRIES_END || load<u16>(query, QUERY_KEY_COUNT) != 1) return;
  const field = fieldOf(load<u32>(PROGRAM + <usize>load<u32>(query, QUERY_KEYS)));
  if (!field) return;
  const value = rowOf(line) + <usize>(field - 1) * VALUE_BYTES;
  if (tagAt(value) != TAG_STRING) return;
  const text = textBase() + bytesAt(value);
  store<u32>(end, <u32>text, TEXT);
  store<u32>(end, index, QUERY);
  const tag = tagOfString(index, text, lengthAt(value));
  store<u32>(end, tag, TAG);
  store<u32>(end, <u32>tableFor(S_KEYS, tag), TABLE);
  end += ENTRY_BYTES;
}

/** One loop for each thing that is read, so that none waits for what the one before it found. */
function touch(): void {
  let sum: u32 = 0;
  for (let entry = entries; entry < end; entry += ENTRY_BYTES) {
    const table = <usize>load<u32>(entry, TABLE);
    sum += slotTag(table, home(table, load<u32>(entry, TAG)));
  }
  for (let entry = entries; entry < end; entry += ENTRY_BYTES) {
    const tag = load<u32>(entry, TAG);
    const table = <usize>load<u32>(entry, TABLE);
    let i = home(table, tag);
    while (slotRef(table, i) && slotTag(table, i) != tag) i = slotAfter(table, i);
    const key = slotRef(table, i);
    // Its first line, and its bytes.
    if (key) sum += load<u32>(key) + load<u32>(keyBytes(key));
  }
  touched = sum;
}

/** The tag of the query's key whose string lies at `text`, where it was read ahead; else 0. */
export function tagAhead(index: u32, text: usize): u32 {
  for (let entry = next; entry < end; entry += ENTRY_BYTES) {
    if (load<u32>(entry, TEXT) != <u32>text || load<u32>(entry, QUERY) != index) continue;
    next = entry + ENTRY_BYTES;
    return load<u32>(entry, TAG);
  }
  return 0;
}

// ── windows that close ─────────────────────────────────────────────────────────────────────────

/** So many records' keys are touched at once. */
export const TOUCHED_RECORDS: u32 = 32;

/** Reads the keys of the pane's records from `record` on. */
export function touchKeysOf(record: usize): void {
  let sum: u32 = 0;
  for (let i = TOUCHED_RECORDS; i > 0 && record; i--) {
    sum += load<u32>(keyOf(record));
    record = load<u32>(record, RECORD_NEXT);
  }
  touched = sum;
}
