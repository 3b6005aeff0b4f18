// The truth beside the recording: which lines were hurt and how, and what the plan
// restaurant-metrics must answer, worked out from the events themselves, in whole pence and by the
// definitions of semantics.md, without any engine. Two ways of reading the old version 1.0 of
// `order.created` ("as sent" has no orderTotal; "upcast" reads `total` as one), and two clocks: one
// for the whole city, or one for each restaurant alone.

import { MINUTE, WINDOW } from "./calendar.ts";
import type { CityEvent, OrderCreated } from "./event.ts";
import type { Evening } from "./evening.ts";
import { CODES } from "./malformed.ts";
import type { Hurt, Line } from "./network.ts";

export const PLAN = "restaurant-metrics";

const GRACE = MINUTE;

interface Span {
  start: number;
  end: number;
}

export interface Value {
  orders: number;
  revenue: number | null;
  average: number | null;
  smallest: number | null;
  largest: number | null;
  /** The value at rank floor(0.9 (n - 1)) of the sorted totals: exactly, not sketched. */
  p90: number | null;
  customers: number;
}

export interface Final {
  query: string;
  kind: "final";
  key: { restaurantId: string };
  window: Span;
  value: Value;
  revision: number;
}

export interface Row {
  key: { restaurantId: string };
  window: Span;
  value: Value;
  revision: number;
  final: boolean;
}

export interface Late {
  line: number;
  window: Span;
  lateMs: number;
}

export interface Answer<R> {
  asSent: R[];
  upcast: R[];
  late: Late[];
}

export interface Truth {
  seed: number;
  lines: number;
  hurt: Record<string, Hurt[]>;
  counts: Record<string, number>;
  codes: Readonly<Record<string, string>>;
  plan: string;
  city: Answer<Final>;
  alone: Record<string, Answer<Row>>;
}

interface Taken {
  line: number;
  event: CityEvent;
}

export function tellTruth(seed: number, evening: Evening, lines: readonly Line[]): Truth {
  const hurt: Record<string, Hurt[]> = {};
  const taken: Taken[] = [];
  lines.forEach(({ event, hurts }, line) => {
    if (hurts.length > 0) hurt[line] = hurts;
    if (event !== null && !hurts.includes("duplicate")) taken.push({ line, event });
  });
  const alone: Record<string, Answer<Row>> = {};
  for (const [restaurantId, own] of byRestaurant(taken)) alone[restaurantId] = answer(own);
  return {
    seed,
    lines: lines.length,
    hurt,
    counts: count(evening, lines, taken),
    codes: CODES,
    plan: PLAN,
    city: closed(answer(taken)),
    alone,
  };
}

function count(
  evening: Evening,
  lines: readonly Line[],
  taken: readonly Taken[],
): Record<string, number> {
  const hurts: Record<string, number> = {};
  for (const line of lines) {
    for (const hurt of line.hurts) {
      const name = hurt.startsWith("malformed:") ? "malformed" : hurt;
      hurts[name] = (hurts[name] ?? 0) + 1;
    }
  }
  const { duplicate = 0, malformed = 0, ...others } = hurts;
  return {
    accepted: taken.length,
    duplicate,
    invalid: malformed,
    unroutable: taken.filter(({ event }) => restaurantOf(event) === null).length,
    orders: evening.orderCount,
    lifecycleEvents: taken.filter(({ event }) => "orderId" in event.data).length,
    restaurants: evening.city.restaurants.length,
    customers: evening.city.customers.length,
    drivers: evening.driverCount,
    ...others,
  };
}

/** By restaurant, the ids ascending; each list in the order of arrival. */
function byRestaurant(taken: readonly Taken[]): [string, Taken[]][] {
  const lists = new Map<string, Taken[]>();
  for (const one of taken) {
    const restaurantId = restaurantOf(one.event);
    if (restaurantId === null) continue;
    const list = lists.get(restaurantId);
    if (list === undefined) lists.set(restaurantId, [one]);
    else list.push(one);
  }
  return [...lists].sort(([a], [b]) => (a < b ? -1 : 1));
}

