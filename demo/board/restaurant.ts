// The panel of one restaurant: this window large, the money, the hour as bars, the evening drawn.

import { Bars } from "./bars.ts";
import { Chart } from "./chart.ts";
import { WINDOW_MS } from "./mirror.ts";
import { byId, write } from "./page.ts";
import { NOTHING, count, money, windowTime } from "./reading.ts";
import type { Sight } from "./sight.ts";

export class RestaurantPanel {
  readonly #bars = new Bars(byId<SVGElement>("one-bars"));
  readonly #chart = new Chart();

  draw(sight: Sight): void {
    const { mirror, window, strip, selected } = sight;
    if (window === null || selected === null) return;
    const fact = mirror.fact(selected);
    write(byId("one-name"), mirror.name(selected));
    const about = fact === null ? selected : `${fact.cuisine} · ${zone(fact.zoneId)} · ${selected}`;
    write(byId("one-about"), about);
    const row = mirror.row(selected, window);
    const isFinal = row?.final ?? mirror.isFinal(window);
    const span = windowTime(window, window + WINDOW_MS);
    write(byId("one-window"), `${span} ${isFinal ? "final" : "so far"}`);
    const now = mirror.measures(selected, window);
    write(byId("one-orders"), count(now?.orders ?? 0));
    write(byId("one-revenue"), money(now?.revenue ?? null));
    write(byId("one-average"), money(now?.average ?? null));
    const { smallest = null, largest = null } = now ?? {};
    const range = smallest === null ? NOTHING : `${money(smallest)} – ${money(largest)}`;
    write(byId("one-range"), range);
    this.#drawFlag(sight, selected);
    const bars = strip.map((start) => {
      const own = mirror.row(selected, start);
      return {
        value: mirror.orders(selected, start),
        isFinal: own?.final ?? mirror.isFinal(start),
      };
    });
    const values = bars.map(({ value }) => value).join(", ");
    this.#bars.draw(bars, `Orders of ${mirror.name(selected)} in twelve windows: ${values}`);
    this.#chart.draw(sight, selected);
  }

  #drawFlag(sight: Sight, selected: string): void {
    const times = sight.surgeNow(selected);
    const before = sight.mirror.orders(selected, sight.window! - WINDOW_MS);
    const flag = byId("one-flag");
    write(flag, times === null ? `before: ${count(before)}` : `▲ ${times}× its usual`);
    flag.classList.toggle("flag", times !== null);
  }
}

function zone(zoneId: string): string {
  return zoneId.replace("ZONE-", "zone ");
}
