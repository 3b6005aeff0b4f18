// One standing question: step 7 for each event or span that it takes, what waits for the clock, and
// at the end of a push its changes.

import { holds, valueOf } from "./expression.ts";
import { asScalar, type Json, type JsonObject } from "./json.ts";
import { LiveWindows, type LiveWindow, type Told } from "./live-window.ts";
import { takesType, type Fact, type QueryJson, type Settings } from "./plan.ts";
import { trueWindows } from "./reprocess.ts";
import { Spans, type Ended } from "./span.ts";
import type { Table } from "./table.ts";
import { durationMs } from "./time.ts";
import type { Bounds } from "./window.ts";

/** Something that happens when the clock gets to its instant (beyond it, for an expiry). */
export interface Timer {
  readonly instant: number;
  /** "At one instant: the waiting facts of spans and events of `wait`, expiries, closes." */
  readonly kind: 0 | 1 | 2;
  /** `from` before `to`. */
  readonly side: 0 | 1;
  readonly position: number;
  readonly act: (clock: number, entry: number) => void;
}

export const TAKE = 0;
export const EXPIRE = 1;
export const CLOSE = 2;

export interface Late {
  readonly position: number;
  readonly window: Bounds | null;
  readonly lateMs: number;
}

export interface ToldChange extends Told {
  readonly query: string;
  readonly kind: "update" | "final" | "retract" | "correction";
  readonly position: number;
}

export class Query {
  readonly plan: QueryJson;
  readonly windows: LiveWindows;
  readonly spans: Spans | null;
  readonly late: Late[] = [];
  readonly counts = { taken: 0, applied: 0, late: 0, lateFacts: 0, unkeyed: 0 };
  /** For the coverage table: lookups that only forgetting made null. */
  forgottenLookups = 0;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #waitMs: number;
  readonly #corrections: ToldChange[] = [];
  #waiting: Fact[] = [];
  #order = 0;

  constructor(
    plan: QueryJson,
    { keys: keysMax, dedup: dedupMs }: Settings,
    tables: ReadonlyMap<string, Table>,
  ) {
    this.plan = plan;
    this.windows = new LiveWindows(plan, keysMax, dedupMs);
    this.spans = plan.span === undefined ? null : new Spans(plan);
    this.#tables = tables;
    this.#waitMs = durationMs(plan.wait ?? 0);
  }

  /** An accepted event, after the clock and the tables took it. */
  arrive(fact: Fact, clock: number): void {
    if (this.spans !== null) return this.#arriveAtSpans(fact, clock);
    if (!takesType(this.plan.from!, fact.type)) return;
    // "With more, only when T reaches t + wait, one that comes later at once."
    if (clock < fact.time + this.#waitMs && this.#waitMs > 0) this.#waiting.push(fact);
    else this.#takeEvent(fact, clock, fact.position);
  }

  #arriveAtSpans(fact: Fact, clock: number): void {
    const arrived = this.spans!.arrive(fact, clock);
    if (arrived === "unkeyed") this.counts.unkeyed++;
    if (arrived === "late") {
      this.counts.lateFacts++;
      this.late.push({ position: fact.position, window: null, lateMs: clock - fact.time });
    }
    if (typeof arrived === "object") this.#takeSpan(arrived, clock, fact.position);
  }

