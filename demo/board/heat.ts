// The heat strip: restaurants by windows, the busiest of the hour first. They are put in order anew
// at most every two seconds. While a hand or the focus is in the table, rows keep still, and
// restaurants that had no row are added at its end.

import type { Sight } from "./sight.ts";
import { WINDOW_MS } from "./mirror.ts";
import { byId, make, setAttribute, write } from "./page.ts";
import { minuteTime } from "./reading.ts";

/** Orders at which a cell has its full colour. */
const FULL_ORDERS = 16;
const FULL_PERCENT = 88;
/** From here on black ink is the more readable; either has 4.5:1 wherever it stands. */
const INK_PERCENT = 70;
const ORDER_MS_MIN = 2_000;

interface Line {
  readonly row: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  readonly name: HTMLElement;
  readonly flag: HTMLElement;
  readonly cells: readonly Cell[];
}

interface Cell {
  readonly cell: HTMLTableCellElement;
  readonly count: Text;
  readonly late: HTMLElement;
  told: string;
}

export class Heat {
  readonly #head = byId<HTMLTableElement>("heat").tHead!;
  readonly #body = byId<HTMLTableElement>("heat").tBodies[0]!;
  readonly #empty = byId("heat-empty");
  readonly #select: (restaurantId: string) => void;
  readonly #lines = new Map<string, Line>();
  #order: string[] = [];
  #orderedAt = -Infinity;
  /** The row that Tab reaches. */
  #stop: string | null = null;

