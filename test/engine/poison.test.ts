// Poison: an entry on which the core fails twice is marked in the log and skipped, now and in every
// replay. The core that fails here is built with a bug (buggy-core.ts).

import { describe, expect, test, vi } from "vitest";
import {
  HostFault,
  memory,
  type Change,
  type Engine,
  type Explanation,
} from "../../engine/index.ts";
import { decodeSnapshot, encodeSnapshot } from "../../engine/store/snapshot.ts";
import type { Store, StoredSnapshot } from "../../engine/store/store.ts";
import { engineOf, event, eventsAt, ndjson, planOf, tumbling } from "../builders.ts";
import { buggyCore, soundCore } from "./buggy-core.ts";

/** Whether the engine runs the build with the bug. */
let hasBug = true;
let buggy: Promise<WebAssembly.Module> | null = null;
/** Cores that were made. */
let cores = 0;

vi.mock("#core-wasm", () => ({
  default: async () => {
    cores++;
    return hasBug ? (buggy ??= buggyCore()) : soundCore();
  },
}));

const PLAN = planOf(
  { key: { k: "data.k" }, window: tumbling(1000, 500) },
  { clock: { dedup: 20_000, maxAhead: 100_000 } },
);
const bad = (id: string, second: number) => event(id, second * 1000 + 666, { k: "x" });
const good = (id: string, ms: number) => event(id, ms, { k: "x" });
const mark = (...positions: number[]): string =>
  `${JSON.stringify({ fact: { poisoned: { positions } } })}\n`;

async function logOf(engine: Engine): Promise<string> {
  return (await Array.fromAsync(engine.log())).join("");
}

/** What shows of the state. */
const seenOf = async (engine: Engine): Promise<object> => ({
  hash: await engine.stateHash(),
  rows: engine.view("q").rows(),
  late: engine.late("q"),
  clock: engine.stats().clock,
  position: engine.stats().position,
  poisoned: engine.stats().poisoned,
});

/** The same store, for an engine that finds other snapshots there. */
function withSnapshots(store: Store, snapshots: readonly StoredSnapshot[]): Store {
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (name === "recover") return async () => ({ ...(await store.recover())!, snapshots });
      return typeof value === "function" ? (value.bind(store) as unknown) : value;
    },
  });
}

const PUSHES: readonly (readonly object[])[] = [
  [good("a", 100), good("b", 200)],
  [good("c", 1300), bad("p", 1), good("d", 1900), bad("q", 2), good("e", 3000)],
  [bad("r", 3)],
  [good("f", 3100), good("a", 100), good("late", 400), good("g", 7000)],
];
const POISONED = [3, 5, 8];

async function fed(store: Store = memory()): Promise<{ engine: Engine; told: Change[] }> {
  const engine = await engineOf(PLAN, [], { store });
  const told: Change[] = [];
  engine.listen((changes) => told.push(...changes));
  for (const push of PUSHES) await engine.push([...push]);
  return { engine, told };
}

