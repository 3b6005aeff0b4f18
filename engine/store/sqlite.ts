// The SQLite store of a Durable Object: the narrow part of `ctx.storage` that it needs, everything
// in one `transactionSync`, no `await` anywhere, so that append, apply and publish are one turn.
//
//   millrace_log       one row: schema, the log's header, where the log ends, held lines ever, to
//                      where it was trimmed, and archived, sum
//   millrace_chunk     a row a push, in parts of 1 MiB (a row holds 2 MB): position, part, bytes
//   millrace_held      a row a held line, in the order of `sequence`, with its sum
//   millrace_released  a row an identity that was released: identity, position of its event, sum
//   millrace_snapshot  a row each 1 MiB: position, part, bytes; two positions at most.
//                      Parts are numbered from a multiple of 2^20 on; the first is written last:
//                      where it is missing, the process ended before, and the rest is nothing
//
// Rows written a push: 2 (its chunk, the header), 1 more for each further MiB and each line that
// is held or let go, each identity that is remembered or forgotten.
// All tables are WITHOUT ROWID and have no index: a row written is a row paid once.
// Positions and times are exact in SQLite's integers and in doubles (below 2^53); the hash key,
// being 16 bytes, is a BLOB. A Durable Object has no PRAGMA user_version: the schema has a column.

import {
  archivedBy,
  checkAppend,
  checkEnd,
  checkKept,
  checkPage,
  checkPagePaced,
  checkPutBack,
  checkTrim,
  hasWrite,
  notHeld,
} from "./chunk.ts";
import { HostFault } from "./host-fault.ts";
import { checkReleased, checkRow, placed, releasedSum, rowSum } from "./row-sum.ts";
import { findPage, type Page } from "./sqlite-page.ts";
import { drained, paced, type Breathe, type Steps } from "./steps.ts";
import type {
  Append,
  HeldLine,
  LogHeader,
  MaybePromise,
  Recovered,
  Store,
  StoredSnapshot,
} from "./store.ts";

/** No flipped bit of it is one of before, 1 and 2, which are taken up. */
const SCHEMA = 4;
const PART_BYTES = 1 << 20;
const FIRST_BYTES = 4096; // of a long snapshot: written in one step with what it replaces
/** A snapshot written in steps may stand behind one of its position, which it then replaces. */
const RUN_PARTS = 1 << 20;
const SNAPSHOTS_KEPT = 2;
/** Stores of earlier builds have none: of before trimming, and before this was known. */
const PLACES = {
  trimmed_to: "INTEGER NOT NULL DEFAULT 0",
  archived_to: "INTEGER NOT NULL DEFAULT 0",
};
/** Rows of schema 1 have none (row-sum.ts), released identities of schema 2. */
const SUM = "sum INTEGER";

/** A store of before releases has none. */
const CREATE_RELEASED = `CREATE TABLE IF NOT EXISTS millrace_released (
     identity TEXT PRIMARY KEY, position INTEGER NOT NULL
   ) WITHOUT ROWID`;
const SUM_RELEASED = `ALTER TABLE millrace_released ADD COLUMN ${SUM}`;

const CREATE_TABLES = [
  CREATE_RELEASED,
  SUM_RELEASED,
  `CREATE TABLE millrace_log (
     id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, version INTEGER NOT NULL,
     hash_key BLOB NOT NULL, end_position INTEGER NOT NULL, held_count INTEGER NOT NULL,
     trimmed_to ${PLACES.trimmed_to}, archived_to ${PLACES.archived_to}, ${SUM}
   ) WITHOUT ROWID`,
  `CREATE TABLE millrace_chunk (
     position INTEGER, part INTEGER, bytes BLOB NOT NULL, PRIMARY KEY (position, part)
   ) WITHOUT ROWID`,
  `CREATE TABLE millrace_held (
     id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, code TEXT NOT NULL, received_at REAL,
     line BLOB NOT NULL, ${SUM}
   ) WITHOUT ROWID`,
  `CREATE TABLE millrace_snapshot (
     position INTEGER, part INTEGER, bytes BLOB NOT NULL, PRIMARY KEY (position, part)
   ) WITHOUT ROWID`,
];

