// One JSON array as lines: its elements. The host's parser says whether it parses; then it is cut
// where commas and brackets stand outside of strings. Depth, size, keys, numbers and UTF-8 are not
// judged; those are faults of an element, found when its line is read. An array that streams is
// read by cli/array-reader.ts.

import { decoder } from "../event/utf8.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Up to here: outside of strings, space, tab, newline and carriage return. */
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** Square brackets; the curly ones stand 0x20 behind them. */
const OPEN = 0x5b;
const CLOSE = 0x5d;

function isArray(bytes: Uint8Array): boolean {
  try {
    return Array.isArray(JSON.parse(decoder.decode(bytes)));
  } catch {
    return false;
  }
}

/** The elements, a line each, in bytes of their own; null where the bytes are no whole array. */
export function elementLines(bytes: Uint8Array): Uint8Array | null {
  if (!isArray(bytes)) return null;
  const lines = new Uint8Array(bytes);
  let length = 0;
  let depth = 0;
  let start = bytes.indexOf(OPEN) + 1;
  for (let at = start; depth >= 0; at++) {
    const byte = bytes[at]!;
    const bracket = byte & ~0x20;
    if (bracket === CLOSE) depth--;
    if (bracket === OPEN) depth++;
    if (byte === QUOTE) at = stringEnd(bytes, at);
    else if (byte === NEWLINE || byte === RETURN) lines[at] = SPACE;
    else if (depth < 0 || (depth === 0 && byte === COMMA)) {
      let end = at;
      while (bytes[start]! <= SPACE) start++;
      while (bytes[end - 1]! <= SPACE) end--;
      // Only an empty array has nothing there.
      if (start < end) {
        lines.copyWithin(length, start, end);
        length += end - start;
        lines[length++] = NEWLINE;
      }
      start = at + 1;
    }
  }
  return lines.slice(0, length);
}

/** The closing quote of the string that opens at `open`. */
function stringEnd(bytes: Uint8Array, open: number): number {
  let at = open + 1;
  while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Turns the newlines within one element into spaces. */
export function joinLines(element: Uint8Array): void {
  for (let at = 0; at < element.length; at++) {
    if (element[at] === NEWLINE || element[at] === RETURN) element[at] = SPACE;
  }
}
