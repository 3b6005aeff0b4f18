// Random plans of what is built: small windows, small limits, every operator.

import type { Json } from "../model/json.ts";
import type {
  AggregateJson,
  Duration,
  ExpressionJson,
  PlanJson,
  QueryJson,
  SpanJson,
  WindowJson,
} from "../model/plan.ts";
import { durationMs } from "../model/time.ts";
import { built } from "./built.ts";
import { randomExpression, randomCondition, randomPath } from "./expression-generator.ts";
import type { Random } from "./random.ts";

export const EVENT_TYPES = ["order.created", "order.item.added", "order", "orders.x", "paid", "up"];
const TYPE_PATTERNS: readonly (readonly string[])[] = [
  ...[["*"], ["*"], ["order.created"], ["order.*"], ["order.item.*", "paid"], ["order"]],
  ...[["order.created", "order", "up"], ["orders.*", "order.*"], ["*"], ["*"], ["nothing"]],
];
export const ZONES = [
  ...["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"],
  ...["America/Havana", "Pacific/Apia", "America/Sao_Paulo", "Africa/Cairo", "America/St_Johns"],
];
const CALENDAR_DAYS: { readonly [unit: string]: number } = {
  "1d": 1,
  "1w": 7,
  "1mo": 28,
  "1y": 365,
};
const DAY_MS = 86_400_000;

export interface PlanShape {
  /** About a quarter of a window. */
  readonly unitMs: number;
  readonly wild: boolean;
  readonly plan: PlanJson;
}

export function randomPlan(random: Random, kind = random.pick(built.kinds)): PlanShape {
  const unitMs =
    kind === "calendar"
      ? random.pick([3_600_000, 4 * 3_600_000, DAY_MS])
      : random.pick([1, 7, 100, 1000, 30_000, 300_000, 3_600_000, DAY_MS]);
  const wild = random.chance(0.2);
  const tables = built.with && random.chance(0.5) ? randomTables(random, unitMs) : {};
  const queryCount = random.weighted([
    [6, 1],
    [3, 2],
    [1, 4],
  ]);
  const queries = Array.from({ length: queryCount }, (_, index) => {
    const own = index === 0 ? kind : random.pick(built.kinds);
    return randomQuery(random, own, unitMs, `q${index}`, Object.keys(tables));
  });
  const longest = Math.max(...queries.map(lookBackMs));
  const kept = Object.entries(tables).map(([name, table]) => {
    return [name, { ...table, history: spell(random, random.pick([longest, longest + unitMs])) }];
  });
  const plan: PlanJson = {
    version: 1,
    ...(random.chance(0.8) && { clock: randomClock(random, unitMs) }),
    ...(random.chance(0.5) && { limits: randomLimits(random) }),
    ...(kept.length > 0 && { tables: Object.fromEntries(kept) as PlanJson["tables"] & object }),
    queries,
  };
  return { unitMs, wild, plan };
}

/** "At least every `wait` and `grace` of the queries that look it up, else a plan fault." */
function lookBackMs({ wait = 0, span, window }: QueryJson): number {
  const waits = [wait, span?.wait ?? 0, window.grace ?? 0].map((each) => durationMs(each));
  return Math.max(...waits, 1) + durationMs(span?.early ?? 0);
}

