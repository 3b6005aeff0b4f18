// Subscriptions: who hears of changes, from when, and what becomes of one that throws or is stopped.

import { describe, expect, test } from "vitest";
import { memory, type Change, type Engine } from "../../engine/index.ts";
import { randomOf, seeded } from "../event/random.ts";
import {
  engineOf,
  event,
  eventsAt,
  listen,
  planOf,
  queryOf,
  tumbling,
  type SentEvent,
} from "../builders.ts";

/** Node tells of rejections that nobody caught at the end of a turn: this is in the next one. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How long to wait for the past to be caught up with. */
const POLL = { timeout: 20_000, interval: 2 };

const TWO = {
  version: 1,
  queries: [
    queryOf({ name: "a", key: { k: "data.k" }, window: tumbling(10, 5) }),
    queryOf({ name: "b", window: tumbling(7, 9) }),
  ],
};

const feed = (count: number, seed: number): SentEvent[] => {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, i) =>
    event(`e${i}`, i + random.below(12), { k: random.below(3) }),
  );
};

async function pushIn(engine: Engine, events: readonly SentEvent[], size: number): Promise<void> {
  for (let at = 0; at < events.length; at += size) await engine.push(events.slice(at, at + size));
}

test("a subscription hears its own query only, until it is stopped", async () => {
  const engine = await engineOf(TWO);
  const heard: Change[] = [];
  const stop = engine.subscribe("b", (changes) => heard.push(...changes));
  const all = listen(engine);
  await pushIn(engine, feed(20, 1), 4);
  expect(heard).toEqual(all.filter(({ query }) => query === "b"));
  expect(heard.length).toBeGreaterThan(3);
  const before = heard.length;
  stop();
  stop();
  await engine.tick(1000);
  expect(heard).toHaveLength(before);
  expect(all.at(-1)).toMatchObject({ kind: "final" });
});

test("one listener subscribed twice is told twice, and stopped once at a time", async () => {
  const engine = await engineOf(TWO);
  let calls = 0;
  const listener = (): void => void calls++;
  const stop = engine.subscribe("b", listener);
  engine.subscribe("b", listener);
  await engine.push(event("a", 0));
  expect(calls).toBe(2);
  stop();
  await engine.push(event("b", 0));
  expect(calls).toBe(3);
});

test("what cannot be asked is a fault with a code, whatever asks", async () => {
  const engine = await engineOf(planOf(), [eventsAt([1])]);
  const unknown = [
    () => engine.view("none"),
    () => engine.rows("none"),
    () => engine.onRows("none", () => {}),
    () => engine.subscribe("none", () => {}),
    () => engine.late("none"),
    () => engine.explain("none", {}, { start: 0, end: 10 }),
    () => engine.reprocess("none", { from: 0, to: 1 }),
  ];
  const bad = [
    () => engine.reprocess("q", { from: 1, to: 1 }),
    () => engine.view("q").rows({ from: NaN }),
    () => engine.rows("q", { to: "1" as never }),
    () => engine.log({ from: NaN }).next(),
    () => engine.verify({ to: NaN }),
    ...[-1, 0.5, NaN, "then", null].map((from) => () => {
      engine.subscribe("q", () => {}, { from: from as never });
    }),
  ];
  for (const [code, asking] of [["unknown_query", unknown] as const, ["bad_range", bad] as const]) {
    for (const ask of asking) {
      const asked = (async () => void (await ask()))();
      await expect(asked, String(ask)).rejects.toMatchObject({ name: "HostFault", code });
    }
  }
});

test.each([
  ["all", ["final 0", "update 10"], ["final 10", "update 20"]],
  ["final", ["final 0"], ["final 10"]],
  ["none", [], []],
])('from "snapshot" it hears what emit %s tells, as ever', async (emit, first, then) => {
  const engine = await engineOf(planOf({ emit }), [eventsAt([1, 12])]);
  expect(engine.rows("q")).toHaveLength(2);
  const told: string[] = [];
  engine.subscribe(
    "q",
    (changes) => told.push(...changes.map(({ kind, window }) => `${kind} ${window.start}`)),
    { from: "snapshot" },
  );
  expect(told.splice(0)).toEqual(first);
  await engine.push(event("more", 20));
  expect(told).toEqual(then);
});

test('from "snapshot" it first hears the view, then what changes', async () => {
  const engine = await engineOf(TWO);
  await pushIn(engine, feed(30, 2), 7);
  const rows = engine.view("a").rows();
  const calls: (readonly Change[])[] = [];
  engine.subscribe("a", (changes) => calls.push(changes), { from: "snapshot" });
  expect(calls).toHaveLength(1);
  expect(
    calls[0]!.map(({ kind, key, window, value, revision }) => ({
      kind,
      key,
      window,
      value,
      revision,
    })),
  ).toEqual(
    rows.map(({ final, key, window, value, revision }) => {
      return { kind: final ? "final" : "update", key, window, value, revision };
    }),
  );
  expect(new Set(calls[0]!.map(({ kind }) => kind))).toEqual(new Set(["final", "update"]));
  await engine.tick(1000);
  expect(calls).toHaveLength(2);
});

