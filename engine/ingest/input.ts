// What a program pushes, as lines of one buffer. Bytes and text are NDJSON, or one JSON array whose
// elements become lines; objects are serialised, each to a line of its own. It judges no line but
// an array as a whole, which parses or is one fault.

import { eventFault } from "../event/fault.ts";
import type { EventFault } from "../event/fault.ts";
import type { ZoneYear } from "../event/zone.ts";
import { elementLines, joinLines } from "./array.ts";
import { lineOf } from "./object.ts";
import { encodeUtf8 } from "../event/utf8.ts";

/** A line without its newline and without one carriage return at its end. */
export interface InputLine {
  start: number;
  end: number;
  /** Set when the line is already refused and need not be decoded. */
  fault: EventFault | null;
}

export interface Input {
  readonly bytes: Uint8Array;
  readonly lines: readonly InputLine[];
}

export type PushInput = Uint8Array | string | object | object[];

export interface PushOptions {
  /** `"ndjson"`: text is lines, never one JSON array. */
  readonly format?: "ndjson";
  /** When the host received the events, ms since 1970, or one a line, null where unknown. */
  readonly receivedAt?: number | readonly (number | null)[];
  /**
   * In its place: the top-level member in which each event has its receive time, as ms or RFC 3339
   * with an offset; unknown where it is absent or null, else `invalid_time` at that member.
   */
  readonly receivedAtMember?: string;
  /** Lines that are `{"tick": integer}` are ticks, not events. */
  readonly ticks?: boolean;
  /** Years of time zones that stand in an exported log beside the entries. */
  readonly zones?: readonly ZoneYear[];
  /** The lines are a released chunk of an exported log: none of them is held back. */
  readonly released?: boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTES_TAG = "[object Uint8Array]";

/** Of whatever realm: a frame's are no `instanceof` this one's. */
export function isBytes(input: PushInput): input is Uint8Array {
  return ArrayBuffer.isView(input) && Object.prototype.toString.call(input) === BYTES_TAG;
}

/** The bytes themselves when they fill a buffer of their own, else a copy. */
function adopt(input: Uint8Array): Uint8Array {
  const { buffer } = input;
  const isWhole = input.byteLength === buffer.byteLength;
  if (!(buffer instanceof ArrayBuffer) || buffer.resizable || !isWhole) {
    return new Uint8Array(input);
  }
  return input.constructor === Uint8Array ? input : new Uint8Array(buffer);
}

function isBlankByte(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === RETURN;
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isBlankByte(bytes[at]!)) at++;
  return at === end;
}

/** Cuts at newlines, and leaves out what is blank; ends with the first line beyond `most`. */
export function splitLines(bytes: Uint8Array, most = Infinity): InputLine[] {
  const lines: InputLine[] = [];
  for (let start = 0; start < bytes.length && lines.length <= most;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const next = newline < 0 ? bytes.length : newline;
    const end = next > start && bytes[next - 1] === RETURN ? next - 1 : next;
    if (!isBlank(bytes, start, end)) lines.push({ start, end, fault: null });
    start = next + 1;
  }
  return lines;
}

/** Whether the first byte that is not blank opens an array. */
function beginsArray(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length && (bytes[at] === NEWLINE || isBlankByte(bytes[at]!))) at++;
  return bytes[at] === 0x5b;
}

/** What is pushed: NDJSON that is not cut yet. */
export interface Pushed {
  readonly bytes: Uint8Array;
  /** As it came, where `bytes` has others in the place of some lines. */
  readonly sent?: Uint8Array;
  /** Set when all of it is one line that is already refused. */
  readonly fault?: EventFault;
}

/** The input's bytes; `"ndjson"` knows no arrays in text. */
export function readPushed(input: PushInput, format?: "ndjson"): Pushed {
  if (typeof input !== "string" && !isBytes(input)) {
    const objects: readonly unknown[] = Array.isArray(input) ? input : [input];
    return { bytes: encodeUtf8(Array.from(objects, lineOf).join("\n")) };
  }
  const bytes = typeof input === "string" ? encodeUtf8(input) : adopt(input);
  if (format === "ndjson" || !beginsArray(bytes)) return { bytes };
  const lines = elementLines(bytes);
  if (lines !== null) return { bytes: lines };
  const line = new Uint8Array(bytes);
  joinLines(line);
  return { bytes: line, fault: eventFault("invalid_json", "") };
}

/**
 * The input's lines; `"ndjson"` knows no arrays in text. Of more than `most` lines one more: each
 * takes some fifty bytes, of which a line of two need not make too much for who takes fewer.
 */
export function readInput(input: PushInput, format?: "ndjson", most?: number): Input {
  const { bytes, fault } = readPushed(input, format);
  if (fault === undefined) return { bytes, lines: splitLines(bytes, most) };
  return { bytes, lines: [{ start: 0, end: bytes.length, fault }] };
}
