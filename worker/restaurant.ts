// One restaurant: an engine over the SQLite of its Durable Object, a thin shell. The object's name
// is the restaurant's id. A push is one synchronous turn of the engine, and the platform's output
// gate holds the receipt until the append is on disk.
//
// The log is made by the first push, so that a read of a restaurant that nobody knows writes
// nothing. Isolates are shared: nothing mutable stands outside the class.

import { DurableObject } from "cloudflare:workers";
import plan from "../demo/plans/restaurant-metrics.json" with { type: "json" };
import {
  HostFault,
  open,
  type Change,
  type ChangeWindow,
  type Engine,
  type Explanation,
  type HostFaultCode,
  type Key,
  type Receipt,
  type Retention,
  type Row,
  type RowFilter,
  type Stats,
} from "../engine/index.ts";
import { checkRow } from "../engine/explain.ts";
import { sqlite } from "../engine/store/sqlite.ts";
import { restoreLog } from "../engine/store/restore.ts";
import { archivedIn, archiveIn } from "./archive.ts";
import type { Question } from "./reprocess-request.ts";

export interface Env {
  readonly RESTAURANTS: DurableObjectNamespace<RestaurantObject>;
  /** For how many days of event time the logs are kept; absent: for ever. */
  readonly LOG_DAYS?: string | number;
  /** Gets what is older, before it is trimmed. */
  readonly ARCHIVE?: R2Bucket;
}

/** A receipt, or why nothing was taken: values, since an error loses its class on its way. */
export type PushAnswer =
  | { readonly receipt: Receipt; readonly fault?: never }
  | { readonly receipt?: never; readonly fault: HostFaultCode };

/** What was asked, or why there is no answer. */
export type Answer<T> =
  | { readonly told: T; readonly refused?: never }
  | { readonly told?: never; readonly refused: Refused };

export type Refused =
  | { readonly why: "unknown_restaurant" | "unknown_query" }
  | { readonly why: "bad_parameter"; readonly parameter?: string; readonly detail: string }
  | Fault;

export interface Fault {
  readonly why: HostFaultCode;
  /** The first position that the log keeps. */
  readonly trimmedTo: number;
}

export interface Rows {
  readonly rows: readonly Omit<Row, "query">[];
  readonly clock: number | null;
  readonly position: number;
}

/** 32 MiB of the 128 that the objects of an isolate share. */
const MEMORY_PAGES_MAX = 512;

const ALARM_RETRY_MS = 60_000;
/** An archive that refuses is asked again, seldom: each time wakes the object. */
const ARCHIVE_RETRY_MS = 3_600_000;
/** As many connections as an object may wait for at once. */
const PUTS_AT_ONCE = 6;
/** Chunks that one alarm gets back from the archive. */
const RESTORED_AT_ONCE = 32;

/** Nothing was changed, and the engine goes on as it was: no room, or a log that was trimmed. */
const ANSWERED: ReadonlySet<HostFaultCode> = new Set([
  "state_full",
  "too_many_years",
  "quota_exceeded",
  "log_trimmed",
  "log_incomplete",
]);

