// What the page of browser-kill.test.ts runs: appends to an IndexedDB store, on call.

import { encodeChunk } from "../../engine/store/chunk.ts";
import { indexeddb } from "../../engine/store/indexeddb.ts";

const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };

const LINE_BYTES = 250;

export interface StorePage {
  /** Appends chunks of `count` lines for ever, and says where each ends; gives the fault it meets. */
  appendForever(name: string, count: number): Promise<string>;
  /** Where the log ends, and how many entries were read back from its chunks. */
  lookBack(name: string): Promise<{ endPosition: number; chunkCount: number }>;
}

declare global {
  var storePage: StorePage;
  /** Given by the test: hears of every append that was told as durable. */
  var acknowledged: (endPosition: number, appendMs: number) => Promise<void>;
}

globalThis.storePage = {
  async appendForever(name, count) {
    const store = indexeddb(name);
    const header = { version: 1, hashKey: new Uint8Array(16) };
    const recovered = await store.recover();
    if (recovered === null) await store.create(header);
    let position = recovered?.endPosition ?? 0;
    try {
      for (;;) {
        const endPosition = position + count;
        const chunk = newChunk(position, count);
        const begun = performance.now();
        await store.append({ chunk, firstPosition: position, endPosition, ...NOTHING });
        position = endPosition;
        await acknowledged(position, performance.now() - begun);
      }
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  },

  async lookBack(name) {
    const store = indexeddb(name);
    const recovered = await store.recover();
    if (recovered === null) return { endPosition: 0, chunkCount: 0 };
    const chunks = await store.read(0, Infinity);
    return { endPosition: recovered.endPosition, chunkCount: chunks.length };
  },
};

/** Lines of noise, so that a disk cannot make them smaller. */
function newChunk(firstPosition: number, count: number): Uint8Array {
  const lines = new Uint8Array(count * LINE_BYTES);
  for (let at = 0; at < lines.length; at++) {
    lines[at] = at % LINE_BYTES === LINE_BYTES - 1 ? 10 : 32 + Math.random() * 90;
  }
  const previousDigest = new Uint8Array(32);
  return encodeChunk({ firstPosition, count, receivedAt: 1, flags: 0, previousDigest, lines });
}
