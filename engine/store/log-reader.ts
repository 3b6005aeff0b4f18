// Reads a log as its chunks, whichever store holds it, a page at a time.

import { decodeChunk, type Chunk } from "./chunk.ts";
import type { Store } from "./store.ts";

const PAGE_BYTES = 4 * 1024 * 1024;

/** Positions [from, to) of the log; all of it where they are absent. */
export interface LogRange {
  readonly from?: number;
  readonly to?: number;
}

/** The whole chunks that hold positions of [from, to), in order. HostFault `chunk_broken`. */
export async function* readChunks(
  store: Store,
  from: number,
  to: number,
  pageBytes: number = PAGE_BYTES,
): AsyncGenerator<Chunk, void, undefined> {
  for (let next = from; next < to;) {
    const page = await store.read(next, pageBytes);
    if (page.length === 0) return;
    for (const bytes of page) {
      const chunk = decodeChunk(bytes);
      if (chunk.firstPosition >= to) return;
      yield chunk;
      next = chunk.firstPosition + chunk.count;
    }
  }
}
