// One case: a plan, a feed, two ways to cut it into pushes. All of it from a seed.

import type { PlanJson } from "../model/plan.ts";
import { Model, type Line } from "../model.ts";
import { Feed } from "./feed-generator.ts";
import { randomPlan } from "./plan-generator.ts";
import { Random } from "./random.ts";
import { isReprocess } from "./reprocess-line.ts";

export interface Case {
  readonly seed: number;
  readonly plan: PlanJson;
  readonly lines: readonly Line[];
  /** For each cut: whether a push ends behind the line. */
  readonly cuts: readonly (readonly boolean[])[];
}

export function randomCase(seed: number): Case {
  const random = new Random(seed);
  const shape = randomPlan(random);
  const feed = new Feed(random, shape);
  const lines = feed.lines(random.pick([5, 20, 40, 70]));
  const cut = (): readonly boolean[] => {
    const often = random.pick([0, 0.03, 0.1, 0.3, 1]);
    return lines.map(() => random.chance(often));
  };
  return { seed, plan: shape.plan, lines, cuts: [cut(), cut()] };
}

export function pushesOf(lines: readonly Line[], cut: readonly boolean[]): Line[][] {
  const pushes: Line[][] = [[]];
  lines.forEach((line, index) => {
    // A reprocess is a push of its own.
    if (isReprocess(line)) pushes.push([]);
    pushes.at(-1)!.push(line);
    if (cut[index] === true || isReprocess(line)) pushes.push([]);
  });
  return pushes.filter((push) => push.length > 0);
}

export type Pushes = readonly (readonly Line[])[];

/** What the model makes of the pushes; each answer is computed when it is asked for. */
export function runModel(plan: PlanJson, pushes: Pushes) {
  const model = new Model(plan);
  const pushed = pushes.map((push) => model.push(push));
  const { queries, held } = model;
  const stats = model.stats();
  const read = () => queries.map((query) => ({ rows: model.view(query), late: model.late(query) }));
  const before = read();
  const flushed = model.flush();
  const after = read();
  return { model, pushed, stats, held, before, flushed, after };
}

export type ModelRun = ReturnType<typeof runModel>;
