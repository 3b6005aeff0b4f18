// Restoring: what an archive got goes back before what the log keeps, chunk by chunk along the
// chain, so that a log whose snapshots are lost opens again, with the numbers that it had.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import {
  HostFault,
  memory,
  verifyChunks,
  type ArchivedChunk,
  type Engine,
  type Store,
} from "../../engine/index.ts";
import { decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { restoreLog } from "../../engine/store/restore.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-restore-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const PLAN = planOf({ key: { k: "data.k" }, window: tumbling(20, 5) }, { clock: { dedup: 50 } });
const DAYS = 50 / 86_400_000;
const PUSHES = 30;

/** The same store, without its snapshots. */
function bare(store: Store): Store {
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (name === "recover") return async () => ({ ...(await store.recover())!, snapshots: [] });
      return typeof value === "function" ? (value.bind(store) as unknown) : value;
    },
  });
}

/** The same store, which trims so. */
function withTrim(store: Store, trim: Store["trim"]): Store {
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = Reflect.get(store, name, store);
      if (name === "trim") return trim;
      return typeof value === "function" ? (value.bind(store) as unknown) : value;
    },
  });
}

async function seen(engine: Engine): Promise<object> {
  return { hash: await engine.stateHash(), rows: engine.view("q").rows() };
}

interface Trimmed {
  readonly store: Store;
  readonly archive: Map<number, Uint8Array>;
  readonly trimmedTo: number;
  readonly expected: object;
}

/** A log of thirty pushes of one to three events, trimmed to its last few. */
async function trimmed(newStore: () => Store): Promise<Trimmed> {
  const store = newStore();
  const archive = new Map<number, Uint8Array>();
  const retention = {
    days: DAYS,
    archive: ({ endPosition, bytes }: ArchivedChunk) => void archive.set(endPosition, bytes),
  };
  const engine = await engineOf(PLAN, [], { store, retention });
  for (let push = 0; push < PUSHES; push++) {
    const events = Array.from({ length: 1 + (push % 3) }, (_, at) =>
      event(`e${push}-${at}`, push * 10 + at, { k: `k${push % 2}` }),
    );
    await engine.push(events);
    if (push > PUSHES - 3) await engine.snapshot();
  }
  await expect.poll(() => engine.stats().trimmedTo).toBeGreaterThan(30);
  const expected = await seen(engine);
  const { trimmedTo } = engine.stats();
  await engine.close();
  return { store, archive, trimmedTo, expected };
}

