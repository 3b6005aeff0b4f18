// The audit chain: every chunk carries the SHA-256 of the one before it, whatever it came from, and
// `verify` names the first link that does not hold.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { memory, verifyChunks, type Engine, type Store } from "../../engine/index.ts";
import { decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { engineOf, event, eventsAt, planOf } from "../builders.ts";
import { failingStore } from "./failing-store.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-chain-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => void vi.restoreAllMocks());
let files = 0;
const newFile = (): string => join(folder, `log-${files++}.db`);

const PLAN = planOf({}, { clock: { dedup: 50, maxAhead: 10 } });

/** Chunks at 0 (2 events), 2, 3 (a tick), 4 (a release), 5 (a reprocess), 6 (3 events). */
const STARTS = [0, 2, 3, 4, 5, 6];
async function fill(engine: Engine): Promise<void> {
  await engine.push(eventsAt([0, 1]));
  await engine.push(event("b", 80));
  await engine.push(event("old", 3));
  await engine.tick(90);
  await engine.release([engine.quarantine()[0]!.id]);
  await engine.reprocess("q", { from: 0, to: 50 });
  await engine.push(eventsAt([91, 92, 93], {}, "f"));
}

async function chunksOf(store: Store): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let from = 0; ;) {
    const page = await store.read(from, 1);
    if (page.length === 0) return chunks;
    chunks.push(...page);
    const { firstPosition, count } = decodeChunk(page.at(-1)!);
    from = firstPosition + count;
  }
}

/** The store, with other chunks in the place of those at these positions. */
function showing(store: Store, others: ReadonlyMap<number, Uint8Array>): Store {
  const read = async (from: number, limitBytes: number): Promise<readonly Uint8Array[]> =>
    (await store.read(from, limitBytes)).map((bytes) => {
      return others.get(decodeChunk(bytes).firstPosition) ?? bytes;
    });
  return new Proxy(store, {
    get: (_, name) => {
      const value: unknown = name === "read" ? read : Reflect.get(store, name, store);
      return typeof value === "function" ? (value.bind(store) as unknown) : value;
    },
  });
}

/** A chunk with one letter of its lines changed, and its checksum made right again. */
function changed(bytes: Uint8Array): Uint8Array {
  const chunk = decodeChunk(bytes);
  const lines = chunk.lines.slice();
  lines[lines.indexOf("t".charCodeAt(0))]! ^= 1;
  return encodeChunk({ ...chunk, lines });
}

