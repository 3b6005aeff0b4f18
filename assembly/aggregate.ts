// Aggregates: what an open window accumulates. Two aggregates over the same input share one
// accumulator (compile.ts), so `sum` and `avg` of a field cost one addition. How a told value is
// read from them is output.ts.
//
// An accumulator is a small record inside the window's record. What grows lies outside, in blocks
// of the arena. Each kind has add, merge and free, and a bound of what one input can take; a fresh
// accumulator is what `beginAccumulators` makes of zeros.

import {
  ACCUMULATE_COUNT,
  ACCUMULATE_DISTINCT,
  ACCUMULATE_FIRST,
  ACCUMULATE_HISTOGRAM,
  ACCUMULATE_LAST,
  ACCUMULATE_MAX,
  ACCUMULATE_MIN,
  ACCUMULATE_QUANTILE,
  ACCUMULATE_SUM,
  ACCUMULATE_TOP,
  ACCUMULATE_VARIANCE,
  ACCUMULATOR_BOUNDS,
  ACCUMULATOR_BYTES,
  ACCUMULATOR_KIND,
  ACCUMULATOR_OF,
  ACCUMULATOR_OFFSET,
  ACCUMULATOR_WHERE,
  PROGRAM,
  QUERY_ACCUMULATORS,
  QUERY_ACCUMULATOR_COUNT,
  TAG_COMPOSITE,
  TAG_NULL,
  TAG_NUMBER,
} from "./layout";
import { blockBytes } from "./arena";
import { fieldHash, isHashed, valueHash } from "./canonical";
import { SUM_GROWTH_BYTES, sumAdd, sumFree, sumMerge } from "./decimal";
import {
  distinctAdd,
  distinctFree,
  distinctGrowthBytes,
  distinctLargestBytes,
  distinctMerge,
} from "./distinct";
import { evaluate, fieldAt, fieldOf, holds, numberAt, tagAt } from "./expression";
import { firstAdd, firstFree, firstMerge } from "./first-last";
import { histogramAdd, histogramFree, histogramGrowthBytes, histogramMerge } from "./histogram";
import {
  quantileAdd,
  quantileFree,
  quantileGrowthBytes,
  quantileLargestBytes,
  quantileMerge,
} from "./quantile";
import { topAdd, topFree, topGrowthBytes, topLargestBytes, topMerge } from "./top";
import { VARIANCE_GROWTH_BYTES, varianceAdd, varianceFree, varianceMerge } from "./variance";

/** When and where in the log the event being added stands: `first` and `last` keep both. */
let eventTime: i64 = 0;
let eventPosition: u64 = 0;

export function bindEvent(time: i64, position: u64): void {
  eventTime = time;
  eventPosition = position;
}

@inline
export function accumulators(query: usize): usize {
  return PROGRAM + <usize>load<u32>(query, QUERY_ACCUMULATORS);
}

@inline
function accumulatorCount(query: usize): u32 {
  return load<u16>(query, QUERY_ACCUMULATOR_COUNT);
}

/** The bounds of a histogram. */
@inline
export function boundsOf(accumulator: usize): usize {
  return PROGRAM + <usize>load<u32>(accumulator, ACCUMULATOR_BOUNDS);
}

/** Makes a window's zeroed accumulators ready for their first input. */
export function beginAccumulators(query: usize, window: usize): void {
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    const kind = load<u8>(a, ACCUMULATOR_KIND);
    if (kind == ACCUMULATE_MIN || kind == ACCUMULATE_MAX) {
      store<f64>(window + load<u16>(a, ACCUMULATOR_OFFSET), NaN);
    }
  }
}

// ── adding ─────────────────────────────────────────────────────────────────────────────────────

