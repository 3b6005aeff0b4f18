// The arena: all blocks of the state region. The caller knows a block's size: a multiple of 16 up
// to 512 bytes, a power of two beyond.
//
//   large   1 KiB …   buddies: a block is split in halves for a smaller one, and joined with its
//                     other half when both are free, up to a chunk of 64 KiB, not beyond
//   small   … 512     in slabs of 4 KiB, each of one size; an empty slab goes back to the buddies,
//                     unless it is the only one of its size with room
//
//   slab:                ┌──────┬──────────┬──────┬──────┬────────┬────────────────────────────────┐
//                        │ next │ previous │ free │ live │ carved │ blocks, those free begin so: next
//                        └──────┴──────────┴──────┴──────┴────────┴────────────────────────────────┘
//   free large block:    ┌──────┬──────────┬─────────┐
//                        │ next │ previous │ zeros … │
//                        └──────┴──────────┴─────────┘
//
// A taken block starts as zeros. The smallest block that fits is taken; only where none does, one
// is made at the top, which never comes down. Blocks are taken and freed only while an entry is
// applied, so their addresses are a function of the log, and the state can be hashed and copied as
// it lies. What a push may take is bounded by need.ts, which relies on what stands above.

import {
  S_BLOCKS,
  S_CHUNKS,
  S_COUNTS,
  S_ORDERS,
  S_ROOM,
  S_SLABS,
  S_TOP,
  stateHeadBytes,
} from "./state";
import { STATE } from "./layout";
import { told } from "./regions";

export const SMALL_MAX: usize = 512;
export const SLAB_BYTES: usize = 4096;
export const SLAB_ORDER: u32 = 12;
const SLAB_HEADER_BYTES: usize = 16;
/** Blocks are joined up to this order, 64 KiB, and lie at a multiple of their size up to it. */
export const CHUNK_ORDER: u32 = 16;
export const CHUNK_BYTES: usize = 65536;
const LARGE_ORDER: u32 = 10;

const NEXT: usize = 0;
const PREVIOUS: usize = 4;
const SLAB_FREE: usize = 8; // u32, the first free block, linked by its first word
const SLAB_LIVE: usize = 12; // u16, blocks taken
const SLAB_CARVED: usize = 14; // u16, where what was never a block begins

export function arenaOpen(): void {
  brief = 0;
  const head: usize = STATE + stateHeadBytes();
  const chunks = (head + CHUNKS_FIRST_BYTES - 1) & ~(CHUNKS_FIRST_BYTES - 1);
  assert(chunks + CHUNKS_FIRST_BYTES <= told);
  store<u32>(S_CHUNKS, <u32>chunks);
  store<u32>(S_CHUNKS, <u32>(CHUNKS_FIRST_BYTES >> 3), 4);
  store<u32>(S_TOP, <u32>(chunks + CHUNKS_FIRST_BYTES));
}

/** Bytes that a block of `bytes` takes. */
export function blockBytes(bytes: usize): usize {
  if (bytes <= SMALL_MAX) return max((bytes + 15) & ~15, <usize>16);
  return (<usize>1) << orderOf(bytes);
}

/** log2 of the large block that `bytes` take. */
@inline
export function orderOf(bytes: usize): u32 {
  return 32 - clz<u32>(<u32>bytes - 1);
}

/** Blocks of a small size in one slab. */
export function slabCapacity(block: usize): u32 {
  return <u32>((SLAB_BYTES - SLAB_HEADER_BYTES) / block);
}

/** A counter of the state that what is allocated and freed is added to; 0 is none. */
let counter: usize = 0;

export function account(to: usize): void {
  counter = to;
}

/** A zeroed block. There is room: it was reserved. */
export function alloc(bytes: usize): usize {
  const block = blockBytes(bytes);
  if (counter) store<u64>(counter, load<u64>(counter) + block);
  if (brief) return allocBrief(block);
  return block <= SMALL_MAX ? allocSmall(block) : allocLarge(orderOf(block));
}

export function free(at: usize, bytes: usize): void {
  const block = blockBytes(bytes);
  if (counter) store<u64>(counter, load<u64>(counter) - block);
  if (brief) {
    assert(at >= <usize>load<u32>(S_TOP));
    return;
  }
  // Most are small, and for those the call of memory.fill costs more.
  if (block > 128) memory.fill(at, 0, block);
  else for (let p = at; p < at + block; p += 16) v128.store(p, i64x2.splat(0));
  freeZeros(at, block);
}

/** Frees a block that was made zeros again; not one of a moment. */
export function freeCleared(at: usize, bytes: usize): void {
  const block = blockBytes(bytes);
  if (counter) store<u64>(counter, load<u64>(counter) - block);
  freeZeros(at, block);
}

