// An entry of the log where it stands in its chunk: the line as it was sent.

import type { Chunk } from "./chunk.ts";

const NEWLINE = 10;

/** The lines of a chunk's entries, in order, as views of its bytes without their newline. */
export function entryLines({ lines }: Chunk): Generator<Uint8Array, void, undefined> {
  return linesOf(lines);
}

/** Lines likewise, the last of which need not be ended. */
export function* linesOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let start = 0, end = 0; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(NEWLINE, start);
    if (end < 0) end = bytes.length;
    yield bytes.subarray(start, end);
  }
}
