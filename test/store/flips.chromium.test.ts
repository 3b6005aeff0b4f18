import { describe, expect, inject, test } from "vitest";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import {
  fillForFlips,
  flipBits,
  flipRows,
  loseChunks,
  type FlipPlace,
  type Kept,
  type KeptRow,
  type RowsOf,
} from "./flips.ts";

function placeOf(name: string): FlipPlace {
  const raw = async <Result>(
    store: "chunks" | "snapshots" | RowsOf,
    work: (store: IDBObjectStore) => IDBRequest<Result>,
  ): Promise<Result> => {
    const db = await settled(indexedDB.open(`millrace:${name}`));
    const tx = db.transaction(store, "readwrite");
    const done = new Promise((resolve) => tx.addEventListener("complete", resolve));
    const result = await settled(work(tx.objectStore(store)));
    await done;
    db.close();
    return result;
  };
  const list = async (kind: Kept["kind"]): Promise<Kept[]> => {
    const positions = await raw(`${kind}s`, (store) => store.getAllKeys());
    const values = await raw<ArrayBuffer[]>(`${kind}s`, (store) => store.getAll());
    return positions.map((position, index) => {
      return { kind, position: Number(position), bytes: new Uint8Array(values[index]!) };
    });
  };
  return {
    open: () => indexeddb(name),
    list: async () => [...(await list("chunk")), ...(await list("snapshot"))],
    put: async ({ kind, position }, bytes) => {
      await raw(`${kind}s`, (store): IDBRequest => {
        if (bytes === null) return store.delete(position);
        return store.put(new Uint8Array(bytes).buffer, position);
      });
    },
    rows: async (of) => {
      const records = await raw<StoredRow[]>(of, (store) => store.getAll());
      const keys = await raw(of, (store) => store.getAllKeys());
      return records.map((record, index) => {
        const own = of === "released" ? { identity: keys[index] as string } : {};
        return withValues({ ...own, ...record }, bytesOf);
      });
    },
    putRows: async (of, rows) => {
      await raw(of, (store): IDBRequest => {
        store.clear();
        const key = of === "log" ? "header" : undefined;
        const put = ({ identity, ...row }: KeptRow): IDBRequest =>
          store.put(withValues(row, bufferOf), (identity as string | undefined) ?? key);
        return rows.map(put).at(-1)!;
      });
    },
  };
}

interface StoredRow {
  readonly [name: string]: ArrayBuffer | string | number | null;
}

function withValues<A, B>(
  row: { readonly [name: string]: A },
  work: (value: A) => B,
): { readonly [name: string]: B } {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, work(value)]));
}

const bytesOf = (value: StoredRow[string]): KeptRow[string] =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : value;
const bufferOf = (value: KeptRow[string]): StoredRow[string] =>
  value instanceof Uint8Array ? new Uint8Array(value).buffer : value;

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error as DOMException));
  });
}

const COUNT = inject("isFull") ? 1000 : 40;

describe.each([true, false])("a log in IndexedDB, with snapshots: %s", (hasSnapshots) => {
  test(`shows each of ${COUNT} flipped bits and each lost chunk, or has the right numbers`, async () => {
    const place = placeOf(`flips-${Date.now()}-${hasSnapshots}`);
    await fillForFlips(place, hasSnapshots);
    const { refused, right } = await flipBits(place, inject("seed"), COUNT);
    expect(refused + right).toBe(COUNT);
    expect(right > 0).toBe(hasSnapshots);
    await flipRows(place, inject("seed"), COUNT);
    await loseChunks(place);
  }, 600_000);
});
