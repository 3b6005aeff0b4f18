// The page's archive, as its host sees it: a function cannot cross to a worker, so each chunk goes
// to the page and its answer comes back. The page may take its time, but has to live: one that says
// nothing for the deadline has not archived, and nothing is trimmed.

import type { ArchivedChunk, Retention } from "../retention.ts";
import { HostFault } from "../store/host-fault.ts";
import { closed, settle, type Outcome } from "./outcome.ts";
import { Patience } from "./patience.ts";
import type { HostEvent, HostOptions } from "./protocol.ts";

export class Archiving {
  readonly #emit: (event: HostEvent, transfer?: Transferable[]) => void;
  readonly #patience: Patience;
  /** Of each chunk that the page has, what ends the wait. */
  readonly #waiting = new Map<number, (outcome: Outcome<null> | HostFault) => void>();
  #next = 0;

  constructor(deadlineMs: number, emit: (event: HostEvent, transfer?: Transferable[]) => void) {
    this.#emit = emit;
    this.#patience = new Patience(
      deadlineMs,
      () => emit({ kind: "ping" }),
      () => this.#giveUp(silent()),
    );
  }

  /** What `open` is given. */
  retentionOf({ retention }: HostOptions): Retention | undefined {
    if (retention === null) return undefined;
    const { days, hasArchive } = retention;
    return hasArchive ? { days, archive: (chunk) => this.#give(chunk) } : { days };
  }

  /** The page has answered; too late, where nobody waits any more. */
  settle(id: number, outcome: Outcome<null>): void {
    this.#waiting.get(id)?.(outcome);
  }

  heard(): void {
    this.#patience.heard();
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#giveUp(closed());
  }

  async #give({ position, endPosition, bytes }: ArchivedChunk): Promise<void> {
    const id = this.#next++;
    const { promise, resolve } = Promise.withResolvers<Outcome<null> | HostFault>();
    this.#waiting.set(id, resolve);
    this.#patience.begin();
    try {
      const buffer = bytes.buffer as ArrayBuffer;
      this.#emit({ kind: "archive", id, position, endPosition, bytes: buffer }, [buffer]);
      const answer = await promise;
      if (answer instanceof HostFault) throw answer;
      settle(answer);
    } finally {
      this.#waiting.delete(id);
      this.#patience.end();
    }
  }

  #giveUp(fault: HostFault): void {
    for (const end of this.#waiting.values()) end(fault);
  }
}

function silent(): HostFault {
  const message = "The page that archives does not answer";
  return new HostFault("worker_gone", `${message}: nothing is trimmed before it does.`);
}
