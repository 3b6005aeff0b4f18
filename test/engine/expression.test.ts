// Expressions: every operator over every pair of operand types, against a reading of the contract
// in a few lines of TypeScript. Values are seen as keys, since a key shows what it is made of.

import { describe, expect, test } from "vitest";
import { randomOf, seeded, type Random } from "../event/random.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

type Json = null | boolean | number | string | Json[] | { readonly [name: string]: Json };
type Expression = Json;

const window = tumbling(1000, 0);

/** One of each kind, and those that are near one another. `undefined` is a missing member. */
const OPERANDS: readonly (Json | undefined)[] = [
  undefined,
  null,
  false,
  true,
  0,
  -0,
  1,
  -1,
  2,
  -7,
  0.1,
  5e-324,
  1.7e308,
  -1.7e308,
  2 ** 53,
  "",
  "0",
  "1",
  "a",
  "ab",
  "b",
  "A",
  "ü",
  "\uffee",
  "\u{1f600}",
  [],
  [1],
  {},
  { a: 1 },
];

const isScalar = (value: Json | undefined): boolean =>
  value === null || value === undefined || typeof value !== "object";

const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);

const compareBytes = (a: string, b: string): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));

function order(a: Json | undefined, b: Json | undefined): number | null {
  if (typeof a === "number" && typeof b === "number") return Math.sign(a - b) || (a < b ? -1 : 0);
  if (typeof a === "string" && typeof b === "string") return compareBytes(a, b);
  return null;
}

const equals = (a: Json | undefined, b: Json | undefined): boolean =>
  isScalar(a) && isScalar(b) && (a ?? null) !== null && a === b;

/** What the contract says of two operands. */
const BINARY: { readonly [op: string]: (a: Json | undefined, b: Json | undefined) => Json } = {
  "==": equals,
  "!=": (a, b) => !equals(a, b),
  "<": (a, b) => compared(a, b, (o) => o < 0),
  "<=": (a, b) => compared(a, b, (o) => o <= 0),
  ">": (a, b) => compared(a, b, (o) => o > 0),
  ">=": (a, b) => compared(a, b, (o) => o >= 0),
  "+": (a, b) => calculated(a, b, (x, y) => x + y),
  "-": (a, b) => calculated(a, b, (x, y) => x - y),
  "*": (a, b) => calculated(a, b, (x, y) => x * y),
  "/": (a, b) => calculated(a, b, (x, y) => x / y),
  "%": (a, b) => calculated(a, b, (x, y) => x % y),
  all: (a, b) => a === true && b === true,
  any: (a, b) => a === true || b === true,
  coalesce: (a, b) => a ?? b ?? null,
};

function compared(a: Json | undefined, b: Json | undefined, holds: (o: number) => boolean): Json {
  const result = order(a, b);
  return result !== null && holds(result);
}

function calculated(
  a: Json | undefined,
  b: Json | undefined,
  of: (x: number, y: number) => number,
): Json {
  return typeof a === "number" && typeof b === "number" ? finite(of(a, b)) : null;
}

/** The values of an expression for each event's data: null where it is null or a composite. */
async function valuesOf(
  expression: Expression,
  rows: readonly { readonly [name: string]: Json | undefined }[],
): Promise<(Json | undefined)[]> {
  const key = { i: "data.i", value: expression };
  const engine = await engineOf(planOf({ window, key }));
  await engine.push(rows.map((data, i) => event(`e${i}`, 0, { ...data, i })));
  const values: (Json | undefined)[] = rows.map(() => null);
  for (const row of engine.view("q").rows()) {
    values[row.key["i"] as number] = row.key["value"]!;
  }
  return values;
}

const asKey = (value: Json | undefined): Json => {
  if (!isScalar(value) || value === undefined) return null;
  return typeof value === "number" ? value + 0 : value;
};

const PAIRS = OPERANDS.flatMap((a) => OPERANDS.map((b) => ({ a, b })));

describe.each(Object.keys(BINARY))("the operator %s", (op) => {
  test("is what the contract says of every pair of operands", async () => {
    const values = await valuesOf([op, ["get", "data.a"], ["get", "data.b"]], PAIRS);
    const told = PAIRS.map(({ a, b }, i) => ({ a, b, value: values[i] }));
    const expected = PAIRS.map(({ a, b }) => ({ a, b, value: asKey(BINARY[op]!(a, b)) }));
    expect(told).toEqual(expected);
  });

  test("is the same of literals", async () => {
    const scalars = OPERANDS.filter((value) => isScalar(value) && value !== undefined) as Json[];
    const random = randomOf(5);
    for (let n = 0; n < 12; n++) {
      const [a, b] = [random.pick(scalars), random.pick(scalars)];
      const [value] = await valuesOf([op, a, b], [{}]);
      expect([op, a, b, value]).toEqual([op, a, b, asKey(BINARY[op]!(a, b))]);
    }
  });
});

