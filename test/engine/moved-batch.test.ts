// A push that is judged line by line is settled some turns of the event loop later: who reads a view
// in between may need room in the core, and then the batch lies elsewhere. A core that has taken a
// push has that room; one that was just made from a snapshot has not.

import { expect, test, vi } from "vitest";
import { Core } from "../../engine/core/core.ts";
import type { Receipt } from "../../engine/index.ts";
import { engineOf, event, planOf } from "../builders.ts";

const DAY_MS = 86_400_000;
const PLAN = planOf(
  {
    window: { kind: "hopping", size: 10_000, every: 1000, grace: 0 },
    aggregate: { n: { fn: "count" }, top: { fn: "top", k: 3, of: "data.x" } },
  },
  { clock: { dedup: 20_000 } },
);
const SIZES = [100, 300, 500, 700, 900];
const x = (at: number): string => `${at}`.padStart(80, "x");

/** What becomes of a push on which the core fails once, with a view read behind each judgement. */
async function pushed(size: number, reads: boolean): Promise<{ receipt: Receipt; moves: number }> {
  const at = (index: number): number => 100_000 + (index % 10);
  const events = Array.from({ length: size }, (_, i) => event(`e${i}`, at(i), { x: x(i) }));
  const engine = await engineOf(PLAN, [[event("old", 0)], [event("older", 1)], events], {
    retention: { days: 20_000 / DAY_MS },
  });
  await engine.snapshot();
  await engine.push(event("more", at(0), { x: x(0) }));
  await engine.snapshot();
  // A trimmed log has a core made again from its newest snapshot.
  await expect.poll(() => engine.stats().trimmedTo).toBeGreaterThan(0);
  const probe = Reflect.get(Core.prototype, "probe") as Core["probe"];
  let probes = 0;
  let moves = 0;
  const spy = vi.spyOn(Core.prototype, "probe").mockImplementation(function (this: Core) {
    if (probes++ === 0) throw new WebAssembly.RuntimeError("unreachable");
    probe.call(this);
    if (!reads) return;
    queueMicrotask(() => {
      const { batch } = this;
      engine.rows("q");
      if (this.batch !== batch) moves++;
    });
  });
  const known = [event("e1", at(1), { x: "other" }), event("e2", at(2), { x: x(2) })];
  const receipt = await engine.push([event("new", at(5), { x: x(5) }), ...known, { no: 1 }]);
  spy.mockRestore();
  return { receipt, moves };
}

test("a view that is read between judging and settling moves no verdict", async () => {
  let moved = 0;
  for (const size of SIZES) {
    const { receipt } = await pushed(size, false);
    expect(receipt).toMatchObject({ accepted: 1, duplicate: 1 });
    expect(receipt.invalid.map(({ code }) => code)).toEqual(["event_id_conflict", "missing_field"]);
    const read = await pushed(size, true);
    moved += read.moves;
    expect({ size, receipt: read.receipt }).toEqual({ size, receipt });
  }
  // Else it shows nothing.
  expect(moved).toBeGreaterThan(0);
});