describe("an entry on which the core fails twice", () => {
  test("is accepted, marked in the log and skipped; all others count", async () => {
    const { engine, told } = await fed();
    const log = await logOf(engine);
    expect(log).toContain(mark(3, 5));
    expect(log).toContain(mark(8));
    expect(engine.stats()).toMatchObject({ accepted: 11, duplicate: 1, position: 13 });
    expect(engine.stats().poisoned).toEqual(POISONED);
    // The same without them: what is counted, how often it is told, and where the clock stands.
    const others = await engineOf(PLAN);
    const toldOthers: Change[] = [];
    others.listen((changes) => toldOthers.push(...changes));
    for (const push of PUSHES) {
      await others.push(push.filter((each) => !JSON.stringify(each).includes(".666Z")));
    }
    const plain = (changes: readonly Change[]): object[] =>
      changes.map((change) => ({ ...change, position: 0 }));
    expect(engine.view("q").rows()).toEqual(others.view("q").rows());
    expect(plain(told)).toEqual(plain(toldOthers));
    expect(engine.stats().clock).toBe(others.stats().clock);
    expect(await engine.verify()).toEqual({ ok: true });
  });

  test("is skipped by each replay, also of a build without the bug", async () => {
    const store = memory();
    const { engine } = await fed(store);
    const seen = await seenOf(engine);
    await engine.snapshot();
    const { snapshots } = (await store.recover())!;
    for (const fixed of [false, true]) {
      hasBug = !fixed;
      for (const kept of [snapshots, []]) {
        const again = await engineOf(PLAN, [], { store: withSnapshots(store, kept) });
        expect(await seenOf(again)).toEqual(seen);
        const { events } = await again.explain("q", { k: "x" }, { start: 1000, end: 2000 });
        expect(events.flatMap((each) => each.events.map(({ eventId }) => eventId))).toEqual([
          "c",
          "d",
        ]);
        // A subscription from the beginning hears what was told.
        const { promise, resolve } = Promise.withResolvers<readonly Change[]>();
        again.subscribe("q", resolve, { from: 0 });
        expect((await promise).length).toBeGreaterThan(0);
      }
    }
    hasBug = true;
  });

  test("stays out of a reprocess and of another plan", async () => {
    const store = memory();
    const { engine } = await fed(store);
    const changes = await engine.reprocess("q", { from: 0, to: 1000 });
    expect(changes).toMatchObject([{ kind: "correction", value: { n: 3 } }]);
    await engine.close();
    const plan = planOf(
      { name: "q", key: {}, window: tumbling(500, 500) },
      { clock: { dedup: 20_000 } },
    );
    const other = await engineOf(plan, [], { store });
    await other.rebuilt();
    expect(other.stats()).toMatchObject({ poisoned: POISONED, rebuild: 1 });
    const counted = other
      .view("q")
      .rows()
      .map(({ value }) => value["n"] as number);
    // All that are good, of which the reprocess took one that was late.
    expect(counted.reduce((sum, n) => sum + n, 0)).toBe(8);
  });

  test("is found when a log is opened by a build that has the bug", async () => {
    const store = memory();
    hasBug = false;
    const sound = await engineOf(PLAN, [], { store });
    await sound.push([...PUSHES[0]!, ...PUSHES[1]!]);
    await sound.push([...PUSHES[3]!]);
    hasBug = true;
    const engine = await engineOf(PLAN, [], { store });
    expect(engine.stats()).toMatchObject({ position: 10, poisoned: [3, 5] });
    expect(await logOf(engine)).not.toContain("poisoned");
    // The mark goes before what is pushed next, and a sound build believes it.
    await engine.push(good("h", 8000));
    expect((await logOf(engine)).indexOf(mark(3, 5))).toBeGreaterThan(0);
    const seen = await seenOf(engine);
    hasBug = false;
    expect(await seenOf(await engineOf(PLAN, [], { store }))).toEqual(seen);
    hasBug = true;
  });

  test("may be the first of all: no clock moves", async () => {
    const store = memory();
    const engine = await engineOf(PLAN, [], { store });
    await engine.push(bad("p", 1));
    expect(engine.stats()).toMatchObject({ clock: null, position: 2, poisoned: [0] });
    const again = await engineOf(PLAN, [], { store });
    expect(await seenOf(again)).toEqual(await seenOf(engine));
  });

  test("is marked by the next push where the mark could not be written", async () => {
    const store = memory();
    const append = store.append.bind(store);
    let isFull = false;
    store.append = (write) => {
      const { chunk } = write;
      if (isFull && new TextDecoder().decode(chunk!).includes("poisoned")) throw new Error("full");
      return append({ ...write, chunk, entries: null });
    };
    const engine = await engineOf(PLAN, [], { store });
    isFull = true;
    expect(await engine.push([good("a", 1), bad("p", 1)])).toMatchObject({ accepted: 2 });
    await expect(engine.push(good("b", 2))).rejects.toThrow("full");
    isFull = false;
    expect(await engine.push(good("b", 2))).toMatchObject({ accepted: 1, position: 4 });
    expect(await logOf(engine)).toContain(mark(1));
  });

  test("is no less found where the log could not be read at first", async () => {
    const store = memory();
    const engine = await engineOf(PLAN, [good("a", 1)], { store });
    const read = store.read.bind(store);
    let reads = 0;
    store.read = (from, limitBytes) => {
      if (reads++ === 0) throw new HostFault("storage_unavailable", "no disk");
      return read(from, limitBytes);
    };
    const failing = engine.push([good("b", 2), bad("p", 1)]);
    await expect(failing).rejects.toMatchObject({ code: "storage_unavailable" });
    // It was appended before.
    expect(await engine.push(good("b", 2))).toMatchObject({ duplicate: 1, position: 4 });
    expect(engine.stats().poisoned).toEqual([2]);
    expect(engine.view("q").rows()).toMatchObject([{ value: { n: 2 } }]);
  });

  test("does not end the engine, however many there are; but a core that always fails does", async () => {
    const many = Array.from({ length: 19 }, (_, index) => bad(`p${index}`, index));
    const engine = await engineOf(PLAN);
    await engine.push([...many, good("a", 19_000)]);
    expect(engine.stats().poisoned).toHaveLength(19);
    const more = Array.from({ length: 20 }, (_, index) => bad(`q${index}`, index + 20));
    await expect(engine.push(more)).rejects.toMatchObject({ code: "core_failed" });
    await expect(engine.push("")).rejects.toMatchObject({ code: "engine_closed" });
  });
});

