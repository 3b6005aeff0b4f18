// SQLite in Node (`node:sqlite`, built in), so that a service embeds the engine durably: the store
// of a Durable Object over a file. The file is locked for as long as the store is open: one process
// writes a log. Every commit is forced to disk before the append returns (WAL, synchronous FULL).

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { HostFault } from "./host-fault.ts";
import { sqlite as sqliteOver, type SqlHost, type SqlRow, type SqlValue } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** How long opening waits for a process that is just letting go of the file. */
const BUSY_TIMEOUT_MS = 1000;

/**
 * A durable store in `file`, which is made where it does not exist; opened when the engine opens.
 * HostFault `storage_unavailable` where it cannot be opened or another process has it open,
 * `quota_exceeded` where the disk is full.
 */
export function sqlite(file: string): Store {
  return sqliteOver(new SqliteFile(file));
}

class SqliteFile implements SqlHost {
  readonly #file: string;
  readonly #statements = new Map<string, StatementSync>();
  #opened: DatabaseSync | null = null;
  #isClosed = false;
  readonly sql = {
    exec: (query: string, ...bindings: SqlValue[]): SqlRow[] => this.#exec(query, bindings),
  };

  constructor(file: string) {
    this.#file = file;
  }

  transactionSync<Result>(closure: () => Result): Result {
    const database = this.#database();
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = closure();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      // There is none where SQLite has rolled back; Nodes before 22.16 cannot tell.
      try {
        database.exec("ROLLBACK");
      } catch {}
      throw error;
    }
  }

  reopen(): void {
    this.#isClosed = false;
  }

  /** Who still reads the log then gets no more of it: to go on would lock the file anew. */
  close(): void {
    this.#isClosed = true;
    this.#statements.clear();
    this.#opened?.close();
    this.#opened = null;
  }

  #database(): DatabaseSync {
    if (this.#opened !== null) return this.#opened;
    if (this.#isClosed) {
      throw new HostFault("engine_closed", "This log was closed: open it again to read on.");
    }
    const database = this.#open();
    try {
      // The first statement takes the lock, and keeps it: of two that open at once one has it, and
      // the write-ahead log needs no memory that processes share, which some file systems lack.
      database.exec("PRAGMA locking_mode = EXCLUSIVE");
      checkOwn(database, this.#file);
      database.exec("PRAGMA journal_mode = WAL");
      database.exec("PRAGMA synchronous = FULL");
      // A MiB of 4 KiB pages, as long as a part: the file is put in order with each, for 2 ms more,
      // not with every fourth for 10, which no slice has room for.
      database.exec("PRAGMA wal_autocheckpoint = 256");
      database.exec("BEGIN IMMEDIATE; COMMIT");
    } catch (error) {
      database.close();
      throw error;
    }
    this.#opened = database;
    return database;
  }

  #open(): DatabaseSync {
    // Loaded when it is asked for: some Nodes warn of it, and the command line runs without.
    const loaded: typeof import("node:sqlite") | undefined =
      process.getBuiltinModule("node:sqlite");
    if (loaded === undefined) {
      const message = `Node ${process.versions.node} has no SQLite: use 22.13 or later.`;
      throw new HostFault("storage_unavailable", message);
    }
    try {
      return new loaded.DatabaseSync(this.#file, { timeout: BUSY_TIMEOUT_MS });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const way = "It must be a file, in a folder that is there and can be written.";
      const message = `${JSON.stringify(this.#file)} does not open: ${reason}. ${way}`;
      throw new HostFault("storage_unavailable", message, { cause: error });
    }
  }

  #exec(query: string, bindings: readonly SqlValue[]): SqlRow[] {
    const database = this.#database();
    const statement = this.#statements.get(query) ?? database.prepare(query);
    this.#statements.set(query, statement);
    const values = bindings.map((value) =>
      value instanceof ArrayBuffer ? new Uint8Array(value) : value,
    );
    try {
      return statement.all(...values) as unknown as SqlRow[];
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_OUT_OF_RANGE") throw error;
      const [table] = /millrace_\w+/.exec(query) ?? [""];
      const problem = `A row of ${table} is broken: it has a number that nobody wrote`;
      const message = `${problem}. Restore the log from a copy.`;
      throw new HostFault("log_broken", message, { cause: error });
    }
  }
}

/**
 * Of a file that holds something else nothing is changed. HostFault `storage_unavailable`, or
 * `log_broken` where it is the rest of a log.
 */
function checkOwn(database: DatabaseSync, file: string): void {
  const select = "SELECT name FROM sqlite_master WHERE type = 'table'";
  const tables = database.prepare(select).all();
  const names = tables.map(({ name }) => String(name));
  if (names.length === 0 || names.includes("millrace_log")) return;
  if (names.includes("millrace_chunk")) {
    const message = "The log's header is lost, and its table with it. Restore the log from a copy.";
    throw new HostFault("log_broken", message);
  }
  const problem = `${JSON.stringify(file)} is a database of something else`;
  const message = `${problem}, with the table ${names[0]}: give the log a file of its own.`;
  throw new HostFault("storage_unavailable", message);
}
