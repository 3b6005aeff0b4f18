// What takes long goes in steps, counted here in entries, of which each MiB read, summed, copied or
// written is 1,024: a giant push in the log, a reprocess that is met, and a large state that is
// saved. What is asked meanwhile is answered between them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import * as layout from "../../assembly/layout.ts";
import { memory, open, type Store } from "../../engine/index.ts";
import { Poison } from "../../engine/ingest/poison.ts";
import { openAt } from "../../engine/open.ts";
import { compile } from "../../engine/query/compile.ts";
import { checkPlan } from "../../engine/query/plan.ts";
import { HostPace } from "../../engine/rebuild/host-pace.ts";
import { Replay } from "../../engine/replay.ts";
import { writeRecords } from "../../engine/reprocess/record.ts";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { goodSnapshots } from "../../engine/store/snapshot.ts";
import { drained, paced, type Breathe } from "../../engine/store/steps.ts";
import {
  engineOf,
  event,
  eventsAt,
  HASH_KEY,
  openCore,
  planOf,
  queryOf,
  tumbling,
} from "../builders.ts";
import { imageOf } from "./image.ts";
import { settled, Slices } from "./slices.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-long-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newStore = (): Store => sqlite(join(folder, `log-${files++}.db`));

const MIB = 1024;
const AFTER = planOf({ window: tumbling(20, 0) });
const all = (pieces: readonly number[]): number => pieces.reduce((sum, piece) => sum + piece, 0);

test("a giant push is read, put together, summed and replayed in steps", async () => {
  const store = newStore();
  const times = Array.from({ length: 5000 }, (_, index) => index);
  const engine = await engineOf(planOf(), [eventsAt(times, { x: "x".repeat(1000) })], { store });
  await engine.close();
  const slices = new Slices(100);
  const next = await openAt(slices, { plan: AFTER, store });
  while (next.stats().rebuild! < 1) {
    expect(next.view("q").rows()[0]!.window.end).toBe(10);
    await slices.one();
  }
  expect(next.view("q").rows()).toHaveLength(250);
  expect(Math.max(...slices.pieces)).toBeLessThanOrEqual(MIB);
  // About 5.6 MB: six parts read, as many put together, five sums twice; the last is a rest.
  const long = slices.pieces.filter((piece) => piece === MIB);
  expect(long).toHaveLength(5 + 5 + 5 + 5);
  // Each line has more than a KiB, so a piece of 100 is as much work as 115 of the usual.
  const rest = slices.pieces.filter((piece) => piece >= 100 && piece < 150);
  expect(rest).toHaveLength(50);
  await next.close();
});

test("a giant push in memory is encoded in steps when it is read, once", async () => {
  const store = memory();
  const times = Array.from({ length: 5000 }, (_, index) => index);
  const engine = await engineOf(planOf(), [eventsAt(times, { x: "x".repeat(1000) })], { store });
  const steps: number[] = [];
  let isPushed = false;
  const read = await store.read(0, 1, async (bytes) => {
    steps.push(bytes);
    // What comes between goes behind it.
    if (!isPushed) await engine.push(event("more", 6000));
    isPushed = true;
  });
  expect(steps).toEqual(Array.from({ length: 5 }, () => 1 << 20));
  expect(read.map(({ length }) => length >> 20)).toEqual([5]);
  expect(await store.read(0, 1, (bytes) => void steps.push(bytes))).toEqual(read);
  expect(steps).toHaveLength(5);
  expect(await store.read(0, 10 << 20)).toHaveLength(2);
  expect(await store.read(5001, 1)).toEqual([]);
  await engine.close();
});

test("a reprocess that is met replays the log in steps, too", async () => {
  const store = newStore();
  const times = Array.from({ length: 3000 }, (_, index) => index);
  const engine = await engineOf(planOf(), [eventsAt(times)], { store });
  await engine.push(event("late", 15));
  const [correction] = await engine.reprocess("q", { from: 0, to: 100 });
  expect(correction).toMatchObject({ window: { start: 10 }, value: { n: 11 } });
  await engine.close();
  const slices = new Slices(3000);
  const next = await openAt(slices, { plan: AFTER, store });
  // The push, then what was late, and then the reprocess, which reads both twice.
  const shares: number[] = [];
  while (next.stats().rebuild! < 1) {
    shares.push(next.stats().rebuild!);
    expect(next.view("q").rows()[1]).toMatchObject({ value: { n: 11 } });
    await slices.one();
  }
  expect(next.view("q").rows()[0]).toMatchObject({ value: { n: 21 } });
  // The others are what was read, in bytes.
  const [first, ...then] = slices.pieces.filter(Number.isInteger);
  expect(first).toBe(3000);
  expect(Math.max(...then)).toBe(256);
  // What it corrects is put in order.
  expect(all(then)).toBe(1 + 2 * 3001 + 1 + 1);
  expect(new Set(shares).size).toBeLessThan(shares.length - 20);
  await next.close();
});

