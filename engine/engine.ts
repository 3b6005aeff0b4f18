// The pump: one push from bytes to changes, and an engine from its store. Read this first.
//
//   push   input → readPushed (bytes) → fill (a slot a line) → probe (verdicts, no state moves)
//          → settle (conflicts, quarantine, receipt) → reserve (room) → append (durable)
//          → apply (state moves) → tell (listeners)
//   open   recover (snapshot) → replay (the log's tail) → ready
//
// Pushes are applied one after another, each atomic: until the append nothing was touched, and
// after it nothing can fail. With a synchronous store a push runs in one turn.

import { Appending } from "./appending.ts";
import { catchUp, rowsAsChanges } from "./catch-up.ts";
import type { ZoneYear } from "./event/zone.ts";
import { checkRow, explain, findRow, type Explanation } from "./explain.ts";
import { PAGES_MAX, type Core, type LateEvent } from "./core/core.ts";
import { readPushed, type PushInput, type Pushed } from "./ingest/input.ts";
import { Intake } from "./ingest/intake.ts";
import { bringYears } from "./ingest/zone-years.ts";
import {
  LOGGED_RELEASE,
  Quarantine,
  type QuarantineEntry,
  type Release,
} from "./ingest/quarantine.ts";
import {
  DispositionCounts,
  RefusedLines,
  type Receipt,
  type RefusedLine,
} from "./ingest/receipt.ts";
import type { Settled } from "./ingest/tally.ts";
import { reprocessFact, type ReprocessFact } from "./ingest/fact.ts";
import { tickLine } from "./ingest/tick.ts";
import type { Change, ChangeWindow, Key, Row } from "./live/change.ts";
import { Decoder } from "./live/decoder.ts";
import { RowFeed, type RowListener, type RowSource } from "./live/mirror.ts";
import { callListener, Subscriptions, type Listener } from "./live/subscription.ts";
import { readStats, type Stats } from "./live/stats.ts";
import { readRows, type RowFilter, type View } from "./live/view.ts";
import { compile, type Program } from "./query/compile.ts";
import { checkPlan, type Plan } from "./query/plan.ts";
import { PlanRefused } from "./query/plan-refused.ts";
import { Replay } from "./replay.ts";
import { Saving } from "./saving.ts";
import { Silence } from "./silence.ts";
import { verifyLog, type Verified } from "./store/chain.ts";
import { exportChunk } from "./store/chunk.ts";
import { HostFault } from "./store/host-fault.ts";
import { readChunks } from "./store/log-reader.ts";
import { memory } from "./store/memory.ts";
import type { LogHeader, MaybePromise, Store } from "./store/store.ts";
import { Turns } from "./turns.ts";
import { wallClock } from "./wall-clock.ts";

export interface OpenOptions {
  /** Plain data (contract.md, "A plan"). */
  readonly plan: unknown;
  /** Where the log is kept; `memory()` where absent. */
  readonly store?: Store;
  /** 16 bytes that key the hash tables of a new log; drawn at random where absent. */
  readonly hashKey?: Uint8Array;
  /** The most memory of the core, in pages of 64 KiB. */
  readonly memoryPagesMax?: number;
}

export interface PushOptions {
  /** `"ndjson"`: text is lines, never one JSON array. */
  readonly format?: "ndjson";
  /** When the host received the events, ms since 1970, or one a line, null where unknown. */
  readonly receivedAt?: number | readonly (number | null)[];
  /**
   * In its place: the top-level member in which each event has its receive time, as ms or RFC 3339
   * with an offset; unknown where it is absent or null, else `invalid_time` at that member.
   */
  readonly receivedAtMember?: string;
  /** Lines that are `{"tick": integer}` are ticks, not events. */
  readonly ticks?: boolean;
  /** Years of time zones that stand in an exported log beside the entries. */
  readonly zones?: readonly ZoneYear[];
  /** The lines are a released chunk of an exported log: none of them is held back. */
  readonly released?: boolean;
}

/** Positions [from, to) of the log; all of it where they are absent. */
export interface LogRange {
  readonly from?: number;
  readonly to?: number;
}

/** Where a subscription begins. */
export type SubscribeFrom = "now" | "snapshot" | number;

const LOG_VERSION = 1;

