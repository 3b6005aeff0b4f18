// One JSON array as a stream of lines: its elements. The bytes come in chunks cut anywhere, so the
// grammar is a pushdown automaton that takes one byte at a time and keeps one bit for each open
// object or array. It is the whole of JSON's grammar, at any depth: an array that this scanner
// ends is one that parses. It does not judge depth, size, keys, numbers or UTF-8; those are faults
// of an element, found when the element is decoded.
//
//   BEFORE ─ [ ─► FIRST_ITEM ─ value ─► AFTER ─ , ─► VALUE …     AFTER ─ ] ─► DONE
//                                         within an object: FIRST_KEY ─► COLON ─► VALUE ─► AFTER
//
// A newline inside an element can only be white space; it comes out as a space, so that an element
// is one line.

import { LINE_BYTES_MAX } from "../event/envelope.ts";
import { joinLines } from "../ingest/array.ts";

const BEFORE = 0;
const FIRST_ITEM = 1;
const VALUE = 2;
const FIRST_KEY = 3;
const KEY = 4;
const COLON = 5;
const AFTER = 6;
const DONE = 7;
const BROKEN = 8;
const STRING = 9;
const ESCAPE = 10;
const HEX = 11;
const WORD = 12;
const MINUS = 13;
const ZERO = 14;
const INTEGER = 15;
const POINT = 16;
const FRACTION = 17;
const EXPONENT = 18;
const SIGN = 19;
const POWER = 20;

/** What may follow the first letter of a word. */
const WORD_RESTS: { readonly [byte: number]: string } = { 0x74: "rue", 0x66: "alse", 0x6e: "ull" };

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number): boolean {
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

/** The state that a byte leads to within a number, or -1 where the number cannot go on. */
function numberNext(state: number, byte: number): number {
  const digit = isDigit(byte);
  const exponent = (byte | 0x20) === 0x65;
  switch (state) {
    case MINUS:
      return digit ? (byte === 0x30 ? ZERO : INTEGER) : -1;
    case ZERO:
      return byte === 0x2e ? POINT : exponent ? EXPONENT : -1;
    case INTEGER:
      return digit ? INTEGER : byte === 0x2e ? POINT : exponent ? EXPONENT : -1;
    case POINT:
      return digit ? FRACTION : -1;
    case FRACTION:
      return digit ? FRACTION : exponent ? EXPONENT : -1;
    case EXPONENT:
      return digit ? POWER : byte === 0x2b || byte === 0x2d ? SIGN : -1;
    default:
      return digit ? POWER : -1;
  }
}

/** What may stand right after a number. */
function isBoundary(byte: number): boolean {
  return byte === 0x2c || byte === 0x5d || byte === 0x7d || isBlank(byte);
}

function endsNumber(state: number): boolean {
  return state === ZERO || state === INTEGER || state === FRACTION || state === POWER;
}

/** Where the plain characters of a string end. */
function plainEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === 0x22 || byte === 0x5c || byte < 0x20) break;
    at++;
  }
  return at;
}

/** The automaton. `edges` collects where elements start and end, in turn. */
class ArrayScanner {
  state = BEFORE;
  private depth = 0;
  /** One bit for each open container: set for an object. */
  private kinds = new Uint8Array(8);
  private isKey = false;
  private word = "";
  /** How much of the word, or of four hex digits, has come. */
  private taken = 0;

  scan(bytes: Uint8Array, edges: number[]): void {
    const end = bytes.length;
    for (let at = 0; at < end; at++) {
      if (this.state === STRING) {
        at = plainEnd(bytes, at);
        if (at === end) return;
      }
      const byte = bytes[at]!;
      if (this.state === STRING) this.inString(byte, at, edges);
      else if (this.state < STRING) this.structure(byte, at, edges);
      else this.scalar(byte, at, edges);
      if (this.state === BROKEN) return;
    }
  }

  private inString(byte: number, at: number, edges: number[]): void {
    if (byte === 0x5c) this.state = ESCAPE;
    else if (byte < 0x20) this.state = BROKEN;
    else if (this.isKey) this.state = COLON;
    else this.endValue(at + 1, edges);
  }

  private scalar(byte: number, at: number, edges: number[]): void {
    if (this.state === ESCAPE) {
      this.taken = 0;
      if (byte === 0x75) this.state = HEX;
      else this.state = '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? STRING : BROKEN;
    } else if (this.state === HEX) {
      if (!isHex(byte)) this.state = BROKEN;
      else if (++this.taken === 4) this.state = STRING;
    } else if (this.state === WORD) {
      if (byte !== this.word.charCodeAt(this.taken)) this.state = BROKEN;
      else if (++this.taken === this.word.length) this.endValue(at + 1, edges);
    } else {
      const next = numberNext(this.state, byte);
      if (next >= 0) this.state = next;
      else if (!endsNumber(this.state) || !isBoundary(byte)) this.state = BROKEN;
      else {
        this.endValue(at, edges);
        this.structure(byte, at, edges);
      }
    }
  }

