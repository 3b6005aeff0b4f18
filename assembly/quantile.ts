// Quantiles with a relative error of at most 1 %: a sketch like DDSketch (Masson, Rim, Lee:
// "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019),
// whose buckets are cut by the bits of the double instead of by a logarithm: the exponent and the
// first 6 bits of the mantissa, 64 buckets an octave. So finding a bucket costs a shift, and its
// bounds are the same on every machine.
//
// A bucket of [2^e (1 + j/64), 2^e (1 + (j+1)/64)) is read as its middle, at most 2^e / 128 from
// any x ≥ 2^e in it: error ≤ 1/128 = 0.79 %. Subnormal doubles are scaled by 2^54 first and so have
// buckets as narrow; their middle is rounded down, for there it may lie between two doubles.
// Negative values have the mirrored buckets, zero is counted by itself. The ends are exact: rank 0
// is the minimum, rank n - 1 the maximum, and nothing is told outside them.
//
// There is no limit to the buckets, and none is ever joined with another: that is what the
// guarantee costs. There are at most as many as inputs, and as many as a range of values has: two
// octaves fill 128, all doubles 268,416. The order of inputs and of merges shows nowhere but in the
// addresses of pages.
//
//   record (56 bytes):  ┌───────┬─────┬─────┬───────┬───────┬──────────┬───────────┬───────┬──────┐
//                       │ count │ min │ max │ zeros │ pages │ capacity │ directory │ first │ near │
//                       └───────┴─────┴─────┴───────┴───────┴──────────┴───────────┴───────┴──────┘
//   directory:          ┌──────────────────┬──────────────────────────┐
//                       │ 2 key i32, | few │ u4 × 8, or page u32,     │ … ascending
//                       └──────────────────┴──────────────────────────┘   page = buckets 8 key … + 7
//   near:               a bit for each of the 64 pages from the first one on: whether it is there,
//                       so that those before it need not be searched but are counted
//   page:               u4 × 8 in its entry (`few`, the key's lowest bit); once a counter needs it,
//                       u16 × 8 in a block; then u64 × 8 (`wide`, the lowest bit of its address)
//
// Example: 12.5 = 2^3 (1 + 36/64): exponent field 1026, so bucket 1026 × 64 + 36 + 3456 = 69156,
// page 8644, counter 4; it is read as 2^3 (1 + 36.5/64) = 12.5625. The bucket of -12.5 is -69156.
//
//   inputs                        │ 10    │ 1,000 │ 1,000,000     log-normal, σ = 0.6
//   bytes outside the record      │ 64    │ 512   │ 1,824
//   greatest relative error       │ at most 0.79 % (measured by the test, on eight distributions)

import { TAG_LIST } from "./layout";
import { alloc, blockBytes, free } from "./arena";
import { encodeList, encodeNull, encodeNumber, moveUp } from "./encode";

export const QUANTILE_COUNT: usize = 0; // u64
const MIN: usize = 8; // f64
const MAX: usize = 16; // f64
const ZEROS: usize = 24; // u64
const PAGES: usize = 32; // u32
const CAPACITY: usize = 36; // u32
const DIRECTORY: usize = 40; // u32
const FIRST: usize = 44; // i32
const NEAR: usize = 48; // u64

const ENTRY_SHIFT: usize = 3;
const CAPACITY_FIRST: u32 = 4;
const PAGE_BITS: i32 = 3;
const PAGE_COUNTERS: u32 = 8;
const NEAR_PAGES: u32 = 64;
const NARROW_BYTES: usize = 16;
const WIDE_BYTES: usize = 64;
const WIDE: u32 = 1;
const FEW: u32 = 1;
/** The most that a counter of four bits holds, and one of sixteen. */
const FEW_FULL: u64 = 15;
const NARROW_FULL: u64 = 65535;

