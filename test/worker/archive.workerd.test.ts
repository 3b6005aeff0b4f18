// A restaurant whose log is kept for a day, with an R2 bucket for what is older: the alarm archives
// and trims, and what is archived and what is kept are one chain; a bucket that refuses keeps the
// log whole; what reaches behind the trim is told so.

import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { verifyChunks, type Row } from "../../engine/index.ts";
import { GENESIS } from "../../engine/store/chain.ts";
import { decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import { sqlite } from "../../engine/store/sqlite.ts";
import { archivedIn, archivedName, archiveIn } from "../../worker/archive.ts";
import type { Env } from "../../worker/restaurant.ts";
import { get, ndjson, order, post, rowsPath, type Answer } from "./sample.ts";

const { RESTAURANTS, ARCHIVE } = env as unknown as Required<Env>;
const worker = (exports as unknown as { default: Fetcher }).default;

const STEP_S = 6 * 3600;
const SLOW = 60_000;
const WAIT = { timeout: SLOW / 2, interval: 50 };

let count = 0;
function newId(): string {
  return `ARCHIVE ${count++}/ü`;
}

/** A push each six hours of event time: with so many some are older than the week of `dedup`. */
const STEPS = 48;

async function feed(id: string, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    const answer = await post(worker, ndjson([order(id, step, step * STEP_S)]));
    expect(answer).toMatchObject({ status: 200, body: { accepted: 1 } });
  }
}

async function statsOf(id: string): Promise<Answer["body"]> {
  return (await get(worker, `/v1/restaurants/${encodeURIComponent(id)}/stats`)).body;
}

async function archived(id: string): Promise<R2Object[]> {
  const { objects } = await ARCHIVE.list({ prefix: `${encodeURIComponent(id)}/` });
  return objects;
}

/** What the archive has, then what the log keeps. */
async function allChunks(id: string): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (const { key } of await archived(id)) {
    chunks.push(new Uint8Array(await (await ARCHIVE.get(key))!.arrayBuffer()));
  }
  const kept = await runInDurableObject(RESTAURANTS.getByName(id), async (_, { storage }) => {
    const { trimmedTo } = (await sqlite(storage).recover())!;
    return sqlite(storage).read(trimmedTo, 1 << 20);
  });
  return [...chunks, ...kept];
}

async function trimmed(id: string, atLeast: number): Promise<number> {
  return vi.waitFor(async () => {
    const { trimmedTo, trimFault } = await statsOf(id);
    expect(trimFault).toBeNull();
    expect(trimmedTo).toBeGreaterThanOrEqual(atLeast);
    return Number(trimmedTo);
  }, WAIT);
}

function run(id: string, query: string): Promise<void> {
  return runInDurableObject(RESTAURANTS.getByName(id), (_, { storage }) => {
    storage.sql.exec(query);
  });
}

test("a chunk's name is the restaurant and the position, which sort", () => {
  const names = [0, 9, 10, Number.MAX_SAFE_INTEGER].map((at) => archivedName("a/b", at));
  expect(names[2]).toBe("a%2Fb/0000000000000010");
  expect(names.toSorted()).toEqual(names);
});

test(
  "the chunk that ends at a position is found, however many or large are before it",
  async () => {
    const id = newId();
    const chunkOf = (firstPosition: number, count: number): Uint8Array =>
      encodeChunk({
        ...{ firstPosition, count, receivedAt: null, flags: 0, previousDigest: GENESIS },
        lines: new TextEncoder().encode("{}\n".repeat(count)),
      });
    // More names than one listing has, then a chunk of more entries than are looked at first.
    const small = 1100;
    const large = 5000;
    const put = (position: number, bytes: Uint8Array) =>
      ARCHIVE.put(archivedName(id, position), bytes);
    for (let from = 0; from < small; from += 100) {
      const hundred = Array.from({ length: 100 }, (_, at) => from + at);
      await Promise.all(hundred.map((position) => put(position, chunkOf(position, 1))));
    }
    await put(small, chunkOf(small, large));
    await put(small + large, chunkOf(small + large, 2));
    const found = async (ending: ReturnType<typeof archivedIn>, end: number): Promise<unknown> => {
      const bytes = await ending(end);
      return bytes === null ? null : decodeChunk(bytes).firstPosition;
    };
    const ending = archivedIn(ARCHIVE, id);
    expect(await found(ending, small + large + 2)).toBe(small + large);
    expect(await found(ending, small + large)).toBe(small);
    for (const end of [1100, 1099, 100, 1]) expect(await found(ending, end)).toBe(end - 1);
    // What ends elsewhere, or is of another restaurant, is not what was asked for.
    expect(await found(ending, 0)).toBeNull();
    expect(await found(archivedIn(ARCHIVE, id), 3000)).toBeNull();
    expect(await found(archivedIn(ARCHIVE, newId()), 2)).toBeNull();
  },
  SLOW,
);

