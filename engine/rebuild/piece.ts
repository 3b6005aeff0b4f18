// Pieces of a chunk, so that a long push can be replayed a little at a time: the state does not
// know how entries were cut, and at the chunk's end the same was told last.

import type { Chunk } from "../store/chunk.ts";

const NEWLINE = 10;

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
    const count = Math.min(entries(), chunk.count - index);
    let end = start;
    if (index + count === chunk.count) end = lines.length;
    else for (let each = 0; each < count; each++) end = lines.indexOf(NEWLINE, end) + 1;
    const isList = receivedAt !== null && typeof receivedAt !== "number";
    yield {
      ...chunk,
      firstPosition: firstPosition + index,
      count,
      receivedAt: isList ? receivedAt.slice(index, index + count) : receivedAt,
      lines: lines.subarray(start, end),
    };
    index += count;
    start = end;
  }
}