const NORMAL_MIN: f64 = 2.2250738585072014e-308; // 2^-1022
const SCALE: f64 = 18014398509481984; // 2^54
const UNSCALE: f64 = 5.551115123125783e-17; // 2^-54
/** Bits of a double below those that name its bucket. */
const REST_BITS: u64 = 46;
/** Buckets of the 54 octaves that scaling makes room for. */
const SCALED_BUCKETS: i32 = 3456;
const NORMAL_BUCKET_MIN: i32 = 64;

// ── buckets ────────────────────────────────────────────────────────────────────────────────────

/** The bucket of a number other than zero; buckets ascend with the numbers. */
function bucketOf(x: f64): i32 {
  const magnitude = abs(x);
  const bucket =
    magnitude >= NORMAL_MIN
      ? <i32>(reinterpret<u64>(magnitude) >> REST_BITS) + SCALED_BUCKETS
      : <i32>(reinterpret<u64>(magnitude * SCALE) >> REST_BITS);
  return x < 0 ? -bucket : bucket;
}

/** The middle of a bucket. */
function middleOf(bucket: i32): f64 {
  const magnitude = <u64>abs(bucket);
  const half = (<u64>1) << (REST_BITS - 1);
  let middle: f64;
  if (magnitude >= <u64>(SCALED_BUCKETS + NORMAL_BUCKET_MIN)) {
    middle = reinterpret<f64>(((magnitude - SCALED_BUCKETS) << REST_BITS) | half);
  } else {
    // A hair below the middle, so that a tie rounds down to the only double in the bucket.
    middle = reinterpret<f64>(((magnitude << REST_BITS) | half) - 1) * UNSCALE;
  }
  return bucket < 0 ? -middle : middle;
}

// ── pages ──────────────────────────────────────────────────────────────────────────────────────

@inline
function entryAt(record: usize, index: u32): usize {
  return <usize>load<u32>(record, DIRECTORY) + (<usize>index << ENTRY_SHIFT);
}

function widen(record: usize): void {
  const before = <usize>load<u32>(record, DIRECTORY);
  const capacity = load<u32>(record, CAPACITY);
  const wider = capacity ? capacity * 2 : CAPACITY_FIRST;
  const fresh = alloc(<usize>wider << ENTRY_SHIFT);
  if (before) {
    memory.copy(fresh, before, <usize>capacity << ENTRY_SHIFT);
    free(before, <usize>capacity << ENTRY_SHIFT);
  }
  store<u32>(record, <u32>fresh, DIRECTORY);
  store<u32>(record, wider, CAPACITY);
}

@inline
function keyAt(entry: usize): i32 {
  return load<i32>(entry) >> 1;
}

/** Index of the first page that is not before this one. */
function lowerBound(record: usize, key: i32): u32 {
  let low: u32 = 0;
  let count = load<u32>(record, PAGES);
  while (count > 0) {
    const half = count >> 1;
    const isBelow = keyAt(entryAt(record, low + half)) < key;
    low = isBelow ? low + half + 1 : low;
    count = isBelow ? count - half - 1 : half;
  }
  return low;
}

/** The directory's entry of a page, which is made where there is none. */
function entryOf(record: usize, key: i32): usize {
  const more = <u32>(key - load<i32>(record, FIRST));
  if (more >= NEAR_PAGES) return farEntryOf(record, key);
  const near = load<u64>(record, NEAR);
  const bit = <u64>1 << more;
  const index = <u32>popcnt<u64>(near & (bit - 1));
  if (near & bit) return entryAt(record, index);
  store<u64>(record, near | bit, NEAR);
  return makeEntry(record, index, key);
}

/** The same of a page that is before the first one, or far behind it. */
function farEntryOf(record: usize, key: i32): usize {
  const pages = load<u32>(record, PAGES);
  const index = lowerBound(record, key);
  if (index < pages && keyAt(entryAt(record, index)) == key) return entryAt(record, index);
  if (index == 0) {
    const less = load<i32>(record, FIRST) - key;
    const isNear = pages > 0 && less < <i32>NEAR_PAGES;
    store<u64>(record, isNear ? (load<u64>(record, NEAR) << less) | 1 : 1, NEAR);
    store<i32>(record, key, FIRST);
  }
  return makeEntry(record, index, key);
}

