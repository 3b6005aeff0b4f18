import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, inject, test } from "vitest";
import { sqlite } from "../../engine/store/sqlite.ts";
import type { StoreEnv } from "../workerd/worker.ts";
import { fillForFlips, flipBits, loseChunks, type FlipPlace, type Kept } from "./flips.ts";

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
  };
}

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
      await loseChunks(place);
    });
  }, 600_000);
});
