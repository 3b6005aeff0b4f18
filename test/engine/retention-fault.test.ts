// What goes wrong beside retention: a gap in the log, an archive that takes the bytes for its own, a
// store that fails for a moment; who asks when it is over, and a plan that was rebuilt behind a trim.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { memory, open, type ArchivedChunk, type Engine, type Store } from "../../engine/index.ts";
import type { HostFault } from "../../engine/store/host-fault.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import type { Retention } from "../../engine/retention.ts";
import { event, planOf, tumbling } from "../builders.ts";
import { failingStore } from "../store/failing-store.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-retention-fault-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => join(folder, `log-${files++}.db`);

const HOUR_MS = 3_600_000;
const CLOCK = { clock: { dedup: "1d", maxAhead: "10d" } };
const PLAN = planOf({ window: tumbling("1d", 0), retain: "30d" }, CLOCK);
const OTHER = planOf({ window: tumbling("12h", 0), retain: "30d" }, CLOCK);
const at = (hour: number, data = {}): object => event(`h${hour}`, hour * HOUR_MS, data);

/** The work that retention asks for, which is done when a test says so. */
class Works {
  #next: (() => Promise<void>) | null = null;
  readonly schedule = (work: () => Promise<void>): void => void (this.#next = work);

  async run(): Promise<void> {
    for (let work = this.#next; work !== null; work = this.#next) {
      this.#next = null;
      await work();
    }
  }
}

/** An engine of so many hours, a push each, and two snapshots at the end. */
async function fed(store: Store, retention: Retention | null, hours = 120): Promise<Engine> {
  const engine = await open({ plan: PLAN, store, ...(retention && { retention }) });
  for (let hour = 0; hour < hours; hour++) {
    await engine.push(at(hour));
    if (hour > hours - 3) await engine.snapshot();
  }
  return engine;
}

test("a gap at which a page ends is named, and nothing is trimmed up to it", async () => {
  const file = newFile();
  const filled = await open({ plan: PLAN, store: sqlite(file) });
  const pad = "x".repeat(230_000);
  // The first two chunks fill a page.
  for (let hour = 0; hour < 3; hour++) {
    const ten = Array.from({ length: 10 }, (_, index) =>
      event(`h${hour}-${index}`, hour * HOUR_MS, { pad }),
    );
    await filled.push(ten);
  }
  for (const hour of [118, 119]) {
    await filled.push(at(hour));
    await filled.snapshot();
  }
  await filled.close();
  const database = new DatabaseSync(file);
  database.exec("DELETE FROM millrace_chunk WHERE position = 20");
  database.close();
  const works = new Works();
  const { schedule } = works;
  const engine = await open({
    plan: PLAN,
    store: sqlite(file),
    retention: { days: 2, schedule },
  });
  await works.run();
  const trimFault = expect.stringMatching(/^Positions 20 to 29 are missing/) as string;
  expect(engine.stats()).toMatchObject({ trimmedTo: 0, trimFault });
  await engine.close();
});

/** As a store over files of Node gives chunks: slices of a Buffer are views of it. */
function inBuffers(store: Store): Store {
  const read: Store["read"] = async (from, limitBytes) => {
    const page = await store.read(from, limitBytes);
    return page.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
  };
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = name === "read" ? read : Reflect.get(store, name, store);
      return typeof value === "function" ? (value.bind(store) as unknown) : value;
    },
  });
}

