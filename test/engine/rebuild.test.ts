// Another plan for a log: the former one serves while the log is replayed, slice by slice, and what
// is seen before, at and after the swap. The property over random plans is in rebuild-property.

import { describe, expect, test } from "vitest";
import {
  memory,
  open,
  type Change,
  type Engine,
  type Key,
  type RowDelta,
  type Store,
} from "../../engine/index.ts";
import { openAt } from "../../engine/open.ts";
import { engineOf, event, eventsAt, HASH_KEY, planOf, queryOf, tumbling } from "../builders.ts";
import { settled, shownBy, Slices } from "./slices.ts";

const TIMES = [1, 5, 12, 14, 23, 26, 31];
const SUM = { s: { fn: "sum", of: "data.x" } };
/** `q` counts in windows of 10 ms; `kept` is of both plans. */
const BEFORE = twoQueries(queryOf());
const AFTER = twoQueries(
  queryOf({ window: tumbling(20, 0) }),
  queryOf({ name: "new", aggregate: SUM }),
);

function twoQueries(...queries: readonly { readonly [name: string]: unknown }[]) {
  return { version: 1, queries: [...queries, queryOf({ name: "kept", window: tumbling(15, 0) })] };
}

/** A log that plan `before` wrote, one push an event, and an engine that rebuilds it for `after`. */
async function changed({
  before = BEFORE,
  after = AFTER,
  store = memory(),
  entries = 1,
  way = "gone",
}: {
  before?: object;
  after?: object;
  store?: Store;
  entries?: number;
  way?: "gone" | "closed";
} = {}): Promise<{ engine: Engine; slices: Slices; store: Store }> {
  const pushes = eventsAt(TIMES, { x: 2 });
  const first = await engineOf(before, pushes, { store });
  if (way === "closed") await first.close();
  const slices = new Slices(entries);
  return { engine: await openAt(slices, { plan: after, store }), slices, store };
}

async function fromTheStart(plan: object, more: readonly object[] = []): Promise<Engine> {
  return engineOf(plan, [...eventsAt(TIMES, { x: 2 }), ...more]);
}

const starts = (engine: Engine, query: string): (number | null)[] =>
  engine
    .view(query)
    .rows()
    .map(({ window }) => window.start);