describe("a poisoned event that is sent again", () => {
  const again = PUSHES.flat().filter((each) => JSON.stringify(each).includes(".666Z"));

  /** Sends each, alone and among others, as it was and with other content. */
  async function sendAgain(engine: Engine, from: number): Promise<void> {
    const { position } = engine.stats();
    const before = cores;
    for (const each of again) {
      expect(await engine.push(each)).toMatchObject({ accepted: 0, duplicate: 1, position });
    }
    const told = engine.refused().slice(-3);
    expect(told.map(({ code, of }) => [code, of])).toEqual(POISONED.map((at) => ["duplicate", at]));
    expect(await engine.push([...again, ...again].reverse())).toMatchObject({ duplicate: 6 });
    const [p] = again as [object];
    const other = { ...p, data: { k: "y" } };
    const later = { ...p, eventTime: new Date(1667).toISOString() };
    const receipt = await engine.push([good(`n${from}`, from), other, p, { no: 1 }, later]);
    expect(receipt).toMatchObject({ accepted: 1, duplicate: 1, position: position + 1 });
    expect(receipt.invalid.map(({ index, code }) => [index, code])).toEqual([
      [1, "event_id_conflict"],
      [3, "missing_field"],
      [4, "event_id_conflict"],
    ]);
    // None failed, and none was poisoned.
    expect([cores, engine.stats().poisoned]).toEqual([before, POISONED]);
  }

  test("is a duplicate, and no core fails on it", async () => {
    const { engine } = await fed();
    await sendAgain(engine, 7001);
    // So it is for what has its receive times, and as an array.
    const text = JSON.stringify(again);
    expect(await engine.push(text, { receivedAt: [1, 2, 3] })).toMatchObject({ duplicate: 3 });
  });

  test.each(["a snapshot", "the log"])("is one for who opens the log by %s", async (by) => {
    const store = memory();
    const { engine } = await fed(store);
    if (by === "a snapshot") await engine.snapshot();
    const { snapshots } = (await store.recover())!;
    const kept = withSnapshots(store, by === "a snapshot" ? snapshots : []);
    for (const [at, runsBuggy] of [true, false].entries()) {
      hasBug = runsBuggy;
      const opened = await engineOf(PLAN, [], { store: kept });
      await sendAgain(opened, 7001 + at);
    }
    hasBug = true;
    const plan = planOf({ key: {}, window: tumbling(500, 500) }, { clock: { dedup: 20_000 } });
    const other = await engineOf(plan, [], { store });
    await other.rebuilt();
    await sendAgain(other, 7100);
  });

  test("is one where the core is made again, and no longer where the log was trimmed", async () => {
    const store = memory();
    const plan = planOf({ window: tumbling(1000, 500) }, { clock: { dedup: 5000 } });
    const archived: number[] = [];
    const retention = {
      days: 5000 / 86_400_000,
      archive: ({ position }: { position: number }) => void archived.push(position),
    };
    const engine = await engineOf(plan, [], { store, retention });
    await engine.push([good("a", 100), bad("p", 1)]);
    await engine.push(bad("q", 20));
    // One of a time that does not come keeps no log.
    const far = bad("far", 4_000_000_000);
    await engine.push([good("b", 20_000), far]);
    const before = cores;
    expect(await engine.push([bad("p", 1), bad("q", 20), far])).toMatchObject({ duplicate: 3 });
    expect(cores).toBe(before);
    for (const second of [30, 31, 32]) {
      await engine.push(good(`g${second}`, second * 1000));
      await engine.snapshot();
    }
    await expect.poll(() => engine.stats().trimmedTo).toBeGreaterThan(5);
    expect(await engine.push([bad("p", 1), good("a", 100)])).toMatchObject({
      quarantined: [{ code: "event_time_too_old" }, { code: "event_time_too_old" }],
    });
  });
});