export class RestaurantObject extends DurableObject<Env> {
  /** Null until the first event. */
  #engine: Engine | null = null;
  /** Why the log that is there cannot be opened. */
  #fault: Fault | null = null;
  /** The explanation under way: each takes as much memory as an engine. */
  #explaining: Promise<unknown> = Promise.resolve();
  /** Archives and trims what is old, a page of it; null where there is nothing to look at. */
  #trim: (() => Promise<void>) | null = null;
  /** When that is due, ms since 1970; null: with the next alarm, whatever it is for. */
  #trimAt: number | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      if (!this.#hasTables()) return;
      try {
        await this.#wake(await this.#open());
      } catch (error) {
        if (!(error instanceof HostFault) || error.code !== "log_incomplete") throw error;
        await this.#noteIncomplete();
        if (env.ARCHIVE !== undefined) await ctx.storage.setAlarm(Date.now());
      }
    });
  }

  /** Takes the lines in, NDJSON, as one push: all that is not refused is durable, or nothing is. */
  async push(lines: Uint8Array, receivedAt: number): Promise<PushAnswer> {
    if (this.#fault !== null) return { fault: this.#fault.why };
    const engine = this.#engine ?? (await this.ctx.blockConcurrencyWhile(() => this.#open()));
    try {
      const receipt = await engine.push(lines, { format: "ndjson", receivedAt });
      await this.#wake(engine);
      return { receipt };
    } catch (error) {
      return { fault: this.#faultOf(error, { isFatal: true }) };
    }
  }

  /**
   * No event came for a while: what is due happens, by a tick of the log; and what is old goes to
   * the archive. A failing alarm would be dropped after six tries, so one that fails is set again.
   */
  override async alarm(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return this.#restore();
    try {
      await engine.tickIdle(Date.now());
      await this.#trimOld(engine);
      await this.#wake(engine);
    } catch {
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }

  /**
   * What the log lacks to be opened comes back from the archive, a part of it with each alarm, so
   * that none takes long: those that ask meanwhile are told `log_incomplete`.
   */
  async #restore(): Promise<void> {
    const { ARCHIVE } = this.env;
    if (this.#fault === null || ARCHIVE === undefined) return;
    let waitMs = 0;
    try {
      const archive = archivedIn(ARCHIVE, this.ctx.id.name!, RESTORED_AT_ONCE);
      const part = { chunksMax: RESTORED_AT_ONCE };
      const { trimmedTo } = await restoreLog(sqlite(this.ctx.storage), archive, part);
      if (trimmedTo === 0) {
        await this.#wake(await this.ctx.blockConcurrencyWhile(() => this.#open()));
        this.#fault = null;
        return;
      }
    } catch (error) {
      // oxlint-disable-next-line no-console -- nobody asked: it is for the operator's log
      console.error(error);
      waitMs = ARCHIVE_RETRY_MS;
    }
    await this.#noteIncomplete();
    await this.ctx.storage.setAlarm(Date.now() + waitMs);
  }

  async #noteIncomplete(): Promise<void> {
    const { trimmedTo = 0 } = (await sqlite(this.ctx.storage).recover()) ?? {};
    this.#fault = { why: "log_incomplete", trimmedTo };
  }

  async #trimOld(engine: Engine): Promise<void> {
    const work = this.#trim;
    if (work === null) return;
    // Where there is more, it is noted anew on its way.
    this.#trim = this.#trimAt = null;
    let isDone = false;
    try {
      await work();
      isDone = engine.stats().trimFault === null;
    } finally {
      if (!isDone) {
        this.#trim = work;
        this.#trimAt = Date.now() + ARCHIVE_RETRY_MS;
      }
    }
  }

  /** One that is set and fires too early finds nothing to do, and is set anew: that costs less. */
  async #wake(engine: Engine): Promise<void> {
    const at = Math.min(engine.idleAt() ?? Infinity, this.#trimAt ?? Infinity);
    if (at === Infinity) return;
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(at);
  }

  /** Under the plan that takes over something may be due earlier. */
  async #wakeWhenRebuilt(engine: Engine): Promise<void> {
    try {
      await engine.rebuilt();
      await this.#wake(engine);
    } catch {
      // Why it has not taken over is told by `stats`; the former plan's alarm is set.
    }
  }

  rows(query: string, filter: RowFilter): Answer<Rows> {
    const { engine, refused } = this.#ask(query);
    if (engine === undefined) return { refused };
    const { clock, position } = engine.stats();
    try {
      const rows = engine.view(query).rows(filter);
      const told = rows.map(({ key, window, value, final, revision }) => {
        return { key, window, value, final, revision };
      });
      return { told: { rows: told, clock, position } };
    } catch (error) {
      if (!(error instanceof HostFault) || error.code !== "bad_key") throw error;
      return { refused: { why: "bad_parameter", parameter: "key", detail: error.message } };
    }
  }

  /** Computes a part of the log again: what it corrected. */
  async reprocess({ query, from, to }: Question): Promise<Answer<Change[]>> {
    const { engine, refused } = this.#ask(query);
    if (engine === undefined) return { refused };
    try {
      const told = await engine.reprocess(query, { from, to });
      await this.#wake(engine);
      return { told };
    } catch (error) {
      return { refused: this.#refusalOf(error, { isFatal: true }) };
    }
  }

  /** What is behind a row, one after another. */
  async explain(query: string, key: Key, window: ChangeWindow): Promise<Answer<Explanation>> {
    const { engine, refused } = this.#ask(query);
    if (engine === undefined) return { refused };
    try {
      checkRow(
        engine.plan.queries.find(({ name }) => name === query)!,
        key,
        window,
      );
    } catch (error) {
      return { refused: { why: "bad_parameter", detail: (error as HostFault).message } };
    }
    const before = this.#explaining;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#explaining = promise;
    await before;
    try {
      return { told: await engine.explain(query, key, window) };
    } catch (error) {
      return { refused: this.#refusalOf(error, { isFatal: false }) };
    } finally {
      resolve();
    }
  }

  stats(): Answer<Stats> {
    const { engine, refused } = this.#ask();
    return engine === undefined ? { refused } : { told: engine.stats() };
  }

  /** The engine, where there is one and it has the query. */
  #ask(query?: string): Asked {
    const engine = this.#engine;
    if (this.#fault !== null) return { refused: this.#fault };
    if (engine === null) return { refused: { why: "unknown_restaurant" } };
    const isKnown = query === undefined || engine.plan.queries.some(({ name }) => name === query);
    return isKnown ? { engine } : { refused: { why: "unknown_query" } };
  }

  #refusalOf(error: unknown, how: { readonly isFatal: boolean }): Refused {
    const why = this.#faultOf(error, how);
    return { why, trimmedTo: this.#engine?.stats().trimmedTo ?? 0 };
  }

  /** The fault that is an answer; any other is thrown on, one that is fatal after an abort. */
  #faultOf(error: unknown, { isFatal }: { readonly isFatal: boolean }): HostFaultCode {
    if (error instanceof HostFault && ANSWERED.has(error.code)) return error.code;
    // The memory may not hold what the disk holds: the next call reads the log again.
    if (isFatal) this.ctx.abort(String(error));
    throw error;
  }

  async #open(): Promise<Engine> {
    if (this.#engine !== null) return this.#engine;
    const store = sqlite(this.ctx.storage);
    const retention = this.#retention();
    const memoryPagesMax = MEMORY_PAGES_MAX;
    const engine = await open({ plan, store, memoryPagesMax, ...(retention && { retention }) });
    this.#engine = engine;
    if ((engine.stats().rebuild ?? 1) < 1) void this.#wakeWhenRebuilt(engine);
    return engine;
  }

  /** RangeError, by `open`, where the days are none. */
  #retention(): Retention | null {
    const { LOG_DAYS, ARCHIVE } = this.env;
    if (LOG_DAYS === undefined) return null;
    const schedule = (work: () => Promise<void>): void => {
      this.#trim = work;
      // What stands when the log is opened has its alarm from before, or can wait for any.
      if (this.#engine !== null) this.#trimAt = Date.now();
    };
    const archive = ARCHIVE && archiveIn(ARCHIVE, this.ctx.id.name!);
    const archiveAtOnce = PUTS_AT_ONCE;
    return { days: Number(LOG_DAYS), schedule, archiveAtOnce, ...(archive && { archive }) };
  }

  #hasTables(): boolean {
    const own = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'";
    return this.ctx.storage.sql.exec(own).toArray().length > 0;
  }
}

type Asked =
  | { readonly engine: Engine; readonly refused?: never }
  | { readonly engine?: never; readonly refused: Refused };
