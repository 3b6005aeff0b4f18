// Changes: one for each window a push, in one order, whatever the order in which they came about;
// and who hears them, from when.

import { describe, expect, test } from "vitest";
import { memory, type Change, type Engine } from "../../engine/index.ts";
import { randomOf, seeded } from "../event/random.ts";
import {
  engineOf,
  event,
  eventsAt,
  planOf,
  queryOf,
  tumbling,
  type SentEvent,
} from "../builders.ts";

function listen(engine: Engine): Change[] {
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  return heard;
}

/** Node tells of rejections that nobody caught at the end of a turn: this is in the next one. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How long to wait for the past to be caught up with. */
const POLL = { timeout: 20_000, interval: 2 };

// ── one push ───────────────────────────────────────────────────────────────────────────────────

test("a change has exactly the members of the contract", async () => {
  const engine = await engineOf(planOf({ key: { k: "data.k" } }));
  const heard = listen(engine);
  await engine.push([event("a", 0, { k: "x" }), event("b", 10, { k: "x" })]);
  expect(heard).toEqual([
    {
      query: "q",
      kind: "final",
      key: { k: "x" },
      window: { start: 0, end: 10 },
      value: { n: 1 },
      revision: 2,
      position: 1,
    },
    {
      query: "q",
      kind: "update",
      key: { k: "x" },
      window: { start: 10, end: 20 },
      value: { n: 1 },
      revision: 1,
      position: 1,
    },
  ]);
});

test("the order is query, end, start, key by UTF-8 bytes, whatever the order of events", async () => {
  const queries = [
    queryOf({ name: "z", window: tumbling(20, 0), key: { k: "data.k", l: "data.l" } }),
    queryOf({ name: "a", window: tumbling(10, 0), key: { k: "data.k" } }),
  ];
  const keys = ["\u{1f600}", "\uffee", "b", "a", "", 2, 10, true, false, "aa"];
  const sent = keys.flatMap((k, i) =>
    [31, 2, 15].map((time) => event(`${i}-${time}`, time, { k, l: i % 3 })),
  );
  const orderOf = (changes: readonly Change[]): unknown[] =>
    changes.map(({ query, kind, key, window }) => [query, kind, window.end, Object.values(key)]);
  const random = randomOf(3);
  let expected: unknown[] | null = null;
  for (let round = 0; round < 5; round++) {
    const delayed = { version: 1, clock: { delay: 40 }, queries };
    const engine = await engineOf(delayed);
    const heard = listen(engine);
    const shuffled = sent
      .map((each) => ({ each, rank: random.below(2 ** 30) }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ each }) => each);
    // The last one closes what ends at or before 25.
    await engine.push([...shuffled, event("now", 65, { k: "now", l: 0 })]);
    const order = orderOf(heard);
    expected ??= order;
    expect(order).toEqual(expected);
    const text = (change: Change): Buffer => Buffer.from(JSON.stringify(Object.values(change.key)));
    const sorted = heard.toSorted(
      (a, b) =>
        Number(a.query === "a") - Number(b.query === "a") ||
        a.window.end! - b.window.end! ||
        a.window.start! - b.window.start! ||
        Buffer.compare(text(a), text(b)),
    );
    expect(order).toEqual(orderOf(sorted));
    expect(new Set(heard.map(({ kind }) => kind))).toEqual(new Set(["update", "final"]));
  }
  expect(expected).toHaveLength(2 * keys.length + 1 + 3 * keys.length + 1);
});

test("a push tells one update of a window, its last state", async () => {
  const engine = await engineOf(planOf());
  const heard = listen(engine);
  await engine.push([event("a", 0), event("b", 15), event("c", 11), event("d", 12)]);
  await engine.push([event("e", 13), event("x", 3)]);
  expect(
    heard.map(({ kind, window, value, revision, position }) => [
      kind,
      window.start,
      value["n"],
      revision,
      position,
    ]),
  ).toEqual([
    ["final", 0, 1, 2, 1],
    ["update", 10, 3, 3, 3],
    ["update", 10, 4, 4, 4],
  ]);
});