function restaurantOf({ data }: CityEvent): string | null {
  return "restaurantId" in data ? data.restaurantId : null;
}

/** One window of one restaurant while it is counted: the totals in pence, all and those of 2.0. */
interface Tally {
  restaurantId: string;
  start: number;
  orders: number;
  customers: Set<string>;
  asSent: number[];
  upcast: number[];
}

/** One clock over these events: it moves with every one of them, before it is asked about any. */
function answer(taken: readonly Taken[]): Answer<Row> {
  const tallies = new Map<string, Tally>();
  const late: Late[] = [];
  let clock = -Infinity;
  for (const { line, event } of taken) {
    clock = Math.max(clock, event.eventTime);
    if (event.eventType !== "order.created") continue;
    const start = Math.floor(event.eventTime / WINDOW) * WINDOW;
    if (clock >= start + WINDOW + GRACE) {
      const window = { start, end: start + WINDOW };
      late.push({ line, window, lateMs: clock - event.eventTime });
      continue;
    }
    const name = `${event.data.restaurantId} ${start}`;
    const tally = tallies.get(name) ?? emptyTally(event.data.restaurantId, start);
    tallies.set(name, tally);
    addOrder(tally, event.data);
  }
  const ordered = [...tallies.values()].sort(
    (a, b) => a.start - b.start || (a.restaurantId < b.restaurantId ? -1 : 1),
  );
  return {
    asSent: ordered.map((tally) => row(tally, tally.asSent, clock)),
    upcast: ordered.map((tally) => row(tally, tally.upcast, clock)),
    late,
  };
}

function emptyTally(restaurantId: string, start: number): Tally {
  return { restaurantId, start, orders: 0, customers: new Set(), asSent: [], upcast: [] };
}

function addOrder(tally: Tally, data: OrderCreated): void {
  tally.orders++;
  tally.customers.add(data.customerId);
  if ("orderTotal" in data) {
    const pence = Math.round(data.orderTotal * 100);
    tally.asSent.push(pence);
    tally.upcast.push(pence);
  } else {
    tally.upcast.push(Math.round(Number(data.total) * 100));
  }
}

function row(tally: Tally, totals: readonly number[], clock: number): Row {
  const { restaurantId, start, orders } = tally;
  const final = clock >= start + WINDOW + GRACE;
  return {
    key: { restaurantId },
    window: { start, end: start + WINDOW },
    value: valueOf(tally, totals),
    revision: orders + (final ? 1 : 0),
    final,
  };
}

/** Whole pence / 100 is the double nearest to the exact sum: a division rounds only once. */
function valueOf({ orders, customers }: Tally, totals: readonly number[]): Value {
  const money = totals.length === 0 ? NO_MONEY : moneyOf(totals);
  return { orders, ...money, customers: customers.size };
}

const NO_MONEY = { revenue: null, average: null, smallest: null, largest: null, p90: null };

function moneyOf(totals: readonly number[]): Omit<Value, "orders" | "customers"> {
  const sorted = totals.toSorted((a, b) => a - b);
  const revenue = totals.reduce((sum, pence) => sum + pence) / 100;
  return {
    revenue,
    average: revenue / totals.length,
    smallest: sorted[0]! / 100,
    largest: sorted.at(-1)! / 100,
    p90: sorted[Math.floor(0.9 * (sorted.length - 1))]! / 100,
  };
}

/** What `--flush` makes of it: every window is final, whatever the clock. */
function closed({ asSent, upcast, late }: Answer<Row>): Answer<Final> {
  const close = ({ key, window, value }: Row): Final => {
    return { query: PLAN, kind: "final", key, window, value, revision: value.orders + 1 };
  };
  return { asSent: asSent.map(close), upcast: upcast.map(close), late };
}
