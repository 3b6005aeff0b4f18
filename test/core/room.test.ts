// Room: what is reserved before the append is enough for whatever the aggregates take after it. A
// push is refused whole, or applied. The core is one that asserts it to the byte (exact.ts): where
// something takes more it traps, and the engine makes another core, which is counted.

import { describe, expect, test, vi } from "vitest";
import { HostFault, type Engine } from "../../engine/index.ts";
import { randomOf, type Random } from "../event/random.ts";
import { engineOf, event, planOf, type SentEvent } from "../builders.ts";
import { exactCore } from "./exact.ts";

let cores = 0;

const compiled = exactCore().then((bytes) => WebAssembly.compile(bytes));

vi.mock("#core-wasm", () => ({
  default: () => {
    cores++;
    return compiled;
  },
}));

const of = "data.x";
const AGGREGATE = {
  v: { fn: "variance", of },
  f: { fn: "first", of },
  l: { fn: "last", of },
  q: { fn: "quantile", q: [0.1, 0.5, 0.9], of },
  d: { fn: "distinct", of },
  t: { fn: "top", k: 1000, of },
  t2: { fn: "top", k: 3, of },
  h: { fn: "histogram", bounds: Array.from({ length: 200 }, (_, index) => index), of },
};
const DERIVE = { again: ["get", "t"], l2: ["get", "l"] };

const WINDOWS = {
  tumbling: { kind: "tumbling", size: 1000, grace: 0 },
  hopping: { kind: "hopping", size: 1000, every: 250, grace: 100 },
  cumulate: { kind: "cumulate", size: 1000, every: 250, grace: 0 },
  session: { kind: "session", gap: 40, grace: 10 },
  global: { kind: "global" },
};

/** Few values or many, short strings or long ones, by the push. */
function inputsOf(random: Random): () => unknown {
  const different = random.pick([3, 500, 100_000]);
  const length = random.pick([1, 16, 16, 200, 20_000]);
  return () => {
    const n = random.below(different);
    const kind = random.below(3);
    if (kind === 0) return `${"x".repeat(random.below(length))}${n}`;
    return kind === 1 ? n / 7 : random.pick([n, -n, n / 100, 1e300 * n, n === 0, null]);
  };
}

describe.each(Object.keys(WINDOWS) as (keyof typeof WINDOWS)[])("windows of kind %s", (kind) => {
  test("take no more than was reserved, whatever fits", { timeout: 120_000 }, async () => {
    let applied = 0;
    let refused = 0;
    for (let seed = 0; seed < 12; seed++) {
      const random = randomOf(seed);
      const query = { window: WINDOWS[kind], aggregate: AGGREGATE, derive: DERIVE, retain: 500 };
      const plan = planOf({ ...query, key: { k: "data.k" } }, { clock: { dedup: 0 } });
      const pages = random.pick([40, 100, 400]);
      cores = 0;
      const engine = await engineOf(plan, [], { memoryPagesMax: pages });
      let timeMs = 0;
      for (let push = 0; push < 40; push++) {
        const input = inputsOf(random);
        const stepMs = random.pick([0, 1, 1, 30]);
        const events = Array.from({ length: random.pick([1, 20, 300]) }, (_, index) => {
          timeMs += random.below(2 * stepMs + 1);
          const at = Math.max(0, timeMs - random.below(100));
          return event(`${push}/${index}`, at, { k: random.below(3), x: input() });
        });
        try {
          const { accepted } = await engine.push(events);
          applied += accepted;
        } catch (fault) {
          expect(fault).toBeInstanceOf(HostFault);
          expect((fault as HostFault).code).toBe("state_full");
          refused++;
        }
        if (random.below(10) === 0) await engine.tick((timeMs += 400)).catch(() => refused++);
      }
      for (const { value } of engine.view("q").rows()) expect(value["l2"]).toEqual(value["l"]);
      // What flushing makes final at once may be more than fits; then nothing is flushed.
      try {
        await engine.flush();
      } catch (fault) {
        expect(fault).toMatchObject({ code: "state_full" });
      }
      expect([seed, cores]).toEqual([seed, 1]);
    }
    expect([applied > 1000, refused > 0]).toEqual([true, true]);
  });
});

describe("room for what nobody sends", () => {
  test("sessions that close leave a timer more, that of their key's end", async () => {
    const window = { kind: "session", gap: 10, grace: 0 };
    const plan = planOf({ key: { k: "data.k" }, window, retain: "1h" }, { clock: { dedup: "1h" } });
    cores = 0;
    const engine = await engineOf(plan);
    for (let push = 0; push < 26; push++) {
      const ids = Array.from({ length: 100 }, (_, index) => `${push}/${index}`);
      await engine.push(ids.map((id) => event(id, 0, { k: id })));
    }
    await engine.tick(100);
    expect([engine.stats().queries["q"]!.open, cores]).toEqual([0, 1]);
  });

  test("an event that is late for many windows is listed for each of them", async () => {
    const window = { kind: "hopping", size: 1000, every: 1, grace: 0 };
    const named = Array.from({ length: 40 }, (_, index) => ({ name: `q${index}`, window }));
    const queries = named.map((query) => ({ ...planOf(query).queries[0]!, emit: "none" }));
    cores = 0;
    const engine = await engineOf({ version: 1, queries });
    await engine.tick(10_000);
    await engine.push([event("late", 1000)]);
    for (const { late } of Object.values(engine.stats().queries)) expect(late).toBe(1000);
    expect(cores).toBe(1);
  });
});

