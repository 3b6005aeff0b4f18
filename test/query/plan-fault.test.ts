/**
 * Every code of the table of faults, each by the smallest plan that has it: the code, its pointer,
 * and that nothing else is said of that plan, but for what is not built.
 */
import { describe, expect, test } from "vitest";
import { PLAN_FAULTS } from "../../engine/query/plan-fault.ts";
import * as limit from "../../engine/query/plan-limit.ts";
import { checkPlan } from "../../engine/query/plan.ts";
import {
  COUNT,
  faultsOf,
  messagesOf,
  planWith,
  planWithTable,
  queryWith,
  spanWith,
  TUMBLING,
} from "./sample.ts";

const window = (members: Record<string, unknown>) => planWith({ window: members });
const tumbling = (members: Record<string, unknown>) => window({ ...TUMBLING, ...members });
const hopping = (members: Record<string, unknown>) =>
  window({ kind: "hopping", size: "10m", every: "5m", grace: 0, ...members });
const cumulate = (members: Record<string, unknown>) =>
  window({ kind: "cumulate", size: "10m", every: "5m", grace: 0, ...members });
const aggregate = (members: Record<string, unknown>) => planWith({ aggregate: { n: members } });
const where = (expression: unknown) => planWith({ where: expression });
const smallest = () => planWith({});
const W = "/queries/0/window";
const N = "/queries/0/aggregate/n";

