// The clock. It moves forward only, by events and ticks, and on its way it passes through its
// timers, earliest first: what is due happens at its own instant, not at the instant to which the
// clock jumped.

import { delay } from "./program";
import { raiseHorizon, horizonAt } from "./dedupe";
import { NO_TIME, S_CLOCK, S_POSITION } from "./state";
import { TIMER_CLOSE, firstKind, firstSubject, firstTime, removeFirst, timerCount } from "./timer";
import { closePane, dropPane } from "./window";

export const RECEIVED_UNKNOWN: i64 = i64.MIN_VALUE;

/** Where an event moves a clock that stands at `clock` (semantics.md, step 5). */
export function afterEvent(clock: i64, time: i64, received: i64): i64 {
  const sane = received == RECEIVED_UNKNOWN ? time : min(time, received);
  return max(clock, sane - delay());
}

export function afterTick(clock: i64, time: i64): i64 {
  return max(clock, time - delay());
}

/**
 * Moves the clock to `target` through its timers. False where the host has to empty the buffer of
 * changes first; it then asks again with the same target.
 */
export function advance(target: i64): bool {
  const position = load<u64>(S_POSITION);
  while (timerCount() != 0 && firstTime() <= target) {
    const pane = firstSubject();
    store<i64>(S_CLOCK, max(load<i64>(S_CLOCK), firstTime()));
    if (firstKind() == TIMER_CLOSE) {
      // Closing adds the timer of dropping, which is never earlier than this one.
      if (!closePane(pane, position, true)) return false;
    } else dropPane(pane);
    removeFirst();
  }
  store<i64>(S_CLOCK, max(load<i64>(S_CLOCK), target));
  raiseHorizon(horizonAt(load<i64>(S_CLOCK)));
  return true;
}

/**
 * Closes every window, as if the clock passed every timer (`--flush`); no row leaves the view and
 * the clock stays. False where the host has to empty the buffer first.
 */
export function passAll(): bool {
  while (timerCount() != 0) {
    const pane = firstSubject();
    if (firstKind() == TIMER_CLOSE && !closePane(pane, load<u64>(S_POSITION), false)) return false;
    removeFirst();
  }
  return true;
}

export function clockOpen(): void {
  store<i64>(S_CLOCK, NO_TIME);
}
