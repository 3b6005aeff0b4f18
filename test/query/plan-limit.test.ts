/** Each limit of a plan: as much as that is good, one more is a fault that stands where it is. */
import { describe, expect, test } from "vitest";
import * as limit from "../../engine/query/plan-limit.ts";
import { faultsOf, messagesOf, planWith, planWithTable, queryWith } from "./sample.ts";

const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));
const named = (count: number, make: (index: number) => unknown) =>
  Object.fromEntries(times(count, (index) => [`m${index}`, make(index)]));
const aggregate = (members: Record<string, unknown>) => planWith({ aggregate: { n: members } });
const nest = (levels: number): unknown => (levels === 0 ? true : ["!", nest(levels - 1)]);

const LOOKUP = { table: "t", on: "data.id" };

const CASES: readonly {
  readonly name: string;
  readonly max: number;
  readonly fault: string;
  readonly plan: (count: number) => unknown;
}[] = [
  {
    name: "queries",
    max: limit.QUERIES_MAX,
    fault: "too_many /queries",
    plan: (count) => ({ version: 1, queries: times(count, (i) => queryWith({ name: `q${i}` })) }),
  },
  {
    name: "tables",
    max: limit.TABLES_MAX,
    fault: "too_many /tables",
    plan: (count) => ({
      ...planWith({}),
      tables: named(count, () => ({ from: ["a"], key: "b" })),
    }),
  },
  {
    name: "lookups of a query",
    max: limit.LOOKUPS_MAX,
    fault: "too_many /queries/0/with",
    plan: (count) => planWithTable({}, { with: times(count, (i) => ({ ...LOOKUP, as: `a${i}` })) }),
  },
  {
    name: "event types of a query",
    max: limit.TYPES_MAX,
    fault: "too_many /queries/0/from",
    plan: (count) => planWith({ from: times(count, (i) => `t${i}`) }),
  },
  {
    name: "members of a key",
    max: limit.KEY_MEMBERS_MAX,
    fault: "too_many /queries/0/key",
    plan: (count) => planWith({ key: named(count, () => "data.a") }),
  },
  {
    name: "aggregates",
    max: limit.AGGREGATES_MAX,
    fault: "too_many /queries/0/aggregate",
    plan: (count) => planWith({ aggregate: named(count, () => ({ fn: "count" })) }),
  },
  {
    name: "derived members",
    max: limit.DERIVED_MAX,
    fault: "too_many /queries/0/derive",
    plan: (count) => planWith({ derive: named(count, () => 1) }),
  },
  {
    name: "different paths",
    max: limit.FIELDS_MAX,
    fault: "too_many /queries/0/where/256/1",
    plan: (count) => planWith({ where: ["all", ...times(count, (i) => ["get", `data.f${i}`])] }),
  },
  {
    name: "bytes of a name",
    max: limit.NAME_BYTES_MAX,
    fault: "bad_name /queries/0/name",
    plan: (count) => planWith({ name: `é€😀${"a".repeat(count - 9)}` }),
  },
  {
    name: "characters of an event type",
    max: limit.EVENT_TYPE_LENGTH_MAX,
    fault: "bad_event_type /queries/0/from/0",
    plan: (count) => planWith({ from: ["a".repeat(count)] }),
  },
  {
    name: "names of a path",
    max: limit.PATH_SEGMENTS_MAX,
    fault: "bad_path /queries/0/key/k",
    plan: (count) => planWith({ key: { k: times(count, () => "a").join(".") } }),
  },
  {
    name: "levels of an expression",
    max: limit.EXPRESSION_DEPTH_MAX,
    fault: `expression_too_deep /queries/0/where${"/1".repeat(limit.EXPRESSION_DEPTH_MAX)}`,
    plan: (count) => planWith({ where: nest(count - 1) }),
  },
  {
    name: "parts of an expression",
    max: limit.EXPRESSION_PARTS_MAX,
    fault: `expression_too_large /queries/0/where/2/${limit.EXPRESSION_PARTS_MAX - 2}`,
    plan: (count) => planWith({ where: ["in", 1, times(count - 2, (i) => i)] }),
  },
  ...(["hopping", "cumulate"] as const).map((kind) => ({
    name: `${kind} windows of an event`,
    max: limit.EVENT_WINDOWS_MAX,
    fault: "too_many_windows /queries/0/window/every",
    plan: (count: number) => planWith({ window: { kind, size: count * 7, every: 7, grace: 0 } }),
  })),
  {
    name: "hopping windows of an event, where the last is not whole",
    max: limit.EVENT_WINDOWS_MAX,
    fault: "too_many_windows /queries/0/window/every",
    plan: (count) =>
      planWith({ window: { kind: "hopping", size: count * 7 - 6, every: 7, grace: 0 } }),
  },
  {
    name: "quantiles",
    max: limit.QUANTILES_MAX,
    fault: "too_many /queries/0/aggregate/n/q",
    plan: (count) => aggregate({ fn: "quantile", of: "a", q: times(count, () => 0.5) }),
  },
  {
    name: "k of top",
    max: limit.TOP_K_MAX,
    fault: "bad_top /queries/0/aggregate/n/k",
    plan: (count) => aggregate({ fn: "top", of: "a", k: count }),
  },
  {
    name: "bounds of a histogram",
    max: limit.HISTOGRAM_BOUNDS_MAX,
    fault: "too_many /queries/0/aggregate/n/bounds",
    plan: (count) => aggregate({ fn: "histogram", of: "a", bounds: times(count, (i) => i) }),
  },
  {
    name: "ms of a duration",
    max: limit.DURATION_MS_MAX,
    fault: "duration_too_long /queries/0/retain",
    plan: (count) => planWith({ retain: `${count}ms` }),
  },
  ...(["keys", "identities", "quarantine"] as const).map((name) => ({
    name: `limits.${name}`,
    max: limit.LIMIT_MAX,
    fault: `bad_limit /limits/${name}`,
    plan: (count: number) => ({ ...planWith({}), limits: { [name]: count } }),
  })),
];

