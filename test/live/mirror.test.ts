// Mirrors one by one: what they are told, and what they then have. That they have the view's rows
// after every push is test/properties/mirrors.test.ts.

import { describe, expect, test } from "vitest";
import { Mirror, type Engine, type RowDelta } from "../../engine/index.ts";
import { engineOf, event, planOf } from "../builders.ts";

interface Mirrored {
  readonly mirror: Mirror;
  readonly deltas: RowDelta[];
}

function mirrored(engine: Engine, query: string): Mirrored {
  const { key } = engine.plan.queries.find(({ name }) => name === query)!;
  const mirror = new Mirror(key.map(({ name }) => name));
  const deltas: RowDelta[] = [];
  const { clock, position } = engine.stats();
  mirror.apply({ upserts: engine.rows(query), removals: [], clock, position });
  engine.onRows(query, (delta) => {
    deltas.push(delta);
    mirror.apply(delta);
  });
  return { mirror, deltas };
}

describe("A mirror", () => {
  const query = {
    key: { id: "data.id" },
    window: { kind: "tumbling", size: 10, grace: 0 },
    retain: 20,
    emit: "none",
  };

  test("is told what came, what changed and what left, and nothing else", async () => {
    const engine = await engineOf(planOf(query));
    const { mirror, deltas } = mirrored(engine, "q");
    await engine.push([event("a", 1, { id: "A" }), event("b", 2, { id: "B" })]);
    await engine.push(event("c", 3, { id: "A" }));
    await engine.push(event("c", 3, { id: "A" }));
    await engine.tick(5);
    await engine.tick(40);
    const counts = deltas.map(({ upserts, removals, clock, position }) => {
      return [upserts.map(({ key }) => key["id"]), removals.length, clock, position];
    });
    expect(counts).toEqual([
      [["A", "B"], 0, 2, 2],
      [["A"], 0, 3, 3],
      [[], 0, 5, 4],
      [[], 2, 40, 5],
    ]);
    expect(mirror.rows()).toEqual([]);
  });

  for (const emit of ["all", "none"]) {
    test(`loses a session's row once, whenever it began and however often it grows (${emit})`, async () => {
      const window = { kind: "session", gap: 10, grace: 100 };
      const engine = await engineOf(planOf({ ...query, emit, window }));
      const at = (id: string, timeMs: number): object => event(id, timeMs, { id: "A" });
      await engine.push([at("a", 100), at("b", 105)]);
      const { mirror, deltas } = mirrored(engine, "q");
      const gone = (): unknown[] =>
        deltas.splice(0).map(({ removals }) => removals.map(({ window: { end } }) => end));
      // Within its bounds first, then beyond them, twice.
      await engine.push([at("c", 103), at("d", 106), at("e", 108)]);
      expect(gone()).toEqual([[115]]);
      await engine.push([at("f", 110), at("g", 112)]);
      expect(gone()).toEqual([[118]]);
      // One that opens and grows in the push had no row, and joins the other.
      await engine.push([at("h", 130), at("i", 134), at("j", 121)]);
      expect(gone()).toEqual([[122]]);
      expect(mirror.rows()).toEqual(engine.view("q").rows());
      expect(mirror.rows().map((row) => row.window)).toEqual([{ start: 100, end: 144 }]);
    });
  }

  test("has what a reprocess corrected", async () => {
    const engine = await engineOf(planOf({ ...query, retain: "1h" }));
    const { mirror, deltas } = mirrored(engine, "q");
    await engine.push([event("a", 1, { id: "A" }), event("b", 15, { id: "A" })]);
    await engine.push([event("late", 2, { id: "A" }), event("lone", 3, { id: "B" })]);
    deltas.length = 0;
    await engine.reprocess("q", { from: 0, to: 10 });
    expect(mirror.rows()).toEqual(engine.view("q").rows());
    expect(deltas.map(({ upserts }) => upserts.map(({ value }) => value["n"]))).toEqual([[2, 1]]);
    expect(mirror.position).toBe(engine.stats().position);
  });

  test("filters as the view does", async () => {
    const engine = await engineOf(planOf(query));
    const { mirror } = mirrored(engine, "q");
    const ids = ["A", "B", "A", "C"];
    await engine.push(ids.map((id, index) => event(`e${index}`, index * 5, { id })));
    for (const filter of [{ key: { id: "A" } }, { from: 10 }, { to: 10 }, { from: 0, to: 5 }]) {
      expect(mirror.rows(filter)).toEqual(engine.view("q").rows(filter));
      expect(mirror.rows(filter).length).toBeGreaterThan(0);
    }
    expect(mirror.rows({ key: { other: 1 } })).toEqual([]);
  });

  test("is not told any more when it stops, and another is", async () => {
    const engine = await engineOf(planOf(query));
    let calls = 0;
    const stop = engine.onRows("q", () => calls++);
    await engine.push(event("a", 1, { id: "A" }));
    stop();
    stop();
    await engine.push(event("b", 2, { id: "A" }));
    expect(calls).toBe(1);
    const { mirror } = mirrored(engine, "q");
    await engine.push(event("c", 3, { id: "A" }));
    expect(mirror.rows()).toEqual(engine.view("q").rows());
    expect(() => engine.onRows("nothing", () => {})).toThrow(RangeError);
  });
});
