// Reprocessing: closed windows computed again from the log. Each sentence of the contract is a test
// here; that engine and model correct the same over random cases is test/twin/reprocess.test.ts.

import { describe, expect, test, vi } from "vitest";
import { memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import { KnownKeys } from "../../engine/live/known-keys.ts";
import type { Append, MaybePromise, StoredSnapshot } from "../../engine/store/store.ts";
import { engineOf, event, eventsAt, planOf, queryOf, tumbling } from "../builders.ts";

const ALL = { from: -1e15, to: 1e15 };

/** `kind start/end value rN @position`, and the key where there is one. */
function short(changes: readonly Change[]): string[] {
  return changes.map(({ kind, key, window, value, revision, position }) => {
    const keys = Object.values(key).map((each) => `${String(each)} `);
    const text = JSON.stringify(Object.values(value)).slice(1, -1);
    return `${keys.join("")}${kind} ${window.start}/${window.end} ${text} r${revision} @${position}`;
  });
}

const rowsOf = (engine: Engine): string[] =>
  engine
    .view("q")
    .rows()
    .map(({ window, value, final, revision }) => {
      const text = JSON.stringify(Object.values(value)).slice(1, -1);
      return `${window.start}/${window.end} ${text} r${revision}${final ? " final" : ""}`;
    });

const seenOf = async (engine: Engine): Promise<object> => ({
  hash: await engine.stateHash(),
  rows: engine.view("q").rows(),
  late: engine.late("q"),
  position: engine.stats().position,
  log: await Array.fromAsync(engine.log()),
});

/** The memory store, but for what is given. */
function storeWith(
  change: (inner: Store) => {
    readonly append?: (write: Append) => MaybePromise<void>;
    readonly saveSnapshot?: (snapshot: StoredSnapshot) => MaybePromise<void>;
    readonly read?: Store["read"];
  },
): Store {
  const inner = memory();
  return {
    storage: inner.storage,
    recover: () => inner.recover(),
    create: (header) => inner.create(header),
    append: (write) => inner.append(write),
    read: (from, limitBytes) => inner.read(from, limitBytes),
    hasLanded: (write) => inner.hasLanded(write),
    trim: (to) => inner.trim(to),
    saveSnapshot: (snapshot) => inner.saveSnapshot(snapshot),
    close: () => inner.close(),
    ...change(inner),
  };
}

/** Three events, the clock at 20, and one that comes too late for [0, 10). */
const LATE = [eventsAt([1, 2, 20]), [event("late", 5)]];

describe("a late event", () => {
  test("is brought in: the value as it would have been, a revision on", async () => {
    const engine = await engineOf(planOf(), LATE);
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes));
    const changes = await engine.reprocess("q", { from: 0, to: 10 });
    // Three events, final, corrected once.
    expect(short(changes)).toEqual(["correction 0/10 3 r5 @4"]);
    expect(heard).toEqual(changes);
    expect(rowsOf(engine)).toEqual(["0/10 3 r5 final", "20/30 1 r1"]);
  });

  test("stays counted as late, and the clock stays where it is", async () => {
    const engine = await engineOf(planOf(), LATE);
    const before = engine.stats();
    const late = engine.late("q");
    await engine.reprocess("q", ALL);
    expect(engine.stats()).toEqual({
      ...before,
      position: 5,
      stateBytes: engine.stats().stateBytes,
    });
    expect(engine.late("q")).toEqual(late);
    expect(late).toHaveLength(1);
  });

  test("is brought in once: the second time there is nothing to correct", async () => {
    const engine = await engineOf(planOf(), LATE);
    await engine.reprocess("q", ALL);
    expect(await engine.reprocess("q", ALL)).toEqual([]);
    expect(engine.stats().position).toBe(6);
  });

  test("and another after it: one more for each correction", async () => {
    const engine = await engineOf(planOf(), LATE);
    await engine.reprocess("q", ALL);
    await engine.push([event("later", 6)]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 4 r7 @6"]);
    expect(rowsOf(engine)).toContain("0/10 4 r7 final");
  });

  test("that had its window for itself: a correction without a final before it", async () => {
    const engine = await engineOf(planOf(), [[event("a", 25), event("late", 5)]]);
    expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 1 r3 @2"]);
    expect(rowsOf(engine)).toEqual(["0/10 1 r3 final", "20/30 1 r1"]);
  });

  test("comes under the key that was told, which is found by the core's hash of it", async () => {
    const engine = await engineOf(planOf({ key: { k: "data.k" } }), []);
    engine.subscribe("q", () => {});
    const all = (name: string, time: number): object[] =>
      Array.from({ length: 100 }, (_, k) => event(`${name}${k}`, time, { k }));
    await engine.push(all("a", 5));
    await engine.push([event("b", 30, { k: 0 }), ...all("c", 6)]);
    const added = vi.spyOn(KnownKeys.prototype, "add");
    try {
      expect(await engine.reprocess("q", { from: 0, to: 10 })).toHaveLength(100);
      expect(added).not.toHaveBeenCalled();
    } finally {
      added.mockRestore();
    }
  });

  test("that changes no value corrects nothing", async () => {
    const plan = planOf({ aggregate: { most: { fn: "max", of: "data.x" } } });
    const pushes = [
      [event("a", 1, { x: 5 }), event("b", 20, { x: 1 })],
      [event("late", 2, { x: 3 })],
    ];
    const engine = await engineOf(plan, pushes);
    expect(await engine.reprocess("q", ALL)).toEqual([]);
  });
});

