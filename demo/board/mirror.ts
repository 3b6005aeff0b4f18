// The page's copy of the view, fed by frames: every row, by restaurant and window; the city's sums
// by window, kept in pence so that adding and taking away leaves nothing over.

import type { Row, WindowBounds } from "../../engine/index.ts";
import type { Frame, LateOrder, RestaurantFact } from "../replay/protocol.ts";

export const WINDOW_MS = 5 * 60_000;
/** The plan's grace: a window is final so long after its end. */
export const GRACE_MS = 60_000;
/** Windows on the strip. */
export const STRIP = 12;
/** Windows further apart than this belong to two services. */
const SERVICE_GAP_MS = 2 * 3_600_000;

/** A row's value, as the plan names it. */
export interface Measures {
  readonly orders: number;
  readonly revenue: number | null;
  readonly average: number | null;
  readonly smallest: number | null;
  readonly largest: number | null;
  readonly p90: number | null;
  readonly customers: number;
}

export interface Sum {
  orders: number;
  pence: number;
  /** Orders that told their amount: those of old tills do not. */
  priced: number;
  /** Restaurants with orders in this window. */
  restaurants: number;
}

export class Mirror {
  frame: Frame | null = null;
  readonly #rows = new Map<string, Map<number, Row>>();
  readonly #sums = new Map<number, Sum>();
  readonly #facts = new Map<string, RestaurantFact>();
  readonly #late = new Map<string, number>();

  take(frame: Frame): void {
    if (frame.isFirst) this.#forget();
    for (const fact of frame.restaurants) this.#facts.set(fact.restaurantId, fact);
    for (const row of frame.rows) this.#takeRow(row);
    for (const late of frame.late) this.#takeLate(late);
    this.frame = frame;
  }

  #forget(): void {
    this.#rows.clear();
    this.#sums.clear();
    this.#late.clear();
    this.#facts.clear();
  }

  #takeRow(row: Row): void {
    const restaurantId = String(row.key["restaurantId"]);
    let own = this.#rows.get(restaurantId);
    if (own === undefined) this.#rows.set(restaurantId, (own = new Map()));
    const { start } = boundsOf(row);
    const before = own.get(start);
    const sum = this.#sums.get(start) ?? noOrders();
    this.#sums.set(start, sum);
    sum.orders += measuresOf(row).orders - (before ? measuresOf(before).orders : 0);
    sum.pence += penceOf(row) - (before ? penceOf(before) : 0);
    sum.priced += pricedOf(row) - (before ? pricedOf(before) : 0);
    if (before === undefined) sum.restaurants++;
    own.set(start, row);
  }

  #takeLate({ restaurantId, windowStart }: LateOrder): void {
    const cell = `${restaurantId} ${windowStart}`;
    this.#late.set(cell, (this.#late.get(cell) ?? 0) + 1);
  }

  /** The start of the window that the clock stands in; null before the first event. */
  get windowNow(): number | null {
    const clock = this.frame?.clock ?? null;
    return clock === null ? null : Math.floor(clock / WINDOW_MS) * WINDOW_MS;
  }

  get restaurantIds(): Iterable<string> {
    return this.#rows.keys();
  }

  isFinal(windowStart: number): boolean {
    const clock = this.frame?.clock ?? -Infinity;
    return clock >= windowStart + WINDOW_MS + GRACE_MS;
  }

  row(restaurantId: string, windowStart: number): Row | undefined {
    return this.#rows.get(restaurantId)?.get(windowStart);
  }

  measures(restaurantId: string, windowStart: number): Measures | null {
    const row = this.row(restaurantId, windowStart);
    return row === undefined ? null : measuresOf(row);
  }

  orders(restaurantId: string, windowStart: number): number {
    return this.measures(restaurantId, windowStart)?.orders ?? 0;
  }

  /** Orders that came too late for a restaurant's window. */
  late(restaurantId: string, windowStart: number): number {
    return this.#late.get(`${restaurantId} ${windowStart}`) ?? 0;
  }

  sum(windowStart: number): Sum {
    return this.#sums.get(windowStart) ?? noOrders();
  }

  name(restaurantId: string): string {
    return this.#facts.get(restaurantId)?.name ?? restaurantId;
  }

  fact(restaurantId: string): RestaurantFact | null {
    return this.#facts.get(restaurantId) ?? null;
  }

  /** Every row, by window and restaurant. */
  allRows(): Row[] {
    const rows = [...this.#rows.values()].flatMap((own) => [...own.values()]);
    const endOf = (row: Row): number => boundsOf(row).end;
    return rows.toSorted((a, b) => endOf(a) - endOf(b) || (idOf(a) < idOf(b) ? -1 : 1));
  }

  /** The starts of all windows of the service that holds `at`, an evening or a noon. */
  service(at: number): number[] {
    const starts = [...this.#sums.keys()].toSorted((a, b) => a - b);
    let service: number[] = [];
    for (const start of starts) {
      if (start - (service.at(-1) ?? start) > SERVICE_GAP_MS) {
        if (start > at) break;
        service = [];
      }
      service.push(start);
    }
    if (service.length === 0) return [];
    const count = (service.at(-1)! - service[0]!) / WINDOW_MS + 1;
    return Array.from({ length: count }, (_, index) => service[0]! + index * WINDOW_MS);
  }
}

/** The bounds of a row's window; the page's query has no global one. */
export function boundsOf({ window }: Row): WindowBounds {
  if (window.start === null) throw new Error("Got a row of a global window.");
  return window;
}

export function idOf(row: Row): string {
  return String(row.key["restaurantId"]);
}

export function measuresOf(row: Row): Measures {
  const { orders, revenue, average, smallest, largest, p90, customers } = row.value;
  return {
    orders: number(orders) ?? 0,
    revenue: number(revenue),
    average: number(average),
    smallest: number(smallest),
    largest: number(largest),
    p90: number(p90),
    customers: number(customers) ?? 0,
  };
}

function penceOf(row: Row): number {
  return Math.round((measuresOf(row).revenue ?? 0) * 100);
}

/** How many orders told their amount: the row's sum and its mean say so together. */
function pricedOf(row: Row): number {
  const { orders, revenue, average } = measuresOf(row);
  if (revenue === null || average === null) return 0;
  return average === 0 ? orders : Math.round(revenue / average);
}

export function noOrders(): Sum {
  return { orders: 0, pence: 0, priced: 0, restaurants: 0 };
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
