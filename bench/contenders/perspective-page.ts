// Perspective in WebAssembly in Chromium, in the worker of its own that it is made for.

import perspective from "@perspective-dev/client/inline";
import type { Input, Task, TaskName } from "../contender.ts";
import { startOn } from "./perspective-table.ts";

export async function start(_task: TaskName, input: Input): Promise<Task> {
  // It asks whether a viewer is on the page; the bench's worker has no registry to ask.
  Object.assign(globalThis, { customElements: { get: () => undefined } });
  return startOn(await perspective.worker(), input);
}
