// The layout that both compilers read: records whose members follow one another without overlap or
// gap beyond their alignment, a memory map whose parts keep apart, and numbers that tell things apart.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as layout from "../../assembly/layout.ts";

const numbers: { readonly [name: string]: number } = layout;
const source = readFileSync(new URL("../../assembly/layout.ts", import.meta.url), "utf8");

interface Constant {
  readonly name: string;
  readonly value: number;
  /** Bytes that the comment on its line says, where it says so. */
  readonly bytes: number | null;
}

const WIDTHS: { readonly [type: string]: number } = {
  u8: 1,
  u16: 2,
  u32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
};

/** `u64 × 2` is 16 bytes; what stands without a type is told by its neighbours. */
function bytesOf(comment: string): number | null {
  const match = /\b(u8|u16|u32|i64|u64|f64)\b(?: × (\d+))?/.exec(comment);
  if (match === null) return null;
  if (comment.includes("u32 offset, u32 length")) return 8;
  return WIDTHS[match[1]!]! * Number(match[2] ?? 1);
}

const constants: readonly Constant[] = source.split("\n").flatMap((line) => {
  const match = /^export const ([A-Z0-9_]+) = (-?(?:0x)?[0-9a-f]+);(.*)$/.exec(line);
  if (match === null) return [];
  return [{ name: match[1]!, value: Number(match[2]), bytes: bytesOf(match[3]!) }];
});

const membersOf = (prefix: string, skip: readonly string[] = []): Constant[] =>
  constants.filter(({ name }) => name.startsWith(`${prefix}_`) && !skip.includes(name));

test("every line that exports says a whole number, and nothing else", () => {
  const exported = source.split("\n").filter((line) => line.startsWith("export"));
  expect(exported).toHaveLength(constants.length);
  expect(constants.map(({ name }) => name).toSorted()).toEqual(Object.keys(numbers).toSorted());
  for (const { name, value } of constants) {
    expect([name, value]).toEqual([name, numbers[name]]);
    expect([name, Number.isSafeInteger(value)]).toEqual([name, true]);
  }
});

/** Records, with the size that ends them, and what of their prefix is no offset in them. */
const RECORDS: readonly (readonly [prefix: string, size: string, ...skip: string[]])[] = [
  ["SLOT", "SLOT_BYTES"],
  ["VALUE", "VALUE_BYTES"],
  ["SCRATCH", "SCRATCH_HEADER_BYTES"],
  ["PROGRAM", "PROGRAM_HEADER_BYTES", "PROGRAM_BYTES_MAX", "PROGRAM_MAGIC"],
  ["QUERY", "QUERY_BYTES"],
  ["ACCUMULATOR", "ACCUMULATOR_BYTES"],
  ["OUTPUT", "OUTPUT_BYTES"],
  ["LATE", "LATE_BYTES", "LATE_LISTED_MAX"],
  ["STATS", "STATS_BYTES"],
  ["ENGINE", "ENGINE_BYTES"],
  [
    "CHANGE",
    "CHANGE_HEADER_BYTES",
    "CHANGE_UPDATE",
    "CHANGE_IS_FINAL",
    "CHANGE_RETRACT",
    "CHANGE_CORRECTION",
    "CHANGE_ROW",
    "CHANGE_APPLIED",
    "CHANGE_LATE",
    "CHANGE_GONE",
  ],
  ["TRACE", "TRACE_BYTES"],
];

describe.each(RECORDS)("the record %s", (prefix, size, ...skip) => {
  const members = membersOf(prefix, [...skip, size]);

  test("lists its members in the order of their offsets, each once", () => {
    const offsets = members.map(({ value }) => value);
    expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => a - b));
    expect(members.length).toBeGreaterThan(1);
  });

  test("lets no member reach into the next, nor leaves more room than alignment asks for", () => {
    const ends = [...members.slice(1).map(({ value }) => value), numbers[size]!];
    for (const [index, { name, value, bytes }] of members.entries()) {
      const room = ends[index]! - value;
      if (bytes === null) continue;
      expect([name, value % Math.min(bytes, 8)]).toEqual([name, 0]);
      expect([name, room >= bytes]).toEqual([name, true]);
      const isLast = index === members.length - 1;
      if (!isLast) expect([name, room - bytes < 8]).toEqual([name, true]);
    }
  });

  test("is as large as its alignment asks for", () => {
    const last = members.at(-1)!;
    expect(numbers[size]).toBeGreaterThan(last.value);
    if (members.some(({ bytes }) => bytes === 8)) expect(numbers[size]! % 8).toBe(0);
  });
});

test("an envelope's row holds its members' places, then the id and the source", () => {
  expect(layout.ENVELOPE_EVENT_ID).toBe(layout.ENVELOPE_MEMBERS * 8);
  expect(layout.ENVELOPE_SOURCE).toBe(layout.ENVELOPE_EVENT_ID + 8);
  expect(layout.ENVELOPE_BYTES).toBe(layout.ENVELOPE_SOURCE + 8);
});

