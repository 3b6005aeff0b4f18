// The pace of a rebuild: how much is worked off at a time, and when what else was asked has its
// turn. The host says so (host-pace.ts); a test says what it wants to look at.

import type { MaybePromise, Store } from "../store/store.ts";

export interface Pace {
  /** How many entries the next piece may have. */
  readonly entries: number;
  /** A piece of so many entries' work (piece.ts) was done: waits where the slice is over. */
  worked(entries: number): MaybePromise<void>;
}

/** A small page, for what pauses between two. */
export const PAGE_BYTES = 256 * 1024;

/** A store whose reads are small, each after `breathe`: a walk through the log so pauses. */
export function pacedStore(store: Store, breathe: () => MaybePromise<void>): Store {
  return {
    storage: store.storage,
    recover: () => store.recover(),
    create: (header) => store.create(header),
    append: (write) => store.append(write),
    hasLanded: (write) => store.hasLanded(write),
    trim: (to) => store.trim(to),
    read: async (from, limitBytes) => {
      await breathe();
      return store.read(from, Math.min(limitBytes, PAGE_BYTES));
    },
    saveSnapshot: (snapshot) => store.saveSnapshot(snapshot),
    close: () => store.close(),
  };
}