/** Adds the event whose fields are bound, and which is bound itself. */
export function addToAccumulators(query: usize, window: usize): void {
  let a = accumulators(query);
  // The expression of `value`: aggregates of one input follow one another. It stands on the stack,
  // or is a field as it lies.
  let valued: u32 = 0;
  let value: usize = 0;
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    const where = load<u32>(a, ACCUMULATOR_WHERE);
    if (where) {
      valued = 0;
      if (!holds(where)) continue;
    }
    const at = window + load<u16>(a, ACCUMULATOR_OFFSET);
    const kind = <u32>load<u8>(a, ACCUMULATOR_KIND);
    const input = load<u32>(a, ACCUMULATOR_OF);
    if (input != valued && input) {
      const field = fieldOf(input);
      value = field ? fieldAt(field - 1) : evaluate(input);
      valued = input;
    }
    if (kind == ACCUMULATE_COUNT) {
      if (input == 0 || tagAt(value) != TAG_NULL) store<u64>(at, load<u64>(at) + 1);
      continue;
    }
    const tag = tagAt(value);
    if (tag == TAG_NUMBER) {
      const x = numberAt(value);
      if (kind == ACCUMULATE_SUM) {
        sumAdd(at, x);
        continue;
      }
      if (kind == ACCUMULATE_MIN) {
        store<u64>(at, select<u64>(load<u64>(at), reinterpret<u64>(x), load<f64>(at) <= x));
        continue;
      }
      if (kind == ACCUMULATE_MAX) {
        store<u64>(at, select<u64>(load<u64>(at), reinterpret<u64>(x), load<f64>(at) >= x));
        continue;
      }
      if (addNumber(a, kind, at, x)) continue;
    }
    if (tag != TAG_NULL && tag != TAG_COMPOSITE) addScalar(kind, at, input, value);
  }
}

/** Adds to what takes numbers only; false where the kind takes other scalars too. */
function addNumber(accumulator: usize, kind: u32, at: usize, x: f64): bool {
  switch (kind) {
    case ACCUMULATE_VARIANCE:
      varianceAdd(at, x);
      return true;
    case ACCUMULATE_QUANTILE:
      quantileAdd(at, x);
      return true;
    case ACCUMULATE_HISTOGRAM:
      histogramAdd(at, boundsOf(accumulator), x);
      return true;
    default:
      return false;
  }
}

/** Adds to what takes any scalar; the other kinds skip what is no number. */
function addScalar(kind: u32, at: usize, input: u32, value: usize): void {
  if (kind < <u32>ACCUMULATE_FIRST) return;
  const field = fieldOf(input);
  if (kind == ACCUMULATE_DISTINCT && field && isHashed(field - 1)) {
    return distinctAdd(at, fieldHash(field - 1, value));
  }
  // On the stack, where a string has its address.
  if (field) value = evaluate(input);
  switch (kind) {
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
      return firstAdd(at, kind == ACCUMULATE_LAST, value, eventTime, eventPosition);
    case ACCUMULATE_DISTINCT:
      return distinctAdd(at, field ? fieldHash(field - 1, value) : valueHash(value));
    case ACCUMULATE_TOP:
      return topAdd(at, field ? fieldHash(field - 1, value) : valueHash(value), value);
    default:
  }
}

// ── merging and freeing ────────────────────────────────────────────────────────────────────────

function mergeExtreme(kind: u32, to: usize, from: usize): void {
  const x = load<f64>(from);
  if (isNaN(x)) return;
  const isBeyond = kind == ACCUMULATE_MIN ? !(load<f64>(to) <= x) : !(load<f64>(to) >= x);
  if (isBeyond) store<f64>(to, x);
}

function mergeOne(accumulator: usize, to: usize, from: usize): void {
  const kind = <u32>load<u8>(accumulator, ACCUMULATOR_KIND);
  switch (kind) {
    case ACCUMULATE_COUNT: {
      store<u64>(to, load<u64>(to) + load<u64>(from));
      return;
    }
    case ACCUMULATE_SUM:
      return sumMerge(to, from);
    case ACCUMULATE_VARIANCE:
      return varianceMerge(to, from);
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
      return firstMerge(to, kind == ACCUMULATE_LAST, from);
    case ACCUMULATE_QUANTILE:
      return quantileMerge(to, from);
    case ACCUMULATE_DISTINCT:
      return distinctMerge(to, from);
    case ACCUMULATE_TOP:
      return topMerge(to, from);
    case ACCUMULATE_HISTOGRAM:
      return histogramMerge(to, boundsOf(accumulator), from);
    default:
      return mergeExtreme(kind, to, from);
  }
}

/**
 * Adds to the accumulators of one window's record what those of another hold, `from`, which stay
 * as they are. Where `to` has begun and has no input yet, it becomes a copy.
 */
export function mergeAccumulators(query: usize, to: usize, from: usize): void {
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    const offset = <usize>load<u16>(a, ACCUMULATOR_OFFSET);
    mergeOne(a, to + offset, from + offset);
  }
}

