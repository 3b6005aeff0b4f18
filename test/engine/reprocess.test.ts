// Reprocessing: closed windows computed again from the log. Each sentence of the contract is a test
// here and in the two files beside; that engine and model correct the same over random cases is
// test/twin/reprocess.test.ts.

import { describe, expect, test, vi } from "vitest";
import { memory, type Change } from "../../engine/index.ts";
import { KnownKeys } from "../../engine/live/known-keys.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";
import { ALL, LATE, rowsOf, short } from "./reprocess-case.ts";

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
