// Counts per bucket: below the first bound, `[b_i, b_i+1)` between two, and from the last one on.
// The bounds lie in the program, ascending; the counters are taken at the first input.
//
//   bounds (program):  ┌───────┬───┬─────────┐      record (8 bytes):  ┌──────────┬───┐
//                      │ n u32 │ – │ f64 × n │                         │ counters │ – │
//                      └───────┴───┴─────────┘                         └──────────┴───┘
//   counters:          u64 × (n + 1)
//
// Example: with bounds 10, 20 the inputs 9, 10, 20, 25 give the counters 1, 1, 2.

import { TAG_LIST } from "./layout";
import { alloc, blockBytes, free } from "./arena";
import { encodeCount, encodeList } from "./encode";

@inline
function boundCount(bounds: usize): u32 {
  return load<u32>(bounds);
}

@inline
function countersBytes(bounds: usize): usize {
  return <usize>(boundCount(bounds) + 1) << 3;
}

/** How many bounds are at or below `x`: the bucket that counts it. */
function bucketOf(bounds: usize, x: f64): u32 {
  let low: u32 = 0;
  let count = boundCount(bounds);
  while (count > 0) {
    const half = count >> 1;
    const isBelow = load<f64>(bounds + 8 + (<usize>(low + half) << 3)) <= x;
    low = isBelow ? low + half + 1 : low;
    count = isBelow ? count - half - 1 : half;
  }
  return low;
}

function countersOf(record: usize, bounds: usize): usize {
  const counters = <usize>load<u32>(record);
  if (counters) return counters;
  const fresh = alloc(countersBytes(bounds));
  store<u32>(record, <u32>fresh);
  return fresh;
}

export function histogramAdd(record: usize, bounds: usize, x: f64): void {
  const counter = countersOf(record, bounds) + (<usize>bucketOf(bounds, x) << 3);
  store<u64>(counter, load<u64>(counter) + 1);
}

export function histogramMerge(record: usize, bounds: usize, from: usize): void {
  const others = <usize>load<u32>(from);
  if (!others) return;
  const counters = countersOf(record, bounds);
  const bytes = countersBytes(bounds);
  for (let i: usize = 0; i < bytes; i += 8) {
    store<u64>(counters + i, load<u64>(counters + i) + load<u64>(others + i));
  }
}

export function histogramFree(record: usize, bounds: usize): void {
  const counters = <usize>load<u32>(record);
  if (counters) free(counters, countersBytes(bounds));
}

/** What one input takes from the arena at most. */
export function histogramGrowthBytes(bounds: usize): usize {
  return blockBytes(countersBytes(bounds));
}

/** Writes the list of counts at `to`; where it ends. */
export function histogramEncode(to: usize, record: usize, bounds: usize): usize {
  const counters = <usize>load<u32>(record);
  const bytes = countersBytes(bounds);
  to = encodeList(to, TAG_LIST, boundCount(bounds) + 1);
  for (let i: usize = 0; i < bytes; i += 8) {
    to = encodeCount(to, counters ? load<u64>(counters + i) : 0);
  }
  return to;
}
