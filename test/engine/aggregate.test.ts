// Aggregates: exact decimals against whole numbers of any size, and what a value is of inputs that
// are null, missing or of another type.

import { describe, expect, test } from "vitest";
import { randomOf, seeded, type Random } from "../event/random.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const OF_X = {
  n: { fn: "count" },
  m: { fn: "count", of: "data.x" },
  sum: { fn: "sum", of: "data.x" },
  avg: { fn: "avg", of: "data.x" },
  min: { fn: "min", of: "data.x" },
  max: { fn: "max", of: "data.x" },
};

/** The value of one window in which `inputs` came, in pushes of `cut`. */
async function valueOf(
  inputs: readonly unknown[],
  aggregate: object = OF_X,
  cut = inputs.length,
  more: object = {},
): Promise<{ readonly [name: string]: unknown }> {
  const engine = await engineOf(planOf({ window: tumbling(1000, 0), aggregate, ...more }));
  const events = inputs.map((x, index) => event(`e${index}`, 0, { x }));
  for (let at = 0; at < events.length; at += cut) await engine.push(events.slice(at, at + cut));
  const value = engine.view("q").rows()[0]!.value;
  // A final row says what the open one said.
  await engine.tick(1000);
  expect(engine.view("q").rows()).toMatchObject([{ value, final: true }]);
  return value;
}

const sumOf = async (inputs: readonly unknown[]): Promise<unknown> =>
  (await valueOf(inputs))["sum"];

// ── exact sums ─────────────────────────────────────────────────────────────────────────────────

/** Millionths of a number whose shortest decimal has no more than 6 fraction digits, else null. */
function millionthsOf(x: number): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(String(x));
  if (match === null || Math.abs(x) >= 2 ** 53) return null;
  const [, sign = "", whole = "", fraction = ""] = match;
  const magnitude = BigInt(whole + fraction.padEnd(6, "0"));
  return sign === "-" ? -magnitude : magnitude;
}

/** The double nearest to so many millionths: `Number` rounds text to the nearest. */
function fromMillionths(millionths: bigint): number {
  const digits = String(millionths < 0n ? -millionths : millionths).padStart(7, "0");
  const value = Number(`${digits.slice(0, -6)}.${digits.slice(-6)}`);
  return millionths < 0n ? -value : value;
}

function exactSum(inputs: readonly number[]): number {
  return fromMillionths(
    inputs.reduce((sum, x) => {
      const own = millionthsOf(x);
      if (own === null) throw new Error(`Got ${x}, beyond the exact range.`);
      return sum + own;
    }, 0n),
  );
}

/** As text: some are no literal that a linter would let pass. */
const EXACT: readonly string[] = [
  "0.1 0.2",
  "0.1 0.2 -0.3",
  "1.1 2.2 3.3 -6.6",
  "0.000001",
  "0.000001 9007199254740991",
  "9007199254740991 9007199254740991 9007199254740991",
  "9007199254740991 -9007199254740991 0.1",
  "-9007199254740991 0.5 9007199254740991",
  "12345678901.123456",
  "12345678901.123456 -12345678901.123455",
  "12345678901.123456 0.1 0.000004",
  "9007199254740.993",
  "9007199254740.993 0.007",
  "9007199254740.993 -9007199254740.992",
  "8589934591.999999 8589934592 8589934592.000001",
  "8589934592.000002 -8589934592",
  "4294967295.999999 4294967296.000001",
  "5000000000.123456 7000000000.654321 8500000000.999999",
  // From 2^32 up, x × 10^6 may round to a neighbour.
  "6847454470.116645 4869510310.236364 4359870317.857713",
  "1000000000000000.1 1000000000000000.3 1000000000000000.5",
  "4503599627370497.5 0.5",
  // Two decimals of one length read back as these: the even one counts, as JavaScript prints it.
  "562949953421312.25 -562949953421312",
  "562949953421312.75 -562949953421312",
  "1125899906842624.25 1125899906842624.75 1125899906842625.25",
  "8589934592 1099511627776 4503599627370496 -4503599627370496",
  "0 -0",
];

