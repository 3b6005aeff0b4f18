// The truth a second time, from the parsed lines of a recording: what restaurant-metrics must say of
// them, by other means than the simulator's (BigInt pence, windows as lists).

import type { Answer, Row } from "../demo/city/truth.ts";

export const MINUTE = 60_000;
export const WINDOW = 5 * MINUTE;

type Text = Partial<
  Record<"orderId" | "restaurantId" | "customerId" | "zoneId" | "total" | "placedAt", string>
>;
type Money = Partial<Record<"orderTotal" | "amount", number>>;
export type Data = Text & Money & { isAsap?: boolean; items?: { qty: number; price: number }[] };

type Names = "eventId" | "eventType" | "eventVersion" | "eventTime" | "correlationId" | "source";
export type Sent = Record<Names, string> & { causationId?: string; data: Data; receivedAt: number };
/** A well-formed line, with its place and its event time. */
export type Line = { index: number; at: number; sent: Sent };

export function totalOf({ orderTotal, total }: Data): number {
  return orderTotal ?? Number(total);
}

/** The value at rank floor(q (n - 1)) of the sorted values. */
export function quantileOf(q: number, values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? 0;
}

/** semantics.md once more, over parsed lines; sums as whole pence, read back from decimal text. */
export function recompute(list: Line[]): Answer<Row> {
  const windows = new Map<string, Data[]>();
  const late: Answer<Row>["late"] = [];
  let clock = 0;
  for (const { index, at, sent } of list) {
    clock = Math.max(clock, at);
    if (sent.eventType !== "order.created") continue;
    const start = at - (at % WINDOW);
    const window = { start, end: start + WINDOW };
    const name = `${start} ${sent.data.restaurantId}`;
    if (clock >= window.end + MINUTE) late.push({ line: index, window, lateMs: clock - at });
    else windows.set(name, [...(windows.get(name) ?? []), sent.data]);
  }
  const ordered = [...windows].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = (totals: (data: Data) => number[]): Row[] =>
    ordered.map(([name, orders]) => rowOf(name, orders, orders.flatMap(totals), clock));
  const asSent = rows(({ orderTotal }) => (orderTotal === undefined ? [] : [orderTotal]));
  return { asSent, upcast: rows((data) => [totalOf(data)]), late };
}

function rowOf(name: string, list: Data[], inputs: number[], clock: number): Row {
  const [time, restaurantId = ""] = name.split(" ");
  const start = Number(time);
  const end = start + WINDOW;
  const pence = inputs.reduce((sum, value) => sum + BigInt(value.toFixed(2).replace(".", "")), 0n);
  const revenue = Number(`${pence / 100n}.${String(pence % 100n).padStart(2, "0")}`);
  const average = revenue / inputs.length;
  const [smallest, largest] = [Math.min(...inputs), Math.max(...inputs)];
  const p90 = quantileOf(0.9, inputs);
  const orders = list.length;
  const customers = Object.keys(Object.groupBy(list, ({ customerId = "" }) => customerId)).length;
  const none = { revenue: null, average: null, smallest: null, largest: null, p90: null };
  const money = inputs.length === 0 ? none : { revenue, average, smallest, largest, p90 };
  const value = { orders, ...money, customers };
  const final = clock >= end + MINUTE;
  const revision = orders + (final ? 1 : 0);
  return { key: { restaurantId }, window: { start, end }, value, revision, final };
}