test("has is: not null, composites too", async () => {
  const values = await valuesOf(
    ["has", "data.a"],
    OPERANDS.map((a) => ({ a })),
  );
  expect(values).toEqual(OPERANDS.map((a) => (a ?? null) !== null));
});

test("! is true for all but true", async () => {
  const values = await valuesOf(
    ["!", ["get", "data.a"]],
    OPERANDS.map((a) => ({ a })),
  );
  expect(values).toEqual(OPERANDS.map((a) => a !== true));
});

test("in looks for an equal literal, and null is equal to nothing", async () => {
  const literals = [null, true, 0, "1", "ü", "a", 1.7e308];
  const values = await valuesOf(
    ["in", ["get", "data.a"], literals],
    OPERANDS.map((a) => ({ a })),
  );
  expect(values).toEqual(OPERANDS.map((a) => literals.some((literal) => equals(a, literal))));
  expect(await valuesOf(["in", 1, []], [{}])).toEqual([false]);
});

test("all, any and coalesce take any number of operands", async () => {
  const cases: readonly (readonly [Expression, Json])[] = [
    [["all"], true],
    [["any"], false],
    [["coalesce"], null],
    [["all", true], true],
    [["all", 1], false],
    [["any", "true"], false],
    [["any", null, false, true], true],
    [["all", true, true, null], false],
    [["coalesce", null, false, 1], false],
    [["coalesce", null, ["/", 1, 0], "x"], "x"],
  ];
  for (const [expression, expected] of cases) {
    expect([expression, await valuesOf(expression, [{}])]).toEqual([expression, [expected]]);
  }
});

test("case takes the first condition that is true, then its otherwise, or null", async () => {
  const a = ["get", "data.a"];
  const rows = [{ a: 1 }, { a: 2 }, { a: 3 }, {}];
  const two = ["case", ["==", a, 1], "one", ["==", a, 2], "two"];
  expect(await valuesOf(two, rows)).toEqual(["one", "two", null, null]);
  expect(await valuesOf([...two, "more"], rows)).toEqual(["one", "two", "more", "more"]);
  // Only true is true.
  expect(await valuesOf(["case", a, "yes", "no"], [{ a: 1 }, { a: true }, { a: "true" }])).toEqual([
    "no",
    "yes",
    "no",
  ]);
  const nested = [
    "case",
    ["case", ["has", "data.a"], ["<", a, 2], false],
    ["+", a, 10],
    ["*", 2, 3],
  ];
  expect(await valuesOf(nested, rows)).toEqual([11, 6, 6, 6]);
});

test("paths read own members only, never enter arrays, and see the envelope", async () => {
  const data = {
    a: { b: { c: 1 } },
    list: [{ x: 1 }],
    "dotted.name": 2,
    constructor: { name: "own" },
    length: "str",
  };
  const read = async (path: string): Promise<Json | undefined> =>
    (await valuesOf(["get", path], [data]))[0];
  expect(await read("data.a.b.c")).toBe(1);
  expect(await read("data.a.b.c.d")).toBeNull();
  expect(await read("data.list.0")).toBeNull();
  expect(await read("data.list.length")).toBeNull();
  expect(await read("data.dotted.name")).toBeNull();
  expect(await read("data.constructor.name")).toBe("own");
  expect(await read("data.toString")).toBeNull();
  expect(await read("data.length.length")).toBeNull();
  expect(await read("toString")).toBeNull();
  expect(await read("eventType")).toBe("tested");
  expect(await read("eventTime")).toBe(0);
  expect(await read("eventTime.x")).toBeNull();
  expect(await read("source")).toBeNull();
  expect(await read("correlationId")).toBe("c");
});

test("a CloudEvent is read under the envelope's names", async () => {
  const key = { id: "eventId", at: "eventTime", version: "eventVersion", about: "correlationId" };
  const more = { own: "extension", old: ["coalesce", ["get", "time"], "none"] };
  const engine = await engineOf(planOf({ window, key: { ...key, ...more } }));
  const cloud = { specversion: "1.0", id: "i", type: "t", time: "1970-01-01T00:00:00.005Z" };
  await engine.push({ ...cloud, source: "s", data: {}, extension: "x" });
  expect(engine.view("q").rows()[0]!.key).toEqual({
    id: "i",
    at: 5,
    version: "1.0",
    about: "i",
    own: "x",
    old: "none",
  });
});

