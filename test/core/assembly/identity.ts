// Identities as they are kept, without a core around them. Built by ../identity.test.ts, for tests
// alone.

import { arenaOpen } from "../../../assembly/arena";
import {
  firstWordOf,
  freeIdentity,
  identityAfter,
  makeIdentity,
  markOf,
  needIdentityBlocks,
  positionOf,
  setIdentityAfter,
  timeOf,
} from "../../../assembly/identity";
import { STATE } from "../../../assembly/layout";
import { beginNeed, neededBytes } from "../../../assembly/need";
import { reserveState, resetRegions } from "../../../assembly/regions";
import { S_CLOCK, S_HORIZON, S_TOP, stateHeadBytes } from "../../../assembly/state";

export { freeIdentity as free, identityAfter as after, markOf, positionOf, timeOf };
export { firstWordOf as firstWord, setIdentityAfter as setAfter };

const print: usize = memory.data(16, 8);

export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}

/** A fresh state with room for `bytes`, at first or again. */
export function open(bytes: usize): void {
  const before = max<usize>(top(), STATE);
  memory.fill(STATE, 0, before - STATE);
  resetRegions();
  assert(reserveState(stateHeadBytes() + bytes));
  arenaOpen();
}

export function setClock(clock: i64, horizon: i64): void {
  store<i64>(S_CLOCK, clock);
  store<i64>(S_HORIZON, horizon);
}

export function make(first: u64, second: u64, mark: u64, time: i64, position: u64): usize {
  store<u64>(print, first);
  store<u64>(print, second, 8);
  return makeIdentity(print, mark, time, position);
}

export function secondWord(identity: usize): u64 {
  return load<u64>(identity, 8);
}

export function top(): usize {
  return load<u32>(S_TOP);
}

/** Bytes above the top that are said to be enough for `more` identities. */
export function needed(more: u32): u64 {
  beginNeed();
  needIdentityBlocks(more);
  return neededBytes();
}