test("what is told apart by a number has a number of its own", () => {
  for (const prefix of [
    "KIND",
    "VERDICT",
    "FAULT",
    "TAG",
    "WINDOW",
    "EMIT",
    "ACCUMULATE",
    "READ",
    "OP",
  ]) {
    const values = membersOf(prefix).map(({ value }) => value);
    expect([prefix, values]).toEqual([prefix, [...new Set(values)]]);
    expect([prefix, Math.max(...values) < 256]).toEqual([prefix, true]);
  }
  const kinds = [
    layout.CHANGE_UPDATE,
    layout.CHANGE_IS_FINAL,
    layout.CHANGE_RETRACT,
    layout.CHANGE_CORRECTION,
    layout.CHANGE_ROW,
    layout.CHANGE_APPLIED,
    layout.CHANGE_LATE,
    layout.CHANGE_GONE,
  ];
  expect(new Set(kinds).size).toBe(kinds.length);
});

test("the core's machine relies on this order of opcodes", () => {
  const loads = [
    layout.OP_NULL,
    layout.OP_FALSE,
    layout.OP_TRUE,
    layout.OP_NUMBER,
    layout.OP_STRING,
  ];
  for (const op of loads) expect(op).toBeLessThan(layout.OP_FIELD);
  for (const op of [layout.OP_EQ, layout.OP_NE, layout.OP_LT, layout.OP_LE, layout.OP_GT]) {
    expect(op).toBeLessThan(layout.OP_GE);
    expect(op).toBeGreaterThan(layout.OP_HAS);
  }
});

test("the parts of the memory keep apart, on whole pages", () => {
  expect(layout.PROGRAM % layout.PAGE_BYTES).toBe(0);
  expect(layout.STATE % layout.PAGE_BYTES).toBe(0);
  expect(layout.SCAN).toBe(layout.PROGRAM + layout.PROGRAM_BYTES_MAX);
  expect(layout.STATE).toBeGreaterThan(layout.SCAN);
  expect(layout.PROGRAM_HEADER_BYTES).toBeLessThan(layout.PROGRAM_BYTES_MAX);
});

// ── the module ─────────────────────────────────────────────────────────────────────────────────

/** Reads a module's numbers (LEB128). */
class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.#bytes[this.at++]!;
  }

  /** Signed ones have their sign in bit 6 of the last byte. */
  leb(isSigned: boolean): number {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      result += (byte & 0x7f) * 2 ** shift;
      if (byte & 0x80) continue;
      return isSigned && byte & 0x40 ? result - 2 ** (shift + 7) : result;
    }
  }
}

const SECTION_GLOBAL = 6;
const SECTION_DATA = 11;

function sectionOf(bytes: Uint8Array, wanted: number): Reader | null {
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const size = reader.leb(false);
    if (id === wanted) return new Reader(bytes, reader.at);
    reader.at += size;
  }
  return null;
}

/** Where each active segment of static data ends. */
function dataEnds(bytes: Uint8Array): number[] {
  const reader = sectionOf(bytes, SECTION_DATA);
  if (reader === null) return [];
  return Array.from({ length: reader.leb(false) }, () => {
    expect(reader.leb(false)).toBe(0);
    expect(reader.byte()).toBe(0x41);
    const offset = reader.leb(true);
    expect(reader.byte()).toBe(0x0b);
    const size = reader.leb(false);
    reader.at += size;
    return offset + size;
  });
}

/** The initial values of the globals that are an i32 constant. */
function i32Globals(bytes: Uint8Array): number[] {
  const reader = sectionOf(bytes, SECTION_GLOBAL);
  const values: number[] = [];
  if (reader === null) return values;
  for (let count = reader.leb(false); count > 0; count--) {
    reader.byte();
    reader.byte();
    const op = reader.byte();
    if (op === 0x41) values.push(reader.leb(true));
    else if (op === 0x42) reader.leb(true);
    else if (op === 0xfd) reader.at += 17;
    else reader.at += op === 0x43 ? 4 : op === 0x44 ? 8 : 0;
    expect(reader.byte()).toBe(0x0b);
  }
  return values;
}

describe.each(["core.wasm", "core.debug.wasm"])("the module %s", (name) => {
  const bytes = new Uint8Array(readFileSync(new URL(`../../dist/core/${name}`, import.meta.url)));

  test("has its static data below the program", () => {
    for (const end of dataEnds(bytes)) expect(end).toBeLessThanOrEqual(layout.PROGRAM);
    // Buffers without initial bytes lie between the data and the heap's base, which is a global;
    // the debug build has the constants of the layout as globals too.
    const known = new Set(constants.map(({ value }) => value));
    const addresses = i32Globals(bytes).filter((value) => value < layout.SCAN && !known.has(value));
    for (const address of addresses) expect(address).toBeLessThanOrEqual(layout.PROGRAM);
  });

  test("imports a memory, what only the host can do with numbers, and nothing else", () => {
    const module = new WebAssembly.Module(bytes);
    const imports = WebAssembly.Module.imports(module).map(({ kind, name }) => `${kind} ${name}`);
    expect(imports.toSorted()).toEqual([
      "function formatNumber",
      "function parseNumber",
      "function remainder",
      "memory memory",
    ]);
    const kinds = new Set(WebAssembly.Module.exports(module).map(({ kind }) => kind));
    expect([...kinds]).toEqual(["function"]);
  });
});
