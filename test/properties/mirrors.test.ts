// A mirror has the view's rows after every push, whatever `emit` says: over random plans and feeds,
// with their ticks, silence, releases and reprocesses, across `retain`, sessions that grow and
// merge, engines that are opened again, cores that are made again, mirrors that begin in the middle,
// and to the flush at the end. What it is told is the same for every `emit`. Across a change of plan
// it is test/engine/rebuild-property.test.ts.

import { expect } from "vitest";
import { memory, Mirror, open, type Engine, type RowDelta } from "../../engine/index.ts";
import type { PlanJson } from "../model/plan.ts";
import { pushesOf, randomCase, type Pushes } from "../twin/case.ts";
import { HASH_KEY, pushTo } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { reprocessCase } from "../twin/reprocess-case.ts";
import { isReprocess, reprocessIn } from "../twin/reprocess-line.ts";
import { Breaking } from "./broken-core.ts";
import { property, type Seen } from "./property.ts";

const EMITS = ["all", "final", "none"] as const;

/** Every query under every `emit`. */
function underEveryEmit(plan: PlanJson): PlanJson {
  const queries = plan.queries.flatMap((query) =>
    EMITS.map((emit) => ({ ...query, emit, name: `${query.name}-${emit}` })),
  );
  return { ...plan, queries };
}

/** A mirror of one view, begun now. */
class Mirrored {
  readonly mirror: Mirror;
  readonly deltas: RowDelta[] = [];
  readonly stop: () => void;
  readonly #engine: Engine;
  readonly #query: string;

  constructor(engine: Engine, query: string) {
    this.#engine = engine;
    this.#query = query;
    const { key } = engine.plan.queries.find(({ name }) => name === query)!;
    this.mirror = new Mirror(key.map(({ name }) => name));
    const { clock, position } = engine.stats();
    this.mirror.apply({ upserts: engine.rows(query), removals: [], clock, position });
    this.stop = engine.onRows(query, (delta) => {
      this.deltas.push(delta);
      this.mirror.apply(delta);
    });
  }

  check(seen: Seen): void {
    const { clock, position } = this.#engine.stats();
    const rows = this.#engine.view(this.#query).rows();
    expect(this.mirror.rows()).toEqual(rows);
    expect([this.mirror.clock, this.mirror.position]).toEqual([clock, position]);
    for (const { key } of rows.slice(0, 1)) {
      const own = this.#engine.view(this.#query).rows({ key });
      expect(own.length).toBeGreaterThan(0);
      expect(this.mirror.rows({ key })).toEqual(own);
    }
    for (const { upserts, removals } of this.deltas) {
      seen("upserts", upserts.length);
      seen("removals", removals.length);
      seen("finals", upserts.filter(({ final }) => final).length);
    }
  }
}

function unnamed({ upserts, ...rest }: RowDelta): object {
  return { ...rest, upserts: upserts.map((row) => ({ ...row, query: "" })) };
}

/** All mirrors of an engine, of which a few begin anew before a push. */
class Mirrors {
  readonly #all: Map<string, Mirrored>;
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
    const names = engine.plan.queries.map(({ name }) => name);
    this.#all = new Map(names.map((name) => [name, new Mirrored(engine, name)]));
  }

  beginAnew(random: Random): void {
    for (const [name, mirrored] of this.#all) {
      if (!random.chance(0.05)) continue;
      mirrored.stop();
      this.#all.set(name, new Mirrored(this.#engine, name));
    }
  }

  /** `alike`: whether it was the same push to every `emit`. */
  check(seen: Seen, alike = true): void {
    for (const mirrored of this.#all.values()) mirrored.check(seen);
    const all = [...this.#all.values()];
    for (let index = 0; index < all.length; index += EMITS.length) {
      const [first, ...others] = all.slice(index, index + EMITS.length);
      const told = first!.deltas.splice(0).map(unnamed);
      for (const { deltas } of others) {
        const own = deltas.splice(0).map(unnamed);
        if (alike) expect(own).toEqual(told);
      }
    }
  }
}

/** One push of the case; a reprocess is one of each `emit`. */
async function feed(
  engine: Engine,
  mirrors: Mirrors,
  push: Pushes[number],
  random: Random,
  seen: Seen,
): Promise<void> {
  if (isReprocess(push[0]!)) {
    const { query, ...range } = reprocessIn(push[0]!);
    for (const emit of EMITS) {
      seen("corrections", (await engine.reprocess(`${query}-${emit}`, range)).length);
    }
    mirrors.check(seen, false);
    return;
  }
  await pushTo(engine, push, random);
  mirrors.check(seen);
  const idleAt = engine.idleAt();
  if (idleAt === null || !random.chance(0.05) || !(await engine.tickIdle(idleAt))) return;
  seen("ticks in silence", 1);
  mirrors.check(seen);
}

property("mirrors", { some: 300, many: 20_000 }, async (seed, seen) => {
  const whats = ["corrections", "ticks in silence", "engines opened again", "cores made again"];
  for (const what of whats) seen(what, 0);
  const random = new Random(seed);
  const each = [randomCase(seed), randomCase(seed, "session"), reprocessCase(seed)][seed % 3]!;
  const plan = underEveryEmit(each.plan);
  const store = memory();
  const breaking = new Breaking(store);
  let engine = await open({ plan, store, hashKey: HASH_KEY });
  let mirrors = new Mirrors(engine);
  for (const push of pushesOf(each.lines, each.cuts[0]!)) {
    if (random.chance(0.03)) {
      await engine.close();
      engine = await open({ plan, store });
      mirrors = new Mirrors(engine);
      seen("engines opened again", 1);
    }
    mirrors.beginAnew(random);
    if (random.chance(0.03)) breaking.next();
    await feed(engine, mirrors, push, random, seen);
  }
  seen("cores made again", breaking.count);
  await engine.flush();
  mirrors.check(seen);
  await engine.close();
});
