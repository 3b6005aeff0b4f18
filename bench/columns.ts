// The columns that table engines are given: they take no bytes of NDJSON with members inside
// members here, so that lines are parsed in JavaScript first. That is part of their work.

import { linesOf, WINDOW_MS, type ParsedOrder } from "./contender.ts";

export interface OrderColumns {
  readonly eventId: string[];
  readonly restaurantId: string[];
  readonly windowStart: number[];
  readonly orderTotal: number[];
}

export function emptyColumns(): OrderColumns {
  return { eventId: [], restaurantId: [], windowStart: [], orderTotal: [] };
}

export function readColumns(
  decoder: TextDecoder,
  chunk: Uint8Array,
  columns: OrderColumns = emptyColumns(),
): OrderColumns {
  for (const line of linesOf(decoder, chunk)) {
    const { eventId, eventTime, data } = JSON.parse(line) as ParsedOrder;
    const timeMs = Date.parse(eventTime);
    columns.eventId.push(eventId);
    columns.restaurantId.push(data.restaurantId);
    columns.windowStart.push(timeMs - (timeMs % WINDOW_MS));
    columns.orderTotal.push(data.orderTotal!);
  }
  return columns;
}
