// The store of SQLite over a real file that goes wrong at a chosen statement: what a transaction has
// written by then is for SQLite to undo. Statements that write are numbered over the file's whole
// life, each COMMIT too.

import { DatabaseSync } from "node:sqlite";
import { sqlite, type SqlHost, type SqlRow, type SqlValue } from "../../engine/store/sqlite.ts";
import type { Store } from "../../engine/store/store.ts";
import type { Disk, Process } from "./simulated-store.ts";

export type SqlMishap =
  /** The statement is refused, and the transaction rolled back. */
  | "fails"
  /** The process ends before the statement: nobody rolls back but SQLite itself. */
  | "dies before"
  /** The process ends after it. */
  | "dies after";

export const SQL_MISHAPS: readonly SqlMishap[] = ["fails", "dies before", "dies after"];

export class SqlDisk implements Disk {
  readonly file: string;
  readonly mishaps: ReadonlyMap<number, SqlMishap>;
  #writes = 0;
  #process: SqlProcess | null = null;

  constructor(file: string, mishaps: ReadonlyMap<number, SqlMishap>) {
    this.file = file;
    this.mishaps = mishaps;
  }

  get writes(): number {
    return this.#writes;
  }

  open(): SqlProcess {
    this.close();
    return (this.#process = new SqlProcess(this));
  }

  close(): void {
    this.#process?.end();
  }

  nextMishap(): SqlMishap | null {
    return this.mishaps.get(this.#writes++) ?? null;
  }
}

class SqlProcess implements Process {
  readonly store: Store;
  readonly isLying = false;
  onAppended = (): void => {};
  readonly #disk: SqlDisk;
  readonly #database: DatabaseSync;
  #isDead = false;

  constructor(disk: SqlDisk) {
    this.#disk = disk;
    this.#database = new DatabaseSync(disk.file);
    // The disk itself is not under test.
    this.#database.exec("PRAGMA synchronous = OFF");
    const host: SqlHost = {
      sql: { exec: (query, ...bindings) => this.#execute(query, bindings) },
      transactionSync: (closure) => this.#transact(closure),
    };
    this.store = sqlite(host);
    const append = this.store.append.bind(this.store);
    let isAppending = false;
    this.store.append = (write) => {
      isAppending = true;
      try {
        return append(write);
      } finally {
        isAppending = false;
      }
    };
    this.#onCommit = () => {
      if (isAppending) this.onAppended();
    };
  }

  readonly #onCommit: () => void;

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Gone, with its transaction under way. */
  end(): void {
    if (this.#database.isOpen) this.#database.close();
    this.#isDead = true;
  }

  #execute(query: string, bindings: readonly SqlValue[]): SqlRow[] {
    const run = (): SqlRow[] =>
      this.#database.prepare(query).all(...(bindings as Uint8Array[])) as never;
    return /^\s*SELECT/.test(query) ? run() : this.#meet(run);
  }

  #transact<Result>(closure: () => Result): Result {
    this.#assertAlive();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = closure();
      this.#meet(() => {
        this.#database.exec("COMMIT");
        this.#onCommit();
      });
      return result;
    } catch (error) {
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #meet<Result>(statement: () => Result): Result {
    this.#assertAlive();
    const mishap = this.#disk.nextMishap();
    if (mishap === "fails") throw new Error("SQLITE_IOERR");
    if (mishap === "dies before") this.end();
    this.#assertAlive();
    const result = statement();
    if (mishap === "dies after") this.end();
    this.#assertAlive();
    return result;
  }

  #assertAlive(): void {
    if (this.#isDead) throw new Error("This process has ended.");
  }
}