test("windows of many keys close, and are corrected, in steps; in a time that grows with them", async () => {
  const count = 12_000;
  const store = newStore();
  const keyed = (size: number) =>
    planOf({ key: { k: "data.k" }, window: tumbling(size, 0), emit: "none" });
  const push = (name: string, time: number) =>
    Array.from({ length: count }, (_, k) => event(`${name}${k}`, time, { k }));
  const engine = await engineOf(keyed(10), [push("a", 5), event("b", 30), push("c", 6)], { store });
  expect((await engine.reprocess("q", { from: 0, to: 10 })).length).toBe(count);
  await engine.close();
  const slices = new Slices(1_000_000);
  const next = await openAt(slices, { plan: keyed(20), store });
  // The former plan's view, which nobody sees half corrected, is as it was.
  const { length } = next.view("q").rows();
  while (next.stats().rebuild! < 1) {
    expect(next.rows("q", { key: { k: 7 }, to: 10 })).toMatchObject([{ value: { n: 2 } }]);
    await slices.one();
  }
  expect(next.view("q").rows().length).toBe(length);
  expect(next.rows("q", { key: { k: 7 }, to: 10 })).toMatchObject([{ value: { n: 2 } }]);
  // A table for four times as many is emptied, a KiB at a time; each is named, met, and put.
  const table = (24 * 65_536) / 1024;
  const corrected = slices.pieces.filter((piece) => piece === 2048);
  expect(corrected).toHaveLength(Math.floor((table + 3 * count) / 2048));
  // Of what is told, and of what is true, the core fills a buffer thrice: each is read in steps.
  const isBuffer = (piece: number): boolean => piece > 256 && piece < 257;
  const read = slices.pieces.flatMap((piece, at, all) => {
    return isBuffer(piece) ? [all.slice(at - 3, at)] : [];
  });
  expect(read).toEqual(Array.from({ length: 6 }, () => [1000, 1000, 1000]));
  await slices.all();
  await next.close();
});

test("corrections are taken in, measured and applied in steps", async () => {
  const count = 20_000;
  const corrections = Array.from({ length: count }, (_, k) => {
    const value = String.fromCharCode(layout.TAG_NUMBER, 0, 0, 0, 0, 0, 0, 8, 64);
    const key = String.fromCharCode(layout.TAG_STRING, 5, 0, 0, 0) + `${10_000 + k}`;
    return { kind: "correction" as const, start: 0, end: 10, key, tag: 0, value, revision: 3 };
  });
  const records = drained(writeRecords(corrections, 0, 0));
  const { plan } = checkPlan(planOf({ key: { k: "data.k" }, window: tumbling(10, "1d") }));
  const core = await openCore(compile(plan!, HASH_KEY));
  const taken = [...core.holdSteps(records)];
  expect(core.counts().position).toBe(0);
  const applied = [...core.correctSteps()];
  expect(core.counts().position).toBe(1);
  expect(core.queryCounts(0).rows).toBe(count);
  expect(new Set(taken)).toEqual(new Set([1 << 20]));
  const copied = Math.ceil(records.length / (1 << 20)) - 1;
  expect(copied).toBe(1);
  expect(taken).toHaveLength(copied + Math.floor(count / 2048));
  // Of a table of 131,072 places, 24 bytes each; named and put; the one pane is not there yet.
  expect(applied).toHaveLength(Math.floor(((24 * 131_072) / 1024 + 2 * count) / 2048));
});

