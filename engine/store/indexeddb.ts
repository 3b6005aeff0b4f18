// The IndexedDB store of a browser: one record a chunk, every write `durability: "strict"` (the
// default of Chromium is relaxed) and told at the transaction's `complete`.
//
//   log        "header" → version, hash key, where the log ends, to where it was trimmed, and
//              archived, sum
//   chunks     first position → the chunk, an ArrayBuffer of its own length
//   held       number in order of holding → a held line, with its sum; its id is unique
//   released   identity → the position of its event, which was released, and the sum of both
//   snapshots  position → the snapshot, an ArrayBuffer of its own length; two at most
//   lost       there only where the browser dropped what was here before
//
// Chromium deletes a database that it finds corrupt and gives a new one; a kill in mid-write leaves
// one that becomes so, unless its journal is left in time (journal.ts). No empty log takes the
// place of one that was: its witness (witness.ts) stands from when it was created until somebody
// deletes it on purpose. Where there can be none, Chromium's own word is kept, which only the first
// database to be opened hears.
//
// A browser may drop a connection (Safari does so in the background), another tab may ask for it:
// the handle is given up and the next call opens a fresh one. A write that was cut off is tried
// once more; had it been committed after all, the position no longer fits and the write is refused,
// never done twice.

import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import {
  archivedBy,
  checkAppend,
  checkEnd,
  checkKept,
  checkPage,
  checkPagePaced,
  checkPutBack,
  checkTrim,
  exactBytes,
  hasWrite,
  notHeld,
} from "./chunk.ts";
import { HostFault } from "./host-fault.ts";
import { leaveJournal } from "./journal.ts";
import { checkReleased, checkRow, placed, releasedSum, rowSum } from "./row-sum.ts";
import type { Breathe } from "./steps.ts";
import type {
  Append,
  HeldLine,
  LogHeader,
  Recovered,
  ReleasedIdentity,
  Store,
  StoredSnapshot,
} from "./store.ts";
import { dropWitness, hasWitness } from "./witness.ts";

/** Released identities of 3 and before are but a position. */
const SCHEMA = 4;
const SNAPSHOTS_KEPT = 2;
/** A database that does not open for so long is waiting for somebody who may never let go of it. */
const OPEN_DEADLINE_MS = 15_000;
/** Chunks asked for at once when those before them were tiny. */
const PAGE_CHUNKS_MAX = 256;
const HEADER_KEY = "header";
const STRICT = { durability: "strict" } as const;

interface LogRecord {
  readonly version: number;
  readonly hashKey: ArrayBuffer;
  readonly endPosition: number;
  /** Absent until the log is trimmed. */
  readonly trimmedTo?: number;
  /** Absent until an archive had what was trimmed. */
  readonly archivedTo?: number;
  /** Absent in what an earlier build wrote (row-sum.ts). */
  readonly sum?: number;
}

interface HeldRecord extends Omit<HeldLine, "line"> {
  readonly line: ArrayBuffer;
  readonly sum?: number;
}

interface ReleasedRecord {
  readonly position: number;
  readonly sum: number;
}

interface Schema extends DBSchema {
  log: { key: string; value: LogRecord };
  chunks: { key: number; value: ArrayBuffer };
  held: { key: number; value: HeldRecord; indexes: { id: string } };
  released: { key: string; value: ReleasedRecord | number };
  snapshots: { key: number; value: ArrayBuffer };
  lost: { key: string; value: string };
}

type Database = IDBPDatabase<Schema>;

/** What a transaction of writing needs to be ended by. */
interface Writing {
  readonly done: Promise<void>;
  abort(): void;
  commit(): void;
}

/**
 * The log `name` of this origin; nothing is opened before the first call. Where a log was and is no
 * more, `recover` rejects with the HostFault `log_lost`, until `deleteLog` says that it may be so.
 */
export function indexeddb(name: string): Store {
  return new IndexedDbStore(name);
}

export function databaseOf(log: string): string {
  return `millrace:${log}`;
}

class IndexedDbStore implements Store {
  readonly #log: string;
  /** The database's. */
  readonly #name: string;
  #handle: Promise<Database> | null = null;
  #persisted = false;
  /** What was last done with the log's witness. */
  #witness: Promise<unknown> | null = null;

  constructor(log: string) {
    this.#log = log;
    this.#name = databaseOf(log);
  }

  /** Known once `recover` has asked; a browser may evict what is only best effort. */
  get storage(): "durable" | "best-effort" {
    return this.#persisted ? "durable" : "best-effort";
  }

