// The host's end of the wire: one host behind one port, for as long as its page wants it. The page
// calls by comlink's `wrap`. What comes of that is always one form of message, since HostApi has
// verbs only and all that crosses is posted as it is; so this answers it, and a worker's file has
// nothing of comlink, which is the whole of it or nothing.

import { Host } from "./host.ts";
import { outcomeOf } from "./outcome.ts";
import type { HostAnswer, HostApi } from "./protocol.ts";

/** What comlink posts for a call, and is answered. */
interface Asked {
  readonly type: string;
  readonly id: string;
  readonly path: readonly [verb: keyof HostApi];
  readonly argumentList: readonly { readonly value: unknown }[];
}

/** Serves the page at the other end of `port`. */
export function serve(port: MessagePort): void {
  let host: Host | null = null;
  const api: HostApi = {
    start: (options, events) =>
      outcomeOf(async () => {
        const own = new Host(options, (event, buffers = []) => events.postMessage(event, buffers));
        host = own;
        try {
          await own.start();
        } catch (error) {
          // In a page nobody terminates it: without this it would get the lock when that is free.
          void own.close();
          throw error;
        }
        return null;
      }),
    // A page calls behind its start.
    call: (verb, words) => host!.call(verb, words),
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
  port.addEventListener("message", ({ data }: MessageEvent<Asked>) => void answer(api, port, data));
  port.start();
}

async function answer(api: HostApi, port: MessagePort, asked: Asked): Promise<void> {
  const { type, id, path, argumentList } = asked;
  // Any other says that the page has dropped its end.
  if (type !== "APPLY") return;
  const verb = api[path[0]] as (...words: unknown[]) => unknown;
  const value = await verb(...argumentList.map((word) => word.value));
  // Rows go without a copy.
  const rows = (value as { value?: Partial<HostAnswer> | null } | undefined)?.value?.value;
  port.postMessage({ id, type: "RAW", value }, rows instanceof ArrayBuffer ? [rows] : []);
}
