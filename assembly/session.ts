// Sessions: [t, t + gap) merged with every open session of its key that overlaps or touches it.
// An open session is a record in its key's lane, by start; they are more than a gap apart, so an
// event joins one before it and one after it at most.
//
// Exactly `gap` apart is one session, so a session is final when `T` passes end + grace: its timer
// stands 1 ms later. The end of a key's newest final session is kept until it lies before
// `T - dedup`: until then an event at or before it is late, so finals of one key never overlap; a
// released event from before `T - dedup` is late for every session, since nobody can tell.

import {
  CHANGE_RETRACT,
  CHANGE_ROW,
  CHANGE_UPDATE,
  PROGRAM,
  PROGRAM_DEDUP,
  QUERY_EVERY,
  QUERY_GRACE,
  QUERY_KEY_COUNT,
  QUERY_RETAIN,
  QUERY_WINDOW_BYTES,
} from "./layout";
import { alloc } from "./arena";
import { horizonAt } from "./dedupe";
import {
  KEY_END,
  closeKey,
  findTarget,
  internKey,
  isOtherKey,
  queryOf,
  releaseKey,
  retainKey,
} from "./dictionary";
import { beginRecord as beginChange, endRecord as endChange, outIsFull } from "./emit";
import { finalValue, freeFinal, keepFinal } from "./final";
import { foundWay, keepFound, recordOfKey } from "./found";
import { enterLane, laneAtOrBefore, laneHead, laneNext, leaveLane } from "./lane";
import { addLate } from "./late";
import { encodeOutputs } from "./output";
import { queryProgram } from "./program";
import {
  RECORD_END,
  RECORD_KEY,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_POSITION,
  RECORD_PREVIOUS,
  RECORD_REVISION,
  RECORD_START,
  addToRecord,
  beginRecord,
  bodyOf,
  emptyRecord,
  endOf,
  freeRecord,
  keyOf,
  mergeRecord,
  revisionOf,
  roomOf,
  startOf,
} from "./record";
import {
  NO_TIME,
  Q_FINALS,
  Q_OPEN,
  Q_ROWS,
  S_CLOCK,
  S_POSITION,
  increment,
  queryState,
} from "./state";
import {
  TIMER_CLOSE_SESSION,
  TIMER_DROP_SESSION,
  TIMER_FORGET,
  addTimer,
  firstKind,
  firstSubject,
  firstTime,
  hasTimer,
  moveTimer,
  removeTimer,
  timerCount,
} from "./timer";
import {
  BLOB_END,
  BLOB_REVISION,
  BLOB_START,
  blobOf,
  copyTold,
  dropBlob,
  keepBlob,
} from "./told";
import { forgetRow, untouch } from "./touch";
import { isTraced, traceJoined, traceLateSession } from "./trace";
import { UNHEARD, isWatched, kindOfFinal, writeGone } from "./watch";

function decrement(counter: usize): void {
  store<u64>(counter, load<u64>(counter) - 1);
}

// ── applying ───────────────────────────────────────────────────────────────────────────────────

/** The open sessions that an event at `time` joins: set by `findJoined`; 0 where there is none. */
let before: usize = 0;
let after: usize = 0;

function findJoined(key: usize, time: i64, gap: i64): void {
  before = 0;
  after = 0;
  if (!key) return;
  const last = laneAtOrBefore(key, time);
  if (last && endOf(last) >= time) before = last;
  const next = last ? laneNext(last) : laneHead(key);
  if (next && startOf(next) <= time + gap) after = next;
}

/**
 * Applies the event whose fields are bound where its key is one string that was found last with an
 * open session which it joins and no other, as mostly; false where it is to be looked for.
 */
export function applyToKnown(index: u32, query: usize, time: i64): bool {
  if (load<u16>(query, QUERY_KEY_COUNT) != 1 || isTraced(index)) return false;
  const session = recordOfKey(index, query, 0);
  if (!session || time < startOf(session) || time > endOf(session)) return false;
  const ends = time + load<i64>(query, QUERY_EVERY);
  const next = laneNext(session);
  if (next && startOf(next) <= ends) return false;
  // That the session is open says that it would not be late.
  if (load<i64>(keyOf(session), KEY_END) >= time) return false;
  const end = max(ends, endOf(session));
  if (endOf(session) != end) {
    leaveBounds(session, true);
    store<i64>(session, end, RECORD_END);
  }
  addToRecord(index, query, session, 1);
  return true;
}

