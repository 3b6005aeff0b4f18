// A rebuild: the log replayed for another plan, in slices, while the former plan serves and takes
// new entries, which the rebuild finds in the log. It replays up to the log's end, which has moved
// meanwhile, and again, until one piece is left or no less than half as much as before; then it
// takes a turn of the engine, replays the rest, and the plan takes over. Pushes wait for that turn,
// so the rebuild ends however fast they come.

import type { Breathe } from "../live/compare-rows.ts";
import { HostFault } from "../store/host-fault.ts";
import type { Chunk } from "../store/chunk.ts";
import { readChunks } from "../store/log-reader.ts";
import type { MaybePromise, Store } from "../store/store.ts";
import { PAGE_BYTES, type Pace } from "./pace.ts";
import { piecesOf, workOf } from "./piece.ts";

/** What a rebuild asks of the engine. */
export interface Site {
  readonly store: Store;
  /** Where the log ends. */
  end(): number;
  /** Where the core that catches up stands. */
  position(): number;
  /** Applies entries that follow on there. */
  apply(piece: Chunk): Promise<void>;
  /** Runs `work` as a turn of its own. */
  turn(work: () => Promise<void>): Promise<void>;
  /** In such a turn, at equal position: what will be told; by the answer the plan takes over. */
  swap(breathe: Breathe): Promise<() => MaybePromise<void>>;
}

export class Rebuild {
  readonly #site: Site;
  readonly #pace: Pace;
  readonly #from: number;
  readonly #paused = Promise.withResolvers<void>();
  readonly #outcome = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #share = 0;
  #isStopped = false;
  #fault: HostFault | null = null;

  /** Begins at once. */
  constructor(site: Site, pace: Pace) {
    this.#site = site;
    this.#pace = pace;
    this.#from = site.position();
    this.#outcome.promise.catch(() => {});
    this.#ended = this.#run();
  }

  /** How far it has caught up, never less than before; 1 once it has taken over, null: failed. */
  get share(): number | null {
    return this.#fault === null ? this.#share : null;
  }

  /** Whether the former plan serves, and this one is on its way. */
  get isUnderWay(): boolean {
    return this.#fault === null && this.#share < 1;
  }

  /** Why it has ended without taking over; the former plan goes on. */
  get fault(): HostFault | null {
    return this.#fault;
  }

  /** Resolves when the first slice is over. */
  get begun(): Promise<void> {
    return this.#paused.promise;
  }

  /** Resolves when the plan has taken over; rejects with the HostFault of what hinders it. */
  get done(): Promise<void> {
    return this.#outcome.promise;
  }

  /** It goes no further; resolves when nothing of it is under way. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#ended;
  }

  /** A piece of the work was done: pauses where the slice is over. */
  async breathe(entries = 0): Promise<void> {
    const pause = this.#pace.worked(entries);
    if (!(pause instanceof Promise)) return;
    this.#paused.resolve();
    await pause;
  }

  async #run(): Promise<void> {
    try {
      await this.#follow();
      if (this.#isStopped) throw stopped();
      this.#outcome.resolve();
    } catch (error) {
      if (!this.#isStopped) this.#fault = asFault(error);
      this.#outcome.reject(this.#fault ?? stopped());
    } finally {
      this.#paused.resolve();
    }
  }

  async #follow(): Promise<void> {
    const site = this.#site;
    for (let left = Infinity; !this.#isStopped;) {
      const end = site.end();
      const rest = end - site.position();
      if (rest <= this.#pace.entries || rest > left / 2) return site.turn(() => this.#takeOver());
      left = rest;
      await this.#advance(end);
    }
  }

  async #takeOver(): Promise<void> {
    await this.#advance(this.#site.end());
    if (this.#isStopped) return;
    const swap = await this.#site.swap((rows) => this.breathe(rows));
    this.#share = 1;
    const swapped = swap();
    if (swapped instanceof Promise) await swapped;
  }

  async #advance(end: number): Promise<void> {
    const site = this.#site;
    const from = site.position();
    for await (const chunk of readChunks(site.store, from, end, PAGE_BYTES)) {
      for (const piece of piecesOf(chunk, site.position(), () => this.#pace.entries)) {
        if (this.#isStopped) return;
        await site.apply(piece);
        this.#note();
        await this.breathe(workOf(piece));
      }
    }
  }

  #note(): void {
    const site = this.#site;
    // The swap is the last step.
    const all = site.end() - this.#from + 1;
    this.#share = Math.max(this.#share, (site.position() - this.#from) / all);
  }
}

function stopped(): HostFault {
  return new HostFault("engine_closed", "This engine is closed: open it again.");
}

function asFault(error: unknown): HostFault {
  if (error instanceof HostFault) return error;
  const message =
    "The core failed on an entry of the log under the new plan; the former plan serves.";
  return new HostFault("core_failed", message, { cause: error });
}
