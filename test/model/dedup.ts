// Steps 2 and 3: seen before? sane time? What is remembered, where its horizon is, what is held.

import type { Envelope } from "./envelope.ts";
import type { Settings } from "./plan.ts";

export type Verdict =
  | { readonly what: "accepted" }
  | { readonly what: "duplicate"; readonly of: number }
  | { readonly what: "invalid"; readonly code: string; readonly of?: number }
  | { readonly what: "quarantined"; readonly code: string };

export interface Held {
  readonly code: string;
  readonly receivedAt: number | null;
  readonly line: string;
}

interface Remembered {
  readonly time: number;
  readonly content: string;
  readonly position: number;
}

export class Dedup {
  readonly held: Held[] = [];
  /** For the coverage table: events judged that stand at the horizon or 1 ms before it. */
  judgedAtHorizon = 0;
  readonly #settings: Settings;
  readonly #heldOnce = new Set<string>();
  readonly #remembered = new Map<string, Remembered>();
  /** Where `limits.identities` pushed the horizon; it never goes back. */
  #forcedHorizon = -Infinity;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  horizon(clock: number): number {
    return Math.max(clock - this.#settings.dedup, this.#forcedHorizon);
  }

  judge(event: Envelope, receivedAt: number | null, line: string, clock: number): Verdict {
    const horizon = this.horizon(clock);
    if (event.timeMs === horizon || event.timeMs === horizon - 1) this.judgedAtHorizon++;
    const known = this.#remembered.get(event.identity);
    if (known !== undefined && known.time >= horizon) {
      if (known.content === event.content) return { what: "duplicate", of: known.position };
      return { what: "invalid", code: "event_id_conflict", of: known.position };
    }
    // "It could be a duplicate and nobody can tell."
    if (event.timeMs < horizon) return this.#hold("event_time_too_old", event, receivedAt, line);
    if (receivedAt !== null && event.timeMs > receivedAt + this.#settings.maxAhead) {
      return this.#hold("event_time_in_future", event, receivedAt, line);
    }
    return { what: "accepted" };
  }

  /** "Kept durably beside the log, once for one identity and content." */
  #hold(code: string, event: Envelope, receivedAt: number | null, line: string): Verdict {
    const once = `${event.identity} ${event.content}`;
    if (this.#heldOnce.has(once)) return { what: "quarantined", code };
    if (this.held.length >= this.#settings.quarantine) {
      return { what: "invalid", code: "quarantine_full" };
    }
    this.#heldOnce.add(once);
    this.held.push({ code, receivedAt, line });
    return { what: "quarantined", code };
  }

  /** Before the clock moves. "Beyond it the horizon of dedup moves up": the earliest are forgotten. */
  remember(event: Envelope, position: number, clock: number): void {
    const { identity, timeMs: time, content } = event;
    this.#remembered.set(identity, { time, content, position });
    const horizon = this.horizon(clock);
    const times = [...this.#remembered.values()].map((each) => each.time);
    const kept = times.filter((each) => each >= horizon);
    if (kept.length > this.#settings.identities) this.#forcedHorizon = Math.min(...kept) + 1;
  }
}
