// What the pages of browser-kill.test.ts run, on call: appends to an IndexedDB store, or pushes to an
// engine through `connect`, for ever.

import { deleteLog } from "../../engine/browser/index.ts";
import { encodeChunk } from "../../engine/store/chunk.ts";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import { linesFrom, PLAN } from "./node-sqlite-feed.ts";
import "../browser/page-scope.ts";

const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };

const LINE_BYTES = 250;

export interface StorePage {
  /** Appends chunks of `count` lines for ever, and says where each ends; gives the fault it meets. */
  appendForever(name: string, count: number): Promise<string>;
  /** Where the log ends, and how many entries were read back from its chunks. */
  lookBack(name: string): Promise<{ endPosition: number; chunkCount: number }>;
  /** Connects; the position at which the log that it found ends, or the code of a fault. */
  connectTo(name: string): Promise<number | string>;
  /** Deletes a log on purpose. */
  drop(name: string): Promise<void>;
  /** Pushes some of the feed from there on; the position at which the log ends then. */
  pushOnce(): Promise<number>;
  /** Pushes the feed from there on for ever, each push as soon as the one before is acknowledged. */
  pushForever(): Promise<void>;
  /** What there is in the end: the log's lines, and the rows. */
  all(): Promise<{ lines: string[]; rows: unknown }>;
}

const SNAPSHOT_EVERY = 7;

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

  async connectTo(name) {
    try {
      globalThis.connection = await connect({ plan: PLAN, name });
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
    const databases = await indexedDB.databases();
    if (!databases.some((known) => known.name === `millrace:${name}`)) return "no database";
    return (await connection.stats()).position;
  },

  drop: deleteLog,

  async pushOnce() {
    const { position } = await connection.stats();
    return (await connection.push(linesFrom(position, 5))).position;
  },

  async pushForever() {
    let { position } = await connection.stats();
    for (let pushes = 1; ; pushes++) {
      const begun = performance.now();
      ({ position } = await connection.push(linesFrom(position, 1 + (position % 50))));
      void acknowledged(position, performance.now() - begun);
      if (pushes % SNAPSHOT_EVERY === 0) await connection.snapshot();
    }
  },

  async all() {
    const lines: string[] = [];
    for await (const chunk of connection.log()) lines.push(...chunk.trimEnd().split("\n").slice(1));
    return { lines, rows: await connection.view("orders").rows() };
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
