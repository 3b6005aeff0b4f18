// A strict JSON reader over the bytes of one line, in one pass. It builds the tree (null-prototype
// objects), remembers where the members of the outermost object stand, and notes the first place
// of each fault that leaves the grammar intact, so that the caller can name the gravest.
//
// The whole line is decoded to text once; strings are slices of that text. `shift` is by how much
// the byte offset is ahead of the text offset, and grows with each character beyond ASCII. Bytes
// that are not UTF-8 make what it says void, and do no other harm.
//
// It does not know the envelope, and it neither throws nor recurses beyond DEPTH_MAX.

import { DEPTH_MAX, KEYS_MAX } from "../event/envelope.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import { EVENT_CODES, pointerTo } from "../event/fault.ts";
import type { EventCode } from "../event/fault.ts";
import { decodeUtf8 } from "./utf8.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Up to so many digits a number is exact as an integer, and so are these powers of ten. */
const EXACT_DIGITS = 15;
const POWERS_OF_TEN = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
] as const;

/** The characters that a backslash can stand before, and what they mean. */
const ESCAPES: { readonly [byte: number]: string } = {
  [QUOTE]: '"',
  [BACKSLASH]: "\\",
  0x2f: "/",
  0x62: "\b",
  0x66: "\f",
  0x6e: "\n",
  0x72: "\r",
  0x74: "\t",
};

/** A fault, and where in the line it is; the smallest offset of each code is kept. */
export interface JsonMark {
  readonly code: EventCode;
  readonly pointer: string;
  readonly offset: number;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

export class JsonReader {
  /** The outermost object's members as they come: names, values, and (start, end) of these. */
  readonly rootNames: string[] = [];
  readonly rootValues: Json[] = [];
  readonly rootSpans: number[] = [];
  /** No byte beyond ASCII was read. Else the caller asks `isUtf8` before it trusts anything. */
  isAscii = true;

  private readonly line: Uint8Array;
  private readonly end: number;
  private readonly text: string;
  private at = 0;
  private shift = 0;
  /** The path to the value being read is `path[1..pathLength]`. */
  private readonly path: (string | number)[] = [""];
  private pathLength = 0;
  private marks: JsonMark[] | null = null;

  constructor(line: Uint8Array) {
    this.line = line;
    this.end = line.length;
    this.text = decodeUtf8(line);
  }

  /** The line's one value; undefined when it is too deep or no JSON. */
  read(): Json | undefined {
    this.skipBlank();
    const value = this.value(1);
    if (value === undefined) return undefined;
    this.skipBlank();
    return this.at === this.end ? value : this.refuse("invalid_json");
  }

  /** Notes a fault at `offset`, its place being the first `pathLength` steps of the path. */
  mark(code: EventCode, offset: number, pathLength: number): void {
    const earlier = this.marks?.find((mark) => mark.code === code);
    if (earlier !== undefined && earlier.offset <= offset) return;
    let pointer = "";
    for (let step = 1; step <= pathLength; step++) {
      pointer = pointerTo(pointer, this.path[step] ?? "");
    }
    this.marks = (this.marks ?? []).filter((mark) => mark.code !== code);
    this.marks.push({ code, pointer, offset });
  }

  /** The gravest fault noted: the first in the contract's order. */
  gravest(): JsonMark | null {
    if (this.marks === null) return null;
    const rank = (mark: JsonMark): number => EVENT_CODES.indexOf(mark.code);
    return this.marks.reduce((first, mark) => (rank(mark) < rank(first) ? mark : first));
  }

  /** Ends the reading: the grammar is broken here, whatever was noted before. */
  private refuse(code: "too_deep" | "invalid_json"): undefined {
    this.marks = [{ code, pointer: "", offset: this.at }];
    return undefined;
  }

  private peek(): number {
    return this.at < this.end ? this.line[this.at]! : -1;
  }

  private skipBlank(): void {
    const { line, end } = this;
    let at = this.at;
    while (at < end) {
      const byte = line[at]!;
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) break;
      at++;
    }
    this.at = at;
  }

