// Room: what is reserved before the append is enough for whatever the aggregates take after it. A
// push is refused whole, or applied. The core is that with assertions: where something takes more
// than was reserved it traps, and the engine makes another core, which is counted.

import { readFile } from "node:fs/promises";
import { describe, expect, test, vi } from "vitest";
import { HostFault } from "../../engine/index.ts";
import { randomOf, type Random } from "../event/random.ts";
import { engineOf, event, planOf } from "../builders.ts";

let cores = 0;

vi.mock("#core-wasm", () => ({
  default: async () => {
    cores++;
    const file = new URL("../../dist/core/core.debug.wasm", import.meta.url);
    return WebAssembly.compile(await readFile(file));
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
        engine.flush();
      } catch (fault) {
        expect(fault).toMatchObject({ code: "state_full" });
      }
      expect([seed, cores]).toEqual([seed, 1]);
    }
    expect([applied > 1000, refused > 0]).toEqual([true, true]);
  });
});
