// Keys: which values are the same one, what has none, and what happens to one key too many.

import { describe, expect, test } from "vitest";
import type { Engine, Key } from "../../engine/index.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const rowsOf = (engine: Engine): unknown[] =>
  engine
    .view("q")
    .rows()
    .map(({ key, value }) => [Object.values(key), value["n"]]);

const window = tumbling(1000, 0);

test("keys are told apart by type and value, and -0 is 0", async () => {
  const keys = [0, -0, 1, "1", true, "true", false, "", "0", 1.5, "ü", "u\u0308", 1e300, -1, "a"];
  const engine = await engineOf(planOf({ window, key: { k: "data.k" } }));
  await engine.push(keys.map((k, index) => event(`e${index}`, 0, { k })));
  // The literal -0 of JSON, which JSON.stringify does not write.
  await engine.push(JSON.stringify(event("minus", 0, { k: 99 })).replace("99", "-0.0"));
  const rows = engine.view("q").rows();
  const told = rows.map(({ key }) => key["k"]);
  expect(new Set(told).size).toBe(keys.length - 1);
  expect(told).toHaveLength(keys.length - 1);
  const zero = rows.find(({ key }) => key["k"] === 0)!;
  expect([Object.is(zero.key["k"], 0), zero.value["n"]]).toEqual([true, 3]);
});

test("rows are in the order of their keys' JSON by UTF-8 bytes", async () => {
  const keys = ["b", "a", 10, 9, true, false, "\u{1f600}", "\uffee", "", -1, 'q"', "Z"];
  const engine = await engineOf(planOf({ window, key: { k: "data.k" } }));
  await engine.push(keys.map((k, index) => event(`e${index}`, 0, { k })));
  const texts = keys.map((k) => Buffer.from(JSON.stringify([k])));
  const sorted = texts.toSorted((a, b) => Buffer.compare(a, b)).map((text) => text.toString());
  expect(rowsOf(engine).map((row) => JSON.stringify((row as unknown[])[0]))).toEqual(sorted);
});

test("a key that begins as another is where its JSON is, not where it ends", async () => {
  const parts = [
    "a",
    "a ",
    "a!",
    "a#",
    "ab",
    "\n",
    "\u0001",
    "\\",
    "/",
    "\u007f",
    1,
    1.5,
    1e21,
    1e-7,
  ];
  const pairs = parts.flatMap((a) => parts.map((b) => [a, b]));
  const engine = await engineOf(planOf({ window, key: { a: "data.a", b: "data.b" } }));
  await engine.push(pairs.map(([a, b], index) => event(`e${index}`, 0, { a, b })));
  const texts = pairs.map((pair) => Buffer.from(JSON.stringify(pair)));
  const sorted = texts.toSorted((x, y) => Buffer.compare(x, y)).map((text) => text.toString());
  expect(rowsOf(engine).map((row) => JSON.stringify((row as unknown[])[0]))).toEqual(sorted);
});

test("null, a missing member and a composite are no key", async () => {
  const engine = await engineOf(planOf({ window, key: { a: "data.a", b: "data.b" } }));
  const pairs: readonly object[] = [
    { a: 1, b: 2 },
    { a: 1 },
    { b: 2 },
    { a: null, b: 2 },
    { a: 1, b: [] },
    { a: { x: 1 }, b: 2 },
    { a: [1], b: 2 },
    {},
  ];
  await engine.push(pairs.map((data, index) => event(`e${index}`, 0, { ...data })));
  expect(rowsOf(engine)).toEqual([[[1, 2], 1]]);
  expect(engine.stats().queries["q"]).toMatchObject({ applied: 1, unkeyed: 7, late: 0 });
});

test("a composite key keeps its members apart", async () => {
  const engine = await engineOf(planOf({ window, key: { a: "data.a", b: "data.b" } }));
  const pairs = [
    ["ab", "c"],
    ["a", "bc"],
    ["", "abc"],
    ["abc", ""],
    [1, "1"],
    ["1", 1],
  ] as const;
  await engine.push(pairs.map(([a, b], index) => event(`e${index}`, 0, { a, b })));
  expect(rowsOf(engine)).toHaveLength(pairs.length);
  expect(engine.view("q").rows({ key: { a: "1" } })).toMatchObject([{ key: { a: "1", b: 1 } }]);
  expect(engine.view("q").rows({ key: { b: "c", a: "ab" } })).toHaveLength(1);
  expect(engine.view("q").rows({ key: { a: "none", b: 1 } })).toEqual([]);
});

