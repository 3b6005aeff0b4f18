// The obvious twin: semantics.md read as directly as it can be written, and as slowly as that takes.
// It shares no line with the engine (test/twin.test.ts checks that) and keeps everything: every
// event, every row of every window, every version. The engine must give the same.
//
//   push     for each line: judge (dedup.ts) → position → clock, through its timers → tables →
//            queries; then, once: the changes of what was touched
//   release  the same, of lines that were held

import { Dedup, type Held } from "./model/dedup.ts";
import { readEnvelope, reprocessOf, tickOf } from "./model/envelope.ts";
import { canonical, compareUtf8, type Json, type JsonObject } from "./model/json.ts";
import { settingsOf, type Fact, type PlanJson, type Settings } from "./model/plan.ts";
import { EXPIRE, Query, type Late, type Timer, type ToldChange } from "./model/query.ts";
import { Table } from "./model/table.ts";
import type { Bounds } from "./model/window.ts";

/** One line of a push: JSON, or a code where the generator knows that it is invalid. */
export interface Line {
  readonly text: string;
  /** Null where unknown. */
  readonly receivedAt: number | null;
  readonly invalid?: string;
}

export interface Disposition {
  readonly what: "accepted" | "duplicate" | "invalid" | "quarantined" | "tick" | "reprocess";
  readonly code?: string;
  /** Of a duplicate or a conflict: the position of the first event with its identity. */
  readonly of?: number;
}

export interface Pushed {
  /** What was judged: of a release, the lines that were held. */
  readonly lines: readonly Line[];
  readonly dispositions: readonly Disposition[];
  readonly changes: readonly ToldChange[];
  /** The next position. */
  readonly position: number;
}

export interface ModelRow extends Bounds {
  readonly query: string;
  readonly key: JsonObject;
  readonly value: JsonObject;
  readonly accepts: { readonly [name: string]: (got: Json) => boolean };
  readonly final: boolean;
  readonly revision: number;
}

export interface ModelStats {
  readonly clock: number | null;
  readonly position: number;
  readonly dedupHorizon: number | null;
  readonly queries: { readonly [name: string]: { readonly [count: string]: number } };
}

const LATE_LISTED = 1000;

export class Model {
  readonly queries: readonly Query[];
  readonly tables: ReadonlyMap<string, Table>;
  readonly #settings: Settings;
  readonly #dedup: Dedup;
  #clock = -Infinity;
  #position = 0;
  /** Every accepted event. */
  readonly #facts: Fact[] = [];

