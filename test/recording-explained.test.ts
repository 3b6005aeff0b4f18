// The recorded Friday, explained: the orders behind a number are those that the recording has, read
// here by themselves, and those that were late are told apart.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { open, type Engine, type Row } from "../engine/index.ts";
import { HASH_KEY } from "./builders.ts";

const SIZE = 300_000;
const LINES_A_PUSH = 1000;

const fileOf = (path: string): Buffer => readFileSync(new URL(`../demo/${path}`, import.meta.url));
const plan: unknown = JSON.parse(fileOf("plans/restaurant-metrics.json").toString());
const lines = gunzipSync(fileOf("recorded/friday.ndjson.gz"))
  .toString("latin1")
  .trimEnd()
  .split("\n");

interface Order {
  readonly eventId: string;
  readonly eventType: string;
  readonly eventTime: string;
  readonly data: { readonly restaurantId: string };
}

/** Ids of the orders of each restaurant and window, in the recording's order, each once. */
const orders = new Map<string, Set<string>>();
const placeOf = (restaurantId: string, start: number): string => `${restaurantId} ${start}`;

function noteOrder(line: string): void {
  const { eventId, eventType, eventTime, data } = JSON.parse(line) as Order;
  if (eventType !== "order.created") return;
  const start = Math.floor(Date.parse(eventTime) / SIZE) * SIZE;
  const place = placeOf(data.restaurantId, start);
  orders.set(place, (orders.get(place) ?? new Set()).add(eventId));
}

let engine: Engine;
beforeAll(async () => {
  engine = await open({ plan, hashKey: HASH_KEY });
  for (let from = 0; from < lines.length; from += LINES_A_PUSH) {
    const pushed = lines.slice(from, from + LINES_A_PUSH);
    const bytes = Buffer.from(pushed.join("\n"), "latin1");
    const { invalid } = await engine.push(bytes, { format: "ndjson" });
    const wrong = new Set(invalid.map(({ index }) => index));
    pushed.forEach((line, index) => !wrong.has(index) && noteOrder(line));
  }
});

async function expectExplained({ query, key, window, revision, final }: Row): Promise<number> {
  const { events, late, emissions } = await engine.explain(query, key, window);
  const ids = [...events, ...late].map((each) => each.events[0]!.eventId);
  const wanted = orders.get(placeOf(String(key["restaurantId"]), window.start!))!;
  expect(new Set(ids)).toEqual(wanted);
  expect(ids).toHaveLength(wanted.size);
  expect(events).toHaveLength(revision - (final ? 1 : 0));
  expect(emissions.at(-1)).toMatchObject({ kind: final ? "final" : "update", revision });
  return late.length;
}

test("the orders behind the largest rows are the recording's", async () => {
  const rows = engine.view("restaurant-metrics").rows();
  const largest = rows.toSorted((a, b) => b.revision - a.revision).slice(0, 3);
  for (const row of largest) await expectExplained(row);
});

test("late orders stand apart, under the row that they were too late for", async () => {
  const starts = new Set(engine.late("restaurant-metrics").map(({ window }) => window!.start));
  const rows = engine.view("restaurant-metrics").rows();
  const among = rows.filter(({ window }) => starts.has(window.start!));
  let late = 0;
  for (const row of among) {
    // Only where an order is missing from the row was one late.
    const wanted = orders.get(placeOf(String(row.key["restaurantId"]), row.window.start!));
    if (wanted?.size === row.revision - (row.final ? 1 : 0)) continue;
    late += await expectExplained(row);
    if (late >= 5) break;
  }
  expect(late).toBeGreaterThanOrEqual(5);
});
