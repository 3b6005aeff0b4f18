// The whole city: this window and the service so far.

import { Bars } from "./bars.ts";
import { WINDOW_MS, noOrders } from "./mirror.ts";
import { byId, write } from "./page.ts";
import { NOTHING, count, counted, minuteTime, money, wholeMoney, windowTime } from "./reading.ts";
import type { Sight } from "./sight.ts";

export class Totals {
  readonly #bars = new Bars(byId<SVGElement>("city-bars"));

  draw(sight: Sight): void {
    const { mirror, window, strip } = sight;
    if (window === null) return;
    const now = mirror.sum(window);
    const before = mirror.sum(window - WINDOW_MS);
    const state = mirror.isFinal(window) ? "final" : "so far";
    write(byId("city-orders"), count(now.orders));
    write(byId("city-window"), `${windowTime(window, window + WINDOW_MS)} ${state}`);
    write(byId("city-revenue"), wholeMoney(now.pence / 100));
    write(byId("city-average"), `before: ${wholeMoney(before.pence / 100)}`);
    const bars = strip.map((start) => {
      return { value: mirror.sum(start).orders, isFinal: mirror.isFinal(start) };
    });
    const label = `Orders of the city in 12 windows: ${bars.map(({ value }) => value).join(", ")}`;
    this.#bars.draw(bars, label);
    this.#drawService(sight, window);
  }

  #drawService(sight: Sight, window: number): void {
    const { mirror } = sight;
    const service = mirror.service(window).filter((start) => start <= window);
    const sum = noOrders();
    for (const start of service) {
      const { orders, pence, priced } = mirror.sum(start);
      sum.orders += orders;
      sum.pence += pence;
      sum.priced += priced;
    }
    const since = service[0];
    for (const id of ["evening-orders", "evening-revenue"]) {
      const heading = byId(id).previousElementSibling!;
      const what = id === "evening-orders" ? "Orders" : "Revenue";
      write(heading, since === undefined ? `${what} so far` : `${what} since ${minuteTime(since)}`);
    }
    write(byId("evening-orders"), count(sum.orders));
    const when = sight.isLive ? "now" : "then";
    const restaurants = counted(mirror.sum(window).restaurants, "restaurant");
    write(byId("evening-restaurants"), `${restaurants} ${when}`);
    write(byId("evening-revenue"), wholeMoney(sum.pence / 100));
    const average = sum.priced === 0 ? NOTHING : money(sum.pence / 100 / sum.priced);
    write(byId("evening-average"), `avg ${average}, n ${count(sum.priced)}`);
  }
}