/** Opens an engine on what the store holds. Rejects with PlanRefused or a HostFault. */
export async function open(options: OpenOptions): Promise<Engine> {
  const { plan, faults } = checkPlan(options.plan);
  if (plan === null) throw new PlanRefused(faults);
  const store = options.store ?? memory();
  const recovered = await store.recover();
  const header = recovered?.header ?? newHeader(options.hashKey);
  if (recovered === null) await store.create(header);
  const program = compile(plan, header.hashKey);
  const replay = new Replay(plan, program, store, options.memoryPagesMax ?? PAGES_MAX);
  const quarantine = new Quarantine(plan.limits.quarantine, recovered);
  const engine = new Engine(plan, program, store, quarantine, replay, await replay.open());
  if (recovered !== null) {
    await engine.recover(
      recovered.snapshots.map(({ bytes }) => bytes),
      recovered.endPosition,
    );
  }
  return engine;
}

function newHeader(hashKey?: Uint8Array): LogHeader {
  const key = hashKey ?? crypto.getRandomValues(new Uint8Array(16));
  if (key.length !== 16) throw new RangeError(`Got ${key.length} bytes when a hash key has 16.`);
  return { version: LOG_VERSION, hashKey: key };
}

export class Engine implements RowSource {
  readonly plan: Plan;
  readonly #program: Program;
  readonly #store: Store;
  readonly #quarantine: Quarantine;
  readonly #replay: Replay;
  readonly #intake: Intake;
  readonly #subscriptions = new Subscriptions();
  readonly #decoder: Decoder;
  readonly #rowFeed = new RowFeed(
    (query) => this.rows(query),
    () => this.#core.counts(),
  );
  readonly #refused = new RefusedLines();
  readonly #dispositions = new DispositionCounts();
  readonly #turns = new Turns();
  readonly #silence: Silence;
  readonly #saving: Saving;
  readonly #appending: Appending;
  /** Where `flush` was called. */
  readonly #flushes: number[] = [];
  #core: Core;
  #ended: Promise<void> | null = null;

  /** Use `open`. */
  constructor(
    plan: Plan,
    program: Program,
    store: Store,
    quarantine: Quarantine,
    replay: Replay,
    core: Core,
  ) {
    this.plan = plan;
    this.#program = program;
    this.#store = store;
    this.#quarantine = quarantine;
    this.#replay = replay;
    this.#core = core;
    this.#decoder = new Decoder(plan);
    this.#intake = new Intake(program, quarantine, store);
    this.#silence = new Silence(plan);
    this.#saving = new Saving(plan, store);
    this.#appending = new Appending(store, quarantine);
  }

  // ── in ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes events in: NDJSON or one JSON array as text or bytes, an object, or a list of objects.
   * The receipt says what became of each; what it calls accepted is durable. Rejects, and leaves
   * no trace, with the HostFault of the store, or `state_full`.
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
    return this.#turns.take(() => this.#push(() => this.#quarantine.take(ids), { receivedAt }));
  }

  /** Time passed without events: `timeMs` since 1970. */
  async tick(timeMs: number): Promise<void> {
    if (!Number.isSafeInteger(timeMs)) throw new RangeError("A tick is a whole number of ms.");
    const read = (): Pushed => ({ bytes: tickLine(timeMs), lines: null });
    await this.#turns.take(() => this.#push(read, { ticks: true }));
  }

  /**
   * The wall time, ms since 1970, at which `tickIdle` finds something to do if no event comes until
   * then; null where nothing is due, no receive time was ever given, or `idle` is `"never"`.
   */
  idleAt(): number | null {
    return this.#silence.dueAt(this.#core);
  }

  /**
   * Lets time pass in silence, by a tick of the log, where something is due at the wall time `now`
   * (ms since 1970, of the clock that gives the receive times). True where it ticked.
   */
  async tickIdle(now: number): Promise<boolean> {
    if (this.#turns.isUnderWay) return false;
    const timeMs = this.#silence.tickAt(this.#core, now);
    if (timeMs === null) return false;
    await this.tick(timeMs);
    return true;
  }

  async #push(
    read: () => Pushed & { readonly release?: Release },
    options: PushOptions,
  ): Promise<Receipt> {
    try {
      const pushed = read();
      const { release = options.released === true ? LOGGED_RELEASE : null } = pushed;
      const filled = this.#intake.fill(this.#core, pushed, { ...options, release });
      this.#core.probe();
      const pending = this.#intake.settle(filled);
      const settled = pending instanceof Promise ? await pending : pending;
      const zones = this.#makeRoom(settled, options.zones ?? []);
      const written = this.#appending.append(settled, zones);
      if (written instanceof Promise) await written;
      this.#keep(settled);
      this.#silence.heard(options.receivedAt ?? settled.receivedAt);
      const applied = this.#apply(settled);
      const records = applied instanceof Promise ? await applied : applied;
      this.#subscriptions.tellRecords(records, this.#decoder);
      this.#rowFeed.tell();
      const saved = this.#saving.saveWhenDue(this.#core);
      if (saved instanceof Promise) await saved;
      return settled.receipt;
    } finally {
      this.#endTurn();
    }
  }

  /** The years of zones that the entries are the first to need. HostFault `state_full`. */
  #makeRoom({ entries }: Settled, given: readonly ZoneYear[]): readonly ZoneYear[] {
    if (entries === 0) return [];
    const zones = bringYears(this.#core, this.#program.zones, given);
    this.#core.reserve();
    return zones;
  }

  /** Applies what was appended. A core that traps is dropped, and made again from the log. */
  #apply({ entries }: Settled): MaybePromise<readonly Uint8Array[]> {
    if (entries === 0) return [];
    const records: Uint8Array[] = [];
    try {
      this.#core.apply((bytes) => records.push(bytes));
      return records;
    } catch (error) {
      return this.#rebuild(error);
    }
  }

  /** No half-state is ever used again. Answers what the newest chunk tells. */
  async #rebuild(cause: unknown): Promise<readonly Uint8Array[]> {
    let records: readonly Uint8Array[] = [];
    try {
      // Readers keep what they had until the new one stands where the log ends.
      const core = await this.#replay.open();
      await this.#replay.run(core, 0, Infinity, (told) => (records = told));
      this.#core = core;
      return records;
    } catch {
      this.#turns.close();
      const message = "The core failed on an entry of the log, and again when it was replayed.";
      throw new HostFault("core_failed", message, { cause });
    }
  }

  #keep({ held, release, refused, receipt }: Settled): void {
    for (const line of held) this.#quarantine.add(line);
    if (release !== null) this.#quarantine.letGo(release.ids, release.accepted);
    for (const { fault, line } of refused) this.#refused.add(fault, line);
    this.#dispositions.add(receipt);
  }

  /**
   * Computes the closed windows of a query that touch [from, to), ms since 1970, again from the
   * log, late events included. The answer is what it corrected, whatever `emit` tells listeners.
   * Rejects with a RangeError, the HostFault of the store, or `state_full`, and leaves no trace.
   */
  async reprocess(query: string, range: { from: number; to: number }): Promise<Change[]> {
    this.#indexOf(query);
    const fact = reprocessFact(query, range);
    return this.#turns.take(() => this.#reprocess(fact));
  }

  async #reprocess(fact: ReprocessFact): Promise<Change[]> {
    try {
      const { position, records, isTold } = await this.#replay.reprocess(fact, this.#core);
      const written = this.#appending.appendFact(fact, position);
      if (written instanceof Promise) await written;
      const applied = this.#correct();
      if (applied instanceof Promise) await applied;
      const changes = this.#decoder.changes([records]);
      if (isTold) this.#subscriptions.tell(changes);
      this.#rowFeed.tell();
      // To replay this entry is to replay the whole log.
      const saved = this.#saving.trySave(this.#core);
      if (saved instanceof Promise) await saved;
      return changes;
    } finally {
      this.#endTurn();
    }
  }

  #correct(): MaybePromise<unknown> {
    try {
      return this.#core.correct();
    } catch (error) {
      return this.#rebuild(error);
    }
  }

  /** Makes every window final, as if the clock had passed them all (`--flush`); not in the log. */
  flush(): Change[] {
    if (this.#turns.isUnderWay) throw new Error("A push is under way: flush after it.");
    const records: Uint8Array[] = [];
    this.#core.flush((bytes) => records.push(bytes));
    this.#flushes.push(this.#core.counts().position);
    const changes = this.#decoder.changes(records);
    this.#subscriptions.tell(changes);
    this.#rowFeed.tell();
    return changes;
  }

  // ── out ──────────────────────────────────────────────────────────────────────────────────────

  /** The view of a query: the latest value of its every key and window. */
  view(query: string): View {
    const index = this.#indexOf(query);
    return { rows: (filter) => readRows(this.#core, this.#decoder, index, filter) };
  }

  /** The rows of a view, as `view(query).rows(filter)`. */
  rows(query: string, filter?: RowFilter): readonly Row[] {
    return this.view(query).rows(filter);
  }

  /** Tells `listener` what each push does to a view, whatever `emit` says; O(rows) a push. */
  onRows(query: string, listener: RowListener): () => void {
    this.#indexOf(query);
    return this.#rowFeed.add(query, listener);
  }

  /**
   * Tells `listener` the changes of a query, once a push, from now on. From `"snapshot"`: first
   * the view as it is, its rows as changes; from a position: first those of the entries since.
   */
  subscribe(query: string, listener: Listener, options: { from?: SubscribeFrom } = {}): () => void {
    this.#indexOf(query);
    const from = options.from ?? "now";
    if (from === "now") return this.#subscriptions.add(query, listener);
    const { position } = this.#core.counts();
    if (from === "snapshot") {
      const changes = rowsAsChanges(this.view(query).rows(), position);
      if (changes.length > 0) callListener(listener, changes);
      return this.#subscriptions.add(query, listener);
    }
    const { plan } = this;
    return catchUp(plan, this.#replay, this.#subscriptions, query, listener, from, position);
  }

  /** Tells `listener` the changes of all queries, in the order of the contract. */
  listen(listener: Listener): () => void {
    return this.#subscriptions.add(null, listener);
  }

  /**
   * The events behind a number: what was applied to the key's window, what was late for it, what
   * was told of it and when. It replays the log, as it is now, in a core of its own. Rejects with a
   * RangeError for a query, key or window that the plan has not, and with the HostFault of a log
   * that cannot be read.
   */
  async explain(query: string, key: Key, window: ChangeWindow): Promise<Explanation> {
    const index = this.#indexOf(query);
    checkRow(this.plan.queries[index]!, key, window);
    const { position } = this.#core.counts();
    const row = findRow(this.view(query), key, window);
    const present = { position, row, refused: this.refused(), flushes: [...this.#flushes] };
    return explain(this.plan, index, key, window, present, this.#replay, this.#store);
  }

  /** The newest 1,000 late events of a query, oldest first. */
  late(query: string): LateEvent[] {
    return this.#core.late(this.#indexOf(query));
  }

  /** The lines held until they are released. */
  quarantine(): QuarantineEntry[] {
    return this.#quarantine.list();
  }

  /** The newest 1,000 invalid and duplicate lines since open, fewer where they are long. */
  refused(): RefusedLine[] {
    return this.#refused.list();
  }

  /** Whole chunks of the log that hold positions of [from, to), in the exported form. */
  async *log({ from = 0, to = Infinity }: LogRange = {}): AsyncGenerator<string, void, undefined> {
    for await (const chunk of readChunks(this.#store, from, to)) yield exportChunk(chunk);
  }

  /**
   * Walks the log's chain over the chunks that hold positions of [from, to): each is whole, and
   * carries the SHA-256 of the one before it. What is broken first is a value, its place and what
   * to do. Rejects with the HostFault of a store that cannot be read at all.
   */
  async verify({ from = 0, to = Infinity }: LogRange = {}): Promise<Verified> {
    const { position } = this.#core.counts();
    const newest = to < position ? null : this.#appending.newest;
    await this.#store.seal?.();
    return verifyLog(this.#store, from, Math.min(to, position), await newest);
  }

  stats(): Stats {
    return readStats(this.#core, this.plan, this.#dispositions.read(), this.#store.storage);
  }

  /** SHA-256 of the state, 64 hex digits: the same however the entries were cut into pushes. */
  async stateHash(): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-256", this.#core.image().state.slice());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // ── kept ─────────────────────────────────────────────────────────────────────────────────────

  /** Saves the state at the present position in the store, so that opening is fast. */
  snapshot(): Promise<{ position: number }> {
    return this.#turns.take(async () => {
      try {
        const saved = this.#saving.save(this.#core);
        if (saved instanceof Promise) await saved;
        return { position: this.#saving.position };
      } finally {
        this.#endTurn();
      }
    });
  }

  /** Ends the engine, after the pushes called before, with a snapshot; later ones are refused. */
  close(): Promise<void> {
    this.#ended ??= this.#turns.isClosed
      ? this.#closeStore()
      : this.#turns.take(() => this.#saveChanged()).finally(() => this.#closeStore());
    this.#turns.close();
    return this.#ended;
  }

  async #saveChanged(): Promise<void> {
    try {
      const isSaved = this.#core.counts().position === this.#saving.position;
      if (!isSaved) await this.#saving.save(this.#core);
    } finally {
      this.#endTurn();
    }
  }

  async #closeStore(): Promise<void> {
    await this.#store.close();
  }

  /** Puts the core where the log ends: from the newest good snapshot, or from the beginning. */
  async recover(snapshots: readonly Uint8Array[], endPosition: number): Promise<void> {
    const from = this.#saving.restore(this.#core, snapshots, endPosition);
    await this.#replay.run(this.#core, from, endPosition, () => {});
    await this.#appending.resume(endPosition);
  }

  #endTurn(): void {
    this.#core.end();
    this.#turns.end();
  }

  #indexOf(query: string): number {
    const index = this.plan.queries.findIndex(({ name }) => name === query);
    if (index >= 0) return index;
    const names = this.plan.queries.map(({ name }) => JSON.stringify(name)).join(", ");
    throw new RangeError(`No query of this plan has the name given: it has ${names}.`);
  }
}
