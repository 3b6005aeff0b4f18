/** Spans and tables: their defaults, and the waits and histories that their rules bound. */
import { describe, expect, test } from "vitest";
import { checkPatterns, patternsMeet, patternTakes } from "../../engine/query/event-pattern.ts";
import { eventScope } from "../../engine/query/expression.ts";
import { Place } from "../../engine/query/plan-place.ts";
import { checkSpan } from "../../engine/query/span.ts";
import type { Window } from "../../engine/query/window.ts";
import { planWithTable, spanWith, TUMBLING, faultsOf } from "./sample.ts";

function check(members: Record<string, unknown>, window: Window) {
  const place = new Place({ from: ["a"], to: ["b"], on: "data.id", within: "1h", ...members });
  const span = checkSpan(eventScope([], "events"), place, window);
  const faults = place.faults.map(({ code, pointer }) => `${code} ${pointer}`);
  return faults.length > 0 ? faults : span;
}

const grace = (graceMs: number): Window => ({
  kind: "tumbling",
  sizeMs: 1000,
  offsetMs: 0,
  graceMs,
});

describe("a span", () => {
  test("waits by default for the grace less `early`", () => {
    expect(check({}, grace(60_000))).toEqual({
      from: ["a"],
      to: ["b"],
      on: { op: "get", path: ["data", "id"] },
      withinMs: 3_600_000,
      waitMs: 60_000,
      earlyMs: 0,
    });
    expect(check({ early: "200ms" }, grace(60_000))).toMatchObject({
      waitMs: 59_800,
      earlyMs: 200,
    });
    expect(check({ early: "1m" }, grace(60_000))).toMatchObject({ waitMs: 0 });
  });

  test("waits, with `early`, never longer than the grace", () => {
    expect(check({ wait: 900, early: 100 }, grace(1000))).toMatchObject({ waitMs: 900 });
    expect(check({ wait: 901, early: 100 }, grace(1000))).toEqual(["wait_over_grace /wait"]);
    expect(check({ wait: 1, early: 1000 }, grace(1000))).toEqual(["wait_over_grace /wait"]);
    expect(check({ early: 1001 }, grace(1000))).toEqual(["wait_over_grace /early"]);
    expect(check({ wait: 0, early: 1001 }, grace(1000))).toEqual(["wait_over_grace /early"]);
  });

  test("waits as it likes where the window is global", () => {
    expect(check({}, { kind: "global" })).toMatchObject({ waitMs: 0 });
    expect(check({ wait: "9d", early: "1d" }, { kind: "global" })).toMatchObject({
      waitMs: 9 * 86_400_000,
      earlyMs: 86_400_000,
    });
  });

  test("is read by its own members, its sides and what the plan adds", () => {
    const key = { a: "span.outcome", b: "from.data.id", c: "to.eventTime", d: "eventTime" };
    expect(faultsOf(spanWith({}, { key }))).toEqual([]);
    expect(faultsOf(spanWith({ on: "span.thing" }))).toEqual([]);
  });

  test("says nothing of a grace that is missing itself", () => {
    const window = { kind: "tumbling", size: "5m" };
    expect(faultsOf(spanWith({ wait: "1d" }, { window }))).toEqual([
      "grace_required /queries/0/window/grace",
    ]);
  });
});

describe("a table", () => {
  test("keeps as much as any grace or wait looks back, to the ms", () => {
    expect(faultsOf(planWithTable({ history: "1m" }))).toEqual([]);
    expect(faultsOf(planWithTable({}, { window: { ...TUMBLING, grace: "7d" } }))).toEqual([]);
    const window = { kind: "global" };
    expect(faultsOf(planWithTable({ history: 10 }, { window, wait: 10 }))).toEqual([]);
    expect(faultsOf(planWithTable({ history: 0 }, { window }))).toEqual([]);
  });

  test("keeps as much as a span waits that looks it up", () => {
    const spans = spanWith({ wait: 10 }, { with: [{ table: "t", on: "from.a", as: "r" }] });
    const tables = (history: number) => ({ t: { from: ["a"], key: "b", history } });
    const queries = [{ ...(spans.queries as [object])[0], window: { kind: "global" } }];
    expect(faultsOf({ version: 1, queries, tables: tables(10) })).toEqual([]);
    expect(faultsOf({ version: 1, queries, tables: tables(9) })).toEqual([
      "history_too_short /tables/t/history",
    ]);
  });

  test("that nobody looks up may forget at once", () => {
    expect(faultsOf(planWithTable({ history: 0 }, { with: undefined }))).toEqual([]);
  });

  test("is waited for up to the grace, to the ms", () => {
    expect(faultsOf(planWithTable({}, { wait: "1m" }))).toEqual([]);
    expect(faultsOf(planWithTable({}, { wait: 60_001 }))).toEqual([
      "wait_over_grace /queries/0/wait",
    ]);
  });
});

describe("an event pattern", () => {
  test.each([
    ["*", "a", true],
    ["a.*", "a.b", true],
    ["a.*", "a.b.c", true],
    ["a.*", "a", false],
    ["a.*", "ab.c", false],
    ["a.b", "a.b", true],
    ["a.b", "a.b.c", false],
  ])("%s on %s: %s", (pattern, type, takes) => {
    expect(patternTakes(pattern, type)).toBe(takes);
  });

  test.each([
    ["a", "a", true],
    ["a", "b", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*", "a.b.*", true],
    ["a.*", "ab.*", false],
    ["*", "a.*", true],
    ["*", "*", true],
  ])("%s and %s share a type: %s", (a, b, meet) => {
    expect(patternsMeet(a, b)).toBe(meet);
    expect(patternsMeet(b, a)).toBe(meet);
  });

  test("may be any type that the envelope takes, at its longest", () => {
    const value = ["a".repeat(128), `${"a".repeat(127)}.*`, "!", "~", "A/B"];
    const place = new Place(value);
    expect(checkPatterns(place)).toEqual(value);
    expect(place.faults).toEqual([]);
  });
});
