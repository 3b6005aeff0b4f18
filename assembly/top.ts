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
//   record (16 bytes):  ┌───────┬──────────┬─────────┬───┐
//                       │ count │ capacity │ entries │ – │
//                       └───────┴──────────┴─────────┴───┘
//   entry (32 bytes):   ┌──────┬───────┬──────────────────────────────┐
//                       │ hash │ count │ value: tag, length, payload  │   ascending by hash, then
//                       └──────┴───────┴──────────────────────────────┘   by value
//
// The hash (canonical.ts) only says where to look: values are compared themselves. A string's bytes
// lie in a block of their own.
//
// Example: "x", 1, "x" with k = 1 gives "x", 2.
//
//   different values         │ 10  │ 100   │ 1,000  │ 100,000     strings of up to 16 bytes
//   bytes outside the record │ 672 │ 5,696 │ 48,768 │ 97,536 at most
//   error of a count         │ 0   │ 0     │ 0      │ ≤ n / 1001  (measured by the test)

import {
  TAG_NUMBER,
  TAG_STRING,
  TAG_TOP,
  TOP_COUNT_MAX,
  TOP_ENTRIES_MAX,
  TOP_KEPT,
} from "./layout";
import { alloc, blockBytes, free } from "./arena";
import { ENCODED_NUMBER_BYTES, encodeCount, encodeList, encodeValue, moveUp } from "./encode";
import { bytesAt, lengthAt, numberAt, tagAt } from "./expression";
import { copyValue, freeValue } from "./first-last";
import { sameBytes } from "./scan-text";

const COUNT: usize = 0; // u32
const CAPACITY: usize = 4; // u32
const ENTRIES: usize = 8; // u32

const ENTRY_HASH: usize = 0; // u64
const ENTRY_COUNT: usize = 8; // u64
const ENTRY_VALUE: usize = 16;
const ENTRY_BYTES: usize = 32;
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

/** The order of entries. */
function compareEntries(hash: u64, value: usize, entry: usize): i32 {
  const other = load<u64>(entry, ENTRY_HASH);
  if (hash != other) return hash < other ? -1 : 1;
  return compareValues(value, entry + ENTRY_VALUE);
}

/** How the value compares to the entry that `lowerBound` found: 0 where it is the one. */
let atBound: i32 = 0;

/** Index of the first entry that is not before this value. */
function lowerBound(record: usize, hash: u64, value: usize): u32 {
  let low: u32 = 0;
  let count = load<u32>(record, COUNT);
  while (count > 0) {
    const half = count >> 1;
    const isBelow = load<u64>(entryAt(record, low + half), ENTRY_HASH) < hash;
    low = isBelow ? low + half + 1 : low;
    count = isBelow ? count - half - 1 : half;
  }
  const all = load<u32>(record, COUNT);
  atBound = -1;
  for (; low < all; low++) {
    atBound = compareEntries(hash, value, entryAt(record, low));
    if (atBound <= 0) break;
  }
  return low;
}

function replaceEntries(record: usize, capacity: u32): void {
  const before = <usize>load<u32>(record, ENTRIES);
  const fresh = alloc(<usize>capacity * ENTRY_BYTES);
  if (before) {
    memory.copy(fresh, before, <usize>load<u32>(record, COUNT) * ENTRY_BYTES);
    free(before, <usize>load<u32>(record, CAPACITY) * ENTRY_BYTES);
  }
  store<u32>(record, <u32>fresh, ENTRIES);
  store<u32>(record, capacity, CAPACITY);
}

/** Where values were found last, by a few bits of their hash: u16 each. No state. */
const HINT_BITS: u64 = 11;
const hints: usize = memory.data(2 << 11, 8);