test("what else lies beside the chunks is no chunk", async () => {
  const id = newId();
  const lines = new TextEncoder().encode("{}\n".repeat(3));
  const parts = { count: 3, receivedAt: null, flags: 0, previousDigest: GENESIS, lines };
  for (const firstPosition of [0, 3]) {
    await ARCHIVE.put(archivedName(id, firstPosition), encodeChunk({ firstPosition, ...parts }));
  }
  const folder = archivedName(id, 0).slice(0, -16);
  for (const name of ["", "1", "0x4", "05.9", " 1 ", "5e0", "list.txt", "0000000000000005/copy"]) {
    await ARCHIVE.put(folder + name, "no chunk");
  }
  const ending = archivedIn(ARCHIVE, id);
  for (const end of [6, 3]) {
    expect(decodeChunk((await ending(end))!).firstPosition).toBe(end - 3);
  }
});

test("a chunk is known where the bucket was copied, without its checksums", async () => {
  const id = newId();
  const bytes = new TextEncoder().encode("a chunk");
  const archive = archiveIn(ARCHIVE, id);
  await archive({ position: 0, endPosition: 1, bytes });
  await ARCHIVE.put(archivedName(id, 1), bytes);
  for (const position of [0, 1]) {
    await archive({ position, endPosition: position + 1, bytes });
    const other = { position, endPosition: position + 1, bytes: bytes.with(0, 0) };
    await expect(archive(other)).rejects.toThrow("another chunk");
  }
});

describe("an archive that is read back", () => {
  /** The bucket, and which names it is asked for. */
  function watched(): { bucket: R2Bucket; asked: string[] } {
    const asked: string[] = [];
    const bucket = new Proxy(ARCHIVE, {
      get: (_, name) => {
        if (name !== "get") return (Reflect.get(ARCHIVE, name) as () => unknown).bind(ARCHIVE);
        return (key: string) => {
          asked.push(key);
          return ARCHIVE.get(key);
        };
      },
    });
    return { bucket, asked };
  }

  /** Chunks of one entry each, of so many bytes. */
  async function stored(count: number, bytes: number): Promise<string> {
    const id = newId();
    for (let position = 0; position < count; position++) {
      const line = `${JSON.stringify({ position })}`.padEnd(bytes - 1);
      const lines = new TextEncoder().encode(`${line}\n`);
      const parts = { firstPosition: position, count: 1, receivedAt: null, flags: 0, lines };
      const chunk = encodeChunk({ ...parts, previousDigest: GENESIS });
      await ARCHIVE.put(archivedName(id, position), chunk);
    }
    return id;
  }

  test.each([
    [100, 20, 6],
    // Of large ones no more than 8 MiB beside the one at hand.
    [3 << 20, 8, 3],
  ])(
    "is asked for chunks of %i bytes ahead, in order, as many as fit",
    async (bytes, count, most) => {
      const id = await stored(count, bytes);
      const { bucket, asked } = watched();
      const ending = archivedIn(bucket, id, count);
      for (let end = count; end > 0; end--) {
        expect(decodeChunk((await ending(end))!).firstPosition).toBe(end - 1);
        const given = count - end + 1;
        // That one, and those behind it that are under way or lie ready.
        expect(asked.length - given + 1).toBe(Math.min(most, end));
      }
      const names = Array.from({ length: count }, (_, index) =>
        archivedName(id, count - 1 - index),
      );
      expect(asked).toEqual(names);
    },
    SLOW,
  );

  test("is asked for no more than will be taken, and a fault ahead is told in its turn", async () => {
    const id = await stored(10, 100);
    const { bucket, asked } = watched();
    const ending = archivedIn(bucket, id, 3);
    for (const end of [10, 9, 8]) expect(await ending(end)).not.toBeNull();
    expect(asked).toHaveLength(3);
    const get = bucket.get.bind(bucket);
    const failing = new Proxy(bucket, {
      get: (_, name) => {
        if (name !== "get") return Reflect.get(bucket, name) as unknown;
        return async (key: string) => {
          if (key === archivedName(id, 7)) throw new Error("no bucket");
          return get(key);
        };
      },
    });
    const next = archivedIn(failing, id, 10);
    for (const end of [10, 9]) expect(await next(end)).not.toBeNull();
    await expect(next(8)).rejects.toThrow("no bucket");
  });
});

