// Compiles a checked plan into the program that the core runs: tables of numbers and expression
// code at offsets that assembly/layout.ts names. What two aggregates accumulate alike they share,
// so `sum` and `avg` of one field cost one addition.

import * as layout from "../../assembly/layout.ts";
import { Code } from "./code.ts";
import { compileMembers, compileTypes } from "./field.ts";
import { Columns, Frame, Numbering, type Path } from "./frame.ts";
import type { Aggregate, Expression, Named, Plan, Query, Table } from "./plan.ts";
import { Router } from "./route.ts";
import type { Schemas } from "./schema.ts";
import { EMITS, FUNCTIONS } from "./vocabulary.ts";

export interface Program {
  /** For PROGRAM in the core's memory. */
  readonly bytes: Uint8Array;
  /** What is taken of an event: what tables and queries read, then what else schemas check. */
  readonly fields: readonly Path[];
  readonly schemas: Schemas | null;
  readonly router: Router;
  /** IANA names of the time zones of calendar windows; the core knows them by their index. */
  readonly zones: readonly string[];
}

/** A plan's program, whose events are checked by `schemas`, if any; `hashKey` is 16 bytes. */
export function compile(plan: Plan, hashKey: Uint8Array, schemas: Schemas | null = null): Program {
  const fields = new Numbering();
  const zones = zonesOf(plan);
  const takers = takersOf(plan);
  const router = new Router(takers);
  const code = new Code(layout.PROGRAM_HEADER_BYTES);
  const queries = code.reserve(plan.queries.length * layout.QUERY_BYTES);
  const tables = code.reserve(plan.tables.length * layout.TABLE_BYTES);
  const columns = plan.tables.map(() => new Columns(fields));
  plan.queries.forEach((query, index) => {
    const frame = new Frame(plan, query, fields, columns);
    compileQuery(code, frame, zones, query, queries + index * layout.QUERY_BYTES);
  });
  plan.tables.forEach((table, index) => {
    compileTable(code, fields, columns[index]!, table, tables + index * layout.TABLE_BYTES);
  });
  const routes = compileRoutes(code, router, takers);
  code.u32(0, layout.PROGRAM_MAGIC);
  code.u32(layout.PROGRAM_QUERIES, plan.queries.length);
  code.u32(layout.PROGRAM_QUERY_TABLE, queries);
  code.u32(layout.PROGRAM_TABLES, plan.tables.length);
  code.u32(layout.PROGRAM_TABLE_TABLE, tables);
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
  const checks = schemas?.compile(code, (path) => fields.numberOf(path));
  code.u32(layout.PROGRAM_ROW_BYTES, fields.paths.length * layout.VALUE_BYTES);
  code.u32(layout.PROGRAM_TYPES, compileTypes(code, router, checks));
  compileMembers(code, fields.paths);
  code.u32(layout.PROGRAM_TOTAL, code.length);
  return { bytes: code.bytes(), fields: fields.paths, schemas, router, zones };
}

function zonesOf(plan: Plan): readonly string[] {
  const names = plan.queries.flatMap(({ window }) => {
    return window.kind === "calendar" ? [window.timezone] : [];
  });
  return [...new Set(names)];
}

/** What takes events of some types, in the order in which they take one. */
interface Taker {
  readonly from: readonly string[];
  readonly role: number;
  readonly index: number;
}

function takersOf(plan: Plan): Taker[] {
  const takers = plan.tables.map(({ from }, index): Taker => {
    return { from, role: layout.ROLE_TABLE, index };
  });
  plan.queries.forEach((query, index) => {
    const { span, from } = query;
    if (span !== null) {
      takers.push({ from: span.from, role: layout.ROLE_FROM, index });
      takers.push({ from: span.to, role: layout.ROLE_TO, index });
    } else {
      const role = query.with.length > 0 ? layout.ROLE_LOOKUP : layout.ROLE_EVENT;
      takers.push({ from, role, index });
    }
  });
  return takers;
}

function compileRoutes(code: Code, router: Router, takers: readonly Taker[]): number {
  return code.table(router.routes, 4, (at, numbers) => {
    const list = code.counted(numbers, 4, layout.TAKER_BYTES, (entry, number) => {
      code.u16(entry + layout.TAKER_INDEX, takers[number]!.index);
      code.u16(entry + layout.TAKER_ROLE, takers[number]!.role);
    });
    code.u32(at, list);
  });
}

