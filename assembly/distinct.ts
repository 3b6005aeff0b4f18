// How many different values: exact up to 1,000, then HyperLogLog (Flajolet, Fusy, Gandouet,
// Meunier: "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007)
// with 2^14 registers over 64-bit hashes, read by the improved estimator of Ertl ("New cardinality
// estimation algorithms for HyperLogLog sketches", 2017, algorithm 6), which needs no tables and
// has no bias between its ranges. Standard error 1.04 / √16384 = 0.81 %.
//
// The values are known by their hashes alone (canonical.ts). So the sketch does not depend on
// their order, and sketches merge: exact ones as sets, dense ones register by register. It is no
// defence against a producer who searches for colliding values: the hash is published.
//
//   record (16 bytes):   ┌───────┬──────────┬───────┬───────┐
//                        │ count │ capacity │ array │ ranks │
//                        └───────┴──────────┴───────┴───────┘
//   exact:   array = `capacity` hashes u64, the first `count` of them in use, ascending
//   dense:   array = 16384 registers u8: 0, or the greatest rank seen by it
//            ranks = 64 counters u16: how many registers stand at each rank, so that reading does
//                    not look at them all
//
// Example: 1 has the hash 0xb7b41276360564d4, whose first 14 bits are register 11757; the 50 bits
// left begin with 000001, so its rank is 6.
//
//   different values         │ 10  │ 100   │ 1,000 │ 10,000 │ 1,000,000
//   bytes outside the record │ 128 │ 1,024 │ 8,192 │ 16,512 │ 16,512
//   standard error           │ 0   │ 0     │ 0     │ 0.81 % │ 0.81 %     (measured by the test)

import { alloc, blockBytes, free } from "./arena";
import { moveUp } from "./encode";
import { DISTINCT_EXACT_MAX } from "./layout";

const COUNT: usize = 0; // u32
const CAPACITY: usize = 4; // u32
const ARRAY: usize = 8; // u32
const RANKS: usize = 12; // u32, 0 while exact

const CAPACITY_FIRST: u32 = 4;
const INDEX_BITS: u64 = 14;
const REGISTERS: usize = 16384;
/** The rank of a hash whose 50 bits are all zero. */
const RANK_MAX: u32 = 51;
const RANKS_BYTES: usize = 128;
/** 1 / (2 ln 2) */
const ALPHA: f64 = 0.7213475204444817;

@inline
function isDense(record: usize): bool {
  return load<u32>(record, RANKS) != 0;
}

/** Index of the first of `count` ascending hashes that is not below `hash`. */
function lowerBound(array: usize, count: u32, hash: u64): u32 {
  let low: u32 = 0;
  while (count > 0) {
    const half = count >> 1;
    const isBelow = load<u64>(array + (<usize>(low + half) << 3)) < hash;
    low = isBelow ? low + half + 1 : low;
    count = isBelow ? count - half - 1 : half;
  }
  return low;
}

function replaceArray(record: usize, capacity: u32): void {
  const before = <usize>load<u32>(record, ARRAY);
  const fresh = alloc(<usize>capacity << 3);
  if (before) {
    memory.copy(fresh, before, <usize>load<u32>(record, COUNT) << 3);
    free(before, <usize>load<u32>(record, CAPACITY) << 3);
  }
  store<u32>(record, <u32>fresh, ARRAY);
  store<u32>(record, capacity, CAPACITY);
}

export function distinctAdd(record: usize, hash: u64): void {
  if (isDense(record)) return addDense(record, hash);
  const count = load<u32>(record, COUNT);
  const index = lowerBound(load<u32>(record, ARRAY), count, hash);
  if (index < count && load<u64>(load<u32>(record, ARRAY) + (<usize>index << 3)) == hash) return;
  if (count == <u32>DISTINCT_EXACT_MAX) {
    makeDense(record);
    return addDense(record, hash);
  }
  const capacity = load<u32>(record, CAPACITY);
  if (count == capacity) replaceArray(record, capacity ? capacity * 2 : CAPACITY_FIRST);
  const at = <usize>load<u32>(record, ARRAY) + (<usize>index << 3);
  moveUp(at, at + (<usize>(count - index) << 3), 8);
  store<u64>(at, hash);
  store<u32>(record, count + 1, COUNT);
}

// ── dense ──────────────────────────────────────────────────────────────────────────────────────

function makeDense(record: usize): void {
  const array = <usize>load<u32>(record, ARRAY);
  const count = load<u32>(record, COUNT);
  const capacity = load<u32>(record, CAPACITY);
  store<u32>(record, <u32>alloc(REGISTERS), ARRAY);
  store<u32>(record, <u32>alloc(RANKS_BYTES), RANKS);
  store<u16>(load<u32>(record, RANKS), <u32>REGISTERS);
  store<u32>(record, 0, COUNT);
  store<u32>(record, 0, CAPACITY);
  addHashes(record, array, count);
  if (array) free(array, <usize>capacity << 3);
}

function addHashes(record: usize, array: usize, count: u32): void {
  const end = array + (<usize>count << 3);
  for (; array < end; array += 8) addDense(record, load<u64>(array));
}

function addDense(record: usize, hash: u64): void {
  const register = <usize>load<u32>(record, ARRAY) + <usize>(hash >> (64 - INDEX_BITS));
  const rest = hash << INDEX_BITS;
  const rank = rest ? <u32>clz(rest) + 1 : RANK_MAX;
  const before = <u32>load<u8>(register);
  if (rank <= before) return;
  store<u8>(register, rank);
  const ranks = <usize>load<u32>(record, RANKS);
  addRank(ranks, before, -1);
  addRank(ranks, rank, 1);
}