describe("an archived log", { timeout: SLOW }, () => {
  test("is one unbroken chain with what is kept, through evictions and restarts", async () => {
    const id = newId();
    await feed(id, 0, STEPS);
    // More than a week is kept, and no more than two days beyond it.
    const first = await trimmed(id, STEPS - 4 * 7 - 8);
    expect(first).toBeLessThanOrEqual(STEPS - 4 * 7);
    expect((await archived(id)).map(({ key }) => key)).toEqual(
      Array.from({ length: first }, (_, position) => archivedName(id, position)),
    );
    const { rows } = (await get(worker, rowsPath(id))).body;
    await evictDurableObject(RESTAURANTS.getByName(id));
    expect((await get(worker, rowsPath(id))).body["rows"]).toEqual(rows);
    await feed(id, STEPS, STEPS + 12);
    await abortAllDurableObjects();
    const second = await trimmed(id, first + 8);
    const chunks = await allChunks(id);
    expect(chunks).toHaveLength(STEPS + 12);
    expect(await verifyChunks(chunks)).toEqual({ ok: true });
    expect(await archived(id)).toHaveLength(second);
  });

  test("is archived by the alarm, which the push that saved a snapshot sets", async () => {
    const id = newId();
    await feed(id, 0, 1);
    await runInDurableObject(RESTAURANTS.getByName(id), async (object, { storage }) => {
      const idleAt = (await storage.getAlarm())!;
      expect(idleAt).toBeGreaterThan(Date.now());
      const lines = new TextEncoder().encode(ndjson([order(id, 1, 4 * STEP_S)]));
      await object.push(lines, Date.now());
      expect(await storage.getAlarm()).toBeLessThanOrEqual(Date.now());
    });
  });

  test("stays whole where the bucket refuses, which `stats` says, and is archived later", async () => {
    const id = newId();
    const foreign = archivedName(id, 0);
    await ARCHIVE.put(foreign, "another log's");
    await feed(id, 0, STEPS);
    await vi.waitFor(async () => {
      const { trimFault } = await statsOf(id);
      expect(trimFault).toBe(
        `The archive has another chunk as ${foreign}: look which one is right.`,
      );
    }, WAIT);
    expect(await statsOf(id)).toMatchObject({ trimmedTo: 0, position: STEPS });
    expect(await (await ARCHIVE.get(foreign))!.text()).toBe("another log's");
    // It is tried again, but seldom: an hour later, where nothing else is due.
    const stub = RESTAURANTS.getByName(id);
    vi.useFakeTimers({ now: Date.now() + 20 * 60_000, toFake: ["Date"] });
    try {
      expect(await runDurableObjectAlarm(stub)).toBe(true);
      const alarm = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
      expect(alarm).toBe(Date.now() + 3_600_000);
    } finally {
      vi.useRealTimers();
    }
    await ARCHIVE.delete(foreign);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await trimmed(id, 8);
    expect(await verifyChunks(await allChunks(id))).toEqual({ ok: true });
  });

  test("killed between put and trim is put again, the same objects, and trimmed then", async () => {
    const id = newId();
    await feed(id, 0, 1);
    await run(
      id,
      `CREATE TRIGGER broken BEFORE UPDATE OF trimmed_to ON millrace_log
         BEGIN SELECT RAISE(ABORT, 'the process ends here'); END`,
    );
    await feed(id, 1, STEPS);
    const put = await vi.waitFor(async () => {
      expect((await statsOf(id))["trimFault"]).toContain("the process ends here");
      return archived(id);
    }, WAIT);
    expect(put.length).toBeGreaterThan(4);
    await abortAllDurableObjects();
    expect(await statsOf(id)).toMatchObject({ trimmedTo: 0, position: STEPS });
    await run(id, "DROP TRIGGER broken");
    await runDurableObjectAlarm(RESTAURANTS.getByName(id));
    await trimmed(id, put.length);
    const again = await archived(id);
    const versions = (objects: readonly R2Object[]) =>
      objects.map(({ key, version }) => ({ key, version }));
    expect(versions(again).slice(0, put.length)).toEqual(versions(put));
    expect(await verifyChunks(await allChunks(id))).toEqual({ ok: true });
  });
});

