// The host's end of the wire: one host behind one port, for as long as its page wants it.

import { expose, transfer } from "comlink";
import { HostFault } from "../store/host-fault.ts";
import { Host } from "./host.ts";
import { failed, outcomeOf } from "./outcome.ts";
import type { HostApi } from "./protocol.ts";

/** Serves the page at the other end of `port`. */
export function serve(port: MessagePort): void {
  let host: Host | null = null;
  const api: HostApi = {
    start: (options, events) =>
      outcomeOf(async () => {
        host = new Host(options, (event, buffers = []) => events.postMessage(event, buffers));
        await host.start();
        return null;
      }),
    call: async (verb, words) => {
      const outcome = await (host?.call(verb, words) ?? failed(notStarted()));
      const value = outcome.fault === undefined ? outcome.value.value : null;
      return value instanceof ArrayBuffer ? transfer(outcome, [value]) : outcome;
    },
    subscribe: (subscription, query, from) => host?.subscribe(subscription, query, from),
    unsubscribe: (subscription) => host?.unsubscribe(subscription),
    hide: () => host?.hide(),
    ping: () => true,
    archived: (id, outcome) => host?.archived(id, outcome),
    alive: () => host?.heard(),
    close: () =>
      outcomeOf(async () => {
        await host?.close();
        return null;
      }),
  };
  expose(api, port);
}

function notStarted(): HostFault {
  return new HostFault("engine_closed", "This host was not started: connect again.");
}
