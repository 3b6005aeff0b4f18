// Receipts: what became of every line of a push.

import type { EventCode, QuarantineCode } from "../event/fault.ts";

/** A line that is no event, or other content under a known identity: nothing of it is kept. */
export interface InvalidLine {
  /** Of the push's lines that are not blank. */
  readonly index: number;
  readonly code: EventCode;
  /** JSON pointer to the value at fault, or to where it is missing; `""`: the whole line. */
  readonly pointer: string;
  /** The place and what to change there, for a person; it repeats no value. */
  readonly message: string;
}

/** A line that is kept beside the log until `release`; its members are as of an invalid one. */
export interface QuarantinedLine {
  readonly index: number;
  readonly code: QuarantineCode;
  readonly pointer: string;
  readonly message: string;
}

/** `received` is the sum of what became of the lines that are not blank; a tick is none. */
export interface Receipt {
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly invalid: readonly InvalidLine[];
  readonly quarantined: readonly QuarantinedLine[];
  /** The next position: all below it is durable. */
  readonly position: number;
}

/** How many lines became what. */
type Dispositions = { [disposition in Exclude<keyof Receipt, "position">]: number };

/** The dispositions of all lines since open. */
export class DispositionCounts {
  readonly #counts: Dispositions = {
    received: 0,
    accepted: 0,
    duplicate: 0,
    invalid: 0,
    quarantined: 0,
  };

  add({ received, accepted, duplicate, invalid, quarantined }: Receipt): void {
    this.#counts.received += received;
    this.#counts.accepted += accepted;
    this.#counts.duplicate += duplicate;
    this.#counts.invalid += invalid.length;
    this.#counts.quarantined += quarantined.length;
  }

  read(): Dispositions {
    return { ...this.#counts };
  }
}
