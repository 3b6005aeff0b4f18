// Room for values (room.ts): those that a push tells, and those that become final rows. Most are
// small for certain and lie in their records; strings, tops and long lists may need blocks.

import { QUERY_TEXTS } from "./layout";
import { reachedBytes } from "./aggregate";
import { queryOf } from "./dictionary";
import { closeGrowthBytes, fitsAlways, valueBytesMax } from "./output";
import { paneHead, paneQuery } from "./pane";
import { queryProgram } from "./program";
import { RECORD_NEXT, keyOf, roomOf } from "./record";
import { takenBy } from "./room";
import { dueOf } from "./session";
import { Q_EXTERNAL, Q_EXTERNAL_MAX, queryCount, queryState } from "./state";
import {
  NO_TIMER,
  TIMER_CLOSE_PANE,
  TIMER_CLOSE_SESSION,
  firstDue,
  kindAt,
  nextDue,
  subjectAt,
} from "./timer";
import { keepsTold } from "./told";

/** Sessions that the clock will close as they stand: so many timers more, of their keys' ends. */
export let closingSessions: u64 = 0;

/** Final rows larger than their records, of what the clock will close as it stands. */
export function boundClosing(clock: i64): u64 {
  let all: u64 = 0;
  closingSessions = 0;
  for (let i = firstDue(clock); i != NO_TIMER; i = nextDue(i, clock)) {
    const kind = kindAt(i);
    const subject = subjectAt(i);
    if (kind == TIMER_CLOSE_SESSION) {
      if (dueOf(subject) > clock) continue;
      closingSessions++;
      const query = queryProgram(queryOf(keyOf(subject)));
      all += closeGrowthBytes(query, subject, roomOf(query));
    } else if (kind == TIMER_CLOSE_PANE) all += boundPane(subject);
  }
  return all;
}

function boundPane(pane: usize): u64 {
  const query = queryProgram(paneQuery(pane));
  const room = roomOf(query);
  let all: u64 = 0;
  if (fitsAlways(query, room)) return 0;
  for (let record = paneHead(pane); record; record = load<u32>(record, RECORD_NEXT)) {
    all += closeGrowthBytes(query, record, room);
  }
  return all;
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
