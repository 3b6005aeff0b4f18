// Watched queries: those whose view is mirrored somewhere. Of these a push tells each row that it
// made or changed, whatever `emit` says, and each that is gone; among the changes, which the host
// keeps apart (live/mirror.ts). Who watches is no part of the state.

import {
  CHANGE_GONE,
  CHANGE_IS_FINAL,
  CHANGE_ROW,
  CHANGE_UPDATE,
  EMIT_ALL,
  EMIT_NONE,
  QUERY_EMIT,
} from "./layout";
import { queryOf } from "./dictionary";
import { beginRecord, endRecord } from "./emit";
import { queryProgram } from "./program";

const watched: usize = memory.data(64);
let count: u32 = 0;

/** What is neither a change nor a row that anybody hears of. */
export const UNHEARD: u32 = 255;

export function watchQuery(index: u32, on: bool): void {
  if (isWatched(index) == on) return;
  store<u8>(watched + index, on);
  count += on ? 1 : -1;
}

@inline
export function isWatched(index: u32): bool {
  return count != 0 && load<u8>(watched + index) != 0;
}

/** As what an open window is written that a push touched. */
export function kindOfOpen(query: usize): u32 {
  return load<u8>(query, QUERY_EMIT) == EMIT_ALL ? CHANGE_UPDATE : CHANGE_ROW;
}

/** As what a window is written that has become final. */
export function kindOfFinal(index: u32): u32 {
  if (load<u8>(queryProgram(index), QUERY_EMIT) != EMIT_NONE) return CHANGE_IS_FINAL;
  return isWatched(index) ? CHANGE_ROW : UNHEARD;
}

/** The key's row of the window is no longer in the view. */
export function writeGone(key: usize, start: i64, end: i64): void {
  const to = beginRecord(CHANGE_GONE, false, queryOf(key), key);
  endRecord(start, end, 0, 0, to);
}