  /** Reads the value that begins here; an object or array that does would be at `depth`. */
  private value(depth: number): Json | undefined {
    const byte = this.peek();
    if (byte === QUOTE) return this.string();
    if (byte === MINUS || isDigit(byte)) return this.number();
    if (byte === OPEN_OBJECT) return this.object(depth);
    if (byte === OPEN_ARRAY) return this.array(depth);
    if (byte === 0x74) return this.literal("true", true);
    if (byte === 0x66) return this.literal("false", false);
    if (byte === 0x6e) return this.literal("null", null);
    return this.refuse("invalid_json");
  }

  private literal(word: string, value: boolean | null): boolean | null | undefined {
    const from = this.at - this.shift;
    if (!this.text.startsWith(word, from)) return this.refuse("invalid_json");
    this.at += word.length;
    return value;
  }

  private object(depth: number): JsonObject | undefined {
    const open = this.at;
    if (depth > DEPTH_MAX) return this.refuse("too_deep");
    const object: JsonObject = Object.create(null);
    this.at++;
    this.skipBlank();
    if (this.peek() === CLOSE_OBJECT) {
      this.at++;
      return object;
    }
    for (let count = 1; ; count++) {
      const keyAt = this.at;
      this.pathLength = depth - 1;
      const key = this.peek() === QUOTE ? this.string() : this.refuse("invalid_json");
      if (key === undefined) return undefined;
      this.path[depth] = key;
      this.skipBlank();
      if (this.peek() !== COLON) return this.refuse("invalid_json");
      this.at++;
      this.skipBlank();
      if (count > KEYS_MAX) this.mark("too_many_keys", open, depth - 1);
      if (object[key] !== undefined) this.mark("duplicate_key", keyAt, depth);
      if (key === "__proto__") this.mark("forbidden_key", keyAt, depth);
      this.pathLength = depth;
      const from = this.at;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      object[key] = value;
      if (depth === 1) {
        this.rootNames.push(key);
        this.rootValues.push(value);
        this.rootSpans.push(from, this.at);
      }
      this.skipBlank();
      const next = this.peek();
      if (next !== COMMA && next !== CLOSE_OBJECT) return this.refuse("invalid_json");
      this.at++;
      if (next === CLOSE_OBJECT) return object;
      this.skipBlank();
    }
  }

  private array(depth: number): Json[] | undefined {
    if (depth > DEPTH_MAX) return this.refuse("too_deep");
    const items: Json[] = [];
    this.at++;
    this.skipBlank();
    if (this.peek() === CLOSE_ARRAY) {
      this.at++;
      return items;
    }
    for (;;) {
      this.path[depth] = items.length;
      this.pathLength = depth;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      this.skipBlank();
      const next = this.peek();
      if (next !== COMMA && next !== CLOSE_ARRAY) return this.refuse("invalid_json");
      this.at++;
      if (next === CLOSE_ARRAY) return items;
      this.skipBlank();
    }
  }

  /** A string without escapes is a slice of the text; the first backslash leads to `escaped`. */
  private string(): string | undefined {
    const { line, end } = this;
    const from = this.at + 1 - this.shift;
    for (let at = this.at + 1; at < end; at++) {
      const byte = line[at]!;
      if (byte === QUOTE) {
        this.at = at + 1;
        return this.text.slice(from, at - this.shift);
      }
      if (byte === BACKSLASH) {
        this.at = at;
        return this.escaped(this.text.slice(from, at - this.shift));
      }
      if (byte < 0x20) break;
      if (byte >= 0x80) this.widen(byte);
    }
    return this.refuse("invalid_json");
  }

