// What reprocessing corrects, by the kind of window, and of what looks up and spans.

import { describe, expect, test } from "vitest";
import { memory } from "../../engine/index.ts";
import { engineOf, event, planOf, queryOf, tumbling } from "../builders.ts";
import { ALL, LATE, rowsOf, short } from "./reprocess-case.ts";

describe("kinds of windows", () => {
  test("hopping: each window that the event is in", async () => {
    const plan = planOf({ window: { kind: "hopping", size: 10, every: 5, grace: 0 } });
    const engine = await engineOf(plan, LATE);
    expect(short(await engine.reprocess("q", ALL))).toEqual([
      "correction 0/10 3 r5 @4",
      "correction 5/15 1 r3 @4",
    ]);
    expect(short(await engine.reprocess("q", ALL))).toEqual([]);
    const rows = ["-5/5 2 r3 final", "0/10 3 r5 final", "5/15 1 r3 final"];
    expect(rowsOf(engine).slice(0, 3)).toEqual(rows);
  });

  test("cumulate: those from the event's step on", async () => {
    const plan = planOf({ window: { kind: "cumulate", size: 12, every: 4, grace: 0 } });
    const engine = await engineOf(plan, LATE);
    expect(short(await engine.reprocess("q", ALL))).toEqual([
      "correction 0/8 3 r5 @4",
      "correction 0/12 3 r5 @4",
    ]);
  });

  test("calendar: the day of the zone, on the day when it shifts too", async () => {
    const window = tumbling("1d", 0, { timezone: "Europe/Berlin" });
    const at = Date.UTC(2024, 2, 31, 12);
    const store = memory();
    const engine = await engineOf(
      planOf({ window }),
      [[event("a", at), event("b", at + 2 * 86_400_000)], [event("late", at + 3_600_000)]],
      { store },
    );
    const [correction] = await engine.reprocess("q", ALL);
    const start = Date.UTC(2024, 2, 30, 23);
    expect(correction).toMatchObject({
      window: { start, end: start + 23 * 3_600_000 },
      value: { n: 2 },
    });
    const again = await engineOf(planOf({ window }), [], { store });
    expect(await again.stateHash()).toBe(await engine.stateHash());
  });
});

