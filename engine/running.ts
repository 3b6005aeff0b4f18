// A plan that runs: what of an engine is made for one plan. Another plan's is made beside it, and
// takes its place by one assignment.

import * as layout from "../assembly/layout.ts";
import type { Appending } from "./appending.ts";
import { assertTrap, type Core, type OpenCore } from "./core/core.ts";
import type { ZoneYear } from "./event/zone.ts";
import { decodeEvent, isFault } from "./ingest/decode.ts";
import { FailedLines } from "./ingest/failed-lines.ts";
import type { Pushed } from "./ingest/input.ts";
import { Intake, type Filled, type FillOptions } from "./ingest/intake.ts";
import { FAILURES_MAX, quietLine, type Poison } from "./ingest/poison.ts";
import type { Quarantine } from "./ingest/quarantine.ts";
import type { Settled } from "./ingest/tally.ts";
import { bringPushed } from "./ingest/zone-years.ts";
import type { Row } from "./live/change.ts";
import { Decoder } from "./live/decoder.ts";
import { readRows, type RowFilter } from "./live/view.ts";
import { compile, type Program } from "./query/compile.ts";
import type { Plan } from "./query/plan.ts";
import type { Schemas } from "./query/schema.ts";
import { acceptsAlike, membersOf } from "./rebuild/difference.ts";
import { EntriesFailed, MarksFound, Replay } from "./replay.ts";
import type { Retaining } from "./retention.ts";
import { restoring, Saving } from "./saving.ts";
import { Silence } from "./silence.ts";
import { checkKey } from "./store/asked.ts";
import type { Chunk } from "./store/chunk.ts";
import { goodSnapshots, type Snapshot } from "./store/snapshot.ts";
import { linesOf } from "./store/entry.ts";
import { HostFault } from "./store/host-fault.ts";
import { drained, paced, type Breathe, type Steps } from "./store/steps.ts";
import type { MaybePromise, Store } from "./store/store.ts";

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
  readonly poison: Poison;
  readonly openCore: OpenCore;
}

