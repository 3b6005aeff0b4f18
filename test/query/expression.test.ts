/** The grammar of expressions, operator by operator, and what a string means where. */
import { describe, expect, test } from "vitest";
import type { Expression } from "../../engine/query/plan.ts";
import { goodQuery, planWith, faultsOf } from "./sample.ts";

const where = (expression: unknown): Expression | null =>
  goodQuery(planWith({ where: expression })).where;
const derived = (expression: unknown): Expression | undefined =>
  goodQuery(planWith({ derive: { d: expression } })).derive[0]?.of;
const faults = (expression: unknown) => faultsOf(planWith({ where: expression }));

const literal = (value: null | boolean | number | string) => ({ op: "literal", value });
const A = { op: "get", path: ["a"] };

describe("an expression", () => {
  test.each([
    [["get", "data.orderTotal"], { op: "get", path: ["data", "orderTotal"] }],
    [["has", "eventTime"], { op: "has", path: ["eventTime"] }],
    [["==", ["get", "a"], "x"], { op: "==", args: [A, literal("x")] }],
    [["!=", ["get", "a"], null], { op: "!=", args: [A, literal(null)] }],
    [["<", 1, 2], { op: "<", args: [literal(1), literal(2)] }],
    [["<=", 1, 2], { op: "<=", args: [literal(1), literal(2)] }],
    [[">", 1, 2], { op: ">", args: [literal(1), literal(2)] }],
    [[">=", 1, 2], { op: ">=", args: [literal(1), literal(2)] }],
    [["all"], { op: "all", args: [] }],
    [["any"], { op: "any", args: [] }],
    [["coalesce"], { op: "coalesce", args: [] }],
    [["all", true], { op: "all", args: [literal(true)] }],
    [
      ["any", true, ["!", false]],
      { op: "any", args: [literal(true), { op: "!", args: [literal(false)] }] },
    ],
    [
      ["in", ["get", "a"], [1, "b", null, true]],
      { op: "in", arg: A, values: [1, "b", null, true] },
    ],
    [["in", 1, []], { op: "in", arg: literal(1), values: [] }],
    [["+", 1, 2], { op: "+", args: [literal(1), literal(2)] }],
    [["-", 1, 2], { op: "-", args: [literal(1), literal(2)] }],
    [["*", 1, 2], { op: "*", args: [literal(1), literal(2)] }],
    [["/", 1, 2], { op: "/", args: [literal(1), literal(2)] }],
    [["%", 1, 2], { op: "%", args: [literal(1), literal(2)] }],
    [["coalesce", ["get", "a"], 0], { op: "coalesce", args: [A, literal(0)] }],
    [["case", true, 1, 2], { op: "case", args: [literal(true), literal(1), literal(2)] }],
    [["case", true, 1], { op: "case", args: [literal(true), literal(1), literal(null)] }],
    [
      ["case", true, 1, false, 2],
      { op: "case", args: [literal(true), literal(1), literal(false), literal(2), literal(null)] },
    ],
    [true, literal(true)],
  ])("%j", (expression, expected) => {
    expect(where(expression)).toEqual(expected);
  });

  test("has no minus zero, since its canonical text is 0", () => {
    expect(derived(-0)).toStrictEqual({ op: "literal", value: 0 });
  });

  test.each([
    [["get"]],
    [["get", "a", "b"]],
    [["has"]],
    [["==", 1]],
    [["==", 1, 2, 3]],
    [["<"]],
    [["!"]],
    [["!", true, true]],
    [["in", 1]],
    [["in", 1, [1], 2]],
    [["+", 1]],
    [["-", 1]],
    [["*", 1, 2, 3]],
    [["case"]],
    [["case", true]],
  ])("%j has another number of operands", (expression) => {
    expect(faults(expression)).toEqual(["operand_count /queries/0/where"]);
  });

  test("has all its faults listed, also below a wrong count", () => {
    expect(faults(["all", ["==", ["get", "a."], ["nope", 1]], ["in", {}, [[]]]])).toEqual([
      "bad_path /queries/0/where/1/1/1",
      "unknown_operator /queries/0/where/1/2/0",
      "bad_expression /queries/0/where/2/1",
      "bad_literal /queries/0/where/2/2/0",
    ]);
    expect(faults(["==", ["get", "a."]])).toEqual([
      "operand_count /queries/0/where",
      "bad_path /queries/0/where/1/1",
    ]);
  });
});

describe("a string", () => {
  test("is a path in a key and in `of`, and a literal inside an expression", () => {
    const { key, aggregates } = goodQuery(
      planWith({
        key: { k: "data.a", l: ["coalesce", ["get", "data.a"], "data.b"] },
        aggregate: { n: { fn: "sum", of: "data.c" } },
      }),
    );
    expect(key[0]?.of).toEqual({ op: "get", path: ["data", "a"] });
    expect(key[1]?.of).toMatchObject({ args: [{ op: "get" }, literal("data.b")] });
    expect(aggregates[0]?.of).toEqual({ op: "get", path: ["data", "c"] });
  });

  test("is a literal in derive", () => {
    expect(derived("EUR")).toEqual(literal("EUR"));
  });

  test("is the whole name of an aggregate where derive gets it", () => {
    const aggregate = { "a.b": { fn: "count" } };
    const plan = planWith({ aggregate, derive: { d: ["get", "a.b"], e: ["has", "a.b"] } });
    expect(goodQuery(plan).derive.map(({ of }) => of)).toEqual([
      { op: "get", path: ["a.b"] },
      { op: "has", path: ["a.b"] },
    ]);
  });
});

describe("an expression that cannot be JSON", () => {
  test("has an end, though it holds itself", () => {
    const cycle: unknown[] = ["!"];
    cycle.push(cycle);
    expect(faults(cycle)).toEqual([`expression_too_deep /queries/0/where${"/1".repeat(64)}`]);
    const wide: unknown[] = ["all"];
    wide.push(wide, wide);
    expect(faults(wide)).toHaveLength(1);
  });

  test("is cut where sharing would make it endless", () => {
    let shared: unknown = 1;
    for (let level = 0; level < 60; level++) shared = ["+", shared, shared];
    const [fault] = faults(shared);
    expect(fault).toMatch(/^expression_too_large /);
  });

  test.each([[undefined], [() => 1], [Symbol("a")], [10n], [new Map()], [[undefined]]])(
    "is a fault: %s",
    (part) => {
      expect(faults(["!", part])).toEqual(["bad_expression /queries/0/where/1"]);
    },
  );

  test("is not a nesting of a hundred thousand levels", () => {
    let deep: unknown = true;
    for (let level = 0; level < 100_000; level++) deep = ["!", deep];
    expect(faults(deep)).toHaveLength(1);
  });
});
