// The pump: one push from bytes to changes, and an engine from its store. Read this first.
//
//   push   input → readPushed (bytes) → fill (a slot a line) → probe (verdicts, no state moves)
//          → settle (conflicts, quarantine, receipt) → reserve (room) → append (durable)
//          → apply (state moves) → tell (listeners)
//   open   (open.ts) restore a snapshot → replay the log's tail → ready
//
// Pushes are applied one after another, each atomic: until the append nothing was touched, and
// after it nothing can fail. With a synchronous store a push runs in one turn. What belongs to one
// plan stands in `Running`: while a changed plan is rebuilt, the former one's serves.

import { beginAfter, catchUp, readySwap, tellRows, type SubscribeOptions } from "./catch-up.ts";
import { checkRow, explain, findRow, type Explanation } from "./explain.ts";
import type { Core, LateEvent } from "./core/core.ts";
import { hexOf } from "./event/bytes.ts";
import { readPushed, type PushInput, type PushOptions, type Pushed } from "./ingest/input.ts";
import { LOGGED_RELEASE, type QuarantineEntry, type Release } from "./ingest/quarantine.ts";
import { DispositionCounts, type Receipt } from "./ingest/receipt.ts";
import { RefusedLines, type RefusedLine } from "./ingest/refused-lines.ts";
import type { Settled } from "./ingest/tally.ts";
import { factLine, reprocessFact, type ReprocessFact } from "./ingest/fact.ts";
import { tickLine } from "./ingest/tick.ts";
import type { Change, ChangeWindow, Key, Row } from "./live/change.ts";
import { RowFeed, type RowListener, type RowSource } from "./live/mirror.ts";
import { Subscriptions, type Listener } from "./live/subscription.ts";
import { readStats, type Stats } from "./live/stats.ts";
import type { RowFilter, View } from "./live/view.ts";
import type { Plan } from "./query/plan.ts";
import { isSameQuery, queriesOf } from "./rebuild/difference.ts";
import { byBytes, type Pace } from "./rebuild/pace.ts";
import { Rebuild, type Site } from "./rebuild/rebuild.ts";
import type { Replayed, Tell } from "./replay.ts";
import { Running, type Place } from "./running.ts";
import { checkFrom, checkRange, checkTick, unknownQuery } from "./store/asked.ts";
import { digestOf, verifyLog, type Verified } from "./store/chain.ts";
import { exportChunk } from "./store/chunk.ts";
import { HostFault } from "./store/host-fault.ts";
import { readChunks, type LogRange } from "./store/log-reader.ts";
import type { Snapshot } from "./store/snapshot.ts";
import type { Breathe } from "./store/steps.ts";
import type { MaybePromise, Store } from "./store/store.ts";
import { markFound, markSkipped, openBeside } from "./successor.ts";
import { Turns } from "./turns.ts";
import { wallClock } from "./wall-clock.ts";

export class Engine implements RowSource {
  /** The one asked for, whether it serves already or is being rebuilt. */
  readonly plan: Plan;
  readonly #place: Place;
  readonly #store: Store;
  readonly #subscriptions = new Subscriptions();
  readonly #rowFeed = new RowFeed(() => this.#running);
  readonly #refused = new RefusedLines();
  readonly #dispositions = new DispositionCounts();
  readonly #turns = new Turns();
  #running: Running;
  #rebuild: Rebuild | null = null;
  #ended: Promise<void> | null = null;

  /** Use `open`. */
  constructor(plan: Plan, running: Running, place: Place) {
    this.plan = plan;
    this.#running = running;
    this.#place = place;
    this.#store = place.store;
    place.retaining.begin({
      running: () => this.#running,
      isRebuilding: () => this.#running.plan !== this.plan,
      turn: (work) => this.#turn(work),
    });
  }

