// The core's records of changes and rows (assembly/emit.ts), read where they lie in a buffer: a
// header, then the key's encoded values, then the value's (assembly/encode.ts).

import { viewOf } from "../event/bytes.ts";
import { decoder, encoder } from "../event/utf8.ts";
import * as layout from "../../assembly/layout.ts";
import type { Scalar, Told } from "./change.ts";

/** A tag, and a double. */
export const NUMBER_BYTES = 9;

// A header is read as words and doubles: that costs half of a DataView.
/** In its lowest byte the kind, in its upper half the query. */
export const KIND_WORD = layout.CHANGE_KIND / 4;
const START_WORD = layout.CHANGE_START / 4;
export const KEY_BYTES_WORD = layout.CHANGE_KEY_BYTES / 4;
/** A hash of the query and its key. */
export const KEY_TAG_WORD = layout.CHANGE_KEY_TAG / 4;
const REVISION_DOUBLE = layout.CHANGE_REVISION / 8;
const POSITION_DOUBLE = layout.CHANGE_POSITION / 8;

const HIGH = 2 ** 32;
/** The high half of what the core writes for the bounds of a window that has none. */
const NO_TIME_HIGH = -(2 ** 31);

const NO_BYTES = new Uint8Array(0);

/**
 * Stands at one record of a buffer, and reads its values one after another. A record's first word
 * says how many bytes it takes.
 */
export class RecordReader {
  bytes: Uint8Array = NO_BYTES;
  /** Where the record begins in `bytes`. */
  start = 0;
  /** Over the same. */
  view: DataView = new DataView(NO_BYTES.buffer);
  /** Over the same: a record begins at a multiple of 8, in a buffer that does too. */
  words: Int32Array = new Int32Array(NO_BYTES.buffer);
  doubles: Float64Array = new Float64Array(NO_BYTES.buffer);
  #at = 0;

  /** Reads records of `bytes` from now on. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    this.doubles = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
  }

  /** Holds the bytes no longer. */
  end(): void {
    this.begin(NO_BYTES);
  }

  /** Goes to the record that begins at a word. */
  goTo(word: number): this {
    this.start = word * 4;
    this.#at = this.keyAt;
    return this;
  }

  /** Where its key lies. */
  get keyAt(): number {
    return this.start + layout.CHANGE_HEADER_BYTES;
  }

  /** Goes on to its value, and where that lies. */
  skipKey(): number {
    return (this.#at = this.keyAt + this.keyBytes);
  }

  /** Goes past so many bytes. */
  skip(bytes: number): void {
    this.#at += bytes;
  }

  // ── the header ───────────────────────────────────────────────────────────────────────────────

  get kind(): number {
    return this.words[(this.start >> 2) + KIND_WORD]! & 255;
  }

  get isFinal(): boolean {
    return this.view.getUint8(this.start + layout.CHANGE_FINAL) !== 0;
  }

  /** Its index in the plan. */
  get query(): number {
    return this.words[(this.start >> 2) + KIND_WORD]! >>> 16;
  }

  /** ms since 1970; of a global window null, as its end. */
  get windowStart(): number | null {
    return this.#time(this.start + layout.CHANGE_START);
  }

  get windowEnd(): number | null {
    return this.#time(this.start + layout.CHANGE_END);
  }

  /** Halves, since an i64 as a BigInt is an object made and thrown away. */
  #time(at: number): number | null {
    const high = this.view.getInt32(at + 4, true);
    return high === NO_TIME_HIGH ? null : high * HIGH + this.view.getUint32(at, true);
  }

  get revision(): number {
    return this.doubles[(this.start >> 3) + REVISION_DOUBLE]!;
  }

  get position(): number {
    return this.doubles[(this.start >> 3) + POSITION_DOUBLE]!;
  }

  get keyBytes(): number {
    return this.words[(this.start >> 2) + KEY_BYTES_WORD]!;
  }

  // ── what follows it ──────────────────────────────────────────────────────────────────────────

  /** Of a trace, behind the key: the event's time and the clock that took it. */
  traceTimes(): [timeMs: number, clock: number] {
    const time = (offset: number): number => this.#time(this.#at + offset) ?? NaN;
    return [time(layout.TRACE_TIME), time(layout.TRACE_CLOCK)];
  }

  /** The next encoded value of a window. */
  told(): Told {
    const tag = this.view.getUint8(this.#at);
    // Most are.
    if (tag === layout.TAG_NUMBER) {
      this.#at += 9;
      return this.view.getFloat64(this.#at - 8, true);
    }
    if (tag !== layout.TAG_LIST && tag !== layout.TAG_TOP) return this.scalar();
    const length = this.view.getUint32(this.#at + 1, true);
    this.#at += 5;
    if (tag === layout.TAG_LIST) return Array.from({ length }, () => this.#number());
    return Array.from({ length }, () => ({ value: this.scalar(), count: this.#number() ?? 0 }));
  }

  #number(): number | null {
    const value = this.scalar();
    return typeof value === "number" ? value : null;
  }

  /** The next encoded scalar: first come the key's. */
  scalar(): Scalar {
    const tag = this.view.getUint8(this.#at++);
    if (tag === layout.TAG_NUMBER) {
      this.#at += 8;
      return this.view.getFloat64(this.#at - 8, true);
    }
    if (tag === layout.TAG_STRING) {
      const length = this.view.getUint32(this.#at, true);
      this.#at += 4 + length;
      return decoder.decode(this.bytes.subarray(this.#at - length, this.#at));
    }
    if (tag === layout.TAG_NULL || tag === layout.TAG_COMPOSITE) return null;
    return tag === layout.TAG_TRUE;
  }
}

/** Whether the records that begin at two words have the same query and window. */
export function haveSameWindow(words: Int32Array, one: number, other: number): boolean {
  const own = one + START_WORD;
  const its = other + START_WORD;
  return (
    words[own] === words[its] &&
    words[own + 1] === words[its + 1] &&
    words[own + 2] === words[its + 2] &&
    words[own + 3] === words[its + 3] &&
    words[one + KIND_WORD]! >>> 16 === words[other + KIND_WORD]! >>> 16
  );
}

/** Values as the core encodes them; null where it has no such value. */
export function encodeScalars(values: readonly Scalar[]): Uint8Array | null {
  const texts = values.map((value) => (typeof value === "string" ? encoder.encode(value) : null));
  const sizes = values.map((value, index) => {
    return texts[index] ? 5 + texts[index].length : typeof value === "number" ? 9 : 1;
  });
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [index, value] of values.entries()) {
    const text = texts[index];
    if (text) {
      bytes[at] = layout.TAG_STRING;
      view.setUint32(at + 1, text.length, true);
      bytes.set(text, at + 5);
    } else if (Number.isFinite(value)) {
      bytes[at] = layout.TAG_NUMBER;
      // One zero, as in the core.
      view.setFloat64(at + 1, Number(value) + 0, true);
    } else if (value === true || value === false) {
      bytes[at] = value ? layout.TAG_TRUE : layout.TAG_FALSE;
    } else {
      return null;
    }
    at += sizes[index]!;
  }
  return bytes;
}
