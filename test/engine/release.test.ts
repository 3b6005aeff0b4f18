// A release: held lines become events, in a push of its own that is whole or not at all, and what
// was released is known when it is sent again.

import { expect, test } from "vitest";
import {
  memory,
  type Change,
  type Engine,
  type LateEvent,
  type Store,
} from "../../engine/index.ts";
import { engineOf, event, ndjson, planOf, verdictsOf } from "../builders.ts";

const TOO_OLD = "event_time_too_old /eventTime";
const CONFLICT = "event_id_conflict /eventId";

const GLOBAL = { kind: "global" };
const SESSION = { kind: "session", gap: 10, grace: 0 };

/** Events older than T - 100 are held, and those more than 50 ahead of their receive time. */
function plan(window: object = GLOBAL, limits: object = {}, more: object = {}): unknown {
  const clock = { dedup: 100, maxAhead: 50 };
  return planOf({ window, key: { k: "data.k" }, ...more }, { clock, limits: { ...limits } });
}

const at = (id: string, timeMs: number, data = {}) => event(id, timeMs, { k: "a", ...data });

/** An engine at T = 1000 that holds these. */
async function holding(held: object[], the: unknown = plan(), store?: Store): Promise<Engine> {
  const engine = await engineOf(the, [at("now", 1000)], store && { store });
  await engine.push(held, { receivedAt: 1000 });
  expect(engine.quarantine()).toHaveLength(held.length);
  return engine;
}

const idsOf = (engine: Engine): string[] => engine.quarantine().map(({ id }) => id);

const rowsOf = (engine: Engine): unknown[] =>
  engine
    .view("q")
    .rows()
    .map(({ window, value }) => [window.start, value]);

/** The same in an engine that has only the log, with a snapshot of nothing. */
async function expectReplayed(engine: Engine, the: unknown, store: Store): Promise<void> {
  const again = await engineOf(the, [], { store });
  expect(await again.stateHash()).toBe(await engine.stateHash());
  expect(again.quarantine()).toEqual(engine.quarantine());
  expect(rowsOf(again)).toEqual(rowsOf(engine));
  expect(again.late("q")).toEqual(engine.late("q"));
}

test("what was held is an event now, received again, and has left the list", async () => {
  const store = memory();
  const engine = await holding([at("old", 1), at("ahead", 2000)], plan(), store);
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  const receipt = await engine.release(idsOf(engine), { receivedAt: 1200 });
  expect(receipt).toEqual({
    received: 2,
    accepted: 2,
    duplicate: 0,
    invalid: [],
    quarantined: [],
    position: 3,
  });
  expect(engine.quarantine()).toEqual([]);
  expect(heard).toMatchObject([{ kind: "update", value: { n: 3 }, position: 2 }]);
  // "T = max(T, min(eventTime, receivedAt) - delay)", of the release.
  expect(engine.stats()).toMatchObject({
    clock: 1200,
    received: 5,
    accepted: 3,
    quarantined: 2,
    queries: { q: { applied: 3 } },
  });
  await expectReplayed(engine, plan(), store);
});

test("the receive time of a release is the present, where none is given", async () => {
  const engine = await holding([at("ahead", 9e12)]);
  const before = Date.now();
  await engine.release(idsOf(engine));
  const { clock } = engine.stats();
  expect(clock).toBeGreaterThanOrEqual(before);
  expect(clock).toBeLessThanOrEqual(Date.now());
});

test("the chunk is marked, and says when the lines were received", async () => {
  const engine = await holding([at("old", 1)]);
  const [{ line } = { line: "" }] = engine.quarantine();
  await engine.release(idsOf(engine), { receivedAt: 1001 });
  const chunks: string[] = [];
  for await (const chunk of engine.log({ from: 1 })) chunks.push(chunk);
  const control = '{"chunk":{"position":1,"receivedAt":1001,"released":true}}';
  expect(chunks).toEqual([`${control}\n${line}\n`]);
});

test("a line stands in the log byte for byte, be it from a pretty array", async () => {
  const engine = await engineOf(plan(), [at("now", 1000)]);
  await engine.push(`[${JSON.stringify(at("old", 1), null, 2)}]`);
  await engine.push(`${ndjson([at("older", 0)]).trimEnd()} \r\r\n`);
  const held = engine.quarantine();
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  const chunks: string[] = [];
  for await (const chunk of engine.log({ from: 1 })) chunks.push(chunk);
  const [, ...lines] = chunks[0]!.split("\n");
  expect(lines).toEqual([...held.map(({ line }) => line), ""]);
});

