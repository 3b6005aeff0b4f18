/** Spans: the time between two facts about one thing, as a plan asks for it. */
import { checkDurationOr } from "./duration.ts";
import { checkPatterns, patternsMeet } from "./event-pattern.ts";
import { checkPathOrExpression, type Expression, type Scope } from "./expression.ts";
import { quote, recordOf, type Members, type Place } from "./plan-place.ts";
import type { Window } from "./window.ts";

export interface Span {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly on: Expression;
  readonly withinMs: number;
  readonly waitMs: number;
  readonly earlyMs: number;
}

/**
 * `scope` is that of events: `on` reads the facts, not the span. Without a window, because it is at
 * fault itself, nothing is said about the grace.
 */
export function checkSpan(scope: Scope, place: Place, window: Window | null): Span | null {
  const members = recordOf(place, {
    required: ["from", "to", "on", "within"],
    optional: ["wait", "early"],
  });
  if (members === null) return null;
  const from = checkSide(members.get("from"));
  const to = checkSide(members.get("to"));
  const meeting = sharedType(from, to);
  if (meeting !== null) members.get("to")!.add("shared_type", meeting);
  const onPlace = members.get("on");
  const on = onPlace === undefined ? null : checkPathOrExpression(scope, onPlace);
  const withinMs = checkDurationOr(members.get("within"), null);
  const earlyMs = checkDurationOr(members.get("early"), 0);
  const givenMs = checkDurationOr(members.get("wait"), null);
  const waits = window === null || earlyMs === null ? null : { window, earlyMs, givenMs };
  const waitMs = waits === null ? null : checkWait(members, waits);
  if (on === null || withinMs === null || earlyMs === null || waitMs === null) return null;
  return { from, to, on, withinMs, waitMs, earlyMs };
}

function checkSide(place: Place | undefined): readonly string[] {
  return place === undefined ? [] : checkPatterns(place);
}

/** The wait by default, or as given: with `early` never more than the grace, where there is one. */
function checkWait(
  members: Members,
  waits: { window: Window; earlyMs: number; givenMs: number | null },
): number | null {
  const { window, earlyMs, givenMs } = waits;
  const wait = members.get("wait");
  // A wait that is no duration has its fault already.
  if (wait !== undefined && givenMs === null) return null;
  if (window.kind === "global") return givenMs ?? 0;
  const { graceMs } = window;
  if ((givenMs ?? 0) + earlyMs <= graceMs) return givenMs ?? graceMs - earlyMs;
  const culprit = earlyMs > graceMs ? members.get("early") : wait;
  const detail = `Got ${(givenMs ?? 0) + earlyMs} ms when the grace is ${graceMs} ms.`;
  return culprit!.add("wait_over_grace", detail);
}

function sharedType(from: readonly string[], to: readonly string[]): string | null {
  for (const left of from) {
    const right = to.find((each) => patternsMeet(left, each));
    if (right !== undefined) return `Got ${quote(left)} and ${quote(right)}.`;
  }
  return null;
}
