// Explain: the events behind a number. A core of its own replays the log, cut as it was, and
// traces one window: what it took for the key, when, and what was told of it. The lines themselves
// are then read from the log. Nothing of the engine moves, and pushes may go on meanwhile. What is
// held is what is reported, and one chunk.

import type { RefusedLine } from "./ingest/refused-lines.ts";
import { readEvents, type LoggedEvent } from "./ingest/logged-event.ts";
import { canonical } from "./event/canonical.ts";
import type { Change, ChangeKind, ChangeWindow, Key, Row, Value } from "./live/change.ts";
import { Decoder } from "./live/decoder.ts";
import { traceOf, type Traced } from "./live/trace.ts";
import type { View } from "./live/view.ts";
import type { Plan, Query } from "./query/plan.ts";
import type { Replay, Replayed, Tell } from "./replay.ts";
import { checkKey } from "./store/asked.ts";
import { HostFault } from "./store/host-fault.ts";
import type { Store } from "./store/store.ts";

/** An event, or a span, that was applied to the window. */
export interface Contribution {
  /** The event; of a completed span its `from` and its `to`, of an expired one its `from`. */
  readonly events: readonly LoggedEvent[];
  /** Of a span. */
  readonly outcome?: "completed" | "expired";
  /** The event's or the span's own time: what decides its windows. */
  readonly time: number;
  /** `T` when it was taken; where reprocessing computed the window again, then. */
  readonly clock: number;
}

/**
 * One that came too late for the window, under its own key; of a session under the key whose
 * sessions it was too late for. `reprocess` may bring it in.
 */
export interface LateContribution extends Contribution {
  /** How far `T` was beyond its time. */
  readonly lateMs: number;
}

/** What was told of the window, as the plan's `emit` says. */
export interface Emission {
  readonly kind: ChangeKind;
  readonly revision: number;
  /** The entry during whose processing it came about; of `flush` the next one. */
  readonly position: number;
  /**
   * `T` after the push that told it. A final's own instant is its window's end and grace, of a
   * session 1 ms more. Null where `T` never moved.
   */
  readonly clock: number | null;
  readonly value: Value;
}

/** A line that brought a contributing or late event once more, since the engine was opened. */
export interface Resent {
  /** Position of the first. */
  readonly of: number;
  readonly code: RefusedLine["code"];
  readonly receivedAt: number | null;
}

/**
 * What is known of a key's window. Of one that does not exist the row is null and `events` is
 * empty; so they are of a session's window that was retracted, whose `emissions` say so.
 */
export interface Explanation {
  readonly query: string;
  readonly key: Key;
  readonly window: ChangeWindow;
  /** The log was read up to here. */
  readonly position: number;
  /** As the view has it; null where it has none (any more). */
  readonly row: Row | null;
  /**
   * In the order in which they were taken; as many as the row's revision counts. Where it was
   * corrected: those that the correction counts.
   */
  readonly events: readonly Contribution[];
  /**
   * Late for this window, also beyond the 1,000 that `late` lists; of a session, for one that would
   * overlap or touch it. What a correction brought in is in `events` too. Facts too late for a span
   * belong to no window, and are in the engine's `late` only.
   */
  readonly late: readonly LateContribution[];
  readonly resent: readonly Resent[];
  readonly emissions: readonly Emission[];
}

/** What the engine knows beside the log. */
export interface Present {
  readonly position: number;
  readonly row: Row | null;
  readonly refused: readonly RefusedLine[];
  /** Positions at which every window was made final, which is not in the log. */
  readonly isFlushed: boolean;
}

/** Rejects with the HostFault of a log that cannot be read. */
export async function explain(
  plan: Plan,
  query: number,
  key: Key,
  window: ChangeWindow,
  present: Present,
  replay: Replay,
  store: Store,
): Promise<Explanation> {
  const { position, row, refused } = present;
  const asked = plan.queries[query]!;
  const told = await readWindow(plan, query, key, window, present, replay);
  const { applied, late } = membersOf(asked, window, told);
  const events = await readEvents(store, [...applied, ...late].flatMap(positionsOf));
  const resent = refused.flatMap(({ of, code, receivedAt }) => {
    return of !== undefined && events.has(of) ? [{ of, code, receivedAt }] : [];
  });
  return {
    query: asked.name,
    key,
    window,
    position,
    row,
    events: applied.map((each) => contributionOf(each, events)),
    late: late.map((each) => {
      return { ...contributionOf(each, events), lateMs: each.clock - each.timeMs };
    }),
    resent,
    emissions: told.emissions,
  };
}

/** What the log has of a window. */
interface ToldOfWindow {
  readonly applied: readonly Traced[];
  readonly late: readonly Traced[];
  readonly emissions: readonly Emission[];
}

