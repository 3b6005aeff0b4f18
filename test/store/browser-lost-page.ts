// What the pages of browser-lost.test.ts run, on call: a log, an outbox, and a database of the
// application's own, in whichever order the test wants them opened.

import { deleteLog } from "../../engine/browser/index.ts";
import { indexeddb, publisher } from "../../engine/publish/index.ts";
import { linesFrom, PLAN } from "./node-sqlite-feed.ts";
import "../browser/page-scope.ts";

export interface LostPage {
  /** Opens the application's own database. */
  openOwn(): Promise<void>;
  /** Connects to the log; the position at which it ends, or the code of why it was not opened. */
  openLog(worker?: string): Promise<number | string>;
  /** Where the host runs. */
  mode(): Promise<string>;
  /** Pushes `count` events; where the log ends then. */
  push(count: number): Promise<number>;
  closeLog(): Promise<void>;
  /** As an application may do that does not know better. */
  deleteDatabase(): Promise<void>;
  /** Deletes the log on purpose; the code of why not, or null. */
  deleteLog(): Promise<string | null>;
  /** A till opens, publishes a fact that reaches nobody, closes: what had waited, what it heard. */
  sell(): Promise<{ waiting: number; told: unknown[] }>;
  /** The names of the files that this origin keeps. */
  files(): Promise<string[]>;
  /** Removes those files, as if an older build had made the databases. */
  removeFiles(): Promise<void>;
}

declare global {
  var lostPage: LostPage;
}

const LOG = "Log, the first";

globalThis.lostPage = {
  async openOwn() {
    const request = indexedDB.open("application");
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore("things"));
    await settled(request);
    request.result.close();
  },

  async openLog(worker) {
    try {
      const options = { plan: PLAN, name: LOG, ...(worker !== undefined && { worker }) };
      globalThis.connection = await connect(options);
    } catch (error) {
      return codeOf(error);
    }
    return (await connection.stats()).position;
  },

  mode: async () => (await connection.stats()).mode,

  async push(count) {
    const { position } = await connection.stats();
    return (await connection.push(linesFrom(position, count))).position;
  },

  closeLog: () => connection.close(),

  deleteDatabase: () => settled(indexedDB.deleteDatabase(`millrace:${LOG}`)),

  async deleteLog() {
    try {
      await deleteLog(LOG);
    } catch (error) {
      return codeOf(error);
    }
    return null;
  },

  async sell() {
    const told: unknown[] = [];
    const out = publisher({
      url: "/nowhere",
      store: indexeddb("till"),
      fetch: () => Promise.reject(new TypeError("no network")),
      onFault: (fact, { code }) => told.push([fact, code]),
    });
    const { waiting } = await out.stats();
    await out.publish({ eventId: "sold" });
    // By then its sender has looked at the outbox, and waited for as long as that says.
    while ((await out.stats()).problem === null) await new Promise((next) => setTimeout(next, 20));
    await out.close();
    return { waiting, told };
  },

  async files() {
    const names: string[] = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
    return names.toSorted();
  },

  async removeFiles() {
    const folder = await navigator.storage.getDirectory();
    for (const name of await lostPage.files()) await folder.removeEntry(name);
  },
};

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

function settled(request: IDBRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(request.error as DOMException));
  });
}
