// One case: a plan, a feed, two ways to cut it into pushes. All of it from a seed.

import type { PlanJson } from "../model/plan.ts";
import { Model, type Line, type Pushed } from "../model.ts";
import { Feed } from "./feed-generator.ts";
import { randomPlan } from "./plan-generator.ts";
import { Random } from "./random.ts";
import { isReprocess } from "./reprocess-line.ts";

/** A line, or a release: a push of its own. */
export interface Step extends Line {
  /** Which of the lines that are held then, by their places modulo their number. */
  readonly release?: readonly number[];
}

export interface Case {
  readonly seed: number;
  readonly plan: PlanJson;
  readonly lines: readonly Step[];
  /** For each cut: whether a push ends behind the line. */
  readonly cuts: readonly (readonly boolean[])[];
}

/** `kind` is that of the first query's windows. */
export function randomCase(seed: number, kind?: string): Case {
  const random = new Random(seed);
  const shape = randomPlan(random, kind);
  const feed = new Feed(random, shape);
  const lines = feed.lines(random.pick([5, 20, 40, 70]));
  const cut = (): readonly boolean[] => {
    const often = random.pick([0, 0.03, 0.1, 0.3, 1]);
    return lines.map(() => random.chance(often));
  };
  return withReleases({ seed, plan: shape.plan, lines, cuts: [cut(), cut()] });
}

/** Some cases release now and then; by a chance of their own, so that their feeds stay as they are. */
function withReleases(each: Case): Case {
  const random = new Random(each.seed ^ 0x2e1ea5e);
  const often = random.pick([0, 0, 0, 0.05, 0.2]);
  const lines: Step[] = [];
  const cuts: boolean[][] = each.cuts.map(() => []);
  for (const [index, line] of each.lines.entries()) {
    lines.push(line);
    cuts.forEach((cut, which) => cut.push(each.cuts[which]![index]!));
    if (!random.chance(often)) continue;
    lines.push(randomRelease(random, each.lines.slice(0, index + 1)));
    for (const cut of cuts) cut.push(false);
  }
  return { ...each, lines, cuts };
}

/** Received about when an event or a tick before it was, or sent. */
function randomRelease(random: Random, before: readonly Line[]): Step {
  const { text, receivedAt } = random.pick(before.slice(-10));
  const [, sent] = /"(?:eventTime|time)":"(\d{4}-[^"]+[Zz])"/.exec(text) ?? [];
  const near = receivedAt ?? (sent === undefined ? 0 : Date.parse(sent.replace(" ", "T")));
  const release = Array.from({ length: random.pick([1, 1, 2, 5]) }, () => random.below(1000));
  const later = random.pick([0, 1, random.below(1000), random.below(3_600_000)]);
  return { text: JSON.stringify({ release }), receivedAt: (near || 0) + later, release };
}

export function pushesOf(lines: readonly Step[], cut: readonly boolean[]): Step[][] {
  const pushes: Step[][] = [[]];
  lines.forEach((line, index) => {
    const isAlone = line.release !== undefined || isReprocess(line);
    if (isAlone) pushes.push([]);
    pushes.at(-1)!.push(line);
    if (cut[index] === true || isAlone) pushes.push([]);
  });
  return pushes.filter((push) => push.length > 0);
}

export type Pushes = readonly (readonly Step[])[];

/** The places on a list of `count` held lines that the release is of, each once. */
export function placesOf(release: readonly number[], count: number): number[] {
  return count === 0 ? [] : [...new Set(release.map((each) => each % count))];
}

function pushTo(model: Model, push: readonly Step[]): Pushed {
  const { release, receivedAt } = push[0]!;
  if (release === undefined) return model.push(push);
  return model.release(placesOf(release, model.held.length), receivedAt!);
}

/** What the model makes of the pushes; each answer is computed when it is asked for. */
export function runModel(plan: PlanJson, pushes: Pushes) {
  const model = new Model(plan);
  const pushed = pushes.map((push) => pushTo(model, push));
  const { queries, held } = model;
  const stats = model.stats();
  const read = () => queries.map((query) => ({ rows: model.view(query), late: model.late(query) }));
  const before = read();
  const flushed = model.flush();
  const after = read();
  return { model, pushed, stats, held, before, flushed, after };
}

export type ModelRun = ReturnType<typeof runModel>;
