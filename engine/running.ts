// A plan that runs: what of an engine is made for one plan. Another plan's is made beside it, and
// takes its place by one assignment.

import type { Appending } from "./appending.ts";
import type { Core } from "./core/core.ts";
import { Intake } from "./ingest/intake.ts";
import type { Quarantine } from "./ingest/quarantine.ts";
import type { Row } from "./live/change.ts";
import { Decoder } from "./live/decoder.ts";
import { readRows, type RowFilter } from "./live/view.ts";
import { compile, type Program } from "./query/compile.ts";
import type { Plan } from "./query/plan.ts";
import type { Schemas } from "./query/schema.ts";
import { acceptsAlike } from "./rebuild/difference.ts";
import { Replay } from "./replay.ts";
import type { Retaining } from "./retention.ts";
import { Saving } from "./saving.ts";
import { Silence } from "./silence.ts";
import type { Chunk } from "./store/chunk.ts";
import { goodSnapshots, type Snapshot } from "./store/snapshot.ts";
import type { Store } from "./store/store.ts";

/** What an engine has but once, whatever plan runs. */
export interface Place {
  readonly store: Store;
  /** Keys the hash tables. */
  readonly hashKey: Uint8Array;
  /** By which events are checked, whatever plan runs. */
  readonly schemas: Schemas | null;
  readonly quarantine: Quarantine;
  readonly appending: Appending;
  readonly retaining: Retaining;
  /** Of each core. */
  readonly pagesMax: number;
}

export class Running {
  readonly plan: Plan;
  readonly program: Program;
  readonly decoder: Decoder;
  readonly intake: Intake;
  readonly silence: Silence;
  readonly saving: Saving;
  readonly #place: Place;
  /** Queries whose view is mirrored. */
  readonly #watched = new Set<string>();
  #replay: Replay;
  core!: Core;
  /** Whether the core has failed and another is being made. */
  isRemaking = false;

  private constructor(plan: Plan, place: Place, log: Store) {
    const { store, hashKey, schemas, quarantine } = place;
    this.plan = plan;
    this.#place = place;
    this.program = compile(plan, hashKey, schemas);
    this.decoder = new Decoder(plan);
    this.intake = new Intake(this.program, quarantine, store);
    this.silence = new Silence(plan);
    this.saving = new Saving(plan, store, place.retaining);
    this.#replay = this.#replayOf(log);
  }

  /**
   * With the state of `snapshot`, which is of this plan, or a fresh one. `log` is what it replays
   * until it takes over.
   */
  static async open(
    plan: Plan,
    place: Place,
    snapshot: Snapshot | null,
    log: Store = place.store,
  ): Promise<Running> {
    const running = new Running(plan, place, log);
    running.core = await running.replay.open();
    if (snapshot !== null) running.saving.restore(running.core, snapshot);
    return running;
  }

  #replayOf(log: Store): Replay {
    return new Replay(this.plan, this.program, log, this.#place.pagesMax);
  }

  get replay(): Replay {
    return this.#replay;
  }

  get position(): number {
    return this.core.counts().position;
  }

  /** The query's place in the plan; -1 where it has not the query. */
  indexOf(query: string): number {
    return this.plan.queries.findIndex(({ name }) => name === query);
  }

  /** The rows of a view; none where the plan has no such query. */
  rows(query: string, filter?: RowFilter): Row[] {
    const index = this.indexOf(query);
    return index < 0 ? [] : readRows(this.core, this.decoder, index, filter);
  }

  /** Whether the core tells the rows of a query (assembly/watch.ts), and whatever core follows. */
  watch(query: string, on: boolean): void {
    if (on) this.#watched.add(query);
    else this.#watched.delete(query);
    this.#watchIn(this.core);
  }

  #watchIn(core: Core): void {
    for (const [index, { name }] of this.plan.queries.entries()) {
      core.watch(index, this.#watched.has(name));
    }
  }

  /** A fresh state, for a log whose entries before `position` were trimmed. */
  beginAt(position: number): void {
    this.core.startAt(position);
    this.saving.since = position;
  }

  /** Replays the log from where the core stands. */
  catchUp(endPosition: number): Promise<void> {
    return this.replay.run(this.core, this.position, endPosition, () => {});
  }

  /** Entries that follow on where the core stands. */
  apply(piece: Chunk): Promise<void> {
    return this.replay.apply(this.core, piece, 0, () => {});
  }

  /** In the place of `former`, at its position. */
  takeOver(former: Running): void {
    this.#replay = this.#replayOf(this.#place.store);
    this.#place.quarantine.limitTo(this.plan.limits.quarantine);
    this.silence.heard(former.silence.lastReceiptMs);
    const isAlike = acceptsAlike(former.plan, this.plan);
    this.saving.judgedSince = isAlike ? former.saving.judgedSince : this.position;
  }

  /**
   * Puts a core just opened where the log can be replayed from, at `position` or below: the log's
   * beginning or, once that was trimmed, the newest good snapshot. HostFault `log_incomplete`.
   */
  async restoreBelow(core: Core, position: number): Promise<number> {
    const { retaining, store } = this.#place;
    if (retaining.trimmedTo === 0) return 0;
    const snapshot = goodSnapshots(await store.recover()).find((each) => {
      return each.plan === this.plan.source && each.position <= position;
    });
    retaining.assertReaches(snapshot?.position ?? 0);
    core.restore(snapshot!);
    return snapshot!.position;
  }

  /**
   * A core that failed is dropped, and made again from the log; what its newest chunk told. It is
   * flushed again at the positions `flushes`: that was told, and no entry says so. Readers keep
   * what they had until the new one stands where the log ends.
   */
  async remake(flushes: readonly number[]): Promise<readonly Uint8Array[]> {
    this.isRemaking = true;
    try {
      let records: readonly Uint8Array[] = [];
      const core = await this.replay.open();
      this.#watchIn(core);
      let from = await this.restoreBelow(core, Infinity);
      for (const flush of flushes) {
        if (flush < from) continue;
        await this.replay.run(core, from, flush, () => {});
        core.flush(() => {});
        from = flush;
      }
      await this.replay.run(core, from, Infinity, (told) => (records = told));
      this.core = core;
      this.#watchIn(core);
      return records;
    } finally {
      this.isRemaking = false;
    }
  }
}
