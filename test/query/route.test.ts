/** The router against its obvious twin: every query asked for every type. */
import { describe, expect, test } from "vitest";
import { patternTakes } from "../../engine/query/event-pattern.ts";
import { Router } from "../../engine/query/route.ts";
import { Random } from "./random.ts";

function takersOf(router: Router, type: string): readonly number[] {
  return router.routes[router.route(type)] ?? [];
}

describe("a router", () => {
  const router = new Router([
    { from: ["order.created", "driver.*"] },
    { from: ["order.*"] },
    { from: ["*"] },
    { from: ["order.item.*", "order.created"] },
  ]);

  test.each([
    ["order.created", [0, 1, 2, 3]],
    ["order.delivered", [1, 2]],
    ["order.item.added", [1, 2, 3]],
    ["order.item", [1, 2]],
    ["order.", [1, 2]],
    ["order", [2]],
    ["driver.assigned", [0, 2]],
    ["a.b.c", [2]],
    ["", [2]],
    ["...", [2]],
  ])("gives %s to its queries", (type, takers) => {
    expect(takersOf(router, type)).toEqual(takers);
  });

  test("gives a type that ends in a dot to those that name it, and its prefix to none of these", () => {
    const dotted = new Router([{ from: ["a."] }, { from: ["a.*"] }]);
    expect(takersOf(dotted, "a.")).toEqual([0, 1]);
    expect(takersOf(dotted, "a.b")).toEqual([1]);
  });

  test("names one set of queries by one number", () => {
    expect(router.route("driver.assigned")).toBe(router.route("driver.declined"));
    const sets = router.routes.map((route) => route.join());
    expect(new Set(sets).size).toBe(sets.length);
  });

  test("has route 0 for what nobody takes", () => {
    const narrow = new Router([{ from: ["a"] }, { from: [] }]);
    expect(narrow.route("b")).toBe(0);
    expect(narrow.routes).toEqual([[], [0]]);
    expect(new Router([]).route("a")).toBe(0);
  });

  test("knows all its routes from the plan, whatever a feed sends", () => {
    const before = router.routes.length;
    for (let index = 0; index < 100_000; index++) router.route(`order.${index}.x`);
    expect(router.routes).toHaveLength(before);
  });

  test("is not led astray by names that every object has", () => {
    const narrow = new Router([{ from: ["a"] }]);
    for (const type of ["__proto__", "constructor", "toString"]) expect(narrow.route(type)).toBe(0);
  });
});

test("a router agrees with asking every query, over random patterns and types", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const type = () =>
      Array.from({ length: 1 + random.below(4) }, () => random.pick("ab")).join(".");
    const dotted = () => `${type()}.`;
    const pattern = () => random.pick(["*", type(), dotted(), `${type()}.*`, `${type()}.*`]);
    const queries = Array.from({ length: random.below(5) }, () => ({
      from: Array.from({ length: random.below(4) }, pattern),
    }));
    const router = new Router(queries);
    for (let round = 0; round < 50; round++) {
      const asked = random.pick([type(), type(), dotted()]);
      const expected = [...queries.keys()].filter((index) =>
        queries[index]?.from.some((each) => patternTakes(each, asked)),
      );
      expect(takersOf(router, asked), `seed ${seed}, type ${asked}`).toEqual(expected);
    }
  }
});
