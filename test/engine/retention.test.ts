// Retention: what is older than its days goes to the archive, chunk by chunk, and is trimmed when
// that has it; archived and kept chunks are one unbroken chain, and what reaches behind says so.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { memory, open, verifyChunks, type ArchivedChunk, type Store } from "../../engine/index.ts";
import { decodeChunk } from "../../engine/store/chunk.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import type { StoredSnapshot } from "../../engine/store/store.ts";
import { event, planOf, tumbling } from "../builders.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-retention-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const PLAN = planOf(
  { window: tumbling(DAY_MS, 0), retain: "30d" },
  { clock: { dedup: "1d", maxAhead: "1d" } },
);
const at = (hour: number): object => event(`h${hour}`, hour * HOUR_MS);

/** What retention does beside the pushes, begun as it is asked for. */
const underWay = new Set<Promise<void>>();
function schedule(work: () => Promise<void>): void {
  const done = work().finally(() => underWay.delete(done));
  underWay.add(done);
}

/** Until that has come to rest. */
async function settle(): Promise<void> {
  while (underWay.size > 0) await Promise.all(underWay);
}

async function chunksOf(store: Store, from: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let next = from; ;) {
    const page = await store.read(next, 1);
    if (page.length === 0) return chunks;
    chunks.push(...page);
    const { firstPosition, count } = decodeChunk(page.at(-1)!);
    next = firstPosition + count;
  }
}

/** The store with other snapshots. */
function recovering(store: Store, snapshots: readonly StoredSnapshot[]): Store {
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (name === "recover") return async () => ({ ...(await store.recover())!, snapshots });
      return typeof value === "function" ? (value.bind(store) as unknown) : value;
    },
  });
}

/** The store, of which `verb` waits for `before`. */
function hooked(store: Store, verb: "read" | "recover", before: () => Promise<void>): Store {
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (typeof value !== "function") return value;
      const own = value.bind(store) as (...words: unknown[]) => unknown;
      return name === verb ? async (...words: unknown[]) => (await before(), own(...words)) : own;
    },
  });
}

