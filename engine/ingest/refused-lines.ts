// The lines of pushes that were refused, the newest of them: what each was, and its bytes, which
// become text only when somebody asks. Of a feed that is sent again most are gone before that.

import { decoder } from "../event/utf8.ts";
import type { EventCode } from "../event/fault.ts";

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

/** Where it stands in the push's bytes. */
export interface Refused {
  readonly fault: Omit<RefusedLine, "line">;
  readonly start: number;
  readonly end: number;
}

interface Kept extends Refused {
  readonly bytes: Uint8Array;
}

export const REFUSED_MAX = 1000;
/** Of all listed lines together, so that a feed of long bad lines fills no memory. */
const REFUSED_BYTES_MAX = 4 * 1024 * 1024;
const LINE_BYTES_MAX = 64 * 1024;
/** A push's bytes are kept whole where its refused lines are at least one part in so many. */
const WHOLE_PARTS = 4;

/** The newest refused lines since open; 1,000, fewer where they are long. */
export class RefusedLines {
  #lines: Kept[] = [];
  #bytes = 0;

  /** Those of one push, whose bytes change no more, in their order. */
  add(bytes: Uint8Array, refused: readonly Refused[]): void {
    if (refused.length === 0) return;
    let size = 0;
    let from = refused.length;
    for (; from > 0 && refused.length - from < REFUSED_MAX; from--) {
      const next = size + sizeOf(refused[from - 1]!);
      if (next > REFUSED_BYTES_MAX) break;
      size = next;
    }
    const isWhole = size * WHOLE_PARTS >= bytes.length;
    for (const line of refused.slice(from)) {
      const { fault, start } = line;
      const length = sizeOf(line);
      const end = start + length;
      if (isWhole) this.#lines.push({ fault, start, end, bytes });
      else this.#lines.push({ fault, start: 0, end: length, bytes: bytes.slice(start, end) });
    }
    this.#bytes += size;
    let gone = 0;
    while (this.#lines.length - gone > REFUSED_MAX || this.#bytes > REFUSED_BYTES_MAX) {
      this.#bytes -= sizeOf(this.#lines[gone++]!);
    }
    if (gone > 0) this.#lines = this.#lines.slice(gone);
  }

  list(): RefusedLine[] {
    return this.#lines.map(({ fault, bytes, start, end }) => {
      return { ...fault, line: decoder.decode(bytes.subarray(start, end)) };
    });
  }
}

/** Bytes of it that are listed. */
function sizeOf({ start, end }: Pick<Refused, "start" | "end">): number {
  return Math.min(end - start, LINE_BYTES_MAX);
}