describe("while it is rebuilt", () => {
  test.each(["gone", "closed"] as const)(
    "the former plan serves, also when it was %s",
    async (way) => {
      const { engine, slices } = await changed({ way });
      const shares: (number | null)[] = [];
      do {
        const { rebuild, position } = engine.stats();
        shares.push(rebuild);
        if (rebuild === 1) break;
        expect(position).toBe(7);
        expect(starts(engine, "q")).toEqual([0, 10, 20, 30]);
        expect(starts(engine, "new")).toEqual([]);
        expect(engine.late("new")).toEqual([]);
        expect(Object.keys(engine.stats().queries)).toEqual(["q", "kept"]);
      } while (await slices.one());
      // The swap is the last step.
      expect(shares).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((each) => each / 8));
      expect(starts(engine, "q")).toEqual([0, 20]);
      expect(shownBy(engine)).toEqual(shownBy(await fromTheStart(AFTER)));
      await engine.rebuilt();
    },
  );

  test("a key may be one of either plan", async () => {
    const [one] = BEFORE.queries;
    const after = { ...BEFORE, queries: [{ ...one!, name: "q", key: { x: "data.x" } }] };
    const { engine, slices } = await changed({ after });
    const asked = (key: object): number => engine.rows("q", { key: key as Key }).length;
    expect([asked({ x: 2 }), asked({})]).toEqual([0, 4]);
    expect(() => asked({ y: 2 })).toThrow(
      "has x, each a string, number, boolean or null: look at y.",
    );
    await slices.all();
    expect(asked({ x: 2 })).toBe(4);
  });

  test("takes entries by the former plan, and has them afterwards", async () => {
    const { engine, slices } = await changed();
    const more = eventsAt([33, 47], { x: 3 }, "more");
    for (const each of more) {
      await slices.one();
      expect(await engine.push(each)).toMatchObject({ accepted: 1 });
      expect(await engine.push(each)).toMatchObject({ duplicate: 1 });
    }
    expect(starts(engine, "q")).toEqual([0, 10, 20, 30, 40]);
    expect(engine.stats().rebuild).toBeLessThan(1);
    await slices.all();
    expect(shownBy(engine)).toEqual(shownBy(await fromTheStart(AFTER, more)));
    expect(await engine.stateHash()).toBe(await (await fromTheStart(AFTER, more)).stateHash());
  });

  test("a long push is replayed in pieces, and a log that is pushed to without end is caught up with", async () => {
    const store = memory();
    await engineOf(BEFORE, [eventsAt(Array.from({ length: 100 }, (_, index) => index))], { store });
    const slices = new Slices(7);
    const engine = await openAt(slices, { plan: AFTER, store });
    let count = 0;
    while (engine.stats().rebuild! < 1) {
      const events = eventsAt(
        Array.from({ length: 20 }, () => 100),
        {},
        `p${count++}-`,
      );
      await slices.until(engine.push(events));
      await slices.one();
    }
    expect(Math.max(...slices.pieces)).toBe(7);
    expect(slices.pieces.reduce((sum, piece) => sum + piece)).toBeGreaterThan(100 + 20 * 10);
    expect(engine.stats().position).toBe(100 + 20 * count);
  });

  test("a push of long lines is replayed a few lines at a time, and each counts for more", async () => {
    const store = memory();
    const note = "x".repeat(200 * 1024);
    const long = eventsAt([1, 2, 3, 4, 5, 6, 7], { note });
    const engine = await engineOf(BEFORE, [[...long, ...eventsAt([8, 9], {}, "short")]], { store });
    await engine.close();
    const slices = new Slices(1000);
    const rebuilt = await openAt(slices, { plan: AFTER, store });
    // Of what is encoded, and then of what is summed, a MiB is a step of its own.
    await slices.one();
    expect(slices.pieces).toEqual([1024, 1024]);
    await slices.one();
    const lines: number[] = [];
    const shares = (): number => Math.round(rebuilt.stats().rebuild! * 10);
    for (let before = 0; shares() < 10; await slices.one()) {
      lines.push(shares() - before);
      before = shares();
    }
    // Nine entries and the swap: three lines have more than 512 KiB.
    expect(lines).toEqual([3, 3, 3]);
    expect(slices.pieces.slice(2)).toEqual([600, 600, 200]);
    expect(shownBy(rebuilt)).toEqual(
      shownBy(await engineOf(AFTER, [...long, ...eventsAt([8, 9], {}, "short")])),
    );
  });

  test("flush is refused: it is no entry of the log", async () => {
    const { engine, slices } = await changed();
    await expect(engine.flush()).rejects.toThrow("flush after that");
    await slices.all();
    expect((await engine.flush()).length).toBeGreaterThan(0);
  });

  test("what only the new plan can answer waits for it", async () => {
    const { engine, slices } = await changed();
    const key = {};
    const window = { start: 10, end: 20 };
    const explained = engine.explain("new", key, window);
    const corrected = engine.reprocess("new", { from: 0, to: 30 });
    await settled();
    expect(engine.stats().rebuild).toBeLessThan(1);
    await slices.all();
    expect((await explained).events).toHaveLength(2);
    expect(await corrected).toEqual([]);
    expect(() => engine.view("nothing")).toThrow(
      expect.objectContaining({ code: "unknown_query" }),
    );
  });

  test("a reprocess becomes an entry that the new plan takes in its own way", async () => {
    const { engine, slices } = await changed();
    await engine.push(event("late", 2, { x: 5 }));
    const corrected = await slices.until(engine.reprocess("q", { from: 0, to: 10 }));
    expect(corrected).toMatchObject([
      { kind: "correction", window: { start: 0, end: 10 }, value: { n: 3 } },
    ]);
    await slices.all();
    expect(engine.view("q").rows()[0]).toMatchObject({
      window: { start: 0, end: 20 },
      value: { n: 5 },
    });
    const whole = await fromTheStart(AFTER, [event("late", 2, { x: 5 })]);
    await whole.reprocess("q", { from: 0, to: 10 });
    expect(shownBy(engine)).toEqual(shownBy(whole));
  });
});

