// Outputs: the value that is told of a window, read from its accumulators and encoded (encode.ts),
// the aggregates first, then what is derived from them. A quantile of several ranks is a list of
// numbers, a histogram a list of counts, a top pairs of a value and its count. What derives reads a
// list as a composite, which compares with nothing; where that is its result, the list is told.

import {
  ACCUMULATOR_BYTES,
  ACCUMULATOR_OFFSET,
  OUTPUT_ACCUMULATOR,
  OUTPUT_BYTES,
  OUTPUT_FN,
  OUTPUT_OPERAND,
  PROGRAM,
  QUERY_TEXTS,
  QUERY_VALUES,
  QUERY_VALUE_BYTES,
  QUERY_VALUE_COUNT,
  READ_AVG,
  READ_COUNT,
  READ_DERIVED,
  READ_DEVIATION,
  READ_DISTINCT,
  READ_FIRST,
  READ_HISTOGRAM,
  READ_QUANTILE,
  READ_QUANTILES,
  READ_SUM,
  READ_TOP,
  READ_VARIANCE,
  TAG_COMPOSITE,
  TAG_STRING,
  VALUE_BYTES,
  VALUE_PAYLOAD,
} from "./layout";
import { accumulators, boundsOf } from "./aggregate";
import { SUM_COUNT, sumRead } from "./decimal";
import { distinctRead } from "./distinct";
import { ENCODED_NUMBER_BYTES, encodeValue } from "./encode";
import { bindFields, evaluate, lengthAt, setNull, setNumber, tagAt } from "./expression";
import { FIRST_VALUE } from "./first-last";
import { histogramEncode } from "./histogram";
import { QUANTILE_COUNT, quantileEncode, quantileRead } from "./quantile";
import { wrote } from "./regions";
import { topBytesMax, topEncode } from "./top";
import { deviationRead, varianceRead } from "./variance";

/** The outputs of a window as values, for what is derived from them. */
const OUTPUTS_MAX: usize = 128;
const outputs: usize = memory.data(OUTPUTS_MAX * VALUE_BYTES, 16);

@inline
function accumulatorOf(query: usize, output: usize): usize {
  return accumulators(query) + <usize>load<u16>(output, OUTPUT_ACCUMULATOR) * ACCUMULATOR_BYTES;
}

function accumulatorAt(query: usize, output: usize, window: usize): usize {
  return window + load<u16>(accumulatorOf(query, output), ACCUMULATOR_OFFSET);
}

@inline
function ranksOf(output: usize): usize {
  return PROGRAM + <usize>load<u32>(output, OUTPUT_OPERAND);
}

@inline
function isList(fn: u32): bool {
  return fn == READ_QUANTILES || fn == READ_TOP || fn == READ_HISTOGRAM;
}

/** Reads a scalar from the accumulator at `at`; what is not finite is null. */
function readOutput(to: usize, fn: u32, output: usize, at: usize): void {
  switch (fn) {
    case READ_COUNT:
      return setNumber(to, <f64>load<u64>(at));
    case READ_SUM:
    case READ_AVG: {
      const n = load<u64>(at, SUM_COUNT);
      if (n == 0) return setNull(to);
      return setNumber(to, fn == READ_SUM ? sumRead(at) : sumRead(at) / <f64>n);
    }
    case READ_VARIANCE:
      return setNumber(to, varianceRead(at));
    case READ_DEVIATION:
      return setNumber(to, deviationRead(at));
    case READ_DISTINCT:
      return setNumber(to, distinctRead(at));
    case READ_FIRST: {
      memory.copy(to, at + FIRST_VALUE, VALUE_BYTES);
      return;
    }
    case READ_QUANTILE: {
      if (load<u64>(at, QUANTILE_COUNT) == 0) return setNull(to);
      return setNumber(to, quantileRead(at, load<f64>(ranksOf(output), 8)));
    }
    default:
      return setNumber(to, load<f64>(at)); // NaN, no input yet, becomes null
  }
}

function encodeListOutput(to: usize, query: usize, output: usize, window: usize): usize {
  const fn = <u32>load<u8>(output, OUTPUT_FN);
  const at = accumulatorAt(query, output, window);
  if (fn == READ_QUANTILES) return quantileEncode(to, at, ranksOf(output));
  if (fn == READ_TOP) return topEncode(to, at, load<u32>(output, OUTPUT_OPERAND));
  return histogramEncode(to, at, boundsOf(accumulatorOf(query, output)));
}

