// A strict JSON reader over the text of one line, in one pass. It builds the tree (null-prototype
// objects), remembers where the members of the outermost object stand, and notes the first place
// of each fault that leaves the grammar intact, so that the caller can name the gravest.
//
// Escapes and numbers are read by the host, once it is known where they end. It does not know the
// envelope, and it neither throws nor recurses beyond DEPTH_MAX.

import { DEPTH_MAX, KEYS_MAX } from "../event/envelope.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import { EVENT_CODES, pointerTo } from "../event/fault.ts";
import type { EventCode } from "../event/fault.ts";
import { utf8Length } from "../event/utf8.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?/iy;
const ROUNDED_FROM = 2 ** 53;
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

/** The name of a path in `JsonReader.rounded`. */
export function pathName(path: readonly (string | number)[]): string {
  return JSON.stringify(path);
}

/** Whether a number that reads as 2^53 is the one integer beyond it that does, however written. */
function isRounded(text: string): boolean {
  const digits = text.replace(/e.*/i, "").replace(/[-.]/g, "");
  return digits.replace(/^0+|0+$/g, "") === "9007199254740993";
}

/** A fault, and where in the line it is; the smallest offset of each code is kept. */
export interface JsonMark {
  readonly code: EventCode;
  readonly pointer: string;
  readonly offset: number;
}

export class JsonReader {
  /** The outermost object's members as they come: names, values, and (start, end) of these. */
  readonly rootNames: string[] = [];
  readonly rootValues: Json[] = [];
  /** In bytes. */
  readonly rootSpans: number[] = [];

  /** Where the integers beyond 2^53 are that read as 2^53, by `pathName`. */
  rounded: Set<string> | null = null;

  readonly #text: string;
  readonly #isAscii: boolean;
  #at = 0;
  /** The part of the text whose bytes are counted, and how many they are. */
  #counted = 0;
  #countedBytes = 0;
  /** The path to the value being read is `path[1..pathLength]`. */
  readonly #path: (string | number)[] = [""];
  #pathLength = 0;
  #marks: JsonMark[] | null = null;

  /** The text of `bytes` bytes. */
  constructor(text: string, bytes: number) {
    this.#text = text;
    this.#isAscii = text.length === bytes;
  }

  /** The line's one value; undefined when it is too deep or no JSON. */
  read(): Json | undefined {
    this.skipBlank();
    const value = this.value(1);
    if (value === undefined) return undefined;
    this.skipBlank();
    return this.#at === this.#text.length ? value : this.refuse("invalid_json");
  }