  constructor(select: (restaurantId: string) => void) {
    this.#select = select;
    this.#head.append(make("tr", {}, make("th", { scope: "col" }, unseen("Restaurant"))));
    this.#body.addEventListener("click", (event) => {
      const row = (event.target as Element).closest("tr");
      if (row?.dataset["id"] !== undefined) select(row.dataset["id"]);
    });
    this.#body.addEventListener("keydown", (event) => this.#onKey(event));
    this.#body.addEventListener("focusin", (event) => {
      const row = (event.target as Element).closest("tr");
      if (row?.dataset["id"] !== undefined) this.#setStop(row.dataset["id"]);
    });
  }

  draw(sight: Sight, wall: number): void {
    const { strip } = sight;
    this.#drawHead(strip);
    if (this.#isOrderDue(wall)) this.#putInOrder(sight, strip, wall);
    for (const restaurantId of this.#order) this.#drawLine(sight, restaurantId, strip);
    const isEmpty = this.#order.length === 0;
    this.#empty.hidden = !isEmpty;
    if (isEmpty && sight.mirror.frame !== null) {
      const { state, fault } = sight.mirror.frame;
      const words = fault === null ? "No orders in this hour." : "Nothing could be read.";
      write(this.#empty, state === "opening" ? "Reading the log…" : words);
    }
  }

  /** Orders the rows at the next draw, whatever the time. */
  orderAnew(): void {
    this.#orderedAt = -Infinity;
  }

  #isOrderDue(wall: number): boolean {
    return wall - this.#orderedAt > ORDER_MS_MIN;
  }

  get #isTouched(): boolean {
    return this.#body.matches(":hover") || this.#body.contains(document.activeElement);
  }

  #putInOrder(sight: Sight, strip: readonly number[], wall: number): void {
    const { mirror } = sight;
    const totals: [string, number][] = [];
    for (const restaurantId of mirror.restaurantIds) {
      let total = 0;
      for (const start of strip) total += mirror.orders(restaurantId, start);
      if (total > 0) totals.push([restaurantId, total]);
    }
    totals.sort(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1));
    let order = totals.map(([restaurantId]) => restaurantId);
    if (this.#orderedAt !== -Infinity && this.#isTouched) {
      order = [...this.#order, ...order.filter((restaurantId) => !this.#lines.has(restaurantId))];
    }
    if (order.length > 0) this.#orderedAt = wall;
    if (order.join() === this.#order.join()) return;
    const kept = new Set(order);
    for (const [restaurantId, { row }] of this.#lines) {
      if (kept.has(restaurantId)) continue;
      row.remove();
      this.#lines.delete(restaurantId);
    }
    order.forEach((restaurantId, index) => {
      const { row } = this.#line(restaurantId);
      const standing = this.#body.rows[index];
      if (standing !== row) this.#body.insertBefore(row, standing ?? null);
    });
    this.#order = order;
    if (this.#stop === null || !kept.has(this.#stop)) this.#setStop(order[0] ?? null);
  }

  get first(): string | null {
    return this.#order[0] ?? null;
  }

  #line(restaurantId: string): Line {
    const known = this.#lines.get(restaurantId);
    if (known !== undefined) return known;
    const name = make("span", { class: "name" });
    const flag = make("span", { class: "flag" });
    const button = make("button", { type: "button", tabindex: "-1" }, name, flag);
    const row = make("tr", { "data-id": restaurantId }, make("th", { scope: "row" }, button));
    const cells: Cell[] = [];
    while (cells.length < this.#head.rows[0]!.cells.length - 1) {
      const count = document.createTextNode("");
      const late = make("sup");
      const cell = make("td", {}, count, late);
      row.append(cell);
      cells.push({ cell, count, late, told: "" });
    }
    const line = { row, button, name, flag, cells };
    this.#lines.set(restaurantId, line);
    return line;
  }

  #drawHead(strip: readonly number[]): void {
    const row = this.#head.rows[0]!;
    strip.forEach((start, index) => {
      let cell = row.cells[index + 1];
      if (cell === undefined) row.append((cell = make("th", { scope: "col" })));
      const isLast = index === strip.length - 1;
      const isMarked = isLast || (start / WINDOW_MS) % 3 === 0;
      write(cell, minuteTime(start));
      setAttribute(cell, "class", isMarked ? null : "between");
    });
  }

  #drawLine(sight: Sight, restaurantId: string, strip: readonly number[]): void {
    const { mirror } = sight;
    const line = this.#lines.get(restaurantId);
    if (line === undefined) return;
    const times = sight.surgeNow(restaurantId);
    write(line.name, mirror.name(restaurantId));
    write(line.flag, times === null ? "" : `▲ ${times}× usual`);
    const isSelected = sight.selected === restaurantId;
    setAttribute(line.button, "aria-current", isSelected ? "true" : null);
    strip.forEach((start, index) => {
      const cell = line.cells[index];
      if (cell === undefined) return;
      const row = mirror.row(restaurantId, start);
      const isFinal = row?.final ?? mirror.isFinal(start);
      drawCell(cell, mirror.orders(restaurantId, start), isFinal, mirror.late(restaurantId, start));
    });
  }

  #onKey(event: KeyboardEvent): void {
    const steps: { [key: string]: number } = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 10,
      PageUp: -10,
    };
    const at = this.#order.indexOf(this.#stop ?? "");
    const last = this.#order.length - 1;
    const step = steps[event.key];
    let to = step === undefined ? null : Math.min(last, Math.max(0, at + step));
    if (event.key === "Home") to = 0;
    if (event.key === "End") to = last;
    const restaurantId = to === null ? undefined : this.#order[to];
    if (restaurantId === undefined) return;
    event.preventDefault();
    this.#setStop(restaurantId);
    this.#lines.get(restaurantId)?.button.focus();
    this.#select(restaurantId);
  }

  #setStop(restaurantId: string | null): void {
    if (this.#stop !== null) this.#lines.get(this.#stop)?.button.setAttribute("tabindex", "-1");
    this.#stop = restaurantId;
    if (restaurantId !== null) this.#lines.get(restaurantId)?.button.setAttribute("tabindex", "0");
  }
}

function drawCell(cell: Cell, orders: number, isFinal: boolean, late: number): void {
  const told = `${orders} ${isFinal} ${late}`;
  if (cell.told === told) return;
  cell.told = told;
  const percent = Math.round(Math.min(1, orders / FULL_ORDERS) * FULL_PERCENT);
  cell.count.data = orders === 0 ? "" : String(orders);
  cell.cell.style.setProperty("--heat", `${percent}%`);
  const classes = [isFinal ? "" : "so-far", percent >= INK_PERCENT ? "hot" : ""];
  cell.cell.className = classes.join(" ").trim();
  write(cell.late, late === 0 ? "" : `+${late}`);
  const sentence = `${late} came too late and ${late === 1 ? "is" : "are"} left out`;
  setAttribute(cell.cell, "title", late === 0 ? null : sentence);
}

function unseen(text: string): HTMLElement {
  return make("span", { class: "unseen" }, text);
}
