// The log of this tab: in IndexedDB where the browser gives it, one tab at a time; else in memory,
// and said so.

import { deleteLog } from "../../engine/browser/delete-log.ts";
import { HostFault, memory, open, type Engine } from "../../engine/index.ts";
import { indexeddb } from "../../engine/store/indexeddb.ts";
import plan from "../plans/restaurant-metrics.json";
import type { Storage } from "./protocol.ts";

const NAME = "boards";
const LOCK = `millrace-log:${NAME}`;
/** A page that was reloaded lets go of its lock a moment later. */
const LOCK_WAIT_MS = 4_000;

export interface OpenLog {
  readonly engine: Engine;
  readonly storage: Storage;
}

export class Log {
  #isOurs: Promise<boolean> | null = null;

  /** Opens the engine on its log. Rejects with a HostFault where the log itself is at fault. */
  async open(): Promise<OpenLog> {
    this.#isOurs ??= holdLock();
    if (!(await this.#isOurs)) return inMemory("another tab of this page has the log");
    try {
      const engine = await open({ plan, store: indexeddb(NAME) });
      return { engine, storage: { mode: engine.stats().storage, reason: null } };
    } catch (error) {
      if (!(error instanceof HostFault) || error.code !== "storage_unavailable") throw error;
      return inMemory(error.message);
    }
  }

  /** Deletes the log, where it is this tab's. */
  async clear(): Promise<void> {
    if (!(await this.#isOurs)) return;
    try {
      await deleteLog(NAME);
    } catch {
      // Without IndexedDB there is nothing to delete.
    }
  }
}

async function inMemory(reason: string): Promise<OpenLog> {
  const engine = await open({ plan, store: memory() });
  return { engine, storage: { mode: "memory", reason } };
}

/** Holds the lock for as long as this worker lives; false where another tab has it. */
function holdLock(): Promise<boolean> {
  if (navigator.locks === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(LOCK_WAIT_MS);
    const held = navigator.locks.request(LOCK, { signal }, () => {
      resolve(true);
      return new Promise<never>(() => {});
    });
    held.catch(() => resolve(false));
  });
}