describe.each(["memory", "SQLite"])("the chain of a log in %s", (kind) => {
  const newStore = (): Store => (kind === "memory" ? memory() : sqlite(newFile()));

  test("goes from chunk to chunk, whatever brought them", async () => {
    const store = newStore();
    const engine = await engineOf(PLAN, [], { store });
    await fill(engine);
    expect(await engine.verify()).toEqual({ ok: true });
    const chunks = await chunksOf(store);
    expect(chunks.map((bytes) => decodeChunk(bytes).firstPosition)).toEqual(STARTS);
    let digest = Buffer.alloc(32);
    for (const bytes of chunks) {
      expect(Buffer.from(decodeChunk(bytes).previousDigest)).toEqual(digest);
      digest = createHash("sha256").update(bytes).digest();
    }
    expect(await verifyChunks(chunks)).toEqual({ ok: true });
    await engine.close();
  });

  test("goes on when the log is opened again", async () => {
    const store = newStore();
    for (let round = 0; round < 4; round++) {
      const engine = await engineOf(PLAN, [], { store });
      await engine.push(eventsAt([round, round + 1], {}, `r${round}-`));
      await engine.push(event(`x${round}`, round));
      expect(await engine.verify()).toEqual({ ok: true });
      await engine.close();
    }
    const engine = await engineOf(PLAN, [], { store });
    expect(await engine.verify()).toEqual({ ok: true });
    expect(engine.stats().position).toBe(12);
    await engine.close();
  });

  test("begins at 0, wherever before that it is asked for", async () => {
    const store = newStore();
    const engine = await engineOf(PLAN, [], { store });
    await fill(engine);
    const all = await Array.fromAsync(engine.log());
    for (const from of [-1, -0.5, -Infinity]) {
      expect(await engine.verify({ from })).toEqual({ ok: true });
      expect(await Array.fromAsync(engine.log({ from }))).toEqual(all);
    }
    await store.trim(2);
    for (const from of [-1, -Infinity]) {
      const gone = {
        code: "log_trimmed",
        message: expect.stringContaining("below 2 were") as string,
      };
      const reading = Array.fromAsync(engine.log({ from }));
      await expect(reading).rejects.toMatchObject(gone);
      expect((await engine.verify({ from })).broken).toMatchObject({ position: 0, ...gone });
    }
    await engine.close();
  });

  test("names the link behind a chunk that was changed", async () => {
    const store = newStore();
    const filled = await engineOf(PLAN, [], { store });
    await fill(filled);
    await filled.verify();
    const chunks = await chunksOf(store);
    await filled.close();
    for (const [index, bytes] of chunks.slice(0, -1).entries()) {
      const [position, next] = [STARTS[index]!, STARTS[index + 1]!];
      const shown = showing(store, new Map([[position, changed(bytes)]]));
      const engine = await engineOf(PLAN, [], { store: shown });
      const { ok, broken } = await engine.verify();
      expect(ok).toBe(false);
      expect(broken).toMatchObject({ position: next, code: "chunk_broken" });
      expect(broken!.message).toContain(`the one before it, at position ${position}: one of the`);
      expect(broken!.message).toContain("restore the log from there");
      // Asked about the part before it, or behind it, there is nothing wrong.
      expect(await engine.verify({ to: next })).toEqual({ ok: true });
      expect(await engine.verify({ from: next })).toMatchObject({ broken: { position: next } });
      const behind = STARTS[index + 2] ?? Infinity;
      expect(await engine.verify({ from: behind })).toEqual({ ok: true });
      await engine.close();
    }
  });
});

test("the newest chunk is known to the engine that wrote it", async () => {
  const store = sqlite(newFile());
  const others = new Map<number, Uint8Array>();
  const engine = await engineOf(PLAN, [], { store: showing(store, others) });
  await fill(engine);
  expect(await engine.verify()).toEqual({ ok: true });
  others.set(6, changed((await store.read(6, 1))[0]!));
  const { broken } = await engine.verify();
  expect(broken).toMatchObject({ position: 6, code: "chunk_broken" });
  expect(await engine.verify({ to: 6 })).toEqual({ ok: true });
  await engine.close();
});

test("a chunk that is put in the place of another is a broken link, also with its own chain", async () => {
  const [store, other] = [memory(), memory()];
  const filled = await engineOf(PLAN, [], { store });
  await fill(filled);
  const foreign = await engineOf(PLAN, [], { store: other });
  await foreign.push(eventsAt([0, 2]));
  for (const time of [80, 81, 82]) await foreign.push(event(`b${time}`, time));
  await Promise.all([filled.verify(), foreign.verify()]);
  const chunks = await chunksOf(store);
  const foreigners = await chunksOf(other);
  for (const index of [0, 1, 2, 3]) {
    const mixed = chunks.with(index, foreigners[index]!);
    const position = STARTS[index === 0 ? 1 : index]!;
    expect(await verifyChunks(mixed)).toMatchObject({ ok: false, broken: { position } });
  }
  for (const index of [1, 2, 3, 4]) {
    const gap = [...chunks.slice(0, index), ...chunks.slice(index + 1)];
    const position = STARTS[index]!;
    expect(await verifyChunks(gap)).toMatchObject({ ok: false, broken: { position } });
  }
  expect(await verifyChunks(chunks.slice(3))).toEqual({ ok: true });
  expect(await verifyChunks([])).toEqual({ ok: true });
  const damaged = chunks.with(3, chunks[3]!.with(70, chunks[3]![70]! ^ 1));
  expect(await verifyChunks(damaged)).toMatchObject({
    ok: false,
    broken: { position: 4, code: "chunk_broken" },
  });
});

