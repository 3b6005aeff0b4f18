// The outbox of a browser, in one; and two publishers of one page under real Web Locks.

import { afterEach, describe, expect, test, vi } from "vitest";
import { indexeddb, publisher, type Outbox, type Publisher } from "../../engine/publish/index.ts";
import { OPEN_MS } from "../../engine/publish/indexeddb.ts";
import { replaceMethod, restoreMethods } from "../store/watched-indexeddb.ts";
import { outboxContract } from "./contract.ts";

let nameCount = 0;
const newName = (): string => `outbox-${Date.now()}-${nameCount++}`;

const opened: Outbox[] = [];
function open(name: string): Outbox {
  const outbox = indexeddb(name);
  opened.push(outbox);
  return outbox;
}
afterEach(async () => {
  for (const outbox of opened.splice(0)) await outbox.close();
});

outboxContract("IndexedDB", true, async (body) => {
  const name = newName();
  await body({ open: () => open(name) });
});

type Begin = () => IDBTransaction;

/** Puts another way to begin a transaction in the place of the browser's; the answer undoes it. */
function replaceTransaction(
  replacement: (db: IDBDatabase, begin: Begin) => IDBTransaction,
): () => void {
  const host = IDBDatabase.prototype;
  const descriptor = Object.getOwnPropertyDescriptor(host, "transaction")!;
  const original = descriptor.value as (...words: unknown[]) => IDBTransaction;
  const value = function (this: IDBDatabase, ...words: unknown[]): IDBTransaction {
    return replacement(this, () => original.apply(this, words));
  };
  Object.defineProperty(host, "transaction", { ...descriptor, value });
  return () => void Object.defineProperty(host, "transaction", descriptor);
}

describe("The outbox of a browser", () => {
  test("is written strictly, and told when the transaction is complete", async () => {
    const seen: string[] = [];
    const restore = replaceTransaction((_, begin) => {
      const tx = begin();
      seen.push(`${tx.mode} ${tx.durability}`);
      tx.addEventListener("complete", () => seen.push("complete"));
      return tx;
    });
    try {
      const outbox = open(newName());
      await outbox.append(["a"]);
      seen.push("told");
      await outbox.settle([1], null);
      seen.push("told");
    } finally {
      restore();
    }
    const strict = ["readwrite strict", "complete", "told"];
    expect(seen).toEqual([...strict, "readwrite relaxed", "complete", "told"]);
  });

  test("has a witness from the first durable fact on, and touches it no more", async () => {
    const seen: string[] = [];
    const restore = replaceTransaction((_, begin) => {
      const tx = begin();
      tx.addEventListener("complete", () => seen.push("complete"));
      return tx;
    });
    replaceMethod(FileSystemDirectoryHandle.prototype, "getFileHandle", (original) => {
      return function (this: unknown, ...words) {
        const [, { create }] = words as [string, { create: boolean }];
        seen.push(create ? "created" : "looked");
        return original.apply(this, words);
      };
    });
    try {
      const outbox = open(newName());
      expect(await outbox.backOff()).toBeNull();
      for (const line of ["a", "b", "c"]) await outbox.append([line]);
      await outbox.close();
    } finally {
      restore();
      restoreMethods();
    }
    expect(seen.filter((each) => each !== "complete")).toEqual(["looked", "created"]);
    expect(seen.slice(0, 3)).toEqual(["looked", "complete", "complete"]);
  });

  test("opens a fresh connection where the old one was lost", async () => {
    const outbox = open(newName());
    await outbox.append(["a"]);
    let losses = 0;
    const restore = replaceTransaction((db, begin) => {
      restore();
      losses++;
      db.close();
      return begin();
    });
    await outbox.append(["b"]);
    expect(losses).toBe(1);
    expect((await outbox.read(0, 9)).map(({ line }) => line)).toEqual(["a", "b"]);
  });

  test("gives way to one who deletes it, and begins anew", async () => {
    const name = newName();
    const outbox = open(name);
    await outbox.append(["a"]);
    const request = indexedDB.deleteDatabase(`millrace-outbox:${name}`);
    await new Promise((resolve, reject) => {
      request.addEventListener("success", resolve);
      request.addEventListener("blocked", () => reject(new Error("blocked")));
    });
    expect(await outbox.count()).toBe(0);
    await outbox.append(["b"]);
    expect(await outbox.count()).toBe(1);
  });
});

/** Holds the database `name` in an upgrade, so that nobody else opens it; the answer ends that. */
async function holdUpgrade(name: string): Promise<() => void> {
  const request = indexedDB.open(name);
  const held = Promise.withResolvers<void>();
  let isHeld = true;
  request.addEventListener("upgradeneeded", () => {
    const store = request.result.createObjectStore("held");
    const hold = (): void => {
      if (isHeld) store.get(0).addEventListener("success", hold);
      else store.transaction.abort();
    };
    hold();
    held.resolve();
  });
  request.addEventListener("error", (event) => event.preventDefault());
  await held.promise;
  return () => void (isHeld = false);
}

