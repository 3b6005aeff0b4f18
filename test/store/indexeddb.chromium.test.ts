import { afterEach, describe, expect, test } from "vitest";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import type { Store } from "../../engine/store/store.ts";
import { storeContract } from "./contract.ts";
import { appendOf, expectFault, filled, HEADER, heldOf, type Place } from "./writes.ts";
import {
  replaceMethod,
  restoreMethods,
  watchConnections,
  watchTransactions,
} from "./watched-indexeddb.ts";

let placeCount = 0;

function newName(): string {
  return `store-${Date.now()}-${placeCount++}`;
}

storeContract("IndexedDB", true, async (body) => {
  const name = newName();
  const opened: Store[] = [];
  const open = (): Store => {
    const store = indexeddb(name);
    opened.push(store);
    return store;
  };
  try {
    await body(placeOf(name, open));
  } finally {
    for (const store of opened) await store.close();
  }
});

function placeOf(name: string, open: () => Store): Place {
  return {
    open,
    damage: (position, change) =>
      withRawChunks(name, async (chunks) => {
        const bytes = await settled<ArrayBuffer>(chunks.get(position));
        const changed = change(new Uint8Array(bytes));
        if (changed === null) chunks.delete(position);
        else chunks.put(new Uint8Array(changed).buffer, position);
      }),
    openFull: () => {
      // The header of the log is the last thing that an append puts.
      const restore = replaceMethod(IDBObjectStore.prototype, "put", () => () => {
        restore();
        throw new DOMException("the disk is full", "QuotaExceededError");
      });
      return open();
    },
  };
}

async function withRawChunks(
  name: string,
  work: (chunks: IDBObjectStore) => Promise<void>,
): Promise<void> {
  const db = await settled(indexedDB.open(`millrace:${name}`));
  const tx = db.transaction("chunks", "readwrite");
  const done = new Promise((resolve) => tx.addEventListener("complete", resolve));
  await work(tx.objectStore("chunks"));
  await done;
  db.close();
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error as DOMException));
  });
}

async function filledStore(name: string): Promise<Store> {
  const store = indexeddb(name);
  await store.create(HEADER);
  await store.append(appendOf(0, 3));
  return store;
}

