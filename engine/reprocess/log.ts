// The log as it is replayed: what a store holds, less what is poisoned.

import type { Poison } from "../ingest/poison.ts";
import type { Chunk } from "../store/chunk.ts";
import { readChunks } from "../store/log-reader.ts";
import type { Store } from "../store/store.ts";

export interface Log {
  readonly store: Store;
  readonly poison: Poison;
}

/** The whole chunks that hold positions of [from, to), as a core is given them. */
export async function* readLog(
  { store, poison }: Log,
  from: number,
  to: number,
): AsyncGenerator<Chunk, void, undefined> {
  for await (const chunk of readChunks(store, from, to)) yield poison.quiet(chunk);
}
