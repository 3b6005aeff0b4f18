// Poison: entries of the log on which the core failed twice, which is a bug of ours. Who replays
// the log skips them: a tick that moves nothing stands in their place, so that positions stay. The
// log says which they are by a fact, an entry of its own (fact.ts), which moves nothing either. It
// may stand far behind them: a snapshot has those that were known at its position.

import { TICK_NEVER } from "../../assembly/layout.ts";
import type { Chunk } from "../store/chunk.ts";
import { entryLines } from "../store/entry.ts";
import { poisonedBy } from "./fact.ts";
import { tickLine } from "./tick.ts";

const NOTHING = tickLine(TICK_NEVER);
const NEWLINE = 10;

export class Poison {
  readonly #positions = new Set<number>();
  /** Those of which the log does not say it yet. */
  readonly #unmarked = new Set<number>();

  constructor(positions: readonly number[] = []) {
    this.note(positions);
  }

  /** Ascending. */
  get positions(): readonly number[] {
    return [...this.#positions].sort((a, b) => a - b);
  }

  /** Those that the log is still to say. */
  get unmarked(): readonly number[] {
    return [...this.#unmarked];
  }

  /** The core failed twice on the entry. */
  find(position: number): void {
    this.#positions.add(position);
    this.#unmarked.add(position);
  }

  /** The log says so; true where it is news. */
  note(positions: readonly number[]): boolean {
    const before = this.#positions.size;
    for (const position of positions) {
      this.#positions.add(position);
      this.#unmarked.delete(position);
    }
    return this.#positions.size > before;
  }

  /** The chunk as a core is given it. */
  quiet(chunk: Chunk): Chunk {
    const { firstPosition, count } = chunk;
    const isMark = poisonedBy(chunk) !== null;
    const isInChunk = (at: number): boolean => at >= firstPosition && at < firstPosition + count;
    if (!isMark && ![...this.#positions].some(isInChunk)) return chunk;
    const isQuiet = (entry: number): boolean =>
      isMark || this.#positions.has(firstPosition + entry);
    const bytes: number[] = [];
    for (const [entry, line] of [...entryLines(chunk)].entries()) {
      for (const byte of isQuiet(entry) ? NOTHING : line) bytes.push(byte);
      bytes.push(NEWLINE);
    }
    return { ...chunk, lines: new Uint8Array(bytes) };
  }
}