test("from a position it hears what a listener from the beginning heard since", async () => {
  const seeds: number[] = [];
  seeded((random) => seeds.push(...Array.from({ length: 3 }, () => random.below(2 ** 31))));
  for (const seed of seeds) {
    const events = feed(60, seed);
    const engine = await engineOf(TWO);
    const whole = listen(engine);
    await pushIn(engine, events.slice(0, 40), 7);
    const from = [0, 1, 6, 7, 20, 39, 40];
    const heard = from.map(() => [] as Change[]);
    for (const [index, position] of from.entries()) {
      engine.subscribe("a", (changes) => heard[index]!.push(...changes), { from: position });
    }
    const heardSince = (position: number): Change[] =>
      whole.filter(({ query, position: at }) => query === "a" && at >= position);
    // Before the past is caught up with, and after it.
    await engine.push(events.slice(40, 50));
    await expect.poll(() => heard.at(-1), POLL).toEqual(heardSince(40));
    await engine.push(events.slice(50));
    for (const [index, position] of from.entries()) {
      await expect.poll(() => heard[index]!.length, POLL).toBe(heardSince(position).length);
      expect({ seed, position, heard: heard[index] }).toEqual({
        seed,
        position,
        heard: heardSince(position),
      });
    }
  }
});

test("from a position of a log opened again it hears the same", async () => {
  const store = memory();
  const engine = await engineOf(TWO, [], { store });
  const whole = listen(engine);
  await pushIn(engine, feed(40, 9), 6);
  await engine.close();
  const again = await engineOf(TWO, [], { store });
  const heard: Change[] = [];
  again.subscribe("b", (changes) => heard.push(...changes), { from: 0 });
  await expect.poll(() => heard, POLL).toEqual(whole.filter(({ query }) => query === "b"));
});

test("stopped while it catches up, it hears no more", async () => {
  const engine = await engineOf(TWO);
  await pushIn(engine, feed(40, 9), 6);
  const heard: Change[] = [];
  engine.subscribe("b", (changes) => heard.push(...changes), { from: 0 })();
  const other: Change[] = [];
  engine.subscribe("b", (changes) => other.push(...changes), { from: 0 });
  await engine.push(event("more", 200));
  await expect.poll(() => other.at(-1)?.position, POLL).toBe(40);
  expect(heard).toEqual([]);
});

describe("a listener that throws", () => {
  /** Runs `body`, and answers the errors that nobody caught meanwhile. */
  async function uncaughtIn(body: () => Promise<void>): Promise<unknown[]> {
    const others = process.listeners("unhandledRejection");
    const errors: unknown[] = [];
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (error) => errors.push(error));
    try {
      await body();
      await nextTurn();
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const other of others) process.on("unhandledRejection", other);
    }
    return errors;
  }

  test.each([["now"], ["snapshot"], [0]] as const)(
    "from %s stops nobody, itself included",
    async (from) => {
      const heard: Change[] = [];
      let calls = 0;
      const errors = await uncaughtIn(async () => {
        const engine = await engineOf(TWO, [event("before", 0)]);
        const fail = (): void => {
          calls++;
          throw new Error("not mine");
        };
        engine.subscribe("b", fail, { from });
        engine.listen((changes) => heard.push(...changes));
        if (from !== "now") await expect.poll(() => calls, POLL).toBe(1);
        const receipt = await engine.push(event("a", 0));
        expect(receipt).toMatchObject({ accepted: 1, position: 2 });
        await engine.push(event("b", 1));
        expect(engine.view("b").rows()).toMatchObject([{ value: { n: 3 } }]);
      });
      expect(calls).toBe(from === "now" ? 2 : 3);
      expect(heard.filter(({ query }) => query === "b")).toHaveLength(2);
      expect(errors.map(String)).toEqual(Array.from({ length: calls }, () => "Error: not mine"));
    },
  );
});

test("who subscribes while a push is told hears the next one, not this one", async () => {
  const engine = await engineOf(TWO);
  const heard: number[] = [];
  let subscribed = false;
  engine.listen(() => {
    if (subscribed) return;
    subscribed = true;
    engine.listen((changes) => heard.push(changes[0]!.position));
    engine.subscribe("b", (changes) => heard.push(changes[0]!.position));
  });
  await engine.push(event("a", 0));
  expect(heard).toEqual([]);
  await engine.push(event("b", 0, { k: 1 }));
  expect(heard).toEqual([1, 1]);
});
