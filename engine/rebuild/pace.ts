// The pace of a rebuild: how much is worked off at a time, and when what else was asked has its
// turn. The host says so (host-pace.ts); a test says what it wants to look at.

import { ENTRY_BYTES } from "../store/piece.ts";
import type { Breathe } from "../store/steps.ts";
import type { MaybePromise } from "../store/store.ts";

export interface Pace {
  /** How many entries the next piece may have. */
  readonly entries: number;
  /**
   * So many entries' work was done: waits where the slice is over. By how long a `piece` of the log
   * took (piece.ts) the next are fitted.
   */
  worked(entries: number, what?: "piece"): MaybePromise<void>;
}

/** Of work that is told in bytes. */
export function byBytes(worked: Pace["worked"]): Breathe {
  return (bytes) => worked(bytes / ENTRY_BYTES);
}
