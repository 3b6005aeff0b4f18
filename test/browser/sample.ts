// A plan and events for the tests of `connect`.

export const QUERY = "orders";

export const PLAN = {
  version: 1,
  clock: { dedup: "7d", idle: "never" },
  queries: [
    {
      name: QUERY,
      from: ["order.created"],
      key: { restaurantId: "data.restaurantId" },
      window: { kind: "tumbling", size: "5m", grace: "1m" },
      aggregate: { orders: { fn: "count" }, revenue: { fn: "sum", of: "data.orderTotal" } },
    },
  ],
} as const;

/** The same query, and one more: another plan for the same log. */
export const WIDER_PLAN = {
  ...PLAN,
  queries: [...PLAN.queries, { ...PLAN.queries[0], name: "all", key: {} }],
};

export const START = Date.UTC(2026, 4, 1, 18);

/** Orders `from` to `from + count`, one a second, NDJSON. */
export function ordersOf(from: number, count: number): string {
  return Array.from({ length: count }, (_, index) => JSON.stringify(order(from + index))).join(
    "\n",
  );
}

export function order(number: number): object {
  return {
    eventId: `e-${number}`,
    eventType: "order.created",
    eventVersion: "1.0",
    eventTime: new Date(START + number * 1000).toISOString(),
    correlationId: `c-${number}`,
    data: { restaurantId: `REST-${number % 3}`, orderTotal: 10 },
  };
}
