import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { type SqlHost, type SqlValue, sqlite } from "../../engine/store/sqlite.ts";
import type { StoreEnv } from "../workerd/worker.ts";
import { storeContract } from "./contract.ts";
import { appendOf, equalBytes, expectFault, filled, HEADER, heldOf, type Place } from "./writes.ts";

let objectCount = 0;

function newObject() {
  const { STORES } = env as unknown as StoreEnv;
  return STORES.getByName(`store-${objectCount++}`);
}

storeContract("SQLite", true, (body) =>
  runInDurableObject(newObject(), (_, { storage }) => body(placeOf(storage))),
);

function placeOf(storage: DurableObjectStorage): Place {
  const host: SqlHost = storage;
  return {
    open: () => sqlite(host),
    damage: (position, change) => {
      const table = "millrace_chunk WHERE position = ?";
      const [row] = host.sql.exec(`SELECT bytes FROM ${table}`, position);
      const changed = change(new Uint8Array(row!["bytes"] as ArrayBuffer));
      host.sql.exec(`DELETE FROM ${table}`, position);
      if (changed === null) return;
      host.sql.exec("INSERT INTO millrace_chunk VALUES (?, 0, ?)", position, changed);
    },
    openFull: () => sqlite(fullHost(host)),
  };
}

/** SQLite whose disk is full once the header of the log is written, the last write of an append. */
function fullHost(host: SqlHost): SqlHost {
  const exec = (query: string, ...bindings: SqlValue[]) => {
    if (!query.startsWith("UPDATE")) return host.sql.exec(query, ...bindings);
    throw new Error("database or disk is full: SQLITE_FULL");
  };
  return { sql: { exec }, transactionSync: (closure) => host.transactionSync(closure) };
}

/** Counts what a Durable Object is billed for. */
function countingHost(storage: DurableObjectStorage, written: { rows: number }): SqlHost {
  const exec = (query: string, ...bindings: SqlValue[]) => {
    const cursor = storage.sql.exec(query, ...bindings);
    const rows = cursor.toArray();
    written.rows += cursor.rowsWritten;
    return rows;
  };
  return { sql: { exec }, transactionSync: (closure) => storage.transactionSync(closure) };
}

describe("The SQLite store in a Durable Object", () => {
  test("answers synchronously", () =>
    runInDurableObject(newObject(), (_, { storage }) => {
      const store = sqlite(storage);
      expect(store.storage).toBe("durable");
      expect(store.recover()).toBeNull();
      expect(store.create(HEADER)).toBeUndefined();
      expect(store.append(appendOf(0, 2))).toBeUndefined();
      expect(store.read(0, 1)).toHaveLength(1);
      expect(store.saveSnapshot({ position: 2, bytes: filled(3, 1) })).toBeUndefined();
      expect(store.recover()).toMatchObject({ endPosition: 2 });
      expect(store.close()).toBeUndefined();
    }));

  test("writes two rows a push, one more for each held line and each further MiB", () =>
    runInDurableObject(newObject(), (_, { storage }) => {
      const written = { rows: 0 };
      const store = sqlite(countingHost(storage, written));
      const cost = (work: () => unknown): number => {
        written.rows = 0;
        work();
        return written.rows;
      };
      void store.create(HEADER);
      expect(cost(() => store.append(appendOf(0, 1000)))).toBe(2);
      const held = [heldOf("a"), heldOf("b"), heldOf("c")];
      expect(cost(() => store.append(appendOf(1000, 1, { held })))).toBe(5);
      expect(cost(() => store.append(appendOf(1001, 12, { lineBytes: 1 << 18 })))).toBe(5);
      expect(cost(() => store.saveSnapshot({ position: 0, bytes: filled(1 << 20, 1) }))).toBe(1);
      expect(cost(() => store.recover())).toBe(0);
      expect(cost(() => store.read(0, 1e9))).toBe(0);
    }));

  test("keeps everything when its object is evicted", async () => {
    const stub = newObject();
    const write = appendOf(0, 12, { lineBytes: 1 << 18, held: [heldOf("a", 5)] });
    await runInDurableObject(stub, (_, { storage }) => {
      const store = sqlite(storage);
      void store.create(HEADER);
      void store.append(write);
      void store.saveSnapshot({ position: 12, bytes: filled(3_000_000, 5) });
    });
    await evictDurableObject(stub);
    await runInDurableObject(stub, async (_, { storage }) => {
      const store = sqlite(storage);
      const recovered = await store.recover();
      expect(recovered).toMatchObject({ header: HEADER, endPosition: 12, held: [heldOf("a", 5)] });
      expect(equalBytes(recovered!.snapshots[0]!.bytes, filled(3_000_000, 5))).toBe(true);
      const [chunk] = await store.read(11, 1);
      expect(equalBytes(chunk!, write.chunk!)).toBe(true);
    });
  });

  test("gives a log of tiny chunks in pages of about a thousand, whatever was asked", () =>
    runInDurableObject(newObject(), async (_, { storage }) => {
      const store = sqlite(storage);
      void store.create(HEADER);
      for (let position = 0; position < 2100; position++) void store.append(appendOf(position, 1));
      const lengths: number[] = [];
      for (let from = 0; from < 2100; from += lengths.at(-1)!) {
        lengths.push((await store.read(from, 1e9)).length);
      }
      expect(lengths).toEqual([1024, 1024, 52]);
    }));

  test("is undone with the transaction of its caller", () =>
    runInDurableObject(newObject(), (_, { storage }) => {
      const store = sqlite(storage);
      void store.create(HEADER);
      const publish = (): never =>
        storage.transactionSync(() => {
          void store.append(appendOf(0, 3));
          throw new Error("the outbox failed");
        });
      expect(publish).toThrow("the outbox failed");
      expect(store.recover()).toMatchObject({ endPosition: 0 });
      expect(store.read(0, 1)).toEqual([]);
    }));

  test("names a part that is missing from a large chunk", () =>
    runInDurableObject(newObject(), async (_, { storage }) => {
      const store = sqlite(storage);
      void store.create(HEADER);
      void store.append(appendOf(0, 12, { lineBytes: 1 << 18 }));
      void store.append(appendOf(12, 1));
      storage.sql.exec("DELETE FROM millrace_chunk WHERE position = 0 AND part = 1");
      await expectFault(() => store.read(0, 1), "chunk_broken", "position 0");
      storage.sql.exec("DELETE FROM millrace_chunk WHERE position = 0 AND part = 0");
      await expectFault(() => store.read(0, 1), "chunk_broken", "position");
    }));

  test("refuses a store that a newer Millrace wrote", () =>
    runInDurableObject(newObject(), async (_, { storage }) => {
      const store = sqlite(storage);
      void store.create(HEADER);
      storage.sql.exec("UPDATE millrace_log SET schema = 5");
      await expectFault(() => store.recover(), "storage_unavailable", "schema 5", "knows 4");
      await expectFault(() => store.append(appendOf(0, 1)), "storage_unavailable", "schema 5");
    }));

  test("tells a raw exception of SQLite by a code", () =>
    runInDurableObject(newObject(), async (_, { storage }) => {
      const store = sqlite(storage);
      void store.create(HEADER);
      void store.append(appendOf(0, 1));
      storage.sql.exec("DROP TABLE millrace_chunk");
      await expectFault(() => store.recover(), "storage_unavailable", "no such table");
      await expectFault(() => store.read(0, 1), "storage_unavailable");
      await expectFault(() => store.append(appendOf(1, 1)), "storage_unavailable");
      await expectFault(() => store.create(HEADER), "storage_unavailable");
    }));
});