  /** The rest of a string from its first backslash, after the part `before` it. */
  private escaped(before: string): string | undefined {
    const { line, end } = this;
    let text = before;
    let from = this.at - this.shift;
    while (this.at < end) {
      const byte = line[this.at]!;
      if (byte === QUOTE) {
        text += this.text.slice(from, this.at - this.shift);
        this.at++;
        return text;
      }
      if (byte < 0x20) break;
      if (byte === BACKSLASH) {
        text += this.text.slice(from, this.at - this.shift);
        const character = this.escape();
        if (character === undefined) break;
        text += character;
        from = this.at - this.shift;
        continue;
      }
      if (byte >= 0x80) this.widen(byte);
      this.at++;
    }
    return this.refuse("invalid_json");
  }

  /** Counts a byte of a character beyond ASCII. */
  private widen(byte: number): void {
    this.isAscii = false;
    if (byte < 0xc0) this.shift++;
    else if (byte >= 0xf0) this.shift--;
  }

  /** One escape, or two that make a pair of surrogates; undefined when it is none. */
  private escape(): string | undefined {
    const from = this.at;
    const letter = from + 1 < this.end ? this.line[from + 1]! : -1;
    if (letter !== 0x75) {
      this.at += 2;
      return ESCAPES[letter];
    }
    const unit = this.unit(from);
    if (unit < 0) return undefined;
    this.at += 6;
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const low = unit < 0xdc00 ? this.unit(this.at) : -1;
    if (low >= 0xdc00 && low <= 0xdfff) {
      this.at += 6;
      return String.fromCharCode(unit, low);
    }
    this.mark("invalid_utf8", from, this.pathLength);
    return "\ufffd";
  }

  /** The UTF-16 unit of the `\uXXXX` at `at`, or -1. */
  private unit(at: number): number {
    if (at + 6 > this.end || this.line[at] !== BACKSLASH || this.line[at + 1] !== 0x75) return -1;
    let unit = 0;
    for (let digit = at + 2; digit < at + 6; digit++) {
      const byte = this.line[digit]!;
      const lower = byte | 0x20;
      if (isDigit(byte)) unit = unit * 16 + byte - ZERO;
      else if (lower >= 0x61 && lower <= 0x66) unit = unit * 16 + lower - 0x57;
      else return -1;
    }
    return unit;
  }

  /** Short decimals are computed exactly here; all others are left to `Number`. */
  private number(): number | undefined {
    const { line, end } = this;
    const from = this.at;
    let at = line[from] === MINUS ? from + 1 : from;
    const digitsFrom = at;
    let digits = 0;
    while (at < end && isDigit(line[at]!)) digits = digits * 10 + line[at++]! - ZERO;
    let digitCount = at - digitsFrom;
    if (digitCount === 0) return this.refuse("invalid_json");
    if (digitCount > 1 && line[digitsFrom] === ZERO) return this.refuse("invalid_json");
    let fractionCount = 0;
    if (at < end && line[at] === DOT) {
      const fractionFrom = ++at;
      while (at < end && isDigit(line[at]!)) digits = digits * 10 + line[at++]! - ZERO;
      fractionCount = at - fractionFrom;
      digitCount += fractionCount;
      if (fractionCount === 0) return this.refuse("invalid_json");
    }
    this.at = at;
    if (at < end && (line[at]! | 0x20) === 0x65) return this.scientific(from);
    if (digitCount > EXACT_DIGITS) return this.inexact(from);
    const size = digits / POWERS_OF_TEN[fractionCount]!;
    return digitsFrom === from ? size : -size;
  }

  /** A number with an exponent: `at` is at its `e`. */
  private scientific(from: number): number | undefined {
    const { line, end } = this;
    let at = this.at + 1;
    if (at < end && (line[at] === MINUS || line[at] === 0x2b)) at++;
    const digitsFrom = at;
    while (at < end && isDigit(line[at]!)) at++;
    if (at === digitsFrom) return this.refuse("invalid_json");
    this.at = at;
    return this.inexact(from);
  }

  private inexact(from: number): number {
    const number = Number(this.text.slice(from - this.shift, this.at - this.shift));
    if (!Number.isFinite(number)) this.mark("number_out_of_range", from, this.pathLength);
    return number;
  }
}