export type SqlValue = ArrayBuffer | Uint8Array | string | number | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** What of a Durable Object's `ctx.storage` this store uses. */
export interface SqlHost {
  readonly sql: { exec(query: string, ...bindings: SqlValue[]): Iterable<SqlRow> };
  transactionSync<Result>(closure: () => Result): Result;
  /** Of a host that opens something of its own (node-sqlite.ts): it may be opened again. */
  reopen?(): void;
  close?(): void;
}

export function sqlite(storage: SqlHost): Store {
  return new SqliteStore(storage);
}

interface LogRow {
  readonly header: LogHeader;
  readonly endPosition: number;
  readonly heldCount: number;
  readonly trimmedTo: number;
  readonly archivedTo: number;
}

class SqliteStore implements Store {
  readonly storage = "durable";
  readonly #host: SqlHost;

  constructor(host: SqlHost) {
    this.#host = host;
  }

  recover(breathe?: Breathe): MaybePromise<Recovered | null> {
    this.#host.reopen?.();
    const kept = asHostFault(() => this.#recover());
    if (kept === null) return null;
    const steps = this.#snapshots();
    if (breathe === undefined) return { ...kept, snapshots: drained(steps) };
    return Promise.resolve(paced(steps, breathe)).then((snapshots) => ({ ...kept, snapshots }));
  }

  #recover(): Omit<Recovered, "snapshots"> | null {
    const tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?";
    if (this.#rows(tables, "millrace_log").length === 0) return null;
    this.#migrate();
    const { header, endPosition, trimmedTo, archivedTo } = this.#log();
    const newest = `SELECT position, bytes FROM millrace_chunk
      WHERE position = (SELECT max(position) FROM millrace_chunk) ORDER BY part`;
    checkEnd(joinParts(this.#rows(newest))[0]?.bytes ?? null, endPosition);
    const held = this.#rows("SELECT * FROM millrace_held ORDER BY sequence").map(heldLine);
    const identities = "SELECT * FROM millrace_released ORDER BY position";
    const released = this.#rows(identities).map((row) => {
      const each = { identity: textOf(row["identity"]), position: Number(row["position"]) };
      return checkReleased(each, row["sum"]);
    });
    return { header, endPosition, trimmedTo, archivedTo, held, released };
  }

  /** Newest first. One that is replaced meanwhile is not whole: its sum says so. */
  *#snapshots(): Steps<StoredSnapshot[]> {
    const all = `SELECT position, part, length(bytes) AS size FROM millrace_snapshot
      ORDER BY position DESC, part`;
    const one = "SELECT bytes FROM millrace_snapshot WHERE position = ? AND part = ?";
    const rows = wholeOf(asHostFault(() => this.#rows(all)));
    const read: StoredSnapshot[] = [];
    for (const [position, parts] of Map.groupBy(rows, (row) => Number(row["position"]))) {
      const bytes = new Uint8Array(parts.reduce((sum, { size }) => sum + Number(size), 0));
      let at = 0;
      for (const { part } of parts) {
        const [row] = asHostFault(() => this.#rows(one, position, Number(part)));
        if (row === undefined) break;
        const piece = bytesOf(row["bytes"]).subarray(0, bytes.length - at);
        bytes.set(piece, at);
        at += piece.length;
        yield piece.length;
      }
      read.push({ position, bytes });
    }
    return read;
  }

  create(header: LogHeader): void {
    asHostFault(() =>
      this.#host.transactionSync(() => {
        for (const table of CREATE_TABLES) this.#rows(table);
        const sum = sumOf({ header, endPosition: 0, heldCount: 0, trimmedTo: 0, archivedTo: 0 });
        const insert = "INSERT INTO millrace_log VALUES (1, ?, ?, ?, 0, 0, 0, 0, ?)";
        this.#rows(insert, SCHEMA, header.version, header.hashKey, sum);
      }),
    );
  }

  append(write: Append): void {
    asHostFault(() =>
      this.#host.transactionSync(() => {
        const log = this.#log();
        checkAppend(write, log.endPosition);
        if (write.chunk !== null) {
          this.#insertParts("millrace_chunk", write.firstPosition, write.chunk);
        }
        const insert = "INSERT INTO millrace_held VALUES (?, ?, ?, ?, ?, ?)";
        for (const [index, { id, code, receivedAt, line }] of write.held.entries()) {
          const sequence = log.heldCount + index;
          const sum = rowSum([id, sequence, code, receivedAt], line);
          this.#rows(insert, id, sequence, code, receivedAt, line, sum);
        }
        this.#release(write);
        const { endPosition } = write;
        const heldCount = log.heldCount + write.held.length;
        const update = "UPDATE millrace_log SET end_position = ?, held_count = ?, sum = ?";
        this.#rows(update, endPosition, heldCount, sumOf({ ...log, endPosition, heldCount }));
      }),
    );
  }

  hasLanded(write: Append): boolean {
    return asHostFault(() => {
      const held = "SELECT id FROM millrace_held WHERE id = ?";
      const isHeld = (id: string): boolean => this.#rows(held, id).length > 0;
      return hasWrite(write, this.#log().endPosition, isHeld);
    });
  }

  read(from: number, limitBytes: number, breathe?: Breathe): MaybePromise<readonly Uint8Array[]> {
    const page = asHostFault(() => this.#page(from, limitBytes));
    if (page === null) return [];
    if (breathe !== undefined) return this.#readPaced(page, from, breathe);
    return asHostFault(() => {
      const chunks = this.#chunks(page.first, page.following.position);
      checkPage(chunks, from, page.following);
      return chunks;
    });
  }

  async #readPaced(
    { first, last, isLong, following }: Page,
    from: number,
    breathe: Breathe,
  ): Promise<readonly Uint8Array[]> {
    const chunks = asHostFault(() => this.#chunks(first, isLong ? last : following.position));
    await breathe(chunks.reduce((sum, { length }) => sum + length, 0));
    const parts: Uint8Array[] = [];
    const part = "SELECT bytes FROM millrace_chunk WHERE position = ? AND part = ?";
    while (isLong) {
      const [row] = asHostFault(() => this.#rows(part, last, parts.length));
      // What was trimmed meanwhile is not broken.
      if (row === undefined) checkKept(from, asHostFault(() => this.#log()).trimmedTo);
      if (row === undefined) break;
      parts.push(bytesOf(row["bytes"]));
      await breathe(parts.at(-1)!.length);
    }
    if (parts.length > 0) chunks.push(await paced(concatenating(parts), breathe));
    await checkPagePaced(chunks, from, following, breathe);
    return chunks;
  }

  /** Those that begin at positions of [first, end). */
  #chunks(first: number, end: number): Uint8Array[] {
    const page = `SELECT position, bytes FROM millrace_chunk
      WHERE position >= ? AND position < ? ORDER BY position, part`;
    return joinParts(this.#rows(page, first, end)).map((chunk) => chunk.bytes);
  }

  #page(from: number, limitBytes: number): Page | null {
    const { endPosition, trimmedTo } = this.#log();
    if (from >= endPosition) return null;
    checkKept(from, trimmedTo);
    const rows = (query: string, ...bindings: number[]): SqlRow[] => this.#rows(query, ...bindings);
    return findPage(rows, from, limitBytes, endPosition);
  }

  trim(to: number, isArchived = false): void {
    asHostFault(() =>
      this.#host.transactionSync(() => {
        const log = this.#log();
        const chunk = "SELECT position FROM millrace_chunk WHERE position = ? LIMIT 1";
        checkTrim(to, this.#rows(chunk, to).length > 0);
        this.#rows("DELETE FROM millrace_chunk WHERE position < ?", to);
        this.#rows("DELETE FROM millrace_released WHERE position < ?", to);
        this.#setTrimmed(log, to, archivedBy(log, to, isArchived));
      }),
    );
  }

  putBack(chunk: Uint8Array): void {
    asHostFault(() =>
      this.#host.transactionSync(() => {
        const log = this.#log();
        const position = checkPutBack(chunk, log.trimmedTo);
        this.#insertParts("millrace_chunk", position, chunk);
        this.#setTrimmed(log, position, log.archivedTo);
      }),
    );
  }

  saveSnapshot(snapshot: StoredSnapshot, breathe?: Breathe): MaybePromise<void> {
    const { position, bytes } = snapshot;
    if (breathe !== undefined && bytes.length > PART_BYTES) {
      return paced(this.#savePaced(snapshot), breathe);
    }
    asHostFault(() =>
      this.#host.transactionSync(() => {
        this.#log();
        this.#rows("DELETE FROM millrace_snapshot WHERE position = ?", position);
        this.#insertParts("millrace_snapshot", position, bytes);
        this.#dropSnapshots();
      }),
    );
  }

  /** Its first part comes last: with that it is there, and those that it replaces are not. */
  *#savePaced({ position, bytes }: StoredSnapshot): Steps<void> {
    const first = "SELECT part FROM millrace_snapshot WHERE position = ? AND part = 0";
    const run = asHostFault(() => {
      this.#log();
      return this.#rows(first, position).length > 0 ? RUN_PARTS : 0;
    });
    const insert = (part: number): void => {
      const end = FIRST_BYTES + part * PART_BYTES;
      const row = "INSERT INTO millrace_snapshot VALUES (?, ?, ?)";
      this.#rows(row, position, run + part, bytes.subarray(Math.max(0, end - PART_BYTES), end));
    };
    yield* this.#dropRests();
    for (let part = Math.ceil((bytes.length - FIRST_BYTES) / PART_BYTES); part > 0; part--) {
      asHostFault(() => insert(part));
      yield PART_BYTES;
    }
    asHostFault(() =>
      this.#host.transactionSync(() => {
        insert(0);
        const other = "DELETE FROM millrace_snapshot WHERE position = ? AND part = ?";
        this.#rows(other, position, RUN_PARTS - run);
        this.#dropSnapshots("AND part % ?1 = 0");
      }),
    );
    yield PART_BYTES;
    yield* this.#dropRests();
  }

  /** What was not written, or taken away, to its end. */
  *#dropRests(): Steps<void> {
    // A search would read a part at each step of it.
    const all = "SELECT position, part FROM millrace_snapshot ORDER BY position, part";
    const rows = asHostFault(() => this.#rows(all));
    const whole = new Set(wholeOf(rows));
    for (const row of rows) {
      if (whole.has(row)) continue;
      const one = "DELETE FROM millrace_snapshot WHERE position = ? AND part = ?";
      asHostFault(() => this.#rows(one, row["position"]!, row["part"]!));
      yield PART_BYTES;
    }
  }

  /** But the two newest that are whole: all of them, or only `which` parts. */
  #dropSnapshots(which = ""): void {
    const older = `DELETE FROM millrace_snapshot WHERE position NOT IN
      (SELECT position FROM millrace_snapshot WHERE part % ?1 = 0 ORDER BY position DESC LIMIT ?2)`;
    this.#rows(`${older} ${which}`, RUN_PARTS, SNAPSHOTS_KEPT);
  }

  close(): void {
    asHostFault(() => this.#host.close?.());
  }

  /** Gives a store of schema 1 or 2 what it lacks. */
  #migrate(): void {
    const row = this.#rows("SELECT * FROM millrace_log")[0];
    const schema = Number(row?.["schema"]);
    if (schema !== 1 && schema !== 2) return;
    this.#host.transactionSync(() => {
      this.#rows(CREATE_RELEASED);
      this.#rows(SUM_RELEASED);
      for (const [name, type] of Object.entries(PLACES)) {
        if (!(name in row!)) this.#rows(`ALTER TABLE millrace_log ADD COLUMN ${name} ${type}`);
      }
      for (const table of schema === 1 ? ["log", "held"] : []) {
        this.#rows(`ALTER TABLE millrace_${table} ADD COLUMN ${SUM}`);
      }
      this.#rows("UPDATE millrace_log SET schema = ?", SCHEMA);
    });
  }

  #setTrimmed(log: LogRow, trimmedTo: number, archivedTo: number): void {
    const update = "UPDATE millrace_log SET trimmed_to = ?, archived_to = ?, sum = ?";
    this.#rows(update, trimmedTo, archivedTo, sumOf({ ...log, trimmedTo, archivedTo }));
  }

  #log(): LogRow {
    const row = this.#rows("SELECT * FROM millrace_log")[0];
    const lost = "The log's header is lost. Restore the log from a copy.";
    if (row === undefined) throw new HostFault("log_broken", lost);
    const schema = Number(row["schema"]);
    if (schema !== SCHEMA) {
      const problem = `This store has schema ${schema} when this build knows ${SCHEMA}`;
      throw new HostFault("storage_unavailable", `${problem}: update Millrace.`);
    }
    const log = {
      header: { version: Number(row["version"]), hashKey: bytesOf(row["hash_key"]) },
      endPosition: Number(row["end_position"]),
      heldCount: Number(row["held_count"]),
      trimmedTo: Number(row["trimmed_to"]),
      archivedTo: Number(row["archived_to"]),
    };
    checkRow("The log's header", row["sum"], sumOf(log));
    return log;
  }

  #release({ letGo, remembered, forgotten }: Append): void {
    for (const id of letGo) {
      const left = this.#rows("DELETE FROM millrace_held WHERE id = ? RETURNING id", id);
      if (left.length === 0) throw notHeld(id);
    }
    for (const identity of forgotten) {
      this.#rows("DELETE FROM millrace_released WHERE identity = ?", identity);
    }
    const insert = "INSERT OR REPLACE INTO millrace_released VALUES (?, ?, ?)";
    for (const each of remembered) {
      this.#rows(insert, each.identity, each.position, releasedSum(each));
    }
  }

  #insertParts(table: string, position: number, bytes: Uint8Array): void {
    const partCount = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
    for (let part = 0; part < partCount; part++) {
      const partBytes = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      this.#rows(`INSERT INTO ${table} VALUES (?, ?, ?)`, position, part, partBytes);
    }
  }

  /** Runs to the end: a statement that is left half read would go on with the next one. */
  #rows(query: string, ...bindings: SqlValue[]): SqlRow[] {
    return [...this.#host.sql.exec(query, ...bindings)];
  }
}