  recover(breathe?: Breathe): Promise<Recovered | null> {
    return this.#run(async (db) => {
      this.#persisted = await askPersisted();
      const tx = db.transaction(["log", "chunks", "held", "released", "snapshots"]);
      void quiet(tx.done);
      const released = tx.objectStore("released");
      const [record, newest, held, identities, places, positions] = await Promise.all([
        tx.objectStore("log").get(HEADER_KEY),
        tx.objectStore("chunks").openCursor(null, "prev"),
        tx.objectStore("held").getAll(),
        released.getAllKeys(),
        released.getAll(),
        tx.objectStore("snapshots").getAllKeys(),
      ]);
      if (record === undefined) {
        await this.#witness;
        if (await hasWitness(this.#name)) throw this.#lost();
        return null;
      }
      // A log of an older build has none yet.
      this.#witness ??= hasWitness(this.#name, true);
      known(record);
      checkEnd(newest === null ? null : new Uint8Array(newest.value), record.endPosition);
      const snapshots: StoredSnapshot[] = [];
      for (const position of positions.toReversed()) {
        // One may have been replaced since.
        const bytes = new Uint8Array((await db.get("snapshots", position)) ?? []);
        await breathe?.(bytes.length);
        snapshots.push({ position, bytes });
      }
      return {
        header: { version: record.version, hashKey: new Uint8Array(record.hashKey) },
        endPosition: record.endPosition,
        trimmedTo: record.trimmedTo ?? 0,
        archivedTo: record.archivedTo ?? 0,
        held: held.map(heldLine),
        released: identities
          .map((identity, index) => releasedIdentity(identity, places[index]!))
          .toSorted((a, b) => a.position - b.position),
        snapshots,
      };
    });
  }

