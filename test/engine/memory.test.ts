// Memory: a push that does not fit is refused whole before the append; and the regions of the core
// keep what they hold while they grow and move.

import { describe, expect, test } from "vitest";
import { memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import { randomOf } from "../event/random.ts";
import { engineOf, event, planOf, tumbling, type SentEvent } from "../builders.ts";

const KEYED = planOf({
  window: tumbling(1000, 1000),
  key: { k: "data.k" },
  aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.x" } },
});

const wide = (count: number, prefix: string, keyBytes = 40): SentEvent[] =>
  Array.from({ length: count }, (_, i) =>
    event(`${prefix}${i}`, i % 1000, { k: `${prefix}${i}`.padEnd(keyBytes, "k"), x: i / 8 }),
  );

const seenOf = async (engine: Engine): Promise<object> => ({
  hash: await engine.stateHash(),
  stats: engine.stats(),
  rows: engine.view("q").rows(),
});

/** A memory store that counts what is appended. */
function countingStore(): Store & { appends: number } {
  const inner = memory();
  const store = {
    appends: 0,
    storage: "memory" as const,
    recover: inner.recover.bind(inner),
    create: inner.create.bind(inner),
    append: (write: Parameters<Store["append"]>[0]) => {
      store.appends++;
      return inner.append(write);
    },
    read: inner.read.bind(inner),
    hasLanded: inner.hasLanded.bind(inner),
    trim: inner.trim.bind(inner),
    saveSnapshot: inner.saveSnapshot.bind(inner),
    close: inner.close.bind(inner),
  };
  return store;
}

describe("in a small memory", () => {
  test("a push that does not fit is refused before the append, and changes nothing", async () => {
    for (const memoryPagesMax of [24, 40]) {
      const store = countingStore();
      const engine = await engineOf(KEYED, [wide(50, "a")], { store, memoryPagesMax });
      const heard: Change[] = [];
      engine.listen((changes) => heard.push(...changes));
      const before = await seenOf(engine);
      const { appends } = store;
      for (const push of [wide(20_000, "b"), wide(20, "c", 200_000), "x".repeat(4_000_000)]) {
        await expect(engine.push(push)).rejects.toMatchObject({ code: "state_full" });
        expect(await seenOf(engine)).toEqual(before);
        expect(store.appends).toBe(appends);
        expect(heard).toEqual([]);
      }
      // Smaller ones go on as if nothing had been.
      expect(await engine.push(wide(50, "d"))).toMatchObject({ accepted: 50 });
      const calm = await engineOf(KEYED, [wide(50, "a"), wide(50, "d")]);
      expect((await seenOf(engine)) as object).toMatchObject({
        hash: await calm.stateHash(),
        rows: calm.view("q").rows(),
      });
    }
  });

  test("pushes go in until it is full, then each is refused, and all that went in is there", async () => {
    const store = memory();
    const engine = await engineOf(KEYED, [], { store, memoryPagesMax: 40 });
    let accepted = 0;
    let refused = 0;
    for (let push = 0; push < 60; push++) {
      const result = await engine.push(wide(200, `p${push}-`)).catch((fault: unknown) => fault);
      if (result instanceof Error) {
        expect(result).toMatchObject({ code: "state_full" });
        refused++;
      } else accepted += 200;
      expect(engine.stats()).toMatchObject({ position: accepted, received: accepted });
    }
    expect(refused).toBeGreaterThan(5);
    expect(accepted).toBeGreaterThan(1000);
    // Time frees it: the windows close, and their rows leave.
    const full = await engine.stateHash();
    const again = await engineOf(KEYED, [], { store, memoryPagesMax: 64 });
    expect(await again.stateHash()).toBe(full);
    expect(again.view("q").rows()).toHaveLength(accepted);
    await engine.tick(2000 + 86_400_000);
    expect(engine.stats().queries["q"]).toMatchObject({ rows: 0, open: 0 });
  });

  test("an engine that time has emptied takes again what it took when it was new", async () => {
    const engine = await engineOf(KEYED, [], { memoryPagesMax: 40 });
    while (await engine.push(wide(200, `p${engine.stats().position}-`)).catch(() => null));
    await engine.tick(2000 + 86_400_000);
    expect(engine.stats().queries["q"]).toMatchObject({ rows: 0, open: 0 });
    const later = { eventTime: "1970-01-03T00:00:00Z" };
    const events = wide(200, "later").map((each) => ({ ...each, ...later }));
    expect(await engine.push(events)).toMatchObject({ accepted: 200 });
  });

  test("a duplicate or refused line needs no room in the state", async () => {
    const engine = await engineOf(KEYED, [], { memoryPagesMax: 40 });
    const pushes: SentEvent[][] = [];
    for (let push = 0; ; push++) {
      const events = wide(100, `p${push}-`);
      const result = await engine.push(events).catch(() => null);
      if (result === null) break;
      pushes.push(events);
    }
    for (const events of pushes)
      expect(await engine.push(events)).toMatchObject({ duplicate: 100 });
    expect(await engine.push("{}\n".repeat(50))).toMatchObject({
      accepted: 0,
      position: pushes.length * 100,
    });
  });
});

describe("regions", () => {
  test("move under growth and keep what they hold, as a map says", async () => {
    const random = randomOf(77);
    const engine = await engineOf(
      planOf({
        window: tumbling(100, 300),
        key: { k: "data.k", l: "data.l" },
        aggregate: {
          n: { fn: "count" },
          sum: { fn: "sum", of: "data.x" },
          max: { fn: "max", of: "data.x" },
        },
        retain: 500,
      }),
    );
    const told = new Map<string, Change>();
    engine.listen((changes) => {
      for (const change of changes)
        told.set(`${change.window.start} ${JSON.stringify(change.key)}`, change);
    });
    const expected = new Map<string, { n: number; sum: number; max: number }>();
    let id = 0;
    for (let push = 0; push < 60; push++) {
      // From a line to thousands, so that each region has its turn to grow.
      const count = push % 7 === 0 ? 2500 : random.below(60);
      const events = Array.from({ length: count }, () => {
        const time = push * 30 + random.below(100);
        const key = { k: random.below(push * 40 + 1), l: "l".repeat(random.below(50)) };
        const x = random.below(1000);
        const name = `${Math.floor(time / 100) * 100} ${JSON.stringify(key)}`;
        const known = expected.get(name) ?? { n: 0, sum: 0, max: 0 };
        expected.set(name, { n: known.n + 1, sum: known.sum + x, max: Math.max(known.max, x) });
        return event(`e${id++}`, time, { ...key, x });
      });
      await engine.push(events);
    }
    expect(engine.stats().queries["q"]).toMatchObject({ late: 0, applied: id });
    expect(told.size).toBe(expected.size);
    const wrong = [...expected].filter(([name, value]) => {
      const change = told.get(name);
      return JSON.stringify(change?.value) !== JSON.stringify(value);
    });
    expect(wrong).toEqual([]);
    const clock = engine.stats().clock!;
    for (const { window, key, value, final, revision } of engine.view("q").rows()) {
      const name = `${window.start} ${JSON.stringify(key)}`;
      expect([name, value, final]).toEqual([name, expected.get(name), clock >= window.end! + 300]);
      expect([name, revision]).toEqual([name, (value["n"] as number) + (final ? 1 : 0)]);
    }
  });

  test("what is freed is used again: a steady feed does not grow the state", async () => {
    const engine = await engineOf(
      planOf(
        { window: tumbling(100, 0), key: { k: "data.k" }, retain: 100 },
        { clock: { dedup: 200 } },
      ),
    );
    const sizes: number[] = [];
    for (let push = 0; push < 40; push++) {
      await engine.push(
        wide(500, `p${push}-`).map((each, i) => ({
          ...each,
          eventTime: new Date(push * 100 + (i % 100)).toISOString(),
        })),
      );
      sizes.push(engine.stats().stateBytes);
    }
    expect(sizes.at(-1)).toBe(sizes[10]);
  });
});

test("a replay makes room for what its entries close, as their push did", async () => {
  const store = memory();
  const plan = planOf({
    key: { k: "data.k" },
    window: { kind: "hopping", size: 100, every: 5, grace: 0 },
    aggregate: { l: { fn: "last", of: "data.s" } },
  });
  const engine = await engineOf(plan, [], { store });
  const s = "s".repeat(300);
  await engine.push([event("a", 0, { k: 0, s })]);
  const events = Array.from({ length: 1000 }, (_, k) => event(`e${k}`, 1, { k, s }));
  await engine.push(events);
  await engine.push([event("z", 500, { k: 0, s })]);
  const again = await engineOf(plan, [], { store });
  expect(again.view("q").rows()).toHaveLength(20_020);
  expect(await again.stateHash()).toBe(await engine.stateHash());
});