const ZERO = 48;

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
  /**
   * What a push tells is copied into it, where it fits. Buffers made anew for each, which count
   * against the collector of garbage as memory outside of its heap, made it run in full and often.
   */
  readonly #room = new Uint8Array(2 * layout.OUT_BYTES);
  readonly #failedLines = new FailedLines();
  #replay: Replay;
  #isSpent = false;
  core!: Core;
  /** The core cannot be made from the log. */
  isFailed = false;

  private constructor(plan: Plan, place: Place, breathe?: Breathe) {
    this.plan = plan;
    this.#place = place;
    this.program = compile(plan, place.hashKey, place.schemas);
    this.decoder = new Decoder(plan);
    this.intake = new Intake(this.program, place);
    this.silence = new Silence(plan);
    this.saving = new Saving(plan, place);
    this.#replay = this.#replayOf(breathe);
  }

  /**
   * With the state of the first of `snapshots`, which are of this plan, that a core can take; a
   * fresh one where none is. `breathe`: what it replays until it takes over goes in steps of bytes.
   */
  static async open(
    plan: Plan,
    place: Place,
    snapshots: readonly Snapshot[],
    trimmedTo = 0,
    breathe?: Breathe,
  ): Promise<Running> {
    const running = new Running(plan, place, breathe);
    await running.begin(snapshots, trimmedTo);
    return running;
  }

  /** Anew; without the entries before `trimmedTo` where no snapshot has them. */
  async begin(snapshots: readonly Snapshot[], trimmedTo: number): Promise<void> {
    const { core, snapshot } = await this.#take(snapshots);
    this.core = core;
    const oldest = snapshots.at(-1)?.position ?? 0;
    if (snapshot !== null) this.saving.noteRestored(snapshot, oldest, core);
    if (this.position < trimmedTo) {
      core.startAt(trimmedTo);
      this.saving.since = trimmedTo;
    }
    this.#replay.since = this.saving.since;
  }

  /** A core of the first snapshot that one can take; a fresh one where there is none. */
  async #take(snapshots: readonly Snapshot[]): Promise<{ core: Core; snapshot: Snapshot | null }> {
    for (const snapshot of snapshots) {
      const core = await this.replay.open();
      try {
        await paced(restoring(core, snapshot), this.replay.pace());
        return { core, snapshot };
      } catch (error) {
        if (error instanceof HostFault) throw error;
      }
    }
    return { core: await this.replay.open(), snapshot: null };
  }

  #replayOf(breathe?: Breathe): Replay {
    const replay = new Replay(this.plan, this.program, this.#place, breathe);
    replay.since = this.saving.since;
    return replay;
  }

  get replay(): Replay {
    return this.#replay;
  }

  /** Whether the core has failed and was not made anew, which comes before anything else. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  get poison(): Poison {
    return this.#place.poison;
  }

  get position(): number {
    return this.core.counts().position;
  }

  /** The query's place in the plan; -1 where it has not the query. */
  indexOf(query: string): number {
    return this.plan.queries.findIndex(({ name }) => name === query);
  }

  /** The core for those who read it: of one that failed nothing can be known. HostFault. */
  get readable(): Core {
    if (!this.#isSpent) return this.core;
    const message = "The core failed, and is made again from the log";
    throw new HostFault("core_failed", `${message}: read again when the push is over.`);
  }

  /**
   * The rows of a view; none where the plan has no such query. A key may be one of the query as
   * `planned`, which is to serve. HostFault `core_failed`, `bad_key`, `bad_range`.
   */
  rows(query: string, filter?: RowFilter, planned = this.plan): Row[] {
    const index = this.indexOf(query);
    if (filter?.key) checkKey(filter.key, membersOf(query, this.plan, planned));
    return index < 0 ? [] : readRows(this.readable, this.decoder, index, filter);
  }

  /** The same in steps, in no order; no state moves until the last. */
  *rowSteps(query: string): Steps<Row[]> {
    const index = this.indexOf(query);
    const rows: Row[] = [];
    if (index < 0) return rows;
    // The other one is for pushes, and what they tell.
    const decoder = new Decoder(this.plan);
    for (const records of this.readable.rowSteps(index)) {
      for (const step of decoder.rowSteps(records)) {
        for (const row of step) rows.push(row);
        yield step.length;
      }
    }
    return rows;
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

  /** Replays the log from where the core stands. HostFault `core_failed`. */
  async catchUp(endPosition: number): Promise<void> {
    if (endPosition > 0) this.saving.triedClock ??= 0;
    try {
      await this.replay.run(this.core, this.position, endPosition, null);
      await this.identify();
    } catch (error) {
      if (error instanceof HostFault) throw error;
      await this.remake();
    }
  }

  /** Who the events are that are poisoned: sent again they are duplicates. */
  identify(): Promise<void> {
    const { poison, store } = this.#place;
    return poison.identify(store, () => this.replay.open(), this.program);
  }

  /** Entries that follow on where the core stands. */
  apply(piece: Chunk): Promise<void> {
    return this.replay.apply(this.core, piece, 0, () => {});
  }

  /** In the place of `former`, at its position. */
  takeOver(former: Running): void {
    this.#place.poison.join();
    this.#replay = this.#replayOf();
    this.#place.quarantine.limitTo(this.plan.limits.quarantine);
    this.silence.heard(former.silence.lastReceiptMs);
    const isAlike = acceptsAlike(former.plan, this.plan);
    this.saving.judgedSince = isAlike ? former.saving.judgedSince : this.position;
  }

  /**
   * A core from which the log can be replayed up to `position`: at the log's beginning or,
   * once that was trimmed, at the newest good snapshot. HostFault `log_trimmed`, `log_incomplete`.
   */
  async openBelow(position: number): Promise<{ core: Core; from: number }> {
    const { retaining } = this.#place;
    if (retaining.trimmedTo === 0) return { core: await this.replay.open(), from: 0 };
    const breathe = this.replay.pace();
    const good = (await goodSnapshots(await retaining.recover(breathe), breathe)).filter((each) => {
      return each.plan === this.plan.source && each.position <= position;
    });
    const { core, snapshot } = await this.#take(good);
    const from = snapshot?.position ?? 0;
    // The one that was there when this was asked may have made room for a newer one.
    retaining.assertHeard(position, this.saving.oldest);
    retaining.assertReaches(from);
    return { core, from };
  }

  /**
   * A core that failed is dropped, and made again from the log; what its newest chunk told. It is
   * flushed again if it was: that was told, and no entry says so. Readers are refused until the
   * new one stands where the log ends. A chunk on which that fails too is applied entry by entry:
   * what fails then is poisoned. HostFault `core_failed`.
   */
  async remake(): Promise<readonly Uint8Array[]> {
    this.#isSpent = true;
    let suspect: EntriesFailed | null = null;
    for (let failures = 0; ;) {
      let records: readonly Uint8Array[] = [];
      const { core, from } = await this.openBelow(Infinity);
      this.#watchIn(core);
      const alone: number | undefined = suspect?.firstPosition;
      try {
        await this.replay.run(core, from, Infinity, (told) => (records = told), alone);
        if (this.saving.isFlushed) core.flush(() => {});
      } catch (error) {
        if (error instanceof MarksFound) continue;
        if (!(error instanceof EntriesFailed)) throw error;
        if (++failures > FAILURES_MAX) throw this.#failed(error);
        if (!(suspect as EntriesFailed | null)?.holds(error)) suspect = error;
        else this.#place.poison.find(error.firstPosition);
        continue;
      }
      if (suspect === null) {
        this.core = core;
        this.#isSpent = false;
        this.#watchIn(core);
        // What a reprocess found may have counted what is poisoned now.
        if (failures > 0) this.#replay = this.#replayOf();
        await this.identify();
        return records;
      }
      suspect = null;
    }
  }

  #failed(cause: EntriesFailed): HostFault {
    this.isFailed = true;
    return new HostFault("core_failed", `${cause.message} Close this engine.`, { cause });
  }

  // ── a push ───────────────────────────────────────────────────────────────────────────────────

  /** A batch with its verdicts. A line on which the core fails is held. HostFault. */
  judge(pushed: Pushed, options: FillOptions): MaybePromise<Filled> {
    if (options.release) this.#failedLines.forget();
    const spared = pushed.fault ? null : this.#failedLines.spare(pushed.bytes);
    try {
      if (spared === null) return this.#judge(pushed, options);
      const { bytes, poisoned } = spared;
      return this.#judge({ ...pushed, bytes, sent: pushed.bytes }, { ...options, poisoned });
    } catch (error) {
      assertTrap(error);
      return this.#judgeApart(pushed, options, error);
    }
  }

  #judge(pushed: Pushed, options: FillOptions): Filled {
    const filled = this.intake.fill(this.core, pushed, options);
    this.core.probe();
    return filled;
  }

  /** Each line alone, then all of them without those on which the core fails. */
  async #judgeApart(pushed: Pushed, options: FillOptions, cause: Error): Promise<Filled> {
    await this.remake();
    const bytes = pushed.bytes.slice();
    const poisoned = new Set<number>();
    const { receivedAt: received, ...others } = options;
    let index = 0;
    for (const line of linesOf(bytes)) {
      const receivedAt = received instanceof Array ? received[index] : received;
      const own = typeof receivedAt === "number" && { receivedAt };
      try {
        index += this.#judge({ ...pushed, bytes: line }, { ...others, ...own }).batch.lines;
      } catch (error) {
        assertTrap(error);
        await this.remake();
        const { poison } = this.#place;
        if (!poison.isMarking) {
          poison.find(this.position + index++);
          line.set(quietLine(line.length));
          continue;
        }
        // A tick cannot be held, and what is released is held already.
        const isEvent = !isFault(decodeEvent(line, 0, line.length));
        if (!isEvent || (options.release ?? null) !== null) throw unjudged(cause);
        poisoned.add(index++);
        this.#failedLines.note(line.slice());
        // Something that is a line and no event.
        line.fill(ZERO);
      }
    }
    try {
      return this.#judge({ ...pushed, bytes, sent: pushed.bytes }, { ...options, poisoned });
    } catch (error) {
      assertTrap(error);
      await this.remake();
      throw unjudged(cause);
    }
  }

  /** The years of zones that are new with the entries. HostFault `state_full`, `too_many_years`. */
  makeRoom({ entries }: Settled, given: readonly ZoneYear[]): MaybePromise<readonly ZoneYear[]> {
    if (entries === 0) return [];
    try {
      const zones = bringPushed(this.core, this.program.zones, given);
      this.core.reserve();
      return zones;
    } catch (error) {
      assertTrap(error);
      return this.remake().then(() => {
        throw unjudged(error);
      });
    }
  }

  /**
   * Applies what was appended; what it tells is good until the next push. A core that traps is
   * dropped, and made again from the log.
   */
  applyPush({ entries }: Settled): MaybePromise<readonly Uint8Array[]> {
    if (entries === 0) return [];
    const records: Uint8Array[] = [];
    let end = 0;
    try {
      this.core.apply((bytes) => {
        const fits = end + bytes.length <= this.#room.length;
        const copy = fits ? this.#room.subarray(end, (end += bytes.length)) : bytes.slice();
        if (fits) copy.set(bytes);
        records.push(copy);
      });
      return records;
    } catch {
      return this.remake();
    }
  }

  /** Makes every window final, and gives what that tells. HostFault `state_full`, `core_failed`. */
  flush(): MaybePromise<readonly Uint8Array[]> {
    const records: Uint8Array[] = [];
    try {
      this.core.flush((bytes) => records.push(bytes.slice()));
    } catch (error) {
      assertTrap(error);
      return this.remake().then(() => {
        const message = "The core failed on making every window final: nothing is told of it.";
        throw new HostFault("core_failed", message, { cause: error });
      });
    }
    this.saving.isFlushed = true;
    return records;
  }

  /** Applies what a reprocess found. */
  correct(): MaybePromise<unknown> {
    try {
      return drained(this.core.correctSteps());
    } catch {
      return this.remake();
    }
  }
}

function unjudged(cause: Error): HostFault {
  const message = "The core failed on what was pushed, before anything was appended";
  return new HostFault("core_failed", `${message}: push it in other parts.`, { cause });
}
