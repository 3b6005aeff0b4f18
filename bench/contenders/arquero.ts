// Arquero: all events as columns, one rollup at the end. It keeps no running totals, so this is the
// least it can do: a live board would roll up again and again.

import { op, table, type ColumnTable } from "arquero";
import { emptyColumns, readColumns } from "../columns.ts";
import type { Input, Task, TaskName } from "../contender.ts";
import type { Cell } from "../answer.ts";

export function start(_task: TaskName, { chunks }: Input): Task {
  const decoder = new TextDecoder();
  let events = 0;
  let totals: ColumnTable;
  return {
    run: () => {
      const columns = emptyColumns();
      for (const chunk of chunks) readColumns(decoder, chunk, columns);
      const distinct = table({ ...columns }).dedupe("eventId");
      events = distinct.numRows();
      totals = distinct.groupby("restaurantId", "windowStart").rollup({
        count: op.count(),
        sum: op.sum("orderTotal"),
        min: op.min("orderTotal"),
        max: op.max("orderTotal"),
      });
    },
    answer: () => ({
      events,
      tables: {
        four: { keys: 2, rows: totals.objects().map((row) => Object.values(row) as Cell[]) },
      },
    }),
  };
}