function compileTable(
  code: Code,
  fields: Numbering,
  columns: Columns,
  table: Table,
  at: number,
): void {
  const read = new Set(columns.fields);
  const key = code.expression(table.key, (path) => {
    const field = fields.numberOf(path);
    read.add(field);
    return field;
  });
  code.u32(at + layout.TABLE_KEY, key);
  code.u32(at + layout.TABLE_COLUMNS, code.list(columns.fields));
  code.u32(at + layout.TABLE_FIELDS, code.list([...read]));
  code.i64(at + layout.TABLE_HISTORY, table.historyMs);
}

function compileQuery(
  code: Code,
  frame: Frame,
  zones: readonly string[],
  query: Query,
  at: number,
): void {
  const fieldOf = (path: Path): number => frame.numberOf(path);
  const where = query.where === null ? 0 : code.expression(query.where, fieldOf);
  const keys = code.table(query.key, 4, (entry, { of }) => {
    code.u32(entry, code.expression(of, fieldOf));
  });
  const { accumulators, bytes } = accumulatorsOf(query);
  const table = code.table(accumulators, layout.ACCUMULATOR_BYTES, (entry, accumulator) => {
    const { of, where: condition } = accumulator;
    code.u8(entry + layout.ACCUMULATOR_KIND, accumulator.kind);
    code.u16(entry + layout.ACCUMULATOR_OFFSET, accumulator.offset);
    code.u32(entry + layout.ACCUMULATOR_OF, of === null ? 0 : code.expression(of, fieldOf));
    const test = condition === null ? 0 : code.expression(condition, fieldOf);
    code.u32(entry + layout.ACCUMULATOR_WHERE, test);
    const { bounds } = accumulator;
    if (bounds !== undefined) code.u32(entry + layout.ACCUMULATOR_BOUNDS, code.numbers(bounds));
  });
  const outputs = compileOutputs(code, query, accumulators);
  const count = query.aggregates.length + query.derive.length;
  const { valueBytes, texts } = valueBounds(query, code.literalBytesMax);
  // A value that is small for certain gets its place; a larger one replaces its accumulators
  // where it fits, else it has a block of its own (assembly/final.ts).
  const place = texts === 0 && valueBytes <= PLACE_BYTES_MAX ? valueBytes : 0;
  const windowBytes = headBytes(query) + Math.max(bytes, place, BLOCK_ADDRESS_BYTES);
  writeWindow(code, zones, query, at);
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
  code.u32(at + layout.QUERY_TEXTS, texts);
  writeSpan(code, frame, query, at);
  frame.write(code, at);
}

function writeSpan(code: Code, frame: Frame, { span, waitMs }: Query, at: number): void {
  code.i64(at + layout.QUERY_WAIT, span?.waitMs ?? waitMs);
  if (span === null) return;
  code.i64(at + layout.QUERY_WITHIN, span.withinMs);
  code.i64(at + layout.QUERY_EARLY, span.earlyMs);
  const on = code.expression(span.on, (path) => frame.fieldOf(path));
  code.u32(at + layout.QUERY_ON_FROM, on);
}

/** The head of a record (assembly/record.ts), longer where records stand in lanes. */
function headBytes({ window }: Query): number {
  const isInLane =
    window.kind === "hopping" || window.kind === "cumulate" || window.kind === "session";
  return isInLane ? 56 : 32;
}

const UNITS = {
  d: layout.UNIT_DAY,
  w: layout.UNIT_WEEK,
  mo: layout.UNIT_MONTH,
  y: layout.UNIT_YEAR,
};

const WINDOWS: { readonly [kind in Query["window"]["kind"]]: number } = {
  tumbling: layout.WINDOW_TUMBLING,
  calendar: layout.WINDOW_CALENDAR,
  hopping: layout.WINDOW_HOPPING,
  cumulate: layout.WINDOW_CUMULATE,
  session: layout.WINDOW_SESSION,
  global: layout.WINDOW_GLOBAL,
};

/** What windows have of times; a session has its gap for a size. */
interface Times {
  readonly kind: string;
  readonly gapMs?: number;
  readonly sizeMs?: number;
  readonly everyMs?: number;
  readonly offsetMs?: number;
  readonly graceMs?: number;
}