/** Applies the event whose key is built and whose fields are bound. */
export function applyToSession(
  index: u32,
  query: usize,
  time: i64,
  position: u64,
  released: bool,
): void {
  const gap = load<i64>(query, QUERY_EVERY);
  const grace = load<i64>(query, QUERY_GRACE);
  const clock = load<i64>(S_CLOCK);
  const known = findTarget(index, query);
  findJoined(known, time, gap);
  const start = before ? startOf(before) : time;
  let end = time + gap;
  if (before) end = max(end, endOf(before));
  if (after) end = max(end, endOf(after));
  const isFinal = known != 0 && load<i64>(known, KEY_END) >= time;
  const isForgotten = released && time < horizonAt(clock);
  if (clock > end + grace || isFinal || isForgotten) {
    if (isTraced(index)) traceLateSession(time, position, start, end);
    return addLate(index, position, start, end, clock - time);
  }
  let session = before || after;
  if (!session) session = openSession(index, query, time, end);
  else if (startOf(session) != start || endOf(session) != end) {
    leaveBounds(session, true);
    store<i64>(session, start, RECORD_START);
    store<i64>(session, end, RECORD_END);
  }
  if (isTraced(index)) traceJoined(time, position, gap);
  addToRecord(index, query, session, 1);
  if (before && after) absorb(index, query, before, after);
  const key = keyOf(session);
  if (!isOtherKey(key)) keepFound(foundWay(), key, session, 0);
}

function openSession(index: u32, query: usize, start: i64, end: i64): usize {
  const session = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  beginRecord(query, session, internKey(index, query));
  store<i64>(session, start, RECORD_START);
  store<i64>(session, end, RECORD_END);
  enterLane(session);
  const due = end + load<i64>(query, QUERY_GRACE) + 1;
  addTimer(due, TIMER_CLOSE_SESSION, index, 0, 0, session);
  increment(queryState(index) + Q_OPEN);
  increment(queryState(index) + Q_ROWS);
  return session;
}

/** When the session is final: its timer stands there, or earlier (`settleFirst`). */
export function dueOf(session: usize): i64 {
  return endOf(session) + load<i64>(queryProgram(queryOf(keyOf(session))), QUERY_GRACE) + 1;
}

/**
 * A session's timer stays where it is while the session grows. Once it is the first, it is moved to
 * where the session ends by now.
 */
export function settleFirst(): void {
  while (timerCount() != 0 && firstKind() == TIMER_CLOSE_SESSION) {
    const due = dueOf(firstSubject());
    if (due == firstTime()) return;
    moveTimer(firstSubject(), due);
  }
}

/** All that `other` holds goes into `session`, and `other` is no more. */
function absorb(index: u32, query: usize, session: usize, other: usize): void {
  leaveBounds(other, false);
  mergeRecord(index, query, session, other);
  emptyRecord(index, query, other);
  untouch(other);
  dropBlob(other);
  removeTimer(other);
  leaveLane(other);
  const key = keyOf(other);
  freeRecord(query, other);
  closeKey(key);
  releaseKey(key);
  decrement(queryState(index) + Q_OPEN);
  decrement(queryState(index) + Q_ROWS);
}

/** The session's window as it was is no more; `stays`: the session goes on with another. */
function leaveBounds(session: usize, stays: bool): void {
  retractTold(session);
  if (!isWatched(queryOf(keyOf(session))) || !forgetRow(session, stays)) return;
  writeGone(keyOf(session), startOf(session), endOf(session));
}

/** The window that was told of the session no longer exists. There is room in the buffer. */
function retractTold(session: usize): void {
  const blob = blobOf(session);
  if (!blob) return;
  const to = beginChange(CHANGE_RETRACT, false, queryOf(keyOf(session)), keyOf(session));
  const valueEnd = copyTold(blob, to);
  const start = load<i64>(blob, BLOB_START);
  const revision = load<u64>(blob, BLOB_REVISION);
  endChange(start, load<i64>(blob, BLOB_END), revision, load<u64>(S_POSITION), valueEnd);
  dropBlob(session);
}

// ── telling ────────────────────────────────────────────────────────────────────────────────────

/** Writes an open session; of an update, keeps what was told for the day when it is retracted. */
export function writeSession(kind: u32, session: usize): void {
  const index = queryOf(keyOf(session));
  const to = beginChange(kind, false, index, keyOf(session));
  const end = encodeOutputs(to, queryProgram(index), session);
  const revision = revisionOf(session);
  const position = load<u64>(session, RECORD_POSITION);
  endChange(startOf(session), endOf(session), revision, position, end);
  if (kind != CHANGE_UPDATE) return;
  keepBlob(session, startOf(session), endOf(session), revision, to, end - to);
}