  private structure(byte: number, at: number, edges: number[]): void {
    if (isBlank(byte)) return;
    switch (this.state) {
      case BEFORE:
        if (byte === 0x5b) this.openContainer(byte);
        else this.state = BROKEN;
        return;
      case FIRST_ITEM:
        if (byte === 0x5d) this.closeContainer(byte, at, edges);
        else this.beginValue(byte, at, edges);
        return;
      case VALUE:
        this.beginValue(byte, at, edges);
        return;
      case FIRST_KEY:
      case KEY:
        if (byte === 0x7d && this.state === FIRST_KEY) this.closeContainer(byte, at, edges);
        else this.state = byte === 0x22 ? STRING : BROKEN;
        this.isKey = true;
        return;
      case COLON:
        this.state = byte === 0x3a ? VALUE : BROKEN;
        return;
      case AFTER:
        if (byte !== 0x2c) this.closeContainer(byte, at, edges);
        else this.state = this.isInObject() ? KEY : VALUE;
        return;
      default:
        this.state = BROKEN;
    }
  }

  private beginValue(byte: number, at: number, edges: number[]): void {
    if (this.depth === 1) edges.push(at);
    const word = WORD_RESTS[byte];
    if (byte === 0x7b || byte === 0x5b) this.openContainer(byte);
    else if (byte === 0x22) {
      this.state = STRING;
      this.isKey = false;
    } else if (word !== undefined) {
      this.state = WORD;
      this.word = word;
      this.taken = 0;
    } else if (byte === 0x2d) this.state = MINUS;
    else this.state = isDigit(byte) ? (byte === 0x30 ? ZERO : INTEGER) : BROKEN;
  }

  private endValue(end: number, edges: number[]): void {
    if (this.depth === 1) edges.push(end);
    this.state = AFTER;
  }

  private isInObject(): boolean {
    const top = this.depth - 1;
    return ((this.kinds[top >> 3] ?? 0) & (1 << (top & 7))) !== 0;
  }

  private openContainer(byte: number): void {
    const index = this.depth++;
    if (index >> 3 === this.kinds.length) {
      const wider = new Uint8Array(this.kinds.length * 2);
      wider.set(this.kinds);
      this.kinds = wider;
    }
    const bit = 1 << (index & 7);
    const others = (this.kinds[index >> 3] ?? 0) & ~bit;
    this.kinds[index >> 3] = byte === 0x7b ? others | bit : others;
    this.state = byte === 0x7b ? FIRST_KEY : FIRST_ITEM;
  }

  private closeContainer(byte: number, at: number, edges: number[]): void {
    if (byte !== (this.isInObject() ? 0x7d : 0x5d)) {
      this.state = BROKEN;
      return;
    }
    this.depth--;
    if (this.depth === 0) this.state = DONE;
    else this.endValue(at + 1, edges);
  }
}

/** An array that is read as it streams. What came before it broke stands. */
export class ArrayReader {
  private readonly scanner = new ArrayScanner();
  private isInside = false;
  /** The part of an element that came in earlier chunks. */
  private part = new Uint8Array(1024);
  private partBytes = 0;

  /** The array does not parse, or something follows its end: one `invalid_json`. */
  get broken(): boolean {
    return this.scanner.state === BROKEN;
  }

  /** The elements that this chunk completes, each a copy and one line. */
  feed(chunk: Uint8Array): Uint8Array[] {
    const elements: Uint8Array[] = [];
    if (this.broken) return elements;
    const edges: number[] = [];
    this.scanner.scan(chunk, edges);
    let from = 0;
    for (const edge of edges) {
      if (this.isInside) {
        this.keep(chunk.subarray(from, edge));
        elements.push(this.take());
      }
      this.isInside = !this.isInside;
      from = edge;
    }
    if (this.isInside) this.keep(chunk.subarray(from));
    return elements;
  }

  /** The input ended: whether it was one whole array. */
  end(): boolean {
    if (this.scanner.state !== DONE) this.scanner.state = BROKEN;
    return !this.broken;
  }

  /** Adds to the part; of an element that is too large, one byte more than allowed is kept. */
  private keep(bytes: Uint8Array): void {
    const fitting = bytes.subarray(0, LINE_BYTES_MAX + 1 - this.partBytes);
    const length = this.partBytes + fitting.length;
    if (length > this.part.length) {
      const wider = new Uint8Array(Math.max(length, this.part.length * 2));
      wider.set(this.part.subarray(0, this.partBytes));
      this.part = wider;
    }
    this.part.set(fitting, this.partBytes);
    this.partBytes = length;
  }

  private take(): Uint8Array {
    const element = this.part.slice(0, this.partBytes);
    this.partBytes = 0;
    joinLines(element);
    return element;
  }
}
