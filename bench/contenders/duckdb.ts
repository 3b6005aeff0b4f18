// DuckDB native, one thread: its own reader of NDJSON over the file, ids as a primary key, one
// aggregation at the end. It keeps no running totals, so that this is the least it can do.

import { DuckDBInstance } from "@duckdb/node-api";
import type { Input, Task, TaskName } from "../contender.ts";

const COLUMNS = `{
  eventId: 'VARCHAR',
  eventTime: 'TIMESTAMP',
  data: 'STRUCT(restaurantId VARCHAR, orderTotal DOUBLE)'
}`;
const AGGREGATE = `
  SELECT restaurantId, epoch_ms(time_bucket(INTERVAL 5 MINUTE, eventTime))::DOUBLE AS windowStart,
         count(*)::DOUBLE, sum(orderTotal), min(orderTotal), max(orderTotal)
  FROM events GROUP BY ALL`;

export async function start(_task: TaskName, { path }: Input): Promise<Task> {
  if (path === undefined) throw new Error("It reads files.");
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  await connection.run(
    `CREATE TABLE events
     (eventId VARCHAR PRIMARY KEY, restaurantId VARCHAR, eventTime TIMESTAMP, orderTotal DOUBLE)`,
  );
  const source = `read_ndjson('${path.replaceAll("'", "''")}', columns = ${COLUMNS})`;
  let rows: (string | number | null)[][] = [];
  return {
    run: async () => {
      await connection.run(
        `INSERT OR IGNORE INTO events
         SELECT eventId, data.restaurantId, eventTime, data.orderTotal FROM ${source}`,
      );
      rows = (await connection.runAndReadAll(AGGREGATE)).getRows();
    },
    answer: () => ({
      events: rows.reduce((sum, row) => sum + Number(row[2]), 0),
      tables: { four: { keys: 2, rows } },
    }),
    stop: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
