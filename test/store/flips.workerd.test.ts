import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, inject, test } from "vitest";
import { sqlite } from "../../engine/store/sqlite.ts";
import type { StoreEnv } from "../workerd/worker.ts";
import {
  fillForFlips,
  flipBits,
  flipRows,
  loseChunks,
  type FlipPlace,
  type Kept,
  type KeptRow,
} from "./flips.ts";

function placeOf(storage: DurableObjectStorage): FlipPlace {
  const list = (kind: Kept["kind"]): Kept[] =>
    [...storage.sql.exec(`SELECT position, bytes FROM millrace_${kind} ORDER BY position`)].map(
      (row) => ({
        kind,
        position: Number(row["position"]),
        bytes: new Uint8Array(row["bytes"] as ArrayBuffer),
      }),
    );
  return {
    open: () => sqlite(storage),
    list: () => [...list("chunk"), ...list("snapshot")],
    put: ({ kind, position }, bytes) => {
      storage.sql.exec(`DELETE FROM millrace_${kind} WHERE position = ?`, position);
      if (bytes === null) return;
      storage.sql.exec(`INSERT INTO millrace_${kind} VALUES (?, 0, ?)`, position, bytes);
    },
    rows: (of) => {
      const columns = of === "log" ? LOG_COLUMNS : "*";
      return storage.sql
        .exec(`SELECT ${columns} FROM millrace_${of}`)
        .toArray()
        .map((row): KeptRow => {
          const values = Object.entries(row).map(([name, value]) => {
            return [name, value instanceof ArrayBuffer ? new Uint8Array(value) : value] as const;
          });
          return Object.fromEntries(values);
        });
    },
    putRows: (of, rows) => {
      storage.sql.exec(`DELETE FROM millrace_${of}`);
      for (const row of rows) {
        const values = Object.values(of === "log" ? { id: 1, ...row } : row);
        const places = values.map(() => "?").join();
        storage.sql.exec(`INSERT INTO millrace_${of} VALUES (${places})`, ...values);
      }
    },
  };
}

/** But for its number, which the table holds to 1. */
const LOG_COLUMNS =
  "schema, version, hash_key, end_position, held_count, trimmed_to, archived_to, sum";
const COUNT = inject("isFull") ? 1000 : 40;

describe.each([true, false])("a log in a Durable Object, with snapshots: %s", (hasSnapshots) => {
  test(`shows each of ${COUNT} flipped bits and each lost chunk, or has the right numbers`, () => {
    const { STORES } = env as unknown as StoreEnv;
    return runInDurableObject(STORES.getByName(`flips-${hasSnapshots}`), async (_, { storage }) => {
      const place = placeOf(storage);
      await fillForFlips(place, hasSnapshots);
      const { refused, right } = await flipBits(place, inject("seed"), COUNT);
      expect(refused + right).toBe(COUNT);
      expect(right > 0).toBe(hasSnapshots);
      await flipRows(place, inject("seed"), COUNT);
      await loseChunks(place);
    });
  }, 600_000);
});
