// A recording as its lines, while it streams: those of a file, or the elements of one JSON array.
// A byte-order mark at its start is skipped. What breaks an array, or follows its end, is one line
// that is no JSON, and the last.

import { LINE_BYTES_MAX } from "../event/envelope.ts";
import { ArrayReader } from "./array-reader.ts";
import { LineReader, type Line } from "./line.ts";

/** Where a line stands, for a person. */
export interface Place {
  readonly source: string;
  /** The line of the file, or the element of the array; the first is 1. */
  readonly number: number;
  readonly isElement: boolean;
}

export interface RecordedLine {
  readonly bytes: Uint8Array;
  readonly place: Place;
}

/** `"lines"`: a file that begins with a bracket is lines all the same. */
export type RecordingForm = "lines or array" | "lines";

const MARK = [0xef, 0xbb, 0xbf];
const BRACKET = 0x5b;
/** A longer one is too large even where a carriage return ends it. */
const KEPT_MAX = LINE_BYTES_MAX + 2;
/** The control lines of a log grow with their chunks. */
const KEPT_MAX_LOG = 64 * 1024 * 1024;

export class RecordingReader {
  readonly #source: string;
  readonly #lines: LineReader;
  #array: ArrayReader | null = null;
  #elements = 0;
  /** Whether lines or an array is still open, for want of a byte that is not blank. */
  #isOpen: boolean;
  /** Bytes of the byte-order mark seen; past it, -1. */
  #marked = 0;
  /** The rest need not be read. */
  isDone = false;

  constructor(source: string, form: RecordingForm = "lines or array") {
    this.#source = source;
    this.#isOpen = form === "lines or array";
    this.#lines = new LineReader(form === "lines" ? KEPT_MAX_LOG : KEPT_MAX);
  }

  /** The lines that this chunk completes. */
  feed(chunk: Uint8Array): RecordedLine[] {
    if (this.isDone) return [];
    return this.#marked < 0 ? this.#read(chunk) : this.#readBehindMark(chunk);
  }

  /** The lines that the end of the input completes. */
  end(): RecordedLine[] {
    if (this.isDone) return [];
    const lines = this.#marked > 0 ? this.#read(Uint8Array.from(MARK.slice(0, this.#marked))) : [];
    this.isDone = true;
    if (this.#array === null) return [...lines, ...this.#placed(this.#lines.end())];
    return this.#array.end() ? lines : [...lines, this.#broken()];
  }

  #readBehindMark(chunk: Uint8Array): RecordedLine[] {
    let at = 0;
    while (at < chunk.length && this.#marked < MARK.length && chunk[at] === MARK[this.#marked]) {
      at++;
      this.#marked++;
    }
    if (at === chunk.length && this.#marked < MARK.length) return [];
    // A part of a mark is no mark: it is read as what it is.
    const part = this.#marked < MARK.length ? MARK.slice(0, this.#marked) : [];
    this.#marked = -1;
    const lines = part.length > 0 ? this.#read(Uint8Array.from(part)) : [];
    return [...lines, ...this.#read(chunk.subarray(at))];
  }

  #read(chunk: Uint8Array): RecordedLine[] {
    if (this.#isOpen) {
      const first = chunk.findIndex((byte) => !isBlank(byte));
      this.#isOpen = first < 0;
      if (chunk[first] === BRACKET) {
        this.#array = new ArrayReader();
        return this.#readArray(this.#array, chunk.subarray(first));
      }
    }
    if (this.#array !== null) return this.#readArray(this.#array, chunk);
    return this.#placed(this.#lines.feed(chunk));
  }

  #readArray(array: ArrayReader, chunk: Uint8Array): RecordedLine[] {
    const lines = array.feed(chunk).map((bytes): RecordedLine => {
      const number = ++this.#elements;
      return { bytes, place: { source: this.#source, number, isElement: true } };
    });
    if (!array.broken) return lines;
    this.isDone = true;
    return [...lines, this.#broken()];
  }

  /** Stands for what broke the array: a line that is as little JSON. */
  #broken(): RecordedLine {
    const place = { source: this.#source, number: this.#elements + 1, isElement: true };
    return { bytes: Uint8Array.of(BRACKET), place };
  }

  #placed(lines: readonly Line[]): RecordedLine[] {
    const source = this.#source;
    return lines.map(({ bytes, number }) => {
      return { bytes, place: { source, number, isElement: false } };
    });
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

export function placeText({ source, number, isElement }: Place): string {
  return isElement ? `${source}, element ${number}` : `${source}:${number}`;
}