test("a key that the query has not is refused, where its rows are asked for", async () => {
  const engine = await engineOf(planOf({ window, key: { a: "data.a", b: "data.b" } }));
  const asked = (key: object): unknown => engine.view("q").rows({ key: key as Key });
  const isBad = { name: "HostFault", code: "bad_key" };
  expect(() => asked({ c: 1 })).toThrow(expect.objectContaining(isBad));
  expect(() => asked({ a: 1, A: 1 })).toThrow(
    "has a, b, each a string, number, boolean or null: look at A.",
  );
  for (const a of [undefined, NaN, [], {}])
    expect(() => asked({ a })).toThrow("each a string, number");
  expect(() => engine.rows("q", { key: { c: 1 } })).toThrow(expect.objectContaining(isBad));
  expect([asked({ a: null }), asked({})]).toEqual([[], []]);
  const all = await engineOf(planOf({ window }));
  expect(() => all.view("q").rows({ key: { k: 1 } })).toThrow("has no members");
});

test("the empty key is one group", async () => {
  const engine = await engineOf(planOf({ window }, { limits: { keys: 1 } }));
  await engine.push([event("a", 0, { k: 1 }), event("b", 5, { k: 2 }), event("c", 1500)]);
  expect(rowsOf(engine)).toEqual([
    [[], 2],
    [[], 1],
  ]);
});

test("a key may be an expression, and reads members of the envelope", async () => {
  const key = {
    big: [">", ["get", "data.x"], 5],
    type: "eventType",
    hour: ["%", ["get", "eventTime"], 7],
  };
  const engine = await engineOf(planOf({ window, key }));
  await engine.push([event("a", 15, { x: 6 }), event("b", 15, { x: 5 }), event("c", 15)]);
  expect(rowsOf(engine)).toEqual([
    [[false, "tested", 1], 2],
    [[true, "tested", 1], 1],
  ]);
});

