// First and last: by event time, then position; any scalar; and their bytes.

import { expect, test } from "vitest";
import { seeded } from "../event/random.ts";
import { Accumulators, type Scalar } from "./accumulators.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const of = "data.x";
const AGGREGATE = { first: { fn: "first", of }, last: { fn: "last", of } };
const open = (): Accumulators => new Accumulators(AGGREGATE);

interface Input {
  readonly x: Scalar;
  readonly time: number;
  readonly position: number;
}

function recordOf(kept: Accumulators, inputs: readonly Input[]): number {
  const record = kept.record();
  for (const { x, time, position } of inputs) kept.add(record, x, time, position);
  return record;
}

test("nothing is null; null is skipped, the first and the last time too", () => {
  const kept = open();
  expect(kept.read(kept.record())).toEqual([null, null]);
  const inputs = [null, "b", 3, null].map((x, position) => ({ x, time: position, position }));
  expect(kept.read(recordOf(kept, inputs))).toEqual(["b", 3]);
});

test("keeps every scalar as it is, but -0 as 0", () => {
  for (const x of [true, false, 0, -0, 1e-300, "", "a", "é😀", "x".repeat(100_000)]) {
    const kept = open();
    const value = x === 0 ? 0 : x;
    expect(kept.read(recordOf(kept, [{ x, time: 5, position: 1 }]))).toStrictEqual([value, value]);
  }
});

test("skips arrays and objects, and takes ties by position, through the engine", async () => {
  const engine = await engineOf(planOf({ window: tumbling(1000, 0), aggregate: AGGREGATE }));
  const at = (id: string, ms: number, x: unknown) => event(id, ms, { x });
  await engine.push([at("a", 500, "tied"), at("b", 500, [1]), at("c", 500, 2), at("d", 500, {})]);
  expect(engine.view("q").rows()[0]!.value).toEqual({ first: "tied", last: 2 });
  await engine.push([at("e", 499, "earlier"), at("f", 501, "later"), at("g", 501, false)]);
  await engine.tick(1000);
  expect(engine.view("q").rows()).toMatchObject([{ value: { first: "earlier", last: false } }]);
});

test("a final value larger than its record is kept whole until it leaves", async () => {
  const plan = planOf({ window: tumbling(10, 0), aggregate: AGGREGATE, retain: 100 });
  const engine = await engineOf(plan);
  const text = (character: string): string => character.repeat(50_000);
  await engine.push([event("a", 0, { x: text("a") }), event("b", 1, { x: text("b") })]);
  await engine.tick(10);
  expect(engine.view("q").rows()[0]!.value).toEqual({ first: text("a"), last: text("b") });
  await engine.tick(110);
  expect(engine.view("q").rows()).toEqual([]);
});

test("is what sorting gives, in any order, cut or merge; and frees what it held", () => {
  const kept = open();
  seeded((random) => {
    for (let round = 0; round < 200; round++) {
      const inputs = Array.from({ length: 1 + random.below(30) }, (_, position) => {
        const texts = ["x", "y".repeat(random.below(40)), 7, true, null];
        return { x: random.pick(texts), time: random.below(6), position };
      });
      const sorted = inputs
        .filter(({ x }) => x !== null)
        .sort((a, b) => a.time - b.time || a.position - b.position);
      const expected = [sorted[0]?.x ?? null, sorted.at(-1)?.x ?? null];
      const mixed = inputs.toSorted(() => random.below(3) - 1);
      const record = recordOf(kept, mixed);
      expect(kept.read(record)).toStrictEqual(expected);
      kept.discard(record);
      const cut = random.below(inputs.length);
      const merged = recordOf(kept, mixed.slice(cut));
      const other = recordOf(kept, mixed.slice(0, cut));
      kept.merge(merged, other);
      kept.discard(other);
      expect(kept.read(merged)).toStrictEqual(expected);
      kept.discard(merged);
      expect(kept.external).toBe(0);
    }
  });
});

test("has these bytes: time, position, the value; a string's in a block of their own", () => {
  const kept = open();
  const record = recordOf(kept, [{ x: "ab", time: -2, position: 9 }]);
  const body = kept.body(record, 32);
  expect([body.getBigInt64(0, true), body.getBigUint64(8, true)]).toEqual([-2n, 9n]);
  expect([body.getUint8(16), body.getUint32(20, true)]).toEqual([4, 2]);
  expect(new TextDecoder().decode(kept.block(body.getUint32(24, true), 2))).toBe("ab");
  expect([...kept.encoded(record)].slice(0, 7)).toEqual([4, 2, 0, 0, 0, 97, 98]);
});