/** Those parts of snapshots, in order, of which the first is there. */
function wholeOf(rows: readonly SqlRow[]): SqlRow[] {
  let first = "";
  return rows.filter(({ position, part }) => {
    const run = Number(part) - (Number(part) % RUN_PARTS);
    if (Number(part) === run) first = `${Number(position)}/${run}`;
    return first === `${Number(position)}/${run}`;
  });
}

/** One value a position, of rows in the order of position and part. */
function joinParts(rows: readonly SqlRow[]): { position: number; bytes: Uint8Array }[] {
  const joined: { position: number; parts: Uint8Array[] }[] = [];
  for (const row of rows) {
    const position = Number(row["position"]);
    const part = bytesOf(row["bytes"]);
    const last = joined.at(-1);
    if (last?.position === position) last.parts.push(part);
    else joined.push({ position, parts: [part] });
  }
  return joined.map(({ position, parts }) => ({ position, bytes: drained(concatenating(parts)) }));
}

function* concatenating(parts: readonly Uint8Array[]): Steps<Uint8Array> {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
    yield part.length;
  }
  return bytes;
}

function sumOf({ header, endPosition, heldCount, trimmedTo, archivedTo }: LogRow): number {
  const places = [endPosition, heldCount, trimmedTo, ...placed(archivedTo)];
  return rowSum([header.version, ...places], header.hashKey);
}

