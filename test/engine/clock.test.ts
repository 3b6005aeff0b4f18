// The clock: what moves it, how far, and what happens on its way.

import { describe, expect, test } from "vitest";
import { memory, type Change } from "../../engine/index.ts";
import { engineOf, event, eventsAt, planOf, queryOf, tumbling } from "../builders.ts";

const clockAfter = async (
  times: readonly number[],
  clock = {},
  receivedAt?: readonly (number | null)[],
): Promise<number | null> => {
  const engine = await engineOf(planOf({}, { clock }));
  await engine.push(eventsAt(times), receivedAt === undefined ? {} : { receivedAt });
  return engine.stats().clock;
};

describe("the clock", () => {
  test("is null before the first event or tick", async () => {
    const engine = await engineOf(planOf());
    expect(engine.stats()).toMatchObject({ clock: null, dedupHorizon: null, position: 0 });
    await engine.push("{}\n");
    expect(engine.stats().clock).toBeNull();
  });

  test("stands at the latest event, and never goes back", async () => {
    expect(await clockAfter([5])).toBe(5);
    expect(await clockAfter([5, 3, 9, 8])).toBe(9);
    expect(await clockAfter([-5, -9])).toBe(-5);
  });

  test("stays behind by delay", async () => {
    expect(await clockAfter([100], { delay: "30ms" })).toBe(70);
    expect(await clockAfter([10], { delay: 30 })).toBe(-20);
  });

  test("is max(T, min(eventTime, receivedAt) - delay)", async () => {
    const clock = { delay: 10, maxAhead: "1h" };
    expect(await clockAfter([1000], clock, [900])).toBe(890);
    expect(await clockAfter([1000], clock, [1100])).toBe(990);
    expect(await clockAfter([1000], clock, [null])).toBe(990);
    expect(await clockAfter([1000, 2000, 500], clock, [900, 950, 5000])).toBe(940);
  });

  test("is moved by events that no query takes, and by those that are filtered", async () => {
    const plan = planOf({ from: ["wanted"], where: ["==", ["get", "data.x"], 1] });
    const engine = await engineOf(plan, [event("a", 5, {}, { eventType: "other" })]);
    expect(engine.stats().clock).toBe(5);
    await engine.push(event("b", 7, { x: 2 }, { eventType: "wanted" }));
    expect(engine.stats()).toMatchObject({ clock: 7, queries: { q: { applied: 0, open: 0 } } });
  });

  test("is not moved by duplicates, refused or held lines", async () => {
    const engine = await engineOf(planOf({}, { clock: { maxAhead: 10 } }), [event("a", 5)]);
    const receipt = await engine.push(
      [event("a", 5), event("a", 900), { ...event("b", 900), data: 1 }, event("c", 900)],
      { receivedAt: 800 },
    );
    expect(receipt).toMatchObject({ accepted: 0, duplicate: 1 });
    expect(engine.stats()).toMatchObject({ clock: 5, position: 1 });
  });
});

describe("a tick", () => {
  test("moves the clock to its instant less delay, before the first event too", async () => {
    const engine = await engineOf(planOf({}, { clock: { delay: 10 } }));
    await engine.tick(100);
    expect(engine.stats()).toMatchObject({ clock: 90, position: 1, received: 0, accepted: 0 });
    await engine.tick(50);
    expect(engine.stats()).toMatchObject({ clock: 90, position: 2 });
    const receipt = await engine.push([event("a", 80), event("b", 79)]);
    expect(receipt).toMatchObject({ accepted: 2, position: 4 });
    // [80, 90) and [70, 80) were over when they came.
    expect(engine.stats().queries["q"]).toMatchObject({ applied: 0, late: 2 });
    expect(engine.late("q").map(({ lateMs }) => lateMs)).toEqual([10, 11]);
  });

  test("closes windows at exactly end + grace, and not 1 ms earlier", async () => {
    const engine = await engineOf(planOf({ window: tumbling(10, 5) }), [event("a", 0)]);
    await engine.tick(14);
    expect(engine.stats().queries["q"]).toMatchObject({ open: 1 });
    await engine.tick(15);
    expect(engine.stats().queries["q"]).toMatchObject({ open: 0, rows: 1 });
  });

  test("is a whole number of ms", async () => {
    const engine = await engineOf(planOf());
    for (const wrong of [1.5, NaN, Infinity, 2 ** 53]) {
      await expect(engine.tick(wrong)).rejects.toMatchObject({ code: "bad_time" });
    }
    await engine.tick(-0);
    await engine.tick(2 ** 53 - 1);
    expect(engine.stats()).toMatchObject({ clock: 2 ** 53 - 1, position: 2 });
  });

  test("stands among the lines of a push where ticks are asked for", async () => {
    const lines = [
      event("a", 0),
      { tick: 10 },
      event("b", 5),
      { tick: "10" },
      { tick: 1, more: 1 },
    ];
    const text = lines.map((line) => JSON.stringify(line)).join("\n");
    const engine = await engineOf(planOf());
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes));
    const receipt = await engine.push(`${text}\n { "tick" : 20 } `, { ticks: true });
    expect(receipt).toMatchObject({ received: 4, accepted: 2, position: 4 });
    expect(receipt.invalid.map(({ index, code }) => [index, code])).toEqual([
      [3, "missing_field"],
      [4, "missing_field"],
    ]);
    expect(engine.stats()).toMatchObject({ clock: 20 });
    expect(heard.map(({ kind, position }) => [kind, position])).toEqual([["final", 1]]);
    const plain = await engineOf(planOf());
    const refused = await plain.push('{"tick":10}');
    expect(refused).toMatchObject({ received: 1, accepted: 0, position: 0 });
  });

  test("is an entry of the log, that a reopened engine takes again", async () => {
    const store = memory();
    const engine = await engineOf(planOf(), [event("a", 0)], { store });
    await engine.tick(12);
    const hash = await engine.stateHash();
    const again = await engineOf(planOf(), [], { store });
    expect(await again.stateHash()).toBe(hash);
    expect(again.view("q").rows()).toMatchObject([{ final: true }]);
  });
});