test("a window is told once, also where it took the place of one that left in the same push", async () => {
  // Large enough that nothing else of the core takes the block.
  const aggregate = { n: { fn: "count" }, s: { fn: "sum", of: "data.x" } };
  const engine = await engineOf(planOf({ retain: 0, aggregate }));
  const heard = listen(engine);
  await engine.push(eventsAt([0, 10, 20, 30, 31]));
  expect(heard.map(({ kind, window }) => [kind, window.start])).toEqual([
    ["final", 0],
    ["final", 10],
    ["final", 20],
    ["update", 30],
  ]);
});

test("touched means applied: an update is told although no value changed", async () => {
  const aggregate = { most: { fn: "max", of: "data.x" } };
  const engine = await engineOf(planOf({ aggregate }));
  const heard = listen(engine);
  for (const [id, x] of [
    ["a", 5],
    ["b", 1],
    ["c", null],
  ] as const)
    await engine.push(event(id, 0, { x }));
  expect(heard.map(({ value, revision }) => [value["most"], revision])).toEqual([
    [5, 1],
    [5, 2],
    [5, 3],
  ]);
  await engine.push(event("a", 0, { x: 5 }));
  await engine.push("{}");
  expect(heard).toHaveLength(3);
});

test("the position of a change is that of the entry during which it came about", async () => {
  const engine = await engineOf(planOf({ window: tumbling(10, 10) }));
  const heard = listen(engine);
  await engine.push([event("a", 0), event("b", 1), event("c", 14), event("d", 25), event("e", 26)]);
  expect(heard.map(({ kind, window, position }) => [kind, window.start, position])).toEqual([
    ["final", 0, 3],
    ["update", 10, 2],
    ["update", 20, 4],
  ]);
});

test("no push tells nothing of nothing", async () => {
  const engine = await engineOf(planOf());
  let calls = 0;
  engine.listen(() => calls++);
  engine.subscribe("q", () => calls++);
  await engine.push("");
  await engine.push("{}");
  await engine.tick(5);
  expect(calls).toBe(0);
});

test("emit chooses what is told, and not what the view has", async () => {
  const told: { readonly [emit: string]: string[] } = {
    all: ["update", "update", "final", "update"],
    final: ["final"],
    none: [],
  };
  for (const [emit, kinds] of Object.entries(told)) {
    const engine = await engineOf(planOf({ emit }));
    const heard = listen(engine);
    for (const each of eventsAt([0, 1, 10])) await engine.push(each);
    expect([emit, heard.map(({ kind }) => kind)]).toEqual([emit, kinds]);
    expect(engine.view("q").rows()).toMatchObject([
      { final: true, revision: 3, value: { n: 2 } },
      { final: false, revision: 1, value: { n: 1 } },
    ]);
  }
});

test("revisions and finals do not depend on how the events were cut", async () => {
  const random = randomOf(11);
  const events = Array.from({ length: 150 }, (_, i) =>
    event(`e${i}`, i + random.below(25), { k: random.below(4) }),
  );
  const plan = planOf({ window: tumbling(10, 12), key: { k: "data.k" } });
  const finals = async (cuts: () => number): Promise<Change[]> => {
    const engine = await engineOf(plan);
    const heard = listen(engine);
    for (let at = 0; at < events.length;) {
      const n = cuts();
      await engine.push(events.slice(at, at + n));
      at += n;
    }
    const order = (change: Change): string => `${change.window.end} ${String(change.key["k"])}`;
    return heard
      .filter(({ kind }) => kind === "final")
      .toSorted((a, b) => order(a).localeCompare(order(b)));
  };
  const expected = await finals(() => 1);
  expect(expected.length).toBeGreaterThan(40);
  for (let round = 0; round < 5; round++) {
    expect(await finals(() => 1 + random.below(40))).toEqual(expected);
  }
});

