// An engine that goes through a scenario on a disk that goes wrong, as a careful client drives it:
// what was not acknowledged is sent again, and an engine that has died, or that refuses twice, is
// opened again. Beside it stands the account of what must be there: the pushes whose append got to
// the disk, in that order; and an engine that never met a mishap is what the state is held against.

import { AsyncLocalStorage } from "node:async_hooks";
import { expect } from "vitest";
import { open, type Change, type Engine } from "../../engine/index.ts";
import type { PlanJson } from "../model/plan.ts";
import { placesOf, runModel, type Step } from "../twin/case.ts";
import { differenceOf } from "../twin/compare.ts";
import { HASH_KEY, pushTo, runEngine } from "../twin/engine-run.ts";
import { Random } from "../twin/random.ts";
import { isReprocess } from "../twin/reprocess-line.ts";
import type { Disk, Process } from "./simulated-store.ts";

type Push = readonly Step[];

export type Act =
  | { readonly push: Push }
  | { readonly do: "snapshot" | "reopen" }
  /** Opened again with another plan, on the same log. */
  | { readonly plan: PlanJson };

export interface Scenario {
  readonly plan: PlanJson;
  readonly acts: readonly Act[];
}

/** All that shows of an engine, but what it counts since it was opened. */
async function shownBy(engine: Engine): Promise<object> {
  const { clock, position, dedupHorizon, inexact, queries } = engine.stats();
  let log = "";
  for await (const chunk of engine.log()) log += chunk;
  return {
    ...{ hash: await engine.stateHash(), clock, position, dedupHorizon, inexact, queries, log },
    held: engine.quarantine().map(({ code, receivedAt, line }) => ({ code, receivedAt, line })),
    views: engine.plan.queries.map(({ name }) => {
      return { rows: engine.view(name).rows(), late: engine.late(name) };
    }),
  };
}

/** What engines show that met no mishap, and that the model agrees with. */
export class Expected {
  readonly #known = new Map<string, Promise<object>>();
  readonly #agreed = new Set<string>();

  shown(plan: PlanJson, pushes: readonly Push[]): Promise<object> {
    const key = JSON.stringify([plan, pushes]);
    const known = this.#known.get(key) ?? this.#run(plan, pushes);
    this.#known.set(key, known);
    return known;
  }

  async #run(plan: PlanJson, pushes: readonly Push[]): Promise<object> {
    const engine = await open({ plan, hashKey: HASH_KEY });
    for (const push of pushes) await pushTo(engine, push, new Random(0));
    return shownBy(engine);
  }

  async agreeWithModel(plan: PlanJson, pushes: readonly Push[]): Promise<void> {
    const key = JSON.stringify([plan, pushes]);
    if (this.#agreed.has(key)) return;
    const random = new Random(0);
    const engine = await runEngine(plan, pushes, { random, reopenAt: -1 });
    expect(differenceOf(engine, runModel(plan, pushes), false)).toBeNull();
    this.#agreed.add(key);
  }
}

export interface Survived {
  /** How often a process died, or the engine was opened again because it refused. */
  readonly lives: number;
  /** How often a push was sent again that was on the disk already. */
  readonly sentTwice: number;
  readonly heard: readonly Change[];
}

/** How many pushes are called before the first is awaited. */
export type GroupSize = () => number;

const LIVES_MAX = 100;

/** Which call of its group the engine is at work for: an append says so of itself. */
const calls = new AsyncLocalStorage<number>();

function callAtHand(): number {
  const index = calls.getStore();
  if (index === undefined) throw new Error("An append that no call asked for.");
  return index;
}

export async function survive(
  scenario: Scenario,
  disk: Disk,
  expected: Expected,
  groupSize: GroupSize = () => 1,
): Promise<Survived> {
  const client = new Client(scenario.plan, disk, expected);
  const { acts } = scenario;
  await client.restart();
  for (let at = 0; at < acts.length;) {
    const act = acts[at]!;
    if ("push" in act) {
      const group = pushesFrom(acts, at, groupSize());
      at += group.length;
      await client.sendAll(group);
      continue;
    }
    at++;
    if ("plan" in act) await client.changePlan(act.plan);
    else if (act.do === "snapshot") await client.snapshot();
    else await client.reopen();
  }
  await client.finish();
  return client;
}

/** A release is asked for by ids, which are known once all before it was answered. */
function pushesFrom(acts: readonly Act[], at: number, count: number): Push[] {
  const pushes: Push[] = [];
  for (const act of acts.slice(at, at + count)) {
    if (!("push" in act) || (act.push[0]!.release !== undefined && pushes.length > 0)) break;
    pushes.push(act.push);
    if (act.push[0]!.release !== undefined) break;
  }
  return pushes;
}

interface Sending {
  readonly push: Push;
  /** The held lines that a release is about, once it was tried. */
  ids?: readonly string[];
}

class Client implements Survived {
  #plan: PlanJson;
  readonly #disk: Disk;
  readonly #expected: Expected;
  #process!: Process;
  #engine!: Engine;
  /** What the disk has: pushes in the order of their appends, and those that needed none. */
  readonly #landed: Push[] = [];
  readonly heard: Change[] = [];
  lives = 0;
  sentTwice = 0;

