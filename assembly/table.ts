// Tables: per key, versions by event time, from the events that feed them. A lookup finds the
// greatest version at or before the event's time; of two at one time, the later position.
//
//   entry (of a table and key):
//   ┌──────┬───────┬────────┬─────┬───────────────┐
//   │ head │ table │ length │ tag │ encoded key … │
//   └──────┴───────┴────────┴─────┴───────────────┘
//   version, newest first:
//   ┌───────┬───────┬──────┬───────────────────────────────┐
//   │ older │ tuple │ time │ (position: by the list's order)│
//   └───────┴───────┴──────┴───────────────────────────────┘
//
// A version is forgotten once a later one is at or before `T - history`. That is judged at each
// lookup; the memory is freed when the next version of its key comes.

import {
  PROGRAM,
  PROGRAM_TABLE_TABLE,
  TABLE_BYTES,
  TABLE_COLUMNS,
  TABLE_HISTORY,
  TABLE_KEY,
  TAG_COMPOSITE,
  TAG_NULL,
} from "./layout";
import { alloc, free } from "./arena";
import { encodeValue, encodedBytes } from "./encode";
import { bindFields, evaluate, tagAt } from "./expression";
import {
  hashMember,
  home,
  slotAfter,
  slotRef,
  slotTag,
  tableBits,
  tableFor,
  tableInsert,
  tagOf,
} from "./hash";
import { keyBuffer } from "./dictionary";
import { needBlocks, needBlocksUpTo } from "./need";
import { S_CLOCK, S_ENTRIES } from "./state";
import { freeTuple, makeTuple } from "./tuple";

const ENTRY_HEAD: usize = 0;
const ENTRY_TABLE: usize = 4;
const ENTRY_LENGTH: usize = 8;
const ENTRY_TAG: usize = 12;
const ENTRY_KEY: usize = 16;

const VERSION_OLDER: usize = 0;
const VERSION_TUPLE: usize = 4;
const VERSION_TIME: usize = 8;
const VERSION_BYTES: usize = 16;

export function tableProgram(index: u32): usize {
  return PROGRAM + <usize>load<u32>(PROGRAM, PROGRAM_TABLE_TABLE) + <usize>index * TABLE_BYTES;
}

/** The entry of a key that is not null; 0 where there is none and `makes` is false. */
function findEntry(index: u32, value: usize, makes: bool): usize {
  const length = encodedBytes(value);
  const key = keyBuffer();
  encodeValue(key, value);
  const tag = tagOf(hashMember(index, key, length));
  if (tableBits(S_ENTRIES) != 0) {
    const table = tableFor(S_ENTRIES, tag);
    let i = home(table, tag);
    for (let entry = slotRef(table, i); entry; entry = slotRef(table, i)) {
      const same =
        slotTag(table, i) == tag &&
        load<u32>(entry, ENTRY_TABLE) == index &&
        load<u32>(entry, ENTRY_LENGTH) == <u32>length &&
        memory.compare(entry + ENTRY_KEY, key, length) == 0;
      if (same) return entry;
      i = slotAfter(table, i);
    }
  }
  if (!makes) return 0;
  const entry = alloc(ENTRY_KEY + length);
  store<u32>(entry, index, ENTRY_TABLE);
  store<u32>(entry, <u32>length, ENTRY_LENGTH);
  store<u32>(entry, tag, ENTRY_TAG);
  memory.copy(entry + ENTRY_KEY, key, length);
  tableInsert(S_ENTRIES, tag, entry);
  return entry;
}

@inline
function isKey(value: usize): bool {
  return tagAt(value) != TAG_NULL && tagAt(value) != TAG_COMPOSITE;
}

/** The event at `time` becomes a version of its key. A null key feeds nothing. */
export function feedTable(index: u32, row: usize, text: usize, time: i64): void {
  const table = tableProgram(index);
  bindFields(row, text);
  const value = evaluate(load<u32>(table, TABLE_KEY));
  if (!isKey(value)) return;
  const entry = findEntry(index, value, true);
  // Newest first: behind all that are later, before those of the same time.
  let place = entry + ENTRY_HEAD;
  let older = <usize>load<u32>(place);
  while (older && load<i64>(older, VERSION_TIME) > time) {
    place = older + VERSION_OLDER;
    older = load<u32>(place);
  }
  const version = alloc(VERSION_BYTES);
  store<u32>(version, <u32>older, VERSION_OLDER);
  store<u32>(version, <u32>makeTuple(load<u32>(table, TABLE_COLUMNS), row, text), VERSION_TUPLE);
  store<i64>(version, time, VERSION_TIME);
  store<u32>(place, <u32>version);
  forgetVersions(entry, load<i64>(S_CLOCK) - load<i64>(table, TABLE_HISTORY));
}

/** Frees every version that has a later one at or before `limit`. */
function forgetVersions(entry: usize, limit: i64): void {
  let version = <usize>load<u32>(entry, ENTRY_HEAD);
  while (version && load<i64>(version, VERSION_TIME) > limit) version = load<u32>(version);
  if (!version) return;
  let older = <usize>load<u32>(version, VERSION_OLDER);
  store<u32>(version, 0, VERSION_OLDER);
  while (older) {
    const next = <usize>load<u32>(older, VERSION_OLDER);
    freeTuple(load<u32>(older, VERSION_TUPLE));
    free(older, VERSION_BYTES);
    older = next;
  }
}

/** The tuple of the version of `value`'s key as of `time`; 0 where there is none. */
export function lookUp(index: u32, value: usize, time: i64): usize {
  if (!isKey(value)) return 0;
  const entry = findEntry(index, value, false);
  if (!entry) return 0;
  let later: usize = 0;
  let version = <usize>load<u32>(entry, ENTRY_HEAD);
  while (version && load<i64>(version, VERSION_TIME) > time) {
    later = version;
    version = load<u32>(version, VERSION_OLDER);
  }
  if (!version) return 0;
  const limit = load<i64>(S_CLOCK) - load<i64>(tableProgram(index), TABLE_HISTORY);
  if (later && load<i64>(later, VERSION_TIME) <= limit) return 0;
  return load<u32>(version, VERSION_TUPLE);
}

/** Notes what a version takes, beside its tuple, its key at most `keyBytes` long. */
export function needVersion(keyBytes: usize): void {
  needBlocks(1, VERSION_BYTES);
  needBlocksUpTo(1, ENTRY_KEY + keyBytes);
}
