// Hours of a city's orders through one engine, as fast as they go: time is the events' own. Used in
// Node and, bundled, as a page's script; the log is on a disk, so that what stays in memory is what
// the plan keeps.

import { Mirror, open, type Engine, type Store } from "../../engine/index.ts";
import { indexeddb } from "../../engine/store/indexeddb.ts";

const SECOND = 1000;
const START = Date.UTC(2026, 4, 1, 17);
/** The recording's own: 51,940 lines in four hours. */
const LINES_A_SECOND = 3.6;
const PUSH_MS = 10 * SECOND;
const RESTAURANTS = 250;
const CUSTOMERS = 4000;

/** A plan that keeps what it is asked about for `keep`, and no longer. */
export function planOf(keep: string) {
  const key = { restaurantId: "data.restaurantId" };
  const windows = { from: ["order.created"], key, retain: keep };
  const sum = { fn: "sum", of: "data.orderTotal" };
  return {
    version: 1,
    clock: { dedup: keep, idle: "never" },
    tables: {
      restaurants: { from: ["restaurant.updated"], key: "data.restaurantId", history: keep },
    },
    queries: [
      {
        ...windows,
        name: "metrics",
        with: [{ table: "restaurants", on: "data.restaurantId", as: "restaurant" }],
        window: { kind: "tumbling", size: "1m", grace: "10s" },
        aggregate: {
          orders: { fn: "count" },
          revenue: sum,
          p90: { fn: "quantile", q: 0.9, of: "data.orderTotal" },
          customers: { fn: "distinct", of: "data.customerId" },
          zone: { fn: "last", of: "restaurant.data.zoneId" },
        },
      },
      {
        ...windows,
        name: "last",
        window: { kind: "hopping", size: "2m", every: "30s", grace: "10s" },
        aggregate: { revenue: sum },
      },
      {
        ...windows,
        name: "rush",
        window: { kind: "session", gap: "1m", grace: "10s" },
        aggregate: { orders: { fn: "count" } },
      },
      {
        name: "delivery",
        span: {
          from: ["order.created"],
          to: ["order.delivered"],
          on: "data.orderId",
          within: "2m",
          wait: "5s",
        },
        key,
        window: { kind: "tumbling", size: "1m", grace: "10s" },
        aggregate: { p50: { fn: "quantile", q: 0.5, of: "span.duration" } },
        retain: keep,
      },
    ],
  };
}

export class LongRun {
  readonly engine: Engine;
  readonly #mirrors: Mirror[] = [];
  #now = START;
  #count = 0;

  private constructor(engine: Engine) {
    this.engine = engine;
    for (const { name, key } of engine.plan.queries) {
      const mirror = new Mirror(key.map((each) => each.name));
      engine.onRows(name, (delta) => mirror.apply(delta));
      this.#mirrors.push(mirror);
    }
  }

  static async begin(keep: string, store: Store): Promise<LongRun> {
    return new LongRun(await open({ plan: planOf(keep), store }));
  }

  static beginInBrowser(keep: string): Promise<LongRun> {
    return LongRun.begin(keep, indexeddb("long-run"));
  }

  /** Lets `minutes` of events in, with one rush in the midst of them; the state's size and rows. */
  async play(minutes: number): Promise<{ stateBytes: number; rows: number; events: number }> {
    const begin = this.#now;
    const length = minutes * 60 * SECOND;
    while (this.#now < begin + length) {
      const share = (this.#now - begin) / length;
      const rate = LINES_A_SECOND * (1 - Math.cos(2 * Math.PI * share) * 0.8);
      const lines = Math.round((rate * PUSH_MS) / SECOND);
      const text = Array.from({ length: lines }, (_, at) => this.#line(at / lines)).join("\n");
      this.#now += PUSH_MS;
      await this.engine.push(text, { receivedAt: this.#now });
    }
    const rows = this.#mirrors.reduce((sum, mirror) => sum + mirror.rows().length, 0);
    return { stateBytes: this.engine.stats().stateBytes, rows, events: this.#count };
  }

  /** Orders, two of three delivered after a minute, and now and then a restaurant that changes. */
  #line(share: number): string {
    const number = this.#count++;
    const time = this.#now + Math.floor(share * PUSH_MS);
    const order = number % 2 === 0 ? number : number - 401;
    const type = number % 500 === 1 ? "restaurant.updated" : "order.created";
    const isDelivery = number % 2 === 1 && number % 3 !== 0 && type === "order.created";
    return JSON.stringify({
      eventId: `e-${number}`,
      eventType: isDelivery ? "order.delivered" : type,
      eventVersion: "1.0",
      eventTime: new Date(time).toISOString(),
      correlationId: `c-${order}`,
      data: {
        orderId: `o-${order}`,
        restaurantId: `REST-${(order * order + 7 * order) % RESTAURANTS}`,
        customerId: `CUST-${(order * 7919) % CUSTOMERS}`,
        zoneId: `ZONE-${order % 12}`,
        orderTotal: ((order * 37) % 9000) / 100,
      },
    });
  }
}

declare global {
  var LongRunOfPage: typeof LongRun;
  var longRun: LongRun;
}
globalThis.LongRunOfPage = LongRun;
