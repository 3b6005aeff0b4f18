// Every row of the view as a table: for people in pages, or all at once. A cell tells its exact
// value to machines (`<data value>`, `<time datetime>`) and a rounded one to people.

import type { Row } from "../../engine/index.ts";
import type { Dialog } from "./dialog.ts";
import { boundsOf, idOf, measuresOf, type Mirror } from "./mirror.ts";
import { byId, make, write } from "./page.ts";
import { NOTHING, clockTime, count, counted, day, minuteTime, money } from "./reading.ts";

const PAGE_ROWS = 200;
const COLUMNS = [
  "Window",
  "Restaurant",
  "Orders",
  "Revenue",
  "Average",
  "Smallest",
  "Largest",
  "p90",
  "Customers",
  "State",
];

export class AllRows {
  readonly #mirror: Mirror;
  readonly #dialog: Dialog;

  constructor(mirror: Mirror, dialog: Dialog) {
    this.#mirror = mirror;
    this.#dialog = dialog;
    byId("all-rows").addEventListener("click", () => this.#open());
  }

  #open(): void {
    const rows = this.#mirror.allRows();
    const clock = this.#mirror.frame?.clock ?? null;
    const asOf = clock === null ? "" : ` as of ${day(clock)} ${clockTime(clock)}`;
    const body = make("tbody");
    const place = make("span", { class: "pages" });
    let first = 0;
    const show = (from: number, most: number): void => {
      first = Math.max(0, Math.min(from, rows.length - 1));
      const page = rows.slice(first, first + most);
      body.replaceChildren(...page.map((row) => this.#row(row)));
      const span = `${count(first + 1)} – ${count(first + page.length)}`;
      write(place, page.length === 0 ? "none" : span);
      byId("dialog-body").scrollTop = 0;
    };
    const tool = (name: string, act: () => void): HTMLButtonElement => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", act);
      return button;
    };
    const tools = [
      tool("Earlier", () => show(first - PAGE_ROWS, PAGE_ROWS)),
      place,
      tool("Later", () => {
        if (first + PAGE_ROWS < rows.length) show(first + PAGE_ROWS, PAGE_ROWS);
      }),
      tool("All on one page", () => show(0, rows.length)),
    ];
    const head = make("tr", {}, ...COLUMNS.map((name) => make("th", { scope: "col" }, name)));
    const caption = make("caption", { class: "unseen" }, `Every row of the view${asOf}`);
    const table = make("table", { class: "plain", id: "rows-table" }, caption);
    table.append(make("thead", {}, head), body);
    const note = `${counted(rows.length, "row")}${asOf}`;
    this.#dialog.show({ title: "All rows", note, tools, body: [table] });
    show(rows.length - PAGE_ROWS, PAGE_ROWS);
  }

  #row(row: Row): HTMLTableRowElement {
    const { start, end } = boundsOf(row);
    const { orders, revenue, average, smallest, largest, p90, customers } = measuresOf(row);
    const id = idOf(row);
    const window = make("td", {}, `${day(start)} `, time(start), "–", time(end));
    const name = make("th", { scope: "row" }, make("data", { value: id }, this.#mirror.name(id)));
    const sums = [revenue, average, smallest, largest, p90];
    const pounds = sums.map((value) => exact(value, money(value)));
    const state = make("td", { class: row.final ? "" : "so-far" }, row.final ? "final" : "so far");
    const guests = exact(customers, count(customers));
    return make("tr", {}, window, name, exact(orders, count(orders)), ...pounds, guests, state);
  }
}

function time(ms: number): HTMLElement {
  return make("time", { datetime: new Date(ms).toISOString() }, minuteTime(ms));
}

function exact(value: number | null, text: string): HTMLElement {
  if (value === null) return make("td", {}, make("data", { value: "" }, NOTHING));
  return make("td", {}, make("data", { value: String(value) }, text));
}
