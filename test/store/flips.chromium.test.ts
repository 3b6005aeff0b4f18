import { describe, expect, inject, test } from "vitest";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import { fillForFlips, flipBits, loseChunks, type FlipPlace, type Kept } from "./flips.ts";

function placeOf(name: string): FlipPlace {
  const raw = async <Result>(
    kind: Kept["kind"],
    work: (store: IDBObjectStore) => IDBRequest<Result>,
  ): Promise<Result> => {
    const db = await settled(indexedDB.open(`millrace:${name}`));
    const tx = db.transaction(`${kind}s`, "readwrite");
    const done = new Promise((resolve) => tx.addEventListener("complete", resolve));
    const result = await settled(work(tx.objectStore(`${kind}s`)));
    await done;
    db.close();
    return result;
  };
  const list = async (kind: Kept["kind"]): Promise<Kept[]> => {
    const positions = await raw(kind, (store) => store.getAllKeys());
    const values = await raw<ArrayBuffer[]>(kind, (store) => store.getAll());
    return positions.map((position, index) => {
      return { kind, position: Number(position), bytes: new Uint8Array(values[index]!) };
    });
  };
  return {
    open: () => indexeddb(name),
    list: async () => [...(await list("chunk")), ...(await list("snapshot"))],
    put: async ({ kind, position }, bytes) => {
      await raw(kind, (store): IDBRequest => {
        if (bytes === null) return store.delete(position);
        return store.put(new Uint8Array(bytes).buffer, position);
      });
    },
  };
}

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
    await loseChunks(place);
  }, 600_000);
});