describe("windows that touch [from, to)", () => {
  test.each([
    [{ from: 9, to: 10 }, 1],
    [{ from: 10, to: 20 }, 0],
    [{ from: -5, to: 0 }, 0],
    [{ from: -5, to: 1 }, 1],
    [{ from: 3, to: 4 }, 1],
  ])("%j: %i", async (range, count) => {
    const engine = await engineOf(planOf(), LATE);
    expect(await engine.reprocess("q", range)).toHaveLength(count);
  });

  test.each([
    [14, 0],
    [15, 1],
  ])("and are closed: at %i, %i", async (timeMs, count) => {
    const engine = await engineOf(planOf({ window: tumbling(10, 5) }), [[event("a", timeMs)]]);
    // Late only for the one whose grace is over.
    await engine.push([event("b", 5)]);
    const found = await engine.reprocess("q", { from: 0, to: 10 });
    expect(found).toHaveLength(count);
    expect(rowsOf(engine)[0]).toBe(count === 1 ? "0/10 1 r3 final" : "0/10 1 r1");
  });

  test("of global there are none", async () => {
    const engine = await engineOf(planOf({ window: { kind: "global" } }), LATE);
    expect(await engine.reprocess("q", ALL)).toEqual([]);
    expect(engine.stats().position).toBe(5);
  });

  test("before the first event there are none", async () => {
    const engine = await engineOf(planOf());
    expect(await engine.reprocess("q", ALL)).toEqual([]);
    expect(engine.stats()).toMatchObject({ position: 1, clock: null });
  });
});

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

describe("aggregates", () => {
  test("sketches, tops and strings are corrected, and read", async () => {
    const plan = planOf({
      aggregate: {
        p: { fn: "quantile", q: [0, 1], of: "data.n" },
        d: { fn: "distinct", of: "data.s" },
        t: { fn: "top", k: 2, of: "data.s" },
        l: { fn: "last", of: "data.s" },
        h: { fn: "histogram", bounds: [10], of: "data.n" },
      },
    });
    const long = "é".repeat(5000);
    const store = memory();
    const engine = await engineOf(
      plan,
      [
        [event("a", 1, { n: 1, s: "x" }), event("z", 20)],
        [event("b", 2, { n: 64, s: long }), event("c", 3, { n: 64, s: long })],
      ],
      { store },
    );
    const [correction] = await engine.reprocess("q", ALL);
    expect(correction).toMatchObject({
      value: {
        p: [1, 64],
        d: 2,
        t: [
          { value: long, count: 2 },
          { value: "x", count: 1 },
        ],
        l: long,
        h: [1, 2],
      },
    });
    expect(engine.view("q").rows()[0]).toMatchObject({ value: correction!.value, final: true });
    // What is read later is bounded by what the state says of it.
    const again = await engineOf(plan, [], { store });
    expect(again.view("q").rows()).toEqual(engine.view("q").rows());
    await engine.push([event("y", 25, { n: 1, s: "y" })]);
    expect(engine.view("q").rows()[0]).toMatchObject({ value: correction!.value });
  });

  test("a value larger than any that was ever told is read again", async () => {
    const aggregate = { t: { fn: "top", k: 3, of: "data.s" }, l: { fn: "last", of: "data.s" } };
    const late = ["x", "y", "z"].map((s, at) => event(s, at, { s: s.repeat(250_000) }));
    const engine = await engineOf(planOf({ aggregate }), [
      [event("w", 20)],
      ...late.map((e) => [e]),
    ]);
    const [correction] = await engine.reprocess("q", ALL);
    expect(engine.view("q").rows()[0]).toMatchObject({ value: correction!.value, final: true });
  });

  test("keys over the limit are told apart, and what was counted as others is retracted", async () => {
    const plan = planOf({ key: { k: "data.k" } }, { limits: { keys: 1 } });
    const at = (k: string, timeMs: number): object => event(k, timeMs, { k });
    const engine = await engineOf(plan, [[at("a", 1), at("b", 2), at("z", 30)]]);
    expect(short(await engine.reprocess("q", { from: 0, to: 10 }))).toEqual([
      "__other__ retract 0/10 1 r2 @3",
      "b correction 0/10 1 r3 @3",
    ]);
  });
});

