// The page's side of a bench: it starts the worker that runs the contender, and hands on what the
// driver asks and what the worker says.

import type { Round } from "../runner.ts";
import type { Reply, Request } from "./worker.ts";

declare global {
  interface Window {
    bench: (request: Request) => Promise<Round | null>;
  }
}

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

window.bench = (request) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      if (data.problem !== null) reject(new Error(data.problem));
      else resolve(data.round);
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(request);
  });
