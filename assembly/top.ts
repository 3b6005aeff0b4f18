// The most frequent values: exact up to 1,000 different ones (to 2,000, in fact), then a
// mergeable summary of Misra and Gries ("Finding repeated elements", 1982) with 1,000 counters,
// as Agarwal, Cormode, Huang, Phillips, Wei and Yi show it ("Mergeable summaries", 2012). When
// the 2,001st value comes, the 1,001st greatest count is taken from all counts, and what is left
// without one goes.
//
// So a count told is never above the truth and below it by at most n / 1001: each time that c is
// taken from all, it is taken from 1,001 values at least, so 1001 × Σ c ≤ n. Merging adds the
// counts of both, then does the same once: the bound holds for the sum of both n. Every value that
// occurs more than n / 1001 times is kept.
//
//   record (16 bytes):  ┌───────┬──────────┬─────────┬───────┐
//                       │ count │ capacity │ entries │ index │
//                       └───────┴──────────┴─────────┴───────┘
//   entry (32 bytes):   ┌──────┬───────┬──────────────────────────────┐
//                       │ hash │ count │ value: tag, length, payload  │   as they came
//                       └──────┴───────┴──────────────────────────────┘
//   index:              ┌──────────────────────┐
//                       │ 1 + entry, u16 × 2 C │   by hash, 0: nothing
//                       └──────────────────────┘
//
// The hash (canonical.ts) only says where to look: values are compared themselves. It is published,
// so where that is depends on the log's key besides. A string's bytes lie in a block of their own.
//
// Example: "x", 1, "x" with k = 1 gives "x", 2.
//
//   different values         │ 10  │ 100   │ 1,000  │ 100,000     strings of up to 16 bytes
//   bytes outside the record │ 736 │ 6,208 │ 52,864 │ 105,728 at most
//   error of a count         │ 0   │ 0     │ 0      │ ≤ n / 1001  (measured by the test)

import {
  PROGRAM,
  PROGRAM_HASH_KEY,
  TAG_NUMBER,
  TAG_STRING,
  TAG_TOP,
  TOP_COUNT_MAX,
  TOP_ENTRIES_MAX,
  TOP_KEPT,
} from "./layout";
import { alloc, blockBytes, free } from "./arena";
import { ENCODED_NUMBER_BYTES, encodeCount, encodeList, encodeValue } from "./encode";
import { bytesAt, lengthAt, numberAt, tagAt } from "./expression";
import { copyValue, freeValue } from "./first-last";
import { sameBytes } from "./scan-text";

const COUNT: usize = 0; // u32
const CAPACITY: usize = 4; // u32
const ENTRIES: usize = 8; // u32
const INDEX: usize = 12; // u32

const ENTRY_HASH: usize = 0; // u64
const ENTRY_COUNT: usize = 8; // u64
const ENTRY_VALUE: usize = 16;
const ENTRY_BYTES: usize = 32;
/** Of the index, for each entry that there is room for. */
const PLACE_BYTES: usize = 4;
const CAPACITY_FIRST: u32 = 4;
/** The least power of two that holds TOP_ENTRIES_MAX. */
const CAPACITY_MAX: u32 = 2048;

@inline
function entryAt(record: usize, index: u32): usize {
  return <usize>load<u32>(record, ENTRIES) + <usize>index * ENTRY_BYTES;
}

/** The order of ties: booleans, numbers, strings, each ascending. Negative, 0 or positive. */
function compareValues(a: usize, b: usize): i32 {
  const tag = tagAt(a);
  if (tag != tagAt(b)) return <i32>tag - <i32>tagAt(b);
  if (tag == TAG_NUMBER) return <i32>(numberAt(a) > numberAt(b)) - <i32>(numberAt(a) < numberAt(b));
  if (tag != TAG_STRING) return 0;
  const n = lengthAt(a);
  const m = lengthAt(b);
  if (n == m && sameBytes(bytesAt(a), bytesAt(b), n)) return 0;
  const differs = memory.compare(bytesAt(a), bytesAt(b), min(n, m));
  return differs ? differs : <i32>n - <i32>m;
}

// ── the index ──────────────────────────────────────────────────────────────────────────────────

/** The place of the index at which no entry stands, where `find` ended. */
let freePlace: usize = 0;