  get #core(): Core {
    return this.#running.core;
  }

  // ── in ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes events in: NDJSON or one JSON array as text or bytes, an object, or a list of objects.
   * The receipt says what became of each; what it calls accepted is durable. Rejects, and leaves
   * no trace, with the HostFault of the store, `state_full`, `too_many_years`, `engine_flushed`.
   */
  push(input: PushInput, options: PushOptions = {}): Promise<Receipt> {
    return this.#turns.take(() => this.#push(() => readPushed(input, options.format), options));
  }

  /**
   * Held lines become events now, as a push of their own: received again at `receivedAt` (ms, the
   * present where absent), not held back for their age or their time, duplicates and conflicts
   * among them refused; all leave the quarantine. The receipt's `index` counts the ids, each once.
   * Rejects as `push` does, and with the HostFault `unknown_id`; then nothing was released.
   */
  release(
    ids: readonly string[],
    { receivedAt = wallClock() }: { readonly receivedAt?: number } = {},
  ): Promise<Receipt> {
    return this.#turns.take(() =>
      this.#push(() => this.#place.quarantine.take(ids), { receivedAt }),
    );
  }

  /** Time passed without events: `timeMs` since 1970. Rejects as `push`, and with `bad_time`. */
  async tick(timeMs: number): Promise<void> {
    checkTick(timeMs);
    const read = (): Pushed => ({ bytes: tickLine(timeMs) });
    await this.#turns.take(() => this.#push(read, { ticks: true }));
  }

  /**
   * The wall time, ms since 1970, at which `tickIdle` finds something to do if no event comes until
   * then; null where nothing is due, no receive time was ever given, or `idle` is `"never"`. It is
   * past where a core has failed: that is made again first.
   */
  idleAt(): number | null {
    const { isSpent, saving, silence } = this.#running;
    return saving.isFlushed ? null : silence.dueAt(isSpent ? null : this.#core);
  }

  /**
   * Lets time pass in silence, by a tick of the log, where something is due at the wall time `now`
   * (ms since 1970, of the clock that gives the receive times). True where it ticked.
   */
  async tickIdle(now: number): Promise<boolean> {
    if (this.#running.isSpent) await this.#mend();
    if (this.#turns.isUnderWay || this.#running.saving.isFlushed) return false;
    const timeMs = this.#running.silence.tickAt(this.#core, now);
    if (timeMs !== null) await this.tick(timeMs);
    return timeMs !== null;
  }

  async #push(
    read: () => Pushed & { readonly release?: Release },
    options: PushOptions,
  ): Promise<Receipt> {
    try {
      this.#running.saving.assertUnflushed();
      if (this.#isUnsettled) await this.#settle();
      const pushed = read();
      const { release = options.released === true ? LOGGED_RELEASE : null } = pushed;
      const judged = this.#running.judge(pushed, { ...options, release });
      const filled = judged instanceof Promise ? await judged : judged;
      const pending = this.#running.intake.settle(filled);
      const settled = pending instanceof Promise ? await pending : pending;
      const made = this.#running.makeRoom(settled, options.zones ?? []);
      const zones = made instanceof Promise ? await made : made;
      const written = this.#place.appending.append(settled, zones);
      if (written instanceof Promise) await written;
      this.#keep(settled);
      this.#running.silence.heard(options.receivedAt ?? settled.receivedAt);
      const applied = this.#running.applyPush(settled);
      const records = applied instanceof Promise ? await applied : applied;
      // What is durable is no failure because a mark is not: the next push tries it again.
      if (this.#place.poison.unmarked.length > 0) await this.#mark().catch(() => {});
      this.#tell(records);
      const saved = this.#running.saving.saveWhenDue(this.#core);
      if (saved instanceof Promise) await saved;
      return settled.receipt;
    } finally {
      this.#endTurn();
    }
  }

  get #isUnsettled(): boolean {
    const { appending, poison } = this.#place;
    return this.#running.isSpent || appending.isInDoubt || poison.unmarked.length > 0;
  }

  async #settle(): Promise<void> {
    if (this.#running.isSpent) await this.#running.remake();
    if (this.#place.appending.isInDoubt) await this.#settleDoubt();
    if (this.#place.poison.unmarked.length > 0) await this.#mark();
  }

  /** In a turn of its own, a core that failed is made again. */
  #mend(): Promise<void> {
    return this.#turn(() => this.#settle());
  }

  #mark(): Promise<void> {
    return markFound(this.#running, this.#place);
  }

  /** What the store has of an append that it told as failed is taken from there, and told. */
  #settleDoubt(): Promise<void> {
    return this.#place.appending.settleDoubt(async ({ write, settled }) => {
      const { replay, core, silence, position } = this.#running;
      let told: Parameters<Tell> = [[]];
      try {
        const tell: Tell = (...each) => (told = each);
        await replay.run(core, position, write.endPosition, tell, -1, true);
      } catch (error) {
        if (error instanceof HostFault) throw error;
        told = [await this.#running.remake()];
      }
      if (settled !== null) this.#keep(settled);
      silence.heard(settled?.receivedAt ?? null);
      this.#tell(...told);
    });
  }

  #tell(records: readonly Uint8Array[], reprocess?: Replayed): void {
    const { decoder } = this.#running;
    this.#subscriptions.tellRecords(records, decoder);
    if (reprocess === undefined) this.#rowFeed.tell(records);
    else this.#rowFeed.tellCorrected(decoder.changes([reprocess.found]));
  }

  #keep({ held, release, refused, bytes, receipt }: Settled): void {
    for (const line of held) this.#place.quarantine.add(line);
    if (release !== null) this.#place.quarantine.letGo(release.ids, release.accepted);
    this.#refused.add(bytes, refused);
    this.#dispositions.add(receipt);
  }

  /**
   * Computes the closed windows of a query that touch [from, to), ms since 1970, again from the
   * log, late events included. The answer is what it corrected, whatever `emit` tells listeners.
   * Rejects, and leaves no trace, as `push`, and with `unknown_query`, `bad_range`.
   */
  async reprocess(query: string, range: { from: number; to: number }): Promise<Change[]> {
    if (this.#indexOf(query) < 0) await this.rebuilt();
    const fact = reprocessFact(query, range);
    this.#place.retaining.assertWhole("To reprocess");
    return this.#turns.take(() => this.#reprocess(fact));
  }

  async #reprocess(fact: ReprocessFact): Promise<Change[]> {
    try {
      this.#running.saving.assertUnflushed();
      if (this.#isUnsettled) await this.#settle();
      const { replay } = this.#running;
      this.#place.retaining.assertWhole("To reprocess");
      const { position, records, isTold } = await replay.reprocess(fact, this.#core);
      await this.#place.appending.appendFact(factLine(fact), position);
      const applied = this.#running.correct();
      // In one turn with what is told of it: who subscribes hears of it once.
      if (applied instanceof Promise) await applied;
      const changes = this.#running.decoder.changes([records]);
      if (isTold) this.#subscriptions.tell(changes);
      this.#rowFeed.tellCorrected(changes);
      // To replay this entry is to replay the whole log.
      await this.#running.saving.trySave(this.#core);
      return changes;
    } finally {
      this.#endTurn();
    }
  }

  /**
   * Makes every window final, as if the clock had passed them all (`--flush`); not in the log, so
   * that nothing can be pushed behind it (`engine_flushed`): opened again, the log goes on. A turn
   * of its own. Rejects with the HostFault `state_full`, or `core_failed`, and then told nothing.
   */
  flush(): Promise<Change[]> {
    return this.#turn(async () => {
      if (this.#isRebuilding) throw new Error("A changed plan is rebuilt: flush after that.");
      if (this.#isUnsettled) await this.#settle();
      const flushed = this.#running.flush();
      const records = flushed instanceof Promise ? await flushed : flushed;
      this.#tell(records);
      return this.#running.decoder.changes(records);
    });
  }

  // ── out ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * The view of a query: the latest value of its every key and window, as the plan that serves has
   * it. Until a changed plan has caught up, the queries that only it has show no rows. To read it
   * throws the HostFault `core_failed` while a core that failed is made again.
   */
  view(query: string): View {
    this.#indexOf(query);
    return { rows: (filter) => this.#running.rows(query, filter, this.plan) };
  }

  /** The rows of a view, as `view(query).rows(filter)`. */
  rows(query: string, filter?: RowFilter): readonly Row[] {
    return this.view(query).rows(filter);
  }

  /** Tells `listener` what each push does to a view, whatever `emit` says. */
  onRows(query: string, listener: RowListener): () => void {
    this.#indexOf(query);
    return this.#rowFeed.add(query, listener);
  }

  /**
   * Tells `listener` the changes of a query, once a push, from now on. From `"snapshot"`: first
   * the view as it is, its rows as changes; from a position: first those of the entries since, of a
   * query that a changed plan has otherwise when that plan serves. Who listens when it takes over
   * hears what it makes of the view: retracts, and rows as changes. Throws `log_trimmed`; what ends
   * a subscription later, before it told what was, `onFault` hears.
   */
  subscribe(query: string, listener: Listener, options: SubscribeOptions = {}): () => void {
    this.#indexOf(query);
    const { from = "now" } = options;
    checkFrom(from);
    if (from === "now") return this.#subscriptions.add(query, listener);
    const running = this.#running;
    const isOther = this.#isRebuilding && !isSameQuery(running.plan, this.plan, query);
    if (running.isSpent || (isOther && from !== "snapshot")) {
      const ready = running.isSpent ? this.#mend() : this.rebuilt();
      return beginAfter(ready, () => this.subscribe(query, listener, options), options);
    }
    if (from === "snapshot") return tellRows(running, this.#subscriptions, query, listener);
    this.#place.retaining.assertHeard(from, running.saving.oldest);
    return catchUp(running, this.#subscriptions, query, from, listener, options);
  }

  /** Tells `listener` the changes of all queries, in the order of the contract. */
  listen(listener: Listener): () => void {
    return this.#subscriptions.add(null, listener);
  }

  /**
   * The events behind a number: what was applied to the key's window, what was late for it, what
   * was told of it and when. It replays the log, as it is now, in a core of its own. Rejects with
   * `unknown_query`, `bad_key`, `bad_window`, and with the HostFault of a log that cannot be read.
   */
  async explain(query: string, key: Key, window: ChangeWindow): Promise<Explanation> {
    if (this.#indexOf(query) < 0) await this.rebuilt();
    if (this.#running.isSpent) await this.#mend();
    this.#place.retaining.assertWhole("To explain");
    const { plan, replay, saving } = this.#running;
    const index = this.#indexOf(query);
    checkRow(plan.queries[index]!, key, window);
    const { position } = this.#core.counts();
    const row = findRow(this.view(query), key, window);
    const present = { position, row, refused: this.refused(), isFlushed: saving.isFlushed };
    return explain(plan, index, key, window, present, replay, this.#store);
  }

  /** The newest 1,000 late events of a query, oldest first. HostFault as of `view`. */
  late(query: string): LateEvent[] {
    const index = this.#indexOf(query);
    return index < 0 ? [] : this.#running.readable.late(index);
  }

  /** The lines held until they are released. */
  quarantine(): QuarantineEntry[] {
    return this.#place.quarantine.list();
  }

  /** The newest 1,000 invalid and duplicate lines since open, fewer where they are long. */
  refused(): RefusedLine[] {
    return this.#refused.list();
  }

  /** Whole chunks of the log that hold positions of [from, to), in the exported form. */
  async *log(range: LogRange = {}): AsyncGenerator<string, void, undefined> {
    checkRange(range);
    const { from = this.#place.retaining.trimmedTo, to = Infinity } = range;
    for await (const chunk of readChunks(this.#store, from, to)) yield exportChunk(chunk);
  }

  /**
   * Walks the log's chain over the chunks that hold positions of [from, to): each is whole, and
   * carries the SHA-256 of the one before it. What is broken first is a value, its place and what
   * to do: `log_trimmed` below what is kept. Rejects with the HostFault of a store that cannot be
   * read at all.
   */
  async verify(range: LogRange = {}): Promise<Verified> {
    checkRange(range);
    if (this.#running.isSpent) await this.#mend();
    const { trimmedTo } = this.#place.retaining;
    const { position } = this.#core.counts();
    const { from = trimmedTo, to = Infinity } = range;
    const newest = to < position ? null : this.#place.appending.newest;
    await this.#store.seal?.();
    const end = Math.min(to, position);
    const verified = await verifyLog(this.#store, from, trimmedTo, end, await newest);
    // What was kept when this was asked may have been trimmed meanwhile.
    const isPassed = range.from === undefined && trimmedTo < this.#place.retaining.trimmedTo;
    return isPassed && verified.broken?.code === "log_trimmed" ? this.verify(range) : verified;
  }

  /** HostFault as of `view`. */
  stats(): Stats {
    const { plan, readable: core, saving } = this.#running;
    const { share: rebuild, fault } = this.#rebuild ?? { share: null, fault: null };
    const { judgedSince, since } = saving;
    const { trimmedTo, trimFault } = this.#place.retaining;
    const poisoned = this.#place.poison.positions;
    const kept = { judgedSince, since, trimmedTo, trimFault, poisoned };
    const standing = { rebuild, rebuildFault: fault?.code ?? null, ...kept };
    return readStats(core, plan, this.#dispositions.read(), this.#store.storage, standing);
  }

  /** SHA-256 of the state, 64 hex digits, whatever the cut into pushes. HostFault as of `view`. */
  async stateHash(): Promise<string> {
    return hexOf(await digestOf(this.#running.readable.image().state.slice()));
  }

  // ── kept ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Saves the state at the present position in the store, so that opening is fast; one that was
   * flushed, which the log does not have, is not saved. The position of the newest that is.
   */
  snapshot(): Promise<{ position: number }> {
    return this.#turn(async () => {
      if (this.#running.isSpent) await this.#settle();
      await this.#running.saving.save(this.#core);
      return { position: this.#running.saving.position };
    });
  }

  /**
   * Ends the engine, after the pushes called before, with a snapshot; later ones are refused. A
   * rebuild that is under way begins anew when the log is opened again.
   */
  close(): Promise<void> {
    void this.#rebuild?.stop();
    this.#ended ??= this.#turns.isClosed
      ? this.#closeStore()
      : this.#turn(() => this.#saveChanged()).finally(() => this.#closeStore());
    this.#turns.close();
    return this.#ended;
  }

  async #saveChanged(): Promise<void> {
    // Of a core that failed nothing is saved: the log has it all.
    if (this.#running.isSpent) return;
    const isSaved = this.#core.counts().position === this.#running.saving.position;
    if (!isSaved) await this.#running.saving.save(this.#core);
  }

  async #closeStore(): Promise<void> {
    await this.#rebuild?.stop();
    await this.#place.retaining.stop();
    await this.#store.close();
  }

  // ── another plan ─────────────────────────────────────────────────────────────────────────────

  /** Resolves when the plan asked for serves; rejects with the HostFault of what hinders it. */
  rebuilt(): Promise<void> {
    return this.#rebuild?.done ?? Promise.resolve();
  }

  get #isRebuilding(): boolean {
    return this.#rebuild?.isUnderWay === true;
  }

  /**
   * Rebuilds the plan asked for, from a snapshot of its own or what the log keeps, from `trimmedTo`
   * on, while the former one serves. Resolves when the first slice is over. Called by `open`.
   */
  async rebuild(own: Snapshot | null, trimmedTo: number, pace: Pace): Promise<void> {
    const breathe = byBytes((entries) => this.#rebuild?.breathe(entries));
    const place = this.#place;
    const { next, begin } = await openBeside(this.plan, place, own, trimmedTo, breathe);
    const site: Site = {
      store: this.#store,
      // A core that failed says nothing: it is made again in a turn.
      end: () => (this.#running.isSpent ? next : this.#running).position,
      position: () => next.position,
      apply: (piece) => next.apply(piece),
      begin,
      poison: (position) => next.poison.find(position),
      turn: (work) => this.#turn(() => this.#settle().then(work)),
      swap: (rows) => this.#swap(next, rows),
    };
    this.#rebuild = new Rebuild(site, pace);
    await this.#rebuild.begun;
  }

  /** In one turn, at equal position: nobody sees one plan here and the other there. */
  async #swap(next: Running, breathe: Breathe): Promise<() => MaybePromise<void>> {
    const subscriptions = this.#subscriptions;
    const tell = await readySwap(this.#running, next, subscriptions, this.#rowFeed, breathe);
    await markSkipped(next, this.#place.appending);
    return () => {
      tell(() => (this.#running = next));
      return next.saving.trySave(next.core, byBytes(breathe));
    };
  }

  #turn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => work().finally(() => this.#endTurn()));
  }

  #endTurn(): void {
    if (this.#running.isFailed) this.#turns.close();
    else this.#core.end();
    this.#turns.end();
  }

  /** The query's place in the plan that serves; -1 where only the plan asked for has it. */
  #indexOf(query: string): number {
    const names = queriesOf(this.plan, this.#running.plan);
    if (names.includes(query)) return this.#running.indexOf(query);
    throw unknownQuery(names);
  }
}