/** Writes the encoded value of an open window at `to`; where it ends. */
export function encodeOutputs(to: usize, query: usize, window: usize): usize {
  const count = <usize>load<u16>(query, QUERY_VALUE_COUNT);
  assert(count <= OUTPUTS_MAX);
  // What is derived reads the aggregates, which all come before it.
  bindFields(outputs, 0);
  let output = PROGRAM + <usize>load<u32>(query, QUERY_VALUES);
  for (let i: usize = 0; i < count; i++, output += OUTPUT_BYTES) {
    const fn = <u32>load<u8>(output, OUTPUT_FN);
    let value = outputs + i * VALUE_BYTES;
    if (fn == READ_DERIVED) value = evaluate(load<u32>(output, OUTPUT_OPERAND));
    else if (isList(fn)) setList(value, output);
    else readOutput(value, fn, output, accumulatorAt(query, output, window));
    const list = tagAt(value) == TAG_COMPOSITE ? <usize>load<u32>(value, VALUE_PAYLOAD) : 0;
    to = list ? encodeListOutput(to, query, list, window) : encodeValue(to, value);
  }
  wrote(to);
  return to;
}

/** Makes the value a composite that remembers of which output it is the list. */
function setList(value: usize, output: usize): void {
  store<u64>(value, TAG_COMPOSITE);
  store<u64>(value, output, VALUE_PAYLOAD);
}

// ── room ───────────────────────────────────────────────────────────────────────────────────────

/**
 * The most that the encoded value of a window takes, where the accumulators of its key hold
 * `external` bytes outside their records: no string and no entry of a top is told that is not
 * there, and an entry takes more there than told.
 */
export function valueBytesMax(query: usize, external: u64): u64 {
  const texts = <u64>load<u32>(query, QUERY_TEXTS);
  return <u64>load<u32>(query, QUERY_VALUE_BYTES) + texts * external;
}

/** What the string or list of one output adds to QUERY_VALUE_BYTES. */
function textBytes(query: usize, output: usize, window: usize): usize {
  const fn = <u32>load<u8>(output, OUTPUT_FN);
  if (fn != READ_FIRST && fn != READ_TOP) return 0;
  const at = accumulatorAt(query, output, window);
  if (fn == READ_TOP) return topBytesMax(at, load<u32>(output, OUTPUT_OPERAND));
  const value = at + FIRST_VALUE;
  return tagAt(value) == TAG_STRING ? lengthAt(value) : 0;
}

/** The most that the value of a window takes as it stands. */
function windowBytesMax(query: usize, window: usize): usize {
  let bytes = <usize>load<u32>(query, QUERY_VALUE_BYTES);
  let longest: usize = 0;
  let output = PROGRAM + <usize>load<u32>(query, QUERY_VALUES);
  for (let i = load<u16>(query, QUERY_VALUE_COUNT); i > 0; i--, output += OUTPUT_BYTES) {
    const text = textBytes(query, output, window);
    bytes += text;
    longest = max(longest, text);
    if (load<u8>(output, OUTPUT_FN) == READ_DERIVED) bytes += longest;
  }
  return bytes;
}

/**
 * What the final row of a window takes from the arena at most when it closes as it stands, in a
 * record with `room` bytes for it. A block is less than twice as large as what is in it, so what
 * the push still adds is bounded apart, by `closeInputBytes`.
 */
export function closeGrowthBytes(query: usize, window: usize, room: usize): usize {
  if (fitsAlways(query, room)) return 0;
  return 2 * windowBytesMax(query, window) + 16;
}

/** The same for what one event of the push adds, or for the window that it opens. */
export function closeInputBytes(query: usize, longest: usize, room: usize): usize {
  if (fitsAlways(query, room)) return 0;
  const texts = <usize>load<u32>(query, QUERY_TEXTS);
  const more = texts * (longest + 2 * ENCODED_NUMBER_BYTES);
  return 2 * (<usize>load<u32>(query, QUERY_VALUE_BYTES) + more) + 16;
}

/** Whether every value of the query fits in the place of its accumulators. */
export function fitsAlways(query: usize, room: usize): bool {
  return load<u32>(query, QUERY_TEXTS) == 0 && <usize>load<u32>(query, QUERY_VALUE_BYTES) <= room;
}
