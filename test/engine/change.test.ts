// Changes: one for each window a push, in one order, whatever the order in which they came about.

import { expect, test } from "vitest";
import type { Change } from "../../engine/index.ts";
import { randomOf } from "../event/random.ts";
import { engineOf, event, eventsAt, listen, planOf, queryOf, tumbling } from "../builders.ts";

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

test("whoever subscribes beside a flush hears a final once, as a row or as a change", async () => {
  const engine = await engineOf(planOf(), [event("a", 5)]);
  const heard: Change[] = [];
  const flushed = engine.flush();
  // Looks at the view whenever anybody may.
  for (let turn = 0; turn < 100 && heard.length === 0; turn++) {
    if (engine.view("q").rows()[0]!.final) {
      engine.subscribe("q", (changes) => heard.push(...changes), { from: "snapshot" });
    }
    await Promise.resolve();
  }
  await flushed;
  expect(heard).toHaveLength(1);
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
