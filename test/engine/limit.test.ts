// The largest plans run: at each limit of a plan the core reads, keeps and tells every part, here
// with assertions on; and the limits of the engine that no plan has, at the limit and one beyond.

import { readFile } from "node:fs/promises";
import { describe, expect, test, vi } from "vitest";
import { PROGRAM_BYTES_MAX } from "../../assembly/layout.ts";
import type { Engine } from "../../engine/index.ts";
import { Batch } from "../../engine/ingest/batch.ts";
import { tickOf } from "../../engine/ingest/tick.ts";
import { eventFault } from "../../engine/event/fault.ts";
import { compile } from "../../engine/query/compile.ts";
import { checkPlan } from "../../engine/query/plan.ts";
import * as limit from "../../engine/query/plan-limit.ts";
import {
  engineOf,
  event,
  ndjson,
  openCore,
  planOf,
  queryOf,
  tumbling,
  HASH_KEY,
} from "../builders.ts";
import { FULL } from "../measured.ts";

vi.mock("#core-wasm", () => ({
  default: async () => {
    const file = new URL("../../dist/core/core.debug.wasm", import.meta.url);
    return WebAssembly.compile(await readFile(file));
  },
}));

const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));
const named = <Item>(count: number, make: (index: number) => Item): { [name: string]: Item } =>
  Object.fromEntries(times(count, (index) => [`m${index}`, make(index)]));
const valueOf = (engine: Engine, query = "q") => engine.view(query).rows()[0]?.value;
const first = { fn: "first" };
const get = (path: string): readonly string[] => ["get", path];

test("so many queries each count the event, and read their own table", async () => {
  const count = limit.QUERIES_MAX;
  expect(limit.TABLES_MAX).toBe(count);
  const tables = named(count, () => ({ from: ["tabled"], key: "data.k" }));
  const queries = times(count, (index) =>
    queryOf({
      name: `q${index}`,
      from: ["tested"],
      with: [{ table: `m${index}`, on: "data.k", as: "row" }],
      aggregate: { n: { fn: "count" }, x: { ...first, of: "row.data.x" } },
    }),
  );
  const engine = await engineOf({ version: 1, tables, queries });
  await engine.push([
    event("t", 0, { k: "k", x: 7 }, { eventType: "tabled" }),
    event("e", 1, { k: "k" }),
  ]);
  for (let index = 0; index < count; index++) {
    expect([index, valueOf(engine, `q${index}`)]).toEqual([index, { n: 1, x: 7 }]);
  }
});

test("so many lookups are made in order, each on what the one before found", async () => {
  const lookups = times(limit.LOOKUPS_MAX, (index) => ({
    table: "t",
    on: index === 0 ? "data.k" : `a${index - 1}.data.next`,
    as: `a${index}`,
  }));
  const aggregate = { last: { ...first, of: `a${limit.LOOKUPS_MAX - 1}.data.next` } };
  const query = queryOf({ from: ["tested"], with: lookups, aggregate });
  const tables = { t: { from: ["tabled"], key: "data.k" } };
  const engine = await engineOf({ version: 1, tables, queries: [query] });
  const chain = times(limit.LOOKUPS_MAX, (k) =>
    event(`t${k}`, 0, { k, next: k + 1 }, { eventType: "tabled" }),
  );
  await engine.push([...chain, event("e", 1, { k: 0 })]);
  expect(valueOf(engine)).toEqual({ last: limit.LOOKUPS_MAX });
});

test("so many event types are each taken, and no other", async () => {
  const engine = await engineOf(planOf({ from: times(limit.TYPES_MAX, (i) => `t${i}`) }));
  const types = times(limit.TYPES_MAX + 1, (i) => event(`e${i}`, 0, {}, { eventType: `t${i}` }));
  await engine.push(types);
  expect(valueOf(engine)).toEqual({ n: limit.TYPES_MAX });
});

test("so many members of a key, and a name so long, are told", async () => {
  const long = "ü".repeat(limit.NAME_BYTES_MAX / 2);
  const key = { ...named(limit.KEY_MEMBERS_MAX - 1, (i) => `data.m${i}`), [long]: "data.long" };
  const engine = await engineOf(planOf({ key }));
  const data = named(limit.KEY_MEMBERS_MAX - 1, (i) => i);
  await engine.push(event("e", 0, { ...data, long: "x" }));
  expect(engine.view("q").rows()[0]!.key).toEqual({ ...data, [long]: "x" });
});

