// The tally: what became of the lines of a push, added up in their order. Out of it come the
// receipt, the chunk's lines, and the lists of what was refused and held.

import { sentence, type EventFault, type QuarantineCode } from "../event/fault.ts";
import { folded, isList, timeOf, type ReceiveTimes } from "../store/receive-times.ts";
import type { HeldLine, ReleasedIdentity } from "../store/store.ts";
import type { Filled } from "./intake.ts";
import type { InvalidLine, QuarantinedLine, Receipt } from "./receipt.ts";
import { REFUSED_MAX, type Refused, type RefusedLine } from "./refused-lines.ts";

/** What is to be appended, answered and listed. */
export interface Settled {
  readonly receipt: Receipt;
  /** Entries to append: accepted events and ticks. */
  readonly entries: number;
  readonly receivedAt: ReceiveTimes;
  /** The entries' lines, each ended by a newline. */
  readonly lines: Uint8Array;
  readonly held: readonly HeldLine[];
  /** Where the push is a release: the ids that leave the list, and what it accepted. */
  readonly release: {
    readonly ids: readonly string[];
    readonly accepted: ReleasedIdentity[];
  } | null;
  /** The newest of those refused, and the push's bytes in which they stand. */
  readonly refused: readonly Refused[];
  readonly bytes: Uint8Array;
}

const NEWLINE = 10;

interface RefusedAt extends Refused {
  readonly line: number;
}

/**
 * Told of every line that is neither an accepted event nor a duplicate by its mark, in their order;
 * those the core has counted.
 */
export class Tally {
  readonly #filled: Filled;
  readonly #invalid: InvalidLine[] = [];
  readonly #quarantined: QuarantinedLine[] = [];
  readonly #refused: RefusedAt[] = [];
  readonly held: HeldLine[] = [];
  #ticks = 0;
  #duplicate = 0;

  constructor(filled: Filled) {
    this.#filled = filled;
  }

  tick(): void {
    this.#ticks++;
  }

  /** `first` is the position of the first event with its identity. */
  duplicate(line: number, first: number): void {
    this.#duplicate++;
    this.#refuse(line, "duplicate", "", first);
  }

  /** `first` where the fault is a conflict with an earlier event. */
  invalid(line: number, fault: EventFault, first: number | null = null): void {
    this.#invalid.push({ index: line, ...fault });
    this.#refuse(line, fault.code, fault.pointer, first);
  }

  /** `held` where the line is not on the list yet. */
  quarantined(line: number, code: QuarantineCode, pointer: string, held: HeldLine | null): void {
    this.#quarantined.push({ index: line, code, pointer, message: sentence(code, pointer) });
    if (held !== null) this.held.push(held);
  }

  settled(): Settled {
    const { batch, position, sent, release: asked } = this.#filled;
    const entries = batch.entryCount;
    const receipt = {
      received: batch.lines - this.#ticks,
      accepted: entries - this.#ticks,
      duplicate: batch.duplicateCount + this.#duplicate,
      invalid: this.#invalid,
      quarantined: this.#quarantined,
      position: position + entries,
    };
    assertConserved(receipt);
    return {
      receipt,
      entries,
      receivedAt: entries === 0 ? null : this.#receivedAt(),
      lines: entries === 0 ? new Uint8Array(0) : this.#lines(),
      held: this.held,
      release: asked === null ? null : { ids: asked.ids, accepted: this.#accepted() },
      refused: this.#newestRefused(),
      bytes: sent,
    };
  }

  /** As many as are listed at most, in their order. */
  #newestRefused(): Refused[] {
    const { batch, received } = this.#filled;
    const duplicates = batch.duplicates(REFUSED_MAX).map(({ line, of, start, end }): RefusedAt => {
      const fault = {
        code: "duplicate" as const,
        pointer: "",
        receivedAt: timeOf(received, line),
        of,
      };
      return { line, fault, start, end };
    });
    const refused = [...duplicates, ...this.#refused];
    return refused.sort((a, b) => a.line - b.line).slice(-REFUSED_MAX);
  }

  /** The identities that a release accepts. */
  #accepted(): ReleasedIdentity[] {
    const { batch, position } = this.#filled;
    return batch.entryLines.map((line, index) => {
      return { identity: batch.identity(line), position: position + index };
    });
  }

  #receivedAt(): ReceiveTimes {
    const { batch, received } = this.#filled;
    if (!isList(received)) return received;
    return folded(batch.entryLines.map((line) => timeOf(received, line)));
  }

  /** The push's own bytes, where they are what is appended: whole lines, nothing between them. */
  #lines(): Uint8Array {
    const { batch, bytes } = this.#filled;
    const isWhole = batch.entryCount === batch.lines && this.#ticks === 0;
    const isExact = batch.entryBytes === bytes.length && bytes.at(-1) === NEWLINE;
    return isWhole && isExact ? bytes : batch.entries();
  }

  #refuse(line: number, code: RefusedLine["code"], pointer: string, of: number | null): void {
    const { batch, received } = this.#filled;
    const first = of === null ? {} : { of };
    const fault = { code, pointer, receivedAt: timeOf(received, line), ...first };
    this.#refused.push({ line, fault, ...batch.span(line) });
  }
}

function assertConserved(receipt: Receipt): void {
  const { received, accepted, duplicate, invalid, quarantined } = receipt;
  const became = accepted + duplicate + invalid.length + quarantined.length;
  if (received === became) return;
  throw new Error(`Got ${became} dispositions for ${received} lines.`);
}
