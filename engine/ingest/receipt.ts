// Receipts: what became of every line of a push.

import type { EventCode, QuarantineCode } from "../event/fault.ts";

export interface InvalidLine {
  /** Of the push's lines that are not blank. */
  readonly index: number;
  readonly code: EventCode;
  readonly pointer: string;
  readonly message: string;
}

export interface QuarantinedLine {
  readonly index: number;
  readonly code: QuarantineCode;
  readonly pointer: string;
  readonly message: string;
}

export interface Receipt {
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly invalid: readonly InvalidLine[];
  readonly quarantined: readonly QuarantinedLine[];
  /** The next position: all below it is durable. */
  readonly position: number;
}

/** The dispositions of all lines since open. */
export class DispositionCounts {
  #received = 0;
  #accepted = 0;
  #duplicate = 0;
  #invalid = 0;
  #quarantined = 0;

  add(receipt: Receipt): void {
    this.#received += receipt.received;
    this.#accepted += receipt.accepted;
    this.#duplicate += receipt.duplicate;
    this.#invalid += receipt.invalid.length;
    this.#quarantined += receipt.quarantined.length;
  }

  read(): {
    received: number;
    accepted: number;
    duplicate: number;
    invalid: number;
    quarantined: number;
  } {
    return {
      received: this.#received,
      accepted: this.#accepted,
      duplicate: this.#duplicate,
      invalid: this.#invalid,
      quarantined: this.#quarantined,
    };
  }
}
