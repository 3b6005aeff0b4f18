/**
 * Random JSON as a plan: the check never throws, and its faults are well formed. Two sources: trees
 * of the words that plans are made of, and a good plan in which a few values were put out of place.
 * A failure names its seed.
 */
import { describe, expect, test } from "vitest";
import { PLAN_FAULTS } from "../../engine/query/plan-fault.ts";
import { checkPlan } from "../../engine/query/plan.ts";
import { Random } from "./random.ts";
import { planWithTable, queryWith, spanWith } from "./sample.ts";

const SEEDS = 3000;

const WORDS = (
  "version clock limits tables queries catalogue delay idle maxAhead dedup keys identities " +
  "quarantine name from span to on within wait early with table as where key window kind size " +
  "offset timezone grace every gap aggregate fn of q k bounds derive emit retain tumbling " +
  "hopping cumulate session global count sum avg quantile top histogram get has == all any ! in " +
  "case + % coalesce data.a a.* * 5m 1w 1mo -1d 0s never UTC final __proto__ constructor n t"
).split(" ");
const NUMBERS = [0, 1, -1, 0.5, 2 ** 31, 2 ** 53, 1e308, NaN, -0];

function anyValue(random: Random, depth: number): unknown {
  const choice = random.below(depth > 6 ? 4 : 8);
  if (choice === 0)
    return random.pick([null, true, false, "", "\ud800"].map((value) => ({ value }))).value;
  if (choice === 1) return random.pick(NUMBERS);
  if (choice <= 3) return random.pick(WORDS);
  const count = random.below(5);
  if (choice <= 5) return Array.from({ length: count }, () => anyValue(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: count }, () => [random.pick(WORDS), anyValue(random, depth + 1)]),
  );
}

function goodSeed(random: Random): Record<string, unknown> {
  const query = queryWith({
    where: ["all", [">", ["get", "data.a"], 0], ["in", ["get", "data.b"], [1, "x"]]],
    key: { k: "data.k", l: ["case", ["has", "data.l"], 1, 2] },
    aggregate: {
      n: { fn: "count" },
      s: { fn: "sum", of: "data.a" },
      q: { fn: "quantile", q: [0.5], of: "a" },
    },
    derive: { d: ["/", ["get", "n"], ["get", "s"]] },
    window: { kind: "tumbling", size: "1w", timezone: "Europe/Rome", grace: "1m", offset: "-1d" },
  });
  const plan = random.pick([{ version: 1, queries: [query] }, planWithTable({}), spanWith({})]);
  return JSON.parse(JSON.stringify(plan)) as Record<string, unknown>;
}

/** Puts a random value, or one from elsewhere, at a random place of the plan. */
function disturb(random: Random, plan: Record<string, unknown>): void {
  let holder: Record<string, unknown> = plan;
  for (;;) {
    const name = random.pick([...Object.keys(holder), random.pick(WORDS)]);
    const inner = holder[name];
    if (typeof inner === "object" && inner !== null && random.below(5) > 0) {
      if (Object.hasOwn(holder, name)) {
        holder = inner as Record<string, unknown>;
        continue;
      }
    }
    const value = random.below(4) === 0 ? undefined : anyValue(random, 3);
    Object.defineProperty(holder, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
    return;
  }
}

/** Whether a pointer leads to a value, or to the place where one is missing in an object. */
function leadsSomewhere(input: unknown, pointer: string): boolean {
  const names = pointer.split("/").slice(1);
  let value = input;
  for (const [index, escaped] of names.entries()) {
    const name = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null) return false;
    const present = Object.hasOwn(value, name);
    if (!present) return index === names.length - 1 && !Array.isArray(value);
    value = (value as Record<string, unknown>)[name];
  }
  return true;
}

function expectSound(input: unknown, seed: number): void {
  const { plan, faults } = checkPlan(input);
  expect(plan === null, `seed ${seed}`).toBe(faults.length > 0);
  for (const { code, pointer, message } of faults) {
    expect(Object.hasOwn(PLAN_FAULTS, code), `seed ${seed}`).toBe(true);
    expect(message.length, `seed ${seed}: ${message}`).toBeLessThan(300);
    expect(leadsSomewhere(input, pointer), `seed ${seed}: ${code} ${pointer}`).toBe(true);
  }
  const told = faults.map(({ code, pointer }) => `${code} ${pointer}`);
  expect(new Set(told).size, `seed ${seed}: ${told.join()}`).toBe(told.length);
  if (plan !== null) {
    const again = checkPlan(JSON.parse(plan.source));
    expect(again.faults, `seed ${seed}: ${plan.source}`).toEqual([]);
    expect(again.plan).toEqual(plan);
  }
}

describe("a plan of random JSON", () => {
  test("never throws", () => {
    for (let seed = 1; seed <= SEEDS; seed++) expectSound(anyValue(new Random(seed), 0), seed);
  });

  test("never throws, made from a good one", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const plan = goodSeed(random);
      for (let count = random.below(4); count >= 0; count--) disturb(random, plan);
      expectSound(plan, seed);
    }
  });
});