test("what the host said is known after the swap: when it heard last, and what is held", async () => {
  const limited = (plan: object, quarantine: number): object => ({
    ...plan,
    limits: { quarantine },
  });
  const { engine, slices } = await changed({
    before: limited(BEFORE, 1),
    after: limited(AFTER, 2),
  });
  await engine.push(event("more", 33), { receivedAt: 1000 });
  // A duplicate moves no clock, and is a receipt.
  await engine.push(event("more", 33), { receivedAt: 5000 });
  const far = ["x", "y", "z"].map((id) => event(id, 9_000_000));
  const hold = (id: number) => engine.push(far[id]!, { receivedAt: 5000 });
  expect((await hold(0)).quarantined).toHaveLength(1);
  expect((await hold(1)).invalid).toMatchObject([{ code: "quarantine_full" }]);
  await slices.all();
  expect(engine.idleAt()).toBe(5000 + 30_000);
  expect((await hold(1)).quarantined).toHaveLength(1);
  expect((await hold(2)).invalid).toMatchObject([{ code: "quarantine_full" }]);
  expect(engine.quarantine()).toHaveLength(2);
});

describe("listeners", () => {
  test("hear the former plan, at the swap what is different, and then the new plan", async () => {
    const { engine, slices } = await changed();
    const heard: { readonly [query: string]: Change[] } = { q: [], new: [], kept: [] };
    for (const [query, changes] of Object.entries(heard)) {
      engine.subscribe(query, (told) => changes.push(...told));
    }
    const short = (query: string): string[] => {
      return heard[query]!.splice(0).map(({ kind, window, value, position }) => {
        return `${kind} ${window.start}-${window.end} ${JSON.stringify(value)} ${position}`;
      });
    };
    await engine.push(event("more", 32, { x: 2 }));
    expect(short("q")).toEqual([`update 30-40 {"n":2} 7`]);
    expect(short("kept")).toEqual([`update 30-45 {"n":2} 7`]);
    expect(short("new")).toEqual([]);
    await slices.all();
    // Of windows that end at one time the one that begins first is told first.
    expect(short("q")).toEqual([
      `retract 0-10 {"n":2} 7`,
      `final 0-20 {"n":4} 7`,
      `retract 10-20 {"n":2} 7`,
      `retract 20-30 {"n":2} 7`,
      `update 20-40 {"n":4} 7`,
      `retract 30-40 {"n":2} 7`,
    ]);
    expect(short("kept")).toEqual([]);
    expect(short("new").slice(2)).toEqual([`final 20-30 {"s":4} 7`, `update 30-40 {"s":4} 7`]);
    await engine.push(event("last", 33, { x: 2 }));
    expect(short("q")).toEqual([`update 20-40 {"n":5} 8`]);
    expect(short("kept")).toEqual([`update 30-45 {"n":3} 8`]);
  });

  test("that want finals only hear of those; with `none`, of nothing", async () => {
    const plan = (size: number): object => ({
      version: 1,
      queries: ["final", "none"].map((emit) =>
        queryOf({ name: emit, emit, window: tumbling(size, 0) }),
      ),
    });
    const { engine, slices } = await changed({ before: plan(10), after: plan(20) });
    const heard: Change[] = [];
    engine.listen((told) => heard.push(...told));
    await slices.all();
    expect(heard.map(({ query, kind, window }) => `${query} ${kind} ${window.start}`)).toEqual([
      "final retract 0",
      "final final 0",
      "final retract 10",
      "final retract 20",
    ]);
  });

  test("from a position hear the plan that they asked for, from there on", async () => {
    const { engine, slices } = await changed();
    const heard: { readonly [query: string]: number[] } = { q: [], new: [], kept: [] };
    for (const [query, positions] of Object.entries(heard)) {
      const listener = (told: readonly Change[]): void => {
        positions.push(
          ...told.filter(({ kind }) => kind === "update").map(({ position }) => position),
        );
      };
      engine.subscribe(query, listener, { from: 3 });
    }
    const stop = engine.subscribe("new", () => expect.unreachable(), { from: 0 });
    stop();
    // What both plans have alike need not wait.
    await expect.poll(() => heard).toEqual({ q: [], new: [], kept: [3, 4, 5, 6] });
    await engine.push(event("more", 32));
    await slices.all();
    await settled();
    await engine.push(event("last", 33));
    const all = [3, 4, 5, 6, 7, 8];
    await expect.poll(() => heard).toEqual({ q: all, new: all, kept: all });
  });

  test("of rows are told what becomes of the view, also where a revision stays", async () => {
    const aggregate = { n: { fn: "max", of: "data.x" } };
    const after = twoQueries(queryOf({ aggregate }));
    const { engine, slices } = await changed({ after });
    const deltas: { readonly [query: string]: RowDelta[] } = { q: [], kept: [] };
    for (const [query, told] of Object.entries(deltas))
      engine.onRows(query, (each) => told.push(each));
    await slices.all();
    // The others had two events of 2: the same row.
    const upserts = [{ window: { start: 30 }, value: { n: 2 }, revision: 1 }];
    const nothing = { upserts: [], removals: [], position: 7 };
    expect(deltas).toMatchObject({ q: [{ upserts, removals: [] }], kept: [nothing] });
  });
});

