// Three questions at once, written by hand: quantiles and distinct customers of each restaurant's
// five minutes; distinct customers and the busiest restaurants of the city's; each restaurant's
// sessions. Exact, in sorted arrays, Sets and Maps; `sketches.ts` takes a sketch for the quantiles.

import type { Answer, Cell } from "../answer.ts";
import {
  linesOf,
  WINDOW_MS,
  type Input,
  type ParsedOrder,
  type Task,
  type TaskName,
} from "../contender.ts";

const QUANTILES = [0.5, 0.9, 0.99];
const GAP_MS = 60_000;
const TOP_COUNT = 10;

/** What takes the totals of a window and tells their quantiles. */
export interface Distribution {
  add(value: number): void;
  at(quantile: number): number;
}

export class SortedValues implements Distribution {
  readonly #values: number[] = [];
  #isSorted = true;

  add(value: number): void {
    this.#values.push(value);
    this.#isSorted = false;
  }

  at(quantile: number): number {
    if (!this.#isSorted) this.#values.sort((a, b) => a - b);
    this.#isSorted = true;
    return this.#values[Math.floor(quantile * (this.#values.length - 1))]!;
  }
}

interface RestaurantWindow {
  count: number;
  readonly totals: Distribution;
  readonly customers: Set<string>;
}

interface CityWindow {
  count: number;
  readonly customers: Set<string>;
  readonly restaurants: Map<string, number>;
}

interface Session {
  start: number;
  end: number;
  count: number;
  sum: number;
}

class Distributions {
  readonly seen = new Set<string>();
  readonly #restaurants = new Map<string, RestaurantWindow>();
  readonly #city = new Map<number, CityWindow>();
  readonly #sessions = new Map<string, Session[]>();
  readonly #newDistribution: () => Distribution;
  #told: Answer["tables"] = {};

  constructor(newDistribution: () => Distribution) {
    this.#newDistribution = newDistribution;
  }

  add({ eventId, eventTime, data }: ParsedOrder): void {
    if (this.seen.has(eventId)) return;
    this.seen.add(eventId);
    const timeMs = Date.parse(eventTime);
    const start = timeMs - (timeMs % WINDOW_MS);
    this.#addToRestaurant(`${data.restaurantId}|${start}`, data);
    this.#addToCity(start, data);
    this.#addToSession(data.restaurantId, timeMs, data.orderTotal!);
  }

  #addToRestaurant(name: string, data: ParsedOrder["data"]): void {
    let window = this.#restaurants.get(name);
    if (window === undefined) {
      window = { count: 0, totals: this.#newDistribution(), customers: new Set() };
      this.#restaurants.set(name, window);
    }
    window.count++;
    window.totals.add(data.orderTotal!);
    window.customers.add(data.customerId);
  }

  #addToCity(start: number, { customerId, restaurantId }: ParsedOrder["data"]): void {
    let window = this.#city.get(start);
    if (window === undefined) {
      window = { count: 0, customers: new Set(), restaurants: new Map() };
      this.#city.set(start, window);
    }
    window.count++;
    window.customers.add(customerId);
    window.restaurants.set(restaurantId, (window.restaurants.get(restaurantId) ?? 0) + 1);
  }

  #addToSession(key: string, timeMs: number, total: number): void {
    const added: Session = { start: timeMs, end: timeMs + GAP_MS, count: 1, sum: total };
    const sessions = this.#sessions.get(key) ?? [];
    const apart = sessions.filter((session) => {
      if (session.end < added.start || session.start > added.end) return true;
      added.start = Math.min(added.start, session.start);
      added.end = Math.max(added.end, session.end);
      added.count += session.count;
      added.sum += session.sum;
      return false;
    });
    apart.push(added);
    this.#sessions.set(key, apart);
  }

  /** The quantiles are computed here, so it is part of the work. */
  tell(): void {
    const restaurants = [...this.#restaurants].map(([name, { count, totals, customers }]) => {
      const [key = "", start = ""] = name.split("|");
      return [key, Number(start), count, QUANTILES.map((q) => totals.at(q)), customers.size];
    });
    const city = [...this.#city].map(([start, { count, customers, restaurants }]) => {
      const busiest = [...restaurants]
        .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
        .slice(0, TOP_COUNT);
      return [start, count, customers.size, busiest] as Cell[];
    });
    const sessions = [...this.#sessions].flatMap(([key, list]) =>
      list.map(({ start, end, count, sum }) => [key, start, end, count, sum]),
    );
    this.#told = {
      restaurants: { keys: 2, rows: restaurants },
      city: { keys: 1, rows: city },
      sessions: { keys: 3, rows: sessions },
    };
  }

  answer(): Answer {
    return { events: this.seen.size, tables: this.#told };
  }
}

export function startWith(newDistribution: () => Distribution, { chunks }: Input): Task {
  const decoder = new TextDecoder();
  const distributions = new Distributions(newDistribution);
  return {
    run: () => {
      for (const chunk of chunks) {
        for (const line of linesOf(decoder, chunk)) {
          distributions.add(JSON.parse(line) as ParsedOrder);
        }
      }
      distributions.tell();
    },
    answer: () => distributions.answer(),
  };
}

export function start(_task: TaskName, input: Input): Task {
  return startWith(() => new SortedValues(), input);
}