describe("The IndexedDB store in Chromium", () => {
  afterEach(restoreMethods);

  test("writes with strict durability, and resolves when the transaction is complete", async () => {
    const begun = watchTransactions();
    const store = indexeddb(newName());
    const written = (): unknown[] => begun.splice(0).filter(({ mode }) => mode === "readwrite");
    const strictly = { mode: "readwrite", durability: "strict", completed: true };
    await store.create(HEADER);
    expect(written()).toEqual([strictly]);
    await store.append(appendOf(0, 3));
    expect(written()).toEqual([strictly]);
    await store.saveSnapshot({ position: 3, bytes: filled(10, 1) });
    expect(written()).toEqual([strictly]);
    await store.close();
  });

  test("has a witness when it is durable, and touches it no more however much is written", async () => {
    const begun = watchTransactions();
    const created: boolean[] = [];
    replaceMethod(FileSystemDirectoryHandle.prototype, "getFileHandle", (original) => {
      return function (this: unknown, ...words) {
        const [, { create }] = words as [string, { create: boolean }];
        const writes = begun.filter(({ mode }) => mode === "readwrite");
        if (create) created.push(writes.length === 1 && writes[0]!.completed);
        return original.apply(this, words);
      };
    });
    const store = indexeddb(newName());
    await store.recover();
    expect(created).toEqual([]);
    await store.create(HEADER);
    for (let position = 0; position < 20; position++) await store.append(appendOf(position, 1));
    await store.saveSnapshot({ position: 20, bytes: filled(10, 1) });
    expect(created).toEqual([true]);
    await store.close();
  });

  test("is best effort until the browser promises to keep it", async () => {
    const store = await filledStore(newName());
    await store.recover();
    const persisted = await navigator.storage.persisted();
    expect(store.storage).toBe(persisted ? "durable" : "best-effort");
    await store.close();
  });

  test("opens a fresh handle when its connection was closed under it", async () => {
    const connections = watchConnections();
    const store = await filledStore(newName());
    connections.at(-1)!.close();
    await store.append(appendOf(3, 2));
    connections.at(-1)!.close();
    expect(await store.recover()).toMatchObject({ endPosition: 5 });
    expect(connections).toHaveLength(3);
    await store.close();
  });

  test("opens a fresh handle when the browser ended the connection", async () => {
    const connections = watchConnections();
    const store = await filledStore(newName());
    connections[0]!.dispatchEvent(new Event("close"));
    await store.append(appendOf(3, 2));
    expect(await store.read(0, 1e6)).toHaveLength(2);
    expect(connections).toHaveLength(2);
    connections[0]!.close();
    await store.close();
  });

  test("appends once when its connection is ended in the middle of an append", async () => {
    const store = await filledStore(newName());
    const restore = replaceMethod(IDBDatabase.prototype, "transaction", (original) => {
      return function (this: IDBDatabase, ...words) {
        restore();
        const tx = original.apply(this, words) as IDBTransaction;
        queueMicrotask(() => {
          tx.abort();
          this.dispatchEvent(new Event("close"));
          this.close();
        });
        return tx;
      };
    });
    const write = appendOf(3, 2);
    await store.append(write);
    expect(await store.recover()).toMatchObject({ endPosition: 5 });
    expect((await store.read(3, 1e6))[0]).toEqual(write.chunk);
    await store.close();
  });

  test("makes way for another tab, and goes on when that is done", async () => {
    const name = newName();
    const store = await filledStore(name);
    const upgrade = indexedDB.open(`millrace:${name}`, 9);
    upgrade.addEventListener("upgradeneeded", () => upgrade.transaction!.abort());
    await expect(settled(upgrade)).rejects.toMatchObject({ name: "AbortError" });
    await store.append(appendOf(3, 2));
    expect(await store.recover()).toMatchObject({ endPosition: 5 });
    await store.close();
  });

  test("says so when its log was deleted by someone else", async () => {
    const name = newName();
    const store = await filledStore(name);
    await settled(indexedDB.deleteDatabase(`millrace:${name}`));
    await expectFault(() => store.append(appendOf(3, 2)), "storage_unavailable");
    expect(await store.recover()).toBeNull();
    await store.close();
  });

  test("says so when a page with an older build does not let go of the database", async () => {
    const name = newName();
    const older = await settled(indexedDB.open(`millrace:${name}`, 1));
    await expectFault(() => indexeddb(name).recover(), "storage_blocked");
    older.close();
    // What was asked for meanwhile came late, and stands in nobody's way.
    await settled(indexedDB.deleteDatabase(`millrace:${name}`));
    const store = await filledStore(name);
    expect(await store.recover()).toMatchObject({ endPosition: 3 });
    await store.close();
  });

  test("says so when it does not open, behind a deletion that waits for a page", async () => {
    const name = newName();
    await (await filledStore(name)).close();
    const other = await settled(indexedDB.open(`millrace:${name}`));
    const deleted = settled(indexedDB.deleteDatabase(`millrace:${name}`));
    await expectFault(() => indexeddb(name).recover(), "storage_blocked");
    other.close();
    await deleted;
    const store = await filledStore(name);
    expect(await store.recover()).toMatchObject({ endPosition: 3 });
    await store.close();
  }, 40_000);

  test("believes rows without a sum, as an earlier build wrote them, and sums what it writes", async () => {
    const name = newName();
    const older = await filledStore(name);
    const released = [{ identity: "x", position: 3 }];
    await older.append(appendOf(3, 1, { held: [heldOf("a")], remembered: released }));
    await older.close();
    const place = async (value: unknown): Promise<void> => {
      const db = await settled(indexedDB.open(`millrace:${name}`));
      await settled(
        db.transaction("released", "readwrite").objectStore("released").put(value, "x"),
      );
      db.close();
    };
    await place(3);
    const rows = async (change: (row: { sum?: number }) => void): Promise<void> => {
      const db = await settled(indexedDB.open(`millrace:${name}`));
      const tx = db.transaction(["log", "held"], "readwrite");
      for (const of of ["log", "held"]) {
        const cursor = await settled(tx.objectStore(of).openCursor());
        const row = cursor!.value as { sum?: number };
        change(row);
        cursor!.update(row);
      }
      await new Promise((resolve) => tx.addEventListener("complete", resolve));
      db.close();
    };
    await rows((row) => delete row.sum);
    const store = indexeddb(name);
    expect(await store.recover()).toMatchObject({ endPosition: 4, held: [heldOf("a")], released });
    const again = [{ identity: "x", position: 4 }];
    await store.append(appendOf(4, 1, { remembered: again }));
    expect(await store.recover()).toMatchObject({ released: again });
    await store.close();
    const sums: unknown[] = [];
    await rows(({ sum }) => sums.push(typeof sum));
    expect(sums).toEqual(["number", "undefined"]);
  });

  test("says so when a newer Millrace made the database", async () => {
    const name = newName();
    (await settled(indexedDB.open(`millrace:${name}`, 5))).close();
    await expectFault(() => indexeddb(name).recover(), "storage_unavailable", "VersionError");
  });
});
