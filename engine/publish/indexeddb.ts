// The outbox of a browser: a record a fact, written with `durability: "strict"` and told at the
// transaction's `complete`. What is forgotten is written relaxed: lost, it is sent once more, and
// found to be a duplicate.
//
//   facts   number, given by the database → the line
//   state   "backOff" → the back-off
//
// The browser may delete it with what waits there, and says so to few: a witness (witness.ts)
// tells, from the first fact on. Then "lost" stands in the place of the new one's back-off. Facts
// behind a write that a kill tore would be lost without a word: see journal.ts.
//
// Plain requests: every call is one transaction of a few of them, and idb is half of what a
// producer may weigh. A connection may be lost (Safari drops those in the background): what fails
// is tried once more on a fresh one; had it been done after all, a fact is sent twice, by one id.

import { HostFault } from "../store/host-fault.ts";
import { leaveJournal } from "../store/journal.ts";
import { hasWitness } from "../store/witness.ts";
import type { BackOff, Fact, Outbox } from "./outbox.ts";

const FACTS = "facts";
const STATE = "state";
const BACK_OFF = "backOff";
/** One that is not open by then is given up; all calls are tried twice. */
export const OPEN_MS = 10_000;

/** The outbox `name` of this origin, shared by its tabs; opened by the first call. */
export function indexeddb(name: string): Outbox {
  return new IndexedDbOutbox(name);
}

type Queue<Result> = (facts: IDBObjectStore, state: IDBObjectStore) => IDBRequest<Result> | void;

class IndexedDbOutbox implements Outbox {
  readonly name: string;
  #handle: Promise<IDBDatabase> | null = null;
  #witness: Promise<unknown> | null = null;

  constructor(name: string) {
    this.name = `millrace-outbox:${name}`;
  }

  async append(lines: readonly string[]): Promise<void> {
    await this.#run(
      (facts) => {
        for (const line of lines) facts.add({ line });
      },
      "readwrite",
      "strict",
    );
    // From now on there is something to lose; nobody waits for it.
    this.#witness ??= hasWitness(this.name, true);
  }

  read(after: number, count: number): Promise<readonly Fact[]> {
    return this.#run((facts) => facts.getAll(IDBKeyRange.lowerBound(after, true), count));
  }

  settle(numbers: readonly number[], backOff: BackOff | null): Promise<void> {
    return this.#run((facts, state) => {
      for (const number of numbers) facts.delete(number);
      state.put(backOff, BACK_OFF);
    }, "readwrite");
  }

  async backOff(): Promise<BackOff | "lost" | null> {
    return (await this.#run((_, state) => state.get(BACK_OFF))) ?? null;
  }

  count(): Promise<number> {
    return this.#run((facts) => facts.count());
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    // One that could not be opened has nothing to close.
    (await handle?.catch(() => null))?.close();
    await this.#witness;
  }

  /** One transaction; answers what its request found when it is complete. */
  async #run<Result>(
    queue: Queue<Result>,
    mode?: IDBTransactionMode,
    durability: IDBTransactionDurability = "relaxed",
  ): Promise<Result> {
    for (let isAgain = false; ; isAgain = true) {
      const handle = (this.#handle ??= this.#open());
      try {
        const tx = (await handle).transaction([FACTS, STATE], mode, { durability });
        return await new Promise((resolve, reject) => {
          const request = queue(tx.objectStore(FACTS), tx.objectStore(STATE));
          tx.oncomplete = () =>
            resolve((request as IDBRequest<Result> | undefined)?.result as Result);
          tx.onabort = () => reject(tx.error as DOMException);
          tx.commit();
        });
      } catch (error) {
        if (this.#handle === handle) await this.close();
        if (isAgain) throw asHostFault(error);
      }
    }
  }

  async #open(): Promise<IDBDatabase> {
    const wasThere = await hasWitness(this.name);
    const request = indexedDB.open(this.name);
    return new Promise((resolve, reject) => {
      // One that opens after all is collected, and closed with that.
      setTimeout(reject, OPEN_MS, new Error("Got no answer."));
      request.onupgradeneeded = (event) => {
        request.result.createObjectStore(FACTS, { keyPath: "number", autoIncrement: true });
        const state = request.result.createObjectStore(STATE);
        // `dataLoss` is Chromium's own, and told to the first database of the origin only.
        const { dataLoss } = event as { dataLoss?: unknown };
        if (wasThere || dataLoss === "total") state.put("lost", BACK_OFF);
      };
      request.onerror = () => reject(request.error as DOMException);
      request.onsuccess = () => {
        leaveJournal();
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

function asHostFault(cause: unknown): HostFault {
  // A transaction that was aborted with its connection has no error.
  const said = String(cause);
  const code = /Quota/.test(said) ? "quota_exceeded" : "storage_unavailable";
  return new HostFault(code, `IndexedDB keeps nothing now (${said}).`, { cause });
}
