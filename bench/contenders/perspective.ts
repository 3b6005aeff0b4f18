// Perspective in WebAssembly in Node, in the thread that asks.

import perspective from "@perspective-dev/client";
import type { Input, Task, TaskName } from "../contender.ts";
import { startOn } from "./perspective-table.ts";

export function start(_task: TaskName, input: Input): Promise<Task> {
  return startOn(perspective, input);
}
