// The producer's side: a fact that was published is kept until a receipt says that it is durable
// elsewhere, through reloads, refusals and days without a network.
//
//   publish → group (all that comes while a write is under way is the next write) → outbox, durable
//           → the promise resolves; from then on the sender (sender.ts) has it

import { HostFault } from "../store/host-fault.ts";
import { platform, type Host } from "./host.ts";
import { memory, type Outbox } from "./outbox.ts";
import { Sender, type SenderOptions, type SenderStats } from "./sender.ts";

export interface PublisherOptions extends SenderOptions, Partial<Host> {
  /** Where facts are kept; `memory()` where absent, which no reload survives. */
  readonly store?: Outbox;
}

export interface PublisherStats extends SenderStats {
  /** Facts in the outbox, those of other tabs too. */
  readonly waiting: number;
}

/** Sends what the store still holds, and what is published, in order (but see sender.ts). */
export function publisher(options: PublisherOptions): Publisher {
  return new Publisher(options);
}

export class Publisher {
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  /** The lines of the next write; null where none wait. */
  #group: { readonly lines: string[]; readonly written: Promise<void> } | null = null;
  /** The last write, whatever became of it. */
  #settled: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** Use `publisher`. */
  constructor(options: PublisherOptions) {
    this.#outbox = options.store ?? memory();
    this.#sender = new Sender(options, this.#outbox, { ...platform, ...options });
    this.#sender.wake();
  }

  /**
   * Keeps an event and resolves when it is durable here; no network is waited for. Events are sent
   * in the order of these calls, but a hundred or more that the server calls `unavailable` do not
   * keep others from being sent. Rejects with a HostFault of the store, or `publisher_closed`, or
   * with a TypeError where the event has no JSON.
   */
  async publish(event: object): Promise<void> {
    if (this.#isClosed) throw closed();
    const line = JSON.stringify(event) as string | undefined;
    if (line === undefined) throw new TypeError("Got no JSON: publish an object.");
    this.#group ??= this.#newGroup();
    this.#group.lines.push(line);
    await this.#group.written;
  }

  #newGroup(): { lines: string[]; written: Promise<void> } {
    const lines: string[] = [];
    const written = this.#settled.then(async () => {
      this.#group = null;
      await this.#outbox.append(lines);
      this.#sender.wake();
    });
    this.#settled = written.catch(() => {});
    return { lines, written };
  }

  /**
   * What became of facts since this publisher began, and what still waits. Rejects with a HostFault
   * of the store, or `publisher_closed`: to count would open the store again.
   */
  async stats(): Promise<PublisherStats> {
    if (this.#isClosed) throw closed();
    return { waiting: await this.#outbox.count(), ...this.#sender.stats() };
  }

  /**
   * Stops sending, once what was published is durable here. A request under way is abandoned: its
   * facts stay, and are sent under the same ids by the next publisher over this store.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#settled;
    await this.#sender.close();
    await this.#outbox.close();
  }
}

function closed(): HostFault {
  return new HostFault("publisher_closed", "This publisher is closed: make another.");
}
