// Recordings of three days around a shift of the clocks, through `millrace run`: local days of 23,
// 25, 23.5 and 24.5 hours, from midnight and as business days that end at four. What a day must sum
// to is found another way: by asking Intl, minute by minute and event by event, what the wall clock
// shows.

import { describe, expect, test } from "vitest";
import { seeded, type Random } from "../event/random.ts";
import { chunksOf, event, folder, millrace } from "./terminal.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The disorder of the recording is less. */
const GRACE = "30m";

const SHIFTS = [
  { zone: "Europe/Berlin", date: "2024-03-31", hours: 23 },
  { zone: "Europe/Berlin", date: "2024-10-27", hours: 25 },
  { zone: "America/New_York", date: "2024-03-10", hours: 23 },
  { zone: "America/New_York", date: "2024-11-03", hours: 25 },
  { zone: "Australia/Lord_Howe", date: "2024-10-06", hours: 23.5 },
  { zone: "Australia/Lord_Howe", date: "2024-04-07", hours: 24.5 },
] as const;

/** When the business day begins. The clocks shift at two in the morning: it is that of the day before. */
const BEGINS = [
  { offset: "0s", hour: 0 },
  { offset: "4h", hour: 4 },
] as const;

/** The date whose day, from `hour` on, it is at an instant. */
function dateOf(format: Intl.DateTimeFormat, hour: number, timeMs: number): string {
  const parts = Object.fromEntries(
    format.formatToParts(timeMs).map((each) => [each.type, each.value]),
  );
  const date = `${parts["year"]}-${parts["month"]}-${parts["day"]}`;
  return Number(parts["hour"]) >= hour ? date : dayBefore(date);
}

function dayBefore(date: string): string {
  return new Date(Date.parse(date) - DAY).toISOString().slice(0, 10);
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const digits = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit" } as const;
  return new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", ...digits });
}

interface Sent {
  readonly timeMs: number;
  readonly cents: number;
}

/** Every minute between `from` and `to`, by the date of its day. */
function minutesByDate(zone: string, hour: number, from: number, to: number) {
  const format = formatOf(zone);
  const count = (to - from) / MINUTE;
  const minutes = Array.from({ length: count }, (_, index) => from + index * MINUTE);
  return Map.groupBy(minutes, (minute) => dateOf(format, hour, minute));
}

interface Day {
  readonly date: string;
  readonly start: number;
  readonly end: number;
}

/** The whole days about a date, in order. */
function daysAbout(zone: string, hour: number, date: string): Day[] {
  const [from, to] = [Date.parse(date) - 2 * DAY, Date.parse(date) + 3 * DAY];
  const days = [...minutesByDate(zone, hour, from, to)].map(([own, minutes]) => {
    return { date: own, start: minutes[0]!, end: minutes.at(-1)! + MINUTE };
  });
  // The first and the last are cut off by the search.
  return days.slice(1, -1);
}

/** Orders every few minutes, the first and the last ms of every day among them; some come late. */
function ordersOf(random: Random, days: readonly Day[]): Sent[] {
  const times = days.flatMap(({ start, end }) => [start, start + 1, end - 1]);
  const end = days.at(-1)!.end;
  for (let time = days[0]!.start; time < end; time += random.below(12 * MINUTE)) times.push(time);
  return times
    .map((timeMs) => ({
      timeMs,
      cents: random.below(10_000),
      at: timeMs + random.below(20 * MINUTE),
    }))
    .toSorted((a, b) => a.at - b.at);
}

const file = folder();

describe.each(SHIFTS)("$zone about $date", ({ zone, date, hours }) => {
  test.each(BEGINS)("days from $hour:00 have their hours and sums", async ({ offset, hour }) => {
    const days = daysAbout(zone, hour, date);
    const shiftDay = hour === 0 ? date : dayBefore(date);
    expect(days.length).toBeGreaterThanOrEqual(3);
    for (const { date: own, start, end } of days) {
      expect([own, (end - start) / HOUR]).toEqual([own, own === shiftDay ? hours : 24]);
    }
    const sent: Sent[] = [];
    seeded((random) => sent.push(...ordersOf(random, days)));
    const format = formatOf(zone);
    const byDate = Map.groupBy(sent, ({ timeMs }) => dateOf(format, hour, timeMs));
    const wanted = days.map(({ date: own, start, end }) => {
      const orders = byDate.get(own)!;
      const cents = orders.reduce((sum, each) => sum + each.cents, 0);
      return { start, end, value: { orders: orders.length, revenue: cents / 100 } };
    });
    expect(await run(zone, offset, sent)).toEqual(wanted);
  });
});

async function run(timezone: string, offset: string, sent: readonly Sent[]) {
  const window = { kind: "tumbling", size: "1d", timezone, offset, grace: GRACE };
  const aggregate = { orders: { fn: "count" }, revenue: { fn: "sum", of: "data.total" } };
  const query = { name: "days", from: ["*"], key: {}, window, aggregate };
  const plan = file("plan.json", { version: 1, queries: [query] });
  const lines = sent.map(({ timeMs, cents }, index) => {
    return event(`order-${index}`, timeMs, { data: { total: cents / 100 } });
  });
  const recording = file("recording.ndjson", `${lines.join("\n")}\n`);
  const words = ["--flush", "--emit", "final", "--batch", "50"];
  const { code, changes, told } = await millrace(["run", plan, recording, ...words], chunksOf(""));
  expect(code, told.join("\n")).toBe(0);
  return changes.map(({ window: { start, end }, value }) => ({ start, end, value }));
}
