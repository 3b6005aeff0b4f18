import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as nodeSqlite from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, test, vi } from "vitest";
import { open } from "../../engine/open.ts";
import { memory } from "../../engine/store/memory.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import type { Store } from "../../engine/store/store.ts";
import { sqlite as sqliteOver, type SqlHost, type SqlValue } from "../../engine/store/sqlite.ts";
import { FULL, measured } from "../measured.ts";
import { randomOf } from "../event/random.ts";
import { storeContract } from "./contract.ts";
import { appendOf, expectFault, HEADER, heldOf } from "./writes.ts";
import { PLAN, lineAt, linesFrom } from "./node-sqlite-feed.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `log-${files++}.db`);

storeContract("SQLite in Node", true, async (body) => {
  const file = newFile();
  const holder = new Holder();
  await body({
    open: () => holder.taking(sqlite(file)),
    openFull: () => holder.taking(sqliteOver(fullHost(file))),
    damage: (position, change) => {
      holder.letGo();
      damage(file, position, change);
    },
  });
  holder.letGo();
});

/** The contract uses one place through several stores: the one in use has the file, as if alone. */
class Holder {
  #holding: Store | null = null;

  taking(store: Store): Store {
    return new Proxy(store, {
      get: (_, name) => {
        const value: unknown = Reflect.get(store, name, store);
        if (typeof value !== "function") return value;
        return (...parameters: unknown[]): unknown => {
          if (this.#holding !== store) this.#take(store);
          return Reflect.apply(value, store, parameters);
        };
      },
    });
  }

  /** What was let go is opened by `recover`, even where that finds the log broken. */
  #take(store: Store): void {
    this.letGo();
    this.#holding = store;
    try {
      void store.recover();
    } catch {}
  }

  letGo(): void {
    void this.#holding?.close();
    this.#holding = null;
  }
}

function damage(
  file: string,
  position: number,
  change: (bytes: Uint8Array) => Uint8Array | null,
): void {
  const database = new DatabaseSync(file);
  const where = "millrace_chunk WHERE position = ?";
  const row = database.prepare(`SELECT bytes FROM ${where}`).get(position);
  const changed = change(row!["bytes"] as Uint8Array);
  database.prepare(`DELETE FROM ${where}`).run(position);
  if (changed !== null) {
    database.prepare("INSERT INTO millrace_chunk VALUES (?, 0, ?)").run(position, changed);
  }
  database.close();
}

/** A file whose disk is full at the last write of an append, that of the log's header. */
function fullHost(file: string): SqlHost {
  let database: DatabaseSync | null = null;
  const opened = (): DatabaseSync => (database ??= new DatabaseSync(file));
  const exec = (query: string, ...bindings: SqlValue[]) => {
    if (!query.startsWith("UPDATE")) return hostOf(opened()).sql.exec(query, ...bindings);
    throw new Error("database or disk is full");
  };
  return {
    sql: { exec },
    transactionSync: (closure) => hostOf(opened()).transactionSync(closure),
    close: () => database?.close(),
  };
}

function hostOf(database: DatabaseSync): SqlHost {
  return {
    sql: {
      exec: (query: string, ...bindings: SqlValue[]) =>
        database.prepare(query).all(...(bindings as Uint8Array[])) as never,
    },
    transactionSync: (closure) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = closure();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => database.close(),
  };
}