describe("a sum within the exact range", () => {
  test.each(EXACT)("of %s is exact", async (text) => {
    const inputs = text.split(" ").map(Number);
    const expected = exactSum(inputs);
    for (const order of [inputs, inputs.toReversed()]) {
      expect(await sumOf(order)).toBe(expected + 0);
    }
  });

  const randomInput = (random: Random): number => {
    const whole = Math.floor(2 ** random.below(53) * (1 + random.below(2 ** 30) / 2 ** 30));
    const digits = random.below(7);
    const fraction = `${random.below(10 ** digits)}`.padStart(digits, "0");
    const text = `${random.pick(["", "-"])}${random.below(8) === 0 ? 0 : whole}.${fraction}0`;
    const x = Number(text);
    return millionthsOf(x) === null ? Math.trunc(x) : x;
  };

  test("of random inputs is bit for bit the nearest double, in any order and cut", async () => {
    const seeds: number[] = [];
    seeded((random) => seeds.push(...Array.from({ length: 40 }, () => random.below(2 ** 31))));
    for (const seed of seeds) {
      const random = randomOf(seed);
      const inputs = Array.from({ length: 1 + random.below(60) }, () => randomInput(random));
      if (random.below(3) === 0) inputs.push(...inputs.slice(1).map((x) => -x));
      const expected = exactSum(inputs);
      for (let order = 0; order < 3; order++) {
        const shuffled = inputs
          .map((x) => ({ x, rank: random.below(2 ** 30) }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ x }) => x);
        const value = await valueOf(shuffled, OF_X, 1 + random.below(shuffled.length));
        expect({ seed, ...value }).toEqual({
          seed,
          n: inputs.length,
          m: inputs.length,
          sum: expected + 0,
          avg: expected / inputs.length + 0,
          min: Math.min(...inputs) + 0,
          max: Math.max(...inputs) + 0,
        });
      }
    }
  });

  test("of one input is that input, at every magnitude", async () => {
    const seeds: number[] = [];
    seeded((random) => seeds.push(random.below(2 ** 31)));
    const random = randomOf(seeds[0]!);
    const inputs = Array.from({ length: 4000 }, () => randomInput(random));
    const plan = planOf({ window: tumbling(1, 0), aggregate: OF_X, retain: "1d" });
    const engine = await engineOf(plan);
    await engine.push(inputs.map((x, index) => event(`e${index}`, index, { x })));
    const wrong = engine
      .view("q")
      .rows()
      .filter(({ value }, index) => value["sum"] !== inputs[index]! + 0)
      .map(({ value }) => value);
    expect({ seed: seeds[0], wrong }).toEqual({ seed: seeds[0], wrong: [] });
  });

  test("that a difference leaves shows which decimal was added", async () => {
    const seeds: number[] = [];
    seeded((random) => seeds.push(random.below(2 ** 31)));
    const random = randomOf(seeds[0]!);
    const inputs = Array.from({ length: 4000 }, () => randomInput(random));
    // Beside its own whole part, only the fraction of the decimal is left.
    const plan = planOf({ window: tumbling(1, 0), aggregate: OF_X });
    const engine = await engineOf(plan);
    const events = inputs.flatMap((x, index) => [
      event(`a${index}`, index, { x }),
      event(`b${index}`, index, { x: -Math.trunc(x) }),
    ]);
    await engine.push(events);
    const expected = inputs.map((x) => exactSum([x, -Math.trunc(x)]) + 0);
    const wrong = engine
      .view("q")
      .rows()
      .map(({ value }, index) => [inputs[index], expected[index], value["sum"]])
      .filter(([, wanted, got]) => wanted !== got);
    expect({ seed: seeds[0], wrong }).toEqual({ seed: seeds[0], wrong: [] });
  });
});

// ── sums beyond it ─────────────────────────────────────────────────────────────────────────────

/** A double as a whole number of 2^-1074. */
function unitsOf(x: number): bigint {
  const bits = new BigUint64Array(new Float64Array([Math.abs(x)]).buffer)[0]!;
  const exponent = bits >> 52n;
  const mantissa = bits & 0xfffffffffffffn;
  const units = exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n);
  return x < 0 ? -units : units;
}

const absolute = (units: bigint): bigint => (units < 0n ? -units : units);

/** One ulp of the double that holds so many units. */
function ulpOf(units: bigint): bigint {
  const bits = BigInt(absolute(units).toString(2).length);
  return bits <= 53n ? 1n : 1n << (bits - 53n);
}

function expectWithinTwoUlps(inputs: readonly number[], sum: unknown, seed = 0): void {
  const exact = inputs.reduce((total, x) => total + unitsOf(x), 0n);
  const magnitude = inputs.reduce((total, x) => total + absolute(unitsOf(x)), 0n);
  expect([seed, typeof sum]).toEqual([seed, "number"]);
  const error = absolute(unitsOf(sum as number) - exact);
  expect({ seed, inputs, sum, isClose: error <= 2n * ulpOf(magnitude) }).toMatchObject({
    isClose: true,
  });
}

