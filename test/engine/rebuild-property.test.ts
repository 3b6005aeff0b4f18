// Plan A, then plan B, is B from the start: whatever the events, however they were pushed, wherever
// in the log the plan changed and whatever was pushed in the midst of the rebuild. Both plans accept
// alike. What is told is A's until the swap, then what B makes of the views, then B's. And a process
// that is killed in any slice has lost nothing of what was acknowledged.

import { expect } from "vitest";
import { memory, Mirror, open, type Change, type Engine, type Store } from "../../engine/index.ts";
import { openAt } from "../../engine/open.ts";
import type { PlanJson } from "../model/plan.ts";
import { property } from "../properties/property.ts";
import { pushesOf, randomCase, type Pushes } from "../twin/case.ts";
import { HASH_KEY, pushTo } from "../twin/engine-run.ts";
import { randomPlan } from "../twin/plan-generator.ts";
import { Random } from "../twin/random.ts";
import { mortal, shownBy, Slices } from "./slices.ts";

const PUSHES_MAX = 8;

interface Changed {
  readonly before: PlanJson;
  readonly after: PlanJson;
  readonly pushes: Pushes;
}

/** Two plans over one feed; the second has the clock of the first, and its limits but for keys. */
function changeOf(seed: number): Changed {
  // By the seed itself it would draw the first plan again.
  const random = new Random(seed ^ 0xb);
  const { plan: before, lines, cuts } = randomCase(seed);
  const unit = shapeUnit(seed);
  let shape = randomPlan(random);
  while (shape.unitMs !== unit) shape = randomPlan(random);
  const { version, queries, tables, limits } = shape.plan;
  const keys = limits?.keys !== undefined && { keys: limits.keys };
  const after = {
    ...{ version, queries, limits: { ...before.limits, ...keys } },
    ...(tables !== undefined && { tables }),
    ...(before.clock !== undefined && { clock: before.clock }),
  };
  const pushes = pushesOf(lines, cuts[0]!);
  // Not too many, so that each place can be tried.
  return { before, after, pushes: pushes.slice(0, PUSHES_MAX) };
}

/** `randomCase` takes the same first draws. */
function shapeUnit(seed: number): number {
  return randomPlan(new Random(seed)).unitMs;
}

interface Told {
  readonly engine: Engine;
  readonly heard: Change[];
}

function listenTo(engine: Engine): Told {
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  return { engine, heard };
}

async function fresh(plan: PlanJson, store: Store = memory()): Promise<Told> {
  return listenTo(await open({ plan, store, hashKey: HASH_KEY }));
}

/** A plan from the start: what each push tells, and what there is in the end. */
async function fromTheStart(plan: PlanJson, pushes: Pushes) {
  const { engine, heard } = await fresh(plan);
  const told: Change[][] = [];
  const shown: object[] = [shownBy(engine)];
  const hashes: string[] = [await engine.stateHash()];
  for (const push of pushes) {
    await pushTo(engine, push, new Random(0));
    told.push(heard.splice(0));
    shown.push(shownBy(engine));
    hashes.push(await engine.stateHash());
  }
  await engine.flush();
  return { told, shown, hashes, flushed: heard };
}

type Whole = Awaited<ReturnType<typeof fromTheStart>>;

/** A log that ends with the push `at`, as plan A left it: closed, saved, or gone. */
async function leftBy(plan: PlanJson, pushes: Pushes, way: string): Promise<Store> {
  const store = memory();
  const { engine } = await fresh(plan, store);
  const saveAt = way === "saved" ? pushes.length >> 1 : -1;
  for (const [index, push] of pushes.entries()) {
    await pushTo(engine, push, new Random(0));
    if (index === saveAt) await engine.snapshot();
  }
  if (way === "closed") await engine.close();
  return store;
}

/** Mirrors of the queries of either plan; the answer compares them with the views. */
function mirror(engine: Engine, ...plans: readonly PlanJson[]): () => void {
  const namesOf = (each: readonly PlanJson[]) =>
    new Set(each.flatMap(({ queries }) => queries.map(({ name }) => name)));
  const mirrors = [...namesOf(plans)].map((query) => {
    const own = new Mirror([]);
    const { clock, position } = engine.stats();
    own.apply({ upserts: engine.rows(query), removals: [], clock, position });
    engine.onRows(query, (delta) => own.apply(delta));
    return { query, own };
  });
  // Another plan's rows have other members of the key, and with them another order.
  const textOf = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).toSorted();
  return () => {
    const { clock, position } = engine.stats();
    for (const { query, own } of mirrors) {
      const isGone = isDone(engine) && !engine.plan.queries.some(({ name }) => name === query);
      const rows = isGone ? [] : engine.rows(query);
      expect(textOf(own.rows())).toEqual(textOf(rows));
      expect([own.clock, own.position]).toEqual([clock, position]);
    }
  };
}

