// Steps 2 and 3: seen before? sane time? What is remembered, where its horizon is, what is held.

import type { Envelope } from "./envelope.ts";
import type { Settings } from "./plan.ts";

export type Verdict =
  | { readonly what: "accepted"; readonly code?: "released" }
  | { readonly what: "duplicate"; readonly of: number }
  | { readonly what: "invalid"; readonly code: string; readonly of?: number }
  | { readonly what: "quarantined"; readonly code: string };

export interface Held {
  readonly code: string;
  readonly receivedAt: number | null;
  readonly line: string;
  /** Its identity and content. */
  readonly once: string;
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
  /** "What was released from the list is [remembered], beside it", oldest first. */
  readonly #released = new Map<string, Remembered>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  horizon(clock: number): number {
    return Math.max(clock - this.#settings.dedup, this.#forcedHorizon);
  }

  judge(event: Envelope, receivedAt: number | null, line: string, clock: number): Verdict {
    const horizon = this.horizon(clock);
    if (event.timeMs === horizon || event.timeMs === horizon - 1) this.judgedAtHorizon++;
    const known = this.#knownAt(event, clock);
    if (known !== undefined) return compare(event, known);
    // "It could be a duplicate and nobody can tell."
    if (event.timeMs < this.horizon(clock)) {
      return this.#hold("event_time_too_old", event, receivedAt, line);
    }
    if (receivedAt !== null && event.timeMs > receivedAt + this.#settings.maxAhead) {
      return this.#hold("event_time_in_future", event, receivedAt, line);
    }
    return { what: "accepted" };
  }

  /** "Steps 2 (without its test for age) and 4–7"; what was released before is asked first. */
  judgeReleased(event: Envelope, clock: number): Verdict {
    const known = this.#released.get(event.identity) ?? this.#knownAt(event, clock);
    return known === undefined ? { what: "accepted", code: "released" } : compare(event, known);
  }

  #knownAt(event: Envelope, clock: number): Remembered | undefined {
    const known = this.#remembered.get(event.identity);
    return known !== undefined && known.time >= this.horizon(clock) ? known : undefined;
  }

  /** "Kept durably beside the log, once for one identity and content." */
  #hold(code: string, event: Envelope, receivedAt: number | null, line: string): Verdict {
    // "What was released from the list is [remembered]: sent again, it is `duplicate`."
    const released = this.#released.get(event.identity);
    if (released !== undefined) return compare(event, released);
    const once = `${event.identity} ${event.content}`;
    if (this.#heldOnce.has(once)) return { what: "quarantined", code };
    if (this.held.length >= this.#settings.quarantine) {
      return { what: "invalid", code: "quarantine_full" };
    }
    this.#heldOnce.add(once);
    this.held.push({ code, receivedAt, line, once });
    return { what: "quarantined", code };
  }

  /** Lines that leave the list, in the order asked for. */
  letGo(places: readonly number[]): Held[] {
    const gone = places.map((place) => this.held[place]!);
    for (const each of gone) {
      this.held.splice(this.held.indexOf(each), 1);
      this.#heldOnce.delete(each.once);
    }
    return gone;
  }

  rememberReleased({ identity, timeMs: time, content }: Envelope, position: number): void {
    this.#released.set(identity, { time, content, position });
  }

  /** As many as lines may be held, the newest. */
  endRelease(): void {
    const surplus = Math.max(this.#released.size - this.#settings.quarantine, 0);
    for (const identity of [...this.#released.keys()].slice(0, surplus)) {
      this.#released.delete(identity);
    }
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

function compare(event: Envelope, { content, position: of }: Remembered): Verdict {
  if (content === event.content) return { what: "duplicate", of };
  return { what: "invalid", code: "event_id_conflict", of };
}
