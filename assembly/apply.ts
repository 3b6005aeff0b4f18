// Apply: the accepted lines of the batch, in order, become state. The only place from which the
// state region is written. An entry that makes many windows final may fill the buffer of changes:
// then apply stops, the host empties the buffer, and apply goes on where it stood.

import { needYears } from "./zone";
import {
  FLAG_INEXACT,
  KIND_TICK,
  PROGRAM,
  QUERY_FIELDS,
  QUERY_WHERE,
  QUERY_WINDOW_KIND,
  QUERY_WITHIN,
  ROLE_FROM,
  ROLE_LOOKUP,
  ROLE_TABLE,
  ROLE_TO,
  SLOT_FLAGS,
  SLOT_IDENTITY,
  SLOT_MARK,
  SLOT_RECEIVED,
  SLOT_ROUTE,
  SLOT_TIME,
  TABLE_FIELDS,
  TAKER_BYTES,
  TAKER_INDEX,
  TAKER_ROLE,
  VALUE_BYTES,
  VALUE_FLAGS,
  VERDICT_ACCEPTED,
  WINDOW_CALENDAR,
} from "./layout";
import { endAhead, touchKeys } from "./ahead";
import {
  isRelease,
  kindOf,
  rowOf,
  slotAt,
  slotCount,
  textBase,
  touchSlots,
  verdictOf,
} from "./batch";
import { advance, afterEvent, afterTick } from "./clock";
import { remember } from "./dedupe";
import { outIsFull } from "./emit";
import { bindRow, holds } from "./expression";
import { TOUCHED } from "./identity-table";
import { queryProgram, routeTakers } from "./program";
import { settleFirst } from "./session";
import { SIDE_FROM, SIDE_TO, addFact } from "./span";
import { feedTable, tableProgram } from "./table";
import { takeOrWait } from "./wait";
import {
  S_CLOCK,
  S_INEXACT,
  S_MOVED_CLOCK,
  S_MOVED_RECEIVED,
  S_POSITION,
  increment,
} from "./state";
import { beginTelling, tellUpdates } from "./tell";
import { beginTouching } from "./touch";
import { applyToQuery } from "./window";

let cursor: u32 = 0;
/** Whether the line at the cursor has begun: the clock is on its way through the timers. */
let begun: bool = false;

export function beginApply(): void {
  cursor = 0;
  begun = false;
  beginTouching(load<u64>(S_POSITION));
  beginTelling();
}

/** Counts the integers beyond 2^53 that a taker reads, each value once. */
function countInexact(row: usize, fields: u32): void {
  let list = PROGRAM + <usize>fields;
  for (let n = load<u32>(list); n > 0; n--) {
    list += 4;
    const value = row + <usize>load<u32>(list) * VALUE_BYTES;
    if (!(load<u8>(value, VALUE_FLAGS) & FLAG_INEXACT)) continue;
    store<u8>(value, 0, VALUE_FLAGS);
    increment(S_INEXACT);
  }
}

/** What a calendar's zone does about the windows that the event, or its span, may fall into. */
function takeYears(index: u32, role: u32, time: i64): void {
  const query = queryProgram(index);
  if (load<u8>(query, QUERY_WINDOW_KIND) != WINDOW_CALENDAR) return;
  needYears(query, time);
  if (role == ROLE_FROM) needYears(query, time + load<i64>(query, QUERY_WITHIN));
}

/** One table or query takes the event. */
function give(taker: usize, row: usize, slot: usize, position: u64): void {
  const index = <u32>load<u16>(taker, TAKER_INDEX);
  const role = <u32>load<u16>(taker, TAKER_ROLE);
  const time = load<i64>(slot, SLOT_TIME);
  const text = textBase();
  if (load<u8>(slot, SLOT_FLAGS) & FLAG_INEXACT) {
    const isTable = role == ROLE_TABLE;
    const fields = isTable
      ? load<u32>(tableProgram(index), TABLE_FIELDS)
      : load<u32>(queryProgram(index), QUERY_FIELDS);
    countInexact(row, fields);
  }
  if (role != ROLE_TABLE) takeYears(index, role, time);
  if (role == ROLE_TABLE) feedTable(index, row, text, time);
  else if (role == ROLE_LOOKUP) takeOrWait(index, row, text, time, position);
  else if (role == ROLE_FROM) addFact(index, SIDE_FROM, row, text, time, position);
  else if (role == ROLE_TO) addFact(index, SIDE_TO, row, text, time, position);
  else {
    const query = queryProgram(index);
    bindRow(row, text, position);
    if (!holds(load<u32>(query, QUERY_WHERE))) return;
    applyToQuery(index, query, time, position, position, isRelease());
  }
}

/** Tables take the event first, so that an event sees itself. */
function giveToTakers(line: u32, slot: usize, position: u64): void {
  const takers = routeTakers(load<u32>(slot, SLOT_ROUTE));
  const row = rowOf(line);
  for (let i = load<u32>(takers), taker = takers + 4; i > 0; i--, taker += TAKER_BYTES) {
    give(taker, row, slot, position);
  }
}

function applyEvent(slot: usize): bool {
  const received = load<i64>(slot, SLOT_RECEIVED);
  const clock = load<i64>(S_CLOCK);
  const target = afterEvent(clock, load<i64>(slot, SLOT_TIME), received);
  // Without a branch, since nobody can foresee which event comes late.
  const moves = !begun && target > clock;
  store<i64>(S_MOVED_CLOCK, select<i64>(target, load<i64>(S_MOVED_CLOCK), moves));
  store<i64>(S_MOVED_RECEIVED, select<i64>(received, load<i64>(S_MOVED_RECEIVED), moves));
  begun = true;
  // The last timer may have filled the buffer, and the event has to find room.
  if (!advance(target) || outIsFull()) return false;
  const position = load<u64>(S_POSITION);
  const time = load<i64>(slot, SLOT_TIME);
  remember(slot + SLOT_IDENTITY, load<u64>(slot, SLOT_MARK), time, position);
  giveToTakers(cursor, slot, position);
  // So that who asks what is due finds it without a search.
  settleFirst();
  return true;
}

/** Applies the rest of the batch and tells it; false where the buffer of changes is full. */
export function applyBatch(): bool {
  for (; cursor < slotCount; cursor++, begun = false) {
    if (cursor % TOUCHED == 0) {
      touchSlots(cursor, true);
      touchKeys(cursor, min(TOUCHED, slotCount - cursor));
    }
    const slot = slotAt(cursor);
    if (verdictOf(slot) != VERDICT_ACCEPTED) continue;
    // Sessions that an event joins are retracted as it is applied: there is room for that.
    if (outIsFull()) return false;
    if (kindOf(slot) == KIND_TICK) {
      if (!advance(afterTick(load<i64>(S_CLOCK), load<i64>(slot, SLOT_TIME)))) return false;
    } else if (!applyEvent(slot)) return false;
    increment(S_POSITION);
  }
  endAhead();
  return tellUpdates();
}