describe.each(["memory", "SQLite"])("a log in %s that is kept for two days", (kind) => {
  const newStore = (): Store =>
    kind === "memory" ? memory() : sqlite(join(folder, `log-${files++}.db`));

  async function kept(store: Store, archived: ArchivedChunk[], hours: number) {
    const archive = (chunk: ArchivedChunk): void => void archived.push(chunk);
    const engine = await open({ plan: PLAN, store, retention: { days: 2, archive, schedule } });
    for (let hour = engine.stats().position; hour < hours; hour++) {
      await engine.push(at(hour));
      if (hour % 12 === 0) await settle();
    }
    await settle();
    return engine;
  }

  test("archives what is older, and trims it: one unbroken chain, the same numbers", async () => {
    const store = newStore();
    const archived: ArchivedChunk[] = [];
    const engine = await kept(store, archived, 200);
    const { trimmedTo, trimFault } = engine.stats();
    expect(trimFault).toBeNull();
    // Two days are kept, and what stands before the older of two snapshots, a day apart.
    expect(trimmedTo).toBeGreaterThan(200 - 48 - 49);
    expect(trimmedTo).toBeLessThanOrEqual(199 - 48);
    expect(archived.map(({ position }) => position)).toEqual(
      Array.from({ length: trimmedTo }, (_, position) => position),
    );
    expect(await engine.verify()).toEqual({ ok: true });
    const all = [...archived.map(({ bytes }) => bytes), ...(await chunksOf(store, trimmedTo))];
    expect(all).toHaveLength(200);
    expect(await verifyChunks(all)).toEqual({ ok: true });
    const whole = await open({ plan: PLAN });
    for (let hour = 0; hour < 200; hour++) await whole.push(at(hour));
    const rows = whole.view("q").rows();
    expect(engine.view("q").rows()).toEqual(rows);
    await engine.close();
    const again = await kept(store, archived, 200);
    expect(again.view("q").rows()).toEqual(rows);
    expect(again.stats().trimmedTo).toBeGreaterThanOrEqual(trimmedTo);
    await again.close();
  }, 60_000);

  test("says so where something reaches behind the trim", async () => {
    const store = newStore();
    const engine = await kept(store, [], 200);
    const { trimmedTo } = engine.stats();
    const gone = { code: "log_trimmed" };
    await expect(engine.reprocess("q", { from: 0, to: 1 })).rejects.toMatchObject(gone);
    const window = { start: 8 * DAY_MS, end: 9 * DAY_MS };
    await expect(engine.explain("q", {}, window)).rejects.toMatchObject(gone);
    expect(() => engine.subscribe("q", () => {}, { from: trimmedTo - 1 })).toThrow("position");
    await expect(Array.fromAsync(engine.log({ from: trimmedTo - 1 }))).rejects.toMatchObject(gone);
    expect(await engine.verify({ from: trimmedTo - 1 })).toMatchObject({
      ok: false,
      broken: { position: trimmedTo - 1, ...gone },
    });
    expect(await engine.verify({ from: 0 })).toMatchObject({
      ok: false,
      broken: { position: 0, ...gone, message: expect.stringContaining("below") as string },
    });
    expect(await Array.fromAsync(engine.log())).toHaveLength(200 - trimmedTo);
    const heard: number[] = [];
    engine.subscribe("q", (changes) => heard.push(...changes.map(({ position }) => position)), {
      from: 198,
    });
    await expect.poll(() => heard, { timeout: 20_000 }).toEqual([198, 199]);
    await engine.close();
  }, 60_000);

  test("verifies what it keeps, also where that is trimmed meanwhile", async () => {
    const store = newStore();
    let reading: (() => Promise<void>) | null = null;
    const engine = await kept(
      hooked(store, "read", async () => {
        const once = reading;
        reading = null;
        await once?.();
      }),
      [],
      200,
    );
    const { trimmedTo } = engine.stats();
    reading = async () => {
      for (let hour = 200; hour < 300; hour++) await engine.push(at(hour));
      await settle();
    };
    expect(await engine.verify()).toEqual({ ok: true });
    expect(engine.stats().trimmedTo).toBeGreaterThan(trimmedTo);
    await engine.close();
  }, 60_000);

  test("a subscription whose snapshot makes room before it is read hears where to begin", async () => {
    const store = newStore();
    let gate = Promise.resolve();
    const engine = await kept(
      hooked(store, "recover", () => gate),
      [],
      200,
    );
    const { position: from } = (await store.recover())!.snapshots[1]!;
    const opened = Promise.withResolvers<void>();
    gate = opened.promise;
    const { promise: fault, resolve: onFault } = Promise.withResolvers<Error>();
    engine.subscribe("q", () => {}, { from, onFault });
    for (let hour = 200; hour < 202; hour++) {
      await engine.push(at(hour));
      await engine.snapshot();
    }
    opened.resolve();
    expect(await fault).toMatchObject({ code: "log_trimmed" });
    const [, first] = /before position (\d+) /.exec((await fault).message)!;
    const heard: number[] = [];
    engine.subscribe("q", (changes) => heard.push(...changes.map(({ position }) => position)), {
      from: Number(first),
    });
    await expect.poll(() => heard, { timeout: 20_000 }).toEqual([Number(first)]);
    await engine.close();
  }, 60_000);

  test("tells what came since the older snapshot, saved twice in one place or opened again", async () => {
    const store = newStore();
    let engine = await kept(store, [], 200);
    await engine.snapshot();
    for (const how of ["saved twice", "opened again"]) {
      if (how === "saved twice") await engine.snapshot();
      else {
        await engine.close();
        engine = await kept(store, [], 200);
      }
      const { position } = (await store.recover())!.snapshots[1]!;
      const heard: number[] = [];
      engine.subscribe("q", (changes) => heard.push(...changes.map((each) => each.position)), {
        from: position,
      });
      await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
      await expect.poll(() => heard.at(-1), { timeout: 20_000 }).toBe(199);
      expect(position, how).toBeLessThan(199);
      expect(heard[0], how).toBe(position);
    }
    await engine.close();
  }, 60_000);

  test("keeps what the archive did not take, and gives it again", async () => {
    const archived: number[] = [];
    let fails = true;
    const archive = async ({ position }: ArchivedChunk): Promise<void> => {
      await Promise.resolve();
      if (fails && position === 5) throw new Error("no bucket");
      archived.push(position);
    };
    const retention = { days: 2, archive, schedule };
    const engine = await open({ plan: PLAN, store: newStore(), retention });
    for (let hour = 0; hour < 150; hour++) {
      await engine.push(at(hour));
      if (hour % 12 === 0) await settle();
    }
    expect(engine.stats()).toMatchObject({ trimmedTo: 5, trimFault: "no bucket" });
    expect(new Set(archived)).toEqual(new Set([0, 1, 2, 3, 4]));
    fails = false;
    await engine.snapshot();
    await settle();
    expect(engine.stats().trimFault).toBeNull();
    expect(engine.stats().trimmedTo).toBeGreaterThan(50);
    expect(archived).toContain(5);
    await engine.close();
  }, 60_000);

  test("does not open without a good snapshot once it was trimmed", async () => {
    const store = newStore();
    const engine = await kept(store, [], 200);
    const { trimmedTo, position } = engine.stats();
    await engine.close();
    await expect(open({ plan: PLAN, store: recovering(store, []) })).rejects.toMatchObject({
      code: "log_incomplete",
      message: expect.stringContaining(`positions 0 to ${trimmedTo - 1} were trimmed`) as string,
    });
    const again = await open({ plan: PLAN, store });
    expect(again.stats()).toMatchObject({ position, trimmedTo });
    await again.close();
  }, 60_000);

  test("is trimmed below the older snapshot only, which serves when the newest is bad", async () => {
    const store = newStore();
    const engine = await open({ plan: PLAN, store, retention: { days: 1, schedule } });
    // At the end all that came before is old.
    const hours = [...Array.from({ length: 110 }, (_, hour) => hour), 500];
    for (const [index, hour] of hours.entries()) {
      await engine.push(at(hour));
      if (index % 5 === 0) await settle();
      const { trimmedTo } = engine.stats();
      const older = (await store.recover())!.snapshots[1]?.position ?? 0;
      expect(trimmedTo).toBeLessThanOrEqual(older);
    }
    expect(engine.stats().trimmedTo).toBeGreaterThan(0);
    const rows = engine.view("q").rows();
    await engine.close();
    const recovered = (await store.recover())!;
    const [newest, older] = recovered.snapshots;
    const bytes = newest!.bytes.with(100, newest!.bytes[100]! ^ 1);
    await store.close();
    const snapshots = [{ ...newest!, bytes }, older!];
    const again = await open({ plan: PLAN, store: recovering(store, snapshots) });
    expect(again.view("q").rows()).toEqual(rows);
    await again.close();
  }, 60_000);

  test("is not trimmed while a reprocess stands behind the older snapshot", async () => {
    const store = newStore();
    const before = await open({ plan: PLAN, store });
    for (let hour = 0; hour < 60; hour++) await before.push(at(hour));
    await before.snapshot();
    await before.push(at(130));
    await before.reprocess("q", { from: 0, to: DAY_MS });
    await before.close();
    const engine = await open({ plan: PLAN, store, retention: { days: 1, schedule } });
    await settle();
    expect(engine.stats().trimmedTo).toBe(0);
    await engine.push(at(131));
    await engine.snapshot();
    await engine.push(at(132));
    await engine.snapshot();
    await settle();
    expect(engine.stats().trimmedTo).toBeGreaterThan(0);
    await engine.close();
  }, 60_000);
});

