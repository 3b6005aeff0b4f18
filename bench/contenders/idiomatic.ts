// What one writes by hand: decode, split, JSON.parse, a Set of ids, a Map of windows. Doubles are
// added as they come, nothing is kept for a replay, and no window is ever closed.

import type { Answer } from "../answer.ts";
import {
  linesOf,
  WINDOW_MS,
  type Input,
  type ParsedOrder,
  type Task,
  type TaskName,
} from "../contender.ts";

interface Totals {
  count: number;
  sum: number;
  min: number;
  max: number;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export function start(task: TaskName, { chunks }: Input): Task {
  const decoder = new TextDecoder();
  const seen = new Set<string>();
  const windows = new Map<string, Totals>();
  const add = ADDERS[task];
  if (add === undefined) throw new Error(`It does not do ${task}.`);
  return {
    run: () => {
      for (const chunk of chunks) {
        for (const line of linesOf(decoder, chunk)) {
          const event = eventOf(line);
          if (event === null || seen.has(event.eventId)) continue;
          const timeMs = Date.parse(event.eventTime);
          if (Number.isNaN(timeMs)) continue;
          seen.add(event.eventId);
          add(windows, event, timeMs);
        }
      }
    },
    answer: () => answerOf(task, seen.size, windows),
  };
}

function eventOf(line: string): ParsedOrder | null {
  try {
    return JSON.parse(line) as ParsedOrder;
  } catch {
    return null;
  }
}

type Add = (windows: Map<string, Totals>, event: ParsedOrder, timeMs: number) => void;

const ADDERS: { readonly [task: string]: Add } = {
  four: (windows, event, timeMs) => addTo(windows, event, timeMs - (timeMs % WINDOW_MS)),
  hourly: (windows, event, timeMs) => addTo(windows, event, timeMs - (timeMs % HOUR_MS)),
  hopping: (windows, event, timeMs) => {
    const last = timeMs - (timeMs % MINUTE_MS);
    for (let start = last - HOUR_MS + MINUTE_MS; start <= last; start += MINUTE_MS) {
      addTo(windows, event, start);
    }
  },
};

function addTo(windows: Map<string, Totals>, { data }: ParsedOrder, start: number): void {
  const name = `${data.restaurantId}|${start}`;
  let totals = windows.get(name);
  if (totals === undefined) {
    totals = { count: 0, sum: 0, min: Infinity, max: -Infinity };
    windows.set(name, totals);
  }
  totals.count++;
  const total = data.orderTotal;
  if (total === undefined) return;
  totals.sum += total;
  if (total < totals.min) totals.min = total;
  if (total > totals.max) totals.max = total;
}

function answerOf(task: TaskName, events: number, windows: Map<string, Totals>): Answer {
  const rows = [...windows].map(([name, { count, sum, min, max }]) => {
    const [key = "", start = ""] = name.split("|");
    const isEmpty = min === Infinity;
    const two = [key, Number(start), count, isEmpty ? null : sum];
    return task === "four" ? [...two, isEmpty ? null : min, isEmpty ? null : max] : two;
  });
  return { events, tables: { [task === "four" ? "four" : "hour"]: { keys: 2, rows } } };
}
