// The arena: all blocks of the state region. A bump pointer and one free list a size class:
// multiples of 16 up to 512 bytes, powers of two beyond. The caller knows a block's size.
//
//   free block:  ┌──────────┬────────────────┐
//                │ next u32 │ zeros …        │     a taken block starts as zeros
//                └──────────┴────────────────┘
//
// Blocks are taken and freed only while an entry is applied, so their addresses are a function
// of the log, and the state can be hashed and copied as it lies.

import { S_FREE, S_TOP, stateHeadBytes } from "./state";
import { STATE } from "./layout";
import { told } from "./regions";

const SMALL_MAX: usize = 512;
const SMALL_CLASSES: usize = SMALL_MAX / 16;

export function arenaOpen(): void {
  store<u32>(S_TOP, <u32>(STATE + stateHeadBytes()));
}

/** Bytes that a block of `bytes` takes. */
export function blockBytes(bytes: usize): usize {
  if (bytes <= SMALL_MAX) return max((bytes + 15) & ~15, <usize>16);
  return (<usize>1) << (32 - clz<u32>(<u32>bytes - 1));
}

function freeList(block: usize): usize {
  const index = block <= SMALL_MAX ? block / 16 - 1 : SMALL_CLASSES + (ctz<u32>(<u32>block) - 10);
  return S_FREE + index * 4;
}

/** A counter of the state that what is allocated and freed is added to; 0 is none. */
let counter: usize = 0;

export function account(to: usize): void {
  counter = to;
}

/** A zeroed block. There is room: probe has reserved it. */
export function alloc(bytes: usize): usize {
  const block = blockBytes(bytes);
  if (counter) store<u64>(counter, load<u64>(counter) + block);
  const list = freeList(block);
  const free = <usize>load<u32>(list);
  if (free) {
    store<u32>(list, load<u32>(free));
    store<u32>(free, 0);
    return free;
  }
  const at = <usize>load<u32>(S_TOP);
  assert(at + block <= told);
  if (at + block > told) unreachable();
  store<u32>(S_TOP, <u32>(at + block));
  return at;
}

export function free(at: usize, bytes: usize): void {
  const block = blockBytes(bytes);
  const list = freeList(block);
  if (counter) store<u64>(counter, load<u64>(counter) - block);
  memory.fill(at, 0, block);
  store<u32>(at, load<u32>(list));
  store<u32>(list, <u32>at);
}

// ── the arena for a moment ─────────────────────────────────────────────────────────────────────

const HEADS_BYTES: usize = 256;
const savedHeads: usize = memory.data(256, 16);
let savedTop: u32 = 0;

/**
 * From here to `endBrief`, blocks are taken behind the top and leave no trace: for what is merged
 * only to be told. There is room: probe has reserved it, or the reader of a view.
 */
export function beginBrief(): void {
  savedTop = load<u32>(S_TOP);
  memory.copy(savedHeads, S_FREE, HEADS_BYTES);
  memory.fill(S_FREE, 0, HEADS_BYTES);
}

export function endBrief(): void {
  memory.fill(savedTop, 0, load<u32>(S_TOP) - savedTop);
  memory.copy(S_FREE, savedHeads, HEADS_BYTES);
  store<u32>(S_TOP, savedTop);
}
