// Mirrors one by one: what they are told, and what they then have. That they have the view's rows
// after every push is test/properties/mirrors.test.ts.

import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Core } from "../../engine/core/core.ts";
import { compareUtf8 } from "../../engine/event/canonical.ts";
import { memory, Mirror, open, type Engine, type Row, type RowDelta } from "../../engine/index.ts";
import { rowsToBegin } from "../../engine/live/mirror.ts";
import { openAt } from "../../engine/open.ts";
import { engineOf, event, planOf } from "../builders.ts";
import { Slices } from "../engine/slices.ts";
import { randomOf } from "../event/random.ts";

interface Mirrored {
  readonly mirror: Mirror;
  readonly deltas: RowDelta[];
}

function mirrored(engine: Engine, query: string): Mirrored {
  const { key } = engine.plan.queries.find(({ name }) => name === query)!;
  const mirror = new Mirror(key.map(({ name }) => name));
  const deltas: RowDelta[] = [];
  const upserts = rowsToBegin(engine, query);
  const { clock, position } = standing(engine);
  mirror.apply({ upserts, removals: [], clock, position });
  engine.onRows(query, (delta) => {
    deltas.push(delta);
    mirror.apply(delta);
  });
  return { mirror, deltas };
}

/** Nowhere, while a core that failed is made again. */
function standing(engine: Engine): { clock: number | null; position: number } {
  try {
    return engine.stats();
  } catch (error) {
    expect(error).toMatchObject({ code: "core_failed" });
    return { clock: null, position: 0 };
  }
}

/** The next core that is to apply a push fails before it has moved anything. */
function failNext(): void {
  const apply = Reflect.get(Core.prototype, "apply") as Core["apply"];
  const restore = (): void => void (Core.prototype.apply = apply);
  onTestFinished(restore);
  Core.prototype.apply = () => {
    restore();
    throw new WebAssembly.RuntimeError("unreachable");
  };
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
    expect(() => engine.onRows("nothing", () => {})).toThrow(
      expect.objectContaining({ code: "unknown_query" }),
    );
  });

  for (const emit of ["all", "none"]) {
    test(`that begins while a failed core is made again has what the new one has (${emit})`, async () => {
      const store = memory();
      const engine = await open({ plan: planOf({ ...query, emit }), store });
      await engine.push([event("a", 1, { id: "A" }), event("b", 2, { id: "B" })]);
      const begun: Mirrored[] = [];
      const read = store.read.bind(store);
      // The new core is replaying the log.
      store.read = (from, limitBytes) => {
        if (begun.length === 0) begun.push(mirrored(engine, "q"));
        return read(from, limitBytes);
      };
      failNext();
      // Two rows leave, one comes: it never had the two.
      await engine.push(event("c", 100, { id: "A" }));
      const [{ mirror, deltas }] = begun as [Mirrored];
      expect(deltas).toMatchObject([{ upserts: [{ key: { id: "A" } }], removals: [] }]);
      expect(mirror.rows()).toEqual(engine.rows("q"));
      await engine.push(event("d", 101, { id: "B" }));
      expect(mirror.rows()).toEqual(engine.rows("q"));
    });
  }

  test("keeps what was flushed when a core fails, as the view does", async () => {
    const engine = await engineOf(planOf({ ...query, emit: "all" }));
    const told: unknown[] = [];
    engine.listen((changes) => told.push(...changes.map(({ kind, key }) => [kind, key["id"]])));
    await engine.push([event("a", 1, { id: "A" }), event("b", 2, { id: "B" })]);
    const { mirror } = mirrored(engine, "q");
    await engine.flush();
    const flushed = engine.rows("q");
    expect(flushed.map(({ final }) => final)).toEqual([true, true]);
    told.length = 0;
    const spy = vi.spyOn(Core.prototype, "flush").mockImplementation(() => {
      spy.mockRestore();
      throw new WebAssembly.RuntimeError("unreachable");
    });
    await expect(engine.flush()).rejects.toMatchObject({ code: "core_failed" });
    // What was final once is not told again.
    expect(told).toEqual([]);
    expect(engine.rows("q")).toEqual(flushed);
    expect(mirror.rows()).toEqual(flushed);
  });

  test("is in order, whatever comes and goes between two readings", async () => {
    const random = randomOf(11);
    const rowAt = (key: number, start: number, revision: number): Row => {
      const window = { start, end: start + 10 };
      return { query: "q", key: { k: key }, window, value: {}, final: false, revision };
    };
    const compare = (a: Row, b: Row): number =>
      a.window.end! - b.window.end! ||
      compareUtf8(JSON.stringify([a.key["k"]]), JSON.stringify([b.key["k"]]));
    for (let round = 0; round < 40; round++) {
      const mirror = new Mirror(["k"]);
      const standing = new Map<string, Row>();
      for (let step = 1; step < 60; step++) {
        const draw = (): Row => rowAt(random.below(20), 10 * random.below(4), step);
        const upserts = Array.from({ length: random.below(8) }, draw);
        const removals = Array.from({ length: random.below(8) }, draw);
        mirror.apply({ upserts, removals, clock: step, position: step });
        const id = ({ key, window }: Row): string => `${String(key["k"])}/${window.start}`;
        for (const row of removals) standing.delete(id(row));
        for (const row of upserts) standing.set(id(row), row);
        if (random.below(3) > 0) continue;
        const before = mirror.rows();
        expect(before).toEqual([...standing.values()].toSorted(compare));
        mirror.rows({ key: { k: 1 } });
        expect(mirror.rows()).toEqual(before);
      }
    }
  });
});

