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
  type Row,
  type RowFilter,
  type Stats,
} from "../engine/index.ts";
import { checkRow } from "../engine/explain.ts";
import { sqlite } from "../engine/store/sqlite.ts";
import type { Question } from "./reprocess-request.ts";

export interface Env {
  readonly RESTAURANTS: DurableObjectNamespace<RestaurantObject>;
}

/** A receipt, or why nothing was taken: values, since an error loses its class on its way. */
export type PushAnswer =
  | { readonly receipt: Receipt; readonly fault?: never }
  | { readonly receipt?: never; readonly fault: HostFaultCode };

export interface Rows {
  readonly rows: readonly Omit<Row, "query">[];
  readonly clock: number | null;
  readonly position: number;
}

export type RowsAnswer =
  | { readonly view: Rows; readonly missing?: never }
  | { readonly view?: never; readonly missing: "restaurant" | "query" };

export type CorrectedAnswer =
  | { readonly changes: readonly Change[]; readonly missing?: never; readonly fault?: never }
  | { readonly changes?: never; readonly missing: "restaurant" | "query"; readonly fault?: never }
  | { readonly changes?: never; readonly missing?: never; readonly fault: HostFaultCode };
export type ExplainAnswer =
  | { readonly explanation: Explanation; readonly missing?: never; readonly wrong?: never }
  | { readonly explanation?: never; readonly missing: "restaurant" | "query" }
  | { readonly explanation?: never; readonly missing?: never; readonly wrong: string };

/** 32 MiB of the 128 that the objects of an isolate share. */
const MEMORY_PAGES_MAX = 512;

const ALARM_RETRY_MS = 60_000;

/** Nothing is wrong but that there is no room: the engine goes on as it was. */
const FAULTS_OF_ROOM: ReadonlySet<HostFaultCode> = new Set(["state_full", "quota_exceeded"]);

export class RestaurantObject extends DurableObject<Env> {
  /** Null until the first event. */
  #engine: Engine | null = null;
  /** The explanation under way: each takes as much memory as an engine. */
  #explaining: Promise<unknown> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      if (!this.#hasTables()) return;
      const engine = await this.#open();
      await this.#wakeInSilence(engine);
    });
  }

  /** Takes the lines in, NDJSON, as one push: all that is not refused is durable, or nothing is. */
  async push(lines: Uint8Array, receivedAt: number): Promise<PushAnswer> {
    const engine = this.#engine ?? (await this.ctx.blockConcurrencyWhile(() => this.#open()));
    return this.#orFault(async () => {
      const receipt = await engine.push(lines, { format: "ndjson", receivedAt });
      await this.#wakeInSilence(engine);
      return { receipt };
    });
  }

  /**
   * No event came for a while: what is due happens, by a tick of the log. A failing alarm would be
   * dropped after six tries, so one that fails is set again.
   */
  override async alarm(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    try {
      await engine.tickIdle(Date.now());
      await this.#wakeInSilence(engine);
    } catch {
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }

  /** One that is set and fires too early finds nothing to do, and is set anew: that costs less. */
  async #wakeInSilence(engine: Engine): Promise<void> {
    const at = engine.idleAt();
    if (at === null) return;
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(at);
  }

  /** Under the plan that takes over something may be due earlier. */
  async #wakeWhenRebuilt(engine: Engine): Promise<void> {
    try {
      await engine.rebuilt();
      await this.#wakeInSilence(engine);
    } catch {
      // Why it has not taken over is told by `stats`; the former plan's alarm is set.
    }
  }

  rows(query: string, filter: RowFilter): RowsAnswer {
    const engine = this.#engine;
    if (engine === null) return { missing: "restaurant" };
    if (!engine.plan.queries.some(({ name }) => name === query)) return { missing: "query" };
    const { clock, position } = engine.stats();
    const rows = engine.view(query).rows(filter);
    const told = rows.map(({ key, window, value, final, revision }) => {
      return { key, window, value, final, revision };
    });
    return { view: { rows: told, clock, position } };
  }

  /** Computes a part of the log again: what it corrected. */
  async reprocess({ query, from, to }: Question): Promise<CorrectedAnswer> {
    const engine = this.#engine;
    if (engine === null) return { missing: "restaurant" };
    if (!engine.plan.queries.some(({ name }) => name === query)) return { missing: "query" };
    return this.#orFault(async () => ({ changes: await engine.reprocess(query, { from, to }) }));
  }

  /** What has no room is an answer; after any other fault the object is made again. */
  async #orFault<Answer>(
    work: () => Promise<Answer>,
  ): Promise<Answer | { readonly fault: HostFaultCode }> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HostFault && FAULTS_OF_ROOM.has(error.code))
        return { fault: error.code };
      // The memory may not hold what the disk holds: the next call reads the log again.
      this.ctx.abort(String(error));
      throw error;
    }
  }

  /** What is behind a row, one after another; `wrong` says why there is no such row. */
  async explain(query: string, key: Key, window: ChangeWindow): Promise<ExplainAnswer> {
    const engine = this.#engine;
    if (engine === null) return { missing: "restaurant" };
    const asked = engine.plan.queries.find(({ name }) => name === query);
    if (asked === undefined) return { missing: "query" };
    try {
      checkRow(asked, key, window);
    } catch (error) {
      return { wrong: (error as RangeError).message };
    }
    const before = this.#explaining;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#explaining = promise;
    await before;
    try {
      return { explanation: await engine.explain(query, key, window) };
    } finally {
      resolve();
    }
  }

  /** Null when no event has come yet. */
  stats(): Stats | null {
    return this.#engine?.stats() ?? null;
  }

  async #open(): Promise<Engine> {
    if (this.#engine !== null) return this.#engine;
    const store = sqlite(this.ctx.storage);
    const engine = await open({ plan, store, memoryPagesMax: MEMORY_PAGES_MAX });
    this.#engine = engine;
    if ((engine.stats().rebuild ?? 1) < 1) void this.#wakeWhenRebuilt(engine);
    return engine;
  }

  #hasTables(): boolean {
    const own = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'";
    return this.ctx.storage.sql.exec(own).toArray().length > 0;
  }
}