describe.each(CASES)("the limit of $name", ({ max, fault, plan }) => {
  test(`takes ${max}, and refuses one more`, () => {
    expect(faultsOf(plan(max - 1))).toEqual([]);
    expect(faultsOf(plan(max))).toEqual([]);
    expect(faultsOf(plan(max + 1))).toEqual([fault]);
  });
});

test("every limit has its case", () => {
  const covered = new Set(CASES.map(({ max }) => max));
  for (const [name, max] of Object.entries(limit)) expect([...covered], name).toContain(max);
});

test("fields are counted over the whole plan, and what derive reads is none", () => {
  const where = (from: number) => ["all", ...times(200, (i) => ["has", `data.f${from + i}`])];
  const derive = { d: ["get", "n"] };
  const queries = [
    queryWith({ where: where(0), derive }),
    queryWith({ name: "r", where: where(55) }),
  ];
  expect(faultsOf({ version: 1, queries })).toEqual([]);
  const third = queryWith({ name: "s", key: { k: "data.g" } });
  const plan = { version: 1, queries: [...queries, third] };
  expect(faultsOf(plan)).toEqual(["too_many /queries/2/key/k"]);
  expect(messagesOf(plan)[0]).toContain("Got 256 different paths");
});

test("an expression that no program holds is compared with no other, and one that it holds is", () => {
  const bytesOf = (length: number): number => {
    const where = ["==", ["get", "data.x"], "x".repeat(length)];
    const queries = times(5, (i) => queryWith({ name: `q${i}`, where }));
    const [message = ""] = messagesOf({ version: 1, queries });
    return Number(/takes (\d+) bytes/.exec(message)?.[1]);
  };
  expect(bytesOf(200_000)).toBeGreaterThan(5 * 200_000);
  expect(bytesOf(100_000)).toBeNaN();
});

test("what stands beyond a limit is not read", () => {
  const queries = times(1000, (i) => (i < 64 ? queryWith({ name: `q${i}` }) : 5));
  expect(faultsOf({ version: 1, queries })).toEqual(["too_many /queries"]);
});
