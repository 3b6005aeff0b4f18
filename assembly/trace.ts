// Trace: what one query takes and what becomes of it, written beside the changes for whoever asks
// for the events behind a number (engine/explain.ts). It is on in a core that replays the log for
// that purpose, writes no state, and is off in every other.
//
// A record has the form of a change: its position is the event's own; of a span it is that of the
// fact that ended it, or of its `from` where it expired, and its revision is one more than the
// position of its `from`, 0 of an event. Its value is the event's time and the clock that took it.

import { CHANGE_APPLIED, CHANGE_LATE, TRACE_BYTES, TRACE_CLOCK, TRACE_TIME } from "./layout";
import { builtKey, builtLength, keyBytes, keyLength } from "./dictionary";
import { beginRecordOf, endRecord } from "./emit";
import { NO_TIME, S_CLOCK } from "./state";

const NO_QUERY: u32 = u32.MAX_VALUE;

let traced: u32 = NO_QUERY;
let time: i64 = 0;
let position: u64 = 0;
/** One more than the position of the span's `from`; 0 where the event at hand is no span. */
let from: u64 = 0;

/** From now on the query `index` is traced, and no other. */
export function traceQuery(index: u32): void {
  traced = index;
}

/** The event at hand, or the span that ended. */
@inline
export function traceEvent(eventTime: i64, eventPosition: u64): void {
  time = eventTime;
  position = eventPosition;
}

export function traceSpan(fromPosition: u64): void {
  from = fromPosition + 1;
}

export function endTraceSpan(): void {
  from = 0;
}

/** The event was applied to a window, slice or session of this key. */
@inline
export function traceApplied(index: u32, key: usize): void {
  if (index == traced) {
    write(CHANGE_APPLIED, index, keyBytes(key), keyLength(key), NO_TIME, NO_TIME);
  }
}

/** The event is late; for [start, end) where the window cannot be told from its time. */
@inline
export function traceLate(index: u32, start: i64, end: i64): void {
  if (index == traced) write(CHANGE_LATE, index, builtKey(), builtLength(), start, end);
}

function write(
  kind: u32,
  index: u32,
  key: usize,
  length: usize,
  start: i64,
  end: i64,
): void {
  const to = beginRecordOf(kind, false, index, key, length);
  store<i64>(to, time, TRACE_TIME);
  store<i64>(to, load<i64>(S_CLOCK), TRACE_CLOCK);
  endRecord(start, end, from, position, to + TRACE_BYTES);
}