@inline
function freeZeros(at: usize, block: usize): void {
  if (block <= SMALL_MAX) freeSmall(at, block);
  else freeLarge(at, orderOf(block));
}

// ── lists ──────────────────────────────────────────────────────────────────────────────────────

function enterList(list: usize, at: usize): void {
  const next = <usize>load<u32>(list);
  store<u32>(at, <u32>next, NEXT);
  if (next) store<u32>(next, <u32>at, PREVIOUS);
  store<u32>(list, <u32>at);
}

function leaveList(list: usize, at: usize): void {
  const next = <usize>load<u32>(at, NEXT);
  const previous = <usize>load<u32>(at, PREVIOUS);
  if (next) store<u32>(next, <u32>previous, PREVIOUS);
  store<u32>(previous ? previous : list, <u32>next);
  store<u64>(at, 0);
}

@inline
function addCount(at: usize, more: i32): void {
  store<u32>(at, load<u32>(at) + more);
}

// ── small blocks ───────────────────────────────────────────────────────────────────────────────

/** Of a small size: the list of slabs with room. */
@inline
function slabList(block: usize): usize {
  return S_SLABS + ((block >> 4) - 1) * 4;
}

/** Of a small size: free blocks in all its slabs. */
@inline
export function slabRoom(block: usize): usize {
  return S_ROOM + ((block >> 4) - 1) * 4;
}

@inline
function isFull(slab: usize, block: usize): bool {
  return !load<u32>(slab, SLAB_FREE) && load<u16>(slab, SLAB_CARVED) + block > SLAB_BYTES;
}

function takeSlab(list: usize, block: usize): usize {
  const slab = allocLarge(SLAB_ORDER);
  store<u16>(slab, <u16>SLAB_HEADER_BYTES, SLAB_CARVED);
  addCount(slabRoom(block), slabCapacity(block));
  enterList(list, slab);
  return slab;
}

function allocSmall(block: usize): usize {
  const list = slabList(block);
  let slab = <usize>load<u32>(list);
  if (!slab) slab = takeSlab(list, block);
  let at = <usize>load<u32>(slab, SLAB_FREE);
  if (at) {
    store<u32>(slab, load<u32>(at), SLAB_FREE);
    store<u32>(at, 0);
  } else {
    at = slab + load<u16>(slab, SLAB_CARVED);
    store<u16>(slab, <u16>(at - slab + block), SLAB_CARVED);
  }
  store<u16>(slab, load<u16>(slab, SLAB_LIVE) + 1, SLAB_LIVE);
  addCount(slabRoom(block), -1);
  if (isFull(slab, block)) leaveList(list, slab);
  return at;
}

function freeSmall(at: usize, block: usize): void {
  const list = slabList(block);
  const slab = at & ~(SLAB_BYTES - 1);
  const live = load<u16>(slab, SLAB_LIVE) - 1;
  if (isFull(slab, block)) enterList(list, slab);
  store<u32>(at, load<u32>(slab, SLAB_FREE));
  store<u32>(slab, <u32>at, SLAB_FREE);
  store<u16>(slab, <u16>live, SLAB_LIVE);
  addCount(slabRoom(block), 1);
  if (live || (<usize>load<u32>(list) == slab && !load<u32>(slab, NEXT))) return;
  leaveList(list, slab);
  addCount(slabRoom(block), -(<i32>slabCapacity(block)));
  memory.fill(slab, 0, load<u16>(slab, SLAB_CARVED));
  freeLarge(slab, SLAB_ORDER);
}

// ── large blocks ───────────────────────────────────────────────────────────────────────────────

@inline
function blockList(order: u32): usize {
  return S_BLOCKS + (<usize>order << 2);
}

/** Free bytes in large blocks of an order. */
export function freeBytes(order: u32): u64 {
  return <u64>load<u32>(S_COUNTS + (<usize>order << 2)) << order;
}

/**
 * Notes that of a block and its other half one more, or one less, is free; true where now both are
 * or neither is. There is a bit for each two halves: that of the address between them.
 */
function toggle(at: usize, order: u32): bool {
  const middle = (at | (<usize>1 << order)) - STATE;
  const word = <usize>load<u32>(S_CHUNKS) + ((middle >> CHUNK_ORDER) << 3);
  const bits = load<u64>(word) ^ (<u64>1 << ((middle >> LARGE_ORDER) & 63));
  store<u64>(word, bits);
  return ((bits >> ((middle >> LARGE_ORDER) & 63)) & 1) == 0;
}

