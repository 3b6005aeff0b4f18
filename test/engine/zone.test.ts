// Calendar windows: days as a zone's wall clock has them, and the zone's years in the log.

import { expect, test } from "vitest";
import { readZoneYear } from "../../engine/event/zone.ts";
import { open } from "../../engine/index.ts";

const HOUR = 3_600_000;

function plan(window: Record<string, unknown>): unknown {
  const aggregate = { n: { fn: "count" } };
  const query = { name: "days", from: ["*"], key: {}, aggregate, retain: "4w" };
  return { version: 1, queries: [{ ...query, window: { kind: "tumbling", grace: 0, ...window } }] };
}

function event(index: number, time: string): object {
  const envelope = { eventType: "order.created", eventVersion: "1.0", correlationId: "c" };
  return { eventId: `e${index}`, eventTime: time, data: {}, ...envelope };
}

/** Hours of the windows that an event an hour, from `from` on, falls into. */
async function hoursOf(window: Record<string, unknown>, from: string): Promise<number[]> {
  const engine = await open({ plan: plan(window) });
  const start = Date.parse(from);
  const events = Array.from({ length: 72 }, (_, hour) => {
    return event(hour, new Date(start + hour * HOUR).toISOString());
  });
  await engine.push(events);
  return engine
    .view("days")
    .rows()
    .map(({ window }) => (window.end! - window.start!) / HOUR);
}

test("a day has 23 hours when clocks go forward, and 25 when they go back", async () => {
  const berlin = { size: "1d", timezone: "Europe/Berlin" };
  expect(await hoursOf(berlin, "2024-03-29T23:00:00Z")).toEqual([24, 23, 24, 24]);
  expect(await hoursOf(berlin, "2024-10-25T22:00:00Z")).toEqual([24, 25, 24]);
});

test("a business day that ends at four has them too", async () => {
  const berlin = { size: "1d", timezone: "Europe/Berlin", offset: "4h" };
  // Clocks go forward at two, so the business day of Saturday is the short one.
  expect(await hoursOf(berlin, "2024-03-30T03:00:00Z")).toEqual([23, 24, 24, 24]);
  expect(await hoursOf(berlin, "2024-10-26T02:00:00Z")).toEqual([25, 24, 24]);
});

test("a shift of half an hour makes a day of 24.5 hours", async () => {
  const island = { size: "1d", timezone: "Australia/Lord_Howe" };
  expect(await hoursOf(island, "2024-04-05T13:00:00Z")).toEqual([24, 24.5, 24]);
});

test("the years of a zone stand in the log once, with the entries that first need them", async () => {
  const engine = await open({ plan: plan({ size: "1d", timezone: "Europe/Berlin" }) });
  await engine.push(event(1, "2024-06-01T12:00:00Z"));
  await engine.push(event(2, "2024-06-02T12:00:00Z"));
  const chunks = await Array.fromAsync(engine.log());
  const controls = chunks.map((chunk) => JSON.parse(chunk.slice(0, chunk.indexOf("\n"))) as object);
  expect(controls).toEqual([
    {
      chunk: { position: 0, receivedAt: null },
      zones: [readZoneYear("Europe/Berlin", 2024)],
    },
    { chunk: { position: 1, receivedAt: null } },
  ]);
});

test("a year of a zone is read as the spans of its offset", () => {
  expect(readZoneYear("Europe/Berlin", 2024).starts).toEqual([
    [Date.UTC(2024, 0, 1), HOUR],
    [Date.UTC(2024, 2, 31, 1), 2 * HOUR],
    [Date.UTC(2024, 9, 27, 1), HOUR],
  ]);
  expect(readZoneYear("UTC", 0).starts).toEqual([[-62_167_219_200_000, 0]]);
});
