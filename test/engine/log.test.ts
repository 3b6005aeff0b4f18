// What an engine shows of its log, of what it refused, and of itself.

import { expect, test } from "vitest";
import { memory, type Change } from "../../engine/index.ts";
import { RefusedLines } from "../../engine/ingest/refused-lines.ts";
import { engineOf, event, planOf, queryOf } from "../builders.ts";

const A =
  ' {"eventId": "a", "eventType":"t","eventVersion":"1.0","data":{"x": 1.50, "ü":"\\u00fc"},' +
  '"eventTime":"1970-01-01T00:00:00Z","correlationId":"c" }\t';
const json = (value: unknown): string => JSON.stringify(value);

async function logged(): Promise<Awaited<ReturnType<typeof engineOf>>> {
  const engine = await engineOf(planOf({}, { clock: { dedup: "1d" } }));
  await engine.push(`${A}\r\n{}\n${A}\n`);
  await engine.push([event("b", 5), event("c", 6)], { receivedAt: 1000 });
  await engine.tick(7);
  await engine.push([event("b", 5), event("d", 8), event("e", 9)], { receivedAt: [1, 2, null] });
  await engine.push("{}");
  await engine.push([event("f", 9), event("g", 9)], { receivedAt: [3, 3] });
  return engine;
}

const CHUNKS = [
  [{ chunk: { position: 0, receivedAt: null } }, A],
  [{ chunk: { position: 1, receivedAt: 1000 } }, event("b", 5), event("c", 6)],
  [{ chunk: { position: 3, receivedAt: null } }, { tick: 7 }],
  [{ chunk: { position: 4, receivedAt: [2, null] } }, event("d", 8), event("e", 9)],
  [{ chunk: { position: 6, receivedAt: 3 } }, event("f", 9), event("g", 9)],
].map((lines) => lines.map((line) => `${typeof line === "string" ? line : json(line)}\n`).join(""));

test("the log is exported as whole chunks, accepted lines byte for byte", async () => {
  const engine = await logged();
  expect(await Array.fromAsync(engine.log())).toEqual(CHUNKS);
});

test("a chunk has whole lines, and nothing between them, however they were sent", async () => {
  const [a, b] = [A.trim(), json(event("b", 1))];
  const texts = ["", "\n", "\r\n", " \n"].flatMap((before) =>
    ["\n", "\r\n", "\n\n", "\n \n"].flatMap((between) =>
      ["", "\n", "\r", "\r\n", "\n\n"].map((after) => `${before}${a}${between}${b}${after}`),
    ),
  );
  for (const text of texts) {
    const engine = await engineOf(planOf());
    expect(await engine.push(text)).toMatchObject({ received: 2, accepted: 2 });
    const chunk = `${json({ chunk: { position: 0, receivedAt: null } })}\n${a}\n${b}\n`;
    expect(await Array.fromAsync(engine.log()), json(text)).toEqual([chunk]);
  }
});

test("a range of the log is the whole chunks that hold it", async () => {
  const engine = await logged();
  const ranges: readonly (readonly [from: number, to: number, first: number, end: number])[] = [
    [0, 8, 0, 5],
    [0, 0, 0, 0],
    [0, 1, 0, 1],
    [2, 3, 1, 2],
    [2, 5, 1, 4],
    [5, 6, 3, 4],
    [7, 100, 4, 5],
    [8, 100, 5, 5],
    [3, 4, 2, 3],
  ];
  for (const [from, to, first, end] of ranges) {
    const chunks = await Array.fromAsync(engine.log({ from, to }));
    expect([from, to, chunks]).toEqual([from, to, CHUNKS.slice(first, end)]);
  }
  expect(await Array.fromAsync(engine.log({ from: 4 }))).toEqual(CHUNKS.slice(3));
  expect(await Array.fromAsync(engine.log({ to: 4 }))).toEqual(CHUNKS.slice(0, 3));
});

test("an exported log, pushed again as it was cut, is the same state", async () => {
  const engine = await logged();
  const again = await engineOf(planOf({}, { clock: { dedup: "1d" } }));
  for await (const chunk of engine.log()) {
    const [control, ...lines] = chunk.trimEnd().split("\n");
    const { receivedAt } = (JSON.parse(control!) as { chunk: { receivedAt: number | null } }).chunk;
    const times = Array.isArray(receivedAt) ? receivedAt : lines.map(() => receivedAt);
    await again.push(lines.join("\n"), { ticks: true, receivedAt: times as (number | null)[] });
  }
  expect(await again.stateHash()).toBe(await engine.stateHash());
});