function heldLine(row: SqlRow): HeldLine {
  const receivedAt = row["received_at"] === null ? null : Number(row["received_at"]);
  const [id, code] = [textOf(row["id"]), textOf(row["code"])];
  const line = bytesOf(row["line"]);
  const sum = rowSum([id, Number(row["sequence"]), code, receivedAt], line);
  checkRow(`The held line ${JSON.stringify(id)}`, row["sum"], sum);
  return { id, code: code as HeldLine["code"], receivedAt, line };
}

function textOf(value: SqlValue | undefined): string {
  if (typeof value === "string") return value;
  throw new HostFault("storage_unavailable", `Got ${typeof value} when a row should hold text.`);
}

function bytesOf(value: SqlValue | undefined): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof Uint8Array) return value;
  throw new HostFault("storage_unavailable", `Got ${typeof value} when a row should hold bytes.`);
}

/** What goes wrong in SQLite is told by its code; what this program does wrong stays an error. */
function asHostFault<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof HostFault || error instanceof RangeError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const options = { cause: error };
    if (/SQLITE_FULL|is full|quota|exceeded allowed/i.test(reason)) {
      const message = `SQLite has no room for this write (${reason}): make room, push again.`;
      throw new HostFault("quota_exceeded", message, options);
    }
    if (/database is locked/i.test(reason)) {
      const message =
        "This log is open already, here or in another process, and has one writer: close it there.";
      throw new HostFault("storage_unavailable", message, options);
    }
    throw new HostFault("storage_unavailable", `SQLite refused: ${reason}.`, options);
  }
}
