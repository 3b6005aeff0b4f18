// Events of the log, by their positions: what each says of itself, and when it was received.

import { entryLines } from "../store/entry.ts";
import { readChunks } from "../store/log-reader.ts";
import { timeOf } from "../store/receive-times.ts";
import type { Store } from "../store/store.ts";
import { decodeAccepted } from "./decode.ts";

/** An accepted event, where it stands in the log. */
export interface LoggedEvent {
  readonly position: number;
  readonly eventId: string;
  /** Null where it has none. */
  readonly source: string | null;
  readonly eventType: string;
  /** ms since 1970. */
  readonly eventTime: number;
  /** ms since 1970; null where the host did not say. */
  readonly receivedAt: number | null;
}

/** The events at these positions, in any order; a chunk at a time is read. */
export async function readEvents(
  store: Store,
  positions: readonly number[],
): Promise<ReadonlyMap<number, LoggedEvent>> {
  const wanted = new Set(positions);
  const events = new Map<number, LoggedEvent>();
  const first = positions.reduce((least, position) => Math.min(least, position), Infinity);
  if (first === Infinity) return events;
  const last = positions.reduce((most, position) => Math.max(most, position), first);
  for await (const chunk of readChunks(store, first, last + 1)) {
    let position = chunk.firstPosition;
    for (const line of entryLines(chunk)) {
      if (wanted.has(position)) {
        const receivedAt = timeOf(chunk.receivedAt, position - chunk.firstPosition);
        events.set(position, logged(position, receivedAt, line));
      }
      position++;
    }
  }
  return events;
}

function logged(position: number, receivedAt: number | null, line: Uint8Array): LoggedEvent {
  const decoded = decodeAccepted(line);
  const { eventId, eventType, timeMs: eventTime } = decoded;
  const source = decoded.source === "" ? null : decoded.source;
  return { position, eventId, source, eventType, eventTime, receivedAt };
}
