// Subscriptions: who is told the changes of which query. A listener is called once a push, after
// the push is durable and applied; what it throws is its own affair and stops nobody else.

import type { Change } from "./change.ts";
import type { Decoder } from "./decoder.ts";

export type Listener = (changes: readonly Change[]) => void;

export class Subscriptions {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #all = new Set<Listener>();

  /** Tells `listener` the changes of `query`, or of all where it is null; the answer stops it. */
  add(query: string | null, listener: Listener): () => void {
    const listeners = query === null ? this.#all : this.#of(query);
    // A listener subscribed twice is two subscriptions.
    const own: Listener = (changes) => listener(changes);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  #of(query: string): Set<Listener> {
    const known = this.#listeners.get(query);
    if (known !== undefined) return known;
    const listeners = new Set<Listener>();
    this.#listeners.set(query, listeners);
    return listeners;
  }

  /** Tells the changes of one push, of which only those are read that somebody listens to. */
  tellRecords(records: readonly Uint8Array[], decoder: Decoder): void {
    if (records.length > 0) this.tell(decoder.changes(records, (query) => this.hears(query)));
  }

  /** Whether somebody hears the changes of `query`. */
  hears(query: string): boolean {
    return this.#all.size > 0 || (this.#listeners.get(query)?.size ?? 0) > 0;
  }

  /** Tells the changes of one push, which are in the order of the contract. */
  tell(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    // Listed before the first is called: who subscribes meanwhile hears the next push.
    const calls: (() => void)[] = [];
    const enlist = (listeners: ReadonlySet<Listener>, told: readonly Change[]): void => {
      for (const listener of listeners) {
        calls.push(() => {
          if (listeners.has(listener)) callListener(listener, told);
        });
      }
    };
    enlist(this.#all, changes);
    for (const [query, listeners] of this.#listeners) {
      if (listeners.size === 0) continue;
      const own = ofQuery(changes, query);
      if (own.length > 0) enlist(listeners, own);
    }
    for (const call of calls) call();
  }
}

/** Those of one query stand together; they may be all. */
function ofQuery(changes: readonly Change[], query: string): readonly Change[] {
  const first = changes.findIndex((change) => change.query === query);
  if (first < 0) return [];
  const last = changes.findLastIndex((change) => change.query === query);
  return last - first + 1 === changes.length ? changes : changes.slice(first, last + 1);
}

/** Calls it; what it throws does not come back here. */
export function callListener<Told>(listener: (told: Told) => void, told: Told): void {
  try {
    listener(told);
  } catch (error) {
    // The push stands; the host hears of the error as of any that nobody caught.
    void Promise.reject(error);
  }
}
