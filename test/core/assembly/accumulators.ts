// The accumulators of the core without windows around them: a test adds, merges, reads and frees
// records of one query itself. Built by ../accumulators.ts, for tests alone.

import { PROGRAM, QUERY_BODY, QUERY_WINDOW_BYTES, VALUE_BYTES } from "../../../assembly/layout";
import {
  addToAccumulators,
  beginAccumulators,
  bindEvent,
  freeAccumulators,
  mergeAccumulators,
} from "../../../assembly/aggregate";
import { account, alloc, arenaOpen, free } from "../../../assembly/arena";
import { valueHash } from "../../../assembly/canonical";
import { bindFields } from "../../../assembly/expression";
import { encodeOutputs, valueBytesMax } from "../../../assembly/output";
import { queryProgram } from "../../../assembly/program";
import { reserveState, resetRegions, scratch, scratchAlloc } from "../../../assembly/regions";
import { Q_EXTERNAL, queryState, stateHeadBytes } from "../../../assembly/state";

export function abort(_message: usize, _file: usize, _line: u32, _column: u32): void {
  unreachable();
}

/** A fresh arena of `bytes`, once the program lies at PROGRAM; where the host puts its values. */
export function open(bytes: usize, valuesBytes: usize): usize {
  resetRegions();
  assert(reserveState(stateHeadBytes() + bytes));
  arenaOpen();
  return scratch + scratchAlloc(valuesBytes);
}

export function program(): usize {
  return PROGRAM;
}

/** Bytes outside the records. */
export function external(): f64 {
  return <f64>load<u64>(queryState(0), Q_EXTERNAL);
}

export function record(): usize {
  const query = queryProgram(0);
  const at = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  beginAccumulators(query, at);
  return at;
}

/** Where the record's accumulators begin. */
export function body(at: usize): usize {
  return at + load<u32>(queryProgram(0), QUERY_BODY);
}

/** Adds `count` rows of one value each, whose strings lie behind `strings`. */
export function add(
  at: usize,
  values: usize,
  count: u32,
  strings: usize,
  time: i64,
  position: u64,
): void {
  const query = queryProgram(0);
  account(queryState(0) + Q_EXTERNAL);
  bindEvent(time, position);
  for (let i: u32 = 0; i < count; i++) {
    bindFields(values + <usize>i * VALUE_BYTES, strings);
    addToAccumulators(query, at);
  }
  account(0);
}

export function merge(to: usize, from: usize): void {
  account(queryState(0) + Q_EXTERNAL);
  mergeAccumulators(queryProgram(0), to, from);
  account(0);
}

/** Writes the encoded value at `to`; its length, which is within the bound. */
export function read(at: usize, to: usize): usize {
  const bytes = encodeOutputs(to, queryProgram(0), at) - to;
  assert(bytes <= <usize>valueBytesMax(queryProgram(0), <u64>external()));
  return bytes;
}

export function discard(at: usize): void {
  const query = queryProgram(0);
  account(queryState(0) + Q_EXTERNAL);
  freeAccumulators(query, at);
  account(0);
  free(at, load<u32>(query, QUERY_WINDOW_BYTES));
}

/** XXH64 of the canonical JSON of the value at `value`, its string behind `strings`. */
export function hash(value: usize, strings: usize): u64 {
  const own = memory.data(16, 16);
  memory.copy(own, value, VALUE_BYTES);
  if (load<u8>(own) == 4) store<u32>(own, load<u32>(own, 8) + <u32>strings, 8);
  return valueHash(own);
}
