// A snapshot at every position, and the tail of the log behind it, are the replay: the same state,
// and the same changes for whatever comes later. And an engine that is opened again shows the rows
// that the one before it showed, finals within `retain` included.

import { expect } from "vitest";
import { memory, open, type Change, type Engine, type Store } from "../../engine/index.ts";
import type { PlanJson } from "../model/plan.ts";
import { randomCase, type Pushes } from "../twin/case.ts";
import { HASH_KEY, pushTo } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { property } from "./property.ts";

/** Each line is a push, so that there is a snapshot at each position. */
const LINES_MAX = 24;

interface Follower {
  readonly engine: Engine;
  readonly heard: Change[];
}

async function follow(plan: PlanJson, store: Store): Promise<Follower> {
  const engine = await open({ plan, store, hashKey: HASH_KEY });
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  return { engine, heard };
}

function shownBy(engine: Engine, plan: PlanJson): object {
  const { clock, position, dedupHorizon, queries } = engine.stats();
  const views = plan.queries.map(({ name }) => {
    return { rows: engine.view(name).rows(), late: engine.late(name) };
  });
  return { clock, position, dedupHorizon, queries, views, held: engine.quarantine() };
}

/** Every second case has sessions that tell: what was told of them is retracted after opening. */
function caseOf(seed: number): { readonly plan: PlanJson; readonly pushes: Pushes } {
  const { plan, lines } = randomCase(seed, seed % 2 === 0 ? "session" : undefined);
  const pushes = lines.slice(0, LINES_MAX).map((line) => [line]);
  if (seed % 2 === 1) return { plan, pushes };
  const [first, ...others] = plan.queries;
  return { plan: { ...plan, queries: [{ ...first!, emit: "all" }, ...others] }, pushes };
}

/** The changes that each push makes, and what there is at the end. */
async function uninterrupted(plan: PlanJson, pushes: Pushes) {
  const { engine, heard } = await follow(plan, memory());
  const changes: Change[][] = [];
  for (const push of pushes) {
    await pushTo(engine, push, new Random(0));
    changes.push(heard.splice(0));
  }
  const shown = shownBy(engine, plan);
  const hash = await engine.stateHash();
  await engine.flush();
  return { changes, shown, hash, flushed: heard };
}

const SEEDS = { some: 10, many: 600 };

property("snapshot at every position + tail = replay", SEEDS, async (seed, seen) => {
  const random = new Random(seed);
  const { plan, pushes } = caseOf(seed);
  const whole = await uninterrupted(plan, pushes);
  for (let at = 0; at <= pushes.length; at++) {
    const store = memory();
    const tail = random.between(0, Math.min(8, pushes.length - at));
    const { engine } = await follow(plan, store);
    for (const push of pushes.slice(0, at)) await pushTo(engine, push, new Random(0));
    await engine.snapshot();
    for (const push of pushes.slice(at, at + tail)) await pushTo(engine, push, new Random(0));
    // Gone without a word: the next one has the snapshot and the tail of the log.
    const { engine: next, heard } = await follow(plan, store);
    expect(heard).toEqual([]);
    const changes: Change[][] = [];
    for (const push of pushes.slice(at + tail)) {
      await pushTo(next, push, new Random(0));
      changes.push(heard.splice(0));
    }
    expect({ at, tail, changes }).toEqual({ at, tail, changes: whole.changes.slice(at + tail) });
    expect(shownBy(next, plan)).toEqual(whole.shown);
    expect(await next.stateHash()).toBe(whole.hash);
    await next.flush();
    expect(heard).toEqual(whole.flushed);
    const retracts = changes.flat().filter(({ kind }) => kind === "retract");
    seen("retracts after opening", retracts.length);
    seen("snapshots with a tail", tail > 0 ? 1 : 0);
    seen("changes after opening", changes.flat().length + heard.length);
  }
});

property("restore shows the same rows", { some: 40, many: 4000 }, async (seed, seen) => {
  const random = new Random(seed);
  const { plan, lines } = randomCase(seed);
  const store = memory();
  let { engine } = await follow(plan, store);
  for (const line of lines) {
    await pushTo(engine, [line], random);
    if (!random.chance(0.2)) continue;
    const shown = shownBy(engine, plan);
    const hash = await engine.stateHash();
    // By its own last snapshot, by one of now, or by the log alone.
    const way = random.pick(["closed", "saved", "gone"]);
    if (way === "closed") await engine.close();
    if (way === "saved") await engine.snapshot();
    ({ engine } = await follow(plan, store));
    expect(shownBy(engine, plan)).toEqual(shown);
    expect(await engine.stateHash()).toBe(hash);
    const rows = plan.queries.flatMap(({ name }) => engine.view(name).rows());
    seen("open rows restored", rows.filter(({ final }) => !final).length);
    seen("finals restored", rows.filter(({ final }) => final).length);
  }
});