describe.each(["memory", "SQLite", "Buffers"])("a log in %s", (kind) => {
  const newStore = (): Store => {
    if (kind === "SQLite") return sqlite(newFile());
    return kind === "memory" ? memory() : inBuffers(memory());
  };

  test("is whole though its archive transfers what it gets, and refuses some", async () => {
    const works = new Works();
    let fails = true;
    const got: number[] = [];
    const archive = ({ position, bytes }: ArchivedChunk): void => {
      structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
      if (position === 5 && fails) throw new Error("no bucket");
      got.push(position);
    };
    const { schedule } = works;
    const engine = await fed(newStore(), { days: 2, archive, schedule });
    await works.run();
    expect(engine.stats()).toMatchObject({ trimmedTo: 5, trimFault: "no bucket" });
    expect(await engine.verify()).toEqual({ ok: true });
    fails = false;
    await engine.snapshot();
    await works.run();
    const { trimmedTo, trimFault } = engine.stats();
    expect(trimFault).toBeNull();
    expect(trimmedTo).toBeGreaterThan(50);
    expect(got).toEqual(Array.from({ length: trimmedTo }, (_, position) => position));
    expect(await engine.verify()).toEqual({ ok: true });
    await engine.close();
  });

  test("is well again when a store that failed reads, with nothing old to trim", async () => {
    const works = new Works();
    let fails = false;
    // No fault of a store: nobody waits for who would hear of it.
    const failure = (): Error | null => (fails ? new RangeError("no memory") : null);
    const store = failingStore(newStore(), "read", failure);
    const { schedule } = works;
    const engine = await fed(store, { days: 20, schedule }, 3);
    fails = true;
    await works.run();
    expect(engine.stats().trimFault).toBe("no memory");
    fails = false;
    await engine.snapshot();
    await works.run();
    expect(engine.stats().trimFault).toBeNull();
    await engine.close();
  });

  test("of which a plan was rebuilt behind a trim says from where it can tell", async () => {
    const works = new Works();
    const { schedule } = works;
    const store = newStore();
    const former = await fed(store, { days: 2, schedule });
    await works.run();
    const { trimmedTo } = former.stats();
    expect(trimmedTo).toBeGreaterThan(0);
    await former.close();
    const engine = await open({ plan: OTHER, store });
    await engine.rebuilt();
    const subscribe = (from: number, heard: unknown[] = []): (() => void) =>
      engine.subscribe("q", (changes) => heard.push(...changes), {
        from,
        onFault: (fault) => heard.push(fault),
      });
    const gone = {
      code: "log_trimmed",
      message: expect.stringContaining("position 120") as string,
    };
    expect(() => subscribe(trimmedTo + 3)).toThrow(expect.objectContaining(gone) as Error);
    await engine.push(at(121));
    const heard: { position: number }[] = [];
    subscribe(120, heard);
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    expect(heard.every(({ position }) => position === 120)).toBe(true);
    await engine.close();
  });
});

test("a log whose host hibernates more than once a day is snapshotted, and trimmed", async () => {
  const file = newFile();
  const works = new Works();
  const { schedule } = works;
  let engine: Engine | null = null;
  for (let hour = 0, store = sqlite(file); hour < 120; hour++) {
    if (hour % 8 === 0) {
      // Nobody closes the engine of an object that is evicted.
      await store.close();
      store = sqlite(file);
      engine = await open({ plan: PLAN, store, retention: { days: 2, schedule } });
    }
    await engine!.push(at(hour));
    await works.run();
  }
  expect(engine!.stats().trimFault).toBeNull();
  expect(engine!.stats().trimmedTo).toBeGreaterThan(0);
  await engine!.close();
  // Where nothing is trimmed there is no need of any.
  const kept = newFile();
  for (let hour = 0; hour < 48; hour += 8) {
    const store = sqlite(kept);
    engine = await open({ plan: PLAN, store });
    await engine.push(at(hour));
    const { snapshots } = (await store.recover())!;
    expect(snapshots.map(({ position }) => position)).toEqual([0]);
    await store.close();
  }
});

test("who subscribes to a trimmed log after it was closed does not lock its file anew", async () => {
  const works = new Works();
  const { schedule } = works;
  const file = newFile();
  const engine = await fed(sqlite(file), { days: 2, schedule });
  await works.run();
  expect(engine.stats().trimmedTo).toBeGreaterThan(0);
  await engine.close();
  const fault = Promise.withResolvers<HostFault>();
  engine.subscribe("q", () => {}, { from: 119, onFault: fault.resolve });
  expect(await fault.promise).toMatchObject({ code: "engine_closed" });
  const again = await open({ plan: PLAN, store: sqlite(file) });
  expect(again.stats().position).toBe(120);
  await again.close();
});

test("a snapshot that stands in another's place does not pass for newer", async () => {
  const file = newFile();
  const filled = await fed(sqlite(file), null);
  await filled.close();
  const database = new DatabaseSync(file);
  // The newest two stand at 119 and 120: one flipped bit, and the older one is first.
  const older = database.prepare("UPDATE millrace_snapshot SET position = ? WHERE position = 119");
  expect(older.run(119 | (1 << 30)).changes).toBe(1);
  database.close();
  const works = new Works();
  const { schedule } = works;
  const retention = { days: 1, schedule };
  const engine = await open({ plan: PLAN, store: sqlite(file), retention });
  // All before it is old.
  await engine.push(at(300));
  await works.run();
  expect(engine.stats().trimmedTo).toBeGreaterThan(50);
  expect(engine.stats().trimmedTo).toBeLessThanOrEqual(119);
  const rows = engine.view("q").rows();
  await engine.close();
  const again = await open({ plan: PLAN, store: sqlite(file) });
  expect(again.view("q").rows()).toEqual(rows);
  await again.close();
});
