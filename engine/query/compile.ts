// Compiles a checked plan into the program that the core runs: tables of numbers and expression
// code at offsets that assembly/layout.ts names. What two aggregates accumulate alike they share,
// so `sum` and `avg` of one field cost one addition.

import * as layout from "../../assembly/layout.ts";
import { Code } from "./code.ts";
import type { Aggregate, Expression, Plan, Query } from "./plan.ts";
import { Router } from "./route.ts";

/** A path that the plan reads; its place in the list is the field's number. */
export type Path = readonly string[];

export interface Program {
  /** For PROGRAM in the core's memory. */
  readonly bytes: Uint8Array;
  readonly fields: readonly Path[];
  readonly router: Router;
}

/** A plan's program; `hashKey` is 16 bytes. */
export function compile(plan: Plan, hashKey: Uint8Array): Program {
  const fields = new Fields();
  const router = new Router(plan.queries);
  const code = new Code(layout.PROGRAM_HEADER_BYTES);
  const queries = code.reserve(plan.queries.length * layout.QUERY_BYTES);
  plan.queries.forEach((query, index) => {
    compileQuery(code, fields, query, queries + index * layout.QUERY_BYTES);
  });
  const routes = compileRoutes(code, router);
  code.u32(0, layout.PROGRAM_MAGIC);
  code.u32(layout.PROGRAM_TOTAL, code.length);
  code.u32(layout.PROGRAM_QUERIES, plan.queries.length);
  code.u32(layout.PROGRAM_QUERY_TABLE, queries);
  code.u32(layout.PROGRAM_FIELDS, fields.paths.length);
  code.u32(layout.PROGRAM_ROUTES, router.routes.length);
  code.u32(layout.PROGRAM_ROUTE_TABLE, routes);
  code.u32(layout.PROGRAM_KEYS_MAX, plan.limits.keys);
  code.u32(layout.PROGRAM_IDENTITIES_MAX, plan.limits.identities);
  code.u32(layout.PROGRAM_LITERAL_BYTES, code.literalBytesMax);
  code.i64(layout.PROGRAM_DELAY, plan.clock.delayMs);
  code.i64(layout.PROGRAM_MAX_AHEAD, plan.clock.maxAheadMs);
  code.i64(layout.PROGRAM_DEDUP, plan.clock.dedupMs);
  code.copy(layout.PROGRAM_HASH_KEY, hashKey);
  return { bytes: code.bytes(), fields: fields.paths, router };
}

class Fields {
  readonly paths: Path[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(path: Path): number {
    const text = path.join(".");
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.paths.length);
    return this.paths.push(path) - 1;
  }
}

function compileRoutes(code: Code, router: Router): number {
  const table = code.reserve(router.routes.length * 4);
  router.routes.forEach((queries, route) => {
    const list = code.reserve(4 + queries.length * 4);
    code.u32(table + route * 4, list);
    code.u32(list, queries.length);
    queries.forEach((query, index) => code.u32(list + 4 + index * 4, query));
  });
  return table;
}

function compileQuery(code: Code, fields: Fields, query: Query, at: number): void {
  const read = new Set<number>();
  const fieldOf = (path: Path): number => {
    const field = fields.numberOf(path);
    read.add(field);
    return field;
  };
  const where = query.where === null ? 0 : code.expression(query.where, fieldOf);
  const keys = code.reserve(query.key.length * 4);
  query.key.forEach(({ of }, index) => code.u32(keys + index * 4, code.expression(of, fieldOf)));
  const { accumulators, bytes } = accumulatorsOf(query);
  const table = code.reserve(accumulators.length * layout.ACCUMULATOR_BYTES);
  accumulators.forEach((accumulator, index) => {
    const entry = table + index * layout.ACCUMULATOR_BYTES;
    const { of, where: condition } = accumulator;
    code.u8(entry + layout.ACCUMULATOR_KIND, accumulator.kind);
    code.u16(entry + layout.ACCUMULATOR_OFFSET, accumulator.offset);
    code.u32(entry + layout.ACCUMULATOR_OF, of === null ? 0 : code.expression(of, fieldOf));
    const test = condition === null ? 0 : code.expression(condition, fieldOf);
    code.u32(entry + layout.ACCUMULATOR_WHERE, test);
  });
  const outputs = compileOutputs(code, query, accumulators);
  const list = code.reserve(4 + read.size * 4);
  code.u32(list, read.size);
  [...read].forEach((field, index) => code.u32(list + 4 + index * 4, field));
  const count = query.aggregates.length + query.derive.length;
  // A number takes 9 bytes, a derived string 5 and its literal.
  const valueBytes = query.aggregates.length * 9 + query.derive.length * (9 + code.literalBytesMax);
  const windowBytes = headBytes(query) + Math.max(bytes, valueBytes);
  writeWindow(code, query, at);
  code.u8(at + layout.QUERY_EMIT, EMITS[query.emit]);
  code.u16(at + layout.QUERY_KEY_COUNT, query.key.length);
  code.u16(at + layout.QUERY_ACCUMULATOR_COUNT, accumulators.length);
  code.u16(at + layout.QUERY_VALUE_COUNT, count);
  code.u32(at + layout.QUERY_WHERE, where);
  code.u32(at + layout.QUERY_KEYS, keys);
  code.u32(at + layout.QUERY_ACCUMULATORS, table);
  code.u32(at + layout.QUERY_VALUES, outputs);
  code.u32(at + layout.QUERY_WINDOW_BYTES, windowBytes);
  code.u32(at + layout.QUERY_BODY, headBytes(query));
  code.u32(at + layout.QUERY_VALUE_BYTES, valueBytes);
  code.u32(at + layout.QUERY_FIELDS, list);
}

