// The clock. It moves forward only, by events and ticks, and on its way it passes through its
// timers, earliest first: what is due happens at its own instant, not at the instant to which the
// clock jumped.

import { delay } from "./program";
import { raiseHorizon, horizonAt } from "./dedupe";
import { outIsFull } from "./emit";
import { TICK_NEVER } from "./layout";
import { closePane, dropPane } from "./pane";
import { closeSession, expireSession, forgetEnd, settleFirst } from "./session";
import { closeSlices } from "./slice";
import { expire, takeWaitingFact } from "./span";
import { NO_TIME, S_CLOCK, S_POSITION } from "./state";
import { beginTelling, tellUpdates } from "./tell";
import {
  TIMER_CLOSE_PANE,
  TIMER_CLOSE_SESSION,
  TIMER_CLOSE_SLICES,
  TIMER_DROP_PANE,
  TIMER_DROP_SESSION,
  TIMER_EVENT,
  TIMER_EXPIRE,
  TIMER_FACT,
  TIMER_FORGET,
  TIMER_OVERDUE,
  firstKind,
  firstSubject,
  firstTime,
  postpone,
  removeTimer,
  timerCount,
} from "./timer";
import { beginTouching } from "./touch";
import { takeWaiting } from "./wait";

export const RECEIVED_UNKNOWN: i64 = i64.MIN_VALUE;

/** Where an event moves a clock that stands at `clock` (semantics.md, step 5). */
export function afterEvent(clock: i64, time: i64, received: i64): i64 {
  const sane = received == RECEIVED_UNKNOWN ? time : min(time, received);
  return max(clock, sane - delay());
}

export function afterTick(clock: i64, time: i64): i64 {
  return time == TICK_NEVER ? clock : max(clock, time - delay());
}

/** Moves the clock to the first timer: an overdue expiry reads its instant, at which it stood. */
function reachFirst(): void {
  const instant = firstKind() == TIMER_OVERDUE ? firstTime() - 1 : firstTime();
  store<i64>(S_CLOCK, max(load<i64>(S_CLOCK), instant));
}

/** Does what the first timer is for; false where the buffer of changes is full. */
function fire(drops: bool): bool {
  const subject = firstSubject();
  switch (firstKind()) {
    case TIMER_OVERDUE:
    case TIMER_EXPIRE:
      expire(subject);
      return true;
    case TIMER_FACT:
      takeWaitingFact(subject);
      return true;
    case TIMER_EVENT:
      takeWaiting(subject);
      return true;
    case TIMER_CLOSE_PANE:
      return closePane(subject, drops);
    case TIMER_CLOSE_SLICES:
      return closeSlices(subject, drops);
    case TIMER_CLOSE_SESSION:
      return closeSession(subject, drops);
    case TIMER_DROP_PANE:
      if (drops) return dropPane(subject);
      removeTimer(subject);
      return true;
    case TIMER_DROP_SESSION:
      if (drops) expireSession(subject);
      else removeTimer(subject);
      return true;
    default:
      assert(firstKind() == TIMER_FORGET);
      forgetEnd(subject);
      return true;
  }
}

/**
 * Moves the clock to `target` through its timers. False where the host has to empty the buffer of
 * changes first; it then asks again with the same target.
 */
export function advance(target: i64): bool {
  for (;;) {
    settleFirst();
    if (timerCount() == 0 || firstTime() > target) break;
    if (outIsFull()) return false;
    if (firstKind() == TIMER_EXPIRE && firstTime() == target) {
      postpone(firstSubject());
      continue;
    }
    reachFirst();
    if (!fire(true)) return false;
  }
  store<i64>(S_CLOCK, max(load<i64>(S_CLOCK), target));
  raiseHorizon(horizonAt(load<i64>(S_CLOCK)));
  return true;
}

/** Where the clock stood before `passAll`. */
let clockBefore: i64 = NO_TIME;

export function beginPassing(): void {
  clockBefore = load<i64>(S_CLOCK);
  beginTouching(load<u64>(S_POSITION));
  beginTelling();
}

/**
 * Passes every timer (`--flush`), and tells what stays open; no row leaves the view, and the clock
 * is told as it stood. False where the host has to empty the buffer first.
 */
export function passAll(): bool {
  for (settleFirst(); timerCount() != 0; settleFirst()) {
    reachFirst();
    if (outIsFull() || !fire(false)) return false;
  }
  if (!tellUpdates()) return false;
  store<i64>(S_CLOCK, clockBefore);
  return true;
}

export function clockOpen(): void {
  store<i64>(S_CLOCK, NO_TIME);
}
