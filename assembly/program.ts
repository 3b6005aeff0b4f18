// The compiled plan, as it lies at PROGRAM: where its tables are. compile.ts writes it; the host
// checked every byte before, so what is wrong here asserts.

import {
  PROGRAM,
  PROGRAM_BYTES_MAX,
  PROGRAM_DELAY,
  PROGRAM_MAGIC,
  PROGRAM_MAX_AHEAD,
  PROGRAM_QUERY_TABLE,
  PROGRAM_ROUTES,
  PROGRAM_ROUTE_TABLE,
  PROGRAM_ROW_BYTES,
  PROGRAM_TOTAL,
  QUERY_BYTES,
} from "./layout";
import { queryCount } from "./state";

export function checkProgram(): void {
  assert(load<u32>(PROGRAM) == PROGRAM_MAGIC);
  assert(load<u32>(PROGRAM, PROGRAM_TOTAL) <= <u32>PROGRAM_BYTES_MAX);
  assert(load<u32>(PROGRAM, PROGRAM_ROUTES) > 0);
}

export function queryProgram(index: u32): usize {
  assert(index < queryCount());
  return PROGRAM + <usize>load<u32>(PROGRAM, PROGRAM_QUERY_TABLE) + <usize>index * QUERY_BYTES;
}

/** The takers of a route: a count, then TAKER_BYTES each, tables first, then queries ascending. */
export function routeTakers(route: u32): usize {
  assert(route < load<u32>(PROGRAM, PROGRAM_ROUTES));
  const table = PROGRAM + <usize>load<u32>(PROGRAM, PROGRAM_ROUTE_TABLE);
  return PROGRAM + <usize>load<u32>(table + ((<usize>route) << 2));
}

/** Bytes of one event's row of values. */
export function fieldRowBytes(): usize {
  return load<u32>(PROGRAM, PROGRAM_ROW_BYTES);
}

export function delay(): i64 {
  return load<i64>(PROGRAM, PROGRAM_DELAY);
}

export function maxAhead(): i64 {
  return load<i64>(PROGRAM, PROGRAM_MAX_AHEAD);
}