describe("emit", () => {
  const plan = (emit: string): object =>
    planOf({ emit, window: { kind: "session", gap: 10, grace: 0 } });
  const pushes = [[event("a", 0), event("z", 50)], [event("b", 8)]];

  test.each([
    ["all", ["retract", "correction"]],
    ["final", ["retract", "correction"]],
    ["none", []],
  ])("%s tells %j, and the answer has all", async (emit, kinds) => {
    const engine = await engineOf(plan(emit), pushes);
    const heard: Change[] = [];
    engine.subscribe("q", (changes) => heard.push(...changes));
    const changes = await engine.reprocess("q", ALL);
    expect(changes.map(({ kind }) => kind)).toEqual(["retract", "correction"]);
    expect(heard.map(({ kind }) => kind)).toEqual(kinds);
    expect(rowsOf(engine)).toEqual(["0/18 2 r4 final", "50/60 1 r1"]);
  });
});

describe("the view", () => {
  test.each([
    [59, ["0/10 3 r5 final"]],
    [60, []],
  ])("at %i, retain being 50", async (timeMs, rows) => {
    const engine = await engineOf(planOf({ retain: 50 }), [...LATE, [event("z", timeMs)]]);
    expect(await engine.reprocess("q", { from: 0, to: 10 })).toHaveLength(1);
    expect(rowsOf(engine).filter((row) => row.startsWith("0/"))).toEqual(rows);
    // A row that came in by a correction leaves as any other.
    await engine.tick(60);
    expect(rowsOf(engine).filter((row) => row.startsWith("0/"))).toEqual([]);
  });

  test.each([
    ["tumbling", { kind: "tumbling", size: 10, grace: 0 }],
    ["hopping", { kind: "hopping", size: 10, every: 5, grace: 0 }],
    ["session", { kind: "session", gap: 10, grace: 0 }],
  ])("of %s is empty in the end: nothing is left behind", async (_name, window) => {
    const plan = planOf({ window, key: { k: "data.k" }, retain: 100 });
    const at = (id: string, timeMs: number, k: string): object => event(id, timeMs, { k });
    const engine = await engineOf(plan, [
      [at("a", 0, "a"), at("b", 1, "b"), at("z", 50, "z")],
      [at("c", 8, "a"), at("d", 9, "d")],
    ]);
    await engine.reprocess("q", ALL);
    expect(engine.stats().queries["q"]!.rows).toBe(engine.view("q").rows().length);
    await engine.tick(1000);
    expect(engine.stats().queries["q"]).toMatchObject({ rows: 0, open: 0 });
  });
});

