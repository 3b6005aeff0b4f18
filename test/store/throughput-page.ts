// What the page of throughput.test.ts runs: the same events stored as chunks, and one record each.

import { encodeChunk } from "../../engine/store/chunk.ts";
import { indexeddb } from "../../engine/store/indexeddb.ts";

const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };
const BATCH = 1000;
const STRICT = { durability: "strict" } as const;

export interface ThroughputPage {
  /** Events a second, `batches` of a thousand, each durable before the next. */
  chunks(name: string, batches: number): Promise<number>;
  records(name: string, batches: number): Promise<number>;
}

declare global {
  var throughputPage: ThroughputPage;
}

/** An event of about 250 bytes as JSON. */
function eventAt(at: number): object {
  return {
    eventId: `evt-${at}`,
    eventType: "order.created",
    eventVersion: "1.0",
    eventTime: new Date(1_710_530_000_000 + at).toISOString(),
    correlationId: `corr-${at}`,
    data: { orderId: `ORD-${at}`, restaurantId: `REST-${at % 50}`, orderTotal: (at % 9000) / 100 },
  };
}

const eventsOf = (batch: number): object[] =>
  Array.from({ length: BATCH }, (_, index) => eventAt(batch * BATCH + index));

globalThis.throughputPage = {
  async chunks(name, batches) {
    const store = indexeddb(name);
    await store.create({ version: 1, hashKey: new Uint8Array(16) });
    // Each way is given what it stores: bytes as a push has them, or objects.
    const given = Array.from({ length: batches }, (_, batch) => {
      const lines = eventsOf(batch).map((each) => JSON.stringify(each));
      return new TextEncoder().encode(`${lines.join("\n")}\n`);
    });
    const begun = performance.now();
    for (const [batch, lines] of given.entries()) {
      const firstPosition = batch * BATCH;
      const previousDigest = new Uint8Array(32);
      const place = { firstPosition, count: BATCH, receivedAt: 1, flags: 0 };
      const chunk = encodeChunk({ ...place, previousDigest, lines });
      await store.append({ chunk, firstPosition, endPosition: firstPosition + BATCH, ...NOTHING });
    }
    const seconds = (performance.now() - begun) / 1000;
    await store.close();
    return (batches * BATCH) / seconds;
  },

  async records(name, batches) {
    const opening = indexedDB.open(name);
    opening.addEventListener("upgradeneeded", () => {
      // By its id, so that one sent again is found: a log of chunks does that in memory.
      opening.result.createObjectStore("events", { keyPath: "eventId" });
    });
    await settled(opening);
    const db = opening.result;
    const given = Array.from({ length: batches }, (_, batch) => eventsOf(batch));
    const begun = performance.now();
    for (const batch of given) {
      const tx = db.transaction("events", "readwrite", STRICT);
      const done = new Promise((resolve) => tx.addEventListener("complete", resolve));
      const events = tx.objectStore("events");
      for (const each of batch) events.add(each);
      tx.commit();
      await done;
    }
    const seconds = (performance.now() - begun) / 1000;
    db.close();
    return (batches * BATCH) / seconds;
  },
};

function settled(request: IDBRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(request.error as DOMException));
  });
}
