// Need: what a push may take from the arena at the worst, by size, and how much room above the top
// is enough for it, whatever is free below, and however it lies. It counts every block that may be
// taken, as if none that the push frees were taken again.
//
// Small blocks. Those of one size take at most ⌈(taken − free) / capacity⌉ slabs, and one more for
// each slab that went back to the buddies meanwhile. Of blocks whose size is not known, only their
// bytes, the slabs are at least 7/8 full, but for one a size.
//
// Large blocks, slabs among them, of `all` bytes together. Let `free` be the bytes in free blocks of
// at least B = 2^k. Of these bytes, let those not taken yet that lie in free blocks below 2^i be
// V(i), for i ≤ k. Then V(i) < 2^i at all times: they begin as 0 and grow only when a block of at
// least 2^i is split for one of 2^j, which happens when no free block has a size from 2^j to 2^i:
// so what there is is V(j) < 2^j, and 2^i − 2^j are added. Joining moves them up, taking takes them
// away. A slab that went back adds its bytes, and the one more that is taken for it takes as many.
//
// So when a block of at most B is made at the top, no free block is as large, less than B of `free`
// is left, and the others were taken: at the top are at most `all` − (`free` − B). And if none of at
// most B is made there, only larger ones are. Either bound holds for each k; the best is chosen.
//
// What is left free where a block at the top begins at a multiple of its size is bounded in the same
// way, by the largest such block and by a chunk, as long as it counts as taken when it is taken;
// else each block that is made leaves at most its own size.

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

/** A block of at most `bytes`. */
@inline
export function needBlockUpTo(bytes: usize): void {
  needBytes(blockBytes(bytes), bytes);
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