describe("SQLite in Node", () => {
  test("has one writer: a second one is refused, with what to do", async () => {
    const file = newFile();
    const first = sqlite(file);
    await first.create(HEADER);
    await first.append(appendOf(0, 1));
    const second = sqlite(file);
    await expectFault(() => second.recover(), "storage_unavailable", "open already");
    await first.close();
    expect(await second.recover()).toMatchObject({ endPosition: 1 });
    await second.close();
  });

  test("a log that is read on after it was closed is not locked anew", async () => {
    const file = newFile();
    const engine = await open({ plan: PLAN, store: sqlite(file) });
    for (let from = 0; from < 40_000; from += 10_000) await engine.push(linesFrom(from, 10_000));
    const reading = engine.log();
    await reading.next();
    await engine.close();
    const readOn = async (): Promise<void> => {
      while ((await reading.next()).done === false);
    };
    await expectFault(readOn, "engine_closed");
    const again = await open({ plan: PLAN, store: sqlite(file) });
    expect(again.stats().position).toBe(40_000);
    await again.close();
  });

  test("a folder that is not there is a fault, not a crash", async () => {
    const store = sqlite(join(folder, "nowhere", "log.db"));
    await expectFault(() => store.recover(), "storage_unavailable", "nowhere/log.db");
  });

  test("a Node that has no SQLite is a fault, with what to do", async () => {
    const load = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    const store = sqlite(newFile());
    await expectFault(() => store.recover(), "storage_unavailable", "use 22.13 or later");
    load.mockRestore();
  });

  test("a disk that is full is a fault, and leaves the log as it was", async () => {
    const database = new DatabaseSync(newFile());
    const store = sqliteOver(hostOf(database));
    await store.create(HEADER);
    await store.append(appendOf(0, 1));
    database.exec("PRAGMA max_page_count = 1");
    const large = appendOf(1, 100, { lineBytes: 10_000 });
    await expectFault(() => store.append(large), "quota_exceeded");
    expect(await store.recover()).toMatchObject({ endPosition: 1 });
    database.exec("PRAGMA max_page_count = 100000");
    await store.append(large);
    expect(await store.recover()).toMatchObject({ endPosition: 101 });
  });

  test("a write that failed holds up none behind it, also where SQLite tells of no transaction", async () => {
    // Before Node 22.16 a database has no such member.
    const without = (database: DatabaseSync): DatabaseSync =>
      new Proxy(database, {
        get: (_, name) => {
          const value: unknown = Reflect.get(database, name);
          if (name === "isTransaction") return undefined;
          return typeof value === "function" ? (value.bind(database) as unknown) : value;
        },
      });
    const Former = new Proxy(DatabaseSync, {
      construct: (Known, words: [string]) => without(new Known(...words)),
    });
    const load = vi
      .spyOn(process, "getBuiltinModule")
      .mockReturnValue({ ...nodeSqlite, DatabaseSync: Former });
    const store = sqlite(newFile());
    await store.create(HEADER);
    load.mockRestore();
    const write = appendOf(0, 2);
    const wrong = { ...write, letGo: ["nobody"] };
    await expectFault(() => store.append(wrong), "storage_unavailable", "is not held");
    expect(await store.recover()).toMatchObject({ endPosition: 0 });
    await store.append(write);
    expect(await store.recover()).toMatchObject({ endPosition: 2 });
    await store.close();
  });

  test("a database of something else is refused, and not touched", async () => {
    const file = newFile();
    const database = new DatabaseSync(file);
    database.exec("CREATE TABLE customers (id INTEGER PRIMARY KEY)");
    database.close();
    const before = readFileSync(file);
    const named = [file, "the table customers", "a file of its own"];
    await expectFault(() => sqlite(file).recover(), "storage_unavailable", ...named);
    await expectFault(() => sqlite(file).create(HEADER), "storage_unavailable", ...named);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("it needs no memory that processes share: a log of before is opened without", async () => {
    const file = newFile();
    const before = sqlite(file);
    await before.create(HEADER);
    await before.close();
    const store = sqlite(file);
    await store.recover();
    await store.append(appendOf(0, 2));
    expect(existsSync(`${file}-shm`)).toBe(false);
    await store.close();
  });

  test("no write puts more of its file in order than a MiB or so of those before", async () => {
    const file = newFile();
    const store = sqlite(file);
    await store.create(HEADER);
    for (let position = 1; position <= 8; position++) {
      await store.saveSnapshot({ position, bytes: new Uint8Array(1 << 20).fill(position) });
      expect(statSync(`${file}-wal`).size).toBeLessThan(1.5 * (1 << 20));
    }
    await store.close();
  });

  test("a header that is lost, and numbers that do not fit, are a broken log", async () => {
    for (const [change, ...named] of [
      ["DELETE FROM millrace_log", "The log's header is lost"],
      ["DROP TABLE millrace_log", "The log's header is lost"],
      [`UPDATE millrace_log SET end_position = ${2n ** 60n}`, "A row of millrace_log is broken"],
      [`UPDATE millrace_chunk SET position = ${2n ** 60n}`, "A row of millrace_chunk is broken"],
    ] as const) {
      const file = newFile();
      const filled = sqlite(file);
      await filled.create(HEADER);
      await filled.append(appendOf(0, 2));
      await filled.close();
      const database = new DatabaseSync(file);
      database.exec(change);
      database.close();
      const opening = (): Promise<unknown> => open({ plan: PLAN, store: sqlite(file) });
      await expectFault(opening, "log_broken", ...named, "Restore the log from a copy");
    }
  });

  test("a log of schema 1 is taken up, one of before trimming too, and can be trimmed", async () => {
    const file = newFile();
    const older = sqlite(file);
    await older.create(HEADER);
    await older.append(appendOf(0, 2, { held: [heldOf("a")] }));
    await older.append(appendOf(2, 1));
    await older.close();
    const database = new DatabaseSync(file);
    for (const column of [
      "log DROP COLUMN trimmed_to",
      "log DROP COLUMN archived_to",
      "log DROP COLUMN sum",
      "held DROP COLUMN sum",
    ]) {
      database.exec(`ALTER TABLE millrace_${column}`);
    }
    database.exec("UPDATE millrace_log SET schema = 1");
    database.exec("DROP TABLE millrace_released");
    database.close();
    const store = sqlite(file);
    const held = [heldOf("a")];
    expect(await store.recover()).toMatchObject({ trimmedTo: 0, endPosition: 3, held });
    await store.append(appendOf(3, 1, { held: [heldOf("b")] }));
    await store.trim(2);
    const both = [...held, heldOf("b")];
    expect(await store.recover()).toMatchObject({ trimmedTo: 2, endPosition: 4, held: both });
    await store.close();
    // What was written since has its sum.
    const again = new DatabaseSync(file);
    const sums = again.prepare("SELECT id, sum FROM millrace_held ORDER BY sequence").all();
    expect(sums.map(({ sum }) => typeof sum)).toEqual(["object", "number"]);
    again.exec("UPDATE millrace_log SET held_count = 7");
    again.close();
    await expectFault(() => sqlite(file).recover(), "log_broken", "The log's header");
  });

  test("a log of schema 2 is taken up: its released identities are believed, later ones summed", async () => {
    const file = newFile();
    const older = sqlite(file);
    await older.create(HEADER);
    const remembered = [{ identity: "a", position: 0 }];
    await older.append(appendOf(0, 1, { remembered }));
    await older.close();
    const database = new DatabaseSync(file);
    database.exec("ALTER TABLE millrace_released DROP COLUMN sum");
    database.exec("ALTER TABLE millrace_log DROP COLUMN archived_to");
    database.exec("UPDATE millrace_log SET schema = 2");
    database.close();
    const store = sqlite(file);
    expect(await store.recover()).toMatchObject({ released: remembered });
    const more = [{ identity: "b", position: 1 }];
    await store.append(appendOf(1, 1, { remembered: more }));
    expect(await store.recover()).toMatchObject({ released: [...remembered, ...more] });
    await store.close();
    const again = new DatabaseSync(file);
    again.exec("UPDATE millrace_released SET position = 0 WHERE identity = 'b'");
    again.close();
    await expectFault(() => sqlite(file).recover(), "log_broken", 'The released identity "b"');
  });

  test("a file that is no database is a fault", async () => {
    const store = sqlite(import.meta.filename);
    await expectFault(() => store.recover(), "storage_unavailable");
  });
});

// ── killed in mid-write ────────────────────────────────────────────────────────────────────────

const KILLS = FULL ? 200 : 10;
const LIFE_MS_MAX = 40;

/** Starts the writer, kills it a moment after its first receipt; the last position it told. */
async function writeUntilKilled(file: string, lifeMs: number): Promise<number> {
  const writer = join(import.meta.dirname, "node-sqlite-writer.ts");
  const child: ChildProcess = spawn(process.execPath, [writer, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let told = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    if (told === 0) setTimeout(() => child.kill("SIGKILL"), lifeMs);
    told = Number(line);
  }
  await exited;
  return told;
}

test(`a process killed ${KILLS} times in mid-write loses nothing that it acknowledged`, async () => {
  const seed = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  const random = randomOf(seed);
  const file = newFile();
  let behind = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const told = await writeUntilKilled(file, random.below(LIFE_MS_MAX));
    const engine = await open({ plan: PLAN, store: sqlite(file) });
    const { position } = engine.stats();
    expect(position, `seed ${seed}, kill ${kill}`).toBeGreaterThanOrEqual(told);
    if (position > told) behind++;
    await engine.close();
  }
  // Each event stands once, in its place, and the state is that of an engine fed with them.
  const engine = await open({ plan: PLAN, store: sqlite(file) });
  const lines: string[] = [];
  for await (const chunk of engine.log()) lines.push(...chunk.trimEnd().split("\n").slice(1));
  expect(lines).toEqual(lines.map((_, position) => lineAt(position)));
  const again = await open({ plan: PLAN, store: memory() });
  await again.push(lines.join("\n"));
  expect(engine.view("orders").rows()).toEqual(again.view("orders").rows());
  expect(lines.length).toBe(engine.stats().position);
  await engine.close();
  measured("Node process killed in mid-write, receipts lost", 0, `of ${KILLS} kills`);
  measured("of them durable but not yet told", behind, "kills");
}, 600_000);