test.each([
  [{}, [{}]],
  // A name that every object has.
  [{ toString: "data.k" }, ["a", "aa", "b"].map((k) => ({ toString: k }))],
])(
  "a mirror of a plan with the key %j has the former one's rows in their order",
  async (own, all) => {
    const store = memory();
    const first = await open({ plan: planOf({ key: { k: "data.k" } }), store });
    await first.push(["b", "a"].map((k) => event(k, 1, { k })));
    await first.close();
    const slices = new Slices(1);
    const engine = await openAt(slices, { plan: planOf({ key: own }), store });
    const mirror = new Mirror(Object.keys(own));
    const { clock, position } = engine.stats();
    mirror.apply({ upserts: engine.rows("q"), removals: [], clock, position });
    engine.onRows("q", (delta) => mirror.apply(delta));
    await engine.push(event("aa", 1, { k: "aa" }));
    expect(engine.rows("q").map(({ key }) => key)).toEqual([{ k: "a" }, { k: "aa" }, { k: "b" }]);
    expect(mirror.rows()).toEqual(engine.rows("q"));
    await slices.all();
    expect(engine.rows("q").map(({ key }) => key)).toEqual(all);
    expect(mirror.rows()).toEqual(engine.rows("q"));
  },
);

describe("The rows of one key", () => {
  const kinds = [
    { kind: "tumbling", size: 10, grace: 0 },
    { kind: "hopping", size: 20, every: 10, grace: 0 },
    { kind: "session", gap: 3, grace: 0 },
    { kind: "global" },
  ];
  for (const window of kinds) {
    test(`are those that the view has of it (${window.kind})`, async () => {
      const key = { id: "data.id", n: "data.n" };
      const engine = await engineOf(planOf({ key, window, retain: 50 }));
      const ids = ["A", "ä", "A", 0, -0, 1.5, true, false, "\ufffd", "1.5"];
      for (let push = 0; push < 12; push++) {
        const events = ids.map((id, index) => {
          return event(`${push}-${index}`, push * 7 + index, { id, n: index % 2 });
        });
        await engine.push(events);
        const all = engine.view("q").rows();
        for (const id of [...ids, "B", null, "\ud800"]) {
          for (const n of [0, 1]) {
            const own = all.filter((row) => row.key["id"] === id && row.key["n"] === n);
            expect(engine.rows("q", { key: { n, id } })).toEqual(own);
            const some = { key: { id, n }, from: 20, to: 40 };
            const touching = own.filter(({ window: { start, end } }) => {
              return start === null || (start < 40 && end > 20);
            });
            expect(engine.rows("q", some)).toEqual(touching);
          }
          const ofId = all.filter((row) => row.key["id"] === id);
          expect(engine.rows("q", { key: { id } })).toEqual(ofId);
        }
        const more = { id: "A", n: 0, more: 1 };
        expect(() => engine.rows("q", { key: more })).toThrow("look at more.");
        expect(engine.rows("q", { key: { id: "A", n: 0 } }).length).toBeGreaterThan(0);
      }
    });
  }

  test("can be read while a push is under way", async () => {
    const inner = memory();
    const waiting: (() => void)[] = [];
    const append = inner.append.bind(inner);
    inner.append = (write) => new Promise((resolve) => waiting.push(() => resolve(append(write))));
    const engine = await open({ plan: planOf({ key: { id: "data.id" } }), store: inner });
    for (let push = 0; push < 5; push++) {
      const ids = ["short", "x".repeat(200 * push), "A"];
      const events = ids.map((id, index) => event(`${push}-${index}`, push, { id }));
      const pushed = engine.push(events);
      await expect.poll(() => waiting).toHaveLength(1);
      for (const id of ["A", "y".repeat(300)]) {
        expect(engine.rows("q", { key: { id } })).toHaveLength(id === "A" && push > 0 ? 1 : 0);
      }
      waiting.pop()!();
      expect(await pushed).toMatchObject({ accepted: 3 });
    }
    expect(engine.rows("q", { key: { id: "A" } })[0]!.value).toEqual({ n: 5 });
  });
});
