// The feed of the process that is killed: the event at each position is known, so that whoever looks
// at its log afterwards knows what must be there.

const MINUTE_MS = 60_000;

export const PLAN = {
  version: 1,
  queries: [
    {
      name: "orders",
      from: ["order.created"],
      key: { restaurantId: "data.restaurantId" },
      window: { kind: "tumbling", size: "5m", grace: "1m" },
      aggregate: { orders: { fn: "count" }, revenue: { fn: "sum", of: "data.orderTotal" } },
    },
  ],
};

export function lineAt(position: number): string {
  return JSON.stringify({
    eventId: `evt-${position}`,
    eventType: "order.created",
    eventVersion: "1.0",
    eventTime: new Date(position * (MINUTE_MS / 10)).toISOString(),
    correlationId: "c",
    data: { restaurantId: `REST-${position % 7}`, orderTotal: (position % 1000) / 100 },
  });
}

/** NDJSON of `count` events from `position` on. */
export function linesFrom(position: number, count: number): string {
  return Array.from({ length: count }, (_, index) => lineAt(position + index) + "\n").join("");
}