test("what is read while a core is made again is refused, or waits for it", async () => {
  const store = memory();
  const engine = await engineOf(PLAN, [good("a", 100)], { store });
  const asked: { explained: Promise<Explanation>; heard: Change[] }[] = [];
  const read = store.read.bind(store);
  store.read = (from, limitBytes) => {
    if (asked.length === 0) {
      for (const ask of [() => engine.view("q").rows(), () => engine.late("q")]) {
        expect(ask).toThrow(expect.objectContaining({ code: "core_failed" }));
      }
      const heard: Change[] = [];
      const window = { start: 0, end: 1000 };
      asked.push({ explained: engine.explain("q", { k: "x" }, window), heard });
      engine.subscribe("q", (changes) => heard.push(...changes), { from: "snapshot" });
    }
    return read(from, limitBytes);
  };
  await engine.push([good("b", 200), bad("p", 1), good("c", 1700)]);
  const [{ explained, heard }] = asked as [(typeof asked)[number]];
  expect((await explained).row).toMatchObject({ value: { n: 2 }, final: true });
  // The snapshot has it all: nothing is heard twice.
  expect(heard.map(({ kind, value }) => [kind, value])).toEqual([
    ["final", { n: 2 }],
    ["update", { n: 1 }],
  ]);
  expect(engine.view("q").rows()).toHaveLength(2);
});

