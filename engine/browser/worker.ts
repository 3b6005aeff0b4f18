// The file of the host, `new URL("./worker.js", import.meta.url)` for bundlers. In a worker of its
// own it says that it is ready and serves the port that it is sent. Imported by a page that could
// start no worker, it notices that it has no such scope and gives the page `serve`.

import { giveServe } from "./page-scope.ts";
import { BUILD, type Ready } from "./protocol.ts";
import { serve } from "./serve.ts";
import { newId } from "./standing.ts";

interface WorkerScope {
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  postMessage(message: Ready): void;
}

if (!giveServe(serve)) begin(globalThis as unknown as WorkerScope);

function begin(worker: WorkerScope): void {
  worker.addEventListener("message", ({ ports: [port] }) => {
    if (port !== undefined) serve(port);
  });
  const ready = (aliveLock: string | null): void => {
    worker.postMessage({ millrace: BUILD, aliveLock });
  };
  const { locks } = navigator;
  if (locks === undefined) return ready(null);
  const aliveLock = `millrace-alive:${newId()}`;
  const held = locks.request(aliveLock, () => {
    ready(aliveLock);
    return new Promise<never>(() => {});
  });
  // Where a page may keep nothing, as in a sandboxed frame, there are none either.
  held.catch(() => ready(null));
}
