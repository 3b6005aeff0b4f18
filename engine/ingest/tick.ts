// Ticks as lines: `{"tick": integer}` in a recording, in the log, and in its exported form.

import { decoder, encoder } from "../event/utf8.ts";

const TICK = /^[ \t\r]*\{[ \t\r]*"tick"[ \t\r]*:[ \t\r]*(-?(?:0|[1-9][0-9]*))[ \t\r]*\}[ \t\r]*$/;
/** Longer than any tick that people write; what is longer is an event. */
const TICK_BYTES_MAX = 256;

/** The instant of a tick, in ms since 1970; null where the line is anything else. */
export function tickOf(bytes: Uint8Array, start: number, end: number): number | null {
  if (end - start > TICK_BYTES_MAX) return null;
  const match = TICK.exec(decoder.decode(bytes.subarray(start, end)));
  if (match === null) return null;
  const timeMs = Number(match[1]);
  return Number.isSafeInteger(timeMs) ? timeMs + 0 : null;
}

/** A tick as the log keeps it. */
export function tickText(timeMs: number): string {
  return `{"tick":${timeMs}}`;
}

export function tickLine(timeMs: number): Uint8Array {
  return encoder.encode(tickText(timeMs));
}