test("so many aggregates and derived members are told, open and final", async () => {
  const aggregate = named(limit.AGGREGATES_MAX, (i) => ({ fn: "sum", of: `data.m${i}` }));
  const derive = Object.fromEntries(
    times(limit.DERIVED_MAX, (i) => [`d${i}`, ["+", get(`m${i}`), 1000]]),
  );
  const engine = await engineOf(planOf({ aggregate, derive }));
  await engine.push(
    event(
      "e",
      0,
      named(limit.AGGREGATES_MAX, (i) => i),
    ),
  );
  const sums = times(limit.AGGREGATES_MAX, (i) => i);
  const expected = [...sums, ...sums.map((i) => i + 1000)];
  expect(Object.values(valueOf(engine)!)).toEqual(expected);
  await engine.tick(10);
  expect(engine.view("q").rows()).toMatchObject([{ final: true }]);
  expect(Object.values(valueOf(engine)!)).toEqual(expected);
});

test("a final value is the same in its record, up to 512 bytes, and in a block of its own", async () => {
  // A number takes 9 bytes: 56 of them fit.
  for (const count of [56, 57]) {
    const aggregate = named(count, (i) => ({ fn: "max", of: ["+", get("data.x"), i] }));
    const engine = await engineOf(planOf({ aggregate, key: { k: "data.k" } }));
    await engine.push([event("a", 0, { k: 1, x: 1 }), event("b", 1, { k: 2, x: 2 })]);
    await engine.tick(10);
    for (const { key, value } of engine.view("q").rows()) {
      expect(value).toEqual(named(count, (i) => (key["k"] as number) + i));
    }
  }
});

test("so many different paths are read, of the event and of what was looked up", async () => {
  const count = limit.FIELDS_MAX;
  // As many as 64 aggregates of four paths each read.
  const parts = (prefix: (index: number) => string, from: number, to: number) =>
    named(Math.ceil((to - from) / 4), (i) => {
      const own = times(Math.min(4, to - from - 4 * i), (j) => get(prefix(from + 4 * i + j)));
      return { fn: "sum", of: own.reduce((sum: unknown, path) => ["+", sum, path], 0) };
    });
  const sumsOf = (from: number, to: number): number[] =>
    times(Math.ceil((to - from) / 4), (i) =>
      times(Math.min(4, to - from - 4 * i), (j) => from + 4 * i + j).reduce((a, b) => a + b, 0),
    );
  const plain = await engineOf(planOf({ aggregate: parts((i) => `data.a.f${i}`, 0, count) }));
  // An object has at most 256 keys; all of them are here.
  const data = Object.fromEntries(times(count, (i) => [`f${i}`, i]));
  await plain.push(event("e", 0, { a: data }));
  expect(Object.values(valueOf(plain)!)).toEqual(sumsOf(0, count));
  // The key of the table and that of the lookup are two paths more.
  const query = queryOf({
    from: ["tested"],
    with: [{ table: "t", on: "data.k", as: "row" }],
    aggregate: parts((i) => (i % 2 ? `row.data.f${i}` : `data.f${i}`), 0, count - 2),
  });
  const tables = { t: { from: ["tabled"], key: "data.id" } };
  const looking = await engineOf({ version: 1, tables, queries: [query] });
  await looking.push([
    event("t", 0, { ...data, f0: -1, id: 1 }, { eventType: "tabled" }),
    event("e", 1, {
      ...Object.fromEntries(Object.entries(data).filter(([, i]) => i % 2 === 0)),
      k: 1,
    }),
  ]);
  expect(Object.values(valueOf(looking)!)).toEqual(sumsOf(0, count - 2));
});

test("a path so long, and an expression so deep or so large, is read", async () => {
  const path = times(limit.PATH_SEGMENTS_MAX - 1, () => "a").join(".");
  const deepest = times(limit.PATH_SEGMENTS_MAX - 1, () => 0);
  const data = deepest.reduce((inner: unknown) => ({ a: inner }), 5) as { a: unknown };
  const nest = (wrap: (inner: unknown, depth: number) => unknown, inner: unknown): unknown =>
    times(limit.EXPRESSION_DEPTH_MAX - 1, (i) => i).reduce(wrap, inner);
  const aggregate = {
    path: { ...first, of: `data.${path}` },
    right: { ...first, of: nest((inner) => ["+", 1, inner], 1) },
    left: { ...first, of: nest((inner) => ["+", inner, 1], 1) },
    case: { ...first, of: nest((inner) => ["case", false, 0, inner], "end") },
    first: { ...first, of: nest((inner) => ["coalesce", null, null, inner], "end") },
    any: { ...first, of: nest((inner) => ["any", false, false, inner], true) },
    in: { ...first, of: ["in", 4093, times(limit.EXPRESSION_PARTS_MAX - 2, (i) => i)] },
    out: { ...first, of: ["in", 4094, times(limit.EXPRESSION_PARTS_MAX - 2, (i) => i)] },
  };
  const engine = await engineOf(planOf({ aggregate }));
  // The last but one is the 32nd level of the event.
  await engine.push(event("e", 0, data));
  expect(valueOf(engine)).toEqual({
    path: 5,
    right: limit.EXPRESSION_DEPTH_MAX,
    left: limit.EXPRESSION_DEPTH_MAX,
    case: "end",
    first: "end",
    any: true,
    in: true,
    out: false,
  });
});