const CASES: readonly (readonly [fault: string, plan: unknown])[] = [
  ["expected_object ", null],
  ["expected_object ", []],
  ["expected_object ", "{}"],
  ["expected_object ", undefined],
  ["wrong_type /clock", { ...smallest(), clock: [] }],
  ["wrong_type /limits", { ...smallest(), limits: 5 }],
  ["wrong_type /tables", { ...smallest(), tables: null }],
  ["wrong_type /queries", { version: 1, queries: {} }],
  ["wrong_type /queries/0", { version: 1, queries: ["q"] }],
  ["wrong_type /clock/delay", { ...smallest(), clock: { delay: true } }],
  ["wrong_type /catalogue", { ...smallest(), catalogue: null }],
  ["wrong_type /queries/0/from", planWith({ from: "order.created" })],
  ["wrong_type /queries/0/from/0", planWith({ from: [1] })],
  ["wrong_type /queries/0/where", where("data.vip")],
  ["wrong_type /queries/0/where", where(null)],
  ["wrong_type /queries/0/where", where(1)],
  ["wrong_type /queries/0/where", where({})],
  ["wrong_type /queries/0/where/2", where(["in", 1, "abc"])],
  ["wrong_type /queries/0/key", planWith({ key: [] })],
  ["wrong_type /queries/0/key/k", planWith({ key: { k: null } })],
  ["wrong_type /queries/0/window", planWith({ window: "5m" })],
  ["wrong_type /queries/0/window/kind", window({ kind: 1 })],
  ["wrong_type /queries/0/window/timezone", tumbling({ size: "1d", timezone: 1 })],
  ["wrong_type /queries/0/aggregate", planWith({ aggregate: [] })],
  [`wrong_type ${N}`, planWith({ aggregate: { n: "count" } })],
  [`wrong_type ${N}/of`, aggregate({ fn: "sum", of: null })],
  ["wrong_type /queries/0/emit", planWith({ emit: true })],
  ["wrong_type /queries/0/name", planWith({ name: 5 })],
  ["wrong_type /queries/0/with", planWith({ with: {} })],
  [
    "wrong_type /queries/0/with/0/table",
    planWithTable({}, { with: [{ table: 1, on: "a", as: "b" }] }),
  ],
  ["missing_member /version", { queries: [queryWith({})] }],
  ["missing_member /queries", { version: 1 }],
  ["missing_member /queries/0/name", planWith({ name: undefined })],
  ["missing_member /queries/0/from", planWith({ from: undefined })],
  ["missing_member /queries/0/key", planWith({ key: undefined })],
  ["missing_member /queries/0/window", planWith({ window: undefined })],
  ["missing_member /queries/0/aggregate", planWith({ aggregate: undefined })],
  [`missing_member ${W}/kind`, window({ size: "5m", grace: 0 })],
  [`missing_member ${W}/size`, tumbling({ size: undefined })],
  [`missing_member ${W}/every`, hopping({ every: undefined })],
  [`missing_member ${W}/gap`, window({ kind: "session", grace: 0 })],
  [`missing_member ${N}/fn`, aggregate({})],
  ...["sum", "avg", "min", "max", "variance", "stddev", "first", "last", "distinct"].map(
    (fn) => [`missing_member ${N}/of`, aggregate({ fn })] as const,
  ),
  [`missing_member ${N}/q`, aggregate({ fn: "quantile", of: "a" })],
  [`missing_member ${N}/k`, aggregate({ fn: "top", of: "a" })],
  [`missing_member ${N}/bounds`, aggregate({ fn: "histogram", of: "a" })],
  [`missing_member ${N}/of`, aggregate({ fn: "top", k: 1 })],
  ["missing_member /tables/t/key", planWithTable({ key: undefined })],
  ["missing_member /queries/0/with/0/as", planWithTable({}, { with: [{ table: "t", on: "a" }] })],
  ["missing_member /queries/0/span/on", spanWith({ on: undefined })],
  ["missing_member /queries/0/span/within", spanWith({ within: undefined })],
  ["missing_member /queries/0/span/to", spanWith({ to: undefined })],
  ["unknown_member /query", { ...smallest(), query: [] }],
  ["unknown_member /a~1b~0c", { ...smallest(), "a/b~c": 1 }],
  [
    "unknown_member /__proto__",
    JSON.parse(`{"__proto__":1,${JSON.stringify(smallest()).slice(1)}`),
  ],
  ["unknown_member /clock/idel", { ...smallest(), clock: { idel: "30s" } }],
  ["unknown_member /limits/key", { ...smallest(), limits: { key: 1 } }],
  ["unknown_member /queries/0/timezone", planWith({ timezone: "UTC" })],
  [`unknown_member ${W}/every`, tumbling({ every: "5m" })],
  [`unknown_member ${W}/grace`, window({ kind: "global", grace: 0 })],
  [`unknown_member ${W}/offset`, window({ kind: "session", gap: 1, grace: 0, offset: 0 })],
  [`unknown_member ${N}/q`, aggregate({ fn: "sum", of: "a", q: 0.5 })],
  [`unknown_member ${N}/k`, aggregate({ fn: "count", k: 1 })],
  ["unknown_member /tables/t/on", planWithTable({ on: "a" })],
  ["unknown_member /queries/0/span/grace", spanWith({ grace: 0 })],
  ["unsupported_version /version", { ...smallest(), version: 2 }],
  ["unsupported_version /version", { ...smallest(), version: "1" }],
  ["empty_list /queries", { version: 1, queries: [] }],
  ["empty_list /queries/0/from", planWith({ from: [] })],
  ["empty_list /queries/0/aggregate", planWith({ aggregate: {} })],
  ["empty_list /queries/0/span/from", spanWith({ from: [] })],
  ["too_many /queries/0/from", planWith({ from: Array.from({ length: 257 }, (_, i) => `t${i}`) })],
  ["bad_name /queries/0/name", planWith({ name: "" })],
  ["bad_name /queries/0/name", planWith({ name: "\ud800" })],
  ["bad_name /queries/0/key/", planWith({ key: { "": "data.a" } })],
  ["bad_name /queries/0/aggregate/", planWith({ aggregate: { "": { fn: "count" } } })],
  ["bad_name /queries/0/derive/", planWith({ derive: { "": 1 } })],
  ["bad_name /tables/", { ...smallest(), tables: { "": { from: ["a"], key: "b" } } }],
  ["bad_name /catalogue", { ...smallest(), catalogue: "" }],
  [
    "bad_name /queries/0/with/0/as",
    planWithTable({}, { with: [{ table: "t", on: "a", as: "b.c" }] }),
  ],
  ["forbidden_name /queries/0/name", planWith({ name: "__proto__" })],
  ["forbidden_name /queries/0/key/__proto__", planWith({ key: JSON.parse('{"__proto__":"a"}') })],
  [
    "forbidden_name /queries/0/aggregate/__proto__",
    planWith({ aggregate: JSON.parse('{"__proto__":{"fn":"count"}}') }),
  ],
  ["forbidden_name /queries/0/key/k", planWith({ key: { k: "data.__proto__.a" } })],
  ["forbidden_name /queries/0/where/1", where(["has", "__proto__"])],
  ["duplicate_name /queries/1/name", { version: 1, queries: [queryWith({}), queryWith({})] }],
  ["duplicate_name /queries/0/derive/n", planWith({ derive: { n: ["get", "n"] } })],
  [
    "duplicate_name /queries/0/with/1/as",
    planWithTable({}, { with: [1, 2].map(() => ({ table: "t", on: "a", as: "b" })) }),
  ],
  ...["eventId", "eventTime", "source", "data", "span", "from", "to"].map(
    (as) =>
      [
        "reserved_name /queries/0/with/0/as",
        planWithTable({}, { with: [{ table: "t", on: "a", as }] }),
      ] as const,
  ),
  ["bad_limit /limits/keys", { ...smallest(), limits: { keys: 0 } }],
  ["bad_limit /limits/identities", { ...smallest(), limits: { identities: 1.5 } }],
  ["bad_limit /limits/quarantine", { ...smallest(), limits: { quarantine: "10" } }],
  ["bad_duration /clock/delay", { ...smallest(), clock: { delay: "5" } }],
  ["bad_duration /clock/idle", { ...smallest(), clock: { idle: "Never" } }],
  ["bad_duration /clock/delay", { ...smallest(), clock: { delay: "-5s" } }],
  ["bad_duration /clock/dedup", { ...smallest(), clock: { dedup: -1 } }],
  ["bad_duration /clock/maxAhead", { ...smallest(), clock: { maxAhead: 0.5 } }],
  ["bad_duration /queries/0/retain", planWith({ retain: "1mo" })],
  [`bad_duration ${W}/grace`, tumbling({ grace: "1 m" })],
  [`bad_duration ${W}/size`, tumbling({ size: -5 })],
  ["duration_too_long /queries/0/retain", planWith({ retain: 2 ** 50 + 1 })],
  ["duration_too_long /queries/0/retain", planWith({ retain: `${"9".repeat(400)}d` })],
  ...["a.*.b", "*.a", "a*", "a.**", ".*", "**", "", "a b", "é", "a\n"].map(
    (type) => ["bad_event_type /queries/0/from/0", planWith({ from: [type] })] as const,
  ),
  ["bad_event_type /queries/0/from/1", planWith({ from: ["a", "*"] })],
  ["bad_event_type /queries/0/from/0", planWith({ from: ["a".repeat(129)] })],
  ["duplicate_type /queries/0/from/1", planWith({ from: ["a", "a"] })],
  ["from_and_span /queries/0/from", spanWith({}, { from: ["a"] })],
  ["shared_type /queries/0/span/to", spanWith({ from: ["a"], to: ["b", "a"] })],
  ["shared_type /queries/0/span/to", spanWith({ from: ["a.*"], to: ["a.b"] })],
  ["shared_type /queries/0/span/to", spanWith({ from: ["a.b.*"], to: ["a.*"] })],
  ["shared_type /queries/0/span/to", spanWith({ from: ["a"], to: ["*"] })],
  [`unknown_window_kind ${W}/kind`, window({ kind: "sliding" })],
  [`bad_size ${W}/size`, tumbling({ size: "0s" })],
  [`bad_size ${W}/size`, hopping({ size: 0 })],
  [`bad_offset ${W}/offset`, tumbling({ offset: "5m" })],
  [`bad_offset ${W}/offset`, tumbling({ offset: "-5m" })],
  [`bad_offset ${W}/offset`, hopping({ offset: "10m" })],
  [`bad_every ${W}/every`, hopping({ every: 0 })],
  [`bad_every ${W}/every`, hopping({ every: "11m" })],
  [`bad_every ${W}/every`, cumulate({ every: 0 })],
  [`uneven_every ${W}/every`, cumulate({ every: "4m" })],
  [`too_many_windows ${W}/every`, hopping({ size: "2d", every: "1s" })],
  [`too_many_windows ${W}/every`, cumulate({ size: "2d", every: "1s" })],
  [`bad_gap ${W}/gap`, window({ kind: "session", gap: 0, grace: 0 })],
  [`bad_calendar_size ${W}/size`, tumbling({ size: "2mo", timezone: "UTC" })],
  [`bad_calendar_size ${W}/size`, hopping({ size: "1mo" })],
  [`timezone_required ${W}/timezone`, tumbling({ size: "1mo" })],
  [`timezone_required ${W}/timezone`, tumbling({ size: "1y" })],
  ...["5m", "24h", "7d", "2w", 86_400_000].map(
    (size) =>
      [`timezone_not_allowed ${W}/timezone`, tumbling({ size, timezone: "Europe/Paris" })] as const,
  ),
  [`timezone_not_allowed ${W}/timezone`, hopping({ timezone: "UTC" })],
  [`timezone_not_allowed ${W}/timezone`, window({ kind: "global", timezone: "UTC" })],
  ...["Europe/Pariss", "+01:00", "", "UTC ", "Mars/Olympus"].map(
    (timezone) => [`unknown_timezone ${W}/timezone`, tumbling({ size: "1d", timezone })] as const,
  ),
  [`week_without_zone ${W}/size`, tumbling({ size: "1w" })],
  [`week_without_zone ${W}/size`, tumbling({ size: "2w" })],
  [`week_without_zone ${W}/size`, cumulate({ size: "1w", every: "1d" })],
  [`grace_required ${W}/grace`, tumbling({ grace: undefined })],
  [`grace_required ${W}/grace`, window({ kind: "session", gap: 1 })],
  ["wait_not_allowed /queries/0/wait", planWith({ wait: "0s" })],
  ["wait_not_allowed /queries/0/wait", planWith({ wait: "0s", with: [] })],
  [
    "wait_not_allowed /queries/0/wait",
    { ...planWithTable({}, { ...(spanWith({}).queries as [object])[0], wait: "1s" }) },
  ],
  ["wait_over_grace /queries/0/wait", planWithTable({}, { wait: 60_001 })],
  ["wait_over_grace /queries/0/span/wait", spanWith({ wait: 60_001 })],
  ["wait_over_grace /queries/0/span/wait", spanWith({ wait: "1m", early: 1 })],
  ["wait_over_grace /queries/0/span/early", spanWith({ early: 60_001 })],
  ["unknown_table /queries/0/with/0/table", planWith({ with: [{ table: "t", on: "a", as: "b" }] })],
  ["history_too_short /tables/t/history", planWithTable({ history: 59_999 })],
  [
    "history_too_short /tables/t/history",
    planWithTable({}, { window: { ...TUMBLING, grace: "8d" } }),
  ],
  [
    "history_too_short /tables/t/history",
    planWithTable({ history: 9 }, { window: { kind: "global" }, wait: 10 }),
  ],
  [`unknown_function ${N}/fn`, aggregate({ fn: "median" })],
  [`unknown_function ${N}/fn`, aggregate({ fn: "constructor" })],
  [`bad_quantile ${N}/q`, aggregate({ fn: "quantile", of: "a", q: 1.01 })],
  [`bad_quantile ${N}/q`, aggregate({ fn: "quantile", of: "a", q: "0.5" })],
  [`bad_quantile ${N}/q`, aggregate({ fn: "quantile", of: "a", q: NaN })],
  [`bad_quantile ${N}/q`, aggregate({ fn: "quantile", of: "a", q: [] })],
  [`bad_quantile ${N}/q/1`, aggregate({ fn: "quantile", of: "a", q: [0, -0.1] })],
  [`bad_top ${N}/k`, aggregate({ fn: "top", of: "a", k: 0 })],
  [`bad_top ${N}/k`, aggregate({ fn: "top", of: "a", k: 2.5 })],
  [`bad_bounds ${N}/bounds`, aggregate({ fn: "histogram", of: "a", bounds: [] })],
  [`bad_bounds ${N}/bounds/1`, aggregate({ fn: "histogram", of: "a", bounds: [1, 1] })],
  [`bad_bounds ${N}/bounds/1`, aggregate({ fn: "histogram", of: "a", bounds: [2, 1, 3] })],
  [`bad_bounds ${N}/bounds/0`, aggregate({ fn: "histogram", of: "a", bounds: [Infinity] })],
  ["bad_expression /queries/0/where", where([])],
  ["bad_expression /queries/0/where", where([["get", "a"], "==", 1])],
  ["bad_expression /queries/0/where/1", where(["!", {}])],
  ["bad_expression /queries/0/derive/d", planWith({ derive: { d: { get: "n" } } })],
  ["unknown_operator /queries/0/where/0", where(["===", 1, 1])],
  ["unknown_operator /queries/0/where/0", where(["toString", 1])],
  ["operand_count /queries/0/where", where(["==", 1])],
  ["bad_literal /queries/0/where/1", where(["==", NaN, 1])],
  ["bad_literal /queries/0/where/2", where(["==", 1, "\udc00"])],
  ["bad_literal /queries/0/where/2/1", where(["in", 1, [1, [2]]])],
  ["bad_path /queries/0/where/1", where(["get", "a..b"])],
  ["bad_path /queries/0/where/1", where(["get", ""])],
  ["bad_path /queries/0/where/1", where(["has", 1])],
  ["bad_path /queries/0/key/k", planWith({ key: { k: ".a" } })],
  ["bad_path /queries/0/key/k", spanWith({}, { key: { k: "span.durations" } })],
  ["bad_path /queries/0/key/k", spanWith({}, { key: { k: "span.start.a" } })],
  [`expression_too_deep /queries/0/where${"/1".repeat(64)}`, where(nest(64))],
  ["expression_too_large /queries/0/where/4096", where(["all", ...Array(4096).fill(true)])],
  ["unknown_aggregate /queries/0/derive/d/1", planWith({ derive: { d: ["get", "m"] } })],
  [
    "unknown_aggregate /queries/0/derive/d/1",
    planWith({ aggregate: { n: { fn: "count" }, m: undefined }, derive: { d: ["get", "m"] } }),
  ],
  ["unknown_emit /queries/0/emit", planWith({ emit: "finals" })],
  ["plan_too_large ", where(["==", ["get", "data.x"], "x".repeat(200_000)])],
  ["unknown_catalogue /catalogue", { ...smallest(), catalogue: "orders" }],
  ["not_supported_yet /catalogue", { ...smallest(), catalogue: "built" }],
];

