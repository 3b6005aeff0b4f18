import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, inject, test } from "vitest";
import { decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { event, ndjson } from "../builders.ts";
import { FULL, measured } from "../measured.ts";
import {
  fillForFlips,
  flipBits,
  flipRows,
  loseChunks,
  type FlipPlace,
  type Kept,
  type KeptRow,
} from "./flips.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-flips-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function placeOf(file: string): FlipPlace {
  const raw = <Result>(work: (database: DatabaseSync) => Result): Result => {
    const database = new DatabaseSync(file);
    database.exec("PRAGMA synchronous = OFF");
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  const rows = (kind: Kept["kind"]) => (database: DatabaseSync) =>
    database
      .prepare(`SELECT position, bytes FROM millrace_${kind} ORDER BY position`)
      .all()
      .map((row) => ({
        kind,
        position: Number(row["position"]),
        bytes: row["bytes"] as Uint8Array,
      }));
  return {
    open: () => sqlite(file),
    list: () => raw((database) => [...rows("chunk")(database), ...rows("snapshot")(database)]),
    put: ({ kind, position }, bytes) =>
      raw((database) => {
        database.prepare(`DELETE FROM millrace_${kind} WHERE position = ?`).run(position);
        if (bytes === null) return;
        database.prepare(`INSERT INTO millrace_${kind} VALUES (?, 0, ?)`).run(position, bytes);
      }),
    rows: (of) =>
      raw((database) => {
        const columns = of === "log" ? LOG_COLUMNS : "*";
        return database.prepare(`SELECT ${columns} FROM millrace_${of}`).all() as KeptRow[];
      }),
    putRows: (of, rows) =>
      raw((database) => {
        database.exec(`DELETE FROM millrace_${of}`);
        for (const row of rows) {
          const values = Object.values(of === "log" ? { id: 1, ...row } : row);
          const places = values.map(() => "?").join();
          database.prepare(`INSERT INTO millrace_${of} VALUES (${places})`).run(...values);
        }
      }),
  };
}

/** But for its number, which the table holds to 1. */
const LOG_COLUMNS =
  "schema, version, hash_key, end_position, held_count, trimmed_to, archived_to, sum";
const COUNT = FULL ? 1000 : 40;

describe.each([true, false])("a log in SQLite in Node, with snapshots: %s", (hasSnapshots) => {
  const place = placeOf(join(folder, `log-${hasSnapshots}.db`));

  test(`shows each of ${COUNT} flipped bits, or has the right numbers`, async () => {
    await fillForFlips(place, hasSnapshots);
    const { refused, right } = await flipBits(place, inject("seed"), COUNT);
    expect(refused + right).toBe(COUNT);
    expect(right > 0).toBe(hasSnapshots);
    const name = `flipped bits through open, SQLite in Node, ${hasSnapshots ? "with" : "no"} snapshots`;
    measured(`${name}: seen or harmless`, refused + right, `of ${COUNT}`);
  }, 600_000);

  test(`shows each of ${COUNT} flipped bits of its header, held lines and released identities`, async () => {
    await flipRows(place, inject("seed"), COUNT);
    const name = `flipped bits of header, held lines and released identities, SQLite in Node, ${hasSnapshots ? "with" : "no"} snapshots`;
    measured(`${name}: named`, COUNT, `of ${COUNT}`);
  }, 600_000);

  test("shows each lost chunk, or has the right numbers", () => loseChunks(place), 60_000);
});

test("every single flipped bit of a log of 100 events is seen by the decoder", () => {
  let position = 0;
  for (const count of [1, 60, 9, 30]) {
    const line = (index: number): object => event(`e${position + index}`, index, { x: index });
    const lines = new TextEncoder().encode(
      ndjson(Array.from({ length: count }, (_, i) => line(i))),
    );
    const receivedAt = count === 9 ? Array<number>(9).fill(5) : count === 1 ? null : 7;
    const previousDigest = new Uint8Array(32).fill(3);
    const parts = { firstPosition: position, count, receivedAt, flags: 0, previousDigest, lines };
    const bytes = encodeChunk(parts);
    expect(decodeChunk(bytes)).toEqual(parts);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      expectBroken(bytes, bit);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
    }
    expect(decodeChunk(bytes)).toEqual(parts);
    position += count;
  }
  expect(position).toBe(100);
}, 120_000);

/** By hand: an assertion a bit would be most of the time. */
function expectBroken(bytes: Uint8Array, bit: number): void {
  try {
    decodeChunk(bytes);
  } catch (error) {
    if ((error as { code?: string }).code === "chunk_broken") return;
    throw error;
  }
  throw new Error(`Bit ${bit} was flipped, and nobody saw it.`);
}