describe("sessions", () => {
  const SESSION = planOf({ window: { kind: "session", gap: 10, grace: 0 }, key: { k: "data.k" } });
  const at = (id: string, timeMs: number, k = "a"): object => event(id, timeMs, { k });

  test("that get other bounds: the old retracted, the new corrected", async () => {
    const engine = await engineOf(SESSION, [[at("a", 0), at("z", 50, "z")], [at("b", 8)]]);
    expect(short(await engine.reprocess("q", { from: 0, to: 1 }))).toEqual([
      "a retract 0/10 1 r2 @3",
      "a correction 0/18 2 r4 @3",
    ]);
    expect(rowsOf(engine)).toEqual(["0/18 2 r4 final", "50/60 1 r1"]);
  });

  test("that become one: both retracted, though only one touches the range", async () => {
    const pushes = [[at("a", 0), at("b", 20), at("z", 90, "z")], [at("c", 10)]];
    for (const range of [ALL, { from: 0, to: 1 }, { from: 29, to: 30 }]) {
      const engine = await engineOf(SESSION, pushes);
      expect(short(await engine.reprocess("q", range))).toEqual([
        "a retract 0/10 1 r2 @4",
        "a correction 0/30 3 r5 @4",
        "a retract 20/30 1 r2 @4",
      ]);
      expect(rowsOf(engine)).toEqual(["0/30 3 r5 final", "90/100 1 r1"]);
      expect(await engine.reprocess("q", ALL)).toEqual([]);
    }
  });

  test("of late events only", async () => {
    const engine = await engineOf(SESSION, [[at("z", 90, "z")], [at("a", 0), at("b", 5)]]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["a correction 0/15 2 r4 @3"]);
  });

  test.each([
    [30, 0],
    [31, 3],
  ])(
    "that would still be open when the clock is at %i correct nothing yet",
    async (clock, count) => {
      const engine = await engineOf(SESSION, [[at("a", 0), at("b", 20), at("c", 10)]]);
      // c came at the end of a's final session: late, though all three are one, open until 30.
      await engine.tick(clock);
      const found = short(await engine.reprocess("q", ALL));
      expect(found).toHaveLength(count);
      if (count === 0) expect(rowsOf(engine)).toEqual(["0/10 1 r2 final", "20/30 1 r1"]);
    },
  );

  test.each([
    [20, []],
    [21, ["a retract 0/10 1 r2 @4", "a correction 0/20 2 r4 @4"]],
  ])("are closed once the clock has passed their end: at %i", async (clock, wanted) => {
    const engine = await engineOf(SESSION, [[at("a", 0), at("z", 11, "z"), at("b", 10)]]);
    await engine.tick(clock);
    expect(short(await engine.reprocess("q", { from: 0, to: 1 }))).toEqual(wanted);
  });

  const CHOSEN = {
    ...planOf({
      from: ["in"],
      with: [{ table: "t", on: "data.id", as: "row" }],
      where: ["!=", ["get", "row.data.out"], true],
      window: { kind: "session", gap: 10, grace: 5 },
      key: { k: "data.k" },
    }),
    tables: { t: { from: ["up"], key: "data.id", history: 100 } },
  };
  const take = (id: string, timeMs: number, k = "a"): object =>
    event(id, timeMs, { id, k }, { eventType: "in" });
  const leaveOut = (id: string, timeMs: number): object =>
    event(`no-${id}`, timeMs, { id, out: true }, { eventType: "up" });

  test("wait for an open one that overlaps, though it will be shorter", async () => {
    const engine = await engineOf(CHOSEN, [
      [take("a", 0), take("b", 8), take("z", 20, "z")],
      [leaveOut("b", 8)],
    ]);
    expect(await engine.reprocess("q", ALL)).toEqual([]);
    await engine.push([take("y", 24, "y")]);
    expect(short(await engine.reprocess("q", ALL))).toEqual([
      "a correction 0/10 1 r3 @6",
      "a retract 0/18 2 r3 @6",
    ]);
  });

  test("go with those that they touch", async () => {
    const engine = await engineOf(CHOSEN, [
      [take("a", 0), take("z", 40, "z")],
      [leaveOut("a", 0), take("b", 10)],
    ]);
    expect(short(await engine.reprocess("q", { from: 12, to: 13 }))).toEqual([
      "a retract 0/10 1 r2 @4",
      "a correction 10/20 1 r3 @4",
    ]);
  });

  test("end where they were corrected to: what comes before that end is late", async () => {
    const pushes = [[at("a", 0), at("z", 25, "z")], [at("b", 8)]];
    const untouched = await engineOf(SESSION, [...pushes, [at("c", 18)]]);
    expect(rowsOf(untouched)).toEqual(["0/10 1 r2 final", "18/28 1 r1", "25/35 1 r1"]);
    const engine = await engineOf(SESSION, pushes);
    await engine.reprocess("q", ALL);
    await engine.push([at("c", 18), at("d", 19)]);
    expect(rowsOf(engine)).toEqual(["0/18 2 r4 final", "19/29 1 r1", "25/35 1 r1"]);
    expect(engine.late("q").at(-1)).toMatchObject({ position: 4, window: { start: 18, end: 28 } });
  });
});

