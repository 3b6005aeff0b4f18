// The plans that ours runs, one a task.

import type { TaskName } from "./contender.ts";

/** The sum of doubles added one by one is off by so much at most. */
export const SUM_TOLERANCE = 1e-9;

const RESTAURANT = { restaurantId: "data.restaurantId" };
const FIVE_MINUTES = { kind: "tumbling", size: "5m", grace: "1m" };
const TOTAL = "data.orderTotal";

const FOUR = {
  orders: { fn: "count" },
  revenue: { fn: "sum", of: TOTAL },
  smallest: { fn: "min", of: TOTAL },
  largest: { fn: "max", of: TOTAL },
};

const TWO = { orders: { fn: "count" }, revenue: { fn: "sum", of: TOTAL } };

/** An event may be so late that none of the input's is. */
const query = (more: object): object => ({ from: ["order.created"], emit: "none", ...more });

function planOf(queries: readonly object[]): object {
  return { version: 1, queries };
}

const four = (emit: string): object =>
  query({ name: "four", key: RESTAURANT, window: FIVE_MINUTES, aggregate: FOUR, emit });

const hour = (window: object): object =>
  query({ name: "hour", key: RESTAURANT, window: { ...window, grace: "1m" }, aggregate: TWO });

const DISTRIBUTIONS = [
  query({
    name: "restaurants",
    key: RESTAURANT,
    window: FIVE_MINUTES,
    aggregate: {
      orders: { fn: "count" },
      totals: { fn: "quantile", q: [0.5, 0.9, 0.99], of: TOTAL },
      customers: { fn: "distinct", of: "data.customerId" },
    },
  }),
  query({
    name: "city",
    key: {},
    window: FIVE_MINUTES,
    aggregate: {
      orders: { fn: "count" },
      customers: { fn: "distinct", of: "data.customerId" },
      busiest: { fn: "top", k: 10, of: "data.restaurantId" },
    },
  }),
  query({
    name: "sessions",
    key: RESTAURANT,
    window: { kind: "session", gap: "1m", grace: "1m" },
    aggregate: TWO,
  }),
];

const FOUR_SILENT = planOf([four("none")]);

export const PLANS: { readonly [task in TaskName]: object } = {
  four: FOUR_SILENT,
  "four-told": planOf([four("all")]),
  "four-checked": FOUR_SILENT,
  distributions: planOf(DISTRIBUTIONS),
  hopping: planOf([hour({ kind: "hopping", size: "1h", every: "1m" })]),
  hourly: planOf([hour({ kind: "tumbling", size: "1h" })]),
  restore: FOUR_SILENT,
  cold: FOUR_SILENT,
  memory: FOUR_SILENT,
  views: FOUR_SILENT,
};

/** What each further column of a query's table may be off by, against exact arithmetic. */
export const TOLERANCES: { readonly [query: string]: readonly number[] } = {
  four: [0, SUM_TOLERANCE, 0, 0],
  hour: [0, SUM_TOLERANCE],
  // Two sketches of 1 % each may differ by twice that; the distinct are exact where few.
  restaurants: [0, 0.021, 0],
  city: [0, 0.05, 0],
  sessions: [0, SUM_TOLERANCE],
};
