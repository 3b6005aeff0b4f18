// Receipts: what became of every line of a push, and the bounded list of those refused.

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

/** A line that was invalid or a duplicate. */
export interface RefusedLine {
  readonly code: EventCode | "duplicate";
  readonly pointer: string;
  readonly receivedAt: number | null;
  /** The line as text; what is not UTF-8 shows as U+FFFD, a very long line is cut. */
  readonly line: string;
  /** Of a duplicate or a conflict: the position of the first event with its identity. */
  readonly of?: number;
}

const REFUSED_MAX = 1000;
/** Of all listed lines together, so that a feed of long bad lines fills no memory. */
const REFUSED_BYTES_MAX = 4 * 1024 * 1024;
const LINE_BYTES_MAX = 64 * 1024;

const decoder = new TextDecoder();

/** The newest refused lines since open; 1,000, fewer where they are long. */
export class RefusedLines {
  readonly #lines: { readonly refused: RefusedLine; readonly bytes: number }[] = [];
  #bytes = 0;

  add(refused: Omit<RefusedLine, "line">, line: Uint8Array): void {
    const text = decoder.decode(line.subarray(0, LINE_BYTES_MAX));
    const bytes = Math.min(line.length, LINE_BYTES_MAX);
    this.#lines.push({ refused: { ...refused, line: text }, bytes });
    this.#bytes += bytes;
    while (this.#lines.length > REFUSED_MAX || this.#bytes > REFUSED_BYTES_MAX) {
      this.#bytes -= this.#lines.shift()!.bytes;
    }
  }

  list(): RefusedLine[] {
    return this.#lines.map(({ refused }) => refused);
  }
}
