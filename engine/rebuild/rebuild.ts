// A rebuild: the log replayed for another plan, in slices, while the former plan serves and takes
// new entries, which the rebuild finds in the log. It replays up to the log's end, which has moved
// meanwhile, and again, until one piece is left or no less than half as much as before; then it
// takes a turn of the engine, replays the rest, and the plan takes over. Pushes wait for that turn,
// so the rebuild ends however fast they come. A core that fails is dropped, and another begins anew
// (ingest/poison.ts).

import { assertTrap } from "../core/core.ts";
import { FAILURES_MAX } from "../ingest/poison.ts";
import type { Chunk } from "../store/chunk.ts";
import { HostFault } from "../store/host-fault.ts";
import { readChunks } from "../store/log-reader.ts";
import { piecesOf, workOf } from "../store/piece.ts";
import type { Breathe } from "../store/steps.ts";
import type { MaybePromise, Store } from "../store/store.ts";
import { byBytes, type Pace } from "./pace.ts";

/** What a rebuild asks of the engine. */
export interface Site {
  readonly store: Store;
  /** Where the log ends. */
  end(): number;
  /** Where the core that catches up stands. */
  position(): number;
  /** Applies entries that follow on there. */
  apply(piece: Chunk): Promise<void>;
  /** Another core, where the first one began. */
  begin(): Promise<void>;
  /** This core, and those after it, skip the entry. */
  poison(position: number): void;
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
  /** Entries on which the core failed together. */
  #suspected = { from: Infinity, to: Infinity };
  #failures = 0;

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

  /** So many entries' work was done: pauses where the slice is over. */
  breathe(entries: number, what?: "piece"): MaybePromise<void> {
    const pause = this.#pace.worked(entries, what);
    if (pause instanceof Promise) this.#paused.resolve();
    return pause;
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
    for (let left = Infinity, isDone = false; !this.#isStopped && !isDone;) {
      const end = site.end();
      const rest = end - site.position();
      if (rest <= this.#pace.entries || rest > left / 2) {
        await site.turn(async () => {
          isDone = await this.#takeOver();
        });
        left = Infinity;
      } else {
        left = (await this.#advance(end)) ? rest : Infinity;
      }
    }
  }

  /** False where it has to be caught up with once more. */
  async #takeOver(): Promise<boolean> {
    if (!(await this.#advance(this.#site.end()))) return false;
    if (this.#isStopped) return true;
    const swap = await this.#site.swap((rows) => this.breathe(rows));
    this.#share = 1;
    await swap();
    return true;
  }

  /** False where the core failed, and another begins anew. */
  async #advance(end: number): Promise<boolean> {
    const site = this.#site;
    const from = site.position();
    const breathe = byBytes((entries) => this.breathe(entries));
    for await (const chunk of readChunks(site.store, from, end, breathe)) {
      for (const piece of piecesOf(chunk, site.position(), () => this.#pieceEntries())) {
        if (this.#isStopped) return true;
        try {
          await site.apply(piece);
        } catch (error) {
          assertTrap(error);
          await this.#suspect(piece, error);
          return false;
        }
        this.#note();
        await this.breathe(workOf(piece), "piece");
      }
    }
    return true;
  }

  /** Of the next piece: what failed once is tried entry by entry. */
  #pieceEntries(): number {
    const { entries } = this.#pace;
    const left = this.#suspected.from - this.#site.position();
    if (left > 0) return Math.min(entries, left);
    return this.#suspected.to > this.#site.position() ? 1 : entries;
  }

  /** What the core fails on alone, having failed on it once, is poison. */
  async #suspect({ firstPosition: from, count }: Chunk, error: Error): Promise<void> {
    if (++this.#failures > FAILURES_MAX) throw error;
    const { from: first, to } = this.#suspected;
    if (count === 1 && from >= first && from < to) this.#site.poison(from);
    else this.#suspected = { from, to: from + count };
    await this.#site.begin();
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
