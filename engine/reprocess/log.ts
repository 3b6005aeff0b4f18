// The log as it is replayed: what a store holds, less what is poisoned, a few entries at a time.

import type { OpenCore } from "../core/core.ts";
import type { Poison } from "../ingest/poison.ts";
import type { Chunk } from "../store/chunk.ts";
import { readChunks } from "../store/log-reader.ts";
import { ENTRY_BYTES, piecesOf, workOf } from "../store/piece.ts";
import type { Breathe } from "../store/steps.ts";
import type { Store } from "../store/store.ts";

export interface Log {
  readonly store: Store;
  readonly poison: Poison;
  /** The plan was given no entries before this one: they were trimmed. 0: all were there. */
  readonly since: number;
  /** Takes bytes. */
  readonly breathe: Breathe;
  readonly openCore: OpenCore;
}

/** Of pieces between which others come: what is asked of each event takes a while. */
const PIECE_ENTRIES = 256;

/** Pieces of the whole chunks that hold positions below `to`, as a core is given them. */
export async function* readLog(
  { store, poison, since, breathe }: Log,
  to: number,
): AsyncGenerator<Chunk, void, undefined> {
  for await (const chunk of readChunks(store, since, to, breathe)) {
    for (const piece of piecesOf(chunk, since, () => PIECE_ENTRIES)) {
      yield poison.quiet(piece);
      await breathe(workOf(piece) * ENTRY_BYTES);
    }
  }
}
