// Saving: the core's state, kept in the store so that opening is fast, and put back from there. The
// log has it all: a snapshot that cannot be saved, or is broken, costs time and nothing else.

import type { Core } from "./core/core.ts";
import type { Plan } from "./query/plan.ts";
import { HostFault } from "./store/host-fault.ts";
import { decodeSnapshot, encodeSnapshot } from "./store/snapshot.ts";
import type { MaybePromise, Store } from "./store/store.ts";

/** Replaying so many entries takes about a second, so a snapshot is due. */
const SNAPSHOT_ENTRIES = 200_000;

export class Saving {
  readonly #plan: Plan;
  readonly #store: Store;
  #position = 0;
  /** Where one was due last, saved or not. */
  #tried = 0;

  constructor(plan: Plan, store: Store) {
    this.#plan = plan;
    this.#store = store;
  }

  /** The position of the newest snapshot that was saved or restored; 0 where there is none. */
  get position(): number {
    return this.#position;
  }

  save(core: Core): MaybePromise<void> {
    const { position } = core.counts();
    const bytes = encodeSnapshot({ position, plan: this.#plan.source, ...core.image() });
    const noteSaved = (): void => {
      this.#position = position;
    };
    const saved = this.#store.saveSnapshot({ position, bytes });
    return saved instanceof Promise ? saved.then(noteSaved) : noteSaved();
  }

  saveWhenDue(core: Core): MaybePromise<void> {
    const { position } = core.counts();
    if (position - Math.max(this.#tried, this.#position) < SNAPSHOT_ENTRIES) return;
    return this.trySave(core);
  }

  /** One that fails is no fault of the push: the next is due as ever. */
  trySave(core: Core): MaybePromise<void> {
    this.#tried = core.counts().position;
    try {
      const saved = this.save(core);
      return saved instanceof Promise ? saved.catch(() => {}) : saved;
    } catch {
      return;
    }
  }

  /**
   * Makes a core just opened what the newest good snapshot of this plan says; the position from
   * which the log is to be replayed. HostFault `log_truncated`.
   */
  restore(core: Core, snapshots: readonly Uint8Array[], endPosition: number): number {
    for (const bytes of snapshots) {
      const snapshot = decodeSnapshot(bytes);
      if (snapshot === null || snapshot.plan !== this.#plan.source) continue;
      if (snapshot.position > endPosition) {
        const places = `at position ${snapshot.position} when the log ends at ${endPosition}`;
        const message = `A snapshot stands ${places}: restore the log from a copy.`;
        throw new HostFault("log_truncated", message);
      }
      core.restore(snapshot);
      this.#position = snapshot.position;
      break;
    }
    return this.#position;
  }
}