  constructor(plan: PlanJson) {
    this.#settings = settingsOf(plan);
    this.#dedup = new Dedup(this.#settings);
    const tables = Object.entries(plan.tables ?? {});
    this.tables = new Map(tables.map(([name, each]) => [name, new Table(each)]));
    this.queries = plan.queries.map((each) => new Query(each, this.#settings, this.tables));
  }

  push(lines: readonly Line[]): Pushed {
    const dispositions = lines.map((line) => this.#take(line, false));
    return { lines, dispositions, changes: this.#endPush(), position: this.#position };
  }

  /** "The held lines become events now, with the receive time of its release." */
  release(places: readonly number[], receivedAt: number): Pushed {
    const lines = this.#dedup.letGo(places).map(({ line }) => ({ text: line, receivedAt }));
    const dispositions = lines.map((line) => this.#take(line, true));
    this.#dedup.endRelease();
    return { lines, dispositions, changes: this.#endPush(), position: this.#position };
  }

  #take({ text, receivedAt, invalid }: Line, isReleased: boolean): Disposition {
    if (invalid !== undefined) return { what: "invalid", code: invalid };
    const json = JSON.parse(text) as JsonObject;
    const tick = tickOf(json);
    if (tick !== null) {
      // "`tick(t)` appends `{tick: t}` and sets T = max(T, t - delay), through the timers."
      this.#advance(tick - this.#settings.delay, this.#position++);
      return { what: "tick" };
    }
    const reprocess = reprocessOf(json);
    if (reprocess !== null) {
      const query = this.queries.find(({ plan }) => plan.name === reprocess.query)!;
      query.reprocess(this.#facts, this.#clock, reprocess, this.#position++);
      return { what: "reprocess" };
    }
    const event = readEnvelope(json);
    const verdict = isReleased
      ? this.#dedup.judgeReleased(event, this.#clock)
      : this.#dedup.judge(event, receivedAt, text, this.#clock);
    if (verdict.what !== "accepted") return verdict;
    const position = this.#position++;
    this.#dedup.remember(event, position, this.#clock);
    if (isReleased) this.#dedup.rememberReleased(event, position);
    // "T = max(T, min(eventTime, receivedAt) - delay); without a receive time, eventTime alone."
    const sane = Math.min(event.timeMs, receivedAt ?? Infinity);
    this.#advance(sane - this.#settings.delay, position);
    const { type, timeMs: time, members } = event;
    const fact = { type, time, position, members, isReleased };
    this.#facts.push(fact);
    // "Tables take the event (so an event sees itself), then queries."
    for (const table of this.tables.values()) table.take(fact);
    for (const query of this.queries) query.arrive(fact, this.#clock);
    return verdict;
  }

  /** "On its way the clock passes through its timers, earliest first." */
  #advance(to: number, entry: number): void {
    if (to <= this.#clock) return;
    for (let next = this.#nextTimer(to); next !== null; next = this.#nextTimer(to)) {
      this.#clock = Math.max(this.#clock, next.instant);
      next.act(next.instant, entry);
    }
    this.#clock = to;
  }

  /** "At one instant: [...] by query, `from` before `to`, position." An expiry: beyond it. */
  #nextTimer(to: number): Timer | null {
    let next: Timer | null = null;
    for (const query of this.queries) {
      for (const timer of query.timers()) {
        const isDue = timer.kind === EXPIRE ? timer.instant < to : timer.instant <= to;
        if (isDue && (next === null || compareTimers(timer, next) < 0)) next = timer;
      }
    }
    return next;
  }

  /** `--flush`: "pass every timer and close every window (T = ∞), as a push of its own". */
  flush(): readonly ToldChange[] {
    const clock = this.#clock;
    this.#advance(Infinity, this.#position);
    // "`--flush` drops no row": the views stay those of the clock before it.
    this.#clock = clock;
    return this.#endPush();
  }

  #endPush(): ToldChange[] {
    return this.queries.flatMap((query) => query.endPush().toSorted(compareChanges));
  }

  view(query: Query): ModelRow[] {
    const rows = query.windows.rowsAt(this.#clock).map((window): ModelRow => {
      const told = query.windows.asTold(window);
      return { ...told, query: query.plan.name, final: window.isFinal };
    });
    return rows.toSorted(compareRows);
  }

  late(query: Query): readonly Late[] {
    return query.late.slice(-LATE_LISTED);
  }

  /** For the coverage table. */
  get judgedAtHorizon(): number {
    return this.#dedup.judgedAtHorizon;
  }

  get held(): readonly Held[] {
    return this.#dedup.held;
  }

  stats(): ModelStats {
    const isUnset = this.#clock === -Infinity;
    const horizon = this.#dedup.horizon(this.#clock);
    const queries = this.queries.map((query) => {
      const { taken: _, ...counts } = query.counts;
      const own = {
        ...counts,
        repeated: query.spans?.repeated ?? 0,
        unmatched: query.spans?.unmatched ?? 0,
        waiting: query.waiting,
        open: query.windows.open.length,
        rows: query.windows.rowsAt(this.#clock).length,
      };
      return [query.plan.name, own] as const;
    });
    return {
      clock: isUnset ? null : this.#clock,
      position: this.#position,
      dedupHorizon: horizon === -Infinity ? null : horizon,
      queries: Object.fromEntries(queries),
    };
  }
}

function compareTimers(a: Timer, b: Timer): number {
  return a.instant - b.instant || a.kind - b.kind || a.side - b.side || a.position - b.position;
}

/** "Window end, window start, key (as RFC 8785, by UTF-8 bytes), nulls last". */
function compareRows(
  a: Bounds & { readonly key: JsonObject },
  b: Bounds & { readonly key: JsonObject },
): number {
  const byEnd = compareBounds(a.end, b.end) || compareBounds(a.start, b.start);
  const keyOf = ({ key }: { readonly key: JsonObject }): string => canonical(Object.values(key));
  return byEnd || compareUtf8(keyOf(a), keyOf(b));
}

function compareBounds(a: number | null, b: number | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a - b;
}

/** "Then retract, update, final, correction." */
function compareChanges(a: ToldChange, b: ToldChange): number {
  const kinds = ["retract", "update", "final", "correction"];
  return compareRows(a, b) || kinds.indexOf(a.kind) - kinds.indexOf(b.kind);
}
