// The events behind a number: what was applied, what was late, what was sent again, what was told.

import { Poison } from "../../engine/ingest/poison.ts";
import { describe, expect, test } from "vitest";
import {
  checkPlan,
  memory,
  open,
  type Contribution,
  type Engine,
  type Store,
} from "../../engine/index.ts";
import { compile } from "../../engine/query/compile.ts";
import { Replay } from "../../engine/replay.ts";
import {
  engineOf,
  event,
  eventsAt,
  HASH_KEY,
  openCore,
  planOf,
  queryOf,
  tumbling,
} from "../builders.ts";
import { imageOf, type Image } from "./image.ts";

/** Bytes of the state and of what was told, after the log with or without a trace. */
async function tracedImage(plan: unknown, store: Store, isTraced: boolean): Promise<Image> {
  const checked = checkPlan(plan).plan!;
  const beside = { store, poison: new Poison(), openCore };
  const replay = new Replay(checked, compile(checked, HASH_KEY), beside);
  const core = await replay.open();
  if (isTraced) core.trace(0, at(0, 10));
  let records = 0;
  await replay.run(core, 0, Infinity, (told) => (records += told.length));
  expect(records).toBeGreaterThan(0);
  return imageOf(core);
}

/** The ids of each contribution's events. */
function idsOf(contributions: readonly Contribution[]): string[] {
  return contributions.map(({ events }) => events.map(({ eventId }) => eventId).join("→"));
}

const at = (start: number, end: number) => ({ start, end });
const GLOBAL = { start: null, end: null };

