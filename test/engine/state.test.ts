// State is a fold of the log: the same for every cut of the same entries, from a snapshot and its
// tail as from the beginning, byte for byte; and a snapshot that is not good is not believed.

import { describe, expect, test } from "vitest";
import { memory, type Engine, type Store } from "../../engine/index.ts";
import { decodeSnapshot, encodeSnapshot } from "../../engine/store/snapshot.ts";
import type { StoredSnapshot } from "../../engine/store/store.ts";
import { randomOf, seeded, type Random } from "../event/random.ts";
import { engineOf, event, planOf, queryOf, tumbling } from "../builders.ts";

const PLAN = {
  version: 1,
  clock: { dedup: 60, delay: 3 },
  limits: { keys: 3, identities: 40, quarantine: 100 },
  queries: [
    queryOf({
      name: "a",
      key: { k: "data.k" },
      window: tumbling(10, 6),
      retain: 30,
      aggregate: {
        n: { fn: "count" },
        sum: { fn: "sum", of: "data.x" },
        avg: { fn: "avg", of: "data.x", where: [">", ["get", "data.x"], 1] },
        min: { fn: "min", of: "data.x" },
      },
      derive: { word: ["case", [">", ["get", "n"], 2], "many", "few"] },
    }),
    queryOf({ name: "b", window: tumbling(7, 0, { offset: 2 }), emit: "final", retain: 0 }),
    queryOf({ name: "c", where: ["has", "data.x"], window: tumbling(25, 9), emit: "none" }),
  ],
};

type Line = Record<string, unknown>;

/** `count` entries: events, late ones too, and ticks. */
function entries(count: number, random: Random): Line[] {
  return Array.from({ length: count }, (_, i) => {
    const time = i + random.below(20);
    if (random.below(12) === 0) return { tick: time };
    const x = random.pick([0.1, 2, -3.5, 1e300, -1e300, 0.1234567, null, "no"]);
    const k = random.pick(["a", "b", 1, true, `long ${"k".repeat(random.below(90))}`, null]);
    return event(`e${i}`, time, { k, x });
  });
}

/** The same entries with what leaves no trace in between: lines refused, held and sent again. */
function withNoise(lines: readonly Line[], random: Random): unknown[] {
  return lines.flatMap((line, i) => {
    const noise: unknown[] = [];
    if (random.below(3) === 0) noise.push(line["tick"] === undefined ? line : {});
    if (random.below(3) === 0) noise.push({ eventId: `bad-${"x".repeat(random.below(200))}` });
    if (i > 90 && random.below(3) === 0) noise.push(event(`old${i}`, -172_800_000, { k: "never" }));
    if (random.below(5) === 0 && line["tick"] === undefined)
      noise.push({ ...line, data: { no: 1 } });
    return [line, ...noise];
  });
}

const text = (lines: readonly unknown[]): string =>
  lines.map((line) => JSON.stringify(line)).join("\n");

async function pushCut(
  engine: Engine,
  lines: readonly unknown[],
  cut: () => number,
): Promise<void> {
  for (let at = 0; at < lines.length;) {
    const size = cut();
    await engine.push(text(lines.slice(at, at + size)), { ticks: true });
    at += size;
  }
}

const seedsOf = (count: number): number[] => {
  const seeds: number[] = [];
  seeded((random) => seeds.push(...Array.from({ length: count }, () => random.below(2 ** 31))));
  return seeds;
};

const seenOf = async (engine: Engine): Promise<object> => {
  // Those five count since open.
  const {
    received: _r,
    accepted: _a,
    duplicate: _d,
    invalid: _i,
    quarantined: _q,
    ...stats
  } = engine.stats();
  const names = engine.plan.queries.map(({ name }) => name);
  return {
    stats,
    rows: names.map((name) => engine.view(name).rows()),
    late: names.map((name) => engine.late(name)),
    hash: await engine.stateHash(),
  };
};