  #takeSpan({ root, time }: Ended, clock: number, entry: number): void {
    // A span is no released event, whatever its facts are.
    this.#take(root, { time, position: entry, isReleased: false }, clock, entry);
  }

  #takeEvent(fact: Fact, clock: number, entry: number): void {
    this.#take(fact.members, fact, clock, entry);
  }

  /** "`with` first, then `where`, then key, then windows." */
  #take(
    ofEvent: JsonObject,
    { time, position: own, isReleased }: Pick<Fact, "time" | "position" | "isReleased">,
    clock: number,
    entry: number,
  ): void {
    let root: JsonObject = ofEvent;
    for (const { table: name, on, as } of this.plan.with ?? []) {
      const table = this.#tables.get(name)!;
      const about = valueOf(on, root);
      if (table.hasForgotten(about, time, clock)) this.forgottenLookups++;
      root = { ...root, [as]: table.lookUp(about, time, clock) };
    }
    if (!holds(this.plan.where, root)) return;
    this.counts.taken++;
    const members = Object.entries(this.plan.key).map(([name, path]) => {
      return [name, asScalar(valueOf(path, root))] as const;
    });
    if (members.some(([, value]) => value === null)) {
      this.counts.unkeyed++;
      return;
    }
    const key: { [name: string]: Json } = Object.fromEntries(members);
    const row = { root, time, position: own, order: this.#order++, isReleased };
    for (const { window, isLate } of this.windows.apply(key, row, clock, entry)) {
      this.counts[isLate ? "late" : "applied"]++;
      if (isLate) this.late.push({ position: own, window, lateMs: clock - time });
    }
  }

  timers(): Timer[] {
    const timers: Timer[] = this.#waiting.map((fact) => ({
      instant: fact.time + this.#waitMs,
      kind: TAKE,
      side: 0,
      position: fact.position,
      act: (clock, entry) => {
        this.#waiting = this.#waiting.filter((each) => each !== fact);
        this.#takeEvent(fact, clock, entry);
      },
    }));
    for (const window of this.windows.open) {
      const instant = this.windows.closesAt(window);
      const act = (_: number, entry: number): void => this.windows.close(window, entry);
      if (instant !== null) timers.push({ instant, kind: CLOSE, side: 0, position: 0, act });
    }
    if (this.spans !== null) timers.push(...this.#spanTimers(this.spans));
    return timers;
  }

  #spanTimers(spans: Spans): Timer[] {
    const takes = spans.waiting.map((standing): Timer => {
      const { isTo, fact } = standing;
      const act = (clock: number, entry: number): void => {
        const ended = spans.takeWaiting(standing);
        if (ended !== null) this.#takeSpan(ended, clock, entry);
      };
      const instant = spans.takenAt(standing);
      return { instant, kind: TAKE, side: isTo ? 1 : 0, position: fact.position, act };
    });
    const expiries = [...spans.open].map(([on, from]): Timer => {
      const act = (clock: number, entry: number): void => {
        this.#takeSpan(spans.expire(on), clock, entry);
      };
      const { position } = from;
      return { instant: spans.expiresAt(from), kind: EXPIRE, side: 0, position, act };
    });
    return [...takes, ...expiries];
  }

  /** Nothing is touched but finals; `emit` says what of it is told. */
  reprocess(
    facts: readonly Fact[],
    clock: number,
    { from, to }: { readonly from: number; readonly to: number },
    position: number,
  ): void {
    if (this.plan.window.kind === "global") return;
    const truth = trueWindows(this.plan, this.#tables, facts);
    const { retracted, corrected } = this.windows.correct(truth, clock, from, to);
    const { name: query } = this.plan;
    for (const told of retracted) {
      this.#corrections.push({ ...told, query, kind: "retract", position });
    }
    for (const told of corrected) {
      this.#corrections.push({ ...told, query, kind: "correction", position });
    }
  }

  get waiting(): number {
    return this.#waiting.length + (this.spans?.waiting.length ?? 0);
  }

  /** "A push emits, for each key and window touched, one change: the last state." */
  endPush(): ToldChange[] {
    const { name: query } = this.plan;
    const changes: ToldChange[] = [];
    for (const { told, position } of this.windows.gone.splice(0)) {
      changes.push({ ...told, query, kind: "retract", position });
    }
    for (const window of this.windows.all) {
      if (window.changedAt === null) continue;
      changes.push(this.#tell(window, window.changedAt));
      window.changedAt = null;
    }
    const emit = this.plan.emit ?? "all";
    const corrections = this.#corrections.splice(0);
    if (emit === "none") return [];
    return [...changes.filter(({ kind }) => emit === "all" || kind === "final"), ...corrections];
  }

  #tell(window: LiveWindow, position: number): ToldChange {
    const told = this.windows.asTold(window);
    const kind = window.isFinal ? "final" : "update";
    window.told = window.isFinal ? null : told;
    return { ...told, query: this.plan.name, kind, position };
  }
}
