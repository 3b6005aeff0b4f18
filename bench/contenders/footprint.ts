// What the state takes: bytes of each remembered id and of each open window, by the engine's own
// count. Three engines are fed as many events: all of one window; each of its own restaurant; each
// of a window of its own, of a thousand restaurants.

import { memory, open } from "../../dist/engine/index.js";
import type { Input, Task, TaskName } from "../contender.ts";

const START_MS = Date.UTC(2024, 2, 15, 17);
const RESTAURANTS = 1000;
const PUSH_EVENTS = 2000;
const SECOND_MS = 1000;

const PLAN = {
  version: 1,
  queries: [
    {
      name: "q",
      from: ["*"],
      key: { restaurantId: "data.restaurantId" },
      // Nothing closes: what is counted is open.
      window: { kind: "tumbling", size: "1s", grace: "6d" },
      aggregate: {
        orders: { fn: "count" },
        revenue: { fn: "sum", of: "data.orderTotal" },
        smallest: { fn: "min", of: "data.orderTotal" },
        largest: { fn: "max", of: "data.orderTotal" },
      },
      emit: "none",
    },
  ],
};

type Place = (index: number) => { restaurant: number; second: number };

export function start(_task: TaskName, { events }: Input): Task {
  const figures: Record<string, number> = {};
  return {
    run: async () => {
      const empty = await stateBytesOf(0, () => ({ restaurant: 0, second: 0 }));
      const ids = await stateBytesOf(events, () => ({ restaurant: 0, second: 0 }));
      const keys = await stateBytesOf(events, (index) => ({ restaurant: index, second: 0 }));
      const windows = await stateBytesOf(events, (index) => ({
        restaurant: index % RESTAURANTS,
        second: Math.floor(index / RESTAURANTS),
      }));
      figures["bytesPerId"] = (ids - empty) / events;
      figures["bytesPerWindowOfNewKey"] = (keys - ids) / events;
      figures["bytesPerWindowOfKnownKey"] = (windows - ids) / events;
    },
    answer: () => ({ events: null, tables: {} }),
    figures: () => figures,
  };
}

async function stateBytesOf(events: number, place: Place): Promise<number> {
  const engine = await open({ plan: PLAN, store: memory() });
  const windows = new Set<string>();
  for (let from = 0; from < events; from += PUSH_EVENTS) {
    const lines: string[] = [];
    for (let index = from; index < Math.min(events, from + PUSH_EVENTS); index++) {
      const { restaurant, second } = place(index);
      windows.add(`${restaurant}|${second}`);
      lines.push(JSON.stringify(eventOf(index, restaurant, second)));
    }
    await engine.push(new TextEncoder().encode(lines.join("\n")), { format: "ndjson" });
  }
  const { stateBytes, queries } = engine.stats();
  const { open: openCount } = queries["q"]!;
  if (openCount !== windows.size) throw new Error(`${openCount} open, ${windows.size} expected.`);
  await engine.close();
  return stateBytes;
}

function eventOf(index: number, restaurant: number, second: number): object {
  return {
    // As long as a UUID.
    eventId: `${String(index).padStart(8, "0")}-0000-4000-8000-000000000000`,
    eventType: "order.created",
    eventVersion: "2.0",
    eventTime: new Date(START_MS + second * SECOND_MS).toISOString(),
    correlationId: "c",
    data: { restaurantId: `REST-${restaurant}`, orderTotal: 12.5 },
  };
}
