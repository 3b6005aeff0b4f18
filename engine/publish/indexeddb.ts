// The outbox of a browser: a record a fact, written with `durability: "strict"` and told at the
// transaction's `complete`. What is forgotten is written relaxed: lost, it is sent once more, and
// found to be a duplicate.
//
//   facts   number, given by the database → the line
//   state   "backOff" → the back-off
//
// Plain requests: every call is one transaction of a few of them, and idb is half of what a
// producer may weigh. A connection may be lost (Safari drops those in the background): what fails
// is tried once more on a fresh one; had it been done after all, a fact is sent twice, by one id.

import { HostFault } from "../store/host-fault.ts";
import type { BackOff, Fact, Outbox } from "./outbox.ts";

const SCHEMA = 1;
const FACTS = "facts";
const STATE = "state";
const BACK_OFF = "backOff";

/** The outbox `name` of this origin, shared by its tabs; opened by the first call. */
export function indexeddb(name: string): Outbox {
  return new IndexedDbOutbox(name);
}

type Queue<Result> = (facts: IDBObjectStore, state: IDBObjectStore) => IDBRequest<Result> | null;

class IndexedDbOutbox implements Outbox {
  readonly name: string;
  #handle: Promise<IDBDatabase> | null = null;

  constructor(name: string) {
    this.name = `millrace-outbox:${name}`;
  }

  async append(lines: readonly string[]): Promise<void> {
    await this.#run(
      (facts) => {
        for (const line of lines) facts.add({ line });
        return null;
      },
      "readwrite",
      "strict",
    );
  }

  async read(after: number, count: number): Promise<readonly Fact[]> {
    const range = IDBKeyRange.lowerBound(after, true);
    return (await this.#run<Fact[]>((facts) => facts.getAll(range, count)))!;
  }

  async settle(numbers: readonly number[], backOff: BackOff | null): Promise<void> {
    await this.#run((facts, state) => {
      for (const number of numbers) facts.delete(number);
      return state.put(backOff, BACK_OFF);
    }, "readwrite");
  }

  async backOff(): Promise<BackOff | null> {
    return (await this.#run<BackOff | null>((_, state) => state.get(BACK_OFF))) ?? null;
  }

  async count(): Promise<number> {
    return (await this.#run((facts) => facts.count()))!;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    // One that could not be opened has nothing to close.
    (await handle?.catch(() => null))?.close();
  }

  /** One transaction; answers what its request found when it is complete. */
  async #run<Result>(
    queue: Queue<Result>,
    mode: IDBTransactionMode = "readonly",
    durability: IDBTransactionDurability = "relaxed",
  ): Promise<Result | undefined> {
    for (let isAgain = false; ; isAgain = true) {
      const handle = (this.#handle ??= this.#open());
      try {
        return await complete(await handle, queue, mode, durability);
      } catch (error) {
        if (this.#handle === handle) await this.close();
        if (isAgain) throw asHostFault(error);
      }
    }
  }

  async #open(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.name, SCHEMA);
    return await new Promise((resolve, reject) => {
      request.onupgradeneeded = () => {
        request.result.createObjectStore(FACTS, { keyPath: "number", autoIncrement: true });
        request.result.createObjectStore(STATE);
      };
      request.onerror = () => reject(request.error as DOMException);
      request.onsuccess = () => {
        const db = request.result;
        db.onclose = db.onversionchange = () => {
          db.close();
          this.#handle = null;
        };
        resolve(db);
      };
    });
  }
}

function complete<Result>(
  db: IDBDatabase,
  queue: Queue<Result>,
  mode: IDBTransactionMode,
  durability: IDBTransactionDurability,
): Promise<Result | undefined> {
  const tx = db.transaction([FACTS, STATE], mode, { durability });
  return new Promise((resolve, reject) => {
    const request = queue(tx.objectStore(FACTS), tx.objectStore(STATE));
    tx.oncomplete = () => resolve(request?.result);
    tx.onabort = () => reject(tx.error as DOMException);
    tx.commit();
  });
}

function asHostFault(cause: unknown): HostFault {
  // A transaction that was aborted with its connection has no error.
  const { name, message } = Object(cause) as Partial<Error>;
  const code = name === "QuotaExceededError" ? "quota_exceeded" : "storage_unavailable";
  return new HostFault(code, `IndexedDB keeps nothing now (${name}: ${message}).`, { cause });
}