test("an id that names no held line releases nothing, and is named", async () => {
  const engine = await holding([at("old", 1)]);
  const [id] = idsOf(engine);
  const hash = await engine.stateHash();
  const refused = engine.release([id!, "x", "y", "z", "v"], { receivedAt: 1000 });
  await expect(refused).rejects.toMatchObject({ name: "HostFault", code: "unknown_id" });
  await expect(refused).rejects.toThrow('under "x", "y", "z" and 1 more: release ids of quar');
  expect(idsOf(engine)).toEqual([id]);
  expect(await engine.stateHash()).toBe(hash);
  expect(engine.stats()).toMatchObject({ position: 1, received: 2 });
  await engine.release([id!], { receivedAt: 1000 });
  await expect(engine.release([id!])).rejects.toMatchObject({ code: "unknown_id" });
  expect(engine.stats()).toMatchObject({ position: 2, received: 3 });
});

test("a receive time is a whole number of ms", async () => {
  const engine = await holding([at("old", 1)]);
  const refused = engine.release(idsOf(engine), { receivedAt: 0.5 });
  await expect(refused).rejects.toMatchObject({ code: "bad_time" });
  expect(engine.quarantine()).toHaveLength(1);
});

test("an id given twice is released once; no ids release nothing", async () => {
  const engine = await holding([at("old", 1)]);
  const [id] = idsOf(engine);
  expect(await engine.release([], { receivedAt: 1000 })).toMatchObject({
    received: 0,
    position: 1,
  });
  const receipt = await engine.release([id!, id!], { receivedAt: 1000 });
  expect(receipt).toMatchObject({ received: 1, accepted: 1, position: 2 });
});

test("one that came in time meanwhile is a duplicate, and leaves the list", async () => {
  const store = memory();
  const ahead = at("a", 1060);
  const engine = await holding([ahead], plan(), store);
  await engine.push(ahead, { receivedAt: 1030 });
  const receipt = await engine.release(idsOf(engine), { receivedAt: 1040 });
  expect(receipt).toMatchObject({ received: 1, accepted: 0, duplicate: 1, position: 2 });
  expect(engine.quarantine()).toEqual([]);
  expect(engine.refused()).toMatchObject([{ code: "duplicate", of: 1, receivedAt: 1040 }]);
  await expectReplayed(engine, plan(), store);
});

test("one whose identity brought other content meanwhile conflicts, and leaves the list", async () => {
  const engine = await holding([at("a", 1060)]);
  await engine.push(at("a", 1060, { v: 2 }), { receivedAt: 1030 });
  const receipt = await engine.release(idsOf(engine), { receivedAt: 1040 });
  expect(verdictsOf(receipt)).toEqual({ 0: CONFLICT });
  expect(engine.quarantine()).toEqual([]);
  expect(engine.refused()).toMatchObject([{ code: "event_id_conflict", of: 1 }]);
});

test("of two contents of one identity the first released stands, in one release or two", async () => {
  for (const together of [true, false]) {
    const store = memory();
    const engine = await holding([at("a", 1), at("a", 1, { v: 2 }), at("b", 2)], plan(), store);
    const ids = idsOf(engine);
    const pushes = together ? [ids] : [ids.slice(0, 1), ids.slice(1)];
    let verdicts: object = {};
    for (const each of pushes) {
      verdicts = verdictsOf(await engine.release(each, { receivedAt: 1000 }));
    }
    expect(verdicts).toEqual({ [together ? 1 : 0]: CONFLICT });
    expect(engine.refused()).toMatchObject([{ code: "event_id_conflict", of: 1 }]);
    expect(rowsOf(engine)).toEqual([[null, { n: 3 }]]);
    await expectReplayed(engine, plan(), store);
  }
});

test("what was released is a duplicate when it is sent again, with other content a conflict", async () => {
  const engine = await holding([at("old", 1), at("ahead", 9000)]);
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  const again = [
    at("old", 1),
    at("old", 1, { v: 2 }),
    at("ahead", 9000),
    at("ahead", 9000, { v: 2 }),
    at("other", 1),
  ];
  const hash = await engine.stateHash();
  const receipt = await engine.push(again, { receivedAt: 1000 });
  expect(receipt).toMatchObject({ received: 5, duplicate: 2, position: 3 });
  expect(verdictsOf(receipt)).toEqual({ 1: CONFLICT, 3: CONFLICT, 4: TOO_OLD });
  expect(engine.refused().map(({ of }) => of)).toEqual([1, 1, 2, 2]);
  expect(await engine.stateHash()).toBe(hash);
  // In time it is another event: its old namesake is asked of what would be held.
  expect(await engine.push(at("old", 990))).toMatchObject({ accepted: 1 });
});

