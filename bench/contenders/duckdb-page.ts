// DuckDB in WebAssembly in Chromium, in the worker of its own that it is made for.

import { AsyncDuckDB, VoidLogger } from "@duckdb/duckdb-wasm";
import workerUrl from "@duckdb/duckdb-wasm/dist/duckdb-browser-eh.worker.js?url";
import moduleUrl from "@duckdb/duckdb-wasm/dist/duckdb-eh.wasm?url";
import type { Input, Task, TaskName } from "../contender.ts";
import { startOn } from "./duckdb-arrow.ts";

export async function start(_task: TaskName, input: Input): Promise<Task> {
  const database = new AsyncDuckDB(new VoidLogger(), new Worker(workerUrl));
  await database.instantiate(new URL(moduleUrl, globalThis.location.href).href);
  return startOn(await database.connect(), input, () => database.terminate());
}
