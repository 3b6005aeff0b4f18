// What a reprocess names: rows, each by its key and its window, and panes, by the window alone. A
// table in scratch, of open addressing, at most half full, for as long as the entry is applied.
//
//   ┌─────┬──────┬───────┬─────┐
//   │ key │ pane │ start │ end │      key 0: a pane; all zeros but `pane` 1: see `TAKEN`
//   └─────┴──────┴───────┴─────┘

import { scratch, scratchAlloc } from "./regions";
import { hashWords } from "./hash";

const KEY: usize = 0;
/** Of a pane its address, once it was met; `TAKEN` before, and of rows; 0: the place is free. */
const PANE: usize = 4;
const START: usize = 8;
const END: usize = 16;
const NAME_BYTES: usize = 24;
const TAKEN: u32 = 1;

/** Where the table lies in scratch, and how many places it has, less one. */
let table: i32 = 0;
let mask: u32 = 0;

/** How far it is empty. */
let cleared: usize = 0;
/** So much is emptied at a time. */
const CLEARED_BYTES: usize = 1024;

/** A table for so many, to be emptied; false where the host has no memory. */
export function reserveNamed(count: u32): bool {
  mask = 1;
  while (mask < 2 * count) mask <<= 1;
  const bytes = <usize>mask * NAME_BYTES;
  mask--;
  cleared = 0;
  table = scratchAlloc(bytes);
  return table >= 0;
}

/** Empties the next part of it; whether all is empty. */
export function clearNamed(): bool {
  const rest = (<usize>mask + 1) * NAME_BYTES - cleared;
  const bytes = min(rest, CLEARED_BYTES);
  memory.fill(scratch + table + cleared, 0, bytes);
  cleared += bytes;
  return bytes == rest;
}

/** The place of what has this name, or would have it. */
function placeOf(key: usize, start: i64, end: i64): usize {
  let i = <u32>hashWords(<u64>start ^ (<u64>key << 32), end) & mask;
  while (true) {
    const at = scratch + table + <usize>i * NAME_BYTES;
    if (!load<u32>(at, PANE)) return at;
    const isSame =
      load<u32>(at, KEY) == <u32>key && load<i64>(at, START) == start && load<i64>(at, END) == end;
    if (isSame) return at;
    i = (i + 1) & mask;
  }
}

/** The row of a key's window has to go; `key` 0: the window's pane is looked at. */
export function name(key: usize, start: i64, end: i64): void {
  const at = placeOf(key, start, end);
  store<u32>(at, <u32>key, KEY);
  store<u32>(at, TAKEN, PANE);
  store<i64>(at, start, START);
  store<i64>(at, end, END);
}

export function isNamed(key: usize, start: i64, end: i64): bool {
  return load<u32>(placeOf(key, start, end), PANE) != 0;
}

/** The window's pane is this one; false where nobody named it. */
export function givePane(start: i64, end: i64, pane: usize): bool {
  const at = placeOf(0, start, end);
  if (!load<u32>(at, PANE)) return false;
  store<u32>(at, <u32>pane, PANE);
  return true;
}

/** What `givePane` said of a window that is named; 0 where it said nothing. */
export function paneNamed(start: i64, end: i64): usize {
  const pane = load<u32>(placeOf(0, start, end), PANE);
  return pane == TAKEN ? 0 : pane;
}