/** Levels of `!` around true: with the literal, one level more. */
function nest(levels: number): unknown {
  let expression: unknown = true;
  for (let level = 0; level < levels; level++) expression = ["!", expression];
  return expression;
}

describe("a fault", () => {
  test.each(CASES)("%s", (fault, plan) => {
    expect(faultsOf(plan, ["built"])).toEqual([fault]);
    expect(checkPlan(plan, ["built"]).plan).toBeNull();
  });

  test("has a case for every code of the table", () => {
    const covered = new Set(CASES.map(([fault]) => fault.slice(0, fault.indexOf(" "))));
    expect([...covered].sort()).toEqual(Object.keys(PLAN_FAULTS).sort());
  });

  test("begins its message with the sentence of its code, and never runs long", () => {
    for (const [, plan] of CASES) {
      for (const { code, message } of checkPlan(plan).faults) {
        expect(message.startsWith(PLAN_FAULTS[code])).toBe(true);
        expect(message.length).toBeLessThan(300);
        expect(message.isWellFormed()).toBe(true);
      }
    }
  });

  test("names in its sentence the limit that is checked", () => {
    expect(PLAN_FAULTS.expression_too_deep).toContain(String(limit.EXPRESSION_DEPTH_MAX));
    expect(PLAN_FAULTS.expression_too_large).toContain(String(limit.EXPRESSION_PARTS_MAX));
    expect(PLAN_FAULTS.bad_name).toContain(String(limit.NAME_BYTES_MAX));
    expect(PLAN_FAULTS.bad_path).toContain(String(limit.PATH_SEGMENTS_MAX));
    expect(PLAN_FAULTS.bad_top).toContain(String(limit.TOP_K_MAX));
    expect(PLAN_FAULTS.too_many_windows).toContain(String(limit.EVENT_WINDOWS_MAX));
    expect(PLAN_FAULTS.bad_limit).toContain(String(limit.LIMIT_MAX));
  });
});