test("refused lines are listed with what they are, and what they repeat", async () => {
  const engine = await logged();
  expect(engine.refused()).toEqual([
    { code: "missing_field", pointer: "/eventId", receivedAt: null, line: "{}" },
    { code: "duplicate", pointer: "", receivedAt: null, line: A, of: 0 },
    { code: "duplicate", pointer: "", receivedAt: 1, line: json(event("b", 5)), of: 1 },
    { code: "missing_field", pointer: "/eventId", receivedAt: null, line: "{}" },
  ]);
});

test("the newest 1,000 refused lines are listed, oldest first", async () => {
  const engine = await engineOf(planOf());
  const lines = Array.from({ length: 2500 }, (_, i) => `{"eventId":${i}}`);
  for (let at = 0; at < 2500; at += 400) await engine.push(lines.slice(at, at + 400).join("\n"));
  expect(engine.refused().map(({ line }) => line)).toEqual(lines.slice(-1000));
  expect(engine.stats()).toMatchObject({ received: 2500, invalid: 2500, position: 0 });
});

test("lines refused in many ways are listed in their order, with what they repeat", async () => {
  const engine = await engineOf(planOf(), [event("a", 1), event("b", 1)]);
  // Entries here are every third line and, in the second push, a tick.
  const lines = Array.from({ length: 1500 }, (_, i) => [
    json(event(`n${i}`, 1)),
    i % 2 === 0 ? "{}" : json(event(`n${i}`, 1)),
    // The same content, and another, otherwise written: the core does not know these.
    i % 3 === 0 ? ` ${json(event("b", 1)).replace(":", ": ")}` : json(event(`n${i}`, 2)),
  ]).flat();
  const expected = lines.flatMap((line, index) => {
    const [i, form] = [Math.floor(index / 3), index % 3];
    if (form === 0) return [];
    const isBad = form === 1 && i % 2 === 0;
    const what = isBad ? "missing_field /eventId" : "duplicate ";
    const isOld = form === 2 && i % 3 === 0;
    const of = isBad ? null : isOld ? 1 : 2 + i;
    return [[form === 2 && !isOld ? "event_id_conflict /eventId" : what, of, line]];
  });
  const refused = () =>
    engine.refused().map(({ code, pointer, of = null, line }) => [`${code} ${pointer}`, of, line]);
  await engine.push(lines.slice(0, 900).join("\n"));
  expect(refused()).toEqual(expected.slice(0, 600));
  await engine.push(lines.slice(900).join("\n"));
  expect(refused()).toEqual(expected.slice(-1000));
  // Few of many: these lines are kept, the rest of the push is not.
  const more = Array.from({ length: 100 }, (_, i) => json(event(`m${i}`, 1)));
  const few = ["{}", json(event("b", 1)), ...more, json(event("m99", 1))];
  await engine.push(`${json({ tick: 0 })}\n${few.join("\n")}`, { ticks: true });
  expect(refused().slice(-4)).toEqual([
    ...expected.slice(-1),
    ["missing_field /eventId", null, few[0]],
    ["duplicate ", 1, few[1]],
    ["duplicate ", 1602, few[102]],
  ]);
});

test("a feed of long bad lines fills no memory", async () => {
  const engine = await engineOf(planOf());
  const long = `{"x":"${"ü".repeat(120_000)}"}`;
  for (let i = 0; i < 100; i++) await engine.push(long);
  const refused = engine.refused();
  const bytes = refused.reduce((sum, { line }) => sum + Buffer.byteLength(line), 0);
  expect(bytes).toBeLessThanOrEqual(5 * 1024 * 1024);
  expect(refused.length).toBeGreaterThan(10);
  for (const { line } of refused) expect(long.startsWith(line.slice(0, -1))).toBe(true);
  await engine.push("{}");
  expect(engine.refused().at(-1)).toMatchObject({ line: "{}" });
});

test("of a very long line no more is kept than is listed", () => {
  const refused = new RefusedLines();
  const fault = { code: "too_large", pointer: "", receivedAt: null } as const;
  const kept: number[] = [];
  for (let i = 0; i < 3; i++) {
    const bytes = new Uint8Array(2 ** 20).fill(0x78);
    // What a push's bytes are cut into is all that stays of them.
    bytes.slice = (start, end) => {
      kept.push(end! - start!);
      return bytes.subarray(start, end);
    };
    refused.add(bytes, [{ fault, start: 0, end: bytes.length }]);
  }
  expect(kept).toEqual(refused.list().map(({ line }) => line.length));
  expect(kept).toEqual([65_536, 65_536, 65_536]);
});