  async create(header: LogHeader): Promise<void> {
    await this.#run((db) => {
      const tx = db.transaction("log", "readwrite", STRICT);
      const hashKey = exactBytes(header.hashKey).buffer;
      const record = { version: header.version, hashKey, endPosition: 0 };
      return committed(tx, async (queue) => {
        queue(tx.store.add(summed(record), HEADER_KEY));
      });
    });
    await (this.#witness = hasWitness(this.#name, true));
  }

  append(write: Append): Promise<void> {
    return this.#run((db) => {
      const tx = db.transaction(["log", "chunks", "held", "released"], "readwrite", STRICT);
      return committed(tx, async (queue) => {
        const log = tx.objectStore("log");
        const record = known(await log.get(HEADER_KEY));
        checkAppend(write, record.endPosition);
        if (write.chunk !== null) {
          const { buffer } = exactBytes(write.chunk);
          queue(tx.objectStore("chunks").add(buffer, write.firstPosition));
        }
        for (const { id, code, receivedAt, line } of write.held) {
          const record = { id, code, receivedAt, line: exactBytes(line).buffer };
          queue(tx.objectStore("held").add({ ...record, sum: heldSum(record) }));
        }
        const byId = tx.objectStore("held").index("id");
        const keys = await Promise.all(write.letGo.map((id) => byId.getKey(id)));
        for (const [index, key] of keys.entries()) {
          if (key === undefined) throw notHeld(write.letGo[index]!);
          queue(tx.objectStore("held").delete(key));
        }
        const released = tx.objectStore("released");
        for (const identity of write.forgotten) queue(released.delete(identity));
        for (const each of write.remembered) {
          const { identity, position } = each;
          queue(released.put({ position, sum: releasedSum(each) }, identity));
        }
        queue(log.put(summed({ ...record, endPosition: write.endPosition }), HEADER_KEY));
      });
    });
  }

  hasLanded(write: Append): Promise<boolean> {
    return this.#run(async (db) => {
      const tx = db.transaction(["log", "held"]);
      void quiet(tx.done);
      const { endPosition } = known(await tx.objectStore("log").get(HEADER_KEY));
      const [id = ""] = [...write.held.map((line) => line.id), ...write.letGo];
      const key = await tx.objectStore("held").index("id").getKey(id);
      return hasWrite(write, endPosition, () => key !== undefined);
    });
  }

  read(from: number, limitBytes: number, breathe?: Breathe): Promise<readonly Uint8Array[]> {
    return this.#run(async (db) => {
      const tx = db.transaction(["log", "chunks"]);
      void quiet(tx.done);
      const { endPosition, trimmedTo = 0 } = known(await tx.objectStore("log").get(HEADER_KEY));
      if (from >= endPosition) return [];
      checkKept(from, trimmedTo);
      const store = tx.objectStore("chunks");
      const holding = await store.openKeyCursor(IDBKeyRange.upperBound(from), "prev");
      let next = holding?.key ?? from;
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      let asked = 1;
      let isEnd = false;
      while (!isEnd && (chunks.length === 0 || bytes < limitBytes)) {
        const range = IDBKeyRange.lowerBound(next);
        // One key more than chunks: it says where the next page would begin.
        const [keys, values] = await Promise.all([
          store.getAllKeys(range, asked + 1),
          store.getAll(range, asked),
        ]);
        for (const value of values) {
          chunks.push(new Uint8Array(value));
          bytes += value.byteLength;
        }
        isEnd = keys.length <= asked;
        next = keys[asked] ?? endPosition;
        const fitting = Math.ceil(((limitBytes - bytes) * chunks.length) / Math.max(1, bytes));
        // Those that follow may be large, whatever these were.
        asked = Math.min(Math.max(1, fitting), 2 * asked, PAGE_CHUNKS_MAX);
      }
      const following = { position: next, isEnd };
      if (breathe) await checkPagePaced(chunks, from, following, breathe);
      else checkPage(chunks, from, following);
      return chunks;
    });
  }

  trim(to: number, isArchived = false): Promise<void> {
    return this.#run((db) => {
      const tx = db.transaction(["log", "chunks", "released"], "readwrite", STRICT);
      return committed(tx, async (queue) => {
        const [log, chunks] = [tx.objectStore("log"), tx.objectStore("chunks")];
        const record = known(await log.get(HEADER_KEY));
        checkTrim(to, (await chunks.getKey(to)) !== undefined);
        queue(chunks.delete(IDBKeyRange.upperBound(to, true)));
        const released = tx.objectStore("released");
        const [identities, places] = await Promise.all([released.getAllKeys(), released.getAll()]);
        for (const [index, identity] of identities.entries()) {
          const { position } = releasedIdentity(identity, places[index]!);
          if (position < to) queue(released.delete(identity));
        }
        const { trimmedTo = 0, archivedTo: before = 0 } = record;
        const archivedTo = archivedBy({ trimmedTo, archivedTo: before }, to, isArchived);
        queue(log.put(summed({ ...record, trimmedTo: to, archivedTo }), HEADER_KEY));
      });
    });
  }

  putBack(chunk: Uint8Array): Promise<void> {
    return this.#run((db) => {
      const tx = db.transaction(["log", "chunks"], "readwrite", STRICT);
      return committed(tx, async (queue) => {
        const log = tx.objectStore("log");
        const record = known(await log.get(HEADER_KEY));
        const position = checkPutBack(chunk, record.trimmedTo ?? 0);
        queue(tx.objectStore("chunks").add(exactBytes(chunk).buffer, position));
        queue(log.put(summed({ ...record, trimmedTo: position }), HEADER_KEY));
      });
    });
  }

  saveSnapshot(snapshot: StoredSnapshot): Promise<void> {
    return this.#run((db) => {
      const tx = db.transaction(["log", "snapshots"], "readwrite", STRICT);
      return committed(tx, async (queue) => {
        known(await tx.objectStore("log").get(HEADER_KEY));
        const snapshots = tx.objectStore("snapshots");
        queue(snapshots.put(exactBytes(snapshot.bytes).buffer, snapshot.position));
        const positions = await snapshots.getAllKeys();
        for (const old of positions.slice(0, -SNAPSHOTS_KEPT)) queue(snapshots.delete(old));
      });
    });
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    // One that could not be opened has nothing to close.
    (await handle?.catch(() => null))?.close();
    await this.#witness;
  }

  /** Runs `work`, once more on a fresh handle if this one turns out to be lost. */
  async #run<Result>(work: (db: Database) => Promise<Result>): Promise<Result> {
    try {
      const handle = this.#open();
      const db = await handle;
      this.#checkWhole(db);
      try {
        return await work(db);
      } catch (error) {
        const lost = nameOf(error) === "InvalidStateError" || this.#handle !== handle;
        if (!lost || error instanceof HostFault) throw error;
        this.#giveUp(handle);
        db.close();
        return await work(await this.#open());
      }
    } catch (error) {
      throw asHostFault(error);
    }
  }

  #open(): Promise<Database> {
    if (this.#handle !== null) return this.#handle;
    if (typeof indexedDB === "undefined") {
      throw new HostFault("storage_unavailable", "There is no IndexedDB here: use memory().");
    }
    const blocked = Promise.withResolvers<never>();
    // Behind a deletion that waits, nothing is told.
    const timer = setTimeout(() => blocked.reject(anotherHandle()), OPEN_DEADLINE_MS);
    const opened = openDB<Schema>(this.#name, SCHEMA, {
      upgrade(db, schema, _to, _tx, event) {
        if (schema === 0 && isAfterLoss(event)) db.createObjectStore("lost");
        if (schema < 2) db.createObjectStore("released");
        if (schema >= 1) return;
        for (const store of ["log", "chunks", "snapshots"] as const) db.createObjectStore(store);
        const held = db.createObjectStore("held", { autoIncrement: true });
        held.createIndex("id", "id", { unique: true });
      },
      blocked: () => blocked.reject(anotherHandle()),
      blocking: (_from, to) => {
        this.#giveUp(handle);
        // Whoever deletes it under this log's eyes does so on purpose.
        if (to === null) this.#witness = dropWitness(this.#name);
        void opened.then((db) => db.close());
      },
      terminated: () => this.#giveUp(handle),
    });
    const handle: Promise<Database> = Promise.race([opened, blocked.promise]).finally(() => {
      clearTimeout(timer);
    });
    // Opened after all, when nobody waits for it.
    blocked.promise.catch(() => opened.then((db) => db.close()).catch(() => {}));
    this.#handle = handle;
    handle.then(leaveJournal, () => this.#giveUp(handle));
    return handle;
  }

  #checkWhole(db: Database): void {
    if (db.objectStoreNames.contains("lost")) throw this.#lost();
  }

  #lost(): HostFault {
    const message = `The database ${JSON.stringify(this.#name)} was deleted with this log`;
    const who = "by the browser, which found it corrupt, or by hand";
    const wayOut = `deleteLog(${JSON.stringify(this.#log)}) begins a new one`;
    return new HostFault("log_lost", `${message}, ${who}: restore it from a copy, or ${wayOut}.`);
  }

  #giveUp(handle: Promise<Database>): void {
    if (this.#handle === handle) this.#handle = null;
  }
}