/** The entry of a value, or 0. */
function find(record: usize, hash: u64, value: usize): usize {
  const capacity = load<u32>(record, CAPACITY);
  if (capacity == 0) return 0;
  const index = <usize>load<u32>(record, INDEX);
  const mask = 2 * capacity - 1;
  const mixed = hash * (load<u64>(PROGRAM + PROGRAM_HASH_KEY) | 1);
  let i = <u32>(mixed >> (63 - <u64>ctz(capacity)));
  while (true) {
    const place = index + (<usize>i << 1);
    const number = load<u16>(place);
    if (!number) {
      freePlace = place;
      return 0;
    }
    const entry = entryAt(record, number - 1);
    if (load<u64>(entry, ENTRY_HASH) == hash && !compareValues(value, entry + ENTRY_VALUE)) {
      return entry;
    }
    i = (i + 1) & mask;
  }
}

/** Fills an index of zeros. */
function fillIndex(record: usize): void {
  const count = load<u32>(record, COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const entry = entryAt(record, i);
    find(record, load<u64>(entry, ENTRY_HASH), entry + ENTRY_VALUE);
    store<u16>(freePlace, i + 1);
  }
}

function setCapacity(record: usize, capacity: u32): void {
  const entries = <usize>load<u32>(record, ENTRIES);
  const fresh = alloc(<usize>capacity * ENTRY_BYTES);
  if (entries) memory.copy(fresh, entries, <usize>load<u32>(record, COUNT) * ENTRY_BYTES);
  freeArrays(record);
  store<u32>(record, capacity, CAPACITY);
  store<u32>(record, <u32>fresh, ENTRIES);
  store<u32>(record, <u32>alloc(<usize>capacity * PLACE_BYTES), INDEX);
  fillIndex(record);
}

function freeArrays(record: usize): void {
  const capacity = <usize>load<u32>(record, CAPACITY);
  if (!capacity) return;
  free(load<u32>(record, ENTRIES), capacity * ENTRY_BYTES);
  free(load<u32>(record, INDEX), capacity * PLACE_BYTES);
}

/** A new entry, without a count. */
function append(record: usize, hash: u64, value: usize): usize {
  const count = load<u32>(record, COUNT);
  const capacity = load<u32>(record, CAPACITY);
  if (count == capacity) setCapacity(record, capacity ? capacity * 2 : CAPACITY_FIRST);
  find(record, hash, value);
  store<u16>(freePlace, count + 1);
  store<u32>(record, count + 1, COUNT);
  const entry = entryAt(record, count);
  store<u64>(entry, hash, ENTRY_HASH);
  copyValue(entry + ENTRY_VALUE, value);
  return entry;
}

@inline
function addCount(entry: usize, more: u64): void {
  store<u64>(entry, load<u64>(entry, ENTRY_COUNT) + more, ENTRY_COUNT);
}

/** Counts a scalar, not null, of this hash. */
export function topAdd(record: usize, hash: u64, value: usize): void {
  let entry = find(record, hash, value);
  if (!entry) {
    if (load<u32>(record, COUNT) == <u32>TOP_ENTRIES_MAX) prune(record);
    entry = append(record, hash, value);
  }
  addCount(entry, 1);
}

// ── pruning ────────────────────────────────────────────────────────────────────────────────────

function countAbove(record: usize, limit: u64): u32 {
  let above: u32 = 0;
  let entry = entryAt(record, 0);
  for (let i = load<u32>(record, COUNT); i > 0; i--, entry += ENTRY_BYTES) {
    above += <u32>(load<u64>(entry, ENTRY_COUNT) > limit);
  }
  return above;
}

