// A mirror has the view's rows after every push, whatever `emit` says: over random plans and feeds,
// their ticks and releases, and to the flush at the end. MILLRACE_SEED=n replays one.

import { describe, expect, test } from "vitest";
import { Mirror, type Engine, type RowDelta } from "../../engine/index.ts";
import { engineOf, event, planOf } from "../builders.ts";
import { FULL } from "../measured.ts";
import { placesOf, pushesOf, randomCase } from "../twin/case.ts";

const GIVEN = process.env["MILLRACE_SEED"];
const FIRST = GIVEN === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(GIVEN);
const COUNT = GIVEN === undefined ? (FULL ? 1000 : 60) : 1;
const EMITS = ["all", "final", "none"] as const;

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

/** What the deltas told: how many rows came, changed, left. */
interface Seen {
  upserts: number;
  removals: number;
}

async function mirrorCase(seed: number, seen: Seen): Promise<void> {
  const each = randomCase(seed);
  const { plan, lines, cuts } = each;
  // Every query under every `emit`, so that what is told can be compared.
  const queries = plan.queries.flatMap((query) =>
    EMITS.map((emit) => ({ ...query, emit, name: `${query.name}-${emit}` })),
  );
  const engine = await engineOf({ ...plan, queries });
  const names = queries.map(({ name }) => name);
  const all = names.map((name) => ({ name, ...mirrored(engine, name) }));
  const check = (place: string): void => {
    const { clock, position } = engine.stats();
    for (const { name, mirror } of all) {
      const message = `MILLRACE_SEED=${seed} replays this, ${name} after ${place}`;
      expect(mirror.rows(), message).toEqual(engine.view(name).rows());
      expect({ clock: mirror.clock, position: mirror.position }, message).toEqual({
        clock,
        position,
      });
    }
    for (let index = 0; index < all.length; index += EMITS.length) {
      const [first, ...others] = all.slice(index, index + EMITS.length);
      const told = first!.deltas.splice(0).map(unnamed);
      for (const delta of told) {
        seen.upserts += delta.upserts.length;
        seen.removals += delta.removals.length;
      }
      for (const { deltas } of others) expect(deltas.splice(0).map(unnamed)).toEqual(told);
    }
  };
  for (const [index, push] of pushesOf(lines, cuts[0]!).entries()) {
    const { release, receivedAt } = push[0]!;
    if (release === undefined) {
      const text = push.map((line) => `${line.text}\n`).join("");
      const times = push.map((line) => line.receivedAt);
      await engine.push(text, { format: "ndjson", ticks: true, receivedAt: times });
    } else {
      const held = engine.quarantine();
      const ids = placesOf(release, held.length).map((place) => held[place]!.id);
      await engine.release(ids, { receivedAt: receivedAt! });
    }
    check(`push ${index}`);
  }
  engine.flush();
  check("the flush");
  await engine.close();
}

function unnamed({ upserts, ...rest }: RowDelta): Omit<RowDelta, "upserts"> & {
  readonly upserts: readonly unknown[];
} {
  return { ...rest, upserts: upserts.map((row) => ({ ...row, query: "" })) };
}

test(
  `a mirror has the rows of the view after every push, for every emit (${COUNT} cases from seed ${FIRST})`,
  {
    timeout: 300_000,
  },
  async () => {
    const seen: Seen = { upserts: 0, removals: 0 };
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) await mirrorCase(seed, seen);
    if (GIVEN !== undefined) return;
    // Cases that change nothing show nothing; `retain` and merged sessions make rows leave.
    expect(seen.upserts).toBeGreaterThan(COUNT);
    expect(seen.removals).toBeGreaterThan(0);
  },
);

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
