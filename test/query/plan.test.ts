/** Whole plans: what a good one becomes, the contract's sample, and the order of faults. */
import { describe, expect, test } from "vitest";
import { checkPlan } from "../../engine/query/plan.ts";
import {
  faultsOf,
  goodPlan,
  goodQuery,
  planWith,
  planWithTable,
  queryWith,
  TUMBLING,
} from "./sample.ts";

const RESTAURANT_METRICS = {
  version: 1,
  queries: [
    {
      name: "restaurant-metrics",
      from: ["order.created"],
      where: [">", ["get", "data.orderTotal"], 0],
      key: { restaurantId: "data.restaurantId" },
      window: { kind: "tumbling", size: "5m", grace: "1m" },
      aggregate: {
        orders: { fn: "count" },
        revenue: { fn: "sum", of: "data.orderTotal" },
        large: { fn: "count", where: [">=", ["get", "data.orderTotal"], 50] },
      },
      derive: { largeShare: ["/", ["get", "large"], ["get", "orders"]] },
    },
  ],
};

/** The sample of contract.md, member by member. */
const CONTRACT_SAMPLE = `{
  "version": 1,
  "clock": { "delay": "0s", "idle": "30s", "maxAhead": "5m", "dedup": "7d" },
  "limits": { "keys": 1048576, "identities": 4194304, "quarantine": 10000 },
  "tables": {
    "restaurants": { "from": ["restaurant.updated"], "key": "data.restaurantId", "history": "7d" }
  },
  "queries": [
    {
      "name": "restaurant-metrics",
      "from": ["order.created"],
      "where": [">", ["get", "data.orderTotal"], 0],
      "with": [{ "table": "restaurants", "on": "data.restaurantId", "as": "restaurant" }],
      "key": { "restaurantId": "data.restaurantId" },
      "window": { "kind": "tumbling", "size": "5m", "grace": "1m" },
      "aggregate": {
        "orders":    { "fn": "count" },
        "revenue":   { "fn": "sum", "of": "data.orderTotal" },
        "p90":       { "fn": "quantile", "q": 0.9, "of": "data.orderTotal" },
        "customers": { "fn": "distinct", "of": "data.customerId" },
        "large":     { "fn": "count", "where": [">=", ["get", "data.orderTotal"], 50] }
      },
      "derive": { "largeShare": ["/", ["get", "large"], ["get", "orders"]] },
      "emit": "all",
      "retain": "1d"
    },
    {
      "name": "delivery-time",
      "span": {
        "from": ["order.created"], "to": ["order.delivered"], "on": "data.orderId",
        "within": "2h", "wait": "10s"
      },
      "key": { "restaurantId": "from.data.restaurantId" },
      "window": { "kind": "tumbling", "size": "15m", "grace": "1m" },
      "aggregate": {
        "p50": { "fn": "quantile", "q": 0.5, "of": "span.duration" },
        "late": { "fn": "count", "where": ["==", ["get", "span.outcome"], "expired"] }
      }
    }
  ]
}`;