test("a database that does not open fails what is published, and keeps nothing of it", async () => {
  const name = newName();
  const letGo = await holdUpgrade(`millrace-outbox:${name}`);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const own = publisher({ url: "http://127.0.0.1:1/", store: indexeddb(name) });
  try {
    const [first, counted] = [own.publish({ n: 1 }), own.stats()];
    const told: string[] = [];
    const note = (fault: unknown): number => told.push((fault as { code: string }).code);
    const settled = Promise.all([first, counted].map((each) => each.catch(note)));
    const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));
    while (vi.getTimerCount() === 0) await frame();
    await vi.advanceTimersByTimeAsync(OPEN_MS - 1);
    expect(told).toEqual([]);
    // Each is tried once more.
    for (let waits = 0; waits < 3 && told.length < 2; waits++) {
      await vi.advanceTimersByTimeAsync(OPEN_MS);
      await frame();
    }
    await settled;
    expect(told).toEqual(["storage_unavailable", "storage_unavailable"]);
    vi.useRealTimers();
    letGo();
    await own.publish({ n: 2 });
    const outbox = open(name);
    expect((await outbox.read(0, 9)).map(({ line }) => line)).toEqual([`{"n":2}`]);
  } finally {
    vi.useRealTimers();
    letGo();
    await own.close();
  }
});

test("a publisher over an outbox that was deleted is told so, once, though nothing waits", async () => {
  const name = newName();
  const before = open(name);
  await before.append(["a"]);
  await before.close();
  const request = indexedDB.deleteDatabase(`millrace-outbox:${name}`);
  await new Promise((resolve) => request.addEventListener("success", resolve));
  const told: unknown[] = [];
  const taken: string[] = [];
  const begin = (): Publisher =>
    publisher({
      url: "/v1/events",
      store: open(name),
      fetch: (_, init) => takeAll(init, taken),
      onFault: (fact, { code, message }) => told.push([fact, code, message]),
    });
  const first = begin();
  const lost = [null, "outbox_lost", expect.stringContaining("outbox is lost")];
  await expect.poll(() => told).toEqual([lost]);
  expect(await first.stats()).toMatchObject({ waiting: 0, faults: 1, problem: null });
  await first.close();
  const second = begin();
  await second.publish({ number: 1 });
  await expect.poll(() => taken).toHaveLength(1);
  expect(told).toEqual([lost]);
  await second.close();
});

/** Answers as an edge does that takes everything. */
async function takeAll(init: RequestInit, taken: string[]): Promise<Response> {
  const unpacked = new Blob([init.body as Uint8Array<ArrayBuffer>]);
  const isPacked = new Headers(init.headers).has("Content-Encoding");
  const stream = isPacked
    ? unpacked.stream().pipeThrough(new DecompressionStream("gzip"))
    : unpacked.stream();
  const lines = (await new Response(stream).text()).split("\n");
  taken.push(...lines);
  const none = { duplicate: 0, invalid: [], quarantined: [] };
  return Response.json({ received: lines.length, accepted: lines.length, ...none });
}

test("two publishers over one outbox send one after the other, each fact once", async () => {
  const name = newName();
  const taken: string[] = [];
  let sending = 0;
  let sendingMax = 0;
  const fetch = async (_: string, init: RequestInit): Promise<Response> => {
    sendingMax = Math.max(sendingMax, ++sending);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const answer = await takeAll(init, taken);
    sending--;
    return answer;
  };
  const pair = [1, 2].map(() => publisher({ url: "/v1/events", store: open(name), fetch }));
  const published: Promise<void>[] = [];
  for (let number = 0; number < 200; number++) {
    published.push(pair[number % 2]!.publish({ number }));
    if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(published);
  await expect.poll(async () => (await pair[0]!.stats()).waiting, { timeout: 10_000 }).toBe(0);
  expect(sendingMax).toBe(1);
  expect(taken).toHaveLength(200);
  expect(new Set(taken).size).toBe(200);
  const own = (rest: number): number[] =>
    taken
      .map((line) => (JSON.parse(line) as { number: number }).number)
      .filter((number) => number % 2 === rest);
  for (const rest of [0, 1]) expect(own(rest)).toEqual(own(rest).toSorted((a, b) => a - b));
  for (const one of pair) await one.close();
});

test("an `online` event ends the wait for a network, and only that", async () => {
  const taken: string[] = [];
  let tries = 0;
  const fetch = (_: string, init: RequestInit): Promise<Response> => {
    tries++;
    if (tries === 1) return Promise.reject(new TypeError("Failed to fetch"));
    if (tries === 2) return Promise.resolve(new Response("", { status: 500 }));
    return takeAll(init, taken);
  };
  // Every wait would be long.
  const setTimer = (run: () => void, ms: number): (() => void) => {
    const timer = setTimeout(run, ms + 60_000);
    return () => clearTimeout(timer);
  };
  const out = publisher({ url: "/v1/events", store: open(newName()), fetch, setTimer });
  await out.publish({ number: 1 });
  await expect.poll(() => tries).toBe(1);
  await expect.poll(async () => (await out.stats()).problem).toContain("Failed to fetch");
  dispatchEvent(new Event("online"));
  await expect.poll(() => tries).toBe(2);
  await expect.poll(async () => (await out.stats()).problem).toBe("Got HTTP 500.");
  dispatchEvent(new Event("online"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(tries).toBe(2);
  await out.close();
});
