// The object behind a restaurant: one row a push, written before it answers; a push that the store
// refuses leaves no trace; a restaurant out of reach keeps no other from its events.

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import type { Env } from "../../worker/restaurant.ts";
import { get, ndjson, order, post, QUERY, rowsPath } from "./sample.ts";

const { RESTAURANTS } = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const encoder = new TextEncoder();

let count = 0;
function newId(): string {
  return `DURABLE-${count++}`;
}

function orders(id: string, from: number, to: number) {
  return Array.from({ length: to - from }, (_, at) => order(id, from + at));
}

function chunkRows(storage: DurableObjectStorage): number {
  return Number(storage.sql.exec("SELECT count(*) AS n FROM millrace_chunk").one()["n"]);
}

function rowsOf(id: string): Promise<number> {
  return runInDurableObject(RESTAURANTS.getByName(id), (_, { storage }) => chunkRows(storage));
}

function run(id: string, query: string): Promise<void> {
  return runInDurableObject(RESTAURANTS.getByName(id), (_, { storage }) => {
    storage.sql.exec(query);
  });
}

/** SQLite itself fails, at the last write of an append, when the chunk is already written. */
function broken(reason: string): string {
  return `CREATE TRIGGER broken BEFORE UPDATE ON millrace_log
    BEGIN SELECT RAISE(ABORT, '${reason}'); END`;
}
const MEND = "DROP TRIGGER broken";

describe("a push", () => {
  test("is one row, however many its events; none when it has nothing new", async () => {
    const id = newId();
    await post(worker, ndjson(orders(id, 0, 1)));
    expect(await rowsOf(id)).toBe(1);
    await post(worker, ndjson(orders(id, 1, 1001)));
    expect(await rowsOf(id)).toBe(2);
    await post(worker, ndjson(orders(id, 0, 1001)));
    expect(await rowsOf(id)).toBe(2);
  });

  test("of several restaurants is one row each", async () => {
    const ids = [newId(), newId(), newId()];
    const mixed = [0, 1, 2, 3].flatMap((number) => ids.map((id) => order(id, number)));
    expect(await post(worker, ndjson(mixed))).toMatchObject({ body: { accepted: 12 } });
    for (const id of ids) expect(await rowsOf(id)).toBe(1);
  });

  test("is appended and applied in the turn that takes it, before it answers", async () => {
    const id = newId();
    await post(worker, ndjson(orders(id, 0, 1)));
    await runInDurableObject(RESTAURANTS.getByName(id), async (object, { storage }) => {
      const answer = object.push(encoder.encode(ndjson(orders(id, 1, 3))), Date.now());
      // Nothing was awaited yet.
      expect(chunkRows(storage)).toBe(2);
      const told = { position: 3, queries: { [QUERY]: { applied: 3 } } };
      expect(object.stats()).toMatchObject({ told });
      expect(await answer).toMatchObject({ receipt: { accepted: 2, position: 3 } });
    });
  });

  test("stays when its object is evicted right after the answer", async () => {
    const id = newId();
    await post(worker, ndjson(orders(id, 0, 5)));
    const before = await get(worker, rowsPath(id));
    await evictDurableObject(RESTAURANTS.getByName(id));
    const after = await get(worker, rowsPath(id));
    expect(after.body).toStrictEqual(before.body);
    expect(await post(worker, ndjson(orders(id, 0, 6)))).toMatchObject({
      body: { accepted: 1, duplicate: 5, positions: { [id]: 6 } },
    });
  });

  test.each([
    ["has no room for", "database or disk is full", { faults: true }],
    ["fails at", "the disk is on fire", { faults: false }],
  ])("that the store %s leaves no trace, and is taken again", async (_, reason, { faults }) => {
    const id = newId();
    await post(worker, ndjson(orders(id, 0, 2)));
    const before = await get(worker, rowsPath(id));
    await run(id, broken(reason));
    const { status, headers, body } = await post(worker, ndjson(orders(id, 2, 4)));
    expect({ status, ...body }).toMatchObject({ status: 503, code: "restaurant_unavailable" });
    expect(body).toMatchObject({ received: 2, accepted: 0, unavailable: [0, 1], positions: {} });
    expect(body["faults"]).toEqual(faults ? { [id]: "quota_exceeded" } : undefined);
    expect(JSON.stringify(body)).not.toContain("disk");
    expect(headers.get("Retry-After")).toBe("1");
    expect(await rowsOf(id)).toBe(1);
    expect((await get(worker, rowsPath(id))).body).toStrictEqual(before.body);
    await run(id, MEND);
    const again = await post(worker, ndjson(orders(id, 2, 4)));
    expect(again).toMatchObject({ status: 200, body: { accepted: 2, positions: { [id]: 4 } } });
    expect(await rowsOf(id)).toBe(2);
  });
});