@inline
function addRank(ranks: usize, rank: u32, by: i32): void {
  const at = ranks + (<usize>rank << 1);
  store<u16>(at, load<u16>(at) + by);
}

// ── merging and freeing ────────────────────────────────────────────────────────────────────────

/** Adds all that `from` knows. */
export function distinctMerge(record: usize, from: usize): void {
  if (isDense(from)) return mergeDense(record, from);
  const array = <usize>load<u32>(from, ARRAY);
  const count = load<u32>(from, COUNT);
  if (isDense(record)) return addHashes(record, array, count);
  const union = countUnion(record, from);
  if (union > <u32>DISTINCT_EXACT_MAX) {
    makeDense(record);
    return addHashes(record, array, count);
  }
  if (union == load<u32>(record, COUNT)) return;
  let capacity = max(load<u32>(record, CAPACITY), CAPACITY_FIRST);
  while (capacity < union) capacity *= 2;
  if (capacity != load<u32>(record, CAPACITY)) replaceArray(record, capacity);
  mergeExact(load<u32>(record, ARRAY), load<u32>(record, COUNT), array, count, union);
  store<u32>(record, union, COUNT);
}

function countUnion(a: usize, b: usize): u32 {
  let p = <usize>load<u32>(a, ARRAY);
  let q = <usize>load<u32>(b, ARRAY);
  const pEnd = p + (<usize>load<u32>(a, COUNT) << 3);
  const qEnd = q + (<usize>load<u32>(b, COUNT) << 3);
  let both: u32 = 0;
  while (p < pEnd && q < qEnd) {
    const x = load<u64>(p);
    const y = load<u64>(q);
    if (x == y) both++;
    if (x <= y) p += 8;
    if (y <= x) q += 8;
  }
  return load<u32>(a, COUNT) + load<u32>(b, COUNT) - both;
}

/** Merges `m` ascending hashes into the `n` of an array with room for the union, from its end. */
function mergeExact(array: usize, n: u32, other: usize, m: u32, union: u32): void {
  let p = array + (<usize>n << 3);
  let q = other + (<usize>m << 3);
  let to = array + (<usize>union << 3);
  while (q > other) {
    const y = load<u64>(q - 8);
    const x = p > array ? load<u64>(p - 8) : 0;
    to -= 8;
    if (p > array && x >= y) {
      p -= 8;
      store<u64>(to, x);
      if (x == y) q -= 8;
    } else {
      q -= 8;
      store<u64>(to, y);
    }
  }
}

function mergeDense(record: usize, from: usize): void {
  if (!isDense(record)) makeDense(record);
  let p = <usize>load<u32>(record, ARRAY);
  let q = <usize>load<u32>(from, ARRAY);
  const ranks = <usize>load<u32>(record, RANKS);
  memory.fill(ranks, 0, RANKS_BYTES);
  for (const end = p + REGISTERS; p < end; p += 16, q += 16) {
    v128.store(p, i8x16.max_u(v128.load(p), v128.load(q)));
    for (let i: usize = 0; i < 16; i++) addRank(ranks, load<u8>(p + i), 1);
  }
}

export function distinctFree(record: usize): void {
  const array = <usize>load<u32>(record, ARRAY);
  if (isDense(record)) {
    free(array, REGISTERS);
    free(load<u32>(record, RANKS), RANKS_BYTES);
  } else if (array) free(array, <usize>load<u32>(record, CAPACITY) << 3);
}

/** What one input takes at most, but for the doubling of what is there (aggregate.ts). */
export function distinctGrowthBytes(): usize {
  return blockBytes(<usize>CAPACITY_FIRST << 3) + 4 * 8 + RANKS_BYTES;
}

/** The array of what held `external` bytes and takes `more` inputs, or the registers. */
export function distinctLargestBytes(external: u64, more: u32): u64 {
  const hashes = max<u64>(external / 8 + more, CAPACITY_FIRST);
  return max<u64>(min<u64>(2 * hashes * 8, REGISTERS), RANKS_BYTES);
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────

export function distinctRead(record: usize): f64 {
  return isDense(record) ? nearest(estimate(load<u32>(record, RANKS))) : load<u32>(record, COUNT);
}

@inline
function registersAt(ranks: usize, rank: u32): f64 {
  return load<u16>(ranks + (<usize>rank << 1));
}

function estimate(ranks: usize): f64 {
  const m: f64 = REGISTERS;
  let z = m * tau(1 - registersAt(ranks, RANK_MAX) / m);
  for (let rank = RANK_MAX - 1; rank > 0; rank--) z = 0.5 * (z + registersAt(ranks, rank));
  z += m * sigma(registersAt(ranks, 0) / m);
  return (ALPHA * m * m) / z;
}

/** Σ x^(2^k) 2^(k-1), and x: Ertl's algorithm for registers that were never hit. Below 1 here. */
function sigma(x: f64): f64 {
  let y: f64 = 1;
  let z = x;
  let before: f64;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

/** The same for registers at the highest rank. */
function tau(x: f64): f64 {
  if (x == 0 || x == 1) return 0;
  let y: f64 = 1;
  let z = 1 - x;
  let before: f64;
  do {
    x = sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}
