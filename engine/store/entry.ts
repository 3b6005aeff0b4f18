// An entry of the log where it stands in its chunk: the line as it was sent.

import type { Chunk } from "./chunk.ts";

const NEWLINE = 10;

/** The lines of a chunk's entries, in order, as views of its bytes without their newline. */
export function* entryLines({ lines }: Chunk): Generator<Uint8Array, void, undefined> {
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(NEWLINE, start);
    yield lines.subarray(start, end);
    start = end + 1;
  }
}
