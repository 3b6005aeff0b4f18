// DuckDB in WebAssembly in Node, in the thread that asks.

import { createRequire } from "node:module";
import { dirname } from "node:path";
import { createDuckDB, NODE_RUNTIME, VoidLogger } from "@duckdb/duckdb-wasm/blocking";
import type { Input, Task, TaskName } from "../contender.ts";
import { startOn } from "./duckdb-arrow.ts";

export async function start(_task: TaskName, input: Input): Promise<Task> {
  const dist = dirname(createRequire(import.meta.url).resolve("@duckdb/duckdb-wasm"));
  const bundle = (kind: string) => ({ mainModule: `${dist}/duckdb-${kind}.wasm`, mainWorker: "" });
  const bundles = { mvp: bundle("mvp"), eh: bundle("eh") };
  const database = await createDuckDB(bundles, new VoidLogger(), NODE_RUNTIME);
  await database.instantiate(() => {});
  return startOn(database.connect(), input, () => {});
}