test("a large state is saved behind the swap in steps, and pushes come after it", async () => {
  const store = newStore();
  const keyed = (size: number) => ({
    version: 1,
    queries: [queryOf({ key: { k: "data.k" }, window: tumbling(size, 0), emit: "none" })],
  });
  const push = (from: number) =>
    Array.from({ length: 500 }, (_, index) => {
      return event(`e${from + index}`, 5, { k: `${from + index}`.padEnd(1500, "x") });
    });
  const engine = await engineOf(keyed(10), [push(0), push(500), push(1000), push(1500)], { store });
  await engine.close();
  const slices = new Slices(10_000);
  const next = await openAt(slices, { plan: keyed(20), store });
  while (next.stats().rebuild! < 1) await slices.one();
  const before = slices.pieces.length;
  const { stateBytes } = next.stats();
  expect(stateBytes).toBeGreaterThan(3 << 20);
  let isPushed = false;
  const pushed = next.push(event("more", 30)).then(() => (isPushed = true));
  for (let steps = 1; ; steps++) {
    expect(next.view("q").rows({ key: { k: `7`.padEnd(1500, "x") } })).toHaveLength(1);
    const isLast = !(await slices.one());
    if (isLast) break;
    expect(steps).toBeLessThan(100);
  }
  expect(isPushed).toBe(true);
  await pushed;
  const steps = slices.pieces.slice(before - 1);
  expect(Math.max(...steps)).toBe(MIB);
  // It is copied and summed, written, and the former plan's parts are taken away.
  expect(steps.length).toBeGreaterThanOrEqual(3 * Math.floor(stateBytes / (1 << 20)));
  const { snapshots } = (await store.recover())!;
  expect(snapshots[0]).toMatchObject({ position: 2000 });
  await next.close();
  const again = await openAt(new Slices(1), { plan: keyed(20), store });
  expect(again.stats()).toMatchObject({ rebuild: null, position: 2001 });
  await again.close();
});

test("a large state is saved in steps also when nobody asked for another plan", async () => {
  const store = newStore();
  const save = store.saveSnapshot.bind(store);
  const written: number[] = [];
  let answered = 0;
  store.saveSnapshot = async (snapshot, breathe) => {
    expect(breathe).toBeDefined();
    await save(snapshot, async (bytes) => {
      written.push(bytes);
      await settled();
      answered += engine.view("q").rows().length;
      await breathe!(bytes);
    });
  };
  const push = Array.from({ length: 2000 }, (_, index) => {
    return event(`e${index}`, 5, { k: `${index}`.padEnd(1500, "x") });
  });
  const engine = await engineOf(planOf({ key: { k: "data.k" } }), [push], { store });
  expect(await engine.snapshot()).toEqual({ position: 2000 });
  expect(written.length).toBeGreaterThanOrEqual(3);
  expect(Math.max(...written)).toBe(1 << 20);
  expect(answered).toBe(2000 * written.length);
  await engine.close();
});

test("a large snapshot is read, summed and taken in steps, and opened beside others", async () => {
  const store = newStore();
  const keyed = planOf({ key: { k: "data.k" } });
  const push = Array.from({ length: 2000 }, (_, index) => {
    return event(`e${index}`, 5, { k: `${index}`.padEnd(1500, "x") });
  });
  const engine = await engineOf(keyed, [push], { store });
  await engine.close();
  const steps: number[] = [];
  const breathe = (bytes: number) => void steps.push(bytes);
  const recovered = await store.recover(breathe);
  const size = recovered!.snapshots[0]!.bytes.length;
  expect(size).toBeGreaterThan(3 << 20);
  const [snapshot] = await goodSnapshots(recovered, breathe);
  const core = await openCore(compile(checkPlan(keyed).plan!, HASH_KEY));
  await paced(core.restoreSteps(snapshot!), breathe);
  expect(imageOf(core)).toEqual({ state: snapshot!.state, told: snapshot!.told });
  expect(Math.max(...steps)).toBe(1 << 20);
  expect(steps.length).toBeGreaterThanOrEqual(3 * Math.floor(size / (1 << 20)));
  // Opening does so.
  const given: (Breathe | undefined)[] = [];
  const recover = store.recover.bind(store);
  store.recover = (each) => {
    given.push(each);
    return recover(each);
  };
  const again = await open({ plan: keyed, store });
  expect(given).toEqual([expect.any(Function)]);
  expect(again.stats()).toMatchObject({ rebuild: null, position: 2000 });
  await again.close();
});