test("so many quantiles, so large a top, and so many bounds are told", async () => {
  const of = "data.x";
  const bounds = times(limit.HISTOGRAM_BOUNDS_MAX, (i) => i + 0.5);
  const q = times(limit.QUANTILES_MAX, (i) => i / (limit.QUANTILES_MAX - 1));
  const aggregate = {
    q: { fn: "quantile", q, of },
    t: { fn: "top", k: limit.TOP_K_MAX, of },
    h: { fn: "histogram", bounds, of },
  };
  const engine = await engineOf(planOf({ aggregate, window: tumbling(10_000, 0) }));
  await engine.push(times(limit.HISTOGRAM_BOUNDS_MAX + 1, (x) => event(`e${x}`, x, { x })));
  const { q: quantiles, t: top, h: histogram } = valueOf(engine) as { [name: string]: unknown[] };
  expect([quantiles!.length, quantiles![0], quantiles!.at(-1)]).toEqual([
    limit.QUANTILES_MAX,
    0,
    limit.HISTOGRAM_BOUNDS_MAX,
  ]);
  expect(top).toHaveLength(limit.TOP_K_MAX);
  expect(histogram).toEqual(times(limit.HISTOGRAM_BOUNDS_MAX + 1, () => 1));
});

test.each(["hopping", "cumulate"])(
  "an event in so many %s windows is told of each",
  async (kind) => {
    const size = limit.EVENT_WINDOWS_MAX;
    const engine = await engineOf(planOf({ window: { kind, size, every: 1, grace: 0 } }));
    await engine.push(event("e", 0));
    expect(engine.view("q").rows()).toHaveLength(size);
    await engine.tick(size);
    const rows = engine.view("q").rows();
    expect([rows.length, rows.every(({ final }) => final)]).toEqual([size, true]);
  },
);

test("the longest duration and the highest limits are counted with", async () => {
  const longest = limit.DURATION_MS_MAX;
  const limits = {
    keys: limit.LIMIT_MAX,
    identities: limit.LIMIT_MAX,
    quarantine: limit.LIMIT_MAX,
  };
  const query = { window: tumbling(longest, longest, { offset: 1 - longest }), retain: longest };
  const engine = await engineOf(planOf(query, { limits, clock: { dedup: longest } }));
  await engine.push([event("a", 0), event("b", 8e15 / 1000), event("a", 0)]);
  expect(engine.view("q").rows()).toMatchObject([
    { window: { start: 1 - longest, end: 1 }, value: { n: 1 }, final: false },
    { window: { start: 1, end: longest + 1 }, value: { n: 1 }, final: false },
  ]);
  expect(engine.stats()).toMatchObject({ duplicate: 1, forgotten: 0 });
});

test("a program of just so many bytes runs, one literal longer is refused", async () => {
  const planWith = (length: number) =>
    planOf({ where: ["!=", get("data.x"), "x".repeat(length)], aggregate: { n: { fn: "count" } } });
  const bytesOf = (length: number): number => {
    // Beyond the limit there is no plan to compile: what one byte less takes, and one more.
    const { plan } = checkPlan(planWith(length));
    return plan === null ? Infinity : compile(plan, HASH_KEY).bytes.length;
  };
  let length = PROGRAM_BYTES_MAX - (bytesOf(1000) - 1000) - 16;
  while (bytesOf(length + 1) < Infinity) length++;
  expect(bytesOf(length)).toBeGreaterThan(PROGRAM_BYTES_MAX - 8);
  expect(bytesOf(length)).toBeLessThanOrEqual(PROGRAM_BYTES_MAX);
  expect(checkPlan(planWith(length + 1)).faults).toMatchObject([{ code: "plan_too_large" }]);
  const engine = await engineOf(planWith(length));
  await engine.push([event("a", 0, { x: "x".repeat(length) }), event("b", 0, { x: "x" })]);
  expect(valueOf(engine)).toEqual({ n: 1 });
});