describe("behind a trim", { timeout: SLOW }, () => {
  const id = newId();
  let trimmedTo = 0;

  beforeAll(async () => {
    await feed(id, 0, STEPS);
    trimmedTo = await trimmed(id, STEPS - 4 * 7 - 8);
  }, SLOW);

  test("explain and reprocess answer `log_trimmed`, and change nothing", async () => {
    const { body } = await get(worker, rowsPath(id));
    const { key, window } = (body["rows"] as Pick<Row, "key" | "window">[]).at(-1)!;
    const asked = { key: JSON.stringify(key), window: `${window.start}/${window.end}` };
    const question = new URLSearchParams(asked).toString();
    const explained = await get(worker, `${rowsPath(id)}/explain?${question}`);
    const gone = { status: 410, body: { title: "Gone", code: "log_trimmed", trimmedTo } };
    expect(explained).toMatchObject(gone);
    const url = `https://millrace.test/v1/restaurants/${encodeURIComponent(id)}/reprocess`;
    const range = { query: "restaurant-metrics", from: window.start, to: window.end };
    const reprocessed = await worker.fetch(url, { method: "POST", body: JSON.stringify(range) });
    expect({ status: reprocessed.status, body: await reprocessed.json() }).toMatchObject(gone);
    expect((await get(worker, rowsPath(id))).body).toEqual(body);
  });

  test("a log without a good snapshot answers `log_incomplete`, until the archive has it all", async () => {
    const { body } = await get(worker, rowsPath(id));
    const lost = archivedName(id, 5);
    const bytes = await (await ARCHIVE.get(lost))!.arrayBuffer();
    await ARCHIVE.delete(lost);
    await run(id, "DELETE FROM millrace_snapshot");
    const stub = RESTAURANTS.getByName(id);
    await evictDurableObject(stub);
    const answer = await get(worker, rowsPath(id));
    expect(answer).toMatchObject({ status: 503, body: { code: "log_incomplete" } });
    // What stands behind the chunk that is not there comes back, and the log takes nothing.
    const path = `/v1/restaurants/${encodeURIComponent(id)}/stats`;
    const toIncomplete = async (): Promise<void> => {
      const incomplete = { code: "log_incomplete", trimmedTo };
      expect((await get(worker, path)).body).toMatchObject(incomplete);
    };
    expect(trimmedTo).toBeGreaterThan(6);
    await runDurableObjectAlarm(stub);
    trimmedTo = 6;
    await vi.waitFor(toIncomplete, WAIT);
    const pushed = await post(worker, ndjson([order(id, STEPS, STEPS * STEP_S)]));
    expect(pushed).toMatchObject({
      status: 503,
      body: { unavailable: [0], faults: { [id]: "log_incomplete" } },
    });
    // A chunk that is not the log's own does not come in; it is looked for again an hour later.
    const foreign = new Uint8Array(await (await ARCHIVE.get(archivedName(id, 4)))!.arrayBuffer());
    await ARCHIVE.put(lost, foreign);
    await runDurableObjectAlarm(stub);
    await toIncomplete();
    const alarm = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeGreaterThan(Date.now() + 3_000_000);
    await ARCHIVE.put(lost, bytes);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await statsOf(id)).toMatchObject({ position: STEPS });
    expect((await get(worker, rowsPath(id))).body).toEqual(body);
  });
});

test(
  "a long log comes back from its archive a part at a time, and is trimmed again",
  async () => {
    const id = newId();
    const quarter = STEP_S / 4;
    const steps = STEPS * 4;
    for (let step = 0; step < steps; step++) {
      await post(worker, ndjson([order(id, step, step * quarter)]));
    }
    const trimmedTo = await trimmed(id, 2 * 32 + 1);
    const { body } = await get(worker, rowsPath(id));
    await run(id, "UPDATE millrace_snapshot SET bytes = zeroblob(9)");
    await abortAllDurableObjects();
    expect(await get(worker, rowsPath(id))).toMatchObject({ status: 503 });
    await vi.waitFor(async () => expect((await get(worker, rowsPath(id))).status).toBe(200), WAIT);
    expect((await get(worker, rowsPath(id))).body).toEqual(body);
    expect(await statsOf(id)).toMatchObject({ trimmedTo: 0, position: steps });
    const kept = await runInDurableObject(RESTAURANTS.getByName(id), async (_, { storage }) => {
      return sqlite(storage).read(0, 1 << 24);
    });
    expect(kept).toHaveLength(steps);
    expect(await verifyChunks(kept)).toEqual({ ok: true });
    for (let step = steps; step < steps + 48; step++) {
      await post(worker, ndjson([order(id, step, step * quarter)]));
    }
    await trimmed(id, trimmedTo);
    const chunks = await allChunks(id);
    expect(await verifyChunks(chunks)).toEqual({ ok: true });
  },
  SLOW,
);
