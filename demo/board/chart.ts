// The evening of one restaurant: orders as bars, revenue as a line, one axis each; windows not yet
// final are dashed. A table of the same numbers stands behind it.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { WINDOW_MS } from "./mirror.ts";
import { byId, make, setAttribute, write } from "./page.ts";
import { count, minuteTime, money } from "./reading.ts";
import type { Sight } from "./sight.ts";

/** A service is drawn at least so wide, so that bars do not shrink while it fills. */
const SERVICE_MS_MIN = 4 * 3_600_000;
const AXIS = 30;
/** Orders are whole: so are the steps of their axis. */
const ORDER_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

interface Drawn {
  readonly starts: readonly number[];
  readonly orders: readonly (number | null)[];
  readonly revenue: readonly (number | null)[];
  readonly finalUntil: number;
}

export class Chart {
  readonly #box = byId("chart");
  readonly #table = byId("chart-table");
  readonly #toggle = byId<HTMLButtonElement>("chart-table-toggle");
  #plot: uPlot | null = null;
  #drawn: Drawn = { starts: [], orders: [], revenue: [], finalUntil: 0 };
  #told = "";

  constructor() {
    new ResizeObserver(() => this.#resize()).observe(this.#box);
    this.#toggle.addEventListener("click", () => this.#showTable(this.#table.hidden !== false));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#remake());
    new MutationObserver(() => this.#remake()).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
  }

  draw(sight: Sight, restaurantId: string): void {
    const { mirror, window } = sight;
    const starts = mirror.service(window ?? 0);
    const own = starts.map((start) => mirror.measures(restaurantId, start));
    const finals = starts.filter((start) => mirror.isFinal(start));
    this.#drawn = {
      starts,
      orders: own.map((measures) => measures?.orders ?? 0),
      revenue: own.map((measures) => measures?.revenue ?? 0),
      finalUntil: (finals.at(-1) ?? -Infinity) + WINDOW_MS,
    };
    const told = JSON.stringify(this.#drawn);
    if (told === this.#told) return;
    this.#told = told;
    if (this.#plot === null) this.#remake();
    else this.#setData(this.#plot);
    if (!this.#table.hidden) this.#drawTable();
  }

  #setData(plot: uPlot): void {
    plot.setData(this.#data(), false);
    plot.batch(() => {
      const [min, max] = this.#range();
      plot.setScale("x", { min, max });
      plot.setScale("orders", { min: 0, max: ceiling(this.#drawn.orders, 4) });
      plot.setScale("revenue", { min: 0, max: ceiling(this.#drawn.revenue, 100) });
    });
  }

  #data(): uPlot.AlignedData {
    const { starts, orders, revenue } = this.#drawn;
    // A window is drawn at its middle.
    const middles = starts.map((start) => (start + WINDOW_MS / 2) / 1000);
    // What is final is a line; it goes on dashed to what is so far.
    const known = revenue.map((pounds, index) => (this.#isFinalAt(index) ? pounds : null));
    const soFar = revenue.map((pounds, index) => (this.#isFinalAt(index + 1) ? null : pounds));
    return [middles, [...orders], known, soFar];
  }

  #isFinalAt(index: number): boolean {
    return (this.#drawn.starts[index] ?? Infinity) < this.#drawn.finalUntil;
  }

  #range(): [number, number] {
    const { starts } = this.#drawn;
    const first = starts[0] ?? 0;
    const last = Math.max((starts.at(-1) ?? 0) + WINDOW_MS, first + SERVICE_MS_MIN);
    return [first / 1000, last / 1000];
  }

  #remake(): void {
    this.#plot?.destroy();
    this.#plot = null;
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (width === 0 || height === 0 || this.#drawn.starts.length === 0) return;
    this.#plot = new uPlot(this.#options(width, height), this.#data(), this.#box);
    this.#setData(this.#plot);
  }

  #options(width: number, height: number): uPlot.Options {
    const ink = (name: string): string => inkOf(this.#box, name);
    const [data, line, faint] = [ink("--data"), ink("--line"), ink("--dim")];
    const font = `11px ${getComputedStyle(this.#box).fontFamily}`;
    const axis = { stroke: faint, font, ticks: { show: false }, grid: { show: false } };
    const revenue = {
      scale: "revenue",
      stroke: ink("--data-line"),
      width: 1.75,
      points: { show: false },
    };
    return {
      width,
      height,
      padding: [8, 0, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      hooks: { setCursor: [(plot) => this.#point(plot.cursor.idx ?? null)] },
      scales: {
        x: { time: true, auto: false },
        orders: { auto: false },
        revenue: { auto: false },
      },
      axes: [
        { ...axis, size: 22, space: 48, values: (_, at) => at.map((s) => minuteTime(s * 1000)) },
        {
          ...axis,
          scale: "orders",
          size: AXIS - 6,
          space: 34,
          incrs: ORDER_STEPS,
          grid: { stroke: line, width: 1 },
        },
        {
          ...axis,
          scale: "revenue",
          side: 1,
          size: AXIS + 10,
          space: 34,
          values: (_, at) => at.map((pounds) => `£${pounds}`),
        },
      ],
      series: [
        {},
        {
          scale: "orders",
          points: { show: false },
          paths: bars(data, (index) => this.#isFinalAt(index)),
        },
        revenue,
        { ...revenue, dash: [3, 3] },
      ],
    };
  }

  /** Writes the numbers of the window under the pointer. */
  #point(index: number | null): void {
    const { starts, orders, revenue } = this.#drawn;
    const start = index === null ? undefined : starts[index];
    if (index === null || start === undefined) return write(byId("chart-at"), "");
    const own = `${count(orders[index] ?? 0)} · ${money(revenue[index] ?? 0)}`;
    write(byId("chart-at"), `${minuteTime(start)}  ${own}`);
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (this.#plot === null) this.#remake();
    else if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  #showTable(isShown: boolean): void {
    this.#table.hidden = !isShown;
    this.#box.hidden = isShown;
    setAttribute(this.#toggle, "aria-expanded", String(isShown));
    write(this.#toggle, isShown ? "as a chart" : "as a table");
    if (isShown) this.#drawTable();
  }

  #drawTable(): void {
    const { starts, orders, revenue } = this.#drawn;
    const head = ["Window", "Orders", "Revenue"].map((name) => make("th", { scope: "col" }, name));
    const rows = starts.map((start, index) => {
      const name = make("th", { scope: "row" }, minuteTime(start));
      const own = [count(orders[index] ?? 0), money(revenue[index] ?? 0)];
      return make("tr", {}, name, ...own.map((text) => make("td", {}, text)));
    });
    const caption = make("caption", { class: "unseen" }, "Orders and revenue by window");
    const table = make("table", { class: "plain" }, caption);
    table.append(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
    this.#table.replaceChildren(table);
  }
}

/** Bars: filled where the window is final, a dashed outline where it is not. */
function bars(ink: string, isFinalAt: (index: number) => boolean): uPlot.Series.PathBuilder {
  return (plot, seriesIndex, from, to) => {
    const { ctx } = plot;
    const times = plot.data[0];
    const values = plot.data[seriesIndex]!;
    const zero = plot.valToPos(0, "orders", true);
    const pitch = plot.valToPos(WINDOW_MS / 1000, "x", true) - plot.valToPos(0, "x", true);
    const width = Math.max(1, Math.round(pitch * 0.72));
    ctx.save();
    ctx.fillStyle = ink;
    ctx.strokeStyle = ink;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 2 * devicePixelRatio]);
    for (let index = from; index <= to; index++) {
      const value = values[index] ?? 0;
      if (value === 0) continue;
      const left = Math.round(plot.valToPos(times[index]!, "x", true) - width / 2);
      const top = Math.round(plot.valToPos(value, "orders", true));
      ctx.globalAlpha = isFinalAt(index) ? 0.45 : 1;
      if (isFinalAt(index)) ctx.fillRect(left, top, width, zero - top);
      else ctx.strokeRect(left + 0.5, top + 0.5, width - 1, zero - top - 1);
    }
    ctx.restore();
    return null;
  };
}

/** The next multiple of `step` above all values. */
function ceiling(values: readonly (number | null)[], step: number): number {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  return Math.max(1, Math.ceil((most * 1.05) / step)) * step;
}

/** A colour of the theme as the canvas takes it. */
function inkOf(place: Element, name: string): string {
  const probe = make("i");
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
