// A case, checked: two cuts, a reopening, duplicated lines; and a failing one made smaller.

import { canonical, type Json } from "../model/json.ts";
import type { QueryJson } from "../model/plan.ts";
import type { Line } from "../model.ts";
import { pushesOf, runModel, type Case, type ModelRun } from "./case.ts";
import { differenceOf } from "./compare.ts";
import { runEngine, runLog, type EngineRun } from "./engine-run.ts";
import { Random } from "./random.ts";

export interface Checked {
  /** Null when all is as it should be. */
  readonly failure: string | null;
  /** Null where something threw. */
  readonly model: ModelRun | null;
}

export async function checkCase(each: Case): Promise<Checked> {
  try {
    return await check(each);
  } catch (error) {
    return { failure: `threw ${(error as Error).stack}`, model: null };
  }
}

async function check(each: Case): Promise<Checked> {
  const { plan, lines, cuts } = each;
  const random = new Random(each.seed ^ 0x5eed);
  const runs: { engine: EngineRun; model: ModelRun }[] = [];
  for (const [index, cut] of cuts.entries()) {
    const pushes = pushesOf(lines, cut);
    const model = runModel(plan, pushes);
    const reopenAt = index === 0 ? -1 : random.below(pushes.length);
    const engine = await runEngine(plan, pushes, { random, reopenAt });
    const difference = differenceOf(engine, model, reopenAt >= 0);
    const what = `cut ${index} (${pushes.length} pushes, reopened at ${reopenAt})`;
    if (difference !== null) return { failure: `${what}: ${difference}`, model };
    runs.push({ engine, model });
  }
  const [first, second] = runs as [(typeof runs)[0], (typeof runs)[0]];
  const { model } = first;
  const failure = differAmongCuts(first, second);
  // Every second case is also sent with doubled lines: a third run is most of a case's time.
  if (failure !== null || each.seed % 2 === 1) return { failure, model };
  // Where a line sent again may be held again, another one would be released.
  if (lines.some(({ release }) => release !== undefined)) {
    return { failure: await differExported(plan, first.engine), model };
  }
  return { failure: await differDoubled(each, first, random), model };
}

/** "Cutting the same events into other batches changes no final, no view, no disposition." */
function differAmongCuts(
  a: { readonly engine: EngineRun; readonly model: ModelRun },
  b: { readonly engine: EngineRun; readonly model: ModelRun },
): string | null {
  if (a.engine.stateHash !== b.engine.stateHash) return "stateHash differs between the cuts";
  const told = ({ engine, model }: typeof a): Json => {
    const finals = [...engine.pushed.flatMap(({ changes }) => changes), ...engine.flushed]
      .filter(({ kind }) => kind === "final")
      .map((change) => canonical(change as unknown as Json))
      .toSorted();
    const dispositions = model.pushed.flatMap((each) => each.dispositions);
    return JSON.parse(JSON.stringify([engine.before, engine.after, finals, dispositions])) as Json;
  };
  return canonical(told(a)) === canonical(told(b))
    ? null
    : "rows or finals differ between the cuts";
}

/** "It is itself a recording": an exported log gives the same, pushes being cut as it says. */
async function differExported(
  plan: Case["plan"],
  { log, stateHash }: EngineRun,
): Promise<string | null> {
  const again = await runLog(plan, log);
  return again === stateHash ? null : "stateHash differs after the exported log";
}

/** A line sent again later, as it was, changes nothing in the state. */
async function differDoubled(
  { plan, lines }: Case,
  { engine, model }: { readonly engine: EngineRun; readonly model: ModelRun },
  random: Random,
): Promise<string | null> {
  const dispositions = model.pushed.flatMap((each) => each.dispositions);
  const safe: Line[] = [];
  const doubled: Line[] = [];
  for (const [index, line] of lines.entries()) {
    doubled.push(line);
    // A conflict could be accepted once the first event is forgotten, and so could what found a
    // full quarantine; these are sent once.
    const { what } = dispositions[index]!;
    if (what === "accepted" || what === "duplicate" || what === "quarantined") safe.push(line);
    while (safe.length > 0 && random.chance(0.3)) doubled.push(random.pick(safe));
  }
  const pushes = pushesOf(
    doubled,
    doubled.map(() => random.chance(0.2)),
  );
  const again = await runEngine(plan, pushes, { random, reopenAt: -1 });
  if (again.stateHash === engine.stateHash) return null;
  const difference = differenceOf(again, runModel(plan, pushes), false);
  return `stateHash differs with doubled lines (${difference ?? "all rows as the model's"})`;
}

