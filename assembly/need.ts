// Need: what a push may take from the arena at the worst, by size, and how much room above the top
// is enough for it, whatever is free below, and however it lies. It counts every block that may be
// taken, as if none that the push frees were taken again. Why that is enough:
//
// Small blocks. A slab is taken when no block of the size is free, so those of one size take at
// most ⌈(taken − free before) / capacity⌉ slabs, and one more for each slab that they gave back. Of
// blocks whose sizes are not known, only their bytes, the slabs are 7/8 full, but for one a size.
//
// Large blocks, slabs among them, `all` bytes together. Let `free` be the bytes in free blocks of
// at least B = 2^k, and V(i), for i ≤ k, those of them that were not taken yet and lie in free
// blocks smaller than 2^i. V(i) < 2^i at all times: it begins as 0, and grows only when a block of
// at least 2^i is split for one of 2^j, which is done only when no free block has 2^j or more, but
// less than 2^i; then there are less than 2^j such bytes, and 2^i − 2^j come to them. What is
// joined moves up. (A slab that was given back adds its bytes to V, and one that is taken for it
// takes as many away.) So when a block of at most B has to be made at the top, all free blocks are
// smaller, less than B of `free` is left, and the rest served others: at the top are made at most
// `all` − (`free` − B). Where none of at most B is made there, only the larger ones are. This holds
// for each k.
//
// Gaps. A block is made at a multiple of its size, of a chunk at most. By the same argument as for
// V, less than that is left of all gaps; what was taken of them counts in `all`. In the second case
// it may be others that take them: each block leaves a gap of less than its size, and those beyond
// a chunk only the first one, since the top stays at a multiple of a chunk.

import {
  CHUNK_BYTES,
  CHUNK_ORDER,
  SLAB_BYTES,
  SLAB_ORDER,
  SMALL_MAX,
  blockBytes,
  chunkGrowthBytes,
  freeBytes,
  orderOf,
  slabCapacity,
  slabRoom,
} from "./arena";

const ORDERS: u32 = 32;
const SMALL_SIZES: usize = SMALL_MAX / 16;

/** Small blocks taken, by size: u64 each. */
const small: usize = memory.data(32 * 8, 8);
/** Bytes that may be taken in large blocks of at most an order: u64 each. */
const large: usize = memory.data(32 * 8, 8);
/** Bytes taken in blocks that may be small, and the largest small size of them. */
let loose: u64 = 0;
let looseMost: usize = 0;
/** Bytes of all large blocks for certain. */
let fixed: u64 = 0;

export function beginNeed(): void {
  memory.fill(small, 0, SMALL_SIZES * 8);
  memory.fill(large, 0, ORDERS * 8);
  loose = 0;
  looseMost = 0;
  fixed = 0;
}

@inline
function add(to: usize, more: u64): void {
  store<u64>(to, load<u64>(to) + more);
}

@inline
function largeAt(order: u32): usize {
  return large + (<usize>order << 3);
}

/** So many blocks of one size. */
export function needBlocks(count: u64, bytes: usize): void {
  const block = blockBytes(bytes);
  if (block <= SMALL_MAX) return add(small + (((block >> 4) - 1) << 3), count);
  add(largeAt(orderOf(block)), count * block);
  fixed += count * block;
}

/** Blocks of `bytes` together, none of which takes more than `most`. */
export function needBytes(bytes: u64, most: u64): void {
  if (bytes == 0) return;
  const largest = blockBytes(<usize>min<u64>(min(most, bytes), 1 << 30));
  loose += bytes;
  looseMost = max(looseMost, min(largest, SMALL_MAX));
  if (largest > SMALL_MAX) add(largeAt(orderOf(largest)), bytes);
}

/** So many blocks of at most `bytes`. */
@inline
export function needBlocksUpTo(count: u64, bytes: usize): void {
  needBytes(count * blockBytes(bytes), bytes);
}

/** Slabs that the small blocks take. */
function slabsNeeded(): u64 {
  let slabs: u64 = 0;
  for (let block: usize = 16; block <= SMALL_MAX; block += 16) {
    const taken = load<u64>(small + (((block >> 4) - 1) << 3));
    const room = <u64>load<u32>(slabRoom(block));
    const capacity = <u64>slabCapacity(block);
    if (taken > room) slabs += (taken - room + capacity - 1) / capacity;
  }
  return slabs;
}

/** Room above the top that is enough for all that was noted since `beginNeed`. */
export function neededBytes(): u64 {
  const slabs = slabsNeeded() * SLAB_BYTES;
  // Each may be all small, or all large.
  const looseSlabs = loose + loose / 7 + 1 + <u64>(looseMost >> 4) * SLAB_BYTES;
  const all = slabs + fixed + (loose ? looseSlabs : 0);
  if (all == 0) return 0;
  let best = all;
  let largest = SLAB_ORDER;
  /** Bytes in blocks beyond the order at hand, and free ones in blocks of at least its size. */
  let beyond: u64 = 0;
  let free: u64 = 0;
  for (let order = ORDERS - 1; order >= SLAB_ORDER; order--) {
    free += freeBytes(order);
    const size = <u64>1 << order;
    const rest = free > size ? all - min(all, free - size) : all;
    best = min(best, max(rest, order >= CHUNK_ORDER ? beyond : 2 * beyond));
    const here = load<u64>(largeAt(order));
    if (here && largest == SLAB_ORDER) largest = order;
    beyond += here;
  }
  const gap = min<u64>(<u64>1 << largest, CHUNK_BYTES);
  const more = best + gap;
  return more + chunkGrowthBytes(more);
}
