// RxJS 7: one stream from lines to the totals of each group, told when the stream ends.

import { distinct, from, groupBy, lastValueFrom, map, mergeMap, reduce, toArray } from "rxjs";
import type { GroupedObservable } from "rxjs";
import type { Cell } from "../answer.ts";
import {
  linesOf,
  WINDOW_MS,
  type Input,
  type ParsedOrder,
  type Task,
  type TaskName,
} from "../contender.ts";

interface Totals {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

const NOTHING: Totals = { count: 0, sum: 0, min: Infinity, max: -Infinity };

export function start(_task: TaskName, { chunks }: Input): Task {
  const decoder = new TextDecoder();
  let rows: Cell[][] = [];
  const events = (): number => rows.reduce((sum, row) => sum + (row[2] as number), 0);
  return {
    run: async () => {
      const totals = from(chunks).pipe(
        mergeMap((chunk: Uint8Array) => linesOf(decoder, chunk)),
        map((line: string) => JSON.parse(line) as ParsedOrder),
        distinct(({ eventId }: ParsedOrder) => eventId),
        groupBy(({ eventTime, data }: ParsedOrder) => {
          const timeMs = Date.parse(eventTime);
          return `${data.restaurantId}|${timeMs - (timeMs % WINDOW_MS)}`;
        }),
        mergeMap((group: GroupedObservable<ParsedOrder>) =>
          group.pipe(
            reduce(add, NOTHING),
            map((total: Totals) => rowOf(group.key, total)),
          ),
        ),
        toArray(),
      );
      rows = await lastValueFrom<Cell[][]>(totals);
    },
    answer: () => ({ events: events(), tables: { four: { keys: 2, rows } } }),
  };
}

function add({ count, sum, min, max }: Totals, { data }: ParsedOrder): Totals {
  const total = data.orderTotal!;
  return {
    count: count + 1,
    sum: sum + total,
    min: Math.min(min, total),
    max: Math.max(max, total),
  };
}

function rowOf(name: string, { count, sum, min, max }: Totals): Cell[] {
  const [key = "", start = ""] = name.split("|");
  return [key, Number(start), count, sum, min, max];
}
