// Silence: how time passes where no events come (semantics.md, "Time passing with no events"). In
// silence event time runs on from where the feed stood: with E and A the clock and the receive time
// at the last event that moved the clock, a tick at wall time `now` passes
//
//   min(now, E + delay + (now - A)) - idle
//
// so that an event up to `idle` in transit is not made late, and a recording of last year runs on
// in last year. For what is due at D, the first clock at which it happens, the host's timer is at
//
//   max(D + delay, A + D - E, last receipt) + idle
//
// and a timer that fires finds something to do. All wall times come from one clock, the host's.

import type { Core } from "./core/core.ts";
import type { Plan } from "./query/plan.ts";

export class Silence {
  readonly #delayMs: number;
  /** Null: nobody ticks. */
  readonly #idleMs: number | null;
  #lastReceiptMs = -Infinity;

  constructor({ clock }: Plan) {
    this.#delayMs = clock.delayMs;
    this.#idleMs = clock.idleMs;
  }

  /** The latest receive time so far, ms since 1970; -Infinity where none is known. */
  get lastReceiptMs(): number {
    return this.#lastReceiptMs;
  }

  /** Events came at `receivedAt`, ms since 1970: one for all, or one each, null where unknown. */
  heard(receivedAt: number | null | readonly (number | null)[]): void {
    const times = receivedAt instanceof Array ? receivedAt : [receivedAt];
    for (const ms of times) this.#lastReceiptMs = Math.max(this.#lastReceiptMs, ms ?? -Infinity);
  }

  /**
   * The wall time for the host's timer; null where nothing is due or no receive time is known.
   * Without a core, which is to be made again, that is due since the last receipt.
   */
  dueAt(core: Core | null): number | null {
    if (core === null) {
      const isKnown = this.#idleMs !== null && this.#lastReceiptMs > -Infinity;
      return isKnown ? this.#lastReceiptMs : null;
    }
    const { movedClock, movedReceivedAt } = core.counts();
    if (this.#idleMs === null || movedClock === null || movedReceivedAt === null) return null;
    const due = core.due();
    if (due === null) return null;
    const passed = Math.max(due + this.#delayMs, movedReceivedAt + due - movedClock);
    return Math.max(passed, this.#lastReceiptMs) + this.#idleMs;
  }

  /** The tick of wall time `now`; null where it would find nothing to do. */
  tickAt(core: Core, now: number): number | null {
    const dueAt = this.dueAt(core);
    if (dueAt === null || now < dueAt) return null;
    const { movedClock, movedReceivedAt } = core.counts();
    const ran = movedClock! + this.#delayMs + (now - movedReceivedAt!);
    return Math.min(now, ran) - this.#idleMs!;
  }
}
