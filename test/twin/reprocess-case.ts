// Cases about reprocessing: a random case whose lines come much later than they should, with
// reprocesses among them.
//
// Its queries have values that the model knows to the last bit: whether an approximation differs
// from the one before is the engine's to say.

import { isObject, type Json } from "../model/json.ts";
import type { AggregateJson, PlanJson, QueryJson } from "../model/plan.ts";
import type { Line } from "../model.ts";
import { randomCase, type Case } from "./case.ts";
import { randomPlan } from "./plan-generator.ts";
import { Random } from "./random.ts";
import { reprocessLine } from "./reprocess-line.ts";

const EXACT = ["count", "min", "max", "first", "last", "distinct", "top", "histogram"];

export function reprocessCase(seed: number): Case {
  const { lines, cuts } = randomCase(seed);
  const shape = randomPlan(new Random(seed));
  const random = new Random(seed ^ 0x2e98);
  const plan = exactPlan(random, shape.plan, shape.wild);
  const fed = withReprocess(random, plan, delayed(random, lines), shape.unitMs);
  const often = random.pick([0.1, 0.3]);
  const cut = (): readonly boolean[] => fed.map(() => random.chance(often));
  return { seed, plan, lines: fed, cuts: cuts.map(cut) };
}

function exactPlan(random: Random, plan: PlanJson, wild: boolean): PlanJson {
  const queries = plan.queries.map((query): QueryJson => {
    const exact = Object.entries(query.aggregate).filter(([, each]) => isExact(each, wild));
    const { derive: _, ...rest } = query;
    const derived = exact.length < Object.keys(query.aggregate).length ? rest : query;
    return { ...derived, aggregate: { rows: { fn: "count" }, ...Object.fromEntries(exact) } };
  });
  // What dedup holds back is nowhere to be brought in from.
  const clock = random.chance(0.7) ? { ...plan.clock, dedup: "1000d" } : plan.clock;
  const limits = random.chance(0.7) ? undefined : plan.limits;
  const { limits: _, clock: __, ...rest } = plan;
  return { ...rest, ...(clock && { clock }), ...(limits && { limits }), queries };
}

function isExact({ fn, of }: AggregateJson, wild: boolean): boolean {
  if (fn === "sum" || fn === "avg") return !wild && typeof of === "string";
  return EXACT.includes(fn);
}

/** Some lines come up to 30 places later. */
function delayed(random: Random, lines: readonly Line[]): Line[] {
  const often = random.pick([0, 0.1, 0.4]);
  return lines
    .map((line, index) => ({ line, place: index + (random.chance(often) ? random.below(30) : 0) }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ line }) => line);
}

function withReprocess(
  random: Random,
  { queries }: PlanJson,
  lines: readonly Line[],
  unitMs: number,
): Line[] {
  const often = random.pick([0.05, 0.1, 0.2]);
  const times: number[] = [];
  return lines.flatMap((line, index) => {
    times.push(...timesOf(line));
    const isDue = index === lines.length - 1 || random.chance(often);
    if (times.length === 0 || !isDue) return [line];
    const asked = { query: random.pick(queries).name, ...range(random, times, unitMs) };
    return [line, reprocessLine(asked)];
  });
}

function range(random: Random, times: readonly number[], unitMs: number) {
  const near = random.pick(times) + random.pick([0, 0, -unitMs, random.between(-9, 9) * unitMs]);
  const size = random.pick([1, unitMs, 4 * unitMs, 20 * unitMs, 400 * unitMs]);
  return { from: near - random.pick([0, 1, size]), to: near + size };
}

function timesOf({ text, invalid }: Line): number[] {
  const json = invalid === undefined ? (JSON.parse(text) as Json) : null;
  if (!isObject(json)) return [];
  const time = String(json["eventTime"] ?? json["time"]);
  const ms = Date.parse(time.replace(/[t ]/, "T").replace(/z$/, "Z"));
  return Number.isNaN(ms) ? [] : [ms];
}