describe("limits.keys", () => {
  const plan = planOf(
    { window: tumbling(10, 0), key: { a: "data.a", b: "data.b" } },
    { limits: { keys: 3 } },
  );
  const at = (id: string, time: number, a: unknown, b: unknown = "x") => event(id, time, { a, b });
  const three = [at("1", 0, 1), at("2", 0, 2), at("3", 0, 3)];
  const OTHER = ["__other__", "__other__"];

  test("takes so many keys, and counts what is beyond them as __other__", async () => {
    for (const cut of [1, 7]) {
      const engine = await engineOf(plan);
      const events = [...three, at("4", 1, 4), at("5", 1, 5), at("6", 1, 1), at("7", 2, 2, "y")];
      for (let i = 0; i < events.length; i += cut) await engine.push(events.slice(i, i + cut));
      expect(rowsOf(engine)).toEqual([
        [OTHER, 3],
        [[1, "x"], 2],
        [[2, "x"], 1],
        [[3, "x"], 1],
      ]);
      expect(engine.stats().queries["q"]).toMatchObject({ applied: 7, open: 4, rows: 4 });
    }
  });

  test("is reached at exactly N + 1", async () => {
    const engine = await engineOf(plan, [three]);
    expect(rowsOf(engine)).toHaveLength(3);
    expect(JSON.stringify(rowsOf(engine))).not.toContain("__other__");
  });

  test("counts a key with two open windows once", async () => {
    const wide = planOf(
      { window: tumbling(10, 100), key: { k: "data.k" } },
      { limits: { keys: 1 } },
    );
    const engine = await engineOf(wide);
    await engine.push([
      event("a", 0, { k: 1 }),
      event("b", 10, { k: 1 }),
      event("c", 20, { k: 2 }),
    ]);
    expect(rowsOf(engine)).toEqual([
      [[1], 1],
      [[1], 1],
      [["__other__"], 1],
    ]);
  });

  test("is free again when a key's last window is final, its rows kept", async () => {
    const engine = await engineOf(plan, [three]);
    await engine.push([
      at("4", 9, 4),
      at("5", 10, 4),
      at("6", 11, 5),
      at("7", 12, 6),
      at("8", 13, 1),
    ]);
    expect(rowsOf(engine)).toEqual([
      [OTHER, 1],
      [[1, "x"], 1],
      [[2, "x"], 1],
      [[3, "x"], 1],
      [OTHER, 1],
      [[4, "x"], 1],
      [[5, "x"], 1],
      [[6, "x"], 1],
    ]);
  });

  test("is one of each query", async () => {
    const {
      queries: [query],
    } = plan;
    const both = { ...plan, queries: [query, { ...query, name: "other" }] };
    const engine = await engineOf(both, [three]);
    expect(engine.view("other").rows()).toHaveLength(3);
  });

  test("is not spent by __other__ itself, whoever sends it", async () => {
    const engine = await engineOf(plan);
    await engine.push([at("0", 0, "__other__", "__other__"), ...three, at("4", 0, 4)]);
    expect(rowsOf(engine)).toEqual([
      [OTHER, 2],
      [[1, "x"], 1],
      [[2, "x"], 1],
      [[3, "x"], 1],
    ]);
  });

  test("shows the same however the events were cut, and after reopening", async () => {
    const events = Array.from({ length: 200 }, (_, i) => at(`e${i}`, i, (i * 7) % 5, (i * 3) % 4));
    const whole = await engineOf(plan, [events]);
    const cut = await engineOf(plan);
    for (const each of events) await cut.push(each);
    expect(cut.view("q").rows()).toEqual(whole.view("q").rows());
    expect(await cut.stateHash()).toBe(await whole.stateHash());
  });
});

test("a long key comes out as it went in", async () => {
  const engine = await engineOf(planOf({ window, key: { k: "data.k", l: "data.l" } }));
  const long = "ü".repeat(60_000);
  await engine.push([event("a", 0, { k: long, l: "x" }), event("b", 0, { k: "x", l: long })]);
  await engine.push(event("c", 0, { k: long, l: "x" }));
  await engine.push(event("d", 1000, { k: "x", l: "x" }));
  expect(rowsOf(engine)).toEqual([
    [["x", long], 1],
    [[long, "x"], 2],
    [["x", "x"], 1],
  ]);
});

test("200,000 keys in 40 pushes are what a map says, and rows leave with their windows", async () => {
  const size = 1000;
  const plan = planOf({
    window: tumbling(size, 0),
    key: { k: "data.k" },
    aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.x" } },
    retain: size * 3,
    emit: "none",
  });
  const engine = await engineOf(plan);
  const expected = new Map<string, { n: number; sum: number }>();
  const perPush = 5000;
  for (let push = 0; push < 40; push++) {
    const lines: string[] = [];
    for (let i = 0; i < perPush; i++) {
      const time = push * 250 + (i * 250) / perPush;
      const k = `key-${push * perPush + ((i * 17) % perPush)}`;
      const at = Math.floor(time / size) * size;
      lines.push(JSON.stringify(event(`${push}-${i}`, Math.floor(time), { k, x: i })));
      const known = expected.get(`${at} ${k}`) ?? { n: 0, sum: 0 };
      expected.set(`${at} ${k}`, { n: known.n + 1, sum: known.sum + i });
    }
    await engine.push(lines.join("\n"));
  }
  const clock = engine.stats().clock!;
  const kept = [...expected].filter(([name]) => Number(name.split(" ")[0]) + size * 4 > clock);
  const rows = engine.view("q").rows();
  expect(kept.length).toBeGreaterThan(60_000);
  const told = new Map(
    rows.map(({ window: { start }, key, value }) => [`${start} ${String(key["k"])}`, value]),
  );
  expect(told).toEqual(new Map(kept));
  expect(engine.stats().queries["q"]).toMatchObject({ applied: 200_000, rows: kept.length });
}, 60_000);
