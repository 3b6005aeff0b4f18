// Spans: the facts about one thing, taken in event-time order, and the state they leave it in.

import { valueOf } from "./expression.ts";
import { asScalar, canonical, type Json, type JsonObject } from "./json.ts";
import { takesType, type Fact, type QueryJson } from "./plan.ts";
import { durationMs } from "./time.ts";

interface StandingFact {
  readonly fact: Fact;
  readonly isTo: boolean;
  /** What it is about, as text. */
  readonly on: string;
  /** "A `to` at `t` standing in that order at `t + early`." */
  readonly stands: number;
}

export interface Ended {
  readonly time: number;
  readonly root: JsonObject;
}

/**
 * All spans of facts that are all known, in the order in which they end: by instant, facts before
 * expiries, a `from` before a `to`, position. The clock is taken to pass every expiry.
 */
export function endedOf(query: QueryJson, facts: readonly Fact[]): Ended[] {
  const spans = new Spans(query);
  for (const fact of facts) spans.arrive(fact, -Infinity);
  const inOrder = spans.waiting.toSorted(
    (a, b) => a.stands - b.stands || Number(a.isTo) - Number(b.isTo) || order(a.fact, b.fact),
  );
  const ended: Ended[] = [];
  const expireBefore = (instant: number): void => {
    const due = [...spans.open].filter(([, from]) => spans.expiresAt(from) < instant);
    due.sort(([, a], [, b]) => a.time - b.time || order(a, b));
    for (const [on] of due) ended.push(spans.expire(on));
  };
  for (const standing of inOrder) {
    expireBefore(spans.takenAt(standing));
    const span = spans.takeWaiting(standing);
    if (span !== null) ended.push(span);
  }
  expireBefore(Infinity);
  return ended;
}

function order(a: Fact, b: Fact): number {
  return a.position - b.position;
}

/** Null members of the envelope: "every other member of the envelope null". */
const NO_ENVELOPE = {
  eventId: null,
  eventType: null,
  eventVersion: null,
  correlationId: null,
  causationId: null,
  source: null,
  data: null,
};

export type Arrived = "ignored" | "unkeyed" | "late" | "waits" | Ended | "taken";

export class Spans {
  readonly waiting: StandingFact[] = [];
  readonly open = new Map<string, Fact>();
  repeated = 0;
  unmatched = 0;
  readonly #plan: NonNullable<QueryJson["span"]>;
  readonly #waitMs: number;
  readonly #earlyMs: number;
  readonly #withinMs: number;

  constructor({ span, window }: QueryJson) {
    this.#plan = span!;
    this.#earlyMs = durationMs(span!.early ?? 0);
    this.#withinMs = durationMs(span!.within);
    // "`wait` is by default the window's grace less `early`"; for `global`, "0s".
    const graceMs = window.kind === "global" ? this.#earlyMs : durationMs(window.grace!);
    this.#waitMs = span!.wait === undefined ? graceMs - this.#earlyMs : durationMs(span!.wait);
  }

  arrive(fact: Fact, clock: number): Arrived {
    const isFrom = takesType(this.#plan.from, fact.type);
    const isTo = takesType(this.#plan.to, fact.type);
    if (!isFrom && !isTo) return "ignored";
    const on = asScalar(valueOf(this.#plan.on, fact.members));
    if (on === null) return "unkeyed";
    const stands = fact.time + (isTo ? this.#earlyMs : 0);
    const standing = { fact, isTo, on: canonical(on), stands };
    const takenAt = stands + this.#waitMs;
    if (clock > takenAt) return "late";
    if (clock === takenAt) return this.#take(standing) ?? "taken";
    this.waiting.push(standing);
    return "waits";
  }

  takenAt({ stands }: StandingFact): number {
    return stands + this.#waitMs;
  }

  /** The instant of expiry: `D = f + within + early + wait`. */
  expiresAt({ time }: Fact): number {
    return time + this.#withinMs + this.#earlyMs + this.#waitMs;
  }

  takeWaiting(standing: StandingFact): Ended | null {
    this.waiting.splice(this.waiting.indexOf(standing), 1);
    return this.#take(standing);
  }

  #take({ fact, isTo, on }: StandingFact): Ended | null {
    const from = this.open.get(on);
    if (!isTo && from !== undefined) this.repeated++;
    if (!isTo && from === undefined) this.open.set(on, fact);
    if (isTo && from === undefined) this.unmatched++;
    if (!isTo || from === undefined) return null;
    if (fact.time > from.time + this.#withinMs) throw new Error("The span had expired before.");
    this.open.delete(on);
    return this.#ended(from, fact);
  }

  expire(on: string): Ended {
    const from = this.open.get(on)!;
    this.open.delete(on);
    return this.#ended(from, null);
  }

  /** "A completed span is an event at the `to`'s time; an expired one at `f + within`." */
  #ended(from: Fact, to: Fact | null): Ended {
    const time = to === null ? from.time + this.#withinMs : to.time;
    const span: Json = {
      duration: to === null ? null : to.time - from.time,
      outcome: to === null ? "expired" : "completed",
      start: from.time,
      end: to === null ? null : to.time,
    };
    const sides = { from: from.members, to: to === null ? null : to.members };
    return { time, root: { ...NO_ENVELOPE, eventTime: time, span, ...sides } };
  }
}