describe("a sum with an input beyond the exact range", () => {
  test.each([
    [[1e300, 1, -1e300], 1],
    [[1, 1e300, -1e300], 1],
    [[1e300, -1e300, 1], 1],
    [[1.7e308, 1.7e308, -1.7e308], 1.7e308],
    [[1.7e308, -1.7e308, 1.7e308, -1.7e308, 0.1, 0.2], 0.3],
    [[1e16, 1, -1e16], 1],
    [[1e16, 0.1, 0.2, -1e16], 0.3],
    [[5e-324, 5e-324], 1e-323],
    [[0.1234567], 0.1234567],
    [[0.1234567, -0.1234567], 0],
    [[2 ** 53, 1, 1], 2 ** 53 + 2],
    [[1.7976931348623157e308], 1.7976931348623157e308],
    [[-1.7976931348623157e308, 2e292], -1.7976931348623155e308],
  ] as const)("of %j is %d", async (inputs, expected) => {
    expect(await sumOf(inputs)).toBe(expected);
    expectWithinTwoUlps(inputs, expected);
  });

  test("is null beyond the doubles, and so is its average", async () => {
    for (const inputs of [
      [1.7e308, 1.7e308],
      [-1.7e308, -1.7e308, -1],
      [1.7e308, 2, 1.7e308],
    ]) {
      const value = await valueOf(inputs);
      expect(value).toMatchObject({ n: inputs.length, sum: null, avg: null });
      expect(value["max"]).toBe(Math.max(...inputs));
    }
  });

  test("errs by 2 ulp of the sum of magnitudes at most, in any order", async () => {
    const seeds: number[] = [];
    seeded((random) => seeds.push(...Array.from({ length: 40 }, () => random.below(2 ** 31))));
    for (const seed of seeds) {
      const random = randomOf(seed);
      const spread = random.pick([10, 60, 300]);
      const middle = random.pick([0, 16, 150, 250]);
      const inputs = Array.from({ length: 2 + random.below(80) }, () => {
        const exponent = Math.min(300, middle + random.below(spread) - spread / 2);
        const x = (random.below(2 ** 31) / 2 ** 31 - 0.5) * 10 ** exponent;
        return random.below(3) === 0 ? Number(x.toPrecision(3)) : x;
      });
      if (random.below(2) === 0) inputs.push(...inputs.slice(1).map((x) => -x));
      const value = await valueOf(inputs, OF_X, 1 + random.below(inputs.length));
      expectWithinTwoUlps(inputs, value["sum"], seed);
      expect(value["avg"]).toBe((value["sum"] as number) / inputs.length);
    }
  });

  test("does not depend on how its inputs were cut into pushes", async () => {
    const random = randomOf(1);
    const inputs = Array.from({ length: 100 }, () => (random.below(1e9) - 5e8) * 1.0000001 ** 7);
    const whole = await sumOf(inputs);
    for (const cut of [1, 2, 7, 99]) expect((await valueOf(inputs, OF_X, cut))["sum"]).toBe(whole);
  });
});

// ── inputs that are none ───────────────────────────────────────────────────────────────────────

test("null, missing and other types are skipped; count of takes all that is not null", async () => {
  const inputs = [null, undefined, "5", true, [1], { y: 1 }, 2, 4];
  expect(await valueOf(inputs)).toEqual({ n: 8, m: 6, sum: 6, avg: 3, min: 2, max: 4 });
});

test("without an input counts are 0, and the others null", async () => {
  const expected = { n: 2, m: 0, sum: null, avg: null, min: null, max: null };
  expect(await valueOf([null, undefined])).toEqual(expected);
  expect(await valueOf([null, "1"])).toEqual({ ...expected, m: 1 });
});

test("min and max are the least and the greatest, in any order", async () => {
  for (const inputs of [
    [3, -1, 2],
    [2, 3, -1],
    [-1, 2, 3],
  ]) {
    expect(await valueOf(inputs)).toMatchObject({ min: -1, max: 3 });
  }
  expect(await valueOf([1e308, -1e308, 5e-324])).toMatchObject({ min: -1e308, max: 1e308 });
  const value = await valueOf([-0]);
  expect([value["min"], value["max"], value["sum"], value["avg"]]).toEqual([0, 0, 0, 0]);
});

test("an aggregate's own where chooses its inputs", async () => {
  const above = [">", ["get", "data.x"], 2];
  const value = await valueOf([1, 2, 3, 4, null], {
    n: { fn: "count" },
    large: { fn: "count", where: above },
    sum: { fn: "sum", of: "data.x" },
    largeSum: { fn: "sum", of: "data.x", where: above },
    none: { fn: "max", of: "data.x", where: false },
    all: { fn: "max", of: "data.x", where: true },
  });
  expect(value).toEqual({ n: 5, large: 2, sum: 10, largeSum: 7, none: null, all: 4 });
});

