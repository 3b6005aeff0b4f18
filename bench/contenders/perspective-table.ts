// Perspective in WebAssembly: a table with the id as its index, which is its dedup, and a view that
// is there from the start, kept current with each chunk.

import type { Client, Table, View } from "@perspective-dev/client";
import { readColumns } from "../columns.ts";
import type { Input, Task } from "../contender.ts";

const SCHEMA = {
  eventId: "string",
  restaurantId: "string",
  windowStart: "float",
  orderTotal: "float",
};

const VIEW = {
  group_by: ["restaurantId", "windowStart"],
  columns: ["count", "sum", "min", "max"],
  expressions: {
    count: `"orderTotal"`,
    sum: `"orderTotal"`,
    min: `"orderTotal"`,
    max: `"orderTotal"`,
  },
  aggregates: { count: "count", sum: "sum", min: "low", max: "high" },
};

export async function startOn(client: Client, { chunks }: Input): Promise<Task> {
  const decoder = new TextDecoder();
  const table: Table = await client.table(SCHEMA, { index: "eventId" });
  const view: View = await table.view(VIEW);
  return {
    run: async () => {
      for (const chunk of chunks) await table.update({ ...readColumns(decoder, chunk) });
      // Updates are queued: the size is answered after them.
      await table.size();
    },
    answer: async () => {
      const rows = (await view.to_json({ leaves_only: true }))
        .filter(({ __ROW_PATH__ }) => __ROW_PATH__.length === 2)
        .map((row) => [...row.__ROW_PATH__, row["count"], row["sum"], row["min"], row["max"]]);
      return {
        events: await table.size(),
        tables: { four: { keys: 2, rows: rows as (string | number)[][] } },
      };
    },
    stop: async () => {
      await view.delete();
      await table.delete();
    },
  };
}