  /** Notes a fault at `offset`, its place being the first `pathLength` steps of the path. */
  mark(code: EventCode, offset: number, pathLength: number): void {
    const earlier = this.#marks?.find((mark) => mark.code === code);
    if (earlier !== undefined && earlier.offset <= offset) return;
    let pointer = "";
    for (let step = 1; step <= pathLength; step++) {
      pointer = pointerTo(pointer, this.#path[step] ?? "");
    }
    this.#marks = (this.#marks ?? []).filter((mark) => mark.code !== code);
    this.#marks.push({ code, pointer, offset });
  }

  /** The gravest fault noted: the first in the contract's order. */
  gravest(): JsonMark | null {
    if (this.#marks === null) return null;
    const rank = (mark: JsonMark): number => EVENT_CODES.indexOf(mark.code);
    return this.#marks.reduce((first, mark) => (rank(mark) < rank(first) ? mark : first));
  }

  /** Ends the reading: the grammar is broken here, whatever was noted before. */
  private refuse(code: "too_deep" | "invalid_json"): undefined {
    this.#marks = [{ code, pointer: "", offset: this.#at }];
    return undefined;
  }

  /** NaN at the end. */
  private peek(): number {
    return this.#text.charCodeAt(this.#at);
  }

  private skipBlank(): void {
    for (; ; this.#at++) {
      const unit = this.peek();
      if (unit !== 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) return;
    }
  }

  /** Where `at` is in the bytes; it never goes back. */
  private bytesTo(at: number): number {
    if (this.#isAscii) return at;
    this.#countedBytes += utf8Length(this.#text.slice(this.#counted, at));
    this.#counted = at;
    return this.#countedBytes;
  }

  /** Reads the value that begins here; an object or array that does would be at `depth`. */
  private value(depth: number): Json | undefined {
    const unit = this.peek();
    if (unit === QUOTE) return this.string();
    if (unit === OPEN_OBJECT) return this.object(depth);
    if (unit === OPEN_ARRAY) return this.array(depth);
    // Digits and the minus, and what no value begins with.
    if (unit <= 0x39) return this.number();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.refuse("invalid_json");
  }

  private object(depth: number): JsonObject | undefined {
    const open = this.#at;
    if (depth > DEPTH_MAX) return this.refuse("too_deep");
    const object: JsonObject = Object.create(null);
    this.#at++;
    this.skipBlank();
    if (this.peek() === CLOSE_OBJECT) {
      this.#at++;
      return object;
    }
    for (let count = 1; ; count++) {
      const keyAt = this.#at;
      this.#pathLength = depth - 1;
      const key = this.peek() === QUOTE ? this.string() : this.refuse("invalid_json");
      if (key === undefined) return undefined;
      this.#path[depth] = key;
      this.skipBlank();
      if (this.peek() !== COLON) return this.refuse("invalid_json");
      this.#at++;
      this.skipBlank();
      if (count > KEYS_MAX) this.mark("too_many_keys", open, depth - 1);
      if (object[key] !== undefined) this.mark("duplicate_key", keyAt, depth);
      if (key === "__proto__") this.mark("forbidden_key", keyAt, depth);
      this.#pathLength = depth;
      const from = this.#at;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      object[key] = value;
      if (depth === 1) {
        this.rootNames.push(key);
        this.rootValues.push(value);
        this.rootSpans.push(this.bytesTo(from), this.bytesTo(this.#at));
      }
      this.skipBlank();
      const next = this.peek();
      if (next !== COMMA && next !== CLOSE_OBJECT) return this.refuse("invalid_json");
      this.#at++;
      if (next === CLOSE_OBJECT) return object;
      this.skipBlank();
    }
  }

  private array(depth: number): Json[] | undefined {
    if (depth > DEPTH_MAX) return this.refuse("too_deep");
    const items: Json[] = [];
    this.#at++;
    this.skipBlank();
    if (this.peek() === CLOSE_ARRAY) {
      this.#at++;
      return items;
    }
    for (;;) {
      this.#path[depth] = items.length;
      this.#pathLength = depth;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      this.skipBlank();
      const next = this.peek();
      if (next !== COMMA && next !== CLOSE_ARRAY) return this.refuse("invalid_json");
      this.#at++;
      if (next === CLOSE_ARRAY) return items;
      this.skipBlank();
    }
  }

  private string(): string | undefined {
    const text = this.#text;
    const from = this.#at;
    let isPlain = true;
    for (let at = from + 1; ; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) {
        this.#at = at + 1;
        return isPlain ? text.slice(from + 1, at) : this.unescaped(from);
      }
      if (!(unit >= 0x20)) return this.refuse("invalid_json");
      if (unit !== BACKSLASH) continue;
      isPlain = false;
      at++;
    }
  }

  /** The string from its quote at `from`, which has escapes. */
  private unescaped(from: number): string | undefined {
    let string: string;
    try {
      string = JSON.parse(this.#text.slice(from, this.#at));
    } catch {
      return this.refuse("invalid_json");
    }
    if (!string.isWellFormed()) this.mark("invalid_utf8", from, this.#pathLength);
    return string;
  }

  private number(): number | undefined {
    const from = this.#at;
    NUMBER.lastIndex = from;
    if (!NUMBER.test(this.#text)) return this.refuse("invalid_json");
    this.#at = NUMBER.lastIndex;
    const text = this.#text.slice(from, this.#at);
    const number = Number(text);
    if (!Number.isFinite(number)) this.mark("number_out_of_range", from, this.#pathLength);
    if (Math.abs(number) === ROUNDED_FROM && isRounded(text)) {
      this.rounded ??= new Set();
      this.rounded.add(pathName(this.#path.slice(1, this.#pathLength + 1)));
    }
    return number;
  }
}
