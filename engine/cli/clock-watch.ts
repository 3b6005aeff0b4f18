// The clock, watched from push to push. An event stamped far ahead takes it there at once, and what
// comes after is late: where that happened is the first thing a reader wants to know. Only a push
// over which the clock jumped is looked at line by line.

import { TICK_NEVER } from "../../assembly/layout.ts";
import { decodeEvent, isFault } from "../ingest/decode.ts";
import { readInput, type PushOptions } from "../ingest/input.ts";
import { receiveTimeOf } from "../ingest/intake.ts";
import type { Receipt } from "../ingest/receipt.ts";
import { tickOf } from "../ingest/tick.ts";
import { DAY_MS } from "../query/duration.ts";
import type { Push } from "./push.ts";
import type { Place } from "./recording.ts";

export interface Jump {
  readonly ms: number;
  readonly place: Place;
}

/** How a push was read. */
export interface Reading {
  readonly delayMs: number;
  readonly options: PushOptions;
}

/** A jump is more than this: longer than any night. */
const JUMP_MS = DAY_MS;
const TOLD_MAX = 5;

export class ClockWatch {
  /** ms since 1970; null before the first event or tick. */
  first: number | null = null;
  last: number | null = null;
  /** The first few. */
  readonly jumps: Jump[] = [];
  count = 0;

  /** After a push: `clock` is what it left. */
  look(clock: number | null, push: Push, receipt: Receipt, reading: Reading): void {
    const from = this.last;
    // Even the first push may begin in one year and end in another.
    if (clock !== null && (from === null || clock - from > JUMP_MS)) {
      this.#walk(from, push, receipt, reading);
    }
    this.last = clock;
  }

  /** Walks the clock through the lines; a duplicate takes it nowhere that its first did not. */
  #walk(from: number | null, push: Push, receipt: Receipt, reading: Reading): void {
    const refused = new Set([...receipt.invalid, ...receipt.quarantined].map(({ index }) => index));
    const { bytes, lines } = readInput(push.bytes, "ndjson");
    let clock = from;
    for (let index = 0; index < lines.length; index++) {
      if (refused.has(index)) continue;
      const { start, end } = lines[index]!;
      const time = timeOf(bytes, start, end, index, reading.options) - reading.delayMs;
      if (time === -Infinity) continue;
      this.first ??= time;
      if (clock !== null && time - clock > JUMP_MS) {
        this.count++;
        const place = push.places[index]!;
        if (this.jumps.length < TOLD_MAX) this.jumps.push({ ms: time - clock, place });
      }
      if (clock === null || time > clock) clock = time;
    }
  }
}

/** Where an accepted line takes the clock, but for `delay`; -Infinity where nowhere. */
function timeOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  index: number,
  { ticks, receivedAt, receivedAtMember }: PushOptions,
): number {
  const tick = ticks === true ? tickOf(bytes, start, end) : null;
  if (tick !== null) return tick === TICK_NEVER ? -Infinity : tick;
  const decoded = decodeEvent(bytes, start, end);
  if (isFault(decoded)) return -Infinity;
  const given = typeof receivedAt === "object" ? receivedAt[index] : receivedAt;
  const received =
    receivedAtMember === undefined ? given : receiveTimeOf(decoded, receivedAtMember);
  return typeof received === "number" ? Math.min(decoded.timeMs, received) : decoded.timeMs;
}
