// The entries that an exported log marks as poisoned (ingest/poison.ts). A mark stands behind those
// that it names, so that all of the log is read before its first entry is pushed. They are skipped
// as whoever replays the log skips them: a tick that moves nothing is pushed in the place of each,
// and of the mark. They count as what they were when they were accepted. So does what a build finds
// poisoned while it runs the log: the engine, whose log is a copy, marks none of it.

import { poisonedBy } from "../ingest/fact.ts";
import { Poison } from "../ingest/poison.ts";
import type { Receipt } from "../ingest/receipt.ts";
import { tickOf } from "../ingest/tick.ts";
import type { Stats } from "../live/stats.ts";
import { GENESIS } from "../store/chain.ts";
import type { Chunk } from "../store/chunk.ts";
import { entryLines } from "../store/entry.ts";
import type { LogPush } from "./exported-log.ts";
import type { Push } from "./push.ts";
import { RecordingReader } from "./recording.ts";
import type { Source } from "./source.ts";

/** What is left of a push. */
export interface Quieted {
  readonly push: LogPush;
  /** Events that were accepted, and are skipped. */
  readonly events: number;
  /** Whether a fact is: a mark, or a reprocess on which the core failed. */
  readonly isFact: boolean;
}

export interface Found {
  readonly push: Push;
  readonly events: number;
}

export class PoisonedEntries {
  readonly #poison = new Poison();
  #events = 0;

  async read({ name, chunks }: Source): Promise<void> {
    const reader = new RecordingReader(name, "lines");
    for await (const chunk of chunks()) this.#note(reader.feed(chunk));
    this.#note(reader.end());
  }

  #note(lines: ReturnType<RecordingReader["end"]>): void {
    for (const { bytes } of lines) this.#poison.note(poisonedBy({ count: 1, lines: bytes }) ?? []);
  }

  /** The push whose first entry has this position. */
  quiet(push: LogPush, position: number): Quieted {
    const { bytes, events } = this.#without(push, position);
    if (bytes === push.bytes) return { push, events: 0, isFact: false };
    const quieted = { ...push, bytes, reprocess: null };
    if (push.isFact) return { push: quieted, events: 0, isFact: true };
    this.#events += events;
    return { push: quieted, events, isFact: false };
  }

  /**
   * What this build found in a push, `poisoned` being all that its engine knows: the push without
   * it, and how many of its events are on no receipt.
   */
  find(push: Push, position: number, receipt: Receipt, poisoned: readonly number[]): Found {
    if (!this.#poison.note(poisoned)) return { push, events: 0 };
    const ticks = [...entryLines(chunkOf(push, position))].filter(isTick).length;
    const events = push.places.length - ticks - receipt.received;
    this.#events += events;
    return { push: { ...push, bytes: this.#without(push, position).bytes }, events };
  }

  #without(push: Push, position: number): { bytes: Push["bytes"]; events: number } {
    const chunk = chunkOf(push, position);
    const { lines } = this.#poison.quiet(chunk);
    if (lines === push.bytes) return { bytes: push.bytes, events: 0 };
    const positions = new Set(this.#poison.positions);
    const events = [...entryLines(chunk)].filter((line, entry) => {
      return positions.has(position + entry) && !isTick(line);
    });
    return { bytes: lines.slice(), events: events.length };
  }

  /** What the engine says of itself, as the one would that exported the log. */
  stats(stats: Stats): Stats {
    const positions = new Set([...this.#poison.positions, ...stats.poisoned]);
    return {
      ...stats,
      received: stats.received + this.#events,
      accepted: stats.accepted + this.#events,
      poisoned: [...positions].sort((a, b) => a - b),
    };
  }
}

function chunkOf({ bytes: lines, places }: Push, firstPosition: number): Chunk {
  const parts = { receivedAt: null, flags: 0, previousDigest: GENESIS };
  return { firstPosition, count: places.length, lines, ...parts };
}

function isTick(line: Uint8Array): boolean {
  return tickOf(line, 0, line.length) !== null;
}
