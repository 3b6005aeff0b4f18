// Lines on which a core failed before anything was appended, since the engine was opened. Sent
// again, byte for byte, they are held without a core being asked, which would be made again each
// time. None is read from the store, since another build may have no trouble with them; and what is
// released the core is asked as ever, and about all of them anew.

import { isSame } from "../event/bytes.ts";
import { linesOf } from "../store/entry.ts";

/** Space, tab, carriage return: a line of nothing else is none. */
const BLANK: ReadonlySet<number> = new Set([32, 9, 13]);
const ZERO = 48;
/** Noted at once; of more the oldest are asked of the core again. */
const NOTED = 20;

/** A push without the lines that are known to fail. */
export interface Spared {
  readonly bytes: Uint8Array;
  /** Which they are, blank lines not counted. */
  readonly poisoned: ReadonlySet<number>;
}

export class FailedLines {
  #lines: Uint8Array[] = [];

  note(line: Uint8Array): void {
    const others = this.#lines.filter((known) => !isSame(known, line));
    this.#lines = [...others, line].slice(-NOTED);
  }

  forget(): void {
    this.#lines = [];
  }

  /** In the place of each that is known stands what is a line and no event; null: there is none. */
  spare(sent: Uint8Array): Spared | null {
    if (this.#lines.length === 0) return null;
    const poisoned = new Set<number>();
    const bytes = sent.slice();
    let index = 0;
    for (const line of linesOf(bytes)) {
      if (line.every((byte) => BLANK.has(byte))) continue;
      if (this.#lines.some((known) => isSame(known, line))) {
        line.fill(ZERO);
        poisoned.add(index);
      }
      index++;
    }
    return poisoned.size === 0 ? null : { bytes, poisoned };
  }
}
