// What both DuckDBs in WebAssembly do: lines are parsed in JavaScript (the reader of JSON is an
// extension that they would fetch), inserted a chunk at a time through Arrow into a table with a
// primary key, and aggregated once at the end.

import { tableFromArrays, tableToIPC } from "apache-arrow";
import type { ArrowTable } from "@duckdb/duckdb-wasm/blocking";
import { readColumns } from "../columns.ts";
import type { Input, Task } from "../contender.ts";

/** A connection that answers at once, or from its worker. */
export interface AnyConnection {
  query(sql: string): ArrowTable | Promise<ArrowTable>;
  insertArrowFromIPCStream(
    bytes: Uint8Array,
    options: { name: string; create: boolean },
  ): void | Promise<void>;
  close(): void | Promise<void>;
}

const INCOMING = "incoming";
const AGGREGATE = `
  SELECT restaurantId, windowStart, count(*)::DOUBLE AS count,
         sum(orderTotal) AS sum, min(orderTotal) AS min, max(orderTotal) AS max
  FROM events GROUP BY ALL`;

export async function startOn(
  connection: AnyConnection,
  { chunks }: Input,
  stop: () => void | Promise<void>,
): Promise<Task> {
  await connection.query(
    `CREATE TABLE events
     (eventId VARCHAR PRIMARY KEY, restaurantId VARCHAR, windowStart DOUBLE, orderTotal DOUBLE)`,
  );
  const decoder = new TextDecoder();
  let rows: (string | number | null)[][] = [];
  return {
    run: async () => {
      for (const chunk of chunks) {
        const columns = readColumns(decoder, chunk);
        const arrow = tableFromArrays({
          ...columns,
          windowStart: Float64Array.from(columns.windowStart),
          orderTotal: Float64Array.from(columns.orderTotal),
        });
        const bytes = tableToIPC(arrow, "stream");
        await connection.insertArrowFromIPCStream(bytes, { name: INCOMING, create: true });
        await connection.query(`INSERT OR IGNORE INTO events SELECT * FROM ${INCOMING}`);
        await connection.query(`DROP TABLE ${INCOMING}`);
      }
      const table = await connection.query(AGGREGATE);
      rows = table.toArray().map((row) => Object.values(row.toJSON()));
    },
    answer: () => ({
      events: rows.reduce((sum, row) => sum + Number(row[2]), 0),
      tables: { four: { keys: 2, rows } },
    }),
    stop: async () => {
      await connection.close();
      await stop();
    },
  };
}
