// DuckDB in WebAssembly, in the thread that asks: lines are parsed in JavaScript (its reader of
// JSON is an extension that it would fetch), inserted a chunk at a time through Arrow, and
// aggregated once at the end.

import { dirname } from "node:path";
import { createRequire } from "node:module";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { createDuckDB, NODE_RUNTIME, VoidLogger } from "@duckdb/duckdb-wasm/blocking";
import { readColumns } from "../columns.ts";
import type { Input, Task, TaskName } from "../contender.ts";

const AGGREGATE = `
  SELECT restaurantId, windowStart, count(*)::DOUBLE AS count,
         sum(orderTotal) AS sum, min(orderTotal) AS min, max(orderTotal) AS max
  FROM events GROUP BY ALL`;

export async function start(_task: TaskName, { chunks }: Input): Promise<Task> {
  const dist = dirname(createRequire(import.meta.url).resolve("@duckdb/duckdb-wasm"));
  const bundle = (kind: string) => ({ mainModule: `${dist}/duckdb-${kind}.wasm`, mainWorker: "" });
  const bundles = { mvp: bundle("mvp"), eh: bundle("eh") };
  const database = await createDuckDB(bundles, new VoidLogger(), NODE_RUNTIME);
  await database.instantiate(() => {});
  const connection = database.connect();
  connection.query(
    `CREATE TABLE events
     (eventId VARCHAR PRIMARY KEY, restaurantId VARCHAR, windowStart DOUBLE, orderTotal DOUBLE)`,
  );
  const decoder = new TextDecoder();
  let rows: (string | number | null)[][] = [];
  return {
    run: () => {
      for (const chunk of chunks) {
        const columns = readColumns(decoder, chunk);
        const arrow = tableFromArrays({
          ...columns,
          windowStart: Float64Array.from(columns.windowStart),
          orderTotal: Float64Array.from(columns.orderTotal),
        });
        const name = "incoming";
        connection.insertArrowFromIPCStream(tableToIPC(arrow, "stream"), { name, create: true });
        connection.query(`INSERT OR IGNORE INTO events SELECT * FROM ${name}`);
        connection.query(`DROP TABLE ${name}`);
      }
      const table = connection.query(AGGREGATE);
      rows = table.toArray().map((row) => Object.values(row.toJSON()));
    },
    answer: () => ({
      events: rows.reduce((sum, row) => sum + Number(row[2]), 0),
      tables: { four: { keys: 2, rows } },
    }),
    stop: () => connection.close(),
  };
}