function freeOne(accumulator: usize, at: usize): void {
  switch (<u32>load<u8>(accumulator, ACCUMULATOR_KIND)) {
    case ACCUMULATE_SUM:
      return sumFree(at);
    case ACCUMULATE_VARIANCE:
      return varianceFree(at);
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
      return firstFree(at);
    case ACCUMULATE_QUANTILE:
      return quantileFree(at);
    case ACCUMULATE_DISTINCT:
      return distinctFree(at);
    case ACCUMULATE_TOP:
      return topFree(at);
    case ACCUMULATE_HISTOGRAM:
      return histogramFree(at, boundsOf(accumulator));
    default:
  }
}

/** Frees what the accumulators hold outside the window's record. The record is then spent. */
export function freeAccumulators(query: usize, window: usize): void {
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    freeOne(a, window + load<u16>(a, ACCUMULATOR_OFFSET));
  }
}

// ── room ───────────────────────────────────────────────────────────────────────────────────────

function inputGrowthOf(accumulator: usize, longest: usize): usize {
  switch (<u32>load<u8>(accumulator, ACCUMULATOR_KIND)) {
    case ACCUMULATE_SUM:
      return blockBytes(SUM_GROWTH_BYTES);
    case ACCUMULATE_VARIANCE:
      return blockBytes(VARIANCE_GROWTH_BYTES);
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
      return blockBytes(longest);
    case ACCUMULATE_QUANTILE:
      return quantileGrowthBytes();
    case ACCUMULATE_DISTINCT:
      return distinctGrowthBytes();
    case ACCUMULATE_TOP:
      return topGrowthBytes(longest);
    case ACCUMULATE_HISTOGRAM:
      return histogramGrowthBytes(boundsOf(accumulator));
    default:
      return 0;
  }
}

/**
 * What one event's inputs take from the arena at most, beyond the window's record and the doubling
 * of arrays that are there before the push (`doublingGrowthBytes`); no string of the event is
 * longer than `longest` bytes.
 *
 * An array that doubles from C to 2 C entries was itself made by a doubling, or was the first one,
 * so it took C / 2 inputs of this push to fill, which pay for the 2 C entries with 4 each.
 */
export function inputGrowthBytes(query: usize, longest: usize): usize {
  let bytes: usize = 0;
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    bytes += inputGrowthOf(a, longest);
  }
  return bytes;
}

/**
 * Of what all accumulators of a query hold outside their records: the most that so many events
 * can reach, each that of one key. `externalMax` is the most that one key ever had.
 */
export function reachedBytes(events: u32, external: u64, externalMax: u64): u64 {
  return min(external, <u64>events * externalMax);
}

function largestOf(accumulator: usize, text: u64, external: u64, events: u32): u64 {
  switch (<u32>load<u8>(accumulator, ACCUMULATOR_KIND)) {
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
      return text;
    case ACCUMULATE_QUANTILE:
      return quantileLargestBytes(external, events);
    case ACCUMULATE_DISTINCT:
      return distinctLargestBytes(external, events);
    case ACCUMULATE_TOP:
      return max(text, topLargestBytes(external, events));
    case ACCUMULATE_HISTOGRAM:
      return histogramGrowthBytes(boundsOf(accumulator));
    default:
      return max(SUM_GROWTH_BYTES, VARIANCE_GROWTH_BYTES);
  }
}

/**
 * The most that one block outside of a record takes, where the accumulators of its key held
 * `external` bytes and take `events` more; no string has more than `text` bytes.
 */
export function largestBytes(query: usize, text: u64, external: u64, events: u32): u64 {
  let most: u64 = 0;
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    most = max(most, largestOf(a, text, external, events));
  }
  return most;
}

/** What the arrays that are there before a push take when they double for the first time. */
export function doublingGrowthBytes(reached: u64): u64 {
  return 2 * reached;
}

/**
 * What merging takes, however many of `external` bytes in all become one, one after another:
 * copies once, arrays that double up to four times their entries (tables of a `distinct`, 7/16 of
 * which are taken: 32/7 times), a `distinct` that becomes dense once more (8 KiB of hashes: 16 KiB
 * by doubling, then 16.1 KiB of registers), pages of a quantile that two entries of 8 bytes make
 * necessary (16 bytes).
 */
export function mergeGrowthBytes(external: u64): u64 {
  return 5 * external;
}
