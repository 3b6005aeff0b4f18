// The windows of one query: who is in them, when they close, what is told of them. Each keeps all
// its rows for good, so that every value is a recomputation.

import { answersOf, type Answers, type Row } from "./aggregate.ts";
import { canonical, type JsonObject } from "./json.ts";
import type { QueryJson } from "./plan.ts";
import { groupOf, type TrueWindow } from "./reprocess.ts";
import { durationMs } from "./time.ts";
import { windowsOf, type Bounds } from "./window.ts";

export interface LiveWindow extends Bounds {
  readonly key: JsonObject;
  readonly rows: Row[];
  isFinal: boolean;
  /** The last entry of this push that changed it; null when this push left it alone. */
  changedAt: number | null;
  /** The last update told, while its bounds are still the window's. */
  told: Told | null;
  /** How often it was corrected, and the revision told then. */
  corrections: number;
  revision: number;
}

export interface Told extends Bounds, Answers {
  readonly key: JsonObject;
  readonly revision: number;
}

export interface Corrected {
  readonly retracted: readonly Told[];
  readonly corrected: readonly Told[];
}

export type Applied = { readonly window: Bounds; readonly isLate: boolean };

export class LiveWindows {
  readonly all: LiveWindow[] = [];
  /** Told windows that no longer exist, with the entry that first changed their bounds. */
  readonly gone: { readonly told: Told; readonly position: number }[] = [];
  /** Finals that reprocessing retracted. */
  readonly #retracted: LiveWindow[] = [];
  readonly #query: QueryJson;
  readonly #keysMax: number;
  readonly #dedupMs: number;
  readonly #graceMs: number;
  merges = 0;
  corrections = 0;
  retractions = 0;
  others = 0;

  constructor(query: QueryJson, keysMax: number, dedupMs: number) {
    this.#query = query;
    this.#keysMax = keysMax;
    this.#dedupMs = dedupMs;
    this.#graceMs = durationMs(query.window.grace ?? 0);
  }

