// Reads a log as its chunks, whichever store holds it, a page at a time.

import { decodeChunk, decodePaced, type Chunk } from "./chunk.ts";
import type { Breathe } from "./steps.ts";
import type { Store } from "./store.ts";

const PAGE_BYTES = 4 * 1024 * 1024;
/** What is decoded at once where others wait. */
const PACED_PAGE_BYTES = 2 * 1024 * 1024;

/** Positions [from, to) of the log; all of it where they are absent. */
export interface LogRange {
  readonly from?: number;
  readonly to?: number;
}

/**
 * The whole chunks that hold positions of [from, to), in order; with `breathe`, which takes bytes,
 * read and checked in steps. HostFault `chunk_broken`.
 */
export async function* readChunks(
  store: Store,
  from: number,
  to: number,
  breathe?: Breathe,
): AsyncGenerator<Chunk, void, undefined> {
  for (let next = Math.max(from, 0); next < to;) {
    const page = await store.read(next, breathe ? PACED_PAGE_BYTES : PAGE_BYTES, breathe);
    if (page.length === 0) return;
    for (const bytes of page) {
      const chunk = breathe ? await decodePaced(bytes, breathe) : decodeChunk(bytes);
      if (chunk.firstPosition >= to) return;
      yield chunk;
      next = chunk.firstPosition + chunk.count;
    }
  }
}
