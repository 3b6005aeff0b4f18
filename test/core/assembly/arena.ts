// The arena without a core around it: a test takes and frees blocks itself, and asks what room is
// said to be needed. Built by ../arena.test.ts, for tests alone.

import { alloc, arenaOpen, blockBytes, free, freeBytes } from "../../../assembly/arena";
import { beginNeed, needBlocks, needBytes, neededBytes } from "../../../assembly/need";
import { reserveState, resetRegions } from "../../../assembly/regions";
import { S_TOP, stateHeadBytes } from "../../../assembly/state";

export { alloc, beginNeed, blockBytes, free, needBlocks, needBytes, neededBytes };

export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}

/** A fresh arena of `bytes`. */
export function open(bytes: usize): void {
  resetRegions();
  assert(reserveState(stateHeadBytes() + bytes));
  arenaOpen();
}

export function top(): usize {
  return load<u32>(S_TOP);
}

/** Free bytes in large blocks. */
export function freeLargeBytes(): u64 {
  let bytes: u64 = 0;
  for (let order: u32 = 0; order < 32; order++) bytes += freeBytes(order);
  return bytes;
}
