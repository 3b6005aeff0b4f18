/** Spans: the time between two facts about one thing, as a plan asks for it. */
import { checkDuration } from "./duration.ts";
import { checkPatterns, patternsMeet } from "./event-pattern.ts";
import { checkPathOrExpression, NOTHING, type Expression, type Scope } from "./expression.ts";
import { isRecord, quote, type Place } from "./plan-place.ts";
import type { Window } from "./window.ts";

export interface Span {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly on: Expression;
  readonly withinMs: number;
  readonly waitMs: number;
  readonly earlyMs: number;
}

/** `scope` is that of events: `on` reads the facts, not the span. */
export function checkSpan(scope: Scope, place: Place, window: Window): Span {
  isRecord(place, ["from", "to", "on", "within"], ["wait", "early"]);
  const from = place.member("from", checkPatterns, []);
  const to = place.member("to", checkPatterns, []);
  const meeting = sharedType(from, to);
  if (meeting !== null) place.child("to").add("shared_type", meeting);
  const on = place.member("on", (each) => checkPathOrExpression(scope, each), NOTHING);
  const withinMs = place.number("within", checkDuration);
  const earlyMs = place.number("early", checkDuration, 0);
  return { from, to, on, withinMs, waitMs: checkWait(place, window, earlyMs), earlyMs };
}

/** The wait by default, or as given: with `early` never more than the grace, where there is one. */
function checkWait(place: Place, window: Window, earlyMs: number): number {
  if (window.kind === "global") return place.number("wait", checkDuration, 0);
  const { graceMs } = window;
  const waitMs = place.number("wait", checkDuration, Math.max(0, graceMs - earlyMs));
  if (waitMs + earlyMs > graceMs) {
    const culprit = place.child(earlyMs > graceMs ? "early" : "wait");
    culprit.add("wait_over_grace", `Got ${waitMs + earlyMs} ms when the grace is ${graceMs} ms.`);
  }
  return waitMs;
}

function sharedType(from: readonly string[], to: readonly string[]): string | null {
  for (const left of from) {
    const right = to.find((each) => patternsMeet(left, each));
    if (right !== undefined) return `Got ${quote(left)} and ${quote(right)}.`;
  }
  return null;
}
