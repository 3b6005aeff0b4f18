// Objects that a program pushes, as lines of JSON. Written by a serialiser of our own, because
// `JSON.stringify` drops functions, turns NaN into null and overflows the stack. What JSON cannot
// hold is written as the nearest text that decode refuses with the right code:
//
//   NaN, Infinity   1e999, no finite double          number_out_of_range
//   a BigInt        its digits                       number_out_of_range beyond the doubles
//   a function      a bare word                      invalid_json
//   a cycle         its turns, down to 33 levels     too_deep
//
// The stack is explicit. Writing ends early where the line's code is settled: beyond the size
// that a line may have, or in a cycle below the depth that one may have.

import { DEPTH_MAX, LINE_BYTES_MAX } from "../event/envelope.ts";

interface Frame {
  readonly value: object;
  /** The names of an object's members; null for an array. */
  readonly names: readonly string[] | null;
  readonly count: number;
  next: number;
  isEmpty: boolean;
}

const BEYOND_DOUBLES = "1e999";
const BOXES = [Number, String, Boolean, BigInt];

/** What `JSON.stringify` would look at: after `toJSON`, and out of the boxes of primitives. */
function plain(value: unknown, key: string): unknown {
  if (value === null || (typeof value !== "object" && typeof value !== "bigint")) return value;
  const toJson: unknown = (value as { toJSON?: unknown }).toJSON;
  const result: unknown = typeof toJson === "function" ? toJson.call(value, key) : value;
  if (typeof result !== "object" || result === null) return result;
  return BOXES.some((box) => result instanceof box) ? result.valueOf() : result;
}

/** A string as JSON; most need no escape, and the host is asked only about the others. */
function quoted(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** The text of anything but an object; undefined where JSON has none and leaves it out. */
function scalarText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return quoted(value);
  if (typeof value === "function" || typeof value === "symbol") return typeof value;
  const text = String(value);
  return typeof value === "number" && !Number.isFinite(value) ? BEYOND_DOUBLES : text;
}

function frameOf(value: object): Frame {
  const names = Array.isArray(value) ? null : Object.keys(value);
  const count = names === null ? (value as unknown[]).length : names.length;
  return { value, names, count, next: 0, isEmpty: true };
}

/** The stack of containers being written, and the text so far. */
class LineWriter {
  #text = "";
  readonly #frames: Frame[] = [];
  readonly #open = new Map<object, number>();

  write(root: unknown): string {
    this.put(plain(root, ""), "", "null");
    while (this.#frames.length > 0 && this.#text.length <= LINE_BYTES_MAX) {
      const frame = this.#frames[this.#frames.length - 1]!;
      if (frame.next === frame.count) this.close(frame);
      else if (!this.step(frame)) break;
    }
    return this.#text;
  }

  /** Writes the next member or item; false in a cycle below the depth allowed. */
  private step(frame: Frame): boolean {
    const index = frame.next++;
    const name = frame.names === null ? String(index) : frame.names[index]!;
    const value = plain((frame.value as { [name: string]: unknown })[name], name);
    const comma = frame.isEmpty ? "" : ",";
    const before = frame.names === null ? comma : `${comma}${quoted(name)}:`;
    if (this.put(value, before, frame.names === null ? "null" : undefined)) frame.isEmpty = false;
    const turns = typeof value === "object" && value !== null ? (this.#open.get(value) ?? 0) : 0;
    return turns < 2 || this.#frames.length <= DEPTH_MAX;
  }

  /** Writes a value after `before`; where JSON has no text for it, `otherwise` or nothing. */
  private put(value: unknown, before: string, otherwise: string | undefined): boolean {
    if (typeof value === "object" && value !== null) {
      const frame = frameOf(value);
      this.#frames.push(frame);
      this.#open.set(value, (this.#open.get(value) ?? 0) + 1);
      this.#text += before + (frame.names === null ? "[" : "{");
      return true;
    }
    const text = scalarText(value) ?? otherwise;
    if (text === undefined) return false;
    this.#text += before + text;
    return true;
  }

  private close(frame: Frame): void {
    this.#frames.pop();
    this.#open.set(frame.value, (this.#open.get(frame.value) ?? 1) - 1);
    this.#text += frame.names === null ? "]" : "}";
  }
}

/** One line of JSON, without a newline; never empty. */
export function lineOf(value: unknown): string {
  return new LineWriter().write(value);
}