test("flush makes every window final as a push of its own, and drops no row", async () => {
  const queries = [
    queryOf({ name: "a", window: tumbling(10, 5), key: { k: "data.k" }, retain: 0 }),
    queryOf({ name: "b", window: tumbling(7, 0), emit: "none" }),
  ];
  const events = [0, 12, 3].map((time, i) => event(`e${i}`, time, { k: i % 2 }));
  const engine = await engineOf({ version: 1, queries }, [events]);
  const heard = listen(engine);
  const changes = await engine.flush();
  expect(heard).toEqual(changes);
  expect(
    changes.map(({ kind, window, position, revision }) => [kind, window.start, position, revision]),
  ).toEqual([
    ["final", 0, 3, 3],
    ["final", 10, 3, 2],
  ]);
  expect(
    engine
      .view("a")
      .rows()
      .every(({ final }) => final),
  ).toBe(true);
  expect(engine.view("a").rows()).toHaveLength(2);
  expect(engine.stats()).toMatchObject({ clock: 12, position: 3 });
  expect(await engine.flush()).toEqual([]);
});

// ── views ──────────────────────────────────────────────────────────────────────────────────────

test("a view's rows are those whose windows touch [from, to), in the order of changes", async () => {
  const plan = planOf({ window: tumbling(10, 5), key: { k: "data.k" } });
  const engine = await engineOf(plan);
  await engine.push([40, 12, 0, 35, 21].map((time, i) => event(`e${i}`, time, { k: i })));
  const startsOf = (filter = {}): number[] =>
    engine
      .view("q")
      .rows(filter)
      .map(({ window }) => window.start!);
  const all = [30, 40];
  expect(startsOf()).toEqual(all);
  const wide = await engineOf(planOf({ window: tumbling(10, 100), key: { k: "data.k" } }));
  await wide.push([40, 12, 0, 35, 21].map((time, i) => event(`e${i}`, time, { k: i })));
  const startsIn = (from?: number, to?: number): number[] =>
    wide
      .view("q")
      .rows({ ...(from !== undefined && { from }), ...(to !== undefined && { to }) })
      .map(({ window }) => window.start!);
  expect(startsIn()).toEqual([0, 10, 20, 30, 40]);
  expect(startsIn(10, 30)).toEqual([10, 20]);
  expect(startsIn(9, 31)).toEqual([0, 10, 20, 30]);
  expect(startsIn(19, 20)).toEqual([10]);
  expect(startsIn(50)).toEqual([]);
  expect(startsIn(undefined, 0)).toEqual([]);
  expect(startsIn(-Infinity, Infinity)).toHaveLength(5);
});

test("a view larger than its buffer is read whole", async () => {
  const engine = await engineOf(planOf({ window: tumbling(10, 0), key: { k: "data.k" } }));
  const names = Array.from({ length: 12_000 }, (_, i) => `${i}`.padStart(30, "k"));
  await engine.push(names.map((k, i) => event(`e${i}`, 0, { k })));
  expect(
    engine
      .view("q")
      .rows()
      .map(({ key }) => key["k"]),
  ).toEqual(names.toSorted());
  await engine.push(event("now", 10, { k: "now" }));
  const rows = engine.view("q").rows();
  expect(rows.slice(0, -1).map(({ key, final }) => [key["k"], final])).toEqual(
    names.toSorted().map((name) => [name, true]),
  );
});

test("a name that is no query is an error that lists those there are", async () => {
  const engine = await engineOf(planOf());
  for (const ask of [
    () => engine.view("nobody"),
    () => engine.late("nobody"),
    () => engine.subscribe("nobody", () => {}),
  ]) {
    expect(ask).toThrow(/it has q\.$/);
  }
});

// ── listeners ──────────────────────────────────────────────────────────────────────────────────

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