test("the memory store makes its chain only when it is asked", async () => {
  const digest = vi.spyOn(crypto.subtle, "digest");
  const engine = await engineOf(PLAN, [], { store: memory() });
  await fill(engine);
  expect(digest).not.toHaveBeenCalled();
  expect(await engine.verify()).toEqual({ ok: true });
  expect(digest).toHaveBeenCalled();
  const calls = digest.mock.calls.length;
  await Promise.all([engine.push(event("later", 94)), engine.verify(), engine.verify()]);
  expect(await engine.verify()).toEqual({ ok: true });
  expect(digest.mock.calls.length).toBeGreaterThan(calls);
});

test("the memory store makes its chain whole though it is trimmed while it is made", async () => {
  const store = memory();
  const engine = await engineOf(PLAN, [], { store });
  for (const at of [0, 1, 2]) await engine.push(event(`a${at}`, at));
  await engine.verify();
  for (const at of [3, 4, 5]) await engine.push(event(`a${at}`, at));
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  const held = Promise.withResolvers<void>();
  vi.spyOn(crypto.subtle, "digest").mockImplementationOnce(async (...words) => {
    await held.promise;
    return digest(...words);
  });
  const sealing = store.seal!();
  await store.trim(3);
  held.resolve();
  await sealing;
  await engine.push(event("a6", 6));
  const chunks: number[] = [];
  for (let from = 3; from < 7; from++) {
    chunks.push(decodeChunk((await store.read(from, 1))[0]!).firstPosition);
  }
  expect(chunks).toEqual([3, 4, 5, 6]);
});

test("a receipt does not wait for the digest of its chunk, the next append does", async () => {
  const store = sqlite(newFile());
  const engine = await engineOf(PLAN, [], { store });
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  const begun = Promise.withResolvers<void>();
  vi.spyOn(crypto.subtle, "digest").mockImplementationOnce(async (name, bytes) => {
    await begun.promise;
    return digest(name, bytes);
  });
  expect(await engine.push(event("a", 0))).toMatchObject({ position: 1 });
  let isTold = false;
  const second = engine.push(event("b", 1)).finally(() => (isTold = true));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isTold).toBe(false);
  begun.resolve();
  expect(await second).toMatchObject({ position: 2 });
  expect(await engine.verify()).toEqual({ ok: true });
  await engine.close();
});

test("a log that is closed while it is verified is not called broken", async () => {
  const engine = await engineOf(PLAN, [], { store: sqlite(newFile()) });
  await fill(engine);
  // Its own pages are not read before the walk over the chain waits for a digest.
  const pad = "x".repeat(250_000);
  for (let at = 0; at < 20; at++) await engine.push(event(`p${at}`, 91, { pad }));
  const verifying = engine.verify();
  await Promise.all([
    expect(verifying).rejects.toMatchObject({ code: "engine_closed" }),
    engine.close(),
  ]);
});

test("a push that failed leaves no trace in the chain", async () => {
  let fails = false;
  const failure = (): Error | null => (fails ? new Error("no disk") : null);
  const store = failingStore(sqlite(newFile()), "append", failure);
  const engine = await engineOf(PLAN, [], { store });
  await engine.push(event("a", 0));
  fails = true;
  await expect(engine.push(event("b", 1))).rejects.toThrow("no disk");
  await expect(engine.reprocess("q", { from: 0, to: 1 })).rejects.toThrow("no disk");
  fails = false;
  await engine.push(event("b", 1));
  expect(await engine.verify()).toEqual({ ok: true });
  await engine.close();
});