/** A duration in ms or with a unit. */
export function spell(random: Random, ms: number): Duration {
  if (random.chance(0.4)) return ms;
  const units = { d: DAY_MS, h: 3_600_000, m: 60_000, s: 1000 } as const;
  for (const [unit, size] of Object.entries(units)) {
    if (ms % size === 0 && random.chance(0.7)) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

function randomClock(random: Random, unitMs: number): NonNullable<PlanJson["clock"]> {
  const some = (choices: readonly number[]): Duration => {
    return spell(random, Math.floor(random.pick(choices) * unitMs));
  };
  return {
    ...(random.chance(0.4) && { delay: some([0, 0.5, 1, 3]) }),
    ...(random.chance(0.3) && { idle: random.pick(["never", "1s", 500]) }),
    ...(random.chance(0.6) && { maxAhead: some([0, 1, 5, 100]) }),
    ...(random.chance(0.4) && { dedup: some([0, 1, 4, 10, 10, 40, 40, 1000]) }),
  };
}

function randomLimits(random: Random): NonNullable<PlanJson["limits"]> {
  return {
    ...(random.chance(0.5) && { keys: random.pick([1, 2, 3, 5]) }),
    ...(random.chance(0.3) && { identities: random.pick([1, 3, 8, 20, 40]) }),
    ...(random.chance(0.5) && { quarantine: random.pick([1, 2, 5]) }),
  };
}

function randomTables(random: Random, unitMs: number): NonNullable<PlanJson["tables"]> {
  const table = () => ({
    from: random.pick([["up"], ["up", "paid"], ["*"]]),
    key: random.pick<ExpressionJson>(["data.k", "data.k", "data.s", ["get", "data.k"]]),
    history: spell(random, unitMs),
  });
  return { t: table(), ...(random.chance(0.3) && { u: table() }) };
}

function randomQuery(
  random: Random,
  kind: string,
  unitMs: number,
  name: string,
  tables: readonly string[],
): QueryJson {
  const window = randomWindow(random, kind, unitMs);
  const graceMs = window.grace === undefined ? 10 * unitMs : durationMs(window.grace);
  const isSpan = built.span && random.chance(0.3);
  const lookups = tables.length > 0 && random.chance(0.7) ? randomLookups(random, tables) : [];
  const roots = [
    ...lookups.map(({ as }) => `${as}.`),
    ...(isSpan ? ["from.", "to."] : [""]),
    ...(isSpan ? [] : [""]),
  ];
  const fields = { roots, isSpan };
  const waits = lookups.length > 0 && !isSpan && built.wait && random.chance(0.5);
  const keyCount = random.pick([0, 1, 1, 1, 2, 3]);
  const keyNames = ["a", "key", "z z"].slice(0, keyCount);
  const keyOf = (): ExpressionJson => {
    return random.chance(0.85)
      ? randomPath(random, fields, random.pick(["key", "key", "key", "key", "key", "any"]))
      : ["coalesce", randomExpression(random, fields, 2), random.pick(["none", 0, true, null])];
  };
  const aggregate = randomAggregates(random, fields);
  return {
    name,
    ...(isSpan
      ? { span: randomSpan(random, unitMs, graceMs) }
      : { from: random.pick(TYPE_PATTERNS) }),
    ...(lookups.length > 0 && { with: lookups }),
    ...(waits && { wait: spell(random, random.pick([0, graceMs, Math.floor(graceMs / 2)])) }),
    ...(random.chance(0.4) && { where: randomWhere(random, fields) }),
    key: Object.fromEntries(keyNames.map((each) => [each, keyOf()])),
    window,
    aggregate,
    ...(random.chance(0.3) && { derive: randomDerive(random, Object.keys(aggregate)) }),
    ...(random.chance(0.5) && { emit: random.pick(["all", "final", "none"]) }),
    ...(random.chance(0.6) && {
      retain: random.pick<Duration>(["0s", 0, unitMs, 3 * unitMs, "1d"]),
    }),
  };
}

/** Half of them let most events through, so that there is something to count. */
function randomWhere(random: Random, fields: Fields): ExpressionJson {
  const condition = randomCondition(random, fields, 2) as ExpressionJson;
  if (random.chance(0.5)) return condition;
  return ["any", condition, ["!=", ["get", randomPath(random, fields, "number")], 0.1]];
}

/** A string here is a path, so a literal alone is none; other literals are dull. */
function expressionOr(input: Json, random: Random): ExpressionJson {
  return Array.isArray(input) ? input : random.pick(["data.k", "data.s"]);
}

function randomLookups(random: Random, tables: readonly string[]): QueryJson["with"] & object {
  const as = ["row", "other"].slice(0, random.between(1, 2));
  return as.map((each, index) => ({
    table: random.pick(tables),
    on: index > 0 && random.chance(0.5) ? "row.data.s" : random.pick(["data.k", "data.s"]),
    as: each,
  }));
}

function randomSpan(random: Random, unitMs: number, graceMs: number): SpanJson {
  const early = random.chance(0.4) ? random.below(graceMs + 1) : 0;
  const [from, to] = random.pick([
    [["order.created"], ["paid"]],
    [["order.*"], ["paid", "up"]],
    [["order", "orders.x"], ["order.*"]],
  ] as const);
  return {
    from,
    to,
    on: random.pick<ExpressionJson>(["data.k", "data.s", ["coalesce", ["get", "data.k"], 1]]),
    within: spell(random, random.pick([0, 1, 2, 8]) * unitMs),
    ...(random.chance(0.6) && { wait: spell(random, random.below(graceMs - early + 1)) }),
    ...(early > 0 && { early: spell(random, early) }),
  };
}

function randomWindow(random: Random, kind: string, unitMs: number): WindowJson {
  const grace = spell(random, Math.floor(random.pick([0, 0, 0.5, 1, 4]) * unitMs));
  const size = random.pick([1, 3, 4]) * unitMs;
  const signed = (limit: number): Duration => {
    const ms = random.between(-limit + 1, limit - 1);
    return ms < 0 ? random.pick<Duration>([ms, `${ms}ms`]) : spell(random, ms);
  };
  const offset = random.chance(0.3);
  switch (kind) {
    case "calendar": {
      const unit = random.pick(["1d", "1w", "1mo", "1y"]);
      const limit = Math.min(CALENDAR_DAYS[unit]! * 24, 40);
      const hours = `${random.between(-limit + 1, limit - 1)}h`;
      const timezone = random.pick(ZONES);
      return { kind: "tumbling", size: unit, timezone, grace, ...(offset && { offset: hours }) };
    }
    case "hopping": {
      const every = random.between(Math.ceil(size / 4), size);
      const own = { ...(offset && { offset: signed(every) }) };
      return { kind, size: spell(random, size), every: spell(random, every), grace, ...own };
    }
    case "cumulate": {
      const every = random.pick([1, 2, 4].filter((each) => size % each === 0).map((n) => size / n));
      const own = { ...(offset && { offset: signed(size) }) };
      return { kind, size: spell(random, size), every: spell(random, every), grace, ...own };
    }
    case "session":
      return { kind, gap: spell(random, Math.ceil(random.pick([0.5, 1, 2]) * unitMs)), grace };
    case "global":
      return { kind };
    default: {
      const own = { ...(offset && { offset: signed(size) }) };
      return { kind, size: spell(random, size), grace, ...own };
    }
  }
}

type Fields = Parameters<typeof randomPath>[1];

function randomAggregates(random: Random, fields: Fields): QueryJson["aggregate"] {
  const count = random.between(1, 6);
  const names = random.shuffled(["n", "sum", "b", "a.b", "größe", "last"]).slice(0, count);
  return Object.fromEntries(names.map((name) => [name, randomAggregate(random, fields)]));
}

function randomAggregate(random: Random, fields: Fields): AggregateJson {
  // Those that need two inputs have a result more rarely.
  const rare = built.functions.filter((each) => each === "variance" || each === "stddev");
  const fn = random.pick([...built.functions, ...rare, ...rare]);
  const kind = ["first", "last", "top", "distinct"].includes(fn) ? "any" : "number";
  const input = (): ExpressionJson =>
    random.chance(0.75)
      ? randomPath(random, fields, random.chance(0.85) ? kind : "any")
      : expressionOr(randomExpression(random, fields, 2), random);
  const q = random.chance(0.5) ? random.pick([0, 0.1, 0.5, 0.9, 1]) : [0, 0.25, 0.5, 0.99, 1];
  return {
    fn,
    ...((fn !== "count" || random.chance(0.4)) && { of: input() }),
    ...(random.chance(0.3) && { where: randomCondition(random, fields, 1) as ExpressionJson }),
    ...(fn === "quantile" && { q }),
    ...(fn === "top" && { k: random.pick([1, 2, 5]) }),
    ...(fn === "histogram" && { bounds: random.pick([[0], [0, 1, 10], [-1, 0.1, 0.2, 1e15]]) }),
  };
}

function randomDerive(random: Random, aggregates: readonly string[]): QueryJson["derive"] & object {
  const usable = aggregates.filter((name) => !name.includes("."));
  if (usable.length === 0) return {};
  const get = (): Json => ["get", random.pick(usable)];
  const forms: readonly (() => Json)[] = [
    () => [random.pick(["+", "-", "*", "/", "%"]), get(), get()],
    () => [random.pick(["<", "<=", "==", "!=", ">", ">="]), get(), get()],
    () => ["case", [">", get(), 1], get(), "few"],
    () => ["coalesce", get(), -1],
    () => ["has", random.pick(usable)],
    get,
  ];
  return { derived: random.pick(forms)() as ExpressionJson };
}