describe("a good plan", () => {
  test("has its defaults filled in and its times in ms", () => {
    const plan = goodPlan(RESTAURANT_METRICS);
    const total = { op: "get", path: ["data", "orderTotal"] };
    expect({ ...plan, source: "" }).toEqual({
      clock: { delayMs: 0, idleMs: 30_000, maxAheadMs: 300_000, dedupMs: 604_800_000 },
      limits: { keys: 1_048_576, identities: 4_194_304, quarantine: 10_000 },
      catalogue: null,
      tables: [],
      queries: [
        {
          name: "restaurant-metrics",
          from: ["order.created"],
          span: null,
          with: [],
          waitMs: 0,
          where: { op: ">", args: [total, { op: "literal", value: 0 }] },
          key: [{ name: "restaurantId", of: { op: "get", path: ["data", "restaurantId"] } }],
          window: { kind: "tumbling", sizeMs: 300_000, offsetMs: 0, graceMs: 60_000 },
          aggregates: [
            { name: "orders", fn: "count", of: null, where: null },
            { name: "revenue", fn: "sum", of: total, where: null },
            {
              name: "large",
              fn: "count",
              of: null,
              where: { op: ">=", args: [total, { op: "literal", value: 50 }] },
            },
          ],
          derive: [
            {
              name: "largeShare",
              of: {
                op: "/",
                args: [
                  { op: "get", path: ["large"] },
                  { op: "get", path: ["orders"] },
                ],
              },
            },
          ],
          emit: "all",
          retainMs: 86_400_000,
        },
      ],
      source: "",
    });
  });

  test("keeps what it was given as JSON", () => {
    const { source } = goodPlan(planWith({ retain: "1h", where: undefined }));
    expect(source).toBe(JSON.stringify(planWith({ retain: "1h" })));
  });

  test("keeps what was checked, whatever its objects would say of themselves as JSON", () => {
    class Said {
      constructor(members: object) {
        Object.assign(this, members);
      }
      toJSON(): string {
        return "another";
      }
    }
    const window = new Said(TUMBLING);
    const { source } = goodPlan(new Said(planWith({ window })));
    expect(source).toBe(JSON.stringify(planWith({})));
  });

  test("has another source in another order, since the state is laid out in it", () => {
    const turned = { queries: [queryWith({})], version: 1 };
    expect(goodPlan(turned).source).not.toBe(goodPlan(planWith({})).source);
  });

  test("may say everything that is built", () => {
    const clock = { delay: 5, idle: "never", maxAhead: "0s", dedup: "1w" };
    const limits = { keys: 1, identities: 2, quarantine: 3 };
    const query = { emit: "final", retain: 0, window: { ...TUMBLING, offset: "-1m", grace: 0 } };
    const plan = goodPlan({ ...planWith(query), clock, limits, tables: {} });
    expect(plan.clock).toEqual({ delayMs: 5, idleMs: null, maxAheadMs: 0, dedupMs: 604_800_000 });
    expect(plan.limits).toEqual(limits);
    expect(plan.queries[0]).toMatchObject({ emit: "final", retainMs: 0 });
    expect(plan.queries[0]?.window).toMatchObject({ offsetMs: -60_000, graceMs: 0 });
  });

  test("takes exact types, prefixes and the star", () => {
    expect(goodQuery(planWith({ from: ["order.created", "driver.*", "a.b.*"] })).from).toEqual([
      "order.created",
      "driver.*",
      "a.b.*",
    ]);
  });

  test("may name its members like those of every object", () => {
    const key = { constructor: "data.toString", hasOwnProperty: "data.a" };
    const aggregate = { valueOf: { fn: "count" } };
    const query = goodQuery(planWith({ name: "constructor", key, aggregate }));
    expect(query.key.map(({ name }) => name)).toEqual(["constructor", "hasOwnProperty"]);
    expect(query.aggregates[0]?.name).toBe("valueOf");
  });
});

describe("the contract's own sample", () => {
  test("has no fault", () => {
    expect(faultsOf(JSON.parse(CONTRACT_SAMPLE))).toEqual([]);
  });
});