  /** Step 7: "for each window of the event, ascending by start: applied, or late for that window." */
  apply(ownKey: JsonObject, row: Row, clock: number, entry: number): Applied[] {
    const key = this.#admit(ownKey);
    if (this.#query.window.kind === "session")
      return [this.#applyToSession(key, row, clock, entry)];
    return windowsOf(this.#query.window, row.time).map((window) => {
      // "T < end + grace → applied; else → late".
      if (window.end !== null && clock >= window.end + this.#graceMs) {
        return { window, isLate: true };
      }
      const live = this.#find(key, window) ?? this.#add(key, window, []);
      live.rows.push(row);
      live.changedAt = entry;
      return { window, isLate: false };
    });
  }

  /** "An event of one more counted under the key whose every member is the string `__other__`." */
  #admit(key: JsonObject): JsonObject {
    const open = new Set(this.open.map((window) => canonical(window.key)));
    const other = Object.fromEntries(Object.keys(key).map((name) => [name, "__other__"]));
    if (open.has(canonical(key))) return key;
    // Where the excess is counted is itself none of the different keys.
    open.delete(canonical(other));
    if (open.size < this.#keysMax) return key;
    this.others++;
    return other;
  }

  /** "[t, t + gap) merged with every open session of its key that overlaps or touches it." */
  #applyToSession(key: JsonObject, row: Row, clock: number, entry: number): Applied {
    const own = { start: row.time, end: row.time + durationMs(this.#query.window.gap!) };
    const ofKey = this.all.filter((each) => canonical(each.key) === canonical(key));
    const parts = ofKey.filter((each) => {
      return !each.isFinal && each.start! <= own.end && each.end! >= own.start;
    });
    const start = Math.min(own.start, ...parts.map((part) => part.start!));
    const end = Math.max(own.end, ...parts.map((part) => part.end!));
    const window = { start, end };
    // A final that was retracted still says that its time is over.
    const over = this.#retracted.filter((each) => canonical(each.key) === canonical(key));
    const finals = [...ofKey.filter((each) => each.isFinal), ...over];
    const finalEnd = Math.max(...finals.map((each) => each.end!));
    // "Late iff T > end + grace of the session it would end up in, or its time is at or before the
    // end of its key's newest final session."
    if (clock > end + this.#graceMs || row.time <= finalEnd) return { window, isLate: true };
    // "A released event before `T - dedup` is late for every session."
    if (row.isReleased && row.time < clock - this.#dedupMs) return { window, isLate: true };
    const same = parts.find((part) => part.start === start && part.end === end);
    if (parts.length > 1) this.merges++;
    for (const part of parts) {
      if (part === same) continue;
      this.all.splice(this.all.indexOf(part), 1);
      if (part.told !== null) this.gone.push({ told: part.told, position: entry });
    }
    const others = parts.filter((part) => part !== same).flatMap((part) => part.rows);
    const live = same ?? this.#add(key, window, []);
    live.rows.push(...others, row);
    live.changedAt = entry;
    return { window, isLate: false };
  }

  #find(key: JsonObject, { start, end }: Bounds): LiveWindow | undefined {
    return this.all.find((each) => {
      return each.start === start && each.end === end && canonical(each.key) === canonical(key);
    });
  }

  #add(key: JsonObject, { start, end }: Bounds, rows: Row[]): LiveWindow {
    const none = { changedAt: null, told: null, corrections: 0, revision: 0 };
    const live = { key, start, end, rows, isFinal: false, ...none };
    this.all.push(live);
    return live;
  }

  get open(): LiveWindow[] {
    return this.all.filter((each) => !each.isFinal);
  }

  /** "Final once, when T reaches `end + grace` (a session: when T passes it)"; null is never. */
  closesAt(window: Bounds): number | null {
    if (window.end === null) return null;
    const passes = this.#query.window.kind === "session" ? 1 : 0;
    return window.end + this.#graceMs + passes;
  }

  close(window: LiveWindow, entry: number): void {
    window.isFinal = true;
    window.changedAt = entry;
  }

  /**
   * "Emits `correction` where the value differs from the last one told (a session that so gets
   * other bounds: `retract` of the old, `correction` of the new)": with all that hangs together
   * with it, unless some of that is still open.
   */
  correct(truth: readonly TrueWindow[], clock: number, from: number, to: number): Corrected {
    const touches = ({ start, end }: Bounds): boolean => start! < to && end! > from;
    const isClosed = (window: Bounds): boolean => this.closesAt(window)! <= clock;
    const finals = this.all.filter((each) => each.isFinal && touches(each));
    const asked = [...finals, ...truth.filter((each) => touches(each) && isClosed(each))];
    if (this.#query.window.kind === "session") {
      const everything = [...this.all, ...truth];
      for (const one of [...asked]) {
        const group = [...groupOf<LiveWindow | TrueWindow>(one, everything)];
        const isOpen = (each: LiveWindow | TrueWindow): boolean => {
          return "isFinal" in each ? !each.isFinal : !isClosed(each);
        };
        if (!group.some(isOpen)) asked.push(...group);
        else for (const each of group) removeAll(asked, each);
      }
    }
    const all = [...new Set(asked)];
    const told = all.filter((each) => "isFinal" in each);
    return this.#replace(
      told,
      all.filter((each): each is TrueWindow => !("isFinal" in each)),
    );
  }

  #replace(told: readonly LiveWindow[], truth: readonly TrueWindow[]): Corrected {
    const gone = told.filter((each) => truth.every((other) => !isSame(each, other)));
    const retracted = gone.map((each) => this.asTold(each));
    for (const each of gone) {
      this.all.splice(this.all.indexOf(each), 1);
      this.#retracted.push(each);
    }
    this.retractions += retracted.length;
    const corrected: Told[] = [];
    for (const { key, start, end, rows } of truth) {
      const live = this.#find(key, { start, end });
      const value = canonical(answersOf(this.#query, rows).value);
      if (live !== undefined && canonical(this.asTold(live).value) === value) continue;
      const before = live ?? this.#retracted.findLast((each) => isSame(each, { key, start, end }));
      const told = before === undefined ? 0 : this.asTold(before).revision;
      const next = live ?? this.#add(key, { start, end }, []);
      next.isFinal = true;
      next.rows.splice(0, next.rows.length, ...rows);
      // "Plus one when it is final (plus one for each correction) [...]: it grows."
      next.corrections = (before?.corrections ?? 0) + 1;
      next.revision = Math.max(rows.length + 1 + next.corrections, told + 1);
      this.corrections++;
      corrected.push(this.asTold(next));
    }
    return { retracted, corrected };
  }

  /** "A final row leaves the view when T >= end + grace + retain." */
  rowsAt(clock: number): LiveWindow[] {
    const retain = durationMs(this.#query.retain ?? "1d");
    return this.all.filter((each) => {
      // What only `--flush` made final was not final yet at this clock.
      if (!each.isFinal || clock < this.closesAt(each)!) return true;
      return clock < each.end! + this.#graceMs + retain;
    });
  }

  /** "The number of events applied to this window, plus one when it is final." */
  asTold(window: LiveWindow): Told {
    const { key, start, end, rows, isFinal, corrections } = window;
    const revision = corrections > 0 ? window.revision : rows.length + (isFinal ? 1 : 0);
    return { key, start, end, revision, ...answersOf(this.#query, rows) };
  }
}

function removeAll<T>(list: T[], item: T): void {
  for (let at = list.indexOf(item); at >= 0; at = list.indexOf(item)) list.splice(at, 1);
}

type Keyed = Bounds & { readonly key: JsonObject };

function isSame(a: Keyed, b: Keyed): boolean {
  return a.start === b.start && a.end === b.end && canonical(a.key) === canonical(b.key);
}