describe("a name that is nearly right", () => {
  const hint = (plan: unknown) => messagesOf(plan).join(" ");

  test.each([
    ["size", tumbling({ sise: "5m" })],
    ["aggregate", planWith({ agregate: COUNT })],
    ["idle", { ...smallest(), clock: { idel: "30s" } }],
    ["tumbling", window({ kind: "Tumbling" })],
    ["count", aggregate({ fn: "cuont" })],
    ["coalesce", where(["coalsce", 1])],
    ["final", planWith({ emit: "finals" })],
    ["n", planWith({ derive: { d: ["get", "m"] } })],
    ["t", planWithTable({}, { with: [{ table: "T", on: "a", as: "b" }] })],
    ["span.duration", spanWith({}, { key: { k: "span.durations" } })],
  ])("is answered with %s", (name, plan) => {
    expect(hint(plan)).toContain(`Did you mean "${name}"?`);
  });

  test("is answered with the nearest of several", () => {
    const { faults } = checkPlan({ ...smallest(), catalogue: "order" }, ["odors", "orders"]);
    expect(faults[0]?.message).toContain('Did you mean "orders"?');
  });

  test("is not guessed where nothing is near", () => {
    expect(hint({ ...smallest(), wibble: 1 })).not.toContain("Did you mean");
  });
});
