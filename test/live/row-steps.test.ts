// A view read buffer by buffer, others reading the same core between: it has the rows that it has at
// once, whatever kind of window they are of. And put in order in steps they are in the view's order.

import { expect, onTestFinished, test } from "vitest";
import { Core } from "../../engine/core/core.ts";
import { ordered } from "../../engine/live/compare-rows.ts";
import { Decoder } from "../../engine/live/decoder.ts";
import type { Engine, Row } from "../../engine/index.ts";
import { drained } from "../../engine/store/steps.ts";
import { engineOf, event, queryOf } from "../builders.ts";

const KEYS = 7000;
const EVENTS = Array.from({ length: KEYS }, (_, k) => {
  return event(`e${k}`, Math.floor(k / 140), { k: (k * 37) % KEYS });
});

const WINDOWS: readonly (readonly [name: string, query: object, rows: number])[] = [
  ["open", { window: { kind: "tumbling", size: 100, grace: 0 } }, KEYS],
  ["final", { window: { kind: "tumbling", size: 10, grace: 0 }, retain: 1000 }, KEYS],
  ["of slices", { window: { kind: "hopping", size: 100, every: 30, grace: 0 } }, -1],
  ["sessions", { window: { kind: "session", gap: 5, grace: 0 }, retain: 1000 }, KEYS],
  ["global", { window: { kind: "global" } }, KEYS],
];

/** The core that was read last. */
function watchCores(): () => Core {
  let core: Core | null = null;
  const note = (read: Core): void => void (core = read);
  const rows = Reflect.get(Core.prototype, "rows") as Core["rows"];
  onTestFinished(() => void (Core.prototype.rows = rows));
  Core.prototype.rows = function (this: Core, ...parameters: Parameters<Core["rows"]>): void {
    note(this);
    rows.apply(this, parameters);
  };
  return () => core!;
}

function readInSteps(engine: Engine, core: Core, between: () => void): Row[] {
  const decoder = new Decoder(engine.plan);
  const rows: Row[] = [];
  let buffers = 0;
  for (const records of core.rowSteps(0)) {
    buffers++;
    between();
    for (const step of decoder.rowSteps(records)) {
      expect(step.length).toBeLessThanOrEqual(500);
      rows.push(...step);
    }
  }
  expect(buffers).toBeGreaterThan(1);
  return rows;
}

test.each(WINDOWS)("rows that are %s", async (_, query, count) => {
  const coreOf = watchCores();
  const plan = {
    version: 1,
    queries: [
      queryOf({ key: { k: "data.k" }, ...query }),
      queryOf({ name: "other", key: { k: "data.k" } }),
    ],
  };
  const engine = await engineOf(plan, [EVENTS]);
  const rows = engine.rows("q");
  if (count >= 0) expect(rows).toHaveLength(count);
  const inSteps = readInSteps(engine, coreOf(), () => {
    expect(engine.rows("other").length).toBeGreaterThan(0);
    expect(engine.rows("q", { key: { k: 5 } }).length).toBeGreaterThan(0);
  });
  expect(inSteps).toHaveLength(rows.length);
  const steps = ordered(inSteps);
  expect(drained(steps).map(({ row }) => row)).toEqual(rows);
});
