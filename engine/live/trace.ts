// A trace, decoded: which events and spans a window of a query took or was too late for, as
// assembly/trace.ts writes it among the changes of a core that replays the log.

import * as layout from "../../assembly/layout.ts";
import type { Plan } from "../query/plan.ts";
import type { ChangeWindow, Scalar } from "./change.ts";
import { RecordReader } from "./record.ts";

export interface Traced {
  /** Late for the window, or applied to it. */
  readonly isLate: boolean;
  readonly key: Scalar[];
  /** Of the event; of the fact that ended the span, or of its `from` where it expired. */
  readonly position: number;
  /** Of the span's `from`; null of an event. */
  readonly from: number | null;
  /** The event's or the span's own time, ms since 1970. */
  readonly timeMs: number;
  /** Where the clock stood when it was taken, ms since 1970. */
  readonly clock: number;
  /** The window; of a session the event's own [time, time + gap), or what it would be in. */
  readonly window: ChangeWindow;
}

/** What stands of a trace among the records of a chunk, in the order in which it was taken. */
export function traceOf(plan: Plan, records: readonly Uint8Array[]): Traced[] {
  const traced: Traced[] = [];
  const reader = new RecordReader();
  for (const buffer of records) {
    reader.begin(buffer);
    const { words } = reader;
    for (let word = 0; word < words.length; word += words[word]! >> 2) {
      const { kind, position, revision } = reader.goTo(word);
      if (kind !== layout.CHANGE_APPLIED && kind !== layout.CHANGE_LATE) continue;
      const key = plan.queries[reader.query]!.key.map(() => reader.scalar());
      const [timeMs, clock] = reader.traceTimes();
      const from = revision === 0 ? null : revision - 1;
      const window = { start: reader.windowStart, end: reader.windowEnd } as ChangeWindow;
      const isLate = kind === layout.CHANGE_LATE;
      traced.push({ isLate, key, position, from, timeMs, clock, window });
    }
  }
  return traced;
}
