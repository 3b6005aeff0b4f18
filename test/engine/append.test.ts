// Pushes against a store that fails, and one that takes its time: a push that was not appended
// leaves no trace and can be sent again; pushes are applied in call order, each whole.

import { describe, expect, test } from "vitest";
import { memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import type { Append, MaybePromise } from "../../engine/store/store.ts";
import { engineOf, event, eventsAt, planOf, tumbling } from "../builders.ts";

/** The memory store behind another `append`. */
function storeWith(append: (write: Append, memory: Store) => MaybePromise<void>): Store {
  const inner = memory();
  return {
    storage: inner.storage,
    recover: () => inner.recover(),
    create: (header) => inner.create(header),
    append: (write) => append(write, inner),
    read: (from, limitBytes) => inner.read(from, limitBytes),
    hasLanded: (write) => inner.hasLanded(write),
    trim: (to) => inner.trim(to),
    saveSnapshot: (snapshot) => inner.saveSnapshot(snapshot),
    close: () => inner.close(),
  };
}

/** A turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** An asynchronous memory store. */
const slowStore = (): Store =>
  storeWith(async (write, inner) => {
    await turn();
    await inner.append(write);
  });

const PLAN = planOf(
  { key: { k: "data.k" }, window: tumbling(10, 5) },
  { limits: { keys: 3, quarantine: 2 }, clock: { dedup: 50 } },
);

/** Every kind of line: accepted, duplicate, conflict, invalid, held, late, unkeyed. */
const PUSHES: readonly (readonly unknown[])[] = [
  [event("a", 1, { k: "x" }), event("b", 2, { k: "y" }), event("a", 1, { k: "x" })],
  [event("c", 12, { k: 1.5 }), event("c", 13, { k: 1.5 }), { eventId: 1 }],
  [event("d", 80, { k: "ü" }), event("old", 3, { k: "x" }), event("e", 40, { k: "x" })],
  [event("old", 3, { k: "x" }), event("m", 81, { k: "x" })],
  [event("f", 82), event("g", 83, { k: true }), event("h", 84, { k: 4 }), event("i", 85, { k: 5 })],
  [event("old2", 4, { k: "x" }), event("old3", 5, { k: "x" })],
  [event("d", 80, { k: "ü" }), event("j", 200, { k: "ü" })],
];

const seenOf = async (engine: Engine): Promise<unknown> => ({
  hash: await engine.stateHash(),
  stats: engine.stats(),
  rows: engine.view("q").rows(),
  late: engine.late("q"),
  quarantine: engine.quarantine(),
  refused: engine.refused(),
  log: await Array.fromAsync(engine.log()),
});

describe.each(["throws", "rejects"])("a store whose append %s", (way) => {
  test.each(PUSHES.map((_, index) => index))("at push %i leaves no trace", async (failing) => {
    const told: Change[] = [];
    const expected: Change[] = [];
    const whole = await engineOf(PLAN);
    whole.listen((changes) => expected.push(...changes));
    for (const push of PUSHES) await whole.push([...push] as object[]);

    let fails = false;
    const store = storeWith((write, inner) => {
      if (!fails) return inner.append(write);
      if (way === "throws") throw new Error("no disk");
      return turn().then(() => Promise.reject(new Error("no disk")));
    });
    const engine = await engineOf(PLAN, [], { store });
    engine.listen((changes) => told.push(...changes));
    for (const [index, push] of PUSHES.entries()) {
      if (index === failing) {
        const before = await seenOf(engine);
        const toldBefore = told.length;
        fails = true;
        await expect(engine.push([...push] as object[])).rejects.toThrow("no disk");
        expect(await seenOf(engine)).toEqual(before);
        expect(told).toHaveLength(toldBefore);
        // Twice, so that what a failing push left behind would be seen.
        await expect(engine.push([...push] as object[])).rejects.toThrow("no disk");
        expect(await seenOf(engine)).toEqual(before);
        fails = false;
      }
      await engine.push([...push] as object[]);
    }
    expect(await seenOf(engine)).toEqual(await seenOf(whole));
    expect(told).toEqual(expected);
    expect(whole.stats()).toMatchObject({ duplicate: 2, quarantined: 3, position: 11 });
  });
});

/** A store that writes what it tells as failed, whenever `tells.failure`, and may not say so. */
function lyingStore() {
  const tells = { failure: false, answer: true };
  const store = storeWith(async (write, inner) => {
    const { failure } = tells;
    await inner.append({ ...write, chunk: write.chunk, entries: null });
    if (failure) throw new Error("no disk");
  });
  const hasLanded = store.hasLanded.bind(store);
  store.hasLanded = (write) => {
    if (tells.answer) return hasLanded(write);
    throw new Error("no answer");
  };
  return { store, tells };
}

describe("a push that was written and told as failed", () => {
  test.each(PUSHES.map((_, index) => index))("is in the state: push %i", async (lie) => {
    const told: Change[] = [];
    const expected: Change[] = [];
    const whole = await engineOf(PLAN);
    whole.listen((changes) => expected.push(...changes));
    const { store, tells } = lyingStore();
    const engine = await engineOf(PLAN, [], { store });
    engine.listen((changes) => told.push(...changes));
    for (const [index, push] of PUSHES.entries()) {
      const receipt = await whole.push([...push] as object[]);
      if (index !== lie) {
        expect(await engine.push([...push] as object[])).toEqual(receipt);
        continue;
      }
      tells.failure = true;
      const failing = engine.push([...push] as object[]);
      // Queued behind it, and nobody answers whether it is there.
      tells.answer = false;
      const behind = engine.push(event("behind", 84));
      await expect(failing).rejects.toThrow("no disk");
      await expect(behind).rejects.toThrow("no answer");
      await expect(engine.reprocess("q", { from: 0, to: 10 })).rejects.toThrow("no answer");
      Object.assign(tells, { failure: false, answer: true });
    }
    // An empty push asks too.
    expect(await engine.push("")).toEqual(await whole.push(""));
    expect(await seenOf(engine)).toEqual(await seenOf(whole));
    expect(told).toEqual(expected);
    expect(await engine.verify()).toEqual({ ok: true });
  });

  test("is what the pushes called behind it are judged with", async () => {
    const { store, tells } = lyingStore();
    const engine = await engineOf(PLAN, [], { store });
    tells.failure = true;
    const failing = engine.push([event("a", 40, { k: "x" }), event("z", 80, { k: "x" })]);
    const behind = [event("a", 40, { k: "x" }), event("old", 3), event("z", 80, { k: "y" })];
    const receipts = engine.push(behind);
    await expect(failing).rejects.toThrow("no disk");
    tells.failure = false;
    expect(await receipts).toMatchObject({
      ...{ accepted: 0, duplicate: 1, position: 2 },
      invalid: [{ index: 2, code: "event_id_conflict" }],
      quarantined: [{ index: 1, code: "event_time_too_old" }],
    });
    expect(engine.quarantine()).toHaveLength(1);
  });

  test("a release and a reprocess alike", async () => {
    const { store, tells } = lyingStore();
    const engine = await engineOf(PLAN, [event("z", 80)], { store });
    await engine.push(event("old", 3, { k: "x" }));
    const ids = engine.quarantine().map(({ id }) => id);
    tells.failure = true;
    await expect(engine.release(ids, { receivedAt: 90 })).rejects.toThrow("no disk");
    await expect(engine.reprocess("q", { from: 0, to: 10 })).rejects.toThrow("no disk");
    tells.failure = false;
    expect(await engine.push(event("old", 3, { k: "x" }))).toMatchObject({
      duplicate: 1,
      position: 3,
    });
    expect(engine.quarantine()).toEqual([]);
    expect(engine.view("q").rows()[0]).toMatchObject({ value: { n: 1 } });
    const again = await engineOf(PLAN, [], { store });
    expect(await again.stateHash()).toBe(await engine.stateHash());
  });
});

test("a failed push does not hold up the ones that were called after it", async () => {
  let appends = 0;
  const store = storeWith(async (write, inner) => {
    await turn();
    if (appends++ === 1) throw new Error("no disk");
    await inner.append(write);
  });
  const engine = await engineOf(planOf(), [], { store });
  const pushes = [0, 1, 2, 3].map((time) => engine.push(event(`e${time}`, time)));
  const settled = await Promise.allSettled(pushes);
  expect(settled.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(engine.view("q").rows()).toMatchObject([{ value: { n: 3 } }]);
  await engine.push(event("e1", 1));
  expect(engine.view("q").rows()).toMatchObject([{ value: { n: 4 } }]);
});

test("pushes and ticks that nobody awaited are applied in call order", async () => {
  const engine = await engineOf(planOf({}, {}), [], { store: slowStore() });
  const heard: (string | number)[] = [];
  engine.listen((changes) => {
    for (const { kind, position } of changes) heard.push(`${kind} ${position}`);
  });
  const asked = [
    engine.push(event("a", 0)),
    engine.tick(10),
    engine.push(event("b", 5)),
    engine.push([event("c", 12), event("a", 0)]),
    engine.tick(20),
  ];
  const [first, , , second] = await Promise.all(asked);
  expect(first).toMatchObject({ position: 1 });
  expect(second).toMatchObject({ position: 4, duplicate: 1 });
  expect(heard).toEqual(["update 0", "final 1", "update 3", "final 4"]);
  expect(engine.late("q")).toMatchObject([{ position: 2, lateMs: 5 }]);
});

test("a push is seen whole or not at all while its append is under way", async () => {
  let append = Promise.resolve();
  const store = storeWith(async (write, inner) => {
    await append;
    await inner.append(write);
  });
  const engine = await engineOf(planOf(), [], { store });
  await engine.push(event("a", 0));
  const { promise, resolve } = Promise.withResolvers<void>();
  append = promise;
  const pushed = engine.push(eventsAt([1, 2, 3]));
  const hash = await engine.stateHash();
  expect(engine.view("q").rows()).toMatchObject([{ value: { n: 1 } }]);
  expect(engine.stats()).toMatchObject({ position: 1, accepted: 1 });
  expect(hash).toBe(await (await engineOf(planOf(), [event("a", 0)])).stateHash());
  resolve();
  await pushed;
  expect(engine.view("q").rows()).toMatchObject([{ value: { n: 4 } }]);
});

test("reading while a push is under way disturbs nothing", async () => {
  const engine = await engineOf(PLAN, [], { store: slowStore() });
  const still = await engineOf(PLAN);
  const heard: Change[] = [];
  const expected: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  still.listen((changes) => expected.push(...changes));
  for (const push of PUSHES) {
    const pushed = engine.push([...push] as object[]);
    engine.view("q").rows();
    engine.late("q");
    engine.stats();
    engine.subscribe("q", () => {}, { from: "snapshot" })();
    expect(await pushed).toEqual(await still.push([...push] as object[]));
  }
  expect(await seenOf(engine)).toEqual(await seenOf(still));
  expect(heard).toEqual(expected);
});

test("with a synchronous store a push is applied before the call returns", async () => {
  const engine = await engineOf(planOf());
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  const first = engine.push(event("a", 0));
  expect(heard).toHaveLength(1);
  expect(engine.stats().position).toBe(1);
  // So is the next one of the same turn.
  const second = engine.push(event("b", 0));
  expect(heard).toHaveLength(2);
  expect(engine.stats().position).toBe(2);
  await Promise.all([first, second]);
});

test("a listener that pushes does so after the push that it hears of", async () => {
  const engine = await engineOf(planOf());
  const pushes: Promise<unknown>[] = [];
  const heard: number[] = [];
  engine.listen((changes) => {
    if (changes[0]!.position === 0) pushes.push(engine.push(event("b", 1)));
  });
  engine.listen((changes) => heard.push(...changes.map(({ position }) => position)));
  await engine.push(event("a", 0));
  await Promise.all(pushes);
  expect(heard).toEqual([0, 1]);
});

test("a push called after close is refused, and close ends what was called before it", async () => {
  const store = slowStore();
  const engine = await engineOf(planOf(), [], { store });
  const before = engine.push(event("a", 0));
  const closed = engine.close();
  await expect(engine.push(event("b", 1))).rejects.toMatchObject({ code: "engine_closed" });
  expect(await before).toMatchObject({ accepted: 1 });
  await Promise.all([closed, engine.close()]);
  const again = await engineOf(planOf(), [], { store });
  expect(again.stats().position).toBe(1);
});

test("a snapshot that cannot be saved does not undo the push that made it due", async () => {
  const inner = memory();
  let saves = 0;
  const store: Store = {
    ...storeWith((write) => inner.append(write)),
    storage: "best-effort",
    recover: () => inner.recover(),
    create: (header) => inner.create(header),
    saveSnapshot: () => {
      saves++;
      throw new Error("no disk");
    },
  };
  const engine = await engineOf(planOf(), [], { store });
  // That of a new log says its plan, and need not be there either.
  expect(saves).toBe(1);
  saves = 0;
  const ticks = `{"tick":1}\n`.repeat(200_000);
  for (let push = 1; push <= 5; push++) {
    expect(saves).toBe(0);
    await expect(engine.push(ticks, { ticks: true })).resolves.toMatchObject({
      position: push * 200_000,
    });
  }
  expect(saves).toBe(1);
  await expect(engine.push(event("a", 1))).resolves.toMatchObject({ accepted: 1 });
});