describe("every kind of window, every function, tables and spans", () => {
  const window = (members: Record<string, unknown>) => planWith({ window: members });

  test.each([
    { kind: "hopping", size: "10m", every: "5m", grace: 0 },
    { kind: "cumulate", size: "10m", every: "5m", grace: 0 },
    { kind: "session", gap: "5m", grace: 0 },
    { kind: "global" },
  ])("a window of kind $kind", (members) => {
    expect(faultsOf(window(members))).toEqual([]);
  });

  test.each(["1d", "1w", "1mo", "1y"])("a calendar window of %s", (size) => {
    const members = { ...TUMBLING, size, timezone: "Asia/Calcutta" };
    expect(faultsOf(window(members))).toEqual([]);
  });

  test.each([
    { fn: "variance", of: "a" },
    { fn: "stddev", of: "a" },
    { fn: "first", of: "a" },
    { fn: "last", of: "a" },
    { fn: "quantile", of: "a", q: [0, 0.5, 1] },
    { fn: "distinct", of: "a" },
    { fn: "top", of: "a", k: 3 },
    { fn: "histogram", of: "a", bounds: [-1, 0, 2.5] },
  ])("the function $fn", (aggregate) => {
    expect(faultsOf(planWith({ aggregate: { n: aggregate } }))).toEqual([]);
  });

  test("tables, what looks them up, and a wait", () => {
    expect(faultsOf(planWithTable({}, { wait: "1m" }))).toEqual([]);
    expect(faultsOf(planWithTable({}, { wait: "0s" }))).toEqual([]);
  });
});

test("a catalogue is not run yet, and one that was not given is unknown", () => {
  const plan = { ...planWith({}), catalogue: "orders" };
  expect(faultsOf(plan, ["orders"])).toEqual(["not_supported_yet /catalogue"]);
  expect(faultsOf(plan, ["others"])).toEqual(["unknown_catalogue /catalogue"]);
});

describe("the order of faults", () => {
  test("is that of the plan, what is missing last", () => {
    const plan = {
      queries: [
        {
          window: { size: 0, kind: "tumbling" },
          aggregate: { z: { fn: "sum" }, a: { fn: "count", of: "a..b" } },
          name: "",
          key: {},
        },
        5,
      ],
      extra: 1,
      clock: { dedup: "x", delay: "y" },
    };
    expect(faultsOf(plan)).toEqual([
      "bad_size /queries/0/window/size",
      "grace_required /queries/0/window/grace",
      "missing_member /queries/0/aggregate/z/of",
      "bad_path /queries/0/aggregate/a/of",
      "bad_name /queries/0/name",
      "missing_member /queries/0/from",
      "wrong_type /queries/1",
      "unknown_member /extra",
      "bad_duration /clock/dedup",
      "bad_duration /clock/delay",
      "missing_member /version",
    ]);
  });

  test("leaves no fault of one query out because of another", () => {
    const broken = queryWith({ emit: "some", window: { kind: "no" } });
    const faults = faultsOf({ version: 1, queries: [broken, { ...broken, name: "r" }] });
    expect(faults).toEqual(
      [0, 1].flatMap((index) => [
        `unknown_window_kind /queries/${index}/window/kind`,
        `unknown_emit /queries/${index}/emit`,
      ]),
    );
  });

  test("does not blame `derive` for an aggregate that is there, but at fault", () => {
    const aggregate = { n: { fn: "median" } };
    expect(faultsOf(planWith({ aggregate, derive: { d: ["get", "n"] } }))).toEqual([
      "unknown_function /queries/0/aggregate/n/fn",
    ]);
  });
});

test("a plan has only members of its own, none that it inherits", () => {
  const window = Object.create(TUMBLING) as Record<string, unknown>;
  expect(faultsOf(planWith({ window }))).toEqual(["missing_member /queries/0/window/kind"]);
});

test("a plan has no members that are hidden: its JSON has none", () => {
  const hidden = Object.defineProperty(planWith({}), "clock", { value: { delay: "1s" } });
  expect(goodPlan(hidden).clock.delayMs).toBe(0);
});

test("a plan is not changed and not kept by its check", () => {
  const plan = JSON.parse(JSON.stringify(RESTAURANT_METRICS)) as typeof RESTAURANT_METRICS;
  const { plan: checked } = checkPlan(plan);
  expect(plan).toEqual(RESTAURANT_METRICS);
  plan.queries[0]?.from.push("other");
  expect(checked?.queries[0]?.from).toEqual(["order.created"]);
});