test("where takes an event only if it is true", async () => {
  for (const [where, taken] of [
    [["get", "data.a"], OPERANDS.map((a) => a === true)],
    [["!", ["get", "data.a"]], OPERANDS.map((a) => a !== true)],
    [true, OPERANDS.map(() => true)],
    [false, OPERANDS.map(() => false)],
    [
      ["any", ["==", ["get", "data.a"], "a"], [">", ["get", "data.a"], 1]],
      OPERANDS.map((a) => a === "a" || (typeof a === "number" && a > 1)),
    ],
  ] as const) {
    const engine = await engineOf(planOf({ window, where, key: { i: "data.i" } }));
    await engine.push(OPERANDS.map((a, i) => event(`e${i}`, 0, { a, i })));
    const expected = OPERANDS.map((_, i) => i).filter((i) => taken[i]);
    const told = engine
      .view("q")
      .rows()
      .map(({ key }) => key["i"] as number);
    expect(told.toSorted((x, y) => x - y)).toEqual(expected);
  }
});

// ── random expressions ─────────────────────────────────────────────────────────────────────────

function evaluate(
  expression: Expression,
  data: { readonly [name: string]: Json | undefined },
): Json | undefined {
  if (!Array.isArray(expression)) return expression;
  const [op, ...args] = expression as [string, ...Expression[]];
  const read = (path: Json | undefined): Json | undefined =>
    data[String(path).slice("data.".length)];
  if (op === "get") return read(args[0]);
  if (op === "has") return (read(args[0]) ?? null) !== null;
  if (op === "in")
    return (args[1] as Json[]).some((each) => equals(evaluate(args[0]!, data), each));
  const values = args.map((arg) => evaluate(arg, data));
  if (op === "!") return values[0] !== true;
  if (op === "case") {
    for (let at = 0; at + 1 < values.length; at += 2)
      if (values[at] === true) return values[at + 1];
    return values.length % 2 === 1 ? values.at(-1) : null;
  }
  if (op === "all") return values.every((value) => value === true);
  if (op === "any") return values.some((value) => value === true);
  if (op === "coalesce") return values.find((value) => (value ?? null) !== null) ?? null;
  return BINARY[op]!(values[0], values[1]);
}

const LITERALS = OPERANDS.filter((value) => isScalar(value) && value !== undefined) as Json[];

function randomExpression(random: Random, depth: number): Expression {
  if (depth === 0 || random.below(6) === 0) {
    const field = `data.${random.pick(["a", "b"])}`;
    const literal = random.pick(LITERALS);
    return random.pick<Expression>([literal, ["get", field], ["get", field], ["has", field]]);
  }
  const some = (count: number): Expression[] =>
    Array.from({ length: count }, () => randomExpression(random, depth - 1));
  const op = random.pick([...Object.keys(BINARY), "!", "in", "case", "all", "any", "coalesce"]);
  if (op === "!") return [op, ...some(1)];
  if (op === "in") return [op, ...some(1), [random.pick(LITERALS), random.pick(LITERALS)]];
  if (op === "case") return [op, ...some(2 + random.below(5))];
  if (op === "all" || op === "any" || op === "coalesce") return [op, ...some(random.below(5))];
  return [op, ...some(2)];
}

test("random expressions are what the contract says, deep ones too", async () => {
  const seeds: number[] = [];
  seeded((random) => seeds.push(...Array.from({ length: 60 }, () => random.below(2 ** 31))));
  for (const seed of seeds) {
    const random = randomOf(seed);
    const expression = randomExpression(random, 2 + random.below(5));
    if (!Array.isArray(expression)) continue;
    const rows = Array.from({ length: 12 }, () => random.pick(PAIRS));
    const expected = rows.map((row) => asKey(evaluate(expression, row)));
    expect({ seed, expression, values: await valuesOf(expression, rows) }).toEqual({
      seed,
      expression,
      values: expected,
    });
  }
});

test("an expression as deep as a plan allows is evaluated", async () => {
  let left: Expression = 1;
  let right: Expression = 1;
  for (let depth = 1; depth < 64; depth++) {
    left = ["+", left, 1];
    right = ["+", 1, right];
  }
  expect(await valuesOf(left, [{}])).toEqual([64]);
  expect(await valuesOf(right, [{}])).toEqual([64]);
  let chain: Expression = ["get", "data.a"];
  for (let depth = 1; depth < 63; depth++) chain = ["coalesce", null, chain];
  expect(await valuesOf(chain, [{ a: "deep" }])).toEqual(["deep"]);
});