test("a log is replayed in steps, also to open it; who hears what a push told gets it whole", async () => {
  const store = newStore();
  const times = Array.from({ length: 30_000 }, (_, index) => index);
  const engine = await engineOf(planOf(), [eventsAt(times), eventsAt(times, {}, "more")], {
    store,
  });
  const { plan } = checkPlan(planOf());
  const run = async (tell: (() => void) | null) => {
    const steps: number[] = [];
    const breathe = (bytes: number) => void steps.push(bytes / 1024);
    const program = compile(plan!, HASH_KEY);
    const beside = { store, poison: new Poison(), openCore };
    const replay = new Replay(plan!, program, beside, breathe);
    const core = await replay.open();
    await replay.run(core, 0, Infinity, tell);
    expect(core.counts().position).toBe(60_000);
    return steps;
  };
  const steps = await run(null);
  expect(Math.max(...steps)).toBeLessThanOrEqual(4096);
  // A piece is full with half a MiB, a step of reading with one.
  expect(steps.filter((step) => step > 1024)).toHaveLength(2 * 8);
  let told = 0;
  expect(Math.max(...(await run(() => told++)))).toBe(30_000);
  expect(told).toBe(2);
  const shown = engine.view("q").rows();
  await engine.close();
  const { header, ...kept } = (await store.recover())!;
  store.recover = () => ({ header, ...kept, snapshots: [] });
  let turns = 0;
  let isOpen = false;
  const beat = (): void => {
    turns++;
    if (!isOpen) setImmediate(beat);
  };
  beat();
  const again = await open({ plan: planOf(), store });
  isOpen = true;
  expect(turns).toBeGreaterThan(2);
  expect(again.view("q").rows()).toEqual(shown);
  await again.close();
});

test("a host's pace lets what waits in the event loop come between", async () => {
  const store = memory();
  const former = await engineOf(planOf(), [], { store });
  const times = Array.from({ length: 100_000 }, (_, index) => index);
  await former.push(eventsAt(times, { x: 1 }));
  const engine = await open({ plan: AFTER, store });
  let turns = 0;
  const shares: number[] = [];
  for (; engine.stats().rebuild! < 1; turns++) {
    shares.push(engine.stats().rebuild!);
    expect(engine.view("q").rows().length).toBeGreaterThan(0);
    await settled();
  }
  expect(turns).toBeGreaterThan(1);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(new Set(shares).size).toBeGreaterThan(1);
  expect(engine.view("q").rows()).toHaveLength(5000);
});

test("a pace expects of a step what the longest of late took: slices stay within 10 ms", async () => {
  let nowMs = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  try {
    const pace = new HostPace();
    const slices: number[] = [];
    let beganMs = 0;
    // Of a file: each third write is followed by more work.
    const work = async (ms: number): Promise<void> => {
      nowMs += ms;
      const pause = pace.worked(1024);
      if (pause === undefined) return;
      slices.push(nowMs - beganMs);
      beganMs = nowMs;
      await pause;
    };
    for (let step = 0; step < 100; step++) await work(step % 3 === 2 ? 7.5 : 1.5);
    // Of the first one nothing was known yet.
    expect(slices[0]).toBeGreaterThan(10);
    expect(Math.max(...slices.slice(1))).toBeLessThanOrEqual(10);
    expect(slices.length).toBeLessThan(70);
    // Where each is short, a slice leaves room for a collection of garbage.
    for (let step = 0; step < 100; step++) await work(1.5);
    expect(Math.max(...slices.slice(-10))).toBeLessThanOrEqual(5);
  } finally {
    clock.mockRestore();
  }
});

test("what comes due is bounded in steps, rows of panes too", async () => {
  const store = newStore();
  const count = 40_000;
  const query = (name: string, rest: object) => ({
    ...queryOf({ name, key: { k: "data.k" }, emit: "none", ...rest }),
  });
  const queries = [
    query("s", { window: { kind: "session", gap: 10, grace: 0 } }),
    query("p", { window: tumbling(10, 0), aggregate: { l: { fn: "last", of: "data.k" } } }),
  ];
  const events = Array.from({ length: count }, (_, k) => event(`e${k}`, 0, { k: `${k}` }));
  const engine = await engineOf({ version: 1, queries }, [events], { store });
  await engine.tick(100);
  const { plan } = checkPlan({ version: 1, queries });
  const steps: number[] = [];
  const breathe = (bytes: number) => void steps.push(bytes);
  const beside = { store, poison: new Poison(), openCore };
  const replay = new Replay(plan!, compile(plan!, HASH_KEY), beside, breathe);
  const long = (): number => steps.splice(0).filter((step) => step === 1 << 20).length;
  // A timer of each session, one of the pane, and its rows.
  const expected = Math.floor((2 * count + 1) / 16_384);
  const core = await replay.open();
  await replay.run(core, 0, count, null);
  long();
  await replay.run(core, count, Infinity, null);
  expect(core.queryCounts(0).open + core.queryCounts(1).open).toBe(0);
  expect(long()).toBe(expected);
  // To make all final at once is no other work.
  const flushed = await replay.open();
  await replay.run(flushed, 0, count, null);
  const flushing = [...flushed.flushSteps(() => {})];
  expect(flushing.filter((step) => step === 1 << 20)).toHaveLength(expected);
  await engine.close();
});