describe("on its way the clock passes through its timers", () => {
  const window = tumbling(10, 5);

  test("a row leaves the view at exactly end + grace + retain", async () => {
    const engine = await engineOf(planOf({ window, retain: "100ms" }), [event("a", 0)]);
    await engine.tick(114);
    expect(engine.view("q").rows()).toHaveLength(1);
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes));
    await engine.tick(115);
    expect(engine.view("q").rows()).toEqual([]);
    expect(engine.stats().queries["q"]).toMatchObject({ rows: 0, open: 0, applied: 1 });
    expect(heard).toEqual([]);
  });

  test('with retain "0s" a final is told, and its row gone at once', async () => {
    const engine = await engineOf(planOf({ window, retain: "0s" }), [event("a", 0)]);
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes));
    await engine.tick(15);
    expect(heard).toMatchObject([{ kind: "final", value: { n: 1 } }]);
    expect(engine.view("q").rows()).toEqual([]);
  });

  test("rows are kept for a day where the plan says nothing", async () => {
    const engine = await engineOf(planOf({ window }), [event("a", 0)]);
    await engine.tick(15 + 86_400_000 - 1);
    expect(engine.view("q").rows()).toHaveLength(1);
    await engine.tick(15 + 86_400_000);
    expect(engine.view("q").rows()).toHaveLength(0);
  });

  test("a jump over closing and leaving tells every final, and leaves no row behind", async () => {
    const engine = await engineOf(planOf({ window, retain: 3, key: { k: "data.k" } }));
    const heard: Change[] = [];
    engine.listen((changes) => heard.push(...changes));
    const events = Array.from({ length: 300 }, (_, index) =>
      event(`e${index}`, (index * 7919) % 1000, { k: index % 11 }),
    );
    await engine.push(events.toSorted((a, b) => a.eventTime.localeCompare(b.eventTime)));
    const early = heard.length;
    await engine.push(event("far", Date.parse("9999-12-31T23:59:59.999Z"), { k: 0 }));
    expect(heard.length).toBeGreaterThan(early);
    const counts = new Map<string, number>();
    for (const { eventTime, data } of events) {
      const start = Math.floor(Date.parse(eventTime) / 10) * 10;
      counts.set(
        `${start} ${String(data["k"])}`,
        (counts.get(`${start} ${String(data["k"])}`) ?? 0) + 1,
      );
    }
    const finals = heard.filter(({ kind }) => kind === "final");
    const told = finals.map(({ window: { start }, key, value }) => [
      `${start} ${String(key["k"])}`,
      value["n"],
    ]);
    expect(new Map(told as [string, number][])).toEqual(counts);
    expect(told).toHaveLength(counts.size);
    expect(engine.view("q").rows()).toHaveLength(1);
  });

  test("windows of several queries close each at their own instant, whatever the order", async () => {
    const sizes = [7, 10, 3];
    const queries = sizes.map((size, index) =>
      queryOf({ name: `q${index}`, window: tumbling(size, index * 4), retain: 5 }),
    );
    const engine = await engineOf({ version: 1, queries }, [eventsAt([0, 1, 2])]);
    for (let t = 3; t < 40; t++) {
      await engine.tick(t);
      const { queries: stats } = engine.stats();
      for (const [index, size] of sizes.entries()) {
        const closes = size + index * 4;
        const open = t < closes ? 1 : 0;
        const rows = t < closes + 5 ? 1 : 0;
        expect([t, index, stats[`q${index}`]]).toMatchObject([t, index, { open, rows }]);
      }
    }
  });
});

test("a session that grew closes where it ends by now, whatever else comes due before", async () => {
  const lookup = { table: "t", on: "data.k", as: "found" };
  const window = { kind: "session", gap: 100, grace: 200 };
  const query = queryOf({ key: { k: "data.k" }, with: [lookup], wait: 150, window });
  const tables = { t: { from: ["fed"], key: "data.k" } };
  for (const passAll of [false, true]) {
    const engine = await engineOf({ ...planOf(), tables, queries: [query] });
    // Of key 1 the first two are taken by 250, so that it closes at 391, no more at 301; the third
    // is taken at 330. Of key 2 one is taken at 290, before all that.
    const times = [0, 90, 180].map((timeMs, index) => event(`e${index}`, timeMs, { k: 1 }));
    await engine.push([...times, event("f", 140, { k: 2 })]);
    await engine.tick(250);
    if (passAll) await engine.flush();
    else await engine.tick(1000);
    const rows = engine.view("q").rows();
    expect(rows.map(({ key, window: { start, end }, value }) => [key, start, end, value])).toEqual([
      [{ k: 2 }, 140, 240, { n: 1 }],
      [{ k: 1 }, 0, 280, { n: 3 }],
    ]);
    expect(engine.stats().queries["q"]).toMatchObject({ late: 0, open: 0 });
  }
});