describe.each(["memory", "SQLite"])("a trimmed log in %s", (kind) => {
  const newStore = (): Store =>
    kind === "memory" ? memory() : sqlite(join(folder, `${files++}.db`));

  test("that came back is trimmed again, and its archive is given nothing that it has", async () => {
    const { store, archive, trimmedTo } = await trimmed(newStore);
    await restoreLog(store, (end) => archive.get(end) ?? null);
    const given: number[] = [];
    let isDead = true;
    const dying = withTrim(store, async (...words) => {
      // The process ends between what the archive has taken and the trim.
      if (isDead) throw new HostFault("storage_unavailable", "killed");
      await store.trim(...words);
    });
    const retention = {
      days: DAYS,
      archive: ({ position, endPosition, bytes }: ArchivedChunk): void => {
        given.push(position);
        archive.set(endPosition, bytes);
      },
    };
    for (const dies of [true, false]) {
      isDead = dies;
      given.length = 0;
      const engine = await engineOf(PLAN, [], { store: dying, retention });
      for (const time of dies ? [400, 500, 600] : [700]) {
        await engine.push(event(`more-${time}`, time));
        await engine.snapshot();
      }
      if (dies) await expect.poll(() => engine.stats().trimFault).toBe("killed");
      else await expect.poll(() => engine.stats().trimmedTo).toBeGreaterThan(trimmedTo);
      // Those that were not archived before: again where nobody knows that they were.
      expect(given.length).toBeGreaterThan(0);
      expect(Math.min(...given)).toBe(trimmedTo);
      await engine.close();
    }
    const { trimmedTo: kept } = (await store.recover())!;
    const ends = [...archive.keys()].filter((end) => end <= kept).toSorted((a, b) => a - b);
    const all = [...ends.map((end) => archive.get(end)!), ...(await store.read(kept, 1 << 20))];
    expect(await verifyChunks(all)).toEqual({ ok: true });
    expect(decodeChunk(all[0]!).firstPosition).toBe(0);
  });

  test("opens again without its snapshots, and is one chain", async () => {
    const { store, archive, trimmedTo, expected } = await trimmed(newStore);
    const lost = bare(store);
    await expect(engineOf(PLAN, [], { store: lost })).rejects.toMatchObject({
      code: "log_incomplete",
    });
    const asked: number[] = [];
    const restored = await restoreLog(store, (end) => {
      asked.push(end);
      return archive.get(end) ?? null;
    });
    expect(restored).toEqual({ trimmedTo: 0, from: trimmedTo });
    // From the newest to the oldest, each once.
    expect(asked).toEqual([...archive.keys()].reverse());
    const engine = await engineOf(PLAN, [], { store: lost });
    expect(await seen(engine)).toEqual(expected);
    expect(await engine.verify({ from: 0 })).toEqual({ ok: true });
    expect(engine.stats().trimmedTo).toBe(0);
    const first = event("e0-0", 0, { k: "k0" });
    expect(await engine.push([first, event("n", 400)])).toMatchObject({ accepted: 1 });
    await engine.close();
    expect(await restoreLog(store, () => null)).toEqual({ trimmedTo: 0, from: 0 });
  });

  test("is put back a part at a time, and only as far as is asked for", async () => {
    const { store, archive, trimmedTo } = await trimmed(newStore);
    const ending = (end: number): Uint8Array | null => archive.get(end) ?? null;
    const [newest] = [...archive.values()].reverse();
    const { firstPosition } = decodeChunk(newest!);
    const part = await restoreLog(store, ending, { chunksMax: 1 });
    expect(part).toEqual({ trimmedTo: firstPosition, from: trimmedTo });
    const rest = await restoreLog(store, ending, { to: 10 });
    expect(rest.from).toBe(firstPosition);
    expect(rest.trimmedTo).toBeLessThanOrEqual(10);
    expect(rest.trimmedTo).toBeGreaterThan(7);
    expect(await restoreLog(store, ending)).toEqual({ trimmedTo: 0, from: rest.trimmedTo });
    await store.close();
  });

  test("names what is missing, damaged or another's, and keeps what came before", async () => {
    const { store, archive } = await trimmed(newStore);
    const ends = [...archive.keys()];
    // In turn from the newest on, each fault where the one before stopped.
    const at = (index: number): { end: number; chunk: ReturnType<typeof decodeChunk> } => {
      const end = ends.at(index)!;
      return { end, chunk: decodeChunk(archive.get(end)!) };
    };
    const restore = (): Promise<object> => restoreLog(store, (end) => archive.get(end) ?? null);
    const keptFrom = async (): Promise<number> => (await store.recover())!.trimmedTo;
    for (const [index, code, change] of [
      [-2, "log_incomplete", () => null],
      [-4, "chunk_broken", (bytes: Uint8Array) => bytes.with(80, bytes[80]! ^ 4)],
      [-6, "chunk_broken", changed],
      [0, "chunk_broken", chained],
    ] as const) {
      const { end, chunk } = at(index);
      const whole = archive.get(end)!;
      const other = change(whole);
      if (other === null) archive.delete(end);
      else archive.set(end, other);
      const named =
        code === "log_incomplete" ? `position ${end}` : `position ${chunk.firstPosition}`;
      const message = expect.stringContaining(`${named}`) as string;
      await expect(restore()).rejects.toMatchObject({ code, message });
      expect(await keptFrom()).toBe(end);
      archive.set(end, whole);
    }
    await restore();
    expect(await keptFrom()).toBe(0);
    await store.close();
  });
});

test("an archive that has several chunks of one end is told which is the log's", async () => {
  const { store, archive } = await trimmed(memory);
  const own: Uint8Array[] = [];
  await restoreLog(store, async (end, sha256) => {
    const whole = archive.get(end)!;
    for (const bytes of [changed(whole), whole]) {
      if (Buffer.from(sha256).equals(createHash("sha256").update(bytes).digest())) own.push(bytes);
    }
    return own.at(-1)!;
  });
  expect(own).toEqual([...archive.values()].reverse());
});

test("a file that does not open, and one that was restored, are let go of", async () => {
  const file = join(folder, `${files++}.db`);
  const { archive, expected } = await trimmed(() => sqlite(file));
  const db = new DatabaseSync(file);
  db.exec("DELETE FROM millrace_snapshot");
  db.close();
  const opened = (): Promise<Engine> => engineOf(PLAN, [], { store: sqlite(file) });
  await expect(opened()).rejects.toMatchObject({ code: "log_incomplete" });
  await expect(opened()).rejects.toMatchObject({ code: "log_incomplete" });
  await expect(restoreLog(sqlite(file), () => null)).rejects.toMatchObject({
    code: "log_incomplete",
  });
  await restoreLog(sqlite(file), (end) => archive.get(end) ?? null);
  const engine = await opened();
  expect(await seen(engine)).toEqual(expected);
  await engine.close();
});

/** Whole by its checksum, with another letter. */
function changed(bytes: Uint8Array): Uint8Array {
  const chunk = decodeChunk(bytes);
  const lines = chunk.lines.slice();
  lines[lines.indexOf("k".charCodeAt(0))] = "K".charCodeAt(0);
  return encodeChunk({ ...chunk, lines });
}

/** The first of all, as if it followed another. */
function chained(bytes: Uint8Array): Uint8Array {
  return encodeChunk({ ...decodeChunk(bytes), previousDigest: new Uint8Array(32).fill(1) });
}