export function writeFinalSession(session: usize): void {
  const index = queryOf(keyOf(session));
  const query = queryProgram(index);
  const to = beginChange(CHANGE_ROW, true, index, keyOf(session));
  const length = <usize>load<u32>(session, RECORD_LENGTH);
  memory.copy(to, finalValue(session + bodyOf(query), roomOf(query), length), length);
  endChange(startOf(session), endOf(session), revisionOf(session), 0, to + length);
}

// ── closing, dropping, forgetting ──────────────────────────────────────────────────────────────

/** Makes the session final; false where the buffer of changes is full. */
export function closeSession(session: usize, drops: bool): bool {
  if (outIsFull()) return false;
  const key = keyOf(session);
  const index = queryOf(key);
  const query = queryProgram(index);
  removeTimer(session);
  const kind = kindOfFinal(index);
  const to = beginChange(kind, true, index, key);
  const end = encodeOutputs(to, query, session);
  increment(session + RECORD_REVISION);
  if (kind != UNHEARD) {
    const position = load<u64>(S_POSITION);
    endChange(startOf(session), endOf(session), revisionOf(session), position, end);
  }
  emptyRecord(index, query, session);
  untouch(session);
  dropBlob(session);
  keepFinal(session + bodyOf(query), roomOf(query), to, end - to);
  store<u32>(session, <u32>(end - to), RECORD_LENGTH);
  leaveLane(session);
  closeKey(key);
  decrement(queryState(index) + Q_OPEN);
  listFinal(index, session);
  keepEnd(index, key, endOf(session));
  if (drops) addDrop(index, query, session);
  return true;
}

function listFinal(index: u32, session: usize): void {
  const list = queryState(index) + Q_FINALS;
  const next = <usize>load<u32>(list);
  store<u32>(session, <u32>next, RECORD_NEXT);
  if (next) store<u32>(next, <u32>session, RECORD_PREVIOUS);
  store<u32>(list, <u32>session);
}

/** A final session that no event opened: reprocessing found it. */
export function addFinalSession(
  index: u32,
  query: usize,
  key: usize,
  start: i64,
  end: i64,
  revision: u64,
  value: usize,
  bytes: usize,
): void {
  const session = alloc(load<u32>(query, QUERY_WINDOW_BYTES));
  store<u32>(session, <u32>key, RECORD_KEY);
  store<u32>(session, <u32>bytes, RECORD_LENGTH);
  store<u64>(session, revision, RECORD_REVISION);
  store<i64>(session, start, RECORD_START);
  store<i64>(session, end, RECORD_END);
  keepFinal(session + bodyOf(query), roomOf(query), value, bytes);
  retainKey(key);
  listFinal(index, session);
  addDrop(index, query, session);
  increment(queryState(index) + Q_ROWS);
}

function addDrop(index: u32, query: usize, session: usize): void {
  const due = endOf(session) + load<i64>(query, QUERY_GRACE) + load<i64>(query, QUERY_RETAIN);
  addTimer(due, TIMER_DROP_SESSION, index, 0, 0, session);
}

/** Remembers the end of the key's newest final session, while dedup can vouch for what follows. */
export function keepEnd(index: u32, key: usize, end: i64): void {
  const kept = load<i64>(key, KEY_END);
  if (kept != NO_TIME && kept >= end) return;
  store<i64>(key, end, KEY_END);
  const due = end + load<i64>(PROGRAM, PROGRAM_DEDUP) + 1;
  if (hasTimer(key)) return moveTimer(key, due);
  retainKey(key);
  addTimer(due, TIMER_FORGET, index, 0, 0, key);
}

export function forgetEnd(key: usize): void {
  removeTimer(key);
  store<i64>(key, NO_TIME, KEY_END);
  releaseKey(key);
}

/** Its time in the view is over. */
export function expireSession(session: usize): void {
  const key = keyOf(session);
  if (isWatched(queryOf(key))) writeGone(key, startOf(session), endOf(session));
  dropSession(session);
}

/** The final row leaves the view, without a change. */
export function dropSession(session: usize): void {
  const key = keyOf(session);
  const index = queryOf(key);
  const query = queryProgram(index);
  removeTimer(session);
  const next = <usize>load<u32>(session, RECORD_NEXT);
  const previous = <usize>load<u32>(session, RECORD_PREVIOUS);
  if (next) store<u32>(next, <u32>previous, RECORD_PREVIOUS);
  if (previous) store<u32>(previous, <u32>next, RECORD_NEXT);
  else store<u32>(queryState(index), <u32>next, Q_FINALS);
  freeFinal(session + bodyOf(query), roomOf(query), load<u32>(session, RECORD_LENGTH));
  freeRecord(query, session);
  releaseKey(key);
  decrement(queryState(index) + Q_ROWS);
}