describe("a line on which the core fails before it is appended", () => {
  const line = event("h", 1667, { k: "x" });

  test.each(["lines", "objects"])("is held, and the push goes on: %s", async (form) => {
    const engine = await engineOf(PLAN, [[good("a", 100)]]);
    const push = [good("b", 200), line, good("a", 100), { eventId: 1 }, good("c", 300)];
    const receivedAt = [10, 20, 30, 40, 50];
    const receipt = await engine.push(form === "lines" ? ndjson(push) : push, { receivedAt });
    expect(receipt).toMatchObject({
      ...{ received: 5, accepted: 2, duplicate: 1, position: 3 },
      invalid: [{ index: 3 }],
      quarantined: [{ index: 1, code: "poisoned", pointer: "" }],
    });
    expect(engine.quarantine()).toMatchObject([{ code: "poisoned", receivedAt: 20 }]);
    expect(engine.view("q").rows()).toMatchObject([{ value: { n: 3 } }]);
    // Once only, and a release takes it nowhere.
    expect(await engine.push(line)).toMatchObject({ quarantined: [{ code: "poisoned" }] });
    expect(engine.quarantine()).toHaveLength(1);
    const ids = engine.quarantine().map(({ id }) => id);
    await expect(engine.release(ids)).rejects.toMatchObject({ code: "core_failed" });
    expect(engine.quarantine()).toHaveLength(1);
    expect(await engine.push(good("d", 400))).toMatchObject({ accepted: 1 });
  });

  test("makes no core again when it is sent once more, until it is released", async () => {
    const store = memory();
    const engine = await engineOf(PLAN, [good("a", 100)], { store });
    await engine.push([good("b", 200), line]);
    const resend = async (to: Engine, id: string): Promise<number> => {
      const before = cores;
      const push = ` \n${ndjson([good(id, 300)])}\r\n${ndjson([line, good("a", 100)])}`;
      expect(await to.push(push, { receivedAt: [10, 20, 30] })).toMatchObject({
        ...{ received: 3, accepted: 1, duplicate: 1, invalid: [] },
        quarantined: [{ index: 1, code: "poisoned" }],
      });
      expect(await to.push(line)).toMatchObject({ quarantined: [{ index: 0 }] });
      expect(to.quarantine()).toMatchObject([{ line: JSON.stringify(line) }]);
      return cores - before;
    };
    expect(await resend(engine, "c")).toBe(0);
    // Other content is another line.
    const before = cores;
    await engine.push(event("h", 1667, { k: "y" }));
    expect(cores).toBeGreaterThan(before);
    const ids = engine.quarantine().map(({ id }) => id);
    await expect(engine.release(ids.slice(1))).rejects.toMatchObject({ code: "core_failed" });
    const after = cores;
    await engine.push(line);
    expect(cores).toBeGreaterThan(after);
    // Whoever opens the log asks once.
    const { held } = (await store.recover())!;
    expect(held).toHaveLength(2);
  });

  test("is asked once by who opens the log, and taken by a build without the bug", async () => {
    const store = memory();
    await (await engineOf(PLAN, [], { store })).push(line);
    const again = await engineOf(PLAN, [], { store });
    const before = cores;
    expect(await again.push(line)).toMatchObject({ quarantined: [{ code: "poisoned" }] });
    const asked = cores;
    expect(asked).toBeGreaterThan(before);
    expect(await again.push(line)).toMatchObject({ quarantined: [{ code: "poisoned" }] });
    expect([cores, again.quarantine().length]).toEqual([asked, 1]);
    hasBug = false;
    expect(await (await engineOf(PLAN, [], { store })).push(line)).toMatchObject({ accepted: 1 });
    hasBug = true;
  });

  test("is listed as it was sent where no more can be held, blank lines beside it", async () => {
    const engine = await engineOf({ ...PLAN, limits: { quarantine: 1 } });
    const more = event("i", 2667, { k: "x" });
    const push = ` \n${ndjson([good("a", 100)])}\n\r\n${ndjson([line])}\n${ndjson([more])}`;
    expect(await engine.push(push, { receivedAt: [10, null, 30] })).toMatchObject({
      ...{ received: 3, accepted: 1 },
      quarantined: [{ index: 1, code: "poisoned" }],
      invalid: [{ index: 2, code: "quarantine_full" }],
    });
    const held = { code: "poisoned", receivedAt: null, line: JSON.stringify(line) };
    expect(engine.quarantine()).toMatchObject([held]);
    const refused = { code: "quarantine_full", receivedAt: 30, line: JSON.stringify(more) };
    expect(engine.refused()).toEqual([{ ...refused, pointer: "" }]);
  });

  test("is an event like any other for a build without the bug", async () => {
    const store = memory();
    const engine = await engineOf(PLAN, [], { store });
    await engine.push(line);
    hasBug = false;
    const sound = await engineOf(PLAN, [], { store });
    const ids = sound.quarantine().map(({ id }) => id);
    expect(await sound.release(ids)).toMatchObject({ accepted: 1 });
    hasBug = true;
  });
});

test.each([7, 70_000])(
  "a snapshot that no core can take gives way to the older: %i",
  async (size) => {
    const store = memory();
    const engine = await engineOf(PLAN, [eventsAt([1, 2])], { store });
    await engine.snapshot();
    await engine.push(eventsAt([3000]));
    await engine.snapshot();
    const seen = await seenOf(engine);
    const [newest, older] = (await store.recover())!.snapshots;
    // Whole by its checksum, and no state: on one of 7 bytes the core fails.
    const broken = { ...decodeSnapshot(newest!.bytes)!, state: new Uint8Array(size) };
    const torn = { position: newest!.position, bytes: encodeSnapshot(broken) };
    const again = await engineOf(PLAN, [], { store: withSnapshots(store, [torn, older!]) });
    expect(await seenOf(again)).toEqual(seen);
  },
);