/** Replays the log up to the present, and flushes where that was done. */
async function readWindow(
  plan: Plan,
  query: number,
  key: Key,
  window: ChangeWindow,
  { position, isFlushed }: Present,
  replay: Replay,
): Promise<ToldOfWindow> {
  const asked = plan.queries[query]!;
  const wanted = canonical(asked.key.map(({ name }) => key[name]!));
  const isWanted = (each: Traced): boolean => canonical(each.key) === wanted;
  const decoder = new Decoder(plan);
  const changesIn = (records: readonly Uint8Array[]): Change[] =>
    decoder
      .changes(records, (name) => name === asked.name)
      .filter((change) => isTold(change, asked, wanted, window));
  const traced: Traced[] = [];
  const emissions: Emission[] = [];
  const corrections: Corrected[] = [];
  const core = await replay.open();
  core.trace(query, window);
  const tell: Tell = (records, reprocess) => {
    // A push may have more of them than a call takes words.
    for (const each of traceOf(plan, records)) if (isWanted(each)) traced.push(each);
    const { clock } = core.counts();
    for (const { kind, revision, position: at, value } of changesIn(records)) {
      emissions.push({ kind, revision, position: at, clock, value });
    }
    if (reprocess === undefined) return;
    if (changesIn([reprocess.found]).length > 0) corrections.push({ ...reprocess, clock: clock! });
  };
  await replay.run(core, 0, position, tell);
  if (isFlushed) {
    const records: Uint8Array[] = [];
    core.flush((bytes) => records.push(bytes.slice()));
    tell(records);
  }
  const late = traced.filter(({ isLate }) => isLate);
  const last = corrections.at(-1);
  const applied = last === undefined ? traced.filter(({ isLate }) => !isLate) : [];
  if (last === undefined) return { applied, late, emissions };
  await replay.trace(last, window, (records, places) => {
    for (const each of traceOf({ ...plan, queries: [asked] }, [records]).filter(isWanted)) {
      const from = each.from === null ? null : places[each.from]!;
      applied.push({ ...each, position: places[each.position]!, from, clock: last.clock });
    }
  });
  return { applied, late, emissions };
}

/** A reprocess that corrected the window, or retracted it, since nothing it computed was in it. */
interface Corrected extends Replayed {
  /** `T` at its entry. */
  readonly clock: number;
}

/** What of the trace belongs to the window: all of it, but where sessions grew and merged. */
function membersOf(
  { window: kind }: Query,
  window: ChangeWindow,
  { applied, late }: ToldOfWindow,
): Pick<ToldOfWindow, "applied" | "late"> {
  if (kind.kind !== "session" || isSession(kind.gapMs, window, applied)) return { applied, late };
  const isExact = ({ window: { start, end } }: Traced): boolean => {
    return start === window.start && end === window.end;
  };
  return { applied: [], late: late.filter(isExact) };
}

/**
 * Whether the events, all that overlap or touch the window, make up one session, and just that
 * window. Two sessions of a key never touch: they would have merged, or one was late.
 */
function isSession(gapMs: number, window: ChangeWindow, applied: readonly Traced[]): boolean {
  const times = applied.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
  const isOne = times.every((time, index) => time - (times[index - 1] ?? time) <= gapMs);
  return isOne && times[0] === window.start && times.at(-1)! + gapMs === window.end;
}

function isTold(change: Change, query: Query, wanted: string, window: ChangeWindow): boolean {
  if (change.window.start !== window.start || change.window.end !== window.end) return false;
  return canonical(query.key.map(({ name }) => change.key[name]!)) === wanted;
}

function positionsOf({ position, from }: Traced): number[] {
  return from === null || from === position ? [position] : [from, position];
}

function contributionOf(traced: Traced, events: ReadonlyMap<number, LoggedEvent>): Contribution {
  const positions = positionsOf(traced);
  const { timeMs: time, clock, from } = traced;
  const outcome = positions.length === 2 ? "completed" : "expired";
  return {
    events: positions.map((position) => events.get(position)!),
    ...(from !== null && { outcome }),
    time,
    clock,
  };
}

/** HostFault `bad_key`, `bad_window` where they cannot be those of a row of the query. */
export function checkRow(query: Query, key: Key, window: ChangeWindow): void {
  const members = query.key.map(({ name }) => name);
  checkKey(key, members, true);
  const { start, end } = window;
  const isGlobal = start === null && end === null;
  const isSpan = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (isGlobal === (query.window.kind === "global") && (isGlobal || isSpan)) return;
  const wanted = query.window.kind === "global" ? "null" : "whole numbers of ms since 1970";
  const message = `Start and end of a window of this query are ${wanted}.`;
  throw new HostFault("bad_window", message);
}

/** The row of the key's window; null where the view has none. */
export function findRow(view: View, key: Key, window: ChangeWindow): Row | null {
  const { start, end } = window;
  const touching = start === null ? {} : { from: start, to: end };
  const isAsked = (row: Row): boolean => row.window.start === start && row.window.end === end;
  return view.rows({ key, ...touching }).find(isAsked) ?? null;
}