/**
 * Queues the requests of `work`, commits them, and resolves when they are on disk. Whatever fails
 * aborts them all; the error told is the cause, not the AbortError of the requests beside it.
 */
async function committed(
  tx: Writing,
  work: (queue: (request: Promise<unknown>) => void) => Promise<void>,
): Promise<void> {
  const requests: Promise<unknown>[] = [];
  const problems: unknown[] = [];
  void quiet(tx.done);
  try {
    await work((request) => requests.push(quiet(request)));
    tx.commit();
  } catch (error) {
    problems.push(error);
    // A transaction that a failed request has aborted already says so by throwing.
    try {
      tx.abort();
    } catch {}
  }
  for (const outcome of await Promise.allSettled([...requests, tx.done])) {
    if (outcome.status === "rejected") problems.push(outcome.reason);
  }
  if (problems.length === 0) return;
  throw problems.find((problem) => nameOf(problem) !== "AbortError") ?? problems[0];
}

/** Not reported as unhandled: it is awaited later, or what failed is told by another promise. */
function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

function known(record: LogRecord | undefined): LogRecord {
  if (record !== undefined) {
    checkRow("The log's header", record.sum, summed(record).sum);
    return record;
  }
  throw new HostFault("storage_unavailable", "This store holds no log: create it first.");
}

function summed(record: LogRecord): LogRecord & { readonly sum: number } {
  const { version, endPosition, trimmedTo = 0, archivedTo = 0, hashKey } = record;
  const places = [endPosition, trimmedTo, ...placed(archivedTo)];
  const sum = rowSum([version, ...places], new Uint8Array(hashKey));
  return { ...record, sum };
}

function heldSum({ id, code, receivedAt, line }: HeldRecord): number {
  return rowSum([id, code, receivedAt], new Uint8Array(line));
}

function heldLine(record: HeldRecord): HeldLine {
  const { sum, line, ...rest } = record;
  checkRow(`The held line ${JSON.stringify(rest.id)}`, sum, heldSum(record));
  return { ...rest, line: new Uint8Array(line) };
}

function releasedIdentity(identity: string, record: ReleasedRecord | number): ReleasedIdentity {
  if (typeof record === "number") return { identity, position: record };
  return checkReleased({ identity, position: record.position }, record.sum);
}

/** `dataLoss` is Chromium's own. */
function isAfterLoss(event: IDBVersionChangeEvent): boolean {
  return (event as { dataLoss?: unknown }).dataLoss === "total";
}

function anotherHandle(): HostFault {
  const message = "IndexedDB does not open this log: a page has it open and does not let go of it";
  return new HostFault("storage_blocked", `${message}. Close or reload that page, open again.`);
}

async function askPersisted(): Promise<boolean> {
  try {
    return await navigator.storage.persisted();
  } catch {
    return false;
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : "";
}

/** What goes wrong in the browser has a code; what this program does wrong stays an error. */
function asHostFault(error: unknown): unknown {
  if (error instanceof HostFault || error instanceof RangeError) return error;
  const name = nameOf(error) || "no reason";
  const message = error instanceof Error || error instanceof DOMException ? error.message : "";
  const reason = message === "" ? name : `${name}: ${message}`;
  const options = { cause: error };
  if (name === "QuotaExceededError") {
    const sentence = `The browser has no room for this write (${reason}): make room, push again.`;
    return new HostFault("quota_exceeded", sentence, options);
  }
  return new HostFault("storage_unavailable", `IndexedDB refused (${reason}).`, options);
}
