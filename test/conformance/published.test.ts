// Published cases: what the documentation of Flink and the tests and documentation of Kafka
// Streams say of windows, as cases of ours (facts and figures are theirs, words and format are
// not). Each runs twice: an entry a push, and the whole feed as one push, which changes no final,
// no row and no late event. Where we answer otherwise on purpose, the case says so in `differs`.

import { describe, expect, test } from "vitest";
import {
  memory,
  open,
  PlanRefused,
  type Change,
  type Engine,
  type Key,
  type Receipt,
  type Value,
} from "../../engine/index.ts";
import { event, HASH_KEY, planOf } from "../builders.ts";
import { FLINK_WINDOW_AGGREGATION } from "./flink-window-aggregation.ts";
import { FLINK_WINDOW_FUNCTIONS } from "./flink-window-functions.ts";
import { KAFKA_EMIT_ON_CLOSE } from "./kafka-emit-on-close.ts";
import { KAFKA_GUIDE } from "./kafka-guide.ts";
import { KAFKA_SESSION_GRACE } from "./kafka-session-grace.ts";
import { KAFKA_SESSIONS } from "./kafka-sessions.ts";
import { KAFKA_SLIDING } from "./kafka-sliding.ts";
import { KAFKA_SUPPRESS } from "./kafka-suppress.ts";
import { KAFKA_WINDOWS } from "./kafka-windows.ts";
import type { Fed, PublishedCase, Result } from "./published.ts";

const SOURCES: readonly (readonly [title: string, cases: readonly PublishedCase[]])[] = [
  ["Flink's window functions", FLINK_WINDOW_FUNCTIONS],
  ["Flink's window aggregation", FLINK_WINDOW_AGGREGATION],
  ["Kafka Streams' suppression", KAFKA_SUPPRESS],
  ["Kafka Streams' windowed aggregation", KAFKA_WINDOWS],
  ["Kafka Streams' emission on close", KAFKA_EMIT_ON_CLOSE],
  ["Kafka Streams' sessions", KAFKA_SESSIONS],
  ["Kafka Streams' sessions and their grace", KAFKA_SESSION_GRACE],
  ["Kafka Streams' sliding windows", KAFKA_SLIDING],
  ["Kafka Streams' developer guide", KAFKA_GUIDE],
];

function planFor(published: PublishedCase): object {
  const { window, aggregate, where, keyed, clock } = published;
  const query = {
    window,
    key: keyed === false ? {} : { k: "data.k" },
    ...(aggregate !== undefined && { aggregate }),
    ...(where !== undefined && { where }),
  };
  return planOf(query, clock === undefined ? {} : { clock });
}

function lineOf(fed: Fed, index: number): string {
  if (!(fed instanceof Array)) return JSON.stringify(fed);
  const [k, timeMs, v] = fed;
  return JSON.stringify(event(`e${index}`, timeMs, { k, ...(v !== undefined && { v }) }));
}

type Values = (number | string | null)[];

const asResult = (row: { key: Key; window: Change["window"]; value: Value }): Result => {
  const { start, end } = row.window;
  const key = row.key["k"] ?? null;
  return [key === null ? null : String(key), start, end, ...(Object.values(row.value) as Values)];
};

interface Run {
  readonly told: readonly Change[];
  readonly flushed: readonly Change[];
  readonly rows: readonly Result[];
  readonly late: readonly unknown[];
  readonly unkeyed: number;
  readonly held: { readonly [index: number]: string };
}

/** The feed in pushes of `size` entries. */
async function run(published: PublishedCase, size: number): Promise<Run> {
  const plan = planFor(published);
  const { feed, receivedAt, reopenAt } = published;
  const store = memory();
  const told: Change[] = [];
  const openIt = async (): Promise<Engine> => {
    const engine = await open({ plan, store, hashKey: HASH_KEY });
    engine.listen((changes) => told.push(...changes));
    return engine;
  };
  let engine = await openIt();
  const held: { [index: number]: string } = {};
  for (let at = 0; at < feed.length; at += size) {
    if (at === reopenAt) engine = await openIt();
    const lines = feed.slice(at, at + size).map((fed, index) => lineOf(fed, at + index));
    const options = receivedAt === undefined ? {} : { receivedAt: receivedAt.slice(at, at + size) };
    const receipt: Receipt = await engine.push(lines.join("\n"), { ticks: true, ...options });
    expect(receipt.invalid).toEqual([]);
    for (const { index, code } of receipt.quarantined) held[at + index] = code;
  }
  const rows = engine.view("q").rows().map(asResult);
  const late = engine.late("q").map(({ position, window }) => {
    return [position, window?.start, window?.end];
  });
  const { unkeyed } = engine.stats().queries["q"]!;
  return { told: [...told], flushed: await engine.flush(), rows, late, unkeyed, held };
}

const finalsOf = (changes: readonly Change[]): Result[] =>
  changes.filter(({ kind }) => kind === "final").map(asResult);

/** With `onlyThese`, the results of the windows that are expected; else all. */
function among(
  found: readonly Result[],
  expected: readonly Result[],
  published: PublishedCase,
): readonly Result[] {
  if (published.onlyThese !== true) return found;
  const placeOf = ([key, start, end]: Result): string => JSON.stringify([key, start, end]);
  const listed = new Set(expected.map(placeOf));
  return found.filter((result) => listed.has(placeOf(result)));
}

function check(published: PublishedCase, found: Run): void {
  const { finals, flushed, rows, late = [], unkeyed = 0, held = {} } = published;
  if (finals !== undefined) {
    expect(among(finalsOf(found.told), finals, published)).toEqual(finals);
  }
  if (flushed !== undefined) {
    expect(among(finalsOf(found.flushed), flushed, published)).toEqual(flushed);
  }
  if (rows !== undefined) expect(among(found.rows, rows, published)).toEqual(rows);
  expect(found.late).toEqual(late);
  expect(found.unkeyed).toBe(unkeyed);
  expect(found.held).toEqual(held);
}

describe.each(SOURCES)("%s", (_title, cases) => {
  test.each(cases.filter(({ refused }) => refused === undefined))("$name", async (published) => {
    const found = await run(published, 1);
    if (published.told !== undefined) {
      const told = found.told.map((change) => [change.kind, ...asResult(change)]);
      expect(told).toEqual(published.told);
    }
    check(published, found);
    check(published, await run(published, published.feed.length));
  });

  const refused = cases.filter((published) => published.refused !== undefined);
  if (refused.length === 0) return;
  test.each(refused)("$name", async (published) => {
    const failure: unknown = await open({ plan: planFor(published) }).catch((error) => error);
    expect(failure).toBeInstanceOf(PlanRefused);
    expect((failure as PlanRefused).faults.map(({ code }) => code)).toEqual([published.refused]);
  });
});

const all = SOURCES.flatMap(([, cases]) => cases);

test("every case has a name of its own, and says what comes of its feed", () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  const silent = all.filter(({ told, finals, flushed, rows, late, refused, unkeyed }) => {
    return [told, finals, flushed, rows, late, refused, unkeyed].every(
      (each) => each === undefined,
    );
  });
  expect(silent.map(({ name }) => name)).toEqual([]);
});
