// One JSON array as its elements, which are lines. The host's parser says whether it parses; then
// it is cut where commas and brackets stand outside of strings. Depth, size, keys, numbers and
// UTF-8 are not judged; those are faults of an element, found when the element is decoded. An array
// that streams is read by cli/array-reader.ts.

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
/** Outside of strings: space, tab, newline and carriage return. */
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** Square brackets; the curly ones stand 0x20 behind them. */
const OPEN = 0x5b;
const CLOSE = 0x5d;

function isArray(bytes: Uint8Array): boolean {
  try {
    return Array.isArray(JSON.parse(DECODER.decode(bytes)));
  } catch {
    return false;
  }
}

/** Start and end of each element in turn, or null when the bytes are not one whole array. */
export function elementSpans(bytes: Uint8Array): number[] | null {
  if (!isArray(bytes)) return null;
  const edges: number[] = [];
  let depth = 0;
  let start = bytes.indexOf(OPEN) + 1;
  for (let at = start; depth >= 0; at++) {
    const byte = bytes[at]!;
    const bracket = byte & ~0x20;
    if (bracket === CLOSE) depth--;
    if (bracket === OPEN) depth++;
    if (byte === QUOTE) at = stringEnd(bytes, at);
    else if (depth < 0 || (depth === 0 && byte === COMMA)) {
      let end = at;
      while (bytes[start]! <= SPACE) start++;
      while (bytes[end - 1]! <= SPACE) end--;
      // Only an empty array has nothing there.
      if (start < end) edges.push(start, end);
      start = at + 1;
    }
  }
  return edges;
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
    if (element[at] === 0x0a || element[at] === 0x0d) element[at] = 0x20;
  }
}
