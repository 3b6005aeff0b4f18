// The windows of one query: who is in them, when they close, what is told of them. Each keeps all
// its rows for good, so that every value is a recomputation.

import { answersOf, type Answers, type Row } from "./aggregate.ts";
import { canonical, type JsonObject } from "./json.ts";
import type { QueryJson } from "./plan.ts";
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
}

export interface Told extends Bounds, Answers {
  readonly key: JsonObject;
  readonly revision: number;
}

export type Applied = { readonly window: Bounds; readonly isLate: boolean };

export class LiveWindows {
  readonly all: LiveWindow[] = [];
  /** Told windows that no longer exist, with the entry that first changed their bounds. */
  readonly gone: { readonly told: Told; readonly position: number }[] = [];
  readonly #query: QueryJson;
  readonly #keysMax: number;
  readonly #dedupMs: number;
  readonly #graceMs: number;
  merges = 0;
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
    const finalEnd = Math.max(...ofKey.filter((each) => each.isFinal).map((each) => each.end!));
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
    const live = { key, start, end, rows, isFinal: false, changedAt: null, told: null };
    this.all.push(live);
    return live;
  }

  get open(): LiveWindow[] {
    return this.all.filter((each) => !each.isFinal);
  }

  /** "Final once, when T reaches `end + grace` (a session: when T passes it)"; null is never. */
  closesAt(window: LiveWindow): number | null {
    if (window.end === null) return null;
    const passes = this.#query.window.kind === "session" ? 1 : 0;
    return window.end + this.#graceMs + passes;
  }

  close(window: LiveWindow, entry: number): void {
    window.isFinal = true;
    window.changedAt = entry;
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
    const { key, start, end, rows, isFinal } = window;
    const revision = rows.length + (isFinal ? 1 : 0);
    return { key, start, end, revision, ...answersOf(this.#query, rows) };
  }
}