test("released identities are forgotten with the chunks of their events", async () => {
  const store = memory();
  const engine = await open({ plan: PLAN, store, retention: { days: 1, schedule } });
  await engine.push(at(48));
  await engine.push(event("old", 0));
  await engine.release([engine.quarantine()[0]!.id]);
  expect((await store.recover())!.released).toHaveLength(1);
  for (let hour = 49; hour < 200; hour++) await engine.push(at(hour));
  await engine.snapshot();
  await settle();
  expect(engine.stats().trimmedTo).toBeGreaterThan(2);
  expect((await store.recover())!.released).toEqual([]);
  // Sent again it is too old, as ever, and cannot be compared.
  const receipt = await engine.push(event("old", 0, { other: 1 }));
  expect(receipt.quarantined).toMatchObject([{ code: "event_time_too_old" }]);
  await engine.close();
});

test("an archive gets so many chunks at once, and the log is trimmed to the first that it lacks", async () => {
  const store = memory();
  let atOnce = 0;
  let most = 0;
  let broken: number | null = 16;
  const taken: number[] = [];
  const archive = async ({ position }: ArchivedChunk): Promise<void> => {
    most = Math.max(most, ++atOnce);
    // Those that came later are the first to be done.
    await new Promise((resolve) => setTimeout(resolve, 4 - (position % 4)));
    atOnce--;
    if (position === broken) throw new Error("no bucket");
    taken.push(position);
  };
  const retention = { days: 2, archive, archiveAtOnce: 4, schedule };
  const engine = await open({ plan: PLAN, store, retention });
  const feed = async (from: number, to: number): Promise<void> => {
    for (let hour = from; hour < to; hour++) await engine.push(at(hour));
    await settle();
  };
  await feed(0, 120);
  expect(engine.stats()).toMatchObject({ trimmedTo: broken, trimFault: "no bucket" });
  expect(most).toBe(4);
  // Before it all are there; of those that were given with it some may be.
  expect(new Set(taken).isSupersetOf(new Set(Array(broken).keys()))).toBe(true);
  broken = null;
  await feed(120, 170);
  expect(engine.stats().trimFault).toBeNull();
  expect(engine.stats().trimmedTo).toBeGreaterThan(40);
  await engine.close();
});

test("retention is a number of days above 0", async () => {
  for (const retention of [{ days: 0 }, { days: 1, archiveAtOnce: 0 }]) {
    await expect(open({ plan: PLAN, retention })).rejects.toThrow(RangeError);
  }
});