const SHRINK_RUNS_MAX = 400;

/** Drops lines, queries, aggregates and members of the plan for as long as it still fails. */
export async function shrink(failing: Case): Promise<Case> {
  let best = failing;
  let runs = 0;
  const threw = (await checkCase(failing)).failure?.startsWith("threw") === true;
  const tryIt = async (candidate: Case): Promise<boolean> => {
    if (runs++ >= SHRINK_RUNS_MAX) return false;
    const { failure } = await checkCase(candidate);
    // Not another fault than the one at hand, as far as a glance tells.
    const fails = failure !== null && failure.startsWith("threw") === threw;
    if (fails) best = candidate;
    return fails;
  };
  for (let round = 0; round < 2; round++) {
    for (let size = Math.ceil(best.lines.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < best.lines.length;) {
        if (!(await tryIt(withoutLines(best, at, size)))) at += size;
      }
    }
    for (let progress = true; progress;) {
      progress = false;
      for (const plan of smallerPlans(best)) {
        if (!(await tryIt({ ...best, plan }))) continue;
        progress = true;
        break;
      }
    }
  }
  return best;
}

function withoutLines(each: Case, at: number, size: number): Case {
  const keep = (_: unknown, index: number): boolean => index < at || index >= at + size;
  const cuts = each.cuts.map((cut) => cut.filter(keep));
  return { ...each, lines: each.lines.filter(keep), cuts };
}

function* smallerPlans({ plan }: Case): Generator<Case["plan"]> {
  const { queries } = plan;
  for (const name of ["clock", "limits"] as const) {
    for (const member of Object.keys(plan[name] ?? {})) {
      yield { ...plan, [name]: without(plan[name]!, member) };
    }
  }
  for (const [index, query] of queries.entries()) {
    if (queries.length > 1) yield { ...plan, queries: queries.filter((each) => each !== query) };
    const change = (smaller: QueryJson) => {
      return { ...plan, queries: queries.with(index, smaller) };
    };
    for (const member of ["where", "derive", "emit", "retain", "with", "wait"]) {
      if (Object.hasOwn(query, member)) yield change(without(query, member));
    }
    for (const name of Object.keys(query.key)) {
      yield change({ ...query, key: without(query.key, name) });
    }
    for (const [name, aggregate] of Object.entries(query.aggregate)) {
      if (Object.keys(query.aggregate).length > 1) {
        yield change({ ...query, aggregate: without(query.aggregate, name) });
      }
      if (aggregate.where !== undefined) {
        const smaller = { ...query.aggregate, [name]: without(aggregate, "where") };
        yield change({ ...query, aggregate: smaller });
      }
    }
  }
}

function without<T extends object>(object: T, member: string): T {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== member)) as T;
}

/** The case as a plan and NDJSON, for `millrace run` or an editor, and as a file of regressions/. */
export function printed(each: Case): string {
  const { seed, plan, lines: ownLines, cuts: ownCuts } = each;
  const file = { what: `seed ${seed}`, plan, lines: ownLines, cuts: ownCuts };
  const lines = each.lines.map(({ text, receivedAt }, index) => {
    const cuts = each.cuts.map((cut) => (cut[index] === true ? "|" : " ")).join("");
    return `${cuts} ${receivedAt ?? "-"} ${text}`;
  });
  return [
    `MILLRACE_SEED=${each.seed}`,
    JSON.stringify(each.plan),
    "(cuts behind the line) (received at) line:",
    ...lines,
    "as a file of test/twin/regressions/:",
    JSON.stringify(file),
  ].join("\n");
}
