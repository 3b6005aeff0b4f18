// What the board looks at: the last twelve windows or twelve earlier ones, and one restaurant.

import { STRIP, WINDOW_MS, type Mirror } from "./mirror.ts";

/** So many times the orders of the windows before, and so many at least, are a surge. */
const SURGE_TIMES = 3;
const SURGE_ORDERS_MIN = 5;
/** Windows whose mean is the usual. */
const USUAL_WINDOWS = 6;

export class Sight {
  readonly mirror: Mirror;
  selected: string | null = null;
  /** The last window looked at; null: where the clock stands. */
  lookedAt: number | null = null;

  constructor(mirror: Mirror) {
    this.mirror = mirror;
  }

  get isLive(): boolean {
    return this.lookedAt === null;
  }

  /** The last window looked at. */
  get window(): number | null {
    return this.lookedAt ?? this.mirror.windowNow;
  }

  /** The starts of the windows on the strip, the last one last. */
  get strip(): number[] {
    const last = this.window;
    if (last === null) return [];
    return Array.from({ length: STRIP }, (_, index) => last - (STRIP - 1 - index) * WINDOW_MS);
  }

  /** How many times its usual orders a restaurant has in a window; null: no surge. */
  surge(restaurantId: string, windowStart: number): number | null {
    const { mirror } = this;
    const orders = mirror.orders(restaurantId, windowStart);
    if (orders < SURGE_ORDERS_MIN) return null;
    let before = 0;
    for (let back = 1; back <= USUAL_WINDOWS; back++) {
      before += mirror.orders(restaurantId, windowStart - back * WINDOW_MS);
    }
    // Who had next to nothing has half an order a window: dividing by less would alarm for little.
    const usual = Math.max(0.5, before / USUAL_WINDOWS);
    const times = orders / usual;
    return times >= SURGE_TIMES ? Math.round(times) : null;
  }

  /** The surge of the last window or the one before it, which may just have begun anew. */
  surgeNow(restaurantId: string): number | null {
    const last = this.window;
    if (last === null) return null;
    return this.surge(restaurantId, last) ?? this.surge(restaurantId, last - WINDOW_MS);
  }
}