/** The (TOP_KEPT + 1)th greatest count, by halving the range in which it lies. */
function excess(record: usize): u64 {
  let low: u64 = 1;
  let high: u64 = 1;
  while (countAbove(record, high) > <u32>TOP_KEPT) {
    low = high + 1;
    high *= 2;
  }
  while (low < high) {
    const middle = low + (high - low) / 2;
    if (countAbove(record, middle) > <u32>TOP_KEPT) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Takes the excess from all counts, and away what is left without one. */
function prune(record: usize): void {
  const less = excess(record);
  const count = load<u32>(record, COUNT);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const entry = entryAt(record, i);
    const n = load<u64>(entry, ENTRY_COUNT);
    if (n <= less) {
      freeValue(entry + ENTRY_VALUE);
      continue;
    }
    store<u64>(entry, n - less, ENTRY_COUNT);
    if (kept < i) memory.copy(entryAt(record, kept), entry, ENTRY_BYTES);
    kept++;
  }
  memory.fill(entryAt(record, kept), 0, <usize>(count - kept) * ENTRY_BYTES);
  store<u32>(record, kept, COUNT);
  memory.fill(load<u32>(record, INDEX), 0, <usize>load<u32>(record, CAPACITY) * PLACE_BYTES);
  fillIndex(record);
}

// ── merging and freeing ────────────────────────────────────────────────────────────────────────

/** Adds all counts of `from`. */
export function topMerge(record: usize, from: usize): void {
  const others = load<u32>(from, COUNT);
  for (let i: u32 = 0; i < others; i++) {
    const other = entryAt(from, i);
    const hash = load<u64>(other, ENTRY_HASH);
    let entry = find(record, hash, other + ENTRY_VALUE);
    if (!entry) entry = append(record, hash, other + ENTRY_VALUE);
    addCount(entry, load<u64>(other, ENTRY_COUNT));
  }
  if (load<u32>(record, COUNT) <= <u32>TOP_ENTRIES_MAX) return;
  prune(record);
  if (load<u32>(record, CAPACITY) > CAPACITY_MAX) setCapacity(record, CAPACITY_MAX);
}

export function topFree(record: usize): void {
  const count = load<u32>(record, COUNT);
  for (let i: u32 = 0; i < count; i++) freeValue(entryAt(record, i) + ENTRY_VALUE);
  freeArrays(record);
}

/** What one input takes at most, its string `longest` bytes, but for doubling (aggregate.ts). */
export function topGrowthBytes(longest: usize): usize {
  return blockBytes(longest) + <usize>(CAPACITY_FIRST + 4) * (ENTRY_BYTES + PLACE_BYTES);
}

/** The entries of what held `external` bytes and takes `more` inputs, merged and then pruned. */
export function topLargestBytes(external: u64, more: u32): u64 {
  const entries = max<u64>(external / ENTRY_BYTES + more, CAPACITY_FIRST);
  return min<u64>(2 * entries, 2 * CAPACITY_MAX) * ENTRY_BYTES;
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────

/** The best entries so far: a heap of addresses with the worst of them at its root. */
const best: usize = memory.data(4 * TOP_COUNT_MAX, 16);

function isBetter(a: usize, b: usize): bool {
  const n = load<u64>(a, ENTRY_COUNT);
  const m = load<u64>(b, ENTRY_COUNT);
  return n != m ? n > m : compareValues(a + ENTRY_VALUE, b + ENTRY_VALUE) < 0;
}

@inline
function bestAt(index: u32): usize {
  return load<u32>(best + (<usize>index << 2));
}

@inline
function setBest(index: u32, entry: usize): void {
  store<u32>(best + (<usize>index << 2), <u32>entry);
}

function siftUp(index: u32, entry: usize): void {
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBetter(bestAt(parent), entry)) break;
    setBest(index, bestAt(parent));
    index = parent;
  }
  setBest(index, entry);
}

function siftDown(entry: usize, count: u32): void {
  let index: u32 = 0;
  while (true) {
    let child: u32 = 2 * index + 1;
    if (child >= count) break;
    if (child + 1 < count && isBetter(bestAt(child), bestAt(child + 1))) child++;
    if (!isBetter(entry, bestAt(child))) break;
    setBest(index, bestAt(child));
    index = child;
  }
  setBest(index, entry);
}

/** Puts the addresses of the `k` best entries at `best`, the best first; how many there are. */
function choose(record: usize, k: u32): u32 {
  const all = load<u32>(record, COUNT);
  let count: u32 = 0;
  for (let i: u32 = 0; i < all; i++) {
    const entry = entryAt(record, i);
    if (count < k) siftUp(count++, entry);
    else if (isBetter(entry, bestAt(0))) siftDown(entry, count);
  }
  for (let rest = count; rest > 1; ) {
    const worst = bestAt(0);
    const last = bestAt(--rest);
    siftDown(last, rest);
    setBest(rest, worst);
  }
  return count;
}

/** Writes the `k` best values, each followed by its count; where they end. */
export function topEncode(to: usize, record: usize, k: u32): usize {
  const count = choose(record, k);
  to = encodeList(to, TAG_TOP, count);
  for (let i: u32 = 0; i < count; i++) {
    to = encodeValue(to, bestAt(i) + ENTRY_VALUE);
    to = encodeCount(to, load<u64>(bestAt(i), ENTRY_COUNT));
  }
  return to;
}

/** The most that the list takes encoded, but for its head: the entries are not put in order. */
export function topBytesMax(record: usize, k: u32): usize {
  const count = load<u32>(record, COUNT);
  let bytes = <usize>min(count, k) * 2 * ENCODED_NUMBER_BYTES;
  for (let i: u32 = 0; i < count; i++) bytes += lengthAt(entryAt(record, i) + ENTRY_VALUE);
  return bytes;
}
