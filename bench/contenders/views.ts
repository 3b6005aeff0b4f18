// What a reader costs: by request, each time the events of the window are scanned and added up; of
// a standing view, a row is read, or a change is told to it, and each event was paid for when it
// came. Measured here; compared for rates and numbers of readers in crossover.ts.
//
// The requests are given the best case: events parsed, in memory, by restaurant and by time.

import { memory, open, type Engine } from "../../dist/engine/index.js";
import {
  linesOf,
  WINDOW_MS,
  type Input,
  type ParsedOrder,
  type Task,
  type TaskName,
} from "../contender.ts";
import { PLANS } from "../plans.ts";

interface Stored {
  readonly timeMs: number;
  readonly total: number;
}

const MEASURE_MS_MIN = 200;
const NANO = 1e6;
/** Pushes of one event, and those who listen. */
const SMALL_PUSHES = 2000;
const LISTENERS = 1000;

export async function start(_task: TaskName, input: Input): Promise<Task> {
  const engine = await open({ plan: PLANS.views, store: memory() });
  const figures: Record<string, number> = {};
  return {
    run: async () => {
      figures["pushNs"] = await nanosecondsEach(input.events, async () => {
        for (const chunk of input.chunks) await engine.push(chunk);
      });
      const stored = new Map<string, Stored[]>();
      figures["storeNs"] = await nanosecondsEach(input.events, () => store(input, stored));
      measureReads(engine, stored, figures);
      await measureTelling(input, figures);
    },
    answer: () => ({ events: engine.stats().accepted, tables: {} }),
    figures: () => figures,
    stop: () => engine.close(),
  };
}

async function nanosecondsEach(count: number, work: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return ((performance.now() - start) / count) * NANO;
}

function store({ chunks }: Input, stored: Map<string, Stored[]>): void {
  const decoder = new TextDecoder();
  const seen = new Set<string>();
  for (const chunk of chunks) {
    for (const line of linesOf(decoder, chunk)) {
      const { eventId, eventTime, data } = JSON.parse(line) as ParsedOrder;
      if (seen.has(eventId)) continue;
      seen.add(eventId);
      const event = { timeMs: Date.parse(eventTime), total: data.orderTotal! };
      const list = stored.get(data.restaurantId);
      if (list === undefined) stored.set(data.restaurantId, [event]);
      else list.push(event);
    }
  }
}

/** What a push costs beside its events, told to nobody, to one and to many. */
async function measureTelling(input: Input, figures: Record<string, number>): Promise<void> {
  const told = await nanosecondsOfPush(input, 1, figures["pushNs"]!);
  const toldToMany = await nanosecondsOfPush(input, LISTENERS, figures["pushNs"]!);
  figures["pushOneNs"] = await nanosecondsOfPush(input, 0, figures["pushNs"]!);
  figures["tellNs"] = Math.max(0, told - figures["pushOneNs"]);
  figures["listenerNs"] = Math.max(0, (toldToMany - told) / (LISTENERS - 1));
}

/** Of one event by itself, less what an event costs among many. */
async function nanosecondsOfPush(
  { chunks }: Input,
  listeners: number,
  eventNs: number,
): Promise<number> {
  const engine = await open({ plan: PLANS["four-told"], store: memory() });
  let told = 0;
  for (let index = 0; index < listeners; index++) {
    engine.subscribe("four", (changes) => (told += changes.length));
  }
  const lines = linesOf(new TextDecoder(), chunks[0]!).slice(0, SMALL_PUSHES);
  const pushes = lines.map((line) => new TextEncoder().encode(line).slice());
  const each = await nanosecondsEach(pushes.length, async () => {
    for (const push of pushes) await engine.push(push);
  });
  await engine.close();
  if (told < pushes.length * listeners) throw new Error("Not every listener was told.");
  return Math.max(0, each - eventNs);
}

/** Of the window before the last, which is whole: one restaurant's row, and all of them. */
function measureReads(
  engine: Engine,
  stored: Map<string, Stored[]>,
  figures: Record<string, number>,
): void {
  const from = Math.floor((engine.stats().clock! - WINDOW_MS) / WINDOW_MS) * WINDOW_MS;
  const to = from + WINDOW_MS;
  const [busiest, events] = [...stored].reduce((a, b) => (b[1].length > a[1].length ? b : a));
  const key = { restaurantId: busiest };
  const rows = engine.view("four").rows({ from, to });
  const board = [...stored.values()];
  const windowEvents = rows.reduce((sum, { value }) => sum + Number(value["orders"]), 0);
  const scanned = board.reduce((sum, list) => sum + scan(list, from, to).count, 0);
  if (scanned !== windowEvents) throw new Error(`${scanned} scanned, ${windowEvents} in the view.`);

  figures["boardRows"] = rows.length;
  figures["boardReadNs"] = repeated(() => engine.view("four").rows({ from, to }).length);
  figures["rowReadNs"] = repeated(() => engine.view("four").rows({ key, from, to }).length);
  // One event scanned: all that are stored are in reach, so that the loop is long enough.
  const all = repeated(() => scan(events, -Infinity, Infinity).count);
  figures["scanNs"] = all / events.length;
  figures["requestNs"] = repeated(() => scan(events.slice(0, 1), from, to).count);
}

function scan(events: readonly Stored[], from: number, to: number) {
  const totals = { count: 0, sum: 0, min: Infinity, max: -Infinity };
  for (const { timeMs, total } of events) {
    if (timeMs < from || timeMs >= to) continue;
    totals.count++;
    totals.sum += total;
    totals.min = Math.min(totals.min, total);
    totals.max = Math.max(totals.max, total);
  }
  return totals;
}

/** Nanoseconds a call, over calls enough. */
function repeated(work: () => number): number {
  let calls = 0;
  let sum = 0;
  const start = performance.now();
  while (performance.now() - start < MEASURE_MS_MIN) {
    sum += work();
    calls++;
  }
  if (Number.isNaN(sum)) throw new Error("Nothing was read.");
  return ((performance.now() - start) / calls) * NANO;
}