describe("explain", () => {
  test("names the events of a window, with place, time and clock, in the order taken", async () => {
    const plan = planOf({ key: { k: "data.k" }, where: ["!=", ["get", "data.x"], 1] });
    const engine = await engineOf(plan);
    await engine.push([
      event("a", 3, { k: "A" }, { source: "till" }),
      event("b", 1, { k: "A" }),
      event("other-key", 2, { k: "B" }),
      event("not-taken", 2, { k: "A", x: 1 }),
      event("other-window", 12, { k: "A" }),
    ]);
    const told = await engine.explain("q", { k: "A" }, at(0, 10));
    expect(told).toMatchObject({
      query: "q",
      key: { k: "A" },
      window: at(0, 10),
      position: 5,
      row: { value: { n: 2 }, final: true, revision: 3 },
      late: [],
      resent: [],
    });
    expect(told.events).toEqual([
      {
        events: [
          {
            position: 0,
            eventId: "a",
            source: "till",
            eventType: "tested",
            eventTime: 3,
            receivedAt: null,
          },
        ],
        time: 3,
        clock: 3,
      },
      {
        events: [
          {
            position: 1,
            eventId: "b",
            source: null,
            eventType: "tested",
            eventTime: 1,
            receivedAt: null,
          },
        ],
        time: 1,
        clock: 3,
      },
    ]);
  });

  test("tells each emission with the clock after its push", async () => {
    const engine = await engineOf(planOf());
    await engine.push(event("a", 1), { receivedAt: 7 });
    await engine.push([event("b", 2), event("c", 3)]);
    await engine.push(event("d", 40));
    const { emissions, events } = await engine.explain("q", {}, at(0, 10));
    expect(emissions).toEqual([
      { kind: "update", revision: 1, position: 0, clock: 1, value: { n: 1 } },
      { kind: "update", revision: 3, position: 2, clock: 3, value: { n: 3 } },
      { kind: "final", revision: 4, position: 3, clock: 40, value: { n: 3 } },
    ]);
    expect(events.map(({ clock }) => clock)).toEqual([1, 2, 3]);
    expect(events[0]!.events[0]!.receivedAt).toBe(7);
  });

  test("lists what was late, how late, and what was sent again", async () => {
    const engine = await engineOf(planOf());
    await engine.push([event("a", 1), event("b", 25), event("c", 4)]);
    await engine.push([event("a", 1), event("c", 4), event("b", 25), event("c", 5)]);
    const { events, late, resent } = await engine.explain("q", {}, at(0, 10));
    expect(idsOf(events)).toEqual(["a"]);
    expect(idsOf(late)).toEqual(["c"]);
    expect(late[0]).toMatchObject({ time: 4, clock: 25, lateMs: 21 });
    expect(resent).toEqual([
      { of: 0, code: "duplicate", receivedAt: null },
      { of: 2, code: "duplicate", receivedAt: null },
      { of: 2, code: "event_id_conflict", receivedAt: null },
    ]);
  });

  test.each([
    ["hopping", { kind: "hopping", size: 10, every: 5, grace: 0 }],
    ["cumulate", { kind: "cumulate", size: 15, every: 5, grace: 0 }],
  ])("of a %s window: an event late for one is on time for the next", async (kind, window) => {
    const engine = await engineOf(planOf({ window }));
    await engine.push([event("a", 1), event("b", 10), event("c", 7)]);
    const first = kind === "hopping" ? at(0, 10) : at(0, 10);
    const next = kind === "hopping" ? at(5, 15) : at(0, 15);
    const of = (bounds: { start: number; end: number }) => engine.explain("q", {}, bounds);
    expect(idsOf((await of(first)).events)).toEqual(["a"]);
    expect(idsOf((await of(first)).late)).toEqual(["c"]);
    expect(idsOf((await of(next)).late)).toEqual([]);
    const wanted = kind === "hopping" ? ["b", "c"] : ["a", "b", "c"];
    expect(idsOf((await of(next)).events)).toEqual(wanted);
  });

  test("of a session that never was is empty", async () => {
    const engine = await engineOf(planOf({ window: { kind: "session", gap: 10, grace: 0 } }));
    await engine.push(event("a", 0));
    await engine.push(event("b", 15));
    await engine.push(event("c", 8));
    await engine.push(event("d", 60));
    await engine.push(event("e", 12));
    const { events, late, emissions, row } = await engine.explain("q", {}, at(0, 25));
    // No such session: `c` would have joined its parts, and came too late.
    expect(idsOf(events)).toEqual([]);
    expect(row).toBeNull();
    expect(late).toEqual([]);
    expect(emissions).toEqual([]);
    const first = await engine.explain("q", {}, at(0, 10));
    expect(idsOf(first.events)).toEqual(["a"]);
    expect(first.emissions.map(({ kind }) => kind)).toEqual(["update", "final"]);
  });

  test("of sessions that merged", async () => {
    const engine = await engineOf(planOf({ window: { kind: "session", gap: 10, grace: 50 } }));
    for (const [id, ms] of [
      ["a", 0],
      ["b", 15],
      ["c", 8],
    ] as const) {
      await engine.push(event(id, ms));
    }
    await engine.push(event("d", 90));
    await engine.push(event("e", 12));
    const { events, late, row } = await engine.explain("q", {}, at(0, 25));
    expect(idsOf(events)).toEqual(["a", "b", "c"]);
    expect(row).toMatchObject({ final: true, revision: 4, value: { n: 3 } });
    expect(idsOf(late)).toEqual(["e"]);
    const part = await engine.explain("q", {}, at(0, 10));
    expect(part.emissions.map(({ kind }) => kind)).toEqual(["update", "retract"]);
  });

  test("of a calendar day, of negative times, and of the global window", async () => {
    const day = { kind: "tumbling", size: "1d", timezone: "Europe/Berlin", grace: 0 };
    const plan = planOf();
    const queries = [
      queryOf({ name: "day", window: day }),
      queryOf({ name: "all", window: { kind: "global" } }),
      queryOf({ name: "ten" }),
    ];
    const engine = await engineOf({ ...plan, queries });
    await engine.push([event("a", -3), event("b", 5)]);
    const hour = 3_600_000;
    expect(idsOf((await engine.explain("day", {}, at(-hour, 23 * hour))).events)).toEqual([
      "a",
      "b",
    ]);
    expect(idsOf((await engine.explain("all", {}, GLOBAL)).events)).toEqual(["a", "b"]);
    expect(idsOf((await engine.explain("ten", {}, at(-10, 0))).events)).toEqual(["a"]);
  });

  test("of a query that waits: the clock is that of its turn", async () => {
    const lookup = { table: "t", on: "data.k", as: "found" };
    const query = queryOf({
      with: [lookup],
      from: ["tested"],
      where: ["==", ["get", "found.data.x"], 1],
      wait: 10,
      window: tumbling(100, 10),
    });
    const tables = { t: { from: ["fed"], key: "data.k" } };
    const engine = await engineOf({ ...planOf(), tables, queries: [query] });
    await engine.push(event("a", 5, { k: 1 }));
    await engine.push(event("v", 1, { k: 1, x: 1 }, { eventType: "fed" }));
    await engine.push(event("b", 30, { k: 2 }));
    const { events, emissions } = await engine.explain("q", {}, at(0, 100));
    expect(idsOf(events)).toEqual(["a"]);
    expect(events[0]).toMatchObject({ time: 5, clock: 15 });
    expect(emissions).toMatchObject([{ kind: "update", position: 2, clock: 30 }]);
  });

  test("of spans: both sides of a completed one, the first of an expired one", async () => {
    const span = { from: ["began"], to: ["ended"], on: "data.k", within: 20, wait: 0 };
    const { from: _, ...query } = queryOf({ span, window: tumbling(100, 10) });
    const engine = await engineOf({ ...planOf(), queries: [query] });
    const began = { eventType: "began" };
    const ended = { eventType: "ended" };
    await engine.push([
      event("a", 1, { k: 1 }, began),
      event("b", 2, { k: 2 }, began),
      event("c", 9, { k: 1 }, ended),
      event("d", 50, { k: 3 }, ended),
    ]);
    const { events, row } = await engine.explain("q", {}, at(0, 100));
    expect(idsOf(events)).toEqual(["a→c", "b"]);
    expect(events).toMatchObject([
      { outcome: "completed", time: 9, clock: 9 },
      { outcome: "expired", time: 22, clock: 22 },
    ]);
    expect(row).toMatchObject({ value: { n: 2 } });
  });

  test("of the keys beyond the limit", async () => {
    const engine = await engineOf(planOf({ key: { k: "data.k" } }, { limits: { keys: 1 } }));
    await engine.push(["A", "B", "C"].map((k, n) => event(k, n, { k })));
    const told = await engine.explain("q", { k: "__other__" }, at(0, 10));
    expect(idsOf(told.events)).toEqual(["B", "C"]);
    expect(idsOf((await engine.explain("q", { k: "B" }, at(0, 10))).events)).toEqual([]);
  });

  test.each([
    ["tumbling", tumbling(10, 0), at(0, 10)],
    ["hopping", { kind: "hopping", size: 10, every: 4, grace: 0 }, at(-4, 6)],
    ["cumulate", { kind: "cumulate", size: 12, every: 4, grace: 0 }, at(0, 8)],
    ["session", { kind: "session", gap: 6, grace: 0 }, at(1, 7)],
  ])("of a %s window is of just that, and empty of one that is none", async (_, window, real) => {
    const engine = await engineOf(planOf({ window }), [event("a", 1)]);
    const { row, events } = await engine.explain("q", {}, real);
    expect([row?.revision, idsOf(events)]).toEqual([1, ["a"]]);
    const others = [-1, 0, 1].flatMap((start) => {
      return [-1, 0, 1].map((end) => at(real.start + start, real.end + end));
    });
    for (const other of [...others, at(100, 110), at(10, 0), at(1, 1)]) {
      if (other.start === real.start && other.end === real.end) continue;
      const nothing = { row: null, events: [], late: [], resent: [], emissions: [] };
      expect(await engine.explain("q", {}, other)).toMatchObject(nothing);
    }
  });

  test("of a window that only late events have: no row, and what was late", async () => {
    const engine = await engineOf(planOf(), [event("a", 100)]);
    await engine.push(event("b", 1));
    const { row, events, late, emissions } = await engine.explain("q", {}, at(0, 10));
    expect([row, events, idsOf(late), emissions]).toEqual([null, [], ["b"], []]);
  });

  test("lists more late events than `late` does, of each the lag of its own time", async () => {
    const engine = await engineOf(planOf(), [event("a", 100)]);
    await engine.push(Array.from({ length: 1001 }, (_, n) => event(`l${n}`, n % 10)));
    expect(engine.late("q")).toHaveLength(1000);
    const { late } = await engine.explain("q", {}, at(0, 10));
    expect(late.map(({ lateMs }) => lateMs)).toEqual(late.map(({ time }) => 100 - time));
    expect(late).toHaveLength(1001);
  });

  test("of a session that grew, the old window: told and retracted, without events", async () => {
    const window = { kind: "session", gap: 10, grace: 50 };
    for (const emit of ["all", "final"]) {
      const engine = await engineOf(planOf({ window, emit }), [event("a", 0), event("b", 7)]);
      const told = emit === "all" ? ["update", "retract"] : [];
      const { row, events, emissions } = await engine.explain("q", {}, at(0, 10));
      expect([row, events, emissions.map(({ kind }) => kind)]).toEqual([null, [], told]);
      const { events: both } = await engine.explain("q", {}, at(0, 17));
      expect(idsOf(both)).toEqual(["a", "b"]);
    }
  });

  test("of sessions that touch, neither half", async () => {
    const window = { kind: "session", gap: 10, grace: 50 };
    const engine = await engineOf(planOf({ window }), [event("a", 0), event("b", 10)]);
    expect((await engine.explain("q", {}, at(0, 10))).events).toEqual([]);
    expect((await engine.explain("q", {}, at(10, 20))).events).toEqual([]);
    expect(idsOf((await engine.explain("q", {}, at(0, 20))).events)).toEqual(["a", "b"]);
  });

  test("of a final session, what came too late at its very end, and not what came after", async () => {
    const engine = await engineOf(planOf({ window: { kind: "session", gap: 10, grace: 0 } }));
    await engine.push([event("a", 0), event("x", 50), event("b", 10), event("c", 11)]);
    await engine.push([event("d", -10), event("e", -11)]);
    const { late, events } = await engine.explain("q", {}, at(0, 10));
    expect([idsOf(events), idsOf(late)]).toEqual([["a"], ["b", "d"]]);
    const own = await engine.explain("q", {}, at(10, 20));
    expect([idsOf(own.events), idsOf(own.late)]).toEqual([[], ["b"]]);
  });

  test("a row that has left the view has its events still", async () => {
    const engine = await engineOf(planOf({ retain: 5 }), [event("a", 1), event("b", 100)]);
    const { row, events, emissions } = await engine.explain("q", {}, at(0, 10));
    expect([row, idsOf(events)]).toEqual([null, ["a"]]);
    expect(emissions.map(({ kind }) => kind)).toEqual(["update", "final"]);
  });

  test("a flush is explained too: what it closed, expired and took from waiting", async () => {
    const span = { from: ["began"], to: ["ended"], on: "data.k", within: 20 };
    const { from: _, ...query } = queryOf({ span, window: tumbling(100, 10) });
    const engine = await engineOf({ ...planOf(), queries: [query] });
    await engine.push(event("a", 1, { k: 1 }, { eventType: "began" }));
    await engine.push(event("b", 5, { k: 1 }, { eventType: "ended" }));
    expect(await engine.explain("q", {}, at(0, 100))).toMatchObject({ row: null, events: [] });
    await engine.flush();
    const { row, events, emissions } = await engine.explain("q", {}, at(0, 100));
    expect(idsOf(events)).toEqual(["a→b"]);
    expect(row).toMatchObject({ final: true, revision: 2 });
    expect(emissions).toEqual([
      { kind: "final", revision: 2, position: 2, clock: 5, value: { n: 1 } },
    ]);
  });

  test("of a corrected row has what the correction counts, late or not", async () => {
    const store = memory();
    const engine = await open({ plan: planOf(), store, hashKey: HASH_KEY });
    await engine.push([event("a", 1), event("b", 25), event("c", 4), event("d", 12)]);
    await engine.reprocess("q", { from: 0, to: 10 });
    const { row, events, late, emissions } = await engine.explain("q", {}, at(0, 10));
    expect(row).toMatchObject({ final: true, revision: 4, value: { n: 2 } });
    expect([idsOf(events), idsOf(late)]).toEqual([["a", "c"], ["c"]]);
    expect(events.map(({ clock, time }) => [time, clock])).toEqual([
      [1, 25],
      [4, 25],
    ]);
    expect(late).toMatchObject([{ clock: 25, lateMs: 21 }]);
    expect(emissions.slice(-1)).toEqual([
      { kind: "correction", revision: 4, position: 4, clock: 25, value: { n: 2 } },
    ]);
    // The next one was not asked for: what is late for it is late still.
    const next = await engine.explain("q", {}, at(10, 20));
    expect([next.row, next.events, idsOf(next.late)]).toEqual([null, [], ["d"]]);
  });

  test("of sessions that reprocessing joined: the old are retracted, the new has all", async () => {
    const window = { kind: "session", gap: 10, grace: 0 };
    for (const emit of ["all", "none"]) {
      const engine = await engineOf(planOf({ window, emit }));
      await engine.push([event("a", 0), event("b", 15), event("c", 60), event("d", 8)]);
      await engine.reprocess("q", { from: 0, to: 100 });
      const joined = await engine.explain("q", {}, at(0, 25));
      expect(joined.row).toMatchObject({ final: true, value: { n: 3 } });
      expect([idsOf(joined.events), idsOf(joined.late)]).toEqual([["a", "b", "d"], ["d"]]);
      const told = emit === "all" ? ["update", "final", "retract"] : [];
      const old = await engine.explain("q", {}, at(15, 25));
      expect([old.row, old.events]).toEqual([null, []]);
      expect(old.emissions.map(({ kind }) => kind).slice(-2)).toEqual(told.slice(-2));
    }
  });

  test("is of the log as it was, whatever is pushed meanwhile", async () => {
    const engine = await engineOf(planOf(), [event("a", 1)]);
    const explaining = engine.explain("q", {}, at(0, 10));
    await engine.push([event("b", 2), event("c", 50)]);
    const { position, row, events, emissions } = await explaining;
    expect([position, row?.revision, row?.final]).toEqual([1, 1, false]);
    expect([idsOf(events), emissions.length]).toEqual([["a"], 1]);
  });

  test("takes a chunk whose trace fills the buffer more than once", async () => {
    const window = { kind: "session", gap: 10, grace: 100_000 };
    const lookup = { table: "t", on: "data.k", as: "found" };
    const query = { from: ["tested"], key: { k: "data.k" }, with: [lookup], wait: 50, window };
    const plan = { ...planOf(query), tables: { t: { from: ["fed"], key: "data.k" } } };
    const k = "k".repeat(500);
    const events = Array.from({ length: 3000 }, (_, n) => event(`e${n}`, n * 5, { k }));
    const engine = await engineOf(plan, [event("first", 0, { k })]);
    await engine.push(events);
    await engine.tick(20_000);
    const [row] = engine.view("q").rows();
    const { events: taken } = await engine.explain("q", { k }, row!.window);
    expect([row!.revision, taken.length]).toEqual([3001, 3001]);
  });

  test("refuses what cannot be a row of the query", async () => {
    const engine = await engineOf(planOf({ key: { k: "data.k" } }));
    const explain = (query: string, key: object, window: object): Promise<unknown> =>
      engine.explain(query, key as never, window as never);
    const coded = (code: string): object => ({ name: "HostFault", code });
    await expect(explain("nobody", {}, at(0, 10))).rejects.toMatchObject(coded("unknown_query"));
    await expect(explain("q", {}, at(0, 10))).rejects.toMatchObject(coded("bad_key"));
    await expect(explain("q", { k: [] }, at(0, 10))).rejects.toMatchObject(coded("bad_key"));
    await expect(explain("q", {}, at(0, 10))).rejects.toThrow("A key of this query has k,");
    await expect(explain("q", { k: 1, l: 2 }, at(0, 10))).rejects.toThrow("look at l.");
    for (const k of [NaN, [], {}, undefined]) {
      await expect(explain("q", { k }, at(0, 10))).rejects.toThrow("each a string, number");
    }
    const beyond = explain("q", { k: 1 }, { start: 2 ** 53, end: 1 });
    await expect(beyond).rejects.toMatchObject(coded("bad_window"));
    await expect(explain("q", { k: 1 }, GLOBAL)).rejects.toThrow("whole numbers");
    await expect(explain("q", { k: 1 }, { start: 0.5, end: 1 })).rejects.toThrow("whole numbers");
    const all = await engineOf(planOf({ window: { kind: "global" } }));
    await expect(all.explain("q", {}, at(0, 10))).rejects.toThrow("are null");
  });

  test("tells all of a push that brought more than a call takes words", async () => {
    const engine = await engineOf(planOf({ window: { kind: "global" } }));
    const times = Array.from({ length: 150_000 }, (_, index) => index);
    await engine.push(eventsAt(times));
    const { events } = await engine.explain("q", {}, GLOBAL);
    expect(events.length).toBe(times.length);
    expect(events.at(-1)!.events[0]!.eventId).toBe("e149999");
  });

  test("moves nothing, and works on what was restored", async () => {
    const store = memory();
    const plan = planOf({ retain: "1h" });
    const engine = await open({ plan, store });
    await engine.push([event("a", 1), event("b", 25)]);
    const hash = await engine.stateHash();
    const told = await engine.explain("q", {}, at(0, 10));
    expect(await engine.stateHash()).toBe(hash);
    await engine.close();
    const again: Engine = await open({ plan, store });
    expect(await again.explain("q", {}, at(0, 10))).toEqual(told);
  });

  test("a trace changes no state", async () => {
    const store = memory();
    const plan = planOf();
    const engine = await open({ plan, store, hashKey: HASH_KEY });
    await engine.push([event("a", 1), event("b", 2), event("c", 25), event("d", 3)]);
    const plain = await tracedImage(plan, store, false);
    expect(await tracedImage(plan, store, true)).toEqual(plain);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", plain.state.slice()));
    expect(Buffer.from(digest).toString("hex")).toBe(await engine.stateHash());
  });
});