// ── cuts ───────────────────────────────────────────────────────────────────────────────────────

test("the state is the same for every cut, with refused, held and repeated lines between", async () => {
  for (const seed of seedsOf(6)) {
    const random = randomOf(seed);
    // Without forgetting, a line sent again is a duplicate wherever it stands.
    const plan = { ...PLAN, clock: { dedup: "1d", delay: 3 }, limits: { keys: 3 } };
    const lines = entries(200, random);
    const whole = await engineOf(plan);
    await whole.push(text(lines), { ticks: true });
    const expected = await seenOf(whole);
    const noisy = withNoise(lines, random);
    for (const size of [1, 2, 3, 50, 1000]) {
      const engine = await engineOf(plan);
      await pushCut(engine, size === 50 ? lines : noisy, () => size);
      expect({ seed, size, ...(await seenOf(engine)) }).toEqual({ seed, size, ...expected });
      expect(engine.stats().position).toBe(200);
    }
    const mixed = await engineOf(plan);
    await pushCut(mixed, noisy, () => 1 + random.below(30));
    expect({ seed, ...(await seenOf(mixed)) }).toEqual({ seed, ...expected });
  }
});

test("cuts are the same while identities are forgotten too", async () => {
  for (const seed of seedsOf(6)) {
    const random = randomOf(seed);
    const lines = entries(300, random);
    const seen: object[] = [];
    for (const size of [1, 7, 300]) {
      const engine = await engineOf(PLAN);
      await pushCut(engine, lines, () => size);
      seen.push(await seenOf(engine));
    }
    expect(seen[0]).toMatchObject({ stats: { forgotten: expect.any(Number) as number } });
    expect({ seed, seen: seen[1] }).toEqual({ seed, seen: seen[0] });
    expect({ seed, seen: seen[2] }).toEqual({ seed, seen: seen[0] });
  }
});

