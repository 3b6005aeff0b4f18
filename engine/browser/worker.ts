// The file of the host, `new URL("./worker.js", import.meta.url)` for bundlers. In a worker of its
// own it says that it is ready and serves the port that it is sent. Imported by a page that could
// start no worker, it notices that it has no such scope and leaves `serve` for the page to call: a
// bundler's output has no exports to count on.

import { BUILD, SERVE, type Ready } from "./protocol.ts";
import { serve } from "./serve.ts";
import { newId } from "./standing.ts";

interface WorkerScope {
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  postMessage(message: Ready): void;
}

const scope = globalThis as unknown as { [SERVE]?: unknown };

if (scope[SERVE] === undefined && "WorkerGlobalScope" in globalThis) {
  begin(globalThis as unknown as WorkerScope);
} else {
  scope[SERVE] = serve;
}

function begin(worker: WorkerScope): void {
  worker.addEventListener("message", ({ ports: [port] }) => {
    if (port !== undefined) serve(port);
  });
  const { locks } = navigator;
  if (locks === undefined) return worker.postMessage({ millrace: BUILD, aliveLock: null });
  const aliveLock = `millrace-alive:${newId()}`;
  void locks.request(aliveLock, () => {
    worker.postMessage({ millrace: BUILD, aliveLock });
    return new Promise<never>(() => {});
  });
}