function writeWindow(code: Code, zones: readonly string[], query: Query, at: number): void {
  const { window } = query;
  const { gapMs = 0, sizeMs = gapMs, everyMs = sizeMs, offsetMs = 0, graceMs = 0 }: Times = window;
  code.u8(at + layout.QUERY_WINDOW_KIND, WINDOWS[window.kind]);
  code.i64(at + layout.QUERY_SIZE, sizeMs);
  code.i64(at + layout.QUERY_EVERY, everyMs);
  code.i64(at + layout.QUERY_OFFSET, offsetMs);
  code.i64(at + layout.QUERY_GRACE, graceMs);
  if (window.kind === "calendar") {
    code.u32(at + layout.QUERY_ZONE, zones.indexOf(window.timezone));
    code.u32(at + layout.QUERY_UNIT, UNITS[window.unit]);
  }
  code.i64(at + layout.QUERY_RETAIN, query.retainMs);
}

/** Larger values than this get no place in every record for the sake of the final one. */
const PLACE_BYTES_MAX = 512;
const BLOCK_ADDRESS_BYTES = 4;

/**
 * The most that an encoded value takes but for its strings and the entries of its tops, and how
 * many outputs can have those. What is derived can be whatever an aggregate is.
 */
function valueBounds(query: Query, literalBytes: number): { valueBytes: number; texts: number } {
  let texts = 0;
  let sum = 0;
  let most = 9 + literalBytes;
  for (const { fn, q, bounds } of query.aggregates) {
    if (fn === "first" || fn === "last" || fn === "top") texts++;
    const items = fn === "histogram" ? bounds!.length + 1 : Array.isArray(q) ? q.length : null;
    const bytes = items === null ? 9 : 5 + items * 9;
    sum += bytes;
    most = Math.max(most, bytes);
  }
  const derived = query.derive.length;
  return { valueBytes: sum + derived * most, texts: texts === 0 ? 0 : texts + derived };
}

// ── aggregates ─────────────────────────────────────────────────────────────────────────────────

interface Accumulator {
  readonly kind: number;
  readonly of: Expression | null;
  readonly where: Expression | null;
  /** Of a histogram. */
  readonly bounds: readonly number[] | undefined;
  readonly offset: number;
  /** The same for all that accumulate alike. */
  readonly text: string;
}

function textOf({ fn, of, where, bounds }: Aggregate): string {
  return JSON.stringify([FUNCTIONS[fn].accumulate, of, where, bounds]);
}

function indexOfText(accumulators: readonly Accumulator[], text: string): number {
  return accumulators.findIndex((each) => each.text === text);
}

/** One accumulator for all that accumulate alike, and the bytes that they take. */
function accumulatorsOf(query: Query): { accumulators: readonly Accumulator[]; bytes: number } {
  const accumulators: Accumulator[] = [];
  let bytes = 0;
  for (const aggregate of query.aggregates) {
    const text = textOf(aggregate);
    if (indexOfText(accumulators, text) >= 0) continue;
    const reader = FUNCTIONS[aggregate.fn];
    const { of, where, bounds } = aggregate;
    const offset = headBytes(query) + bytes;
    accumulators.push({ kind: reader.accumulate, of, where, bounds, offset, text });
    bytes += reader.bytes;
  }
  return { accumulators, bytes };
}

function compileOutputs(code: Code, query: Query, accumulators: readonly Accumulator[]): number {
  const names = query.aggregates.map(({ name }) => name);
  const outputs: readonly (Aggregate | Named)[] = [...query.aggregates, ...query.derive];
  return code.table(outputs, layout.OUTPUT_BYTES, (entry, output) => {
    if (!("fn" in output)) {
      code.u8(entry + layout.OUTPUT_FN, layout.READ_DERIVED);
      const expression = code.expression(output.of, ([name]) => names.indexOf(name ?? ""));
      return code.u32(entry + layout.OUTPUT_OPERAND, expression);
    }
    const { fn, q, k } = output;
    const isList = Array.isArray(q);
    code.u8(entry + layout.OUTPUT_FN, isList ? layout.READ_QUANTILES : FUNCTIONS[fn].read);
    const accumulator = indexOfText(accumulators, textOf(output));
    code.u16(entry + layout.OUTPUT_ACCUMULATOR, accumulator);
    if (k !== undefined) code.u32(entry + layout.OUTPUT_OPERAND, k);
    const ranks = q === undefined ? null : code.numbers(isList ? q : [q]);
    if (ranks !== null) code.u32(entry + layout.OUTPUT_OPERAND, ranks);
  });
}