function makeEntry(record: usize, index: u32, key: i32): usize {
  const pages = load<u32>(record, PAGES);
  if (pages == load<u32>(record, CAPACITY)) widen(record);
  const entry = entryAt(record, index);
  moveUp(entry, entry + (<usize>(pages - index) << ENTRY_SHIFT), 8);
  store<u64>(entry, <u32>(key << 1) | FEW);
  store<u32>(record, pages + 1, PAGES);
  return entry;
}

@inline
function isFew(entry: usize): bool {
  return (load<u32>(entry) & FEW) != 0;
}

@inline
function counterAt(entry: usize, slot: u32): u64 {
  const page = load<u32>(entry, 4);
  if (isFew(entry)) return (page >> (slot << 2)) & <u32>FEW_FULL;
  if (page & WIDE) return load<u64>(<usize>(page ^ WIDE) + (<usize>slot << 3));
  return load<u16>(<usize>page + (<usize>slot << 1));
}

function freePage(entry: usize): void {
  const page = load<u32>(entry, 4);
  if (!isFew(entry)) free(page & ~WIDE, page & WIDE ? WIDE_BYTES : NARROW_BYTES);
}

/** Puts the counters of the page into a block, narrow or wide. */
function makeBlock(entry: usize, wide: u32): void {
  const fresh = alloc(wide ? WIDE_BYTES : NARROW_BYTES);
  for (let slot: u32 = 0; slot < PAGE_COUNTERS; slot++) {
    const counter = counterAt(entry, slot);
    if (wide) store<u64>(fresh + (<usize>slot << 3), counter);
    else store<u16>(fresh + (<usize>slot << 1), <u16>counter);
  }
  freePage(entry);
  store<u32>(entry, load<u32>(entry) & ~FEW);
  store<u32>(entry, <u32>fresh | wide, 4);
}

function addTo(entry: usize, slot: u32, more: u64): void {
  const counter = counterAt(entry, slot) + more;
  const isWide = counter > NARROW_FULL;
  if (isFew(entry)) {
    if (counter <= FEW_FULL) {
      store<u32>(entry, load<u32>(entry, 4) + (<u32>more << (slot << 2)), 4);
      return;
    }
    makeBlock(entry, isWide ? WIDE : 0);
  }
  const page = load<u32>(entry, 4);
  if (!(page & WIDE)) {
    if (!isWide) {
      store<u16>(<usize>page + (<usize>slot << 1), <u16>counter);
      return;
    }
    makeBlock(entry, WIDE);
  }
  store<u64>(<usize>(load<u32>(entry, 4) ^ WIDE) + (<usize>slot << 3), counter);
}

// ── adding, merging, freeing ───────────────────────────────────────────────────────────────────

/** Counts `more` inputs that lie between `low` and `high`; their buckets are counted apart. */
function addRange(record: usize, more: u64, low: f64, high: f64): void {
  const count = load<u64>(record, QUANTILE_COUNT);
  store<u64>(record, count + more, QUANTILE_COUNT);
  store<f64>(record, count ? min(load<f64>(record, MIN), low) : low, MIN);
  store<f64>(record, count ? max(load<f64>(record, MAX), high) : high, MAX);
}

export function quantileAdd(record: usize, x: f64): void {
  addRange(record, 1, x + 0, x + 0);
  if (x == 0) {
    store<u64>(record, load<u64>(record, ZEROS) + 1, ZEROS);
    return;
  }
  const bucket = bucketOf(x);
  addTo(entryOf(record, bucket >> PAGE_BITS), bucket & (PAGE_COUNTERS - 1), 1);
}