test("aggregates that accumulate alike do not get in each other's way", async () => {
  const of = "data.x";
  const doubled = ["*", ["get", of], 2];
  const value = await valueOf([1, 2, 6], {
    avg: { fn: "avg", of },
    sum: { fn: "sum", of },
    again: { fn: "sum", of: ["get", of] },
    doubled: { fn: "sum", of: doubled },
    mean: { fn: "avg", of: doubled, where: [">", ["get", of], 1] },
    least: { fn: "min", of: doubled },
    most: { fn: "max", of },
  });
  expect(value).toEqual({ avg: 3, sum: 9, again: 9, doubled: 18, mean: 8, least: 2, most: 6 });
});

test("derived members read the aggregates, and are null after a division by zero", async () => {
  const aggregate = {
    n: { fn: "count" },
    large: { fn: "count", where: [">", ["get", "data.x"], 5] },
    none: { fn: "sum", of: "data.none" },
    sum: { fn: "sum", of: "data.x" },
  };
  const derive = {
    share: ["/", ["get", "large"], ["get", "n"]],
    wrong: ["/", ["get", "n"], ["-", ["get", "n"], ["get", "n"]]],
    zero: ["/", 0, 0],
    absent: ["+", ["get", "none"], 1],
    filled: ["coalesce", ["get", "none"], -1],
    word: ["case", [">", ["get", "sum"], 8], "höch", "low"],
    isBusy: [">=", ["get", "n"], 3],
    nothing: null,
    literal: "x".repeat(300),
  };
  const value = await valueOf([1, 2, 6], aggregate, 3, { derive });
  expect(value).toEqual({
    n: 3,
    large: 1,
    none: null,
    sum: 9,
    share: 1 / 3,
    wrong: null,
    zero: null,
    absent: null,
    filled: -1,
    word: "höch",
    isBusy: true,
    nothing: null,
    literal: "x".repeat(300),
  });
});

test("integers beyond 2^53 that the plan reads are counted, each once", async () => {
  const aggregate = { s: { fn: "sum", of: "data.x" }, m: { fn: "max", of: "data.x" } };
  const { queries } = planOf({ aggregate, where: ["has", "data.x"], from: ["a", "b"] });
  const plan = { version: 1, queries: [queries[0], { ...queries[0], name: "r", from: ["b"] }] };
  const engine = await engineOf(plan);
  const at = (id: string, data: object, eventType: string) =>
    event(id, 0, { ...data }, { eventType });
  await engine.push([
    at("1", { x: 2 ** 53 }, "a"),
    at("2", { x: 2 ** 53 + 2 }, "a"),
    at("3", { x: -(2 ** 60) }, "b"),
    at("4", { y: 2 ** 60 }, "b"),
    at("5", { x: 2 ** 60 }, "c"),
    at("6", { x: 1e300 }, "a"),
  ]);
  expect(engine.stats().inexact).toBe(3);
});

test.each([
  ["9007199254740992", 0],
  ["9007199254740992.0", 0],
  ["900719925474099.2e1", 0],
  ["9007199254740991.7", 0],
  ["9007199254740992.5", 0],
  ["9007199254740993", 1],
  ["-9007199254740993", 1],
  ["9007199254740993.0", 1],
  ["9.007199254740993E15", 1],
  ["90071992547409930e-1", 1],
  ["9007199254740994", 1],
])("whether %s is beyond 2^53 is told by what was written", async (number, count) => {
  const engine = await engineOf(planOf({ aggregate: { s: { fn: "sum", of: "data.x" } } }));
  const line = (id: string, text: string) =>
    JSON.stringify(event(id, 0, { a: [0], x: 0 })).replace('"x":0', `"x":${text}`);
  // Of a shape that is known, and of a CloudEvent, which the strict lane reads.
  await engine.push([1, 2, 3].map((id) => line(`${id}`, "1")).join("\n"));
  await engine.push(line("4", number));
  expect(engine.stats().inexact).toBe(count);
  const cloud = line("5", number)
    .replace("eventId", "id")
    .replace("eventType", "type")
    .replace("eventTime", "time");
  await engine.push(`{"specversion":"1.0",${cloud.slice(1)}`);
  expect(engine.stats()).toMatchObject({ accepted: 5, inexact: count * 2 });
});
