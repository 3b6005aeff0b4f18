// The calls of a host that were not answered yet: each waits for a leader, here or in another tab,
// and is asked of the next one if that leader goes. A push is safe to ask twice: an event that was
// taken by the leader that died is a duplicate for the next. A release or reprocessing is not.

import { HostFault } from "../store/host-fault.ts";
import { failed, type Outcome } from "./outcome.ts";
import type { Patience } from "./patience.ts";
import { ONCE, type HostAnswer, type Verb } from "./protocol.ts";

export interface Call {
  readonly id: number;
  readonly verb: Verb;
  readonly words: readonly unknown[];
  /** The leader that was asked; null where none was yet. */
  askedOf: string | null;
  readonly settle: (outcome: Outcome<HostAnswer>) => void;
}

export class Calls {
  readonly #patience: Patience;
  readonly #calls = new Map<number, Call>();
  #next = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  add(verb: Verb, words: readonly unknown[], settle: (outcome: Outcome<HostAnswer>) => void): Call {
    const call = { id: this.#next++, verb, words, askedOf: null, settle };
    this.#calls.set(call.id, call);
    this.#patience.begin();
    return call;
  }

  settle(id: number, outcome: Outcome<HostAnswer>): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    this.#patience.end();
    call.settle(outcome);
  }

  settleAll(outcome: Outcome<never>): void {
    for (const id of this.#calls.keys()) this.settle(id, outcome);
  }

  /** What the next leader is to be asked, in call order. */
  takeOver(): Call[] {
    for (const { id, verb, askedOf } of this.#calls.values()) {
      if (ONCE.has(verb) && askedOf !== null) this.settle(id, failed(unknownEnd(verb)));
    }
    return [...this.#calls.values()];
  }
}

function unknownEnd(verb: Verb): HostFault {
  const message = `The tab that had the log ended in the middle of ${verb}`;
  const wayOut = "look at quarantine() or the view, and call again if it was not done";
  return new HostFault("worker_gone", `${message}: ${wayOut}.`);
}