describe("entries stand as they were accepted", () => {
  const clock = { dedup: 10 };
  const before = planOf({}, { clock: { dedup: "1d" } });

  test("when the clock changes: `stats` says from where on it is another", async () => {
    const { engine, slices, store } = await changed({ before, after: planOf({}, { clock }) });
    // Too old by the new clock, and taken by the former one, which serves.
    expect(await engine.push(event("old", 0))).toMatchObject({ accepted: 1 });
    expect(engine.stats().judgedSince).toBe(0);
    await slices.all();
    expect(engine.stats()).toMatchObject({ position: 8, judgedSince: 8, rebuild: 1 });
    expect(engine.late("q")).toMatchObject([{ position: 7, lateMs: 31 }]);
    expect(await engine.push(event("older", 0))).toMatchObject({ accepted: 0, position: 8 });
    expect(engine.quarantine()).toMatchObject([{ code: "event_time_too_old" }]);
    await engine.push(event("later", 40));
    await engine.close();
    const again = await open({ plan: planOf({}, { clock }), store });
    expect(again.stats()).toMatchObject({ position: 9, judgedSince: 8 });
    await again.close();
    // Another question by the same clock is the same judge.
    const asked = planOf({ aggregate: SUM }, { clock });
    const third = await open({ plan: asked, store });
    await third.rebuilt();
    expect(third.stats()).toMatchObject({ position: 9, judgedSince: 8 });
  });

  test("when `delay` changes, windows close by the new one", async () => {
    const after = planOf({}, { clock: { delay: 5 } });
    const { engine, slices } = await changed({ before, after });
    await slices.all();
    expect(engine.stats()).toMatchObject({ clock: 26, judgedSince: 7 });
    expect(
      engine
        .view("q")
        .rows()
        .map((row) => row.final),
    ).toEqual([true, true, false, false]);
  });
});