describe("an entry of the log", () => {
  const plan = {
    version: 1,
    queries: [
      queryOf({ key: { k: "data.k" } }),
      queryOf({ name: "s", window: { kind: "session", gap: 10, grace: 0 }, key: { k: "data.k" } }),
    ],
  };
  const at = (id: string, timeMs: number, k = "a"): object => event(id, timeMs, { k });

  async function feed(engine: Engine): Promise<void> {
    await engine.push([at("a", 1), at("b", 22), at("c", 60, "z")]);
    await engine.push([at("d", 12), at("e", 5, "b")]);
    await engine.reprocess("q", { from: 0, to: 20 });
    await engine.reprocess("s", { from: 0, to: 20 });
    await engine.push([at("f", 3), at("g", 70)]);
    await engine.reprocess("s", ALL);
    await engine.reprocess("q", ALL);
    await engine.tick(90);
  }

  test("replayed from the log alone, from a snapshot and its tail, from each snapshot: the same", async () => {
    const kept: StoredSnapshot[] = [];
    const store = storeWith((inner) => ({
      saveSnapshot: (snapshot) => {
        kept.push({ ...snapshot, bytes: snapshot.bytes.slice() });
        return inner.saveSnapshot(snapshot);
      },
    }));
    const engine = await engineOf(plan, [], { store });
    await feed(engine);
    const seen = await seenOf(engine);
    // Replaying one is replaying the whole log, so each leaves a snapshot; the first says the plan.
    expect(kept.map(({ position }) => position)).toEqual([0, 6, 7, 10, 11]);
    for (const snapshots of [[], ...kept.map((each) => [each])]) {
      const copy: Store = {
        ...store,
        recover: async () => ({ ...(await store.recover())!, snapshots }),
      };
      expect(await seenOf(await engineOf(plan, [], { store: copy }))).toEqual(seen);
    }
  });

  test("whoever subscribes from a position hears what was told", async () => {
    const engine = await engineOf(plan);
    const told: Change[] = [];
    engine.subscribe("s", (changes) => told.push(...changes));
    await feed(engine);
    expect(told.some(({ kind }) => kind === "correction")).toBe(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    const heard: Change[] = [];
    engine.subscribe(
      "s",
      (changes) => {
        heard.push(...changes);
        if (heard.length === told.length) resolve();
      },
      { from: 0 },
    );
    await promise;
    expect(heard).toEqual(told);
  });

  test("is exported as a fact, behind its control line", async () => {
    const engine = await engineOf(planOf(), LATE);
    await engine.reprocess("q", { from: -1, to: 10 });
    const chunks = await Array.fromAsync(engine.log({ from: 4 }));
    expect(chunks).toEqual([
      '{"chunk":{"position":4,"receivedAt":null}}\n{"fact":{"reprocess":{"query":"q","from":-1,"to":10}}}\n',
    ]);
  });

  test("under a plan without its query it is a position and nothing else", async () => {
    const store = memory();
    const engine = await engineOf(planOf(), LATE, { store });
    await engine.reprocess("q", ALL);
    const other = await engineOf(planOf({ name: "other" }), [], { store });
    await other.rebuilt();
    expect(other.stats().position).toBe(5);
    expect(other.view("other").rows()[0]).toMatchObject({ value: { n: 2 } });
  });

  test("is among what explains a number", async () => {
    const engine = await engineOf(planOf(), LATE);
    await engine.reprocess("q", ALL);
    const { emissions, row, late } = await engine.explain("q", {}, { start: 0, end: 10 });
    expect(emissions.map(({ kind, revision }) => [kind, revision])).toEqual([
      ["final", 3],
      ["correction", 5],
    ]);
    expect(row).toMatchObject({ final: true, revision: 5 });
    expect(late.map(({ events }) => events[0]!.eventId)).toEqual(["late"]);
  });

  test("pushes wait for it, in call order", async () => {
    const engine = await engineOf(planOf(), LATE);
    const found = engine.reprocess("q", ALL);
    const pushed = engine.push([event("more", 6)]);
    expect(await found).toHaveLength(1);
    expect(await pushed).toMatchObject({ position: 6 });
    expect(await engine.reprocess("q", ALL)).toHaveLength(1);
  });
});

describe("refused", () => {
  test.each([
    ["nope", { from: 0, to: 1 }, "No query of this plan has the name given"],
    ["q", { from: 1, to: 1 }, "A range is whole ms"],
    ["q", { from: 2, to: 1 }, "A range is whole ms"],
    ["q", { from: 0.5, to: 1 }, "A range is whole ms"],
    ["q", { from: 0, to: Infinity }, "A range is whole ms"],
    ["q", { from: NaN, to: 1 }, "A range is whole ms"],
    ["q", { from: "0", to: 1 } as never, "A range is whole ms"],
  ])("%s %j", async (query, range, message) => {
    const engine = await engineOf(planOf(), LATE);
    const refused = engine.reprocess(query, range);
    await expect(refused).rejects.toThrow(RangeError);
    await expect(refused).rejects.toThrow(message);
    expect(engine.stats().position).toBe(4);
  });

  test.each(["throws", "rejects"])(
    "where the append %s: no trace, and it can be asked again",
    async (way) => {
      let fails = false;
      const heard: Change[] = [];
      const store = storeWith((inner) => ({
        append: (write) => {
          if (!fails) return inner.append(write);
          if (way === "throws") throw new Error("no disk");
          return Promise.reject(new Error("no disk"));
        },
      }));
      const engine = await engineOf(planOf(), LATE, { store });
      engine.listen((changes) => heard.push(...changes));
      const before = await seenOf(engine);
      fails = true;
      await expect(engine.reprocess("q", ALL)).rejects.toThrow("no disk");
      // What another entry at this position finds is another matter.
      await expect(engine.reprocess("q", { from: 500, to: 501 })).rejects.toThrow("no disk");
      fails = false;
      expect(await seenOf(engine)).toEqual(before);
      expect(heard).toEqual([]);
      expect(short(await engine.reprocess("q", ALL))).toEqual(["correction 0/10 3 r5 @4"]);
    },
  );

  test("where the log cannot be read: the store's fault, and no trace", async () => {
    let fails = false;
    const store = storeWith((inner) => ({
      read: (from, limitBytes) => {
        if (fails) throw Object.assign(new Error("gone"), { code: "log_trimmed" });
        return inner.read(from, limitBytes);
      },
    }));
    const engine = await engineOf(planOf(), LATE, { store });
    const before = await seenOf(engine);
    fails = true;
    await expect(engine.reprocess("q", ALL)).rejects.toMatchObject({ code: "log_trimmed" });
    fails = false;
    expect(await seenOf(engine)).toEqual(before);
    expect(await engine.reprocess("q", ALL)).toHaveLength(1);
  });

  test("a snapshot that fails afterwards is no fault of it", async () => {
    const store = storeWith(() => ({
      saveSnapshot: () => {
        throw new Error("no disk");
      },
    }));
    const engine = await engineOf(planOf(), LATE, { store });
    expect(await engine.reprocess("q", ALL)).toHaveLength(1);
    const again = await engineOf(planOf(), [], { store });
    expect(await again.stateHash()).toBe(await engine.stateHash());
  });

  test("where the memory cannot hold the corrections: before the append", async () => {
    const long = (id: string): string => id.padEnd(3000, "x");
    const plan = {
      version: 1,
      queries: [
        queryOf({ from: ["in"], key: { k: "data.k" } }),
        queryOf({ name: "full", from: ["fill"], key: { k: "data.k" }, window: { kind: "global" } }),
      ],
    };
    let appends = 0;
    const store = storeWith((inner) => ({
      append: (write) => {
        appends++;
        return inner.append(write);
      },
    }));
    const engine = await engineOf(plan, [], { store, memoryPagesMax: 60 });
    const late = Array.from({ length: 150 }, (_, index) => {
      return event(`l${index}`, 1, { k: long(`${index}`) }, { eventType: "in" });
    });
    await engine.push([event("z", 30, { k: "z" }, { eventType: "in" })]);
    for (let at = 0; at < late.length; at += 10) await engine.push(late.slice(at, at + 10));
    for (let fill = 0, size = 100; size > 0; size = Math.floor(size / 2)) {
      const more = (): object[] =>
        Array.from({ length: size }, () =>
          event(`f${fill}`, 30, { k: long(`${fill++}`) }, { eventType: "fill" }),
        );
      while (
        await engine.push(more()).then(
          () => true,
          () => false,
        )
      );
    }
    const before = await seenOf(engine);
    const appended = appends;
    const refused = engine.reprocess("q", ALL);
    await expect(refused).rejects.toMatchObject({ code: "state_full" });
    await expect(refused).rejects.toThrow(/corrections/);
    expect(appends).toBe(appended);
    expect(await seenOf(engine)).toEqual(before);
    // With more memory the same log takes it.
    const wide = await engineOf(plan, [], { store });
    expect(await wide.reprocess("q", ALL)).toHaveLength(150);
  });
});
