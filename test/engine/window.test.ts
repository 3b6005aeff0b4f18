// Tumbling windows: which one an event is in, when it is late, and for how long the list knows.

import { describe, expect, test } from "vitest";
import { randomOf, seeded } from "../event/random.ts";
import { engineOf, event, eventsAt, planOf, queryOf, tumbling } from "../builders.ts";

const SIZES: readonly (readonly [size: number, offset: number])[] = [
  [10, 0],
  [10, 3],
  [10, -3],
  [10, 9],
  [10, -9],
  [1, 0],
  [7, 6],
  [86_400_000, -7_200_000],
  [604_800_000, 345_600_000],
];

/** In whole numbers, by the definition: the greatest start at or before `time`. */
function startOf(time: number, size: number, offset: number): number {
  const rest = (BigInt(time) - BigInt(offset)) % BigInt(size);
  return Number(BigInt(time) - (rest < 0n ? rest + BigInt(size) : rest));
}

describe.each(SIZES)("windows of %i ms with offset %i", (size, offset) => {
  test("begin at their start, and end before their end, at negative times too", async () => {
    const edges = [-3, -2, -1, 0, 1, 2, 3].map((n) => n * size + offset);
    const times = [...new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1]))];
    const plan = planOf({ window: tumbling(size, "1000d", { offset }) });
    const engine = await engineOf(plan, [eventsAt(times)]);
    const expected = new Map<number, number>();
    for (const time of times) {
      const start = startOf(time, size, offset);
      expected.set(start, (expected.get(start) ?? 0) + 1);
    }
    const rows = engine.view("q").rows();
    expect(rows.map(({ window, value }) => [window.start, window.end, value["n"]])).toEqual(
      [...expected].toSorted((a, b) => a[0] - b[0]).map(([start, n]) => [start, start + size, n]),
    );
  });
});

test("the years 0000 and 9999 have their windows", async () => {
  const times = ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"].map((t) => Date.parse(t));
  const engine = await engineOf(planOf({ window: tumbling("1d", 0) }));
  for (const time of times) await engine.push(event(`e${time}`, time));
  const DAY = 86_400_000;
  expect(engine.view("q").rows({ from: times[1]! })).toMatchObject([
    { window: { start: times[1]! + 1 - DAY, end: times[1]! + 1 }, final: false },
  ]);
  expect(engine.stats().queries["q"]).toMatchObject({ applied: 2, late: 0, open: 1 });
});

describe("an event is late at exactly end + grace, and not 1 ms earlier", () => {
  test.each([0, 1, 5, 1000])("with a grace of %i ms", async (grace) => {
    for (const [clock, late] of [
      [10 + grace - 1, 0],
      [10 + grace, 1],
    ] as const) {
      for (const cut of [1, 2]) {
        const engine = await engineOf(planOf({ window: tumbling(10, grace) }));
        const events = [event("now", clock), event("then", 9)];
        for (let at = 0; at < 2; at += cut) await engine.push(events.slice(at, at + cut));
        const applied = 2 - late;
        expect(engine.stats().queries["q"]).toMatchObject({ late, applied });
        const entry = { position: 1, window: { start: 0, end: 10 }, lateMs: clock - 9 };
        expect(engine.late("q")).toEqual(late === 1 ? [entry] : []);
      }
    }
  });
});

test("an event is late for one query and on time for the next", async () => {
  const queries = [
    queryOf({ name: "strict", window: tumbling(10, 0) }),
    queryOf({ name: "patient", window: tumbling(10, 90) }),
    queryOf({ name: "filtered", window: tumbling(10, 0), where: ["==", ["get", "data.x"], 1] }),
    queryOf({ name: "keyed", window: tumbling(10, 0), key: { k: "data.k" } }),
  ];
  const engine = await engineOf({ version: 1, queries }, [eventsAt([50, 5])]);
  const { queries: stats } = engine.stats();
  expect(stats["strict"]).toMatchObject({ applied: 1, late: 1, unkeyed: 0 });
  expect(stats["patient"]).toMatchObject({ applied: 2, late: 0, unkeyed: 0 });
  expect(stats["filtered"]).toMatchObject({ applied: 0, late: 0, unkeyed: 0 });
  // Without a key it has no window to be late for.
  expect(stats["keyed"]).toMatchObject({ applied: 0, late: 0, unkeyed: 2 });
});

test("a late event never changes its final", async () => {
  const engine = await engineOf(planOf(), [eventsAt([0, 1, 20])]);
  const rows = engine.view("q").rows();
  const heard: unknown[] = [];
  engine.listen((changes) => heard.push(...changes));
  await engine.push(eventsAt([2, 3, 9], {}, "late"));
  expect(engine.view("q").rows()).toEqual(rows);
  expect(heard).toEqual([]);
});

test("the list of late events has the newest 1,000 of each query, oldest first", async () => {
  const queries = [queryOf({ name: "a" }), queryOf({ name: "b", from: ["b"] })];
  for (const count of [3, 4, 5, 999, 1000, 1001, 2501]) {
    const engine = await engineOf({ version: 1, queries }, [event("now", 100_000)]);
    const late = Array.from({ length: count }, (_, index) =>
      event(`e${index}`, index, {}, { eventType: index === 0 ? "b" : "a" }),
    );
    for (let at = 0; at < count; at += 700) await engine.push(late.slice(at, at + 700));
    const expected = late.map((_, index) => {
      const start = Math.floor(index / 10) * 10;
      return { position: index + 1, window: { start, end: start + 10 }, lateMs: 100_000 - index };
    });
    expect(engine.late("a")).toEqual(expected.slice(-1000));
    expect(engine.late("b")).toEqual(expected.slice(0, 1));
    expect(engine.stats().queries["a"]).toMatchObject({ late: count });
  }
});

test("conservation: every event that passes `where` is applied, late or unkeyed", async () => {
  const seeds: number[] = [];
  seeded((random) => seeds.push(...Array.from({ length: 20 }, () => random.below(2 ** 31))));
  for (const seed of seeds) {
    const random = randomOf(seed);
    const where = ["<", ["get", "data.x"], 7];
    const window = tumbling(1 + random.below(50), random.below(60), { offset: 0 });
    const engine = await engineOf(planOf({ where, window, key: { k: "data.k" } }));
    let passed = 0;
    for (let push = 0; push < 10; push++) {
      const events = Array.from({ length: random.below(20) }, (_, index) => {
        const x = random.below(10);
        if (x < 7) passed++;
        const k = random.pick([1, "a", null, [], true, undefined]);
        return event(`${push}-${index}`, push * 30 + random.below(100), { x, k });
      });
      await engine.push(events);
      const { applied, late, unkeyed } = engine.stats().queries["q"]!;
      expect([seed, applied + late + unkeyed]).toEqual([seed, passed]);
    }
  }
});
