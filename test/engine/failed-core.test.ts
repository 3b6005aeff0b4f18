// What an engine answers whose core failed, until another one is made from the log, and where that
// cannot be: the store that has the log fails too.

import { describe, expect, test, vi } from "vitest";
import { HostFault, memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import { Core } from "../../engine/core/core.ts";
import { openAt } from "../../engine/open.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";
import { Slices } from "./slices.ts";

const PLAN = planOf(
  { key: { k: "data.k" }, window: tumbling(1000, 500) },
  { clock: { dedup: 20_000, idle: "1s" } },
);
const good = (id: string, ms: number) => event(id, ms, { k: "x" });

/** The core fails in applying the next push, having applied it: its counts are no push's. */
function failNext(): void {
  const spy = vi.spyOn(Core.prototype, "apply").mockImplementation(function (this: Core, emit) {
    spy.mockRestore();
    this.apply(emit);
    throw new WebAssembly.RuntimeError("unreachable");
  });
}

class Failing {
  readonly store: Store = memory();
  /** Whether it cannot be read. */
  isBroken = false;
  /** Called with each read. */
  reading = (): void => {};

  constructor() {
    const read = this.store.read.bind(this.store);
    this.store.read = (from, limitBytes) => {
      this.reading();
      if (this.isBroken) throw new HostFault("storage_unavailable", "no disk");
      return read(from, limitBytes);
    };
  }
}

/** An engine with three events, whose core failed on the last and cannot be made again yet. */
async function spent(): Promise<{ engine: Engine; failing: Failing }> {
  const failing = new Failing();
  const engine = await engineOf(PLAN, [[good("a", 100), good("b", 200)]], failing);
  failNext();
  failing.isBroken = true;
  const pushing = engine.push([good("c", 1700)]);
  await expect(pushing).rejects.toMatchObject({ code: "storage_unavailable" });
  return { engine, failing };
}

/** What a subscription came to. */
function hear(engine: Engine, from: "snapshot" | number) {
  const heard: { kinds: Change["kind"][]; faults: string[] } = { kinds: [], faults: [] };
  const stop = engine.subscribe(
    "q",
    (changes) => heard.kinds.push(...changes.map(({ kind }) => kind)),
    { from, onFault: ({ code }) => heard.faults.push(code) },
  );
  return { ...heard, stop };
}

describe("a subscription that waits", () => {
  test.each(["snapshot", 0] as const)(
    "for a core hears that none is made: from %s",
    async (from) => {
      const { engine, failing } = await spent();
      const first = hear(engine, from);
      const stopped = hear(engine, from);
      stopped.stop();
      await expect.poll(() => first.faults).toEqual(["storage_unavailable"]);
      expect(stopped.faults).toEqual([]);
      failing.isBroken = false;
      const second = hear(engine, from);
      await expect.poll(() => second.kinds).toContain("final");
      // The first one has ended, and said so.
      await engine.push(good("d", 1800));
      expect([first.kinds, second.kinds.at(-1), second.faults]).toEqual([[], "update", []]);
    },
  );

  test("for the log hears that it cannot be read, and is told nothing more", async () => {
    const failing = new Failing();
    const engine = await engineOf(PLAN, [[good("a", 100)]], failing);
    failing.isBroken = true;
    const heard = hear(engine, 0);
    await expect.poll(() => heard.faults).toEqual(["storage_unavailable"]);
    await engine.push(good("b", 200));
    expect(heard.kinds).toEqual([]);
  });

  test("for another plan hears why that does not serve, and that the engine is closed", async () => {
    for (const ends of ["storage_unavailable", "engine_closed"]) {
      const failing = new Failing();
      const { store } = failing;
      await engineOf(PLAN, [Array.from({ length: 20 }, (_, at) => good(`e${at}`, at))], { store });
      const slices = new Slices(5);
      const plan = planOf({ window: tumbling(100, 0) });
      const engine = await openAt(slices, { plan, store });
      const heard = hear(engine, 0);
      // Who does not ask for it is not told by an error that nobody caught.
      if (ends === "engine_closed") engine.subscribe("q", () => {}, { from: 0 });
      failing.isBroken = true;
      const ended = ends === "engine_closed" ? engine.close() : engine.rebuilt().catch(() => {});
      await slices.all();
      await ended;
      await expect.poll(() => heard.faults).toEqual([ends]);
    }
  });
});

describe("while its core is made again", () => {
  test("numbers of the one that failed are not told", async () => {
    const failing = new Failing();
    const engine = await engineOf(PLAN, [[good("a", 100)]], failing);
    const before = engine.stats();
    const failed = { code: "core_failed" };
    const asked: Promise<unknown>[] = [];
    failing.reading = () => {
      expect(() => engine.stats()).toThrow(expect.objectContaining(failed));
      asked.push(expect(engine.stateHash()).rejects.toMatchObject(failed));
      expect(engine.idleAt()).toBe(200);
    };
    failNext();
    await engine.push(good("b", 200), { receivedAt: 200 });
    failing.reading = () => {};
    expect(asked.length).toBeGreaterThan(0);
    await Promise.all(asked);
    expect(engine.stats()).toMatchObject({ position: before.position + 1, accepted: 2 });
    expect(engine.idleAt()).not.toBeNull();
  });

  test("a tick in silence, and a proof of the log, make it first", async () => {
    for (const ask of ["tickIdle", "verify"] as const) {
      const failing = new Failing();
      const engine = await engineOf(PLAN, [], failing);
      await engine.push([good("a", 100)], { receivedAt: 100 });
      failNext();
      failing.isBroken = true;
      const pushing = engine.push([good("b", 200)], { receivedAt: 200 });
      await expect(pushing).rejects.toMatchObject({ code: "storage_unavailable" });
      // There is something to do: whoever sets a timer comes at once.
      expect(engine.idleAt()).toBe(200);
      const unread = { code: "storage_unavailable" };
      await expect(engine[ask]({} as number & object)).rejects.toMatchObject(unread);
      failing.isBroken = false;
      if (ask === "tickIdle") expect(await engine.tickIdle(10_000)).toBe(true);
      else expect(await engine.verify()).toEqual({ ok: true });
      expect(engine.stats().queries["q"]).toMatchObject({ applied: 2 });
    }
  });

  test.each(["snapshot", "close"] as const)("nothing of it is saved: %s", async (how) => {
    const { engine, failing } = await spent();
    const isRefused = how === "snapshot";
    const saving = engine[how]();
    if (isRefused) await expect(saving).rejects.toMatchObject({ code: "storage_unavailable" });
    else await saving;
    failing.isBroken = false;
    const { snapshots } = (await failing.store.recover())!;
    // That of a new log.
    expect(snapshots.map(({ position }) => position)).toEqual([0]);
    if (isRefused) expect(await engine.snapshot()).toEqual({ position: 3 });
    const again = await engineOf(PLAN, [], failing);
    const sound = await engineOf(PLAN, [[good("a", 100), good("b", 200)], [good("c", 1700)]]);
    expect(again.rows("q")).toEqual(sound.rows("q"));
  });
});

describe("a flush", () => {
  const first = [good("a", 100), good("b", 1200)];

  test("is a turn: what a listener pushes meanwhile comes behind it, for all listeners", async () => {
    const engine = await engineOf(PLAN, [first]);
    const told: string[] = [];
    let pushed: Promise<unknown> = Promise.resolve();
    const stop = engine.listen(() => {
      stop();
      pushed = engine.push(good("c", 2300));
    });
    engine.listen((changes) =>
      told.push(...changes.map(({ kind, window }) => `${kind} ${window.start}`)),
    );
    await engine.flush();
    await expect(pushed).rejects.toMatchObject({ code: "engine_flushed" });
    expect(told).toEqual(["final 0", "final 1000"]);
  });

  test("waits for a push that is under way", async () => {
    const store = memory();
    const append = store.append.bind(store);
    store.append = async (write) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await append(write);
    };
    const engine = await engineOf(PLAN, [first], { store });
    const pushing = engine.push(good("c", 2300));
    const flushing = engine.flush();
    await pushing;
    expect((await flushing).map(({ window }) => window.start)).toEqual([1000, 2000]);
  });

  test("asks no core that failed", async () => {
    const { engine, failing } = await spent();
    await expect(engine.flush()).rejects.toMatchObject({ code: "storage_unavailable" });
    failing.isBroken = false;
    expect((await engine.flush()).map(({ value }) => value)).toEqual([{ n: 1 }]);
  });

  test("on which the core fails tells nothing, and the engine goes on", async () => {
    const engine = await engineOf(PLAN, [first]);
    const rows = engine.rows("q");
    const told = vi.fn();
    engine.listen(told);
    const spy = vi.spyOn(Core.prototype, "flush").mockImplementation(function (this: Core, emit) {
      spy.mockRestore();
      this.flush(emit);
      throw new WebAssembly.RuntimeError("unreachable");
    });
    await expect(engine.flush()).rejects.toMatchObject({ code: "core_failed" });
    expect([engine.rows("q"), told.mock.calls]).toEqual([rows, []]);
    await engine.push(good("c", 1300));
    expect(await engine.flush()).toHaveLength(2);
  });
});
