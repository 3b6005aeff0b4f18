// The core built with its assertions on: the same feed gives the same changes, rows and state as
// the release, and no assertion fails on the way.

import { readFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { memory, type Engine } from "../../engine/index.ts";
import { randomOf, seeded } from "../event/random.ts";
import { engineOf, event, planOf, queryOf, tumbling } from "../builders.ts";

let build: "core.wasm" | "core.debug.wasm" = "core.wasm";
const loaded: string[] = [];

vi.mock("#core-wasm", () => ({
  default: async () => {
    loaded.push(build);
    return WebAssembly.compile(
      await readFile(new URL(`../../dist/core/${build}`, import.meta.url)),
    );
  },
}));

const PLAN = {
  version: 1,
  clock: { dedup: 400, delay: 5, maxAhead: 100 },
  limits: { keys: 8, identities: 150, quarantine: 20 },
  queries: [
    queryOf({
      name: "a",
      key: { k: "data.k", l: ["coalesce", ["get", "data.l"], "none"] },
      window: tumbling(40, 30),
      retain: 60,
      aggregate: {
        n: { fn: "count" },
        sum: { fn: "sum", of: "data.x" },
        avg: { fn: "avg", of: "data.x" },
        min: { fn: "min", of: "data.x" },
        max: { fn: "max", of: "data.x", where: ["<", ["get", "data.x"], 1e9] },
      },
      derive: {
        share: ["/", ["get", "sum"], ["-", ["get", "n"], 2]],
        word: ["case", [">", ["get", "n"], 3], "many"],
      },
    }),
    queryOf({ name: "b", window: tumbling(7, 0, { offset: -3 }), retain: 0, emit: "final" }),
    queryOf({
      name: "c",
      from: ["other"],
      key: { t: "eventType" },
      window: tumbling(1000, 0),
      emit: "none",
    }),
  ],
};

/** Everything that shows of one run of the feed of `seed`. */
async function runOf(seed: number): Promise<object> {
  const random = randomOf(seed);
  const store = memory();
  const heard: unknown[] = [];
  const receipts: unknown[] = [];
  let engine: Engine | null = null;
  for (let push = 0; push < 40; push++) {
    if (engine === null || random.below(12) === 0) {
      await engine?.close();
      engine = await engineOf(PLAN, [], { store });
      engine.listen((changes) => heard.push(...changes));
    }
    const lines = Array.from({ length: 1 + random.below(40) }, (_, i) => {
      const time = push * 20 + random.below(90) - (random.below(30) === 0 ? 500 : 0);
      const x = random.pick([1, 0.1, -2.5, 1e17, 1e300, Number("12345678901.123456"), null, "x"]);
      const data = { k: random.below(6), l: random.pick([null, "ü".repeat(random.below(40))]), x };
      const eventType = random.pick(["tested", "other"]);
      if (random.below(15) === 0) return { tick: time };
      if (random.below(15) === 0) return { nonsense: true };
      return event(`${random.below(20) === 0 ? "again" : `e${push}-`}${i}`, time, data, {
        eventType,
      });
    });
    const receivedAt = lines.map(() => (random.below(3) === 0 ? push * 20 : null));
    const text = lines.map((line) => JSON.stringify(line)).join("\n");
    receipts.push(await engine.push(text, { ticks: true, receivedAt }));
    engine.late("a");
    engine.view("b").rows({ from: push * 10, to: push * 20 });
  }
  const flushed = await engine!.flush();
  const rows = PLAN.queries.map(({ name }) => engine!.view(String(name)).rows());
  return {
    hash: await engine!.stateHash(),
    stats: engine!.stats(),
    heard,
    receipts,
    flushed,
    rows,
    late: engine!.late("b"),
  };
}

test("the debug build gives what the release gives, and asserts nothing false", async () => {
  const seeds: number[] = [];
  seeded((random) => seeds.push(...Array.from({ length: 4 }, () => random.below(2 ** 31))));
  for (const seed of seeds) {
    build = "core.wasm";
    const release = await runOf(seed);
    build = "core.debug.wasm";
    expect({ seed, ...(await runOf(seed)) }).toEqual({ seed, ...release });
  }
  expect(new Set(loaded)).toEqual(new Set(["core.wasm", "core.debug.wasm"]));
});

test("its regions grow and move, and its buffer of changes overflows, with assertions on", async () => {
  build = "core.debug.wasm";
  const engine = await engineOf(planOf({ key: { k: "data.k" }, retain: 0 }));
  let finals = 0;
  engine.listen((changes) => {
    finals += changes.filter(({ kind }) => kind === "final").length;
  });
  for (let push = 0; push < 6; push++) {
    const events = Array.from({ length: 3000 << (push % 3) }, (_, i) =>
      event(`${push}-${i}`, push * 10, { k: `${i}`.padStart(30, "0") }),
    );
    await engine.push(events);
    expect(engine.view("q").rows()).toHaveLength(events.length);
  }
  await engine.tick(60);
  expect(finals).toBe(2 * (3000 + 6000 + 12_000));
  expect(engine.view("q").rows()).toEqual([]);
});