const isDone = (engine: Engine): boolean => (engine.stats().rebuild ?? 1) === 1;

const SEEDS = { some: 24, many: 1000 };

property("plan A, then B at any place is B from the start", SEEDS, async (seed, seen) => {
  const random = new Random(seed ^ 0x5eed);
  const { before, after, pushes } = changeOf(seed);
  const [a, b] = [await fromTheStart(before, pushes), await fromTheStart(after, pushes)];
  expect(JSON.stringify(after.queries)).not.toBe(JSON.stringify(before.queries));
  for (let at = 0; at <= pushes.length; at++) {
    const store = await leftBy(
      before,
      pushes.slice(0, at),
      random.pick(["closed", "saved", "gone"]),
    );
    const slices = new Slices(random.pick([1, 2, 5]));
    const opening = openAt(slices, { plan: after, store });
    const { engine, heard } = listenTo(await opening);
    const checkMirrors = mirror(engine, after, ...(isDone(engine) ? [] : [before]));
    let swappedAt = isDone(engine) ? at : -1;
    // A slice, a push, a slice … in an order of chance.
    for (let next = at; next < pushes.length || swappedAt < 0;) {
      if (swappedAt < 0 && (next === pushes.length || random.chance(0.6))) {
        // It is A that shows, whole.
        expect(shownBy(engine, before)).toEqual(a.shown[next]);
        await slices.one();
        checkMirrors();
        if (isDone(engine)) swappedAt = next;
        heard.splice(0);
        continue;
      }
      const wasDone = swappedAt >= 0;
      await slices.until(pushTo(engine, pushes[next]!, new Random(0)));
      checkMirrors();
      const told = heard.splice(0);
      // Where the push had to wait for the swap, that was told with it.
      if (wasDone) expect(told).toEqual(b.told[next]);
      else if (!isDone(engine)) expect(told).toEqual(a.told[next]);
      else expect(told.slice(told.length - b.told[next]!.length)).toEqual(b.told[next]);
      if (!wasDone && isDone(engine)) swappedAt = next;
      next++;
    }
    await checkEnd(engine, b);
    seen("places of a change of plan", 1);
    seen("rows", (shownBy(engine) as { views: { rows: unknown[] }[] }).views[0]!.rows.length);
    seen("swaps in the midst of pushes", swappedAt > at && swappedAt < pushes.length ? 1 : 0);
    seen("swaps behind the last push", swappedAt === pushes.length ? 1 : 0);
    await engine.close();
    const { engine: again, heard: last } = await fresh(after, store);
    expect(again.stats()).toMatchObject({ rebuild: null, judgedSince: 0 });
    await checkEnd(again, b);
    await again.flush();
    expect(last).toEqual(b.flushed);
  }
});

async function checkEnd(engine: Engine, { shown, hashes }: Whole): Promise<void> {
  expect(shownBy(engine)).toEqual(shown.at(-1));
  expect(await engine.stateHash()).toBe(hashes.at(-1));
}

property("a kill in any slice loses nothing", { some: 8, many: 200 }, async (seed, seen) => {
  const random = new Random(seed ^ 0xdead);
  const { before, after, pushes } = changeOf(seed);
  const b = await fromTheStart(after, pushes);
  const at = random.between(0, pushes.length);
  const entries = random.pick([1, 3]);
  for (let killAt = 0, ended = false; !ended; killAt++) {
    const store = await leftBy(before, pushes.slice(0, at), random.pick(["closed", "gone"]));
    const process = mortal(store);
    const slices = new Slices(entries);
    const engine = await openAt(slices, { plan: after, store: process });
    let acknowledged = at;
    for (let slice = 0; slice < killAt && !ended; slice++) {
      if (acknowledged < pushes.length && random.chance(0.3)) {
        await slices.until(pushTo(engine, pushes[acknowledged]!, new Random(0)));
        acknowledged++;
      }
      ended = !(await slices.one());
    }
    const { position } = engine.stats();
    process.kill();
    void slices.all();
    const next = new Slices(entries);
    const again = await openAt(next, { plan: after, store });
    expect(again.stats().position).toBe(position);
    if (random.chance(0.5)) await next.all();
    for (const push of pushes.slice(acknowledged)) {
      await next.until(pushTo(again, push, new Random(0)));
    }
    await next.all();
    await again.rebuilt();
    await checkEnd(again, b);
    seen("kills in the midst of a rebuild", ended ? 0 : 1);
    seen("kills behind the swap", ended ? 1 : 0);
  }
});
