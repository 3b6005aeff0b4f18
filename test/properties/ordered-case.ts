// Cases whose result promises not to depend on the order of arrival: every query has grace, and
// wait where it looks something up or is a span, for a disorder of so many ms; the events have ids
// and times of their own; sums stay in the exact range; nothing runs into a limit.

import { durationMs } from "../model/time.ts";
import type { AggregateJson, PlanJson, QueryJson } from "../model/plan.ts";
import { Feed } from "../twin/feed-generator.ts";
import { randomPlan } from "../twin/plan-generator.ts";
import { Random } from "../twin/random.ts";

export interface TimedLine {
  readonly timeMs: number;
  readonly text: string;
}

export interface OrderedCase {
  readonly plan: PlanJson;
  /** How much later than an event one of an earlier time may come, by event time. */
  readonly disorderMs: number;
  /** In the order of their times. */
  readonly lines: readonly TimedLine[];
}

/** Times are multiples of it and `early` is not, so that no two facts stand at one instant. */
const STEP_MS = 3;
const YEAR_9999_END_MS = 253_402_300_799_999;

export function orderedCase(seed: number): OrderedCase {
  const random = new Random(seed);
  const shape = randomPlan(random);
  const disorderMs = shape.unitMs * random.pick([1, 2, 5]) + random.below(3);
  const queries = shape.plan.queries.map((query) => patient(random, query, disorderMs));
  const { delay } = shape.plan.clock ?? {};
  const patience = Math.max(disorderMs, ...queries.map(patienceMs));
  const tables = Object.entries(shape.plan.tables ?? {}).map(([name, table]) => {
    return [name, { ...table, history: patience + random.pick([0, disorderMs]) }] as const;
  });
  const plan: PlanJson = {
    version: 1,
    // "Above grace + wait", each of which is at most `patience`.
    clock: { ...(delay !== undefined && { delay }), dedup: 2 * patience + 1 },
    ...(tables.length > 0 && { tables: Object.fromEntries(tables) }),
    queries,
  };
  const feed = new Feed(random, { ...shape, plan, wild: false });
  return { plan, disorderMs, lines: spread(feed.lines(random.pick([20, 50]))) };
}

/** The longest time for which the query waits for anything. */
function patienceMs({ window, wait = 0, span }: QueryJson): number {
  const waits = [window.grace ?? 0, wait, span?.wait ?? 0].map((each) => durationMs(each));
  return Math.max(...waits) + durationMs(span?.early ?? 0);
}

/** The query with as much grace and wait as the disorder asks for; all of its finals are told. */
function patient(random: Random, query: QueryJson, disorderMs: number): QueryJson {
  const { emit: _, wait: _wait, ...rest } = query;
  const early = query.span === undefined || random.chance(0.5) ? 0 : 1 + STEP_MS * random.below(9);
  const graceMs = disorderMs + early + random.pick([0, 0, 1, disorderMs]);
  const isGlobal = query.window.kind === "global";
  const wait = random.pick([
    disorderMs,
    graceMs - early,
    random.between(disorderMs, graceMs - early),
  ]);
  const aggregates = Object.entries(query.aggregate).map(([name, each]) => {
    return [name, exact(each, query)] as const;
  });
  return {
    ...rest,
    aggregate: Object.fromEntries(aggregates),
    window: isGlobal ? query.window : { ...query.window, grace: graceMs },
    ...(query.with !== undefined && query.span === undefined && { wait }),
    ...(query.span !== undefined && { span: { ...query.span, early, wait } }),
  };
}

/** A quotient or a product may leave the range in which sums do not depend on the order. */
function exact(aggregate: AggregateJson, { span }: QueryJson): AggregateJson {
  const isSum = ["sum", "avg", "variance", "stddev"].includes(aggregate.fn);
  return isSum && typeof aggregate.of !== "string"
    ? { ...aggregate, of: span === undefined ? "data.n" : "from.data.n" }
    : aggregate;
}

/** The feed's events by time, each with an id and a time of its own; ticks and faults left out. */
function spread(
  lines: readonly { readonly text: string; readonly invalid?: string }[],
): TimedLine[] {
  const events = lines
    .filter(({ text, invalid }) => invalid === undefined && !text.startsWith('{"tick"'))
    .map(({ text }) => JSON.parse(text) as { [name: string]: unknown });
  const named = events.map((event) => {
    const isCloudy = Object.hasOwn(event, "specversion");
    return { event, id: isCloudy ? "id" : "eventId", time: isCloudy ? "time" : "eventTime" };
  });
  const timed = named
    .map((each) => ({ ...each, timeMs: timeOf(String(each.event[each.time])) }))
    .toSorted((a, b) => a.timeMs - b.timeMs);
  let last = -Infinity;
  return timed.flatMap(({ event, id, time, timeMs: wanted }, index) => {
    const timeMs = Math.max(Math.ceil(wanted / STEP_MS) * STEP_MS, last + STEP_MS);
    if (timeMs > YEAR_9999_END_MS) return [];
    last = timeMs;
    const own = { [id]: `e${index}`, [time]: new Date(timeMs).toISOString() };
    return [{ timeMs, text: JSON.stringify({ ...event, ...own }) }];
  });
}

/** The feed spells times in ways that `Date` does not read. */
function timeOf(text: string): number {
  const [, date, clock, zone] = /^(.{10})[Tt ]([\d:]+\.\d{3})\d*(.+)$/.exec(text)!;
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(zone!) ?? ["", "+", "00", "00"];
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return Date.parse(`${date}T${clock}Z`) - (sign === "-" ? -offsetMs : offsetMs);
}

/** An arrival in which no event is overtaken by one that is later by more than `disorderMs`. */
export function disordered(random: Random, { lines, disorderMs }: OrderedCase): TimedLine[] {
  const often = random.pick([0.1, 0.5, 1]);
  return lines
    .map((line) => {
      const delayMs = random.chance(often)
        ? random.pick([disorderMs, random.below(disorderMs + 1)])
        : 0;
      return { line, arrival: line.timeMs + delayMs };
    })
    .toSorted((a, b) => a.arrival - b.arrival || b.line.timeMs - a.line.timeMs)
    .map(({ line }) => line);
}
