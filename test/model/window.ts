// Windows by their definition: which ones an event at `t` has, ascending by start. A session is no
// function of one event; session.ts has it.

import { calendarWindow } from "./calendar.ts";
import type { WindowJson } from "./plan.ts";
import { durationMs, floorDiv, mod } from "./time.ts";

/** Half open; both null for `global`. */
export interface Bounds {
  readonly start: number | null;
  readonly end: number | null;
}

export function windowsOf(window: WindowJson, time: number): Bounds[] {
  const offset = durationMs(window.offset ?? 0);
  switch (window.kind) {
    case "global":
      return [{ start: null, end: null }];
    case "tumbling": {
      if (window.timezone !== undefined) {
        const [start, end] = calendarWindow(String(window.size), window.timezone, offset, time);
        return [{ start, end }];
      }
      const size = durationMs(window.size!);
      const start = floorDiv(time - offset, size) * size + offset;
      return [{ start, end: start + size }];
    }
    case "hopping":
      return hoppingWindows(durationMs(window.size!), durationMs(window.every!), offset, time);
    case "cumulate":
      return cumulateWindows(durationMs(window.size!), durationMs(window.every!), offset, time);
    default:
      throw new Error(`The model knows no window ${window.kind}.`);
  }
}

/** "Every [s, s + size) with s ≡ offset (mod every) and s <= t < s + size." */
function hoppingWindows(size: number, every: number, offset: number, time: number): Bounds[] {
  const windows: Bounds[] = [];
  for (let start = time - mod(time - offset, every); time < start + size; start -= every) {
    windows.unshift({ start, end: start + size });
  }
  return windows;
}

/** "b = floorDiv(t - offset, size) * size + offset, every e = b + k * every, t < e <= b + size." */
function cumulateWindows(size: number, every: number, offset: number, time: number): Bounds[] {
  const start = floorDiv(time - offset, size) * size + offset;
  const windows: Bounds[] = [];
  for (let end = start + every; end <= start + size; end += every) {
    if (time < end) windows.push({ start, end });
  }
  return windows;
}