describe("lookups", () => {
  const PLAN = {
    ...planOf({
      from: ["in"],
      with: [{ table: "t", on: "data.k", as: "row" }],
      key: { zone: ["coalesce", ["get", "row.data.zone"], "none"] },
    }),
    tables: { t: { from: ["up"], key: "data.k", history: 100 } },
  };
  const up = (id: string, timeMs: number, zone: string): object =>
    event(id, timeMs, { k: 1, zone }, { eventType: "up" });
  const take = (id: string, timeMs: number): object =>
    event(id, timeMs, { k: 1 }, { eventType: "in" });

  test("see a version that came too late, and what was told without it is retracted", async () => {
    const engine = await engineOf(PLAN, [[take("a", 5), take("b", 30)], [up("u", 4, "north")]]);
    expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
      "none retract 0/10 1 r2 @3",
      "north correction 0/10 1 r3 @3",
    ]);
  });

  test.each([0, 100])(
    "see one of their own time at a later position, history %i",
    async (history) => {
      const plan = { ...PLAN, tables: { t: { ...PLAN.tables.t, history } } };
      const engine = await engineOf(plan, [
        [take("a", 5), up("u", 5, "north"), up("v", 6, "south")],
      ]);
      await engine.push([up("w", 5, "west"), take("b", 30)]);
      expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
        "none retract 0/10 1 r2 @5",
        "west correction 0/10 1 r3 @5",
      ]);
    },
  );

  test("see versions that were forgotten long ago", async () => {
    const versions = [up("u", 0, "north"), up("v", 10, "south")];
    const engine = await engineOf(PLAN, [[...versions, take("z", 500)], [take("a", 5)]]);
    expect(engine.late("q")).toHaveLength(1);
    expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
      "north correction 0/10 1 r3 @4",
    ]);
  });

  test("leave fewer events: the revision still grows, and what comes back goes on from it", async () => {
    const plan = {
      ...PLAN,
      queries: [{ ...PLAN.queries[0], key: {}, where: ["!=", ["get", "row.data.zone"], "no"] }],
    };
    const engine = await engineOf(plan, [
      [take("a", 5), take("b", 6), take("z", 30)],
      [up("u", 6, "no")],
    ]);
    expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
      "correction 0/10 1 r4 @4",
    ]);
    await engine.push([up("v", 5, "no")]);
    expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
      "retract 0/10 1 r4 @6",
    ]);
    // Four events, final, corrected twice.
    await engine.push([up("w", 6, "yes"), take("c", 7), take("d", 7), take("e", 7)]);
    expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
      "correction 0/10 4 r7 @11",
    ]);
  });
});

describe("spans", () => {
  const { from: _, ...rest } = queryOf();
  const plan = (span: object = {}): object => ({
    version: 1,
    queries: [
      {
        ...rest,
        span: { from: ["in"], to: ["out"], on: "data.id", within: 5, wait: 0, ...span },
        aggregate: {
          done: { fn: "count", where: ["==", ["get", "span.outcome"], "completed"] },
          missed: { fn: "count", where: ["==", ["get", "span.outcome"], "expired"] },
          took: { fn: "max", of: "span.duration" },
        },
      },
    ],
  });
  const start = (id: string, timeMs: number): object =>
    event(`in-${id}`, timeMs, { id }, { eventType: "in" });
  const end = (id: string, timeMs: number): object =>
    event(`out-${id}`, timeMs, { id }, { eventType: "out" });
  const tick = event("tick", 40, { id: "x" }, { eventType: "other" });

  test("an expired one is completed by its late fact", async () => {
    const engine = await engineOf(plan(), [[start("a", 1), tick], [end("a", 4)]]);
    expect(engine.stats().queries["q"]).toMatchObject({ lateFacts: 1 });
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 1,0,3 r3 @3"]);
    expect(engine.stats().queries["q"]).toMatchObject({ lateFacts: 1 });
  });

  test.each([
    ["at the very limit completes", 6, ["correction 0/10 1,0,5 r3 @3"]],
    ["1 ms beyond it does not", 7, []],
  ])("a late fact %s", async (_name, timeMs, wanted) => {
    const engine = await engineOf(plan(), [[start("a", 1), tick], [end("a", timeMs)]]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(wanted);
  });

  test("both facts late: a span that was never told", async () => {
    const engine = await engineOf(plan(), [[tick], [end("a", 4), start("a", 1)]]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 1,0,3 r3 @3"]);
  });

  test("of one time: `from` before `to`, though it came behind it", async () => {
    const engine = await engineOf(plan(), [[tick], [end("a", 4), start("a", 4)]]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 1,0,0 r3 @3"]);
  });

  test("a late `from` opens again once the first has expired", async () => {
    const engine = await engineOf(plan(), [
      [start("a", 1), tick],
      [end("a", 12), start("a", 8)],
    ]);
    // in-a has the id of the first: another one.
    const second = event("in-2", 7, { id: "a" }, { eventType: "in" });
    await engine.push([second]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 10/20 1,0,5 r3 @4"]);
  });

  test("a `to` stamped before its `from`, by `early` at most", async () => {
    const early = { ...(plan({ early: 2 }) as { queries: object[] }) };
    early.queries = early.queries.map((each) => ({ ...each, window: tumbling(10, 2) }));
    const engine = await engineOf(early, [[tick], [start("a", 5), end("a", 3)]]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 1,0,-2 r3 @3"]);
    const beyond = await engineOf(early, [[tick], [start("a", 5), end("a", 2)]]);
    expect(short(await beyond.reprocess("q", ALL))).toEqual(["correction 10/20 0,1,null r3 @3"]);
  });
});
