// Room for values (room.ts): those that a push tells, and those that become final rows. Most are
// small for certain and lie in their records; strings, tops and long lists may need blocks. And
// room for what comes due, which may be very much, so it is looked at in steps.

import { QUERY_TEXTS } from "./layout";
import { reachedBytes } from "./aggregate";
import { queryOf } from "./dictionary";
import { closeGrowthBytes, fitsAlways, valueBytesMax } from "./output";
import { paneHead, paneQuery } from "./pane";
import { queryProgram } from "./program";
import { RECORD_NEXT, keyOf, roomOf } from "./record";
import { boundInputs, takenBy } from "./room";
import { dueOf } from "./session";
import { factQuery, thingQuery } from "./span";
import { Q_EXTERNAL, Q_EXTERNAL_MAX, queryCount, queryState } from "./state";
import {
  NO_TIMER,
  TIMER_CLOSE_PANE,
  TIMER_CLOSE_SESSION,
  TIMER_EVENT,
  TIMER_EXPIRE,
  TIMER_FACT,
  TIMER_OVERDUE,
  firstDue,
  kindAt,
  nextDue,
  subjectAt,
} from "./timer";
import { keepsTold } from "./told";
import { waitingQuery } from "./wait";

/** So many timers, and rows of panes, are looked at in one step: less than a millisecond. */
const STEP: u32 = 16384;

/** Sessions that the clock will close as they stand: so many timers more, of their keys' ends. */
export let closingSessions: u64 = 0;
/** Final rows larger than their records, of what the clock will close as it stands. */
export let closingBytes: u64 = 0;

/** Where the walk over what is due stands: a timer, and first a row of a pane of `query`. */
let due: u32 = NO_TIMER;
let row: usize = 0;
let query: usize = 0;

/** Begins the walk that `boundDue` goes on with. */
export function beginDue(clock: i64): void {
  closingSessions = 0;
  closingBytes = 0;
  due = firstDue(clock);
  row = 0;
}

/** Bounds what is due, a step of it; false where there is more. */
export function boundDue(clock: i64): bool {
  for (let left = STEP; left > 0; left--) {
    if (row) {
      closingBytes += closeGrowthBytes(query, row, roomOf(query));
      row = load<u32>(row, RECORD_NEXT);
    } else if (due == NO_TIMER) return true;
    else {
      boundTimer(kindAt(due), subjectAt(due), clock);
      due = nextDue(due, clock);
    }
  }
  return false;
}

/** What has waited, and spans that expire, become inputs when the clock reaches them. */
function boundTimer(kind: u32, subject: usize, clock: i64): void {
  if (kind == TIMER_CLOSE_SESSION) {
    if (dueOf(subject) > clock) return;
    closingSessions++;
    query = queryProgram(queryOf(keyOf(subject)));
    closingBytes += closeGrowthBytes(query, subject, roomOf(query));
  } else if (kind == TIMER_CLOSE_PANE) {
    query = queryProgram(paneQuery(subject));
    if (!fitsAlways(query, roomOf(query))) row = paneHead(subject);
  } else if (kind == TIMER_EVENT) boundInputs(1, waitingQuery(subject), true);
  else if (kind == TIMER_FACT) boundInputs(1, factQuery(subject), true);
  else if (kind == TIMER_EXPIRE || kind == TIMER_OVERDUE) {
    boundInputs(1, thingQuery(subject), true);
  }
}

/** The values that one event or one timer writes (`reserveOut`); of sessions also what is kept. */
function boundValue(index: u32, inputs: u64): u64 {
  const external = load<u64>(queryState(index), Q_EXTERNAL_MAX) + inputs;
  return valueBytesMax(queryProgram(index), external);
}

export function boundValues(inputs: u64): u64 {
  let all: u64 = 0;
  let most: u64 = 0;
  for (let index: u32 = 0; index < queryCount(); index++) {
    const value = boundValue(index, inputs);
    all += 2 * value;
    most = max(most, value);
  }
  return all + most;
}

/** The strings of what is kept of sessions that were told: those of each session reached, once. */
export function boundTexts(inputs: u64): u64 {
  let all: u64 = 0;
  for (let index: u32 = 0; index < queryCount(); index++) {
    const query = queryProgram(index);
    if (!keepsTold(query)) continue;
    const state = queryState(index);
    const external = load<u64>(state, Q_EXTERNAL);
    const externalMax = load<u64>(state, Q_EXTERNAL_MAX);
    const reached = reachedBytes(load<u32>(takenBy(index)), external, externalMax);
    all += <u64>load<u32>(query, QUERY_TEXTS) * (reached + inputs);
  }
  return all;
}
