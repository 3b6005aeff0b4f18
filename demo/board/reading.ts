// How numbers and times read on the board: the city's clock (UTC as recorded) and its money.

const DAY = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});
const COUNT = new Intl.NumberFormat("en-GB");
const MONEY = new Intl.NumberFormat("en-GB", { style: "currency", currency: "GBP" });
const MONEY_WHOLE = new Intl.NumberFormat("en-GB", {
  style: "currency",
  currency: "GBP",
  maximumFractionDigits: 0,
});

export const NOTHING = "–";

/** 19:42:08 */
export function clockTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

/** 19:42 */
export function minuteTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

/** Fri 15 Mar */
export function day(ms: number): string {
  return DAY.format(ms).replace(",", "");
}

export function count(value: number): string {
  return COUNT.format(value);
}

/** 1 row, 2 rows */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function money(value: number | null): string {
  return value === null ? NOTHING : MONEY.format(value);
}

export function wholeMoney(value: number): string {
  return MONEY_WHOLE.format(value);
}

/** 19:40–19:45 */
export function windowTime(start: number, end: number): string {
  return `${minuteTime(start)}–${minuteTime(end)}`;
}
