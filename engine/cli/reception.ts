// What became of all lines of a run: the receipts added up, and the first faults told as they come.

import type { InvalidLine, QuarantinedLine, Receipt } from "../ingest/receipt.ts";
import { printable } from "./output.ts";
import type { Push } from "./push.ts";
import { placeText } from "./recording.ts";

const TOLD_MAX = 20;

export class Reception {
  readonly #invalid: InvalidLine[] = [];
  readonly #quarantined: QuarantinedLine[] = [];
  readonly #keepsFaults: boolean;
  /** Non-blank lines so far, ticks included. */
  #lines = 0;
  #told = 0;
  received = 0;
  accepted = 0;
  duplicate = 0;
  invalid = 0;
  quarantined = 0;
  position = 0;
  /** Control lines of a log, which are no part of a push. */
  #controls = 0;
  /** Reprocesses. */
  facts = 0;
  #skippedFacts = 0;

  /** A report lists all faults; without one, they are only counted. */
  constructor(keepsFaults: boolean) {
    this.#keepsFaults = keepsFaults;
  }

  /** Adds the receipt of a push; the answer is what to tell of its faults, a line each. */
  add(receipt: Receipt, { places }: Push): string[] {
    const { invalid, quarantined } = receipt;
    const told = this.#tell(receipt, places);
    if (this.#keepsFaults) {
      const before = this.#lines + this.#controls;
      for (const fault of invalid) this.#invalid.push({ ...fault, index: before + fault.index });
      for (const fault of quarantined) {
        this.#quarantined.push({ ...fault, index: before + fault.index });
      }
    }
    this.received += receipt.received;
    this.accepted += receipt.accepted;
    this.duplicate += receipt.duplicate;
    this.invalid += invalid.length;
    this.quarantined += quarantined.length;
    this.position = receipt.position;
    this.#lines += places.length;
    return told;
  }

  #tell({ invalid, quarantined }: Receipt, places: Push["places"]): string[] {
    const more = TOLD_MAX - this.#told;
    if (more === 0 || invalid.length + quarantined.length === 0) return [];
    const faults = [
      ...invalid.slice(0, more).map((fault) => ({ ...fault, what: "invalid" })),
      ...quarantined.slice(0, more).map((fault) => ({ ...fault, what: "quarantined" })),
    ];
    faults.sort((a, b) => a.index - b.index);
    const told = faults.slice(0, more).map(({ index, what, code, message }) => {
      return printable(`${placeText(places[index]!)}: ${what}, ${code}: ${message}`);
    });
    this.#told += told.length;
    return told;
  }

  addControl(): void {
    this.#controls++;
  }

  /** Whether every line so far was accepted. */
  get isWhole(): boolean {
    return this.received === this.accepted;
  }

  /** A reprocess of a log: a line and a position of its own. */
  addFact(): void {
    this.#lines++;
    this.facts++;
    this.position++;
  }

  /** What was accepted once, and pushed as ticks that move nothing: they are counted as lines. */
  addSkipped(events: number, isFact: boolean): void {
    this.received += events;
    this.accepted += events;
    if (isFact) this.#skippedFacts++;
  }

  get ticks(): number {
    return this.#lines - this.received - this.facts - this.#skippedFacts;
  }

  /** Faults that were not told. */
  get untold(): number {
    return this.invalid + this.quarantined - this.#told;
  }

  receipt(): Receipt {
    const { received, accepted, duplicate, position } = this;
    const faults = { invalid: this.#invalid, quarantined: this.#quarantined };
    return { received, accepted, duplicate, ...faults, position };
  }
}