test("the hash tells states apart, and is 64 hex digits", async () => {
  const hashes = await Promise.all(
    [[], [event("a", 0)], [event("b", 0)], [event("a", 1)], [event("a", 0, { k: 1 })]].map(
      async (push) => (await engineOf(PLAN, [push])).stateHash(),
    ),
  );
  expect(new Set(hashes).size).toBe(5);
  for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

// ── snapshots ──────────────────────────────────────────────────────────────────────────────────

/** A memory store that shows its snapshots, and gives others in their place. */
function storeWithSnapshots(): Store & {
  saved: StoredSnapshot[];
  given: StoredSnapshot[] | null;
} {
  const inner = memory();
  const store = {
    saved: [] as StoredSnapshot[],
    given: null as StoredSnapshot[] | null,
    storage: "memory" as const,
    recover: async () => {
      const recovered = await inner.recover();
      return recovered && { ...recovered, snapshots: store.given ?? recovered.snapshots };
    },
    create: inner.create.bind(inner),
    append: inner.append.bind(inner),
    read: inner.read.bind(inner),
    hasLanded: inner.hasLanded.bind(inner),
    trim: inner.trim.bind(inner),
    saveSnapshot: (snapshot: StoredSnapshot) => {
      store.saved.push(snapshot);
      return inner.saveSnapshot(snapshot);
    },
    close: inner.close.bind(inner),
  };
  return store;
}

test("a snapshot at every position of a log and its tail are the replay, byte for byte", async () => {
  const [seed] = seedsOf(1);
  const lines = entries(200, randomOf(seed!));
  const store = storeWithSnapshots();
  const engine = await engineOf(PLAN, [], { store });
  const images: StoredSnapshot[] = [];
  for (const line of lines) {
    await engine.snapshot();
    images.push(store.saved.at(-1)!);
    await engine.push(text([line]), { ticks: true });
  }
  await engine.snapshot();
  const expected = await seenOf(engine);
  const last = store.saved.at(-1)!;
  expect(images.map(({ position }) => position).slice(0, 3)).toEqual([0, 1, 2]);
  for (const image of [...images, last]) {
    store.given = [image];
    const again = await engineOf(PLAN, [], { store });
    await again.snapshot();
    const { position, bytes } = store.saved.at(-1)!;
    const isSame = position === last.position && Buffer.compare(bytes, last.bytes) === 0;
    expect({ seed, from: image.position, isSame }).toEqual({
      seed,
      from: image.position,
      isSame: true,
    });
    if (image.position % 20 === 0) expect(await seenOf(again)).toEqual(expected);
  }
}, 60_000);

test("a replay without snapshots is the state that it replays, byte for byte", async () => {
  for (const seed of seedsOf(3)) {
    const random = randomOf(seed);
    const store = storeWithSnapshots();
    const engine = await engineOf(PLAN, [], { store });
    await pushCut(engine, withNoise(entries(200, random), random), () => 1 + random.below(20));
    await engine.snapshot();
    const { bytes } = store.saved.at(-1)!;
    store.given = [];
    const again = await engineOf(PLAN, [], { store });
    await again.snapshot();
    expect([seed, Buffer.compare(store.saved.at(-1)!.bytes, bytes)]).toEqual([seed, 0]);
    expect(await seenOf(again)).toEqual(await seenOf(engine));
  }
});

test("an engine opened again goes on as the one before it would have", async () => {
  for (const seed of seedsOf(3)) {
    const random = randomOf(seed);
    const lines = entries(240, random);
    const store = memory();
    const whole = await engineOf(PLAN);
    const heard: unknown[] = [];
    const expected: unknown[] = [];
    whole.listen((changes) => expected.push(...changes));
    for (let at = 0; at < lines.length; at += 40) {
      const engine = await engineOf(PLAN, [], { store });
      engine.listen((changes) => heard.push(...changes));
      await pushCut(engine, lines.slice(at, at + 40), () => 8);
      await pushCut(whole, lines.slice(at, at + 40), () => 8);
      expect({ seed, at, ...(await seenOf(engine)) }).toEqual({
        seed,
        at,
        ...(await seenOf(whole)),
      });
      if (at % 80 === 0) await engine.close();
    }
    expect(heard).toEqual(expected);
  }
});

test("an update told before a snapshot is not told again after it", async () => {
  const store = memory();
  const plan = planOf();
  const engine = await engineOf(plan, [event("a", 0)], { store });
  await engine.close();
  const again = await engineOf(plan, [], { store });
  const heard: unknown[] = [];
  again.listen((changes) => heard.push(...changes));
  await again.push(event("a", 0));
  await again.tick(5);
  expect(heard).toEqual([]);
  await again.push(event("b", 1));
  expect(heard).toMatchObject([{ kind: "update", value: { n: 2 }, revision: 2 }]);
});

test("what a flush made final is not saved: opened again, the engine is what the log says", async () => {
  for (const asks of [false, true]) {
    const store = memory();
    const plan = planOf({ window: tumbling(10, 0), retain: 100 });
    const engine = await engineOf(plan, [[event("a", 5)]], { store });
    await engine.flush();
    if (asks) expect(await engine.snapshot()).toEqual({ position: 0 });
    await engine.close();
    const again = await engineOf(plan, [], { store });
    expect(again.view("q").rows()).toMatchObject([{ value: { n: 1 }, final: false }]);
    await again.push([event("b", 6)]);
    expect(again.view("q").rows()).toMatchObject([{ value: { n: 2 }, final: false }]);
    const fresh = await engineOf(plan, [[event("a", 5)], [event("b", 6)]]);
    expect(await again.stateHash()).toBe(await fresh.stateHash());
  }
});

test("nothing follows a flush, which no entry of the log says: the view stays as it was", async () => {
  const store = memory();
  const plan = planOf({ window: tumbling(10, 0) }, { clock: { idle: "1s", maxAhead: 10 } });
  const engine = await engineOf(plan, [], { store });
  await engine.push([event("a", 5), event("held", 1000)], { receivedAt: 5 });
  const [held] = engine.quarantine();
  await engine.flush();
  const rows = engine.view("q").rows();
  const flushed = { name: "HostFault", code: "engine_flushed" };
  await expect(engine.push(event("b", 6))).rejects.toMatchObject(flushed);
  await expect(engine.push(event("b", 6))).rejects.toThrow("open the log again");
  await expect(engine.tick(7)).rejects.toMatchObject(flushed);
  await expect(engine.release([held!.id])).rejects.toMatchObject(flushed);
  const range = { from: 0, to: 10 };
  await expect(engine.reprocess("q", range)).rejects.toMatchObject(flushed);
  // Nothing is due, either.
  expect([engine.idleAt(), await engine.tickIdle(10_000_000)]).toEqual([null, false]);
  expect(await engine.flush()).toEqual([]);
  expect([engine.view("q").rows(), engine.stats().position]).toEqual([rows, 1]);
  await engine.close();
  const again = await engineOf(plan, [], { store });
  expect(await again.push(event("b", 6))).toMatchObject({ accepted: 1 });
  expect(again.view("q").rows()).toMatchObject([{ value: { n: 2 }, final: false }]);
});

describe("a snapshot that is not good", () => {
  async function stored(plan: unknown = planOf()): Promise<{
    store: ReturnType<typeof storeWithSnapshots>;
    engine: Engine;
    snapshot: StoredSnapshot;
  }> {
    const store = storeWithSnapshots();
    const engine = await engineOf(plan, [], { store });
    await engine.push([event("a", 0), event("b", 12)]);
    await engine.snapshot();
    const snapshot = store.saved.at(-1)!;
    await engine.push(event("c", 13));
    return { store, engine, snapshot };
  }

  test("is not believed, whichever byte of it is flipped", async () => {
    const { snapshot } = await stored();
    const { bytes } = snapshot;
    expect(bytes.length).toBeLessThan(30_000);
    expect(decodeSnapshot(bytes)).toMatchObject({ position: 2 });
    const random = randomOf(1);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << random.below(8);
      expect([at, decodeSnapshot(damaged)]).toEqual([at, null]);
    }
    for (const length of [0, 3, 39, 40, bytes.length - 1]) {
      expect(decodeSnapshot(bytes.slice(0, length))).toBeNull();
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(decodeSnapshot(longer)).toBeNull();
  });

  test("is passed over for an older one, or for the log alone", async () => {
    const { store, engine, snapshot } = await stored();
    await engine.snapshot();
    const newest = store.saved.at(-1)!;
    const damaged = { position: newest.position, bytes: newest.bytes.slice() };
    damaged.bytes[100]! ^= 1;
    const expected = await seenOf(engine);
    for (const given of [[damaged, snapshot], [damaged], [damaged, damaged], []]) {
      store.given = given;
      const again = await engineOf(planOf(), [], { store });
      expect(await seenOf(again)).toEqual(expected);
    }
  });

  test("because it is another plan's is not restored: the log is replayed", async () => {
    const { store } = await stored();
    const other = planOf({ window: tumbling(100, 0) });
    const again = await engineOf(other, [], { store });
    await again.rebuilt();
    expect(again.view("q").rows()).toMatchObject([
      { window: { start: 0, end: 100 }, value: { n: 3 } },
    ]);
    expect(again.stats()).toMatchObject({ position: 3, clock: 13 });
  });

  test("because it is ahead of the log is a fault of the host", async () => {
    const { store, snapshot } = await stored();
    const ahead = encodeSnapshot({ ...decodeSnapshot(snapshot.bytes)!, position: 4 });
    store.given = [{ position: 4, bytes: ahead }];
    await expect(engineOf(planOf(), [], { store })).rejects.toMatchObject({
      code: "log_truncated",
    });
  });
});