test("what was released is known to an engine that opens the store", async () => {
  const store = memory();
  const engine = await holding([at("old", 1), at("ahead", 1300)], plan(), store);
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  await engine.push(at("later", 2000));
  await engine.close();
  const again = await engineOf(plan(), [], { store });
  const receipt = await again.push([at("ahead", 1300), at("old", 1), at("old", 1, { v: 2 })]);
  expect(receipt).toMatchObject({ duplicate: 2 });
  expect(verdictsOf(receipt)).toEqual({ 2: CONFLICT });
});

test("a too far ahead event whose old namesake was released conflicts with it", async () => {
  const engine = await holding([at("a", 1)]);
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  expect(verdictsOf(await engine.push(at("a", 1051), { receivedAt: 1000 }))).toEqual({
    0: CONFLICT,
  });
  expect(await engine.push(at("a", 1050), { receivedAt: 1000 })).toMatchObject({ accepted: 1 });
});

test("as many identities are known as lines may be held: the newest", async () => {
  const store = memory();
  const small = plan(GLOBAL, { quarantine: 2 });
  const engine = await holding([at("a", 1), at("b", 2)], small, store);
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  await engine.push(at("c", 3));
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  const all = [at("c", 3), at("b", 2), at("a", 1)];
  for (const each of [engine, await engineOf(small, [], { store })]) {
    const receipt = await each.push(all.slice(0, 2));
    expect(receipt).toMatchObject({ duplicate: 2, quarantined: [] });
  }
  expect(verdictsOf(await engine.push(all))).toEqual({ 2: TOO_OLD });
  expect(await engine.release(idsOf(engine), { receivedAt: 1000 })).toMatchObject({ accepted: 1 });
  expect(verdictsOf(await engine.push(all))).toEqual({ 1: TOO_OLD });
});

test("a release makes room on the list", async () => {
  const engine = await holding([at("a", 1)], plan(GLOBAL, { quarantine: 1 }));
  expect(verdictsOf(await engine.push(at("b", 1)))).toEqual({ 0: "quarantine_full /eventTime" });
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  expect(verdictsOf(await engine.push(at("b", 1)))).toEqual({ 0: TOO_OLD });
});

test("a release that the store refuses leaves no trace, and can be asked again", async () => {
  const store = memory();
  const engine = await holding([at("old", 1), at("ahead", 9000)], plan(), store);
  const hash = await engine.stateHash();
  const held = engine.quarantine();
  const append = store.append.bind(store);
  store.append = () => {
    throw new Error("the disk is full");
  };
  await expect(engine.release(idsOf(engine), { receivedAt: 1000 })).rejects.toThrow("disk is full");
  expect(engine.quarantine()).toEqual(held);
  expect(engine.stats()).toMatchObject({ position: 1, received: 3, clock: 1000 });
  expect(await engine.stateHash()).toBe(hash);
  store.append = append;
  expect(await engine.release(idsOf(engine), { receivedAt: 1000 })).toMatchObject({ accepted: 2 });
  await expectReplayed(engine, plan(), store);
});

test("a release is told from a position like any push", async () => {
  const engine = await holding([at("old", 1), at("ahead", 9000)]);
  const live: Change[] = [];
  engine.subscribe("q", (changes) => live.push(...changes));
  await engine.release(idsOf(engine).toReversed(), { receivedAt: 1500 });
  const told = await new Promise<readonly Change[]>((resolve) => {
    engine.subscribe("q", resolve, { from: 1 });
  });
  expect(told).toEqual(live);
});

test.each([
  [899, {}],
  [900, { 0: CONFLICT }],
])("one at %i is remembered as any event is if T - dedup is 900", async (timeMs, verdicts) => {
  const engine = await engineOf(plan());
  await engine.push(at("x", timeMs), { receivedAt: 1 });
  await engine.push(at("now", 1000));
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  expect(verdictsOf(await engine.push(at("x", 995, { v: 2 })))).toEqual(verdicts);
});

// ── what is closed stays closed ────────────────────────────────────────────────────────────────

const lateOf = (engine: Engine): LateEvent[] => engine.late("q");

