// Time passing with no events (semantics.md): when the host's timer stands, and what its tick passes.

import { describe, expect, test } from "vitest";
import { memory, open, type Change } from "../../engine/index.ts";
import { randomOf } from "../event/random.ts";
import { engineOf, event, planOf, queryOf, tumbling } from "../builders.ts";

const EIGHT = Date.UTC(2024, 2, 15, 20);
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** Where a log's ticks stand, as its lines. */
async function ticksOf(engine: { log(): AsyncIterable<string> }): Promise<number[]> {
  const ticks: number[] = [];
  for await (const chunk of engine.log()) {
    for (const [, ms] of chunk.matchAll(/^\{"tick":(-?\d+)\}$/gm)) ticks.push(Number(ms));
  }
  return ticks;
}

describe("a tick in silence", () => {
  test("passes min(now, E + delay + (now - A)) - idle, as in the example", async () => {
    const engine = await engineOf(planOf({ window: tumbling(MINUTE_MS, 0) }));
    await engine.push(event("a", EIGHT), { receivedAt: EIGHT + 2 * SECOND_MS });
    expect(await engine.tickIdle(EIGHT + 5 * MINUTE_MS)).toBe(true);
    expect(await ticksOf(engine)).toEqual([EIGHT + 4 * MINUTE_MS + 28 * SECOND_MS]);
    expect(engine.stats().clock).toBe(EIGHT + 4 * MINUTE_MS + 28 * SECOND_MS);
  });

  test("never runs ahead of the wall, whatever a fast source says", async () => {
    const engine = await engineOf(planOf({ window: tumbling(1000, 0) }));
    // The event is a second ahead of its receipt: the clock takes the receipt.
    await engine.push(event("a", EIGHT + 1000), { receivedAt: EIGHT });
    await engine.tickIdle(EIGHT + MINUTE_MS);
    expect(await ticksOf(engine)).toEqual([EIGHT + 30 * SECOND_MS]);
  });

  test("runs on in last year where last year is played today", async () => {
    const today = Date.UTC(2026, 0, 1);
    const engine = await engineOf(planOf({ window: tumbling(MINUTE_MS, 0) }));
    await engine.push(event("a", EIGHT), { receivedAt: today });
    await engine.tickIdle(today + 2 * MINUTE_MS);
    expect(await ticksOf(engine)).toEqual([EIGHT + 90 * SECOND_MS]);
  });

  test("comes again from where the feed stood, not from the last tick", async () => {
    const query = { window: tumbling(MINUTE_MS, 0), retain: "1ms" };
    const engine = await engineOf(planOf(query));
    await engine.push([event("a", EIGHT), event("b", EIGHT - 30 * MINUTE_MS)], {
      receivedAt: EIGHT,
    });
    await engine.push(event("c", EIGHT + MINUTE_MS), { receivedAt: EIGHT + MINUTE_MS });
    const at = engine.idleAt()!;
    expect(await engine.tickIdle(at + 5)).toBe(true);
    expect(engine.stats().clock).toBe(at + 5 - 30 * SECOND_MS);
  });
});

