// Saving: the core's state, kept in the store so that opening is fast, and put back from there. The
// log has it all: a snapshot that cannot be saved, or is broken, costs time and nothing else.

import type { Core } from "./core/core.ts";
import type { Poison } from "./ingest/poison.ts";
import type { Plan } from "./query/plan.ts";
import { hostBreathe } from "./rebuild/host-pace.ts";
import type { Retaining } from "./retention.ts";
import { HostFault } from "./store/host-fault.ts";
import { encodeSteps, type Snapshot } from "./store/snapshot.ts";
import { after, paced, type Breathe, type Steps } from "./store/steps.ts";
import type { MaybePromise, Store } from "./store/store.ts";

/** Replaying so many entries takes about a second, so a snapshot is due. */
const SNAPSHOT_ENTRIES = 1_000_000;

interface Beside {
  readonly store: Store;
  readonly poison: Poison;
  readonly retaining: Retaining;
}

export class Saving {
  readonly #plan: Plan;
  readonly #beside: Beside;
  /** Entries before it were accepted under another clock, limits or catalogue; 0: none was. */
  judgedSince = 0;
  /** The first entry that the plan was given: those before it were trimmed; 0: all were there. */
  since = 0;
  /** The core was flushed: it is no more what the log says, and is not saved. */
  isFlushed = false;
  #position = 0;
  /** Where one was due last, saved or not. */
  #tried = 0;
  /** The clock then; of a log that was replayed without one it may have gone any time since 0. */
  triedClock: number | null = null;
  /** Of the older of the two newest, or of the only one. */
  #oldest = 0;

  constructor(plan: Plan, beside: Beside) {
    this.#plan = plan;
    this.#beside = beside;
  }

  /** The position of the newest snapshot that was saved or restored; 0 where there is none. */
  get position(): number {
    return this.#position;
  }

  /** From here on a trimmed log can be replayed. */
  get oldest(): number {
    return this.#oldest;
  }

  /** A long one in steps, which `breathe` gets in bytes; no state moves meanwhile. */
  save(core: Core, breathe: Breathe = hostBreathe()): MaybePromise<void> {
    if (this.isFlushed) return;
    const { position } = core.counts();
    const { judgedSince, since } = this;
    const plan = this.#plan.source;
    const { positions: poisoned } = this.#beside.poison;
    const standing = { position, judgedSince, since, plan, poisoned };
    const encoded = paced(
      encodeSteps(standing, () => core.image()),
      breathe,
    );
    const noteSaved = (): void => {
      // One of the same position takes the place of the newest, the older stays; the first is both.
      if (position !== this.#position) this.#oldest = this.#position || position;
      this.#position = position;
      this.#beside.retaining.look();
    };
    const keep = (bytes: Uint8Array): MaybePromise<void> => {
      return after(this.#beside.store.saveSnapshot({ position, bytes }, breathe), noteSaved);
    };
    return after(encoded, keep);
  }

  /** What was told final stays so, and no entry says it: nothing follows. HostFault. */
  assertUnflushed(): void {
    if (!this.isFlushed) return;
    throw new HostFault("engine_flushed", "This engine was flushed: open the log again to go on.");
  }

  saveWhenDue(core: Core): MaybePromise<void> {
    const { position, clock } = core.counts();
    this.triedClock ??= clock;
    // Before there is any time both are null.
    const passedMs = clock! - this.triedClock!;
    if (passedMs >= this.#beside.retaining.snapshotEveryMs) return this.trySave(core);
    // A log in memory is read again by this process only, after `close`, which saves.
    if (this.#beside.store.storage === "memory") return;
    if (position - Math.max(this.#tried, this.#position) < SNAPSHOT_ENTRIES) return;
    return this.trySave(core);
  }

  /** One that fails is no fault of the push: the next is due as ever. */
  trySave(core: Core, breathe?: Breathe): MaybePromise<void> {
    const { position, clock } = core.counts();
    this.#tried = position;
    this.triedClock = clock;
    try {
      const saved = this.save(core, breathe);
      return saved instanceof Promise ? saved.catch(() => {}) : saved;
    } catch {
      return;
    }
  }

  /** The core was made what the snapshot says; `oldest` is where the other is, or itself. */
  noteRestored(snapshot: Snapshot, oldest: number, core: Core): void {
    this.judgedSince = snapshot.judgedSince;
    this.since = snapshot.since;
    this.#position = snapshot.position;
    this.#oldest = oldest;
    this.triedClock = core.counts().clock;
  }
}

/** Makes a core just opened what a snapshot of its plan says. */
export function* restoring(core: Core, snapshot: Snapshot): Steps<void> {
  // A new log has one without a state: the core is what it says.
  if (snapshot.state.length > 0) yield* core.restoreSteps(snapshot);
  const { position } = core.counts();
  if (position === snapshot.position) return;
  throw new Error(`A snapshot of position ${snapshot.position} stands at ${position}.`);
}