/** Counts a scalar, not null, of this hash. */
export function topAdd(record: usize, hash: u64, value: usize): void {
  const hint = hints + (<usize>(hash >> (64 - HINT_BITS)) << 1);
  let index = <u32>load<u16>(hint);
  let isKnown =
    index < load<u32>(record, COUNT) && compareEntries(hash, value, entryAt(record, index)) == 0;
  if (!isKnown) {
    index = lowerBound(record, hash, value);
    store<u16>(hint, index);
    isKnown = atBound == 0;
  }
  if (isKnown) {
    const entry = entryAt(record, index);
    store<u64>(entry, load<u64>(entry, ENTRY_COUNT) + 1, ENTRY_COUNT);
    return;
  }
  if (load<u32>(record, COUNT) == <u32>TOP_ENTRIES_MAX) {
    prune(record);
    index = lowerBound(record, hash, value);
  }
  const count = load<u32>(record, COUNT);
  const capacity = load<u32>(record, CAPACITY);
  if (count == capacity) replaceEntries(record, capacity ? capacity * 2 : CAPACITY_FIRST);
  const entry = entryAt(record, index);
  moveUp(entry, entry + <usize>(count - index) * ENTRY_BYTES, ENTRY_BYTES);
  store<u64>(entry, hash, ENTRY_HASH);
  store<u64>(entry, 1, ENTRY_COUNT);
  copyValue(entry + ENTRY_VALUE, value);
  store<u32>(record, count + 1, COUNT);
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
}

// ── merging and freeing ────────────────────────────────────────────────────────────────────────

/** Adds all counts of `from`, from the end, so that entries move at most once. */
export function topMerge(record: usize, from: usize): void {
  let q = load<u32>(from, COUNT);
  if (q == 0) return;
  let p = load<u32>(record, COUNT);
  const union = p + q - countShared(record, from);
  let capacity = max(load<u32>(record, CAPACITY), CAPACITY_FIRST);
  while (capacity < union) capacity *= 2;
  if (capacity != load<u32>(record, CAPACITY)) replaceEntries(record, capacity);
  for (let to = union; q > 0; to--) {
    const other = entryAt(from, q - 1);
    const own = entryAt(record, p - 1);
    const order = p ? compareOf(own, other) : -1;
    if (order > 0) memory.copy(entryAt(record, to - 1), own, ENTRY_BYTES);
    else placeMerged(entryAt(record, to - 1), own, other, order == 0);
    if (order >= 0) p--;
    if (order <= 0) q--;
  }
  store<u32>(record, union, COUNT);
  if (union <= <u32>TOP_ENTRIES_MAX) return;
  prune(record);
  if (capacity > CAPACITY_MAX) replaceEntries(record, CAPACITY_MAX);
}

@inline
function compareOf(a: usize, b: usize): i32 {
  return compareEntries(load<u64>(a, ENTRY_HASH), a + ENTRY_VALUE, b);
}

function placeMerged(to: usize, own: usize, other: usize, isShared: bool): void {
  const count = load<u64>(other, ENTRY_COUNT);
  if (isShared) {
    memory.copy(to, own, ENTRY_BYTES);
    store<u64>(to, load<u64>(to, ENTRY_COUNT) + count, ENTRY_COUNT);
    return;
  }
  store<u64>(to, load<u64>(other, ENTRY_HASH), ENTRY_HASH);
  store<u64>(to, count, ENTRY_COUNT);
  copyValue(to + ENTRY_VALUE, other + ENTRY_VALUE);
}

function countShared(a: usize, b: usize): u32 {
  const n = load<u32>(a, COUNT);
  const m = load<u32>(b, COUNT);
  let shared: u32 = 0;
  for (let i: u32 = 0, j: u32 = 0; i < n && j < m; ) {
    const order = compareOf(entryAt(a, i), entryAt(b, j));
    if (order == 0) shared++;
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return shared;
}

export function topFree(record: usize): void {
  const entries = <usize>load<u32>(record, ENTRIES);
  if (!entries) return;
  const count = load<u32>(record, COUNT);
  for (let i: u32 = 0; i < count; i++) freeValue(entryAt(record, i) + ENTRY_VALUE);
  free(entries, <usize>load<u32>(record, CAPACITY) * ENTRY_BYTES);
}

/** What one input takes at most, its string `longest` bytes, but for doubling (aggregate.ts). */
export function topGrowthBytes(longest: usize): usize {
  return blockBytes(longest) + <usize>(CAPACITY_FIRST + 4) * ENTRY_BYTES;
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