describe("the host's timer", () => {
  const idleAt = async (
    query: object,
    clock: object,
    timeMs: number,
    receivedAt?: number,
  ): Promise<number | null> => {
    const engine = await engineOf(planOf({ ...query }, { clock: { ...clock } }));
    const options = receivedAt === undefined ? {} : { receivedAt };
    await engine.push(event("a", timeMs), options);
    return engine.idleAt();
  };
  const window = tumbling(100, 20);

  test("stands at D + delay and idle, of a source in step with the wall", async () => {
    expect(await idleAt({ window }, { delay: 50, idle: 7 }, 0, 0)).toBe(120 + 50 + 7);
  });

  test("stands at A + D - E and idle, of a source that is slow", async () => {
    expect(await idleAt({ window }, { idle: 7 }, 30, 1030)).toBe(1030 + (120 - 30) + 7);
    expect(await idleAt({ window }, { idle: 7, delay: 9 }, 30, 1030)).toBe(1030 + 120 - 21 + 7);
  });

  test("waits for what came last, though it moved no clock", async () => {
    const engine = await engineOf(planOf({ window }, { clock: { idle: 7, delay: 0 } }));
    await engine.push(event("a", 0), { receivedAt: 0 });
    await engine.push(event("a", 0), { receivedAt: 500 });
    expect(engine.idleAt()).toBe(507);
  });

  test.each([
    ["a window", { window }, 120],
    ["a session, one more", { window: { kind: "session", gap: 100, grace: 20 } }, 121],
    ["a hopping window", { window: { kind: "hopping", size: 100, every: 50, grace: 0 } }, 50],
  ])("knows when the thing happens: %s", async (_, query, due) => {
    expect(await idleAt(query, { idle: 0 }, 0, 0)).toBe(due);
  });

  test("knows of events that wait, of facts, and of spans that expire, one more", async () => {
    const lookup = { table: "t", on: "data.k", as: "found" };
    const waiting = queryOf({ with: [lookup], wait: 10, window: tumbling(1000, 10) });
    const tables = { t: { from: ["fed"], key: "data.k" } };
    const plan = { ...planOf({}, { clock: { idle: 0 } }), tables, queries: [waiting] };
    const engine = await engineOf(plan);
    await engine.push(event("a", 0), { receivedAt: 0 });
    expect(engine.idleAt()).toBe(10);

    const span = { from: ["tested"], to: ["ended"], on: "data.k", within: 100, wait: 5 };
    const { from: _, ...spans } = queryOf({ span, window: tumbling(1000, 5) });
    const other = await engineOf({ ...planOf({}, { clock: { idle: 0 } }), queries: [spans] });
    await other.push(event("a", 0, { k: 1 }), { receivedAt: 0 });
    expect(other.idleAt()).toBe(5);
    await other.tickIdle(5);
    expect(other.stats().queries["q"]).toMatchObject({ waiting: 0, open: 0 });
    expect(other.idleAt()).toBe(100 + 5 + 1);
    expect(await other.tickIdle(105)).toBe(false);
    expect(await other.tickIdle(106)).toBe(true);
    expect(other.stats().queries["q"]).toMatchObject({ open: 1 });
  });

  test("is none where nothing is due: rows that only leave the view wake nobody", async () => {
    const engine = await engineOf(planOf({ window, retain: "1h" }, { clock: { idle: 0 } }));
    expect(engine.idleAt()).toBeNull();
    await engine.push(event("a", 0), { receivedAt: 0 });
    expect(await engine.tickIdle(120)).toBe(true);
    expect(engine.stats().queries["q"]).toMatchObject({ open: 0, rows: 1 });
    expect(engine.idleAt()).toBeNull();
    expect(await engine.tickIdle(1e12)).toBe(false);
  });

  test("is none without a receive time, for a global window, and where idle is never", async () => {
    expect(await idleAt({ window }, {}, 0)).toBeNull();
    expect(await idleAt({ window: { kind: "global" } }, {}, 0, 0)).toBeNull();
    expect(await idleAt({ window }, { idle: "never" }, 0, 0)).toBeNull();
  });

  test("stands at the first end of sessions that grow, among rows that leave the view", async () => {
    const random = randomOf(3);
    const window = { kind: "session", gap: 20, grace: 5 };
    const query = { key: { k: "data.k" }, window, retain: 15 };
    const engine = await engineOf(planOf(query, { clock: { idle: 0, dedup: 40 } }));
    for (let step = 0, timeMs = 0; step < 600; step++) {
      timeMs += random.pick([0, 1, 1, 2, 9]);
      const events = Array.from({ length: 1 + random.below(3) }, (_, index) => {
        return event(`${step}/${index}`, timeMs - (index && random.below(4)), {
          k: random.below(6),
        });
      });
      await engine.push(events, { receivedAt: timeMs });
      const open = engine
        .view("q")
        .rows()
        .filter(({ final }) => !final);
      const ends = open.map((row) => row.window.end!);
      expect(engine.idleAt(), `step ${step}`).toBe(Math.max(timeMs, Math.min(...ends) + 6));
    }
  });

  test("is known again after a restart", async () => {
    const store = memory();
    const plan = planOf({ window }, { clock: { idle: 7, delay: 50 } });
    const engine = await open({ plan, store });
    await engine.push(event("a", 0), { receivedAt: 0 });
    await engine.close();
    expect((await open({ plan, store })).idleAt()).toBe(177);
  });
});

test("a timer that fires finds something to do, and one ms earlier nothing", async () => {
  const seed = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  const random = randomOf(seed);
  for (let run = 0; run < 60; run++) {
    const clock = { idle: random.pick([0, 7, 30_000]), delay: random.pick([0, 13, 5000]) };
    const queries = [
      queryOf({ name: "a", window: tumbling(random.pick([1, 100, 7000]), random.pick([0, 50])) }),
      queryOf({ name: "b", window: { kind: "session", gap: random.pick([1, 900]), grace: 3 } }),
      queryOf({ name: "c", window: { kind: "hopping", size: 150, every: 100, grace: 0 } }),
    ];
    const engine = await engineOf({ ...planOf({}, { clock }), queries });
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes.filter(({ kind }) => kind === "final")));
    let wall = EIGHT;
    for (let step = 0; step < 12; step++) {
      wall += random.below(4000);
      const events = Array.from({ length: 1 + random.below(3) }, (_, at) =>
        event(`${step}-${at}`, wall - random.below(30_000) + random.below(3000)),
      );
      await engine.push(events, { receivedAt: wall });
    }
    for (let at = engine.idleAt(); at !== null; at = engine.idleAt()) {
      const told = heard.length;
      const context = `MILLRACE_SEED=${seed}, run ${run}, timer at ${at}`;
      expect(await engine.tickIdle(at - 1), context).toBe(false);
      expect(await engine.tickIdle(at), context).toBe(true);
      expect(heard.length, context).toBeGreaterThan(told);
    }
    for (const name of ["a", "b", "c"]) expect(engine.stats().queries[name]!.open).toBe(0);
  }
});
