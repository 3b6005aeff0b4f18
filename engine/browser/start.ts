// Starts a host for a page: in a worker; where its file is another origin's, in a Blob worker of
// one `import` line; else, where no worker can be had, in the page, by the same file. A start is
// known by the worker's first message. A worker that did not say it in time is terminated before
// anything else is tried, and opens nothing until it is sent a port: it never is a second engine.

import { HostFault } from "../store/host-fault.ts";
import { awaitServe, type Serve } from "./page-scope.ts";
import { BUILD, type Ready } from "./protocol.ts";

const START_MS_MAX = 5_000;
const VITE_LINE = `optimizeDeps: { exclude: ["millrace"] }`;

export interface Started {
  readonly mode: "worker" | "blob" | "main";
  readonly port: MessagePort;
  /** The worker's lock, which is free when the worker is gone. */
  readonly aliveLock: string | null;
  terminate(): void;
}

/**
 * HostFault `worker_unavailable`. `url` is the file's, undefined where a bundler put it; one that a
 * page runs has to come within `deadlineMs`.
 */
export async function start(url: string | URL | undefined, deadlineMs: number): Promise<Started> {
  const given = url === undefined ? null : new URL(url, baseUrl());
  const own = (): Worker =>
    given === null ? bundledWorker() : new Worker(given, { type: "module" });
  const worker = await ready(own);
  if (worker !== null) return started("worker", worker);
  const file = given ?? bundledUrl();
  if (file.origin !== new URL(baseUrl() ?? file).origin) {
    const blob = await ready(() => blobWorker(file));
    if (blob !== null) return started("blob", blob);
  }
  return startInPage(file, deadlineMs);
}

/** It must stand so, literally, for bundlers to see it. */
function bundledWorker(): Worker {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}

/**
 * The URL that a bundler has put into `bundledWorker`. Written elsewhere, the same words would be
 * another file for it, a second copy of the engine or a raw source; so this asks `bundledWorker`
 * itself, with a `Worker` that only looks, for the length of this call.
 */
function bundledUrl(): URL {
  const scope = globalThis as { Worker?: unknown };
  const own = Object.getOwnPropertyDescriptor(scope, "Worker");
  let seen: string | URL | undefined;
  const look = function (url: string | URL): void {
    seen = url;
  };
  Object.defineProperty(scope, "Worker", { value: look, configurable: true, writable: true });
  try {
    bundledWorker();
  } finally {
    if (own === undefined) delete scope.Worker;
    else Object.defineProperty(scope, "Worker", own);
  }
  return new URL(seen!, baseUrl());
}

function blobWorker(file: URL): Worker {
  const source = `import ${JSON.stringify(file.href)};`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Worker(url, { type: "module" });
}

interface Living {
  readonly worker: Worker;
  readonly aliveLock: string | null;
}

/** The worker once it has spoken; null where it cannot be made, fails, or is silent too long. */
async function ready(make: () => Worker): Promise<Living | null> {
  let worker: Worker;
  try {
    worker = make();
  } catch {
    return null;
  }
  const aliveLock = await new Promise<string | null | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), START_MS_MAX);
    const listening = new AbortController();
    const settle = (lock: string | null | undefined): void => {
      clearTimeout(timer);
      listening.abort();
      resolve(lock);
    };
    const { signal } = listening;
    worker.addEventListener("error", () => settle(undefined), { signal });
    worker.addEventListener(
      "message",
      ({ data }: MessageEvent<Partial<Ready> | null>) => {
        if (data?.millrace === undefined) return;
        settle(data.millrace === BUILD ? (data.aliveLock ?? null) : undefined);
      },
      { signal },
    );
  });
  if (aliveLock !== undefined) return { worker, aliveLock };
  worker.terminate();
  return null;
}

function started(mode: "worker" | "blob", { worker, aliveLock }: Living): Started {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(null, [port2]);
  return { mode, port: port1, aliveLock, terminate: () => worker.terminate() };
}

async function startInPage(file: URL, deadlineMs: number): Promise<Started> {
  const serve = globalThis.document === undefined ? null : await runInPage(file, deadlineMs);
  if (serve === null) throw unavailable(file);
  const { port1, port2 } = new MessageChannel();
  serve(port2);
  return { mode: "main", port: port1, aliveLock: null, terminate: () => port2.close() };
}

/** By an element: bundlers want to know what `import()` is about, and minifiers rewrite it. */
async function runInPage(file: URL, deadlineMs: number): Promise<Serve | null> {
  const served = awaitServe();
  const script = document.createElement("script");
  script.type = "module";
  script.src = file.href;
  const failed = new Promise<null>((resolve) => {
    script.addEventListener("error", () => resolve(null));
    setTimeout(() => resolve(null), deadlineMs);
    // A file may go on after it was loaded; one that throws says nothing.
    script.addEventListener("load", () => setTimeout(() => resolve(null), START_MS_MAX));
    document.head.append(script);
  });
  const serve = await Promise.race([served, failed]);
  script.remove();
  return serve;
}

function unavailable(file: URL): HostFault {
  const isOptimized = file.pathname.includes("/.vite/deps/");
  const wayOut = isOptimized
    ? `Vite before 8 moves the package away from its worker: add ${VITE_LINE} to vite.config`
    : `serve the package's dist/browser/worker.js and pass its URL as { worker: url }`;
  const message = `${file.href} gives no worker of this build (${BUILD}); ${wayOut}.`;
  return new HostFault("worker_unavailable", message);
}

/** None where there is no page, as on a server. */
function baseUrl(): string | undefined {
  const { location } = globalThis as { location?: Location };
  return globalThis.document?.baseURI ?? location?.href;
}
