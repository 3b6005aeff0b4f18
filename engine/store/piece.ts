// Pieces of a chunk, so that a long push can be replayed a little at a time: the state does not
// know how entries were cut, and at the chunk's end the same was told last. Long lines are few to a
// piece, whatever the pace says of entries: what they take is by the byte.

import type { Chunk } from "./chunk.ts";
import { isList } from "./receive-times.ts";
import type { Breathe } from "./steps.ts";

const NEWLINE = 10;
/** A piece that has so many bytes is full. */
const PIECE_BYTES = 512 * 1024;
/** So many bytes read, summed or copied, or of long lines, are as much work as an entry. */
export const ENTRY_BYTES = 1024;

/** The chunk's entries from position `from` on; each piece has as many as `entries` then says. */
export function* piecesOf(
  chunk: Chunk,
  from: number,
  entries: () => number,
): Generator<Chunk, void, undefined> {
  const { lines, receivedAt, firstPosition } = chunk;
  let index = Math.max(0, from - firstPosition);
  let start = 0;
  for (let skipped = 0; skipped < index; skipped++) start = lines.indexOf(NEWLINE, start) + 1;
  while (index < chunk.count) {
    const most = Math.min(entries(), chunk.count - index);
    let count = 0;
    let end = start;
    while (count < most && end - start < PIECE_BYTES) {
      end = lines.indexOf(NEWLINE, end) + 1;
      if (end === 0) throw new RangeError(`Chunk at position ${firstPosition}: lines are missing.`);
      count++;
    }
    yield {
      ...chunk,
      firstPosition: firstPosition + index,
      count,
      receivedAt: isList(receivedAt) ? receivedAt.slice(index, index + count) : receivedAt,
      lines: lines.subarray(start, end),
    };
    index += count;
    start = end;
  }
}

/** For work that is told in entries. */
export function byEntries(breathe: Breathe): Breathe {
  return (entries) => breathe(entries * ENTRY_BYTES);
}

/** How much work a piece is, in entries. */
export function workOf({ count, lines }: Chunk): number {
  return Math.max(count, Math.floor(lines.length / ENTRY_BYTES));
}