const EMITS = { all: layout.EMIT_ALL, final: layout.EMIT_FINAL, none: layout.EMIT_NONE };

/** The head of a record (assembly/record.ts), longer where records stand in lanes. */
function headBytes({ window }: Query): number {
  const isInLane =
    window.kind === "hopping" || window.kind === "cumulate" || window.kind === "session";
  return isInLane ? 56 : 32;
}

function writeWindow(code: Code, query: Query, at: number): void {
  const { window } = query;
  const write = (kind: number, sizeMs: number, everyMs: number, offsetMs: number): void => {
    code.u8(at + layout.QUERY_WINDOW_KIND, kind);
    code.i64(at + layout.QUERY_SIZE, sizeMs);
    code.i64(at + layout.QUERY_EVERY, everyMs);
    code.i64(at + layout.QUERY_OFFSET, offsetMs);
  };
  switch (window.kind) {
    case "tumbling":
      write(layout.WINDOW_TUMBLING, window.sizeMs, window.sizeMs, window.offsetMs);
      break;
    case "hopping":
      write(layout.WINDOW_HOPPING, window.sizeMs, window.everyMs, window.offsetMs);
      break;
    case "cumulate":
      write(layout.WINDOW_CUMULATE, window.sizeMs, window.everyMs, window.offsetMs);
      break;
    case "session":
      write(layout.WINDOW_SESSION, window.gapMs, window.gapMs, 0);
      break;
    case "global":
      write(layout.WINDOW_GLOBAL, 0, 0, 0);
      break;
    case "calendar":
      throw new TypeError("No core for calendar windows.");
  }
  const graceMs = window.kind === "global" ? 0 : window.graceMs;
  code.i64(at + layout.QUERY_GRACE, graceMs);
  code.i64(at + layout.QUERY_RETAIN, query.retainMs);
}

// ── aggregates ─────────────────────────────────────────────────────────────────────────────────

interface Accumulator {
  readonly kind: number;
  readonly of: Expression | null;
  readonly where: Expression | null;
  readonly offset: number;
}

interface Reader {
  readonly accumulate: number;
  readonly bytes: number;
  readonly read: number;
}

const SUM = { accumulate: layout.ACCUMULATE_SUM, bytes: layout.SUM_BYTES };
const READERS: { readonly [fn in Aggregate["fn"]]?: Reader } = {
  count: {
    accumulate: layout.ACCUMULATE_COUNT,
    bytes: layout.COUNT_BYTES,
    read: layout.READ_COUNT,
  },
  sum: { ...SUM, read: layout.READ_SUM },
  avg: { ...SUM, read: layout.READ_AVG },
  min: { accumulate: layout.ACCUMULATE_MIN, bytes: layout.EXTREME_BYTES, read: layout.READ_MIN },
  max: { accumulate: layout.ACCUMULATE_MAX, bytes: layout.EXTREME_BYTES, read: layout.READ_MAX },
};

function readerOf(aggregate: Aggregate): Reader {
  const reader = READERS[aggregate.fn];
  if (reader === undefined) throw new TypeError(`No core for the function ${aggregate.fn}.`);
  return reader;
}

function indexOfAccumulator(accumulators: readonly Accumulator[], aggregate: Aggregate): number {
  const { accumulate } = readerOf(aggregate);
  const input = JSON.stringify([aggregate.of, aggregate.where]);
  return accumulators.findIndex(
    ({ kind, of, where }) => kind === accumulate && JSON.stringify([of, where]) === input,
  );
}

/** One accumulator for all that accumulate alike, and the bytes that they take. */
function accumulatorsOf(query: Query): { accumulators: readonly Accumulator[]; bytes: number } {
  const accumulators: Accumulator[] = [];
  let bytes = 0;
  for (const aggregate of query.aggregates) {
    if (indexOfAccumulator(accumulators, aggregate) >= 0) continue;
    const reader = readerOf(aggregate);
    const { of, where } = aggregate;
    const offset = headBytes(query) + bytes;
    accumulators.push({ kind: reader.accumulate, of, where, offset });
    bytes += reader.bytes;
  }
  return { accumulators, bytes };
}

function compileOutputs(code: Code, query: Query, accumulators: readonly Accumulator[]): number {
  const count = query.aggregates.length + query.derive.length;
  const table = code.reserve(count * layout.OUTPUT_BYTES);
  const names = query.aggregates.map(({ name }) => name);
  query.aggregates.forEach((aggregate, index) => {
    const entry = table + index * layout.OUTPUT_BYTES;
    code.u8(entry + layout.OUTPUT_FN, readerOf(aggregate).read);
    const accumulator = indexOfAccumulator(accumulators, aggregate);
    code.u16(entry + layout.OUTPUT_ACCUMULATOR, accumulator);
  });
  query.derive.forEach(({ of }, index) => {
    const entry = table + (names.length + index) * layout.OUTPUT_BYTES;
    code.u8(entry + layout.OUTPUT_FN, layout.READ_DERIVED);
    const expression = code.expression(of, ([name]) => names.indexOf(name ?? ""));
    code.u32(entry + layout.OUTPUT_EXPRESSION, expression);
  });
  return table;
}
