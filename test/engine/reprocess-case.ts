// What the tests of reprocessing share: a late event, changes and rows as one reads them, and a
// store that fails where a test wants it to.

import { memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import type { Append, MaybePromise, StoredSnapshot } from "../../engine/store/store.ts";
import { event, eventsAt } from "../builders.ts";

export const ALL = { from: -1e15, to: 1e15 };

/** `kind start/end value rN @position`, and the key where there is one. */
export function short(changes: readonly Change[]): string[] {
  return changes.map(({ kind, key, window, value, revision, position }) => {
    const keys = Object.values(key).map((each) => `${String(each)} `);
    const text = JSON.stringify(Object.values(value)).slice(1, -1);
    return `${keys.join("")}${kind} ${window.start}/${window.end} ${text} r${revision} @${position}`;
  });
}

export const rowsOf = (engine: Engine): string[] =>
  engine
    .view("q")
    .rows()
    .map(({ window, value, final, revision }) => {
      const text = JSON.stringify(Object.values(value)).slice(1, -1);
      return `${window.start}/${window.end} ${text} r${revision}${final ? " final" : ""}`;
    });

export const seenOf = async (engine: Engine): Promise<object> => ({
  hash: await engine.stateHash(),
  rows: engine.view("q").rows(),
  late: engine.late("q"),
  position: engine.stats().position,
  log: await Array.fromAsync(engine.log()),
});

/** The memory store, but for what is given. */
export function storeWith(
  change: (inner: Store) => {
    readonly append?: (write: Append) => MaybePromise<void>;
    readonly saveSnapshot?: (snapshot: StoredSnapshot) => MaybePromise<void>;
    readonly read?: Store["read"];
  },
): Store {
  const inner = memory();
  return {
    storage: inner.storage,
    recover: () => inner.recover(),
    create: (header) => inner.create(header),
    append: (write) => inner.append(write),
    read: (from, limitBytes) => inner.read(from, limitBytes),
    hasLanded: (write) => inner.hasLanded(write),
    trim: (to) => inner.trim(to),
    saveSnapshot: (snapshot) => inner.saveSnapshot(snapshot),
    close: () => inner.close(),
    ...change(inner),
  };
}

/** Three events, the clock at 20, and one that comes too late for [0, 10). */
export const LATE = [eventsAt([1, 2, 20]), [event("late", 5)]];