describe("a log", () => {
  test("knows its plan without a snapshot of the state", async () => {
    const store = memory();
    await engineOf(BEFORE, [], { store });
    expect((await store.recover())!.snapshots).toMatchObject([{ position: 0 }]);
    const { engine, slices } = await changed();
    expect(engine.stats().rebuild).toBeLessThan(1);
    await slices.all();
  });

  test("without entries is the new plan's at once", async () => {
    const store = memory();
    await engineOf(BEFORE, [], { store });
    const engine = await openAt(new Slices(1), { plan: AFTER, store });
    expect(engine.stats().rebuild).toBeNull();
    await engine.push(event("a", 1));
    const back = await openAt(new Slices(1), { plan: AFTER, store });
    expect(back.stats().rebuild).toBeNull();
    expect(shownBy(back)).toEqual(shownBy(engine));
  });

  test("of a plan that this build would refuse, or that nobody knows, is replayed at once", async () => {
    const { store } = await changed();
    for (const snapshots of [[], [{ position: 7, bytes: new Uint8Array(80) }]]) {
      const copy = {
        ...methodsOf(store),
        recover: async () => ({ ...(await store.recover())!, snapshots }),
      };
      const engine = await openAt(new Slices(1), { plan: AFTER, store: copy });
      expect(engine.stats().rebuild).toBeNull();
      expect(shownBy(engine)).toEqual(shownBy(await fromTheStart(AFTER)));
    }
  });

  test("is rebuilt from a snapshot of the new plan where it has one", async () => {
    const { engine, slices, store } = await changed();
    await slices.all();
    const more = eventsAt([41, 42], {}, "more");
    await engine.push(more);
    // Back to the former plan, which leaves its own snapshot where it takes over.
    await (await open({ plan: BEFORE, store })).rebuilt();
    const again = new Slices(1);
    const back = await openAt(again, { plan: AFTER, store });
    await again.all();
    expect(again.pieces).toEqual([1, 1]);
    expect(shownBy(back)).toEqual(shownBy(await fromTheStart(AFTER, more)));
  });

  test("that was trimmed is rebuilt from what it keeps, and its queries say since when", async () => {
    const store = memory();
    const former = await engineOf(BEFORE, eventsAt(TIMES, { x: 2 }), { store });
    await former.close();
    await store.trim(3);
    const slices = new Slices(1);
    const engine = await openAt(slices, { plan: AFTER, store });
    await slices.all();
    expect(slices.pieces).toEqual([1, 1, 1, 1]);
    const since = { since: 3 };
    expect(engine.stats()).toMatchObject({ position: 7, queries: { q: since, new: since } });
    const rows = engine.view("q").rows();
    expect(rows).toMatchObject([{ value: { n: 1 } }, { value: { n: 3 } }]);
    await engine.push(event("more", 32));
    expect(engine.view("q").rows()[1]).toMatchObject({ value: { n: 4 } });
    await engine.close();
    const again = await open({ plan: AFTER, store });
    expect(again.stats()).toMatchObject({ position: 8, queries: { q: since, kept: since } });
    expect(shownBy(again)).toEqual(shownBy(engine));
  });

  test("that was trimmed has its reprocesses computed from what it keeps", async () => {
    const store = memory();
    const former = await engineOf(BEFORE, eventsAt(TIMES), { store });
    const kept = [...eventsAt(TIMES).slice(3), event("late", 16)];
    const range = { from: 0, to: 30 };
    await former.push(kept.at(-1)!);
    expect(await former.reprocess("kept", range)).toHaveLength(1);
    await former.push(event("more", 32));
    await former.close();
    await store.trim(3);
    const engine = await open({ plan: AFTER, store });
    await engine.rebuilt();
    expect(engine.stats()).toMatchObject({ rebuild: 1, rebuildFault: null, position: 10 });
    const fresh = await engineOf(AFTER, kept);
    expect(await fresh.reprocess("kept", range)).toMatchObject([{ value: { n: 3 } }]);
    await fresh.push(event("more", 32));
    for (const name of ["q", "new", "kept"]) {
      expect(engine.view(name).rows()).toEqual(fresh.view(name).rows());
    }
  });

  test("closed in the midst is the former plan's, and begins anew", async () => {
    const { engine, slices, store } = await changed();
    await slices.one();
    const closed = engine.close();
    await slices.until(closed);
    await expect(engine.rebuilt()).rejects.toMatchObject({ code: "engine_closed" });
    const former = await open({ plan: BEFORE, store, hashKey: HASH_KEY });
    expect(former.stats().rebuild).toBeNull();
    expect(shownBy(former)).toEqual(shownBy(await fromTheStart(BEFORE)));
    await former.close();
    const next = await open({ plan: AFTER, store });
    await next.rebuilt();
    expect(shownBy(next)).toEqual(shownBy(await fromTheStart(AFTER)));
  });
});

describe("a rebuild that cannot end", () => {
  test("leaves the former plan to serve, and says why", async () => {
    const store = memory();
    const long = (index: number): string => `${index}`.padEnd(60_000, "x");
    const events = Array.from({ length: 60 }, (_, index) =>
      event(`e${index}`, 1, { x: long(index) }),
    );
    const former = await engineOf(planOf(), [], { store });
    for (const each of events) await former.push(each);
    await former.close();
    const after = planOf({ aggregate: { t: { fn: "top", of: "data.x", k: 3 } } });
    const slices = new Slices(1);
    const engine = await openAt(slices, { plan: after, store, memoryPagesMax: 64 });
    await slices.all();
    expect(engine.stats()).toMatchObject({ rebuild: null, rebuildFault: "state_full" });
    await expect(engine.rebuilt()).rejects.toMatchObject({ code: "state_full" });
    expect(engine.view("q").rows()).toMatchObject([{ value: { n: 60 } }]);
    expect(await engine.push(event("more", 2))).toMatchObject({ accepted: 1 });
    await engine.close();
  });
});

function methodsOf(store: Store): Store {
  return {
    storage: store.storage,
    recover: () => store.recover(),
    create: (header) => store.create(header),
    append: (write) => store.append(write),
    hasLanded: (write) => store.hasLanded(write),
    trim: (to) => store.trim(to),
    read: (from, limitBytes) => store.read(from, limitBytes),
    saveSnapshot: (snapshot) => store.saveSnapshot(snapshot),
    close: () => store.close(),
  };
}
