// Where a page and the file of the host find one another, when the page runs that file itself for
// want of a worker: a bundler's output has no exports to count on, so both look under one symbol of
// the global scope. Of another build neither finds anything.

import { BUILD } from "./protocol.ts";

/** Serves the page at the other end of the port. */
export type Serve = (port: MessagePort) => void;

const SERVE = Symbol.for(`millrace.serve:${BUILD}`);

const scope = globalThis as unknown as { [SERVE]?: PromiseWithResolvers<Serve> };

/** The page waits; from now on the file, in whichever scope it runs, is asked for `serve`. */
export function awaitServe(): Promise<Serve> {
  scope[SERVE] ??= Promise.withResolvers<Serve>();
  return scope[SERVE].promise;
}

/** The file was run by a page that waits, or is in no worker: gives it `serve`; else false. */
export function giveServe(serve: Serve): boolean {
  if (scope[SERVE] === undefined && "WorkerGlobalScope" in globalThis) return false;
  scope[SERVE] ??= Promise.withResolvers<Serve>();
  scope[SERVE].resolve(serve);
  return true;
}
