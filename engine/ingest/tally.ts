// The tally: what became of the lines of a push, added up in their order. Out of it come the
// receipt, the chunk's lines, and the lists of what was refused and held.

import { sentence, type EventFault, type QuarantineCode } from "../event/fault.ts";
import type { Chunk } from "../store/chunk.ts";
import type { HeldLine, ReleasedIdentity } from "../store/store.ts";
import type { First } from "./batch.ts";
import type { Filled } from "./intake.ts";
import type { InvalidLine, QuarantinedLine, Receipt, RefusedLine } from "./receipt.ts";
import { tickLine } from "./tick.ts";

/** What is to be appended, answered and listed. */
export interface Settled {
  readonly receipt: Receipt;
  /** Entries to append: accepted events and ticks. */
  readonly entries: number;
  readonly receivedAt: Chunk["receivedAt"];
  /** The entries' lines, each ended by a newline. */
  readonly lines: Uint8Array;
  readonly held: readonly HeldLine[];
  /** Where the push is a release: the ids that leave the list, and what it accepted. */
  readonly release: {
    readonly ids: readonly string[];
    readonly accepted: ReleasedIdentity[];
  } | null;
  readonly refused: readonly Refused[];
}

interface Refused {
  readonly fault: Omit<RefusedLine, "line">;
  readonly line: Uint8Array;
}

const NEWLINE = 10;

export class Tally {
  readonly #filled: Filled;
  readonly #entries: Uint8Array[] = [];
  readonly #receivedAt: (number | null)[] = [];
  /** Of each accepted line: its position. */
  readonly #positions = new Map<number, number>();
  readonly #invalid: InvalidLine[] = [];
  readonly #quarantined: QuarantinedLine[] = [];
  readonly #refused: Refused[] = [];
  readonly held: HeldLine[] = [];
  readonly #released: ReleasedIdentity[] = [];
  #ticks = 0;
  #duplicate = 0;

  constructor(filled: Filled) {
    this.#filled = filled;
  }

  accepted(line: number): void {
    const { batch, release } = this.#filled;
    const position = this.#filled.position + this.#entries.length;
    this.#positions.set(line, position);
    if (release !== null) this.#released.push({ identity: batch.identity(line), position });
    this.#enter(line, this.#lineOf(line));
  }

  tick(line: number, timeMs: number): void {
    this.#ticks++;
    this.#enter(line, tickLine(timeMs));
  }

  #enter(line: number, bytes: Uint8Array): void {
    this.#entries.push(bytes);
    this.#receivedAt.push(this.#filled.receivedAt(line));
  }

  duplicate(line: number, first: First): void {
    this.#duplicate++;
    this.#refuse(line, "duplicate", "", first);
  }

  /** `first` where the fault is a conflict with an earlier event. */
  invalid(line: number, fault: EventFault, first: First | null = null): void {
    this.#invalid.push({ index: line, ...fault });
    this.#refuse(line, fault.code, fault.pointer, first);
  }

  /** `held` where the line is not on the list yet. */
  quarantined(line: number, code: QuarantineCode, pointer: string, held: HeldLine | null): void {
    this.#quarantined.push({ index: line, code, pointer, message: sentence(code, pointer) });
    if (held !== null) this.held.push(held);
  }

  settled(): Settled {
    const entries = this.#entries.length;
    const receipt = {
      received: this.#filled.lines.length - this.#ticks,
      accepted: this.#positions.size,
      duplicate: this.#duplicate,
      invalid: this.#invalid,
      quarantined: this.#quarantined,
      position: this.#filled.position + entries,
    };
    assertConserved(receipt);
    const { release: asked } = this.#filled;
    return {
      receipt,
      entries,
      receivedAt: folded(this.#receivedAt),
      lines: this.#lines(),
      held: this.held,
      release: asked === null ? null : { ids: asked.ids, accepted: this.#released },
      refused: this.#refused,
    };
  }

  #lines(): Uint8Array {
    const bytes = this.#entries.reduce((sum, { length }) => sum + length + 1, 0);
    const lines = new Uint8Array(bytes);
    let at = 0;
    for (const entry of this.#entries) {
      lines.set(entry, at);
      at += entry.length + 1;
      lines[at - 1] = NEWLINE;
    }
    return lines;
  }

  #refuse(line: number, code: RefusedLine["code"], pointer: string, first: First | null): void {
    const receivedAt = this.#filled.receivedAt(line);
    const of = first === null ? {} : { of: this.#positionOf(first) };
    this.#refused.push({ fault: { code, pointer, receivedAt, ...of }, line: this.#lineOf(line) });
  }

  #positionOf(first: First): number {
    return "position" in first ? first.position : this.#positions.get(first.line)!;
  }

  #lineOf(line: number): Uint8Array {
    const { start, end } = this.#filled.lines[line]!;
    return this.#filled.bytes.subarray(start, end);
  }
}

/** One receive time where all entries have the same. */
function folded(times: readonly (number | null)[]): Chunk["receivedAt"] {
  const first = times[0] ?? null;
  return times.every((time) => time === first) ? first : times;
}

function assertConserved(receipt: Receipt): void {
  const { received, accepted, duplicate, invalid, quarantined } = receipt;
  const became = accepted + duplicate + invalid.length + quarantined.length;
  if (received === became) return;
  throw new Error(`Got dispositions for ${became} lines when ${received} were received.`);
}
