// The compiled core, or why there is none: what the platform says of a page whose policy forbids
// WebAssembly has no code, and does not say which word is missing.

import load from "#core-wasm";
import { HostFault } from "../store/host-fault.ts";

/** HostFault `worker_unavailable`. */
export async function loadCore(): Promise<WebAssembly.Module> {
  try {
    return await load();
  } catch (cause) {
    const wayOut = "a policy needs script-src 'wasm-unsafe-eval'";
    const message = `The core does not load (${String(cause)}): ${wayOut}.`;
    throw new HostFault("worker_unavailable", message, { cause });
  }
}
