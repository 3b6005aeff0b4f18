// Trace: what was applied to one window of one query, and what is late for it, written beside the
// changes for whoever asks for the events behind a number (engine/explain.ts), who picks the key.
// It is on in a core that replays the log for that purpose, writes no state, and is off in every
// other. An event writes one record at the most: a window either takes it, or it is late for that.
//
// A record has the form of a change: its position is the event's own; of a span it is that of the
// fact that ended it, or of its `from` where it expired, and its revision is one more than the
// position of its `from`, 0 of an event. Its value is the event's time and the clock that took it.

import {
  CHANGE_APPLIED,
  CHANGE_HEADER_BYTES,
  CHANGE_LATE,
  TRACE_BYTES,
  TRACE_CLOCK,
  TRACE_TIME,
} from "./layout";
import { builtKey, builtLength } from "./dictionary";
import { beginRecordOf, endRecord } from "./emit";
import { S_CLOCK } from "./state";

const NO_QUERY: u32 = u32.MAX_VALUE;

/** The query and the window asked for. */
let traced: u32 = NO_QUERY;
let start: i64 = 0;
let end: i64 = 0;
/** One more than the position of the span's `from`; 0 where the event at hand is no span. */
let from: u64 = 0;

/** From now on this window of the query `index` is traced, and no other. */
export function traceWindow(index: u32, windowStart: i64, windowEnd: i64): void {
  traced = index;
  start = windowStart;
  end = windowEnd;
}

@inline
export function isTraced(index: u32): bool {
  return index == traced;
}

/** Room for one record, where there is any. */
export function traceRoom(keyBytes: usize): usize {
  return traced == NO_QUERY ? 0 : CHANGE_HEADER_BYTES + keyBytes + TRACE_BYTES + 8;
}

/** The span that ended: what is traced next. */
export function traceSpan(fromPosition: u64): void {
  from = fromPosition + 1;
}

/**
 * The event was applied to so many windows: the first [firstStart, firstEnd), each next one by
 * `step` later (`startStep` of its start). Like its kin below it takes the key that was built.
 */
export function traceApplied(
  time: i64,
  position: u64,
  firstStart: i64,
  firstEnd: i64,
  step: i64,
  startStep: i64,
  count: i64,
): void {
  if (!isAmong(firstStart, firstEnd, step, startStep, count)) return;
  write(CHANGE_APPLIED, time, position, start, end);
}

/** The event is late for so many windows. */
export function traceLate(
  time: i64,
  position: u64,
  firstStart: i64,
  firstEnd: i64,
  step: i64,
  startStep: i64,
  count: i64,
): void {
  if (!isAmong(firstStart, firstEnd, step, startStep, count)) return;
  write(CHANGE_LATE, time, position, start, end);
}

function isAmong(
  firstStart: i64,
  firstEnd: i64,
  step: i64,
  startStep: i64,
  count: i64,
): bool {
  if (end < firstEnd || (end - firstEnd) % step != 0) return false;
  const index = (end - firstEnd) / step;
  return index < count && firstStart + index * startStep == start;
}

/**
 * The event joined a session, which may still grow and merge: so all are traced whose own
 * [time, time + gap) overlaps or touches the window.
 */
export function traceJoined(time: i64, position: u64, gap: i64): void {
  if (time <= end && time + gap >= start) write(CHANGE_APPLIED, time, position, time, time + gap);
}

/** The event is late for the session that it would be in, which overlaps or touches the window. */
export function traceLateSession(
  time: i64,
  position: u64,
  sessionStart: i64,
  sessionEnd: i64,
): void {
  if (sessionStart > end || sessionEnd < start) return;
  write(CHANGE_LATE, time, position, sessionStart, sessionEnd);
}

function write(kind: u32, time: i64, position: u64, windowStart: i64, windowEnd: i64): void {
  const to = beginRecordOf(kind, false, traced, builtKey(), builtLength());
  store<i64>(to, time, TRACE_TIME);
  store<i64>(to, load<i64>(S_CLOCK), TRACE_CLOCK);
  endRecord(windowStart, windowEnd, from, position, to + TRACE_BYTES);
}