describe("a push may need 4,096 years of time zones that are new", () => {
  const window = { kind: "tumbling", size: "1d", timezone: "Europe/Berlin", grace: 0 };
  const inYears = (from: number, to: number) =>
    times(to - from, (i) => {
      const year = String(from + i).padStart(4, "0");
      return event(`e${year}`, 0, {}, { eventTime: `${year}-07-01T00:00:00Z` });
    });

  test("and one more is refused before the append: it is to be cut", async () => {
    const engine = await engineOf(planOf({ window }));
    const push = engine.push(inYears(2000, 2000 + 4097));
    await expect(push).rejects.toMatchObject({ code: "too_many_years" });
    await expect(push).rejects.toThrow("push fewer events at once");
    expect(engine.stats()).toMatchObject({ position: 0, accepted: 0 });
    expect(await engine.push(inYears(2000, 2010))).toMatchObject({ accepted: 10 });
  });

  test("an entry of the log needs what it needs", async () => {
    const program = compile(checkPlan(planOf({ window })).plan!, HASH_KEY);
    const core = await openCore(program);
    const lines = new TextEncoder().encode(ndjson(inYears(1, 9999)));
    expect(new Batch(core, program, lines, null).lines).toBe(9998);
    core.probe();
    expect(core.missingYears(9997)).toBeNull();
    expect(core.missingYears(9998)).toHaveLength(9998);
    const years = core.missingYears(2 ** 31 - 2)!.map(({ year }) => year);
    expect([Math.min(...years), Math.max(...years), years.length]).toEqual([1, 9998, 9998]);
  });

  // To find the offsets of so many years takes a quarter of a minute.
  test.runIf(FULL)("and so many are brought", { timeout: 120_000 }, async () => {
    const engine = await engineOf(planOf({ window }));
    expect(await engine.push(inYears(2000, 2000 + 4096))).toMatchObject({ accepted: 4096 });
  });
});

test("refused lines are listed up to 1,000, and one more drops the oldest", async () => {
  const engine = await engineOf(planOf());
  const lines = times(1001, (i) => `{"eventId":${i}}`);
  await engine.push(lines.slice(0, 1000).join("\n"));
  expect(engine.refused().map(({ line }) => line)).toEqual(lines.slice(0, 1000));
  await engine.push(lines[1000]!);
  expect(engine.refused().map(({ line }) => line)).toEqual(lines.slice(1));
});

test("a refused line is listed up to 64 KiB of it, and all of them up to 4 MiB", async () => {
  const engine = await engineOf(planOf());
  const lineOf = (bytes: number, fill: string): string => `{"x":"${fill.repeat(bytes - 8)}"}`;
  const whole = lineOf(65_536, "x");
  await engine.push(whole);
  await engine.push(lineOf(65_537, "y"));
  expect(engine.refused().map(({ line }) => line)).toEqual([
    whole,
    lineOf(65_537, "y").slice(0, 65_536),
  ]);
  for (let i = 2; i < 64; i++) await engine.push(whole);
  expect(engine.refused()).toHaveLength(64);
  await engine.push("{}");
  expect(engine.refused()).toHaveLength(64);
  expect(engine.refused()[0]!.line).toMatch(/^\{"x":"y/);
  await engine.push(`${whole}\n`.repeat(100));
  expect(engine.refused()).toHaveLength(64);
  await engine.push(whole);
  expect(engine.refused()).toHaveLength(64);
});

test("a tick of 256 bytes is one, a longer one is an event", () => {
  const encoder = new TextEncoder();
  const tick = (bytes: number): number | null => {
    const line = encoder.encode(`{"tick":7${" ".repeat(bytes - 10)}}`);
    expect(line).toHaveLength(bytes);
    return tickOf(line, 0, bytes);
  };
  expect([tick(256), tick(257)]).toEqual([7, null]);
});

test("a fault's sentence names 200 characters of a place, and cuts a longer one", () => {
  const place = `/${"p".repeat(199)}`;
  expect(eventFault("wrong_type", place, "x").message).toContain(`The value at ${place} `);
  expect(eventFault("wrong_type", `${place}q`, "x").message).toContain(`The value at ${place}… `);
});

test("a release names three ids that are not held, and counts what is more", async () => {
  const engine = await engineOf(planOf());
  const messageOf = (ids: string[]): Promise<string> =>
    engine.release(ids).then(String, (fault: Error) => fault.message);
  expect(await messageOf(["a", "b", "c"])).toContain('under "a", "b", "c": release');
  expect(await messageOf(["a", "b", "c", "d"])).toContain(
    'under "a", "b", "c" and 1 more: release',
  );
});