  constructor(plan: PlanJson, disk: Disk, expected: Expected) {
    this.#plan = plan;
    this.#disk = disk;
    this.#expected = expected;
  }

  /** Opens the engine until it opens; it has to show what is on the disk, and no more. */
  async restart(): Promise<void> {
    for (;;) {
      if (this.lives++ > LIVES_MAX) throw new Error("It does not open.");
      this.#process = this.#disk.open();
      const { store } = this.#process;
      const opening = open({ plan: this.#plan, store, hashKey: HASH_KEY });
      const engine = await opening.catch(() => null);
      // Where the plan is another one, it has taken over before anything else is asked.
      await engine?.rebuilt().catch(() => {});
      if (engine === null || this.#process.isDead) continue;
      this.#engine = engine;
      await this.#rebuilt();
      if (this.#process.isDead) continue;
      await this.#compare();
      engine.listen((changes) => this.heard.push(...changes));
      return;
    }
  }

  /** Until then the former plan answers. */
  async #rebuilt(): Promise<void> {
    const isUnderWay = (): boolean => (this.#engine.stats().rebuild ?? 1) < 1;
    while (isUnderWay() && !this.#process.isDead) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #compare(): Promise<void> {
    const shown = await shownBy(this.#engine);
    expect(shown).toEqual(await this.#expected.shown(this.#plan, this.#landed));
  }

  async sendAll(pushes: readonly Push[]): Promise<void> {
    let sendings: Sending[] = pushes.map((push) => ({ push }));
    for (let tries = 1; sendings.length > 0; tries++) {
      sendings = await this.#send(sendings);
      // Refused twice by the living: it does not know what the disk has.
      if (this.#process.isDead || (sendings.length > 0 && tries % 2 === 0)) await this.restart();
    }
    await this.#compare();
  }

  /** Those that were not acknowledged. */
  async #send(sendings: readonly Sending[]): Promise<Sending[]> {
    const isAlone = sendings.length === 1;
    // What was written and told as failed is taken in before anything else: that is no trace of this.
    const before = isAlone && !this.#process.isLying ? await this.#traces() : null;
    const appended = new Set<number>();
    const again: Sending[] = [];
    this.#process.onAppended = () => appended.add(callAtHand());
    const settle = (index: number, isAcknowledged: boolean, isNew = true): void => {
      const sending = sendings[index]!;
      const isOnDisk = appended.has(index);
      const isTold = isAcknowledged && !this.#process.isDead;
      if (isNew && (isTold || isOnDisk)) this.#landed.push(sending.push);
      if (!isTold) again.push(sending);
      if (!isTold && isOnDisk) this.sentTwice++;
    };
    await Promise.all(
      sendings.map((sending, index) =>
        calls
          .run(index, () => this.#call(sending))
          .then(
            () => settle(index, true),
            (error: unknown) => settle(index, isReleased(error), !isReleased(error)),
          ),
      ),
    );
    const isRefused = again.length > 0 && !this.#process.isDead;
    if (before !== null && isRefused) expect(await this.#traces()).toEqual(before);
    return again;
  }

  #call(sending: Sending): Promise<unknown> {
    const { release, receivedAt } = sending.push[0]!;
    if (release === undefined) return pushTo(this.#engine, sending.push, new Random(0));
    const held = this.#engine.quarantine();
    sending.ids ??= placesOf(release, held.length).map((place) => held[place]!.id);
    return this.#engine.release(sending.ids, { receivedAt: receivedAt! });
  }

  /** All that a push which was refused may not have touched. */
  async #traces(): Promise<object> {
    const engine = this.#engine;
    const heard = this.heard.length;
    // What the disk has is another matter where it lied.
    const { hash, views, held } = (await shownBy(engine)) as { [name: string]: unknown };
    return { hash, views, held, heard, stats: engine.stats(), refused: engine.refused() };
  }

  async snapshot(): Promise<void> {
    await this.#engine.snapshot().catch(() => {});
    if (this.#process.isDead) await this.restart();
    await this.#compare();
  }

  /** Closed, with a snapshot where that can be saved; and opened. */
  async reopen(): Promise<void> {
    await this.#engine.close().catch(() => {});
    await this.restart();
  }

  async changePlan(plan: PlanJson): Promise<void> {
    this.#plan = plan;
    await this.reopen();
  }

  /** At the end all is as if nothing had ever gone wrong, after one more opening too. */
  async finish(): Promise<void> {
    await this.reopen();
    await this.#expected.agreeWithModel(this.#plan, this.#landed);
  }
}

/** The lines of a release that was on the disk and not acknowledged are held no more. */
function isReleased(error: unknown): boolean {
  return (error as { code?: string }).code === "unknown_id";
}

/** A random feed with what else can happen to an engine. */
export function actsOf(pushes: readonly Push[], random: Random): Act[] {
  return pushes.flatMap((push): Act[] => {
    const isBig = push.some((line) => isReprocess(line));
    const more: Act[] = [];
    if (random.chance(0.15)) more.push({ do: "snapshot" });
    if (random.chance(isBig ? 0.3 : 0.08)) more.push({ do: "reopen" });
    return [{ push }, ...more];
  });
}
