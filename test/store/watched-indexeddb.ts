// IndexedDB as a test sees through it: which transactions were begun and completed, which connections
// were opened, and another method in the place of the browser's own.

import { SCRATCH } from "../../engine/store/journal.ts";

type Method = (...words: unknown[]) => unknown;

const restores: (() => void)[] = [];

/** Everything is the browser's own again. */
export function restoreMethods(): void {
  for (const restore of restores.splice(0)) restore();
}

/** Puts another method in the place of the browser's, until the end of the test at most. */
export function replaceMethod<Host extends object>(
  host: Host,
  name: keyof Host,
  replacement: (original: Method) => Method,
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(host, name)!;
  const restore = (): void => void Object.defineProperty(host, name, descriptor);
  const value = replacement(descriptor.value as Method);
  Object.defineProperty(host, name, { ...descriptor, value });
  restores.push(restore);
  return restore;
}

export interface Watched {
  readonly mode: IDBTransactionMode;
  readonly durability: IDBTransactionDurability;
  completed: boolean;
}

/** Every transaction that is begun from here on. */
export function watchTransactions(): Watched[] {
  const begun: Watched[] = [];
  replaceMethod(IDBDatabase.prototype, "transaction", (original) => {
    return function (this: unknown, ...words) {
      const tx = original.apply(this, words) as IDBTransaction;
      const watched = { mode: tx.mode, durability: tx.durability, completed: false };
      tx.addEventListener("complete", () => (watched.completed = true));
      begun.push(watched);
      return tx;
    };
  });
  return begun;
}

/** Every connection that is opened from here on, but for the one by which a journal is left. */
export function watchConnections(): IDBDatabase[] {
  const connections: IDBDatabase[] = [];
  replaceMethod(IDBFactory.prototype, "open", (original) => {
    return function (this: unknown, ...words) {
      const request = original.apply(this, words) as IDBOpenDBRequest;
      request.addEventListener("success", () => {
        if (words[0] !== SCRATCH) connections.push(request.result);
      });
      return request;
    };
  });
  return connections;
}