test("a released event is late for windows that are closed, and on time for those open", async () => {
  const hopping = { kind: "hopping", size: 1000, every: 500, grace: 0 };
  const engine = await holding([at("old", 800)], plan(hopping));
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  expect(lateOf(engine)).toEqual([{ position: 1, window: { start: 0, end: 1000 }, lateMs: 200 }]);
  expect(rowsOf(engine)).toEqual([
    [500, { n: 2 }],
    [1000, { n: 1 }],
  ]);
});

test.each([
  [899, true],
  [900, false],
])(
  "released at %i when T - dedup is 900, it is late for every session: %s",
  async (timeMs, late) => {
    const session = { kind: "session", gap: 10, grace: 500 };
    const store = memory();
    const engine = await engineOf(plan(session), [at("early", timeMs - 5)], { store });
    // Both are held, being ahead; the session of the first is still open.
    await engine.push(at("x", timeMs), { receivedAt: timeMs - 51 });
    await engine.push(at("now", 1000));
    await engine.release(idsOf(engine), { receivedAt: 1000 });
    const window = { start: timeMs - 5, end: timeMs + 10 };
    expect(lateOf(engine)).toEqual(late ? [{ position: 2, window, lateMs: 1000 - timeMs }] : []);
    expect(rowsOf(engine)[0]).toEqual([timeMs - 5, { n: late ? 1 : 2 }]);
    await expectReplayed(engine, plan(session), store);
  },
);

test("one late for every session is listed with the session it would have made", async () => {
  const engine = await holding([at("old", 100)], plan(SESSION));
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  const window = { start: 100, end: 110 };
  expect(lateOf(engine)).toEqual([{ position: 1, window, lateMs: 900 }]);
  expect(engine.stats().queries["q"]).toMatchObject({ applied: 1, late: 1 });
});

test("one that waits to look things up is late for every session when it has waited", async () => {
  const waits = {
    window: { kind: "session", gap: 10, grace: 500 },
    with: [{ table: "t", on: "data.k", as: "row" }],
    wait: 400,
  };
  const tables = { t: { from: ["up"], key: "data.k", history: 1000 } };
  const the = { ...(plan(GLOBAL, {}, waits) as object), tables };
  const store = memory();
  const engine = await holding([at("old", 890), at("ahead", 1200)], the, store);
  await engine.release(idsOf(engine).slice(0, 1), { receivedAt: 1000 });
  expect(engine.stats().queries["q"]).toMatchObject({ waiting: 2, late: 0 });
  await expectReplayed(engine, the, store);
  await engine.snapshot();
  const again = await engineOf(the, [at("then", 1295)], { store });
  const window = { start: 890, end: 900 };
  expect(lateOf(again)).toEqual([{ position: 1, window, lateMs: 400 }]);
});

test("a fact that is released late is a late fact", async () => {
  const { from: _, ...query } = planOf({
    span: { from: ["tested"], to: ["done"], on: "data.k", within: 50 },
    window: { kind: "tumbling", size: 10, grace: 5 },
  }).queries[0]!;
  const the = { version: 1, clock: { dedup: 100 }, queries: [query] };
  const engine = await holding([at("old", 100)], the);
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  expect(lateOf(engine)).toEqual([{ position: 1, window: null, lateMs: 900 }]);
  expect(engine.stats().queries["q"]).toMatchObject({ lateFacts: 1, late: 0 });
});

test("a version that was superseded at T - history already is forgotten at once", async () => {
  const tables = { t: { from: ["tested"], key: "data.k", history: 100 } };
  const found = {
    with: [{ table: "t", on: "data.k", as: "row" }],
    key: { at: ["coalesce", ["get", "row.eventTime"], "none"] },
  };
  const the = { ...(plan(GLOBAL, {}, found) as object), tables };
  for (const [timeMs, sees] of [
    [900, "none"],
    [901, 100],
  ] as const) {
    const engine = await engineOf(the, [at("later", timeMs), at("now", 1000, { k: "b" })]);
    await engine.push(at("old", 100));
    await engine.release(idsOf(engine), { receivedAt: 1000 });
    const keys = engine
      .view("q")
      .rows()
      .map(({ key }) => key["at"]);
    expect(keys).toContain(sees);
  }
});

test("no identity is counted as forgotten that was never to be remembered", async () => {
  const engine = await holding([at("old", 1)], plan(GLOBAL, { identities: 1 }));
  await engine.release(idsOf(engine), { receivedAt: 1000 });
  expect(engine.stats()).toMatchObject({ dedupHorizon: 900, forgotten: 0 });
});
