// The tally: what became of the lines of a push, added up in their order. Out of it come the
// receipt, the chunk's lines, and the lists of what was refused and held.

import { sentence, type EventFault, type QuarantineCode } from "../event/fault.ts";
import type { Chunk } from "../store/chunk.ts";
import type { HeldLine, ReleasedIdentity } from "../store/store.ts";
import type { First } from "./batch.ts";
import { isList, lineBytes, timeOf, type Filled } from "./intake.ts";
import type { InvalidLine, QuarantinedLine, Receipt, RefusedLine } from "./receipt.ts";

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

/** Told of every line that is no accepted event, in their order. */
export class Tally {
  readonly #filled: Filled;
  /** Those that are no entries, ascending. */
  readonly #left: number[] = [];
  readonly #invalid: InvalidLine[] = [];
  readonly #quarantined: QuarantinedLine[] = [];
  readonly #refused: Refused[] = [];
  readonly held: HeldLine[] = [];
  #ticks = 0;
  #duplicate = 0;

  constructor(filled: Filled) {
    this.#filled = filled;
  }

  tick(): void {
    this.#ticks++;
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
    this.#left.push(line);
    this.#quarantined.push({ index: line, code, pointer, message: sentence(code, pointer) });
    if (held !== null) this.held.push(held);
  }

  settled(): Settled {
    const { batch, position, release: asked } = this.#filled;
    const entries = batch.lines - this.#left.length;
    const receipt = {
      received: batch.lines - this.#ticks,
      accepted: entries - this.#ticks,
      duplicate: this.#duplicate,
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
      refused: this.#refused,
    };
  }

  /** The lines that are entries, ascending. */
  #entries(): number[] {
    const left = new Set(this.#left);
    const lines = Array.from({ length: this.#filled.batch.lines }, (_, line) => line);
    return lines.filter((line) => !left.has(line));
  }

  /** The identities that a release accepts. */
  #accepted(): ReleasedIdentity[] {
    const { batch, position } = this.#filled;
    return this.#entries().map((line, index) => {
      return { identity: batch.identity(line), position: position + index };
    });
  }

  #receivedAt(): Chunk["receivedAt"] {
    const { received } = this.#filled;
    return isList(received)
      ? folded(this.#entries().map((line) => timeOf(received, line)))
      : received;
  }

  /** The push's own bytes, where they are what is appended. */
  #lines(): Uint8Array {
    const { batch, bytes } = this.#filled;
    const isWhole = this.#left.length === 0 && this.#ticks === 0;
    return isWhole && batch.entriesLength === bytes.length ? bytes : batch.entries();
  }

  #refuse(line: number, code: RefusedLine["code"], pointer: string, first: First | null): void {
    this.#left.push(line);
    const receivedAt = timeOf(this.#filled.received, line);
    const of = first === null ? {} : { of: this.#positionOf(first) };
    this.#refused.push({
      fault: { code, pointer, receivedAt, ...of },
      line: lineBytes(this.#filled, line),
    });
  }

  #positionOf(first: First): number {
    if ("position" in first) return first.position;
    return this.#filled.position + first.line - countBelow(this.#left, first.line);
  }
}

/** How many of `ascending` are below `limit`. */
function countBelow(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
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
