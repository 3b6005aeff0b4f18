// D2TS: differential dataflow. Each chunk is one version; a group that changed is reduced again
// from all its values.

import {
  D2,
  distinct,
  groupBy,
  groupByOperators,
  map,
  MessageType,
  MultiSet,
  output,
} from "@electric-sql/d2ts";
import { readColumns } from "../columns.ts";
import type { Input, Task, TaskName } from "../contender.ts";

interface Order {
  readonly restaurantId: string;
  readonly windowStart: number;
  readonly total: number;
}

const { count, sum, min, max } = groupByOperators;

type Group = Order & { count: number; sum: number; min: number; max: number };
type Keyed<T> = [key: string, value: T];

export function start(_task: TaskName, { chunks }: Input): Task {
  const decoder = new TextDecoder();
  const groups = new Map<string, Group>();
  const graph = new D2({ initialFrontier: 0 });
  const input = graph.newInput<Keyed<Order>>();
  input.pipe(
    distinct(),
    map(([, order]: Keyed<Order>) => order),
    groupBy(({ restaurantId, windowStart }: Order) => ({ restaurantId, windowStart }), {
      count: count(),
      sum: sum(({ total }: Order) => total),
      min: min(({ total }: Order) => total),
      max: max(({ total }: Order) => total),
    }),
    output<Keyed<Group>>(({ type, data }) => {
      if (type !== MessageType.DATA) return;
      for (const [[key, group], multiplicity] of data.collection.getInner()) {
        if (multiplicity > 0) groups.set(key, group);
      }
    }),
  );
  graph.finalize();
  return {
    run: () => {
      chunks.forEach((chunk, version) => {
        input.sendData(version, new MultiSet(itemsOf(decoder, chunk)));
        input.sendFrontier(version + 1);
        graph.run();
      });
    },
    answer: () => {
      const rows = [...groups.values()].map((group) => {
        const { restaurantId, windowStart } = group;
        return [restaurantId, windowStart, group.count, group.sum, group.min, group.max];
      });
      const events = [...groups.values()].reduce((total, group) => total + group.count, 0);
      return { events, tables: { four: { keys: 2, rows } } };
    },
  };
}

function itemsOf(decoder: TextDecoder, chunk: Uint8Array): [Keyed<Order>, number][] {
  const { eventId, restaurantId, windowStart, orderTotal } = readColumns(decoder, chunk);
  return eventId.map((id, index) => {
    const order = {
      restaurantId: restaurantId[index]!,
      windowStart: windowStart[index]!,
      total: orderTotal[index]!,
    };
    return [[id, order], 1];
  });
}