describe("silence", () => {
  const IDLE_MS = 30_000;
  const alarmOf = (id: string): Promise<number | null> =>
    runInDurableObject(RESTAURANTS.getByName(id), (_, { storage }) => storage.getAlarm());

  test("closes the last window by one alarm, which is set again after an eviction", async () => {
    const id = newId();
    const stub = RESTAURANTS.getByName(id);
    const now = Date.now();
    await post(worker, ndjson([{ ...order(id, 0), eventTime: new Date(now).toISOString() }]));
    const at = await alarmOf(id);
    // At the latest when the window of five minutes, its grace and idle have passed.
    expect(at).toBeGreaterThan(now + IDLE_MS);
    await evictDurableObject(stub);
    expect((await get(worker, rowsPath(id))).body).toMatchObject({ rows: [{ final: false }] });
    expect(await alarmOf(id)).toBe(at);
    vi.useFakeTimers({ now: at! - 1, toFake: ["Date"] });
    try {
      // Too early by a millisecond: it finds nothing to do, and is set again.
      expect(await runDurableObjectAlarm(stub)).toBe(true);
      expect((await get(worker, rowsPath(id))).body).toMatchObject({ rows: [{ final: false }] });
      expect(await alarmOf(id)).toBe(at);
      vi.setSystemTime(at!);
      expect(await runDurableObjectAlarm(stub)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
    expect((await get(worker, rowsPath(id))).body).toMatchObject({ rows: [{ final: true }] });
    // Nothing is due any more.
    expect(await alarmOf(id)).toBeNull();
  });
});

describe("a restaurant out of reach", () => {
  test("is named by the lines that it did not get; the others' are taken", async () => {
    const [well, ill] = [newId(), newId()];
    await post(worker, ndjson([order(ill, 0)]));
    await run(ill, broken("database or disk is full"));
    const lines = [order(well, 0), order(ill, 1), { bad: true }, order(ill, 2), order(well, 1)];
    const answer = await post(worker, ndjson(lines));
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({
      received: 5,
      accepted: 2,
      invalid: [{ index: 2, code: "missing_field" }],
      unavailable: [1, 3],
      positions: { [well]: 2 },
    });
    await run(ill, MEND);
    expect(await post(worker, ndjson(lines))).toMatchObject({
      status: 200,
      body: { accepted: 2, duplicate: 2, positions: { [well]: 2, [ill]: 3 } },
    });
  });

  test("because its log is damaged answers a problem, and tells nobody why", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const id = newId();
    await post(worker, ndjson([order(id, 0)]));
    await run(id, "DELETE FROM millrace_chunk");
    await evictDurableObject(RESTAURANTS.getByName(id));
    const answers = [await get(worker, rowsPath(id)), await post(worker, ndjson([order(id, 1)]))];
    for (const { status, body } of answers) {
      expect({ status, ...body }).toMatchObject({ status: 503, code: "restaurant_unavailable" });
      expect(JSON.stringify(body)).not.toMatch(/chunk|log|stack|\.ts/i);
    }
    expect(said).toHaveBeenCalled();
    said.mockRestore();
  });
});