test("a line that is not UTF-8 is listed with U+FFFD", async () => {
  const engine = await engineOf(planOf());
  await engine.push(new Uint8Array([0x7b, 0xff, 0x7d]));
  expect(engine.refused()).toMatchObject([{ code: "invalid_utf8", line: "{\ufffd}" }]);
});

test("stats have the members of the contract, and nothing that is not a number where one is due", async () => {
  const plan = {
    version: 1,
    queries: [queryOf({ name: "a" }), queryOf({ name: "b", key: { k: "data.k" } })],
  };
  const store = memory();
  const engine = await engineOf(plan, [], { store });
  const query = {
    applied: 0,
    late: 0,
    lateFacts: 0,
    unkeyed: 0,
    repeated: 0,
    unmatched: 0,
    waiting: 0,
    open: 0,
    rows: 0,
  };
  const fresh = {
    clock: null,
    position: 0,
    received: 0,
    accepted: 0,
    duplicate: 0,
    invalid: 0,
    quarantined: 0,
    dedupHorizon: null,
    inexact: 0,
    queries: { a: query, b: query },
    storage: "memory",
    rebuild: null,
  };
  expect(engine.stats()).toMatchObject(fresh);
  expect(engine.stats().stateBytes).toBeGreaterThan(0);
  await engine.push([event("a", 1_000_000_000), event("a", 1_000_000_000), event("b", 0), {}]);
  const after = {
    ...fresh,
    clock: 1_000_000_000,
    position: 1,
    received: 4,
    accepted: 1,
    duplicate: 1,
    invalid: 1,
    quarantined: 1,
    dedupHorizon: 1_000_000_000 - 7 * 86_400_000,
    queries: { a: { ...query, applied: 1, open: 1, rows: 1 }, b: { ...query, unkeyed: 1 } },
  };
  expect(engine.stats()).toMatchObject(after);
  await engine.close();
  const again = await engineOf(plan, [], { store });
  const since = { received: 0, accepted: 0, duplicate: 0, invalid: 0, quarantined: 0 };
  expect(again.stats()).toMatchObject({ ...after, ...since });
});

test("a receive time is a whole number of ms, one for all or one a line", async () => {
  const engine = await engineOf(planOf());
  const two = [event("a", 0), event("b", 0)];
  for (const receivedAt of [1.5, NaN, Infinity, [1], [1, 2, 3], [1, 0.5], [1, NaN]]) {
    await expect(engine.push(two, { receivedAt })).rejects.toMatchObject({ code: "bad_time" });
  }
  expect(engine.stats()).toMatchObject({ received: 0, position: 0 });
  // The list counts what is received: blank lines have no time.
  const text = `\n${json(two[0])}\n \n${json(two[1])}\n`;
  expect(await engine.push(text, { receivedAt: [1, null] })).toMatchObject({ accepted: 2 });
});

test("a receive time may stand in a member of each event", async () => {
  const engine = await engineOf(planOf({}, { clock: { maxAhead: 10 } }));
  const at = (id: string, receivedAt: unknown) => event(id, 100, {}, { receivedAt });
  const receipt = await engine.push(
    [
      at("a", 90),
      at("b", 89),
      at("c", "1970-01-01T00:00:00.089Z"),
      at("d", null),
      event("e", 100),
      at("f", "soon"),
      at("g", true),
      at("h", 1.5),
    ],
    { receivedAtMember: "receivedAt" },
  );
  expect(receipt.quarantined.map(({ index }) => index)).toEqual([1, 2]);
  expect(receipt.invalid.map(({ index, code, pointer }) => [index, code, pointer])).toEqual(
    [5, 6, 7].map((index) => [index, "invalid_time", "/receivedAt"]),
  );
  expect(receipt.accepted).toBe(3);
});

test("replayed, it has the room that its pushes had: much that waits, taken by one clock", async () => {
  const lookup = { table: "t", on: "data.k", as: "found" };
  const query = { from: ["tested"], key: { k: "data.k" }, with: [lookup], wait: 10 };
  const tables = { t: { from: ["fed"], key: "data.k" } };
  const plan = { ...planOf({ ...query, window: { kind: "global" } }), tables };
  const engine = await engineOf(plan);
  const told: Change[] = [];
  engine.listen((changes) => told.push(...changes));
  const waiting = Array.from({ length: 500 }, (_, n) => event(`w${n}`, 0, { k: `key ${n}` }));
  await engine.push(waiting);
  await engine.tick(20);
  expect(told).toHaveLength(500);
  const heard: Change[] = [];
  const done = Promise.withResolvers<void>();
  engine.subscribe("q", (changes) => (heard.push(...changes), done.resolve()), { from: 0 });
  await done.promise;
  expect(heard).toEqual(told);
});
