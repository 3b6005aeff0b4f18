// Explain: the events behind a number. A core of its own replays the log, cut as it was, and traces
// one query: what it took for the key, when, and what it told of the window. The lines themselves
// are then read from the log. Nothing of the engine moves, and pushes may go on meanwhile.

import type { RefusedLine } from "./ingest/receipt.ts";
import { decodeEvent, isFault } from "./ingest/decode.ts";
import { canonical } from "./event/canonical.ts";
import {
  changesOf,
  type Change,
  type ChangeKind,
  type ChangeWindow,
  type Key,
  type Row,
  type Value,
} from "./live/change.ts";
import { traceOf, type Traced } from "./live/trace.ts";
import type { Plan, Query } from "./query/plan.ts";
import type { Replay } from "./replay.ts";
import { entryLines, entryReceivedAt } from "./store/entry.ts";
import { readChunks } from "./store/log-reader.ts";
import type { Store } from "./store/store.ts";

/** An accepted event, where it stands in the log. */
export interface LoggedEvent {
  readonly position: number;
  readonly eventId: string;
  /** Null where it has none. */
  readonly source: string | null;
  readonly eventType: string;
  /** ms since 1970, as all times here. */
  readonly eventTime: number;
  /** Null where the host did not say. */
  readonly receivedAt: number | null;
}

/** An event, or a span, that was applied to the window. */
export interface Contribution {
  /** The event; of a completed span its `from` and its `to`, of an expired one its `from`. */
  readonly events: readonly LoggedEvent[];
  /** Of a span. */
  readonly outcome?: "completed" | "expired";
  /** The event's or the span's own time: what decides its windows. */
  readonly time: number;
  /** `T` when it was taken. */
  readonly clock: number;
}

/** One that came too late for the window; `reprocess` brings it in. */
export interface LateContribution extends Contribution {
  /** How far `T` was beyond its time. */
  readonly lateMs: number;
}

/** What was told of the window. */
export interface Emission {
  readonly kind: ChangeKind;
  readonly revision: number;
  readonly position: number;
  /** `T` after the push that told it. A final's own instant is its window's end and grace. */
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

export interface Explanation {
  readonly query: string;
  readonly key: Key;
  readonly window: ChangeWindow;
  /** The log was read up to here. */
  readonly position: number;
  /** As the view has it; null where it has none (any more). */
  readonly row: Row | null;
  /** In the order in which they were taken. */
  readonly events: readonly Contribution[];
  readonly late: readonly LateContribution[];
  readonly resent: readonly Resent[];
  readonly emissions: readonly Emission[];
}

/** What the engine knows beside the log. */
export interface Present {
  readonly position: number;
  readonly row: Row | null;
  readonly refused: readonly RefusedLine[];
}

/** Rejects with the HostFault of a log that cannot be read. */
export async function explain(
  plan: Plan,
  query: number,
  key: Key,
  window: ChangeWindow,
  { position, row, refused }: Present,
  replay: Replay,
  store: Store,
): Promise<Explanation> {
  const asked = plan.queries[query]!;
  const wanted = canonical(asked.key.map(({ name }) => key[name]!));
  let applied: Traced[] = [];
  let late: Traced[] = [];
  const emissions: Emission[] = [];
  const core = await replay.open();
  core.trace(query);
  await replay.run(core, 0, position, (records) => {
    for (const each of traceOf(plan, records)) {
      if (canonical(each.key) !== wanted || !isOf(asked, window, each)) continue;
      (each.isLate ? late : applied).push(each);
    }
    for (const change of changesOf(plan, records)) {
      if (change.query !== asked.name || !isTold(change, asked, wanted, window)) continue;
      const { kind, revision, value } = change;
      const { clock } = core.counts();
      emissions.push({ kind, revision, position: change.position, clock, value });
    }
  });
  const isKnown = row !== null || emissions.length > 0 || isSession(asked, window, applied);
  if (!isKnown) {
    applied = [];
    late = late.filter((each) => each.start === window.start && each.end === window.end);
  }
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
    emissions,
  };
}

/** Whether what was traced was applied to the window, or late for it. */
function isOf({ window: kind }: Query, window: ChangeWindow, traced: Traced): boolean {
  const { start, end } = window;
  if (kind.kind === "global" || start === null) return !traced.isLate;
  const { timeMs, clock, isLate } = traced;
  if (kind.kind === "session") {
    if (isLate && traced.start === start && traced.end === end) return true;
    return start <= timeMs && timeMs <= end - kind.gapMs;
  }
  // An event may be late for one window and on time for the next.
  const isIn = start <= timeMs && timeMs < end;
  return isIn && clock >= end + kind.graceMs === isLate;
}

/**
 * Whether what was applied makes up the session asked for, where nobody was told of it. Events of
 * different sessions stand more than a gap apart: one that is nearer to a final session is late.
 */
function isSession({ window: kind }: Query, window: ChangeWindow, applied: Traced[]): boolean {
  if (kind.kind !== "session" || window.start === null) return true;
  const times = applied.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
  const isOne = times.every((time, index) => time - (times[index - 1] ?? time) <= kind.gapMs);
  return isOne && times[0] === window.start && times.at(-1)! + kind.gapMs === window.end;
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

/** The events at these positions. */
async function readEvents(
  store: Store,
  positions: readonly number[],
): Promise<ReadonlyMap<number, LoggedEvent>> {
  const wanted = new Set(positions);
  const events = new Map<number, LoggedEvent>();
  const first = positions.reduce((least, position) => Math.min(least, position), Infinity);
  if (first === Infinity) return events;
  const last = positions.reduce((most, position) => Math.max(most, position), first);
  for await (const chunk of readChunks(store, first, last + 1)) {
    let position = chunk.firstPosition;
    for (const line of entryLines(chunk)) {
      if (wanted.has(position)) {
        const receivedAt = entryReceivedAt(chunk, position - chunk.firstPosition);
        events.set(position, logged(position, receivedAt, line));
      }
      position++;
    }
  }
  return events;
}

function logged(position: number, receivedAt: number | null, line: Uint8Array): LoggedEvent {
  const decoded = decodeEvent(line, 0, line.length);
  if (isFault(decoded)) throw new Error(`Got ${decoded.code} from an event of the log.`);
  const { eventId, source, eventType, timeMs } = decoded;
  return {
    position,
    eventId,
    source: source === "" ? null : source,
    eventType,
    eventTime: timeMs,
    receivedAt,
  };
}

/** RangeError where key or window cannot be those of a row of the query. */
export function checkRow(query: Query, key: Key, window: ChangeWindow): void {
  const names = query.key.map(({ name }) => name);
  const given = Object.keys(key);
  if (given.length !== names.length || !names.every((name) => Object.hasOwn(key, name))) {
    const wanted = names.length === 0 ? "no members" : `the members ${names.join(", ")}`;
    throw new RangeError(`A key of this query has ${wanted}.`);
  }
  const { start, end } = window;
  const isGlobal = start === null && end === null;
  const isSpan = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (isGlobal === (query.window.kind === "global") && (isGlobal || isSpan)) return;
  const wanted = query.window.kind === "global" ? "null" : "whole numbers of ms since 1970";
  throw new RangeError(`Start and end of a window of this query are ${wanted}.`);
}