export function quantileMerge(record: usize, from: usize): void {
  const count = load<u64>(from, QUANTILE_COUNT);
  if (!count) return;
  addRange(record, count, load<f64>(from, MIN), load<f64>(from, MAX));
  store<u64>(record, load<u64>(record, ZEROS) + load<u64>(from, ZEROS), ZEROS);
  const pages = load<u32>(from, PAGES);
  for (let i: u32 = 0; i < pages; i++) {
    const other = entryAt(from, i);
    const entry = entryOf(record, keyAt(other));
    for (let slot: u32 = 0; slot < PAGE_COUNTERS; slot++) {
      const more = counterAt(other, slot);
      if (more) addTo(entry, slot, more);
    }
  }
}

export function quantileFree(record: usize): void {
  const pages = load<u32>(record, PAGES);
  for (let i: u32 = 0; i < pages; i++) {
    freePage(entryAt(record, i));
  }
  const directory = <usize>load<u32>(record, DIRECTORY);
  if (directory) free(directory, <usize>load<u32>(record, CAPACITY) << ENTRY_SHIFT);
}

/** What one input takes at most, but for the doubling of what is there (aggregate.ts). */
export function quantileGrowthBytes(): usize {
  return WIDE_BYTES + blockBytes(<usize>CAPACITY_FIRST << ENTRY_SHIFT) + (4 << ENTRY_SHIFT);
}

/** The directory of what held `external` bytes and takes `more` inputs: it doubles once full. */
export function quantileLargestBytes(external: u64, more: u32): u64 {
  const pages = (external >> ENTRY_SHIFT) + more;
  return max<u64>(max<u64>(2 * pages, CAPACITY_FIRST) << ENTRY_SHIFT, WIDE_BYTES);
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────

/** The sum of eight counters of four bits. */
@inline
function fewInputs(page: u32): u32 {
  return (((page & 0x0f0f0f0f) + ((page >> 4) & 0x0f0f0f0f)) * 0x01010101) >> 24;
}

/** The value at rank floor(q (n - 1)); there is an input. */
export function quantileRead(record: usize, q: f64): f64 {
  const least = load<f64>(record, MIN);
  const most = load<f64>(record, MAX);
  const last = load<u64>(record, QUANTILE_COUNT) - 1;
  const rank = <u64>floor(q * <f64>last);
  if (rank == 0) return least;
  if (rank >= last) return most;
  const pages = load<u32>(record, PAGES);
  const zeros = load<u64>(record, ZEROS);
  let seen: u64 = 0;
  let passedZero = false;
  for (let i: u32 = 0; i < pages; i++) {
    const entry = entryAt(record, i);
    const key = keyAt(entry);
    if (key >= 0 && !passedZero) {
      passedZero = true;
      seen += zeros;
      if (rank < seen) return 0;
    }
    if (isFew(entry)) {
      const all = fewInputs(load<u32>(entry, 4));
      if (rank >= seen + all) {
        seen += all;
        continue;
      }
    }
    for (let slot: u32 = 0; slot < PAGE_COUNTERS; slot++) {
      seen += counterAt(entry, slot);
      if (rank >= seen) continue;
      return max(least, min(most, middleOf((key << PAGE_BITS) + slot)));
    }
  }
  assert(!passedZero && rank < seen + zeros);
  return 0;
}

/** `ranks` in the program: u32 count, u32 –, f64 each. */
export function quantileEncode(to: usize, record: usize, ranks: usize): usize {
  const count = load<u32>(ranks);
  const isEmpty = load<u64>(record, QUANTILE_COUNT) == 0;
  to = encodeList(to, TAG_LIST, count);
  for (let i: u32 = 0; i < count; i++) {
    const q = load<f64>(ranks + 8 + (<usize>i << 3));
    to = isEmpty ? encodeNull(to) : encodeNumber(to, quantileRead(record, q));
  }
  return to;
}