test("lines whose values are more than an address reaches are refused", async () => {
  const aggregate = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`a${index}`, { fn: "min", of: `data.f${index}` }]),
  );
  const queries = [0, 1, 2, 3].map((query) => ({
    ...planOf().queries[0]!,
    name: `q${query}`,
    aggregate: JSON.parse(JSON.stringify(aggregate).replaceAll("data.f", `data.f${query}x`)),
  }));
  cores = 0;
  const engine = await engineOf({ version: 1, queries });
  const lines = Math.ceil(2 ** 32 / (4 * 60 * 16));
  await expect(engine.push("1\n".repeat(lines + 20))).rejects.toMatchObject({ code: "state_full" });
  expect([await engine.push([event("a", 0)]), cores]).toMatchObject([{ accepted: 1 }, 1]);
});

// Everything that takes and frees blocks, of sizes that differ from push to push: tables, what waits
// for them, spans, keys, identities, and windows of every kind.
const window = (kind: keyof typeof WINDOWS): object => ({ window: WINDOWS[kind], retain: 200 });
const look = { with: [{ table: "t", on: "data.k", as: "row" }], wait: 10 };
const VARIED = {
  version: 1,
  clock: { dedup: 1000 },
  tables: { t: { from: ["tabled"], key: "data.k", history: 5000 } },
  queries: [
    { name: "a", from: ["tested"], key: { k: "data.k", s: "data.s" }, ...window("tumbling") },
    { name: "b", from: ["tested"], key: { k: "row.k" }, ...look, ...window("session") },
    { name: "c", from: ["tested"], key: { k: "data.k" }, ...window("hopping") },
    { name: "d", from: ["tested"], key: { k: "data.k" }, ...window("cumulate") },
    {
      name: "e",
      span: { from: ["tested"], to: ["ended"], on: "data.k", within: 300 },
      key: { k: "from.k" },
      ...window("tumbling"),
    },
  ].map((query) => ({ ...query, aggregate: { n: { fn: "count" } } })),
};
const HEAVY = {
  d: { fn: "distinct", of: "data.s" },
  t: { fn: "top", k: 50, of: "data.s" },
  q: { fn: "quantile", q: 0.5, of: "data.x" },
  l: { fn: "last", of: "data.s" },
};
VARIED.queries[0]!.aggregate = { ...VARIED.queries[0]!.aggregate, ...HEAVY };

/** Lets time pass, as far at once as what it makes final fits; how often it did not. */
async function passTo(engine: Engine, timeMs: number): Promise<number> {
  let refused = 0;
  let stepMs = Infinity;
  for (let clock = engine.stats().clock!; clock < timeMs; clock = engine.stats().clock!) {
    try {
      await engine.tick(Math.min(timeMs, clock + stepMs));
      stepMs = Infinity;
    } catch (fault) {
      expect(fault).toMatchObject({ code: "state_full" });
      refused++;
      stepMs = Math.floor(Math.min(stepMs, timeMs - clock) / 2);
      if (stepMs < 1) throw fault;
    }
  }
  return refused;
}

describe("in a memory that was full and was emptied, again and again", () => {
  test(
    "a push is refused or applied, and what fits once fits later",
    { timeout: 120_000 },
    async () => {
      let refused = 0;
      for (let seed = 0; seed < 14; seed++) {
        const random = randomOf(seed);
        cores = 0;
        const engine = await engineOf(VARIED, [], { memoryPagesMax: random.pick([62, 90, 150]) });
        // Tables keep their keys. And bounds rest on the longest string that was ever kept and the
        // largest accumulators that a key ever had, and the regions keep what they got of memory: what
        // fits later is asked where these are small, of a push that is far from filling a new engine.
        const length = random.pick([1, 40, 400, 3000]);
        const keys = random.pick([5, 300, 5000]);
        let id = 0;
        let timeMs = 0;
        const eventsOf = (count: number, keys: number, length: number): SentEvent[] =>
          Array.from({ length: count }, () => {
            timeMs += random.below(2);
            const s = "s".repeat(random.below(length)) + random.below(1000);
            const data = { k: `k${random.below(keys)}`, s, x: random.below(10_000) / 7 };
            const eventType = random.pick(["tested", "tested", "tested", "ended", "tabled"]);
            return event(`${id++}`, timeMs, data, { eventType });
          });
        const offer = async (events: SentEvent[]): Promise<boolean> => {
          const { position } = engine.stats();
          try {
            await engine.push(events);
            return true;
          } catch (fault) {
            expect(fault).toMatchObject({ code: "state_full" });
            expect(engine.stats().position).toBe(position);
            refused++;
            return false;
          }
        };
        expect(await offer(eventsOf(200, 50, Math.min(length, 40)))).toBe(true);
        for (let cycle = 0; cycle < 5; cycle++) {
          const count = random.pick([50, 200, 600]);
          for (let push = 0; push < 40; push++)
            if (!(await offer(eventsOf(count, keys, length)))) break;
          refused += await passTo(engine, (timeMs += 20_000));
          for (const { open, rows, waiting } of Object.values(engine.stats().queries)) {
            expect([seed, cycle, open, rows, waiting]).toEqual([seed, cycle, 0, 0, 0]);
          }
          const again = await offer(eventsOf(50, 50, Math.min(length, 40)));
          if (length <= 40 && keys <= 300)
            expect([seed, cycle, again]).toEqual([seed, cycle, true]);
        }
        expect([seed, cores]).toEqual([seed, 1]);
      }
      expect(refused).toBeGreaterThan(5);
    },
  );
});
