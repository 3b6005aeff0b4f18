// The outbox of a Node process: a file, by `node:sqlite`. An entry point of its own, so that no
// bundle for a browser holds it. The file is locked while the outbox is open: one process sends.
//
//   millrace_fact      number → the line
//   millrace_back_off  one row, or none

import { DatabaseSync } from "node:sqlite";
import { HostFault } from "../store/host-fault.ts";
import type { BackOff, Fact, Outbox } from "./outbox.ts";

const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS millrace_fact (
    number INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS millrace_back_off (
    attempts INTEGER NOT NULL, fromMs REAL NOT NULL, untilMs REAL NOT NULL
  );
  BEGIN IMMEDIATE; COMMIT`;

/** How long opening waits for a process that is just letting go of the file. */
const BUSY_TIMEOUT_MS = 1000;

/**
 * The outbox in `file`, which is made where it does not exist; opened by the first call. Its faults
 * are HostFaults: `quota_exceeded` where the disk is full, else `storage_unavailable`, as when
 * another process has it open.
 */
export function sqlite(file: string): Outbox {
  return new SqliteOutbox(file);
}

class SqliteOutbox implements Outbox {
  /** Nobody shares it: the file is locked. */
  readonly name = null;
  readonly #file: string;
  #opened: DatabaseSync | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  append(lines: readonly string[]): void {
    this.#commit((db) => {
      const insert = db.prepare("INSERT INTO millrace_fact (line) VALUES (?)");
      for (const line of lines) insert.run(line);
    });
  }

  read(after: number, count: number): readonly Fact[] {
    const page = "SELECT number, line FROM millrace_fact WHERE number > ? ORDER BY number LIMIT ?";
    const facts = this.#run((db) => db.prepare(page).all(after, count) as unknown as Fact[]);
    // One that came to harm in the file stays one line, or no receipt would account for its batch.
    return facts.map(({ number, line }) => ({ number, line: line.replaceAll("\n", " ") }));
  }

  settle(numbers: readonly number[], backOff: BackOff | null): void {
    this.#commit((db) => {
      const remove = db.prepare("DELETE FROM millrace_fact WHERE number = ?");
      for (const number of numbers) remove.run(number);
      db.exec("DELETE FROM millrace_back_off");
      if (backOff === null) return;
      const { attempts, fromMs, untilMs } = backOff;
      const insert = "INSERT INTO millrace_back_off VALUES (?, ?, ?)";
      db.prepare(insert).run(attempts, fromMs, untilMs);
    });
  }

  backOff(): BackOff | null {
    const row = this.#run((db) => db.prepare("SELECT * FROM millrace_back_off").get());
    return row === undefined ? null : ({ ...row } as unknown as BackOff);
  }

  count(): number {
    const row = this.#run((db) => db.prepare("SELECT count(*) AS n FROM millrace_fact").get());
    return Number(row!["n"]);
  }

  close(): void {
    this.#opened?.close();
    this.#opened = null;
  }

  #commit(work: (db: DatabaseSync) => void): void {
    this.#run((db) => {
      db.exec("BEGIN IMMEDIATE");
      try {
        work(db);
        db.exec("COMMIT");
      } catch (error) {
        // There is none where SQLite has rolled back; Nodes before 22.16 cannot tell.
        try {
          db.exec("ROLLBACK");
        } catch {}
        throw error;
      }
    });
  }

  #run<Result>(work: (db: DatabaseSync) => Result): Result {
    try {
      return work(this.#open());
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const code = /is full/.test(reason) ? "quota_exceeded" : "storage_unavailable";
      throw new HostFault(code, `SQLite keeps nothing now (${reason}).`, { cause });
    }
  }

  #open(): DatabaseSync {
    if (this.#opened !== null) return this.#opened;
    const db = new DatabaseSync(this.#file, { timeout: BUSY_TIMEOUT_MS });
    try {
      db.exec(SCHEMA);
    } catch (error) {
      db.close();
      throw error;
    }
    this.#opened = db;
    return db;
  }
}
