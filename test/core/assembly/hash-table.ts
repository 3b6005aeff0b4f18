// The hash table without a core around it. Built by ../hash-table.test.ts, for tests alone.

import { arenaOpen } from "../../../assembly/arena";
import {
  home,
  needTable,
  slotAfter,
  slotRef,
  slotTag,
  tableBits,
  tableCount,
  tableFor,
  tableInsert,
  tableRemove,
} from "../../../assembly/hash";
import { beginNeed, neededBytes } from "../../../assembly/need";
import { reserveState, resetRegions } from "../../../assembly/regions";
import { S_KEYS, S_TOP, stateHeadBytes } from "../../../assembly/state";

export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}

/** A fresh state with room for `bytes`. */
export function open(bytes: usize): void {
  resetRegions();
  assert(reserveState(stateHeadBytes() + bytes));
  arenaOpen();
}

export function top(): usize {
  return load<u32>(S_TOP);
}

export function count(): u32 {
  return tableCount(S_KEYS);
}

export function insert(tag: u32, ref: usize): void {
  tableInsert(S_KEYS, tag, ref);
}

export function remove(tag: u32, ref: usize): void {
  tableRemove(S_KEYS, tag, ref);
}

/** Whether this entry stands in it. */
export function has(tag: u32, ref: usize): bool {
  if (tableBits(S_KEYS) == 0) return false;
  const table = tableFor(S_KEYS, tag);
  for (let i = home(table, tag); slotRef(table, i); i = slotAfter(table, i)) {
    if (slotTag(table, i) == tag && slotRef(table, i) == ref) return true;
  }
  return false;
}

/** How many slots the former table had; 0 where there is none. */
export function formerSlots(): u32 {
  return load<u32>(S_KEYS, 16) ? 1 << load<u32>(S_KEYS, 20) : 0;
}

/** How many of them are empty since. */
export function moved(): u32 {
  return load<u32>(S_KEYS, 28);
}

/** Bytes above the top that are said to be enough for `more` entries. */
export function needed(more: u32): u64 {
  beginNeed();
  needTable(S_KEYS, more);
  return neededBytes();
}