function enterFree(at: usize, order: u32): void {
  enterList(blockList(order), at);
  addCount(S_COUNTS + (<usize>order << 2), 1);
  store<u32>(S_ORDERS, load<u32>(S_ORDERS) | (1 << order));
}

function leaveFree(at: usize, order: u32): void {
  const list = blockList(order);
  leaveList(list, at);
  addCount(S_COUNTS + (<usize>order << 2), -1);
  if (!load<u32>(list)) store<u32>(S_ORDERS, load<u32>(S_ORDERS) & ~(1 << order));
}

function allocLarge(order: u32): usize {
  const fitting = (load<u32>(S_ORDERS) >> order) << order;
  if (!fitting) return takeTop(<usize>1 << order);
  let found = ctz(fitting);
  const at = <usize>load<u32>(blockList(found));
  leaveFree(at, found);
  if (found < CHUNK_ORDER) toggle(at, found);
  while (found > order) {
    found--;
    enterFree(at + (<usize>1 << found), found);
    if (found < CHUNK_ORDER) toggle(at, found);
  }
  return at;
}

/** The block is zeros. */
function freeLarge(at: usize, order: u32): void {
  while (order < CHUNK_ORDER && toggle(at, order)) {
    leaveFree(at ^ (<usize>1 << order), order);
    at &= ~(<usize>1 << order);
    order++;
  }
  enterFree(at, order);
}

// ── the top ────────────────────────────────────────────────────────────────────────────────────

/** The first words of chunks: for 8 MiB. */
const CHUNKS_FIRST_BYTES: usize = 1024;

/** The chunks that lie or begin below `top`. */
function chunksBelow(top: usize): usize {
  return (top - STATE + CHUNK_BYTES - 1) >> CHUNK_ORDER;
}

/** Raises the top by a block at a multiple of its size; `freeGap` is then due. */
function raise(block: usize): usize {
  const mask = min(block, CHUNK_BYTES) - 1;
  const at = (<usize>load<u32>(S_TOP) + mask) & ~mask;
  assert(at + block <= told);
  if (at + block > told) unreachable();
  store<u32>(S_TOP, <u32>(at + block));
  return at;
}

/** Frees what a block that begins at `to` left above the top of before. */
function freeGap(from: usize, to: usize): void {
  while (from < to) {
    const order = ctz<u32>(<u32>from);
    freeLarge(from, order);
    from += <usize>1 << order;
  }
}

function takeTop(block: usize): usize {
  const top = <usize>load<u32>(S_TOP);
  const at = raise(block);
  if (chunksBelow(at + block) > <usize>load<u32>(S_CHUNKS, 4)) widenChunks();
  freeGap(top, at);
  return at;
}

/** Words for all chunks below the top, which they raise themselves. */
function widenChunks(): void {
  const before = <usize>load<u32>(S_CHUNKS);
  const size = <usize>load<u32>(S_CHUNKS, 4) << 3;
  const top = <usize>load<u32>(S_TOP);
  let wider = size;
  do wider *= 2;
  while (chunksBelow(top + CHUNK_BYTES + wider) > wider >> 3);
  const fresh = raise(wider);
  memory.copy(fresh, before, size);
  store<u32>(S_CHUNKS, <u32>fresh);
  store<u32>(S_CHUNKS, <u32>(wider >> 3), 4);
  memory.fill(before, 0, size);
  freeLarge(before, orderOf(size));
  freeGap(top, fresh);
}

/** The most by which the words of chunks raise the top, while other blocks raise it by `more`. */
export function chunkGrowthBytes(more: u64): u64 {
  const top = <u64>load<u32>(S_TOP) - STATE + more;
  let size = <u64>load<u32>(S_CHUNKS, 4) << 3;
  let bytes: u64 = 0;
  while (((top + bytes + 2 * CHUNK_BYTES) >> CHUNK_ORDER) > size >> 3) {
    size *= 2;
    bytes += size + CHUNK_BYTES;
  }
  return bytes;
}

// ── the arena for a moment ─────────────────────────────────────────────────────────────────────

/** Where the next block for a moment lies; 0 outside of such a moment. */
let brief: usize = 0;

/**
 * From here to `endBrief`, blocks are taken behind the top and leave no trace: for what is merged
 * only to be told. There is room: it was reserved, by the push or by the reader of a view.
 */
export function beginBrief(): void {
  assert(brief == 0);
  brief = load<u32>(S_TOP);
}

function allocBrief(block: usize): usize {
  const at = brief;
  brief += block;
  assert(brief <= told);
  if (brief > told) unreachable();
  return at;
}

export function endBrief(): void {
  const top = <usize>load<u32>(S_TOP);
  memory.fill(top, 0, brief - top);
  brief = 0;
}
