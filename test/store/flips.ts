// Flipped bits, run over each durable store: a log with snapshots and one without, of which a random
// bit of a random stored value is flipped before it is opened. An engine that opens has the right
// numbers, and `verify` names the chunk; else the log's place and what to do are told.

import { expect } from "vitest";
import { HostFault, open, type Store } from "../../engine/index.ts";
import type { MaybePromise } from "../../engine/store/store.ts";
import { event, planOf, tumbling } from "../builders.ts";
import { randomOf, type Random } from "../event/random.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** True in `npm run test:full`. */
    isFull: boolean;
    /** For random tests: MILLRACE_SEED, where it is given. */
    seed: number;
  }
}

/** A value that a store keeps as bytes. */
export interface Kept {
  readonly kind: "chunk" | "snapshot";
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** A place whose stored values can be changed behind the store's back, while none is open. */
export interface FlipPlace {
  open(): MaybePromise<Store>;
  list(): MaybePromise<readonly Kept[]>;
  /** Null loses it. */
  put(kept: Omit<Kept, "bytes">, bytes: Uint8Array | null): MaybePromise<void>;
  /** The rows beside: the log's header, one, the held lines, or identities that were released. */
  rows(of: RowsOf): MaybePromise<readonly KeptRow[]>;
  /** Puts these in the place of all of them. */
  putRows(of: RowsOf, rows: readonly KeptRow[]): MaybePromise<void>;
}

export type RowsOf = "log" | "held" | "released";
export type KeptRow = { readonly [name: string]: Uint8Array | string | number | null };

const PLAN = planOf(
  {
    key: { k: "data.k" },
    window: tumbling(20, 5),
    aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.x" } },
  },
  { clock: { dedup: 1000 } },
);
const EVENTS = 100;
const HASH_KEY = Uint8Array.from({ length: 16 }, (_, at) => at + 1);

const eventAt = (at: number): object => event(`e${at}`, at, { k: `k${at % 3}`, x: at / 4 });

/** A hundred events and more in chunks of 1 to 9; snapshots at about a half and three quarters. */
export async function fillForFlips(place: FlipPlace, hasSnapshots: boolean): Promise<void> {
  const random = randomOf(7);
  const store = await place.open();
  const engine = await open({ plan: PLAN, store, hashKey: HASH_KEY });
  for (const id of ["held", "ahead"]) await engine.push(event(id, 2 ** 40), { receivedAt: 1000 });
  for (const id of ["freed", "let go"]) {
    await engine.push(event(id.replace(" ", "-"), 2 ** 40), { receivedAt: 1000 });
    await engine.release([engine.quarantine().at(-1)!.id], { receivedAt: 0 });
  }
  for (let at = 0; at < EVENTS;) {
    const count = 1 + random.below(9);
    await engine.push(Array.from({ length: count }, (_, index) => eventAt(at + index)));
    at += count;
    if (hasSnapshots && at >= EVENTS / 2) await engine.snapshot();
  }
  // What stands behind the newest snapshot is replayed.
  for (const at of [200, 210]) await engine.push(eventAt(at));
  await store.close();
}

/** Where it stands; the store is closed, not the engine, which would save a snapshot. */
async function seenIn(place: FlipPlace, look: "numbers" | "verify"): Promise<unknown> {
  const store = await place.open();
  try {
    const engine = await open({ plan: PLAN, store });
    if (look === "verify") return await engine.verify();
    const hash = await engine.stateHash();
    const { position } = engine.stats();
    return { hash, rows: engine.view("q").rows(), position, held: engine.quarantine() };
  } finally {
    await store.close();
  }
}

/** But for the record of a new log's plan, a snapshot without a state. */
async function valuesOf(place: FlipPlace): Promise<readonly Kept[]> {
  return (await place.list()).filter(({ kind, position }) => kind === "chunk" || position > 0);
}

export interface FlipTally {
  /** Refused when it was opened, with the place. */
  refused: number;
  /** Opened with the right numbers. */
  right: number;
}

/** Flips `count` bits, one at a time; each is flipped back. Throws at the first that is not seen. */
export async function flipBits(place: FlipPlace, seed: number, count: number): Promise<FlipTally> {
  const random = randomOf(seed);
  const values = await valuesOf(place);
  const expected = await seenIn(place, "numbers");
  expect(await seenIn(place, "verify")).toEqual({ ok: true });
  const hasSnapshots = values.some(({ kind }) => kind === "snapshot");
  const tally = { refused: 0, right: 0 };
  for (let trial = 0; trial < count; trial++) {
    const kept = random.pick(values);
    const at = random.below(kept.bytes.length);
    const bit = random.below(8);
    const name = `seed ${seed}, trial ${trial}: ${kept.kind} ${kept.position}, byte ${at}, bit ${bit}`;
    await place.put(kept, kept.bytes.with(at, kept.bytes[at]! ^ (1 << bit)));
    try {
      const seen = await seenIn(place, "numbers");
      expect({ name, seen }).toEqual({ name, seen: expected });
      // Without a snapshot every chunk is read when the log is opened.
      expect({ name, isSeen: kept.kind === "snapshot" || hasSnapshots }).toEqual({
        name,
        isSeen: true,
      });
      const { position } = kept;
      const broken = { ok: false, broken: { position, code: "chunk_broken" } };
      const verified = await seenIn(place, "verify");
      expect({ name, verified }).toMatchObject({
        name,
        verified: kept.kind === "chunk" ? broken : { ok: true },
      });
      tally.right++;
    } catch (error) {
      if (!(error instanceof HostFault)) throw error;
      expect({ name, kind: kept.kind, code: error.code }).toEqual({
        name,
        kind: "chunk",
        code: "chunk_broken",
      });
      expect(`${name}: ${error.message}`).toMatch(/at (an unknown )?position.*(copy|update)/i);
      tally.refused++;
    }
    await place.put(kept, kept.bytes);
  }
  expect(await seenIn(place, "numbers")).toEqual(expected);
  return tally;
}

/**
 * Flips `count` bits of the rows beside the chunks, each member in turn: none of them is opened, and
 * what is told names the place.
 */
export async function flipRows(place: FlipPlace, seed: number, count: number): Promise<void> {
  const random = randomOf(seed);
  const expected = await seenIn(place, "numbers");
  const tables = {
    log: await place.rows("log"),
    held: await place.rows("held"),
    released: await place.rows("released"),
  };
  expect(TABLES.map((of) => tables[of].length)).toEqual([1, 2, 2]);
  for (let trial = 0; trial < count; trial++) {
    const of = TABLES[trial % TABLES.length]!;
    const rows = tables[of];
    const index = random.below(rows.length);
    const row = rows[index]!;
    const name = random.pick(Object.keys(row).filter((each) => row[each] !== null));
    const told = `seed ${seed}, trial ${trial}: ${of} ${index}, ${name}`;
    const flipped = { ...row, [name]: flip(row[name]!, random) };
    await place.putRows(of, rows.with(index, flipped));
    const opened = await seenIn(place, "numbers").catch((error: unknown) => error);
    // What a build cannot know by its number it does not read.
    const isNumber = name === "schema";
    const code = isNumber ? "storage_unavailable" : "log_broken";
    const message = expect.stringMatching(isNumber ? "schema" : TOLD[of]) as string;
    expect({ told, opened }).toMatchObject({ told, opened: { code, message } });
    await place.putRows(of, rows);
  }
  expect(await seenIn(place, "numbers")).toEqual(expected);
}

const TABLES: readonly RowsOf[] = ["log", "held", "released"];
const TOLD: { readonly [of in RowsOf]: string } = {
  log: "The log's header is",
  held: "The held line .* is",
  released: "The released identity .* is",
};
const NUMBER_BITS = 48;

function flip(value: Uint8Array | string | number, random: Random): Uint8Array | string | number {
  if (typeof value === "number") {
    return Number(BigInt(value) ^ (1n << BigInt(random.below(NUMBER_BITS))));
  }
  const at = random.below(value.length);
  if (typeof value !== "string") return value.with(at, value[at]! ^ (1 << random.below(8)));
  const letter = String.fromCharCode(value.charCodeAt(at) ^ (1 << random.below(6)));
  return value.slice(0, at) + letter + value.slice(at + 1);
}

/** The newest chunk lost, and any other: told by name, and never other numbers. */
export async function loseChunks(place: FlipPlace): Promise<void> {
  const values = await valuesOf(place);
  const chunks = values.filter(({ kind }) => kind === "chunk");
  const hasSnapshots = values.length > chunks.length;
  const expected = await seenIn(place, "numbers");
  for (const chunk of chunks) {
    await place.put(chunk, null);
    const { position } = chunk;
    if (chunk === chunks.at(-1)) {
      await expect(seenIn(place, "numbers")).rejects.toMatchObject({ code: "log_truncated" });
    } else if (hasSnapshots && position < values.at(-1)!.position) {
      expect(await seenIn(place, "numbers")).toEqual(expected);
      expect(await seenIn(place, "verify")).toMatchObject({
        ok: false,
        broken: { position, code: "chunk_broken" },
      });
    } else {
      const message = expect.stringMatching(new RegExp(`Positions? ${position} `)) as string;
      await expect(seenIn(place, "numbers")).rejects.toMatchObject({
        code: "chunk_broken",
        message,
      });
    }
    await place.put(chunk, chunk.bytes);
  }
}
