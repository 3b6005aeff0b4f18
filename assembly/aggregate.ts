// Aggregates: what an open window accumulates, and how a told value is read from it. Two
// aggregates over the same input share one accumulator (compile.ts), so `sum` and `avg` of a
// field cost one addition.
//
// Each kind has add, merge, read and free; a fresh accumulator is what `begin` makes of zeros.

import {
  ACCUMULATE_COUNT,
  ACCUMULATE_MAX,
  ACCUMULATE_MIN,
  ACCUMULATE_SUM,
  ACCUMULATOR_BYTES,
  ACCUMULATOR_KIND,
  ACCUMULATOR_OF,
  ACCUMULATOR_OFFSET,
  ACCUMULATOR_WHERE,
  OUTPUT_ACCUMULATOR,
  OUTPUT_BYTES,
  OUTPUT_EXPRESSION,
  OUTPUT_FN,
  PROGRAM,
  QUERY_ACCUMULATORS,
  QUERY_ACCUMULATOR_COUNT,
  QUERY_VALUES,
  QUERY_VALUE_COUNT,
  READ_AVG,
  READ_COUNT,
  READ_DERIVED,
  READ_SUM,
  TAG_NULL,
  TAG_NUMBER,
  VALUE_BYTES,
} from "./layout";
import { SUM_COUNT, SUM_GROWTH_BYTES, sumAdd, sumFree, sumMerge, sumRead } from "./decimal";
import { blockBytes } from "./arena";
import { encodeValue } from "./dictionary";
import { bindFields, evaluate, holds, numberAt, setNull, setNumber, tagAt } from "./expression";

/** The outputs of a window as values, for what is derived from them. */
const OUTPUTS_MAX: usize = 128;
const outputs: usize = memory.data(128 * VALUE_BYTES, 16);

/** When and where in the log the event being added stands: `first` and `last` keep both. */
let eventTime: i64 = 0;
let eventPosition: u64 = 0;

export function bindEvent(time: i64, position: u64): void {
  eventTime = time;
  eventPosition = position;
}

@inline
function accumulators(query: usize): usize {
  return PROGRAM + <usize>load<u32>(query, QUERY_ACCUMULATORS);
}

@inline
function accumulatorCount(query: usize): u32 {
  return load<u16>(query, QUERY_ACCUMULATOR_COUNT);
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

/** Adds the event whose fields are bound. */
export function addToAccumulators(query: usize, window: usize): void {
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    if (!holds(load<u32>(a, ACCUMULATOR_WHERE))) continue;
    const at = window + load<u16>(a, ACCUMULATOR_OFFSET);
    const kind = <u32>load<u8>(a, ACCUMULATOR_KIND);
    const input = load<u32>(a, ACCUMULATOR_OF);
    if (kind == ACCUMULATE_COUNT) {
      if (input == 0 || tagAt(evaluate(input)) != TAG_NULL) store<u64>(at, load<u64>(at) + 1);
      continue;
    }
    const value = evaluate(input);
    if (tagAt(value) != TAG_NUMBER) continue;
    const x = numberAt(value);
    if (kind == ACCUMULATE_SUM) sumAdd(at, x);
    else if (kind == ACCUMULATE_MIN) {
      if (!(load<f64>(at) <= x)) store<f64>(at, x);
    } else if (!(load<f64>(at) >= x)) store<f64>(at, x);
  }
}

function mergeExtreme(kind: u32, to: usize, from: usize): void {
  const x = load<f64>(from);
  if (isNaN(x)) return;
  const isBeyond = kind == ACCUMULATE_MIN ? !(load<f64>(to) <= x) : !(load<f64>(to) >= x);
  if (isBeyond) store<f64>(to, x);
}

/**
 * Adds to the accumulators of one window's record what those of another hold, `from`, which stay
 * as they are. Where `to` has begun and has no input yet, it becomes a copy.
 */
export function mergeAccumulators(query: usize, to: usize, from: usize): void {
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    const kind = <u32>load<u8>(a, ACCUMULATOR_KIND);
    const offset = <usize>load<u16>(a, ACCUMULATOR_OFFSET);
    if (kind == ACCUMULATE_COUNT) {
      store<u64>(to + offset, load<u64>(to + offset) + load<u64>(from + offset));
    } else if (kind == ACCUMULATE_SUM) sumMerge(to + offset, from + offset);
    else mergeExtreme(kind, to + offset, from + offset);
  }
}

/** Frees what the accumulators hold outside the window's record. */
export function freeAccumulators(query: usize, window: usize): void {
  let a = accumulators(query);
  for (let i = accumulatorCount(query); i > 0; i--, a += ACCUMULATOR_BYTES) {
    if (load<u8>(a, ACCUMULATOR_KIND) == ACCUMULATE_SUM) {
      sumFree(window + load<u16>(a, ACCUMULATOR_OFFSET));
    }
  }
}

/** The most that one event's inputs take from the arena, beyond the window's record. */
export function inputGrowthBytes(query: usize): usize {
  return <usize>accumulatorCount(query) * blockBytes(SUM_GROWTH_BYTES);
}

function readOutput(to: usize, query: usize, output: usize, window: usize): void {
  const fn = <u32>load<u8>(output, OUTPUT_FN);
  if (fn == READ_DERIVED) {
    memory.copy(to, evaluate(load<u32>(output, OUTPUT_EXPRESSION)), VALUE_BYTES);
    return;
  }
  const a = accumulators(query) + <usize>load<u16>(output, OUTPUT_ACCUMULATOR) * ACCUMULATOR_BYTES;
  const at = window + load<u16>(a, ACCUMULATOR_OFFSET);
  if (fn == READ_COUNT) setNumber(to, <f64>load<u64>(at));
  else if (fn == READ_SUM || fn == READ_AVG) {
    const n = load<u64>(at, SUM_COUNT);
    if (n == 0) setNull(to);
    else setNumber(to, fn == READ_SUM ? sumRead(at) : sumRead(at) / <f64>n);
  } else setNumber(to, load<f64>(at)); // NaN, no input yet, becomes null
}

/** Writes the encoded value of an open window at `to`; where it ends. */
export function encodeOutputs(to: usize, query: usize, window: usize): usize {
  const count = <usize>load<u16>(query, QUERY_VALUE_COUNT);
  assert(count <= OUTPUTS_MAX);
  // What is derived reads the aggregates, which all come before it.
  bindFields(outputs, 0);
  let output = PROGRAM + <usize>load<u32>(query, QUERY_VALUES);
  for (let i: usize = 0; i < count; i++, output += OUTPUT_BYTES) {
    const value = outputs + i * VALUE_BYTES;
    readOutput(value, query, output, window);
    to = encodeValue(to, value);
  }
  return to;
}
