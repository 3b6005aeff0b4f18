// The archive of the restaurants' logs: an R2 bucket, one object a chunk, as the log had it. Names
// sort by restaurant and position, so that a listing is the log, and `verifyChunks` its proof.
//
//   REST-0001/0000000000004711    the id as in a URL, the position of the chunk's first entry
//
// A chunk that comes again is the object that is there. Nothing is ever written over: another chunk
// of the same name is a fault, and the log keeps its own. From here a log that does not open any
// more, its snapshots being lost, gets its chunks back.

import type { ArchivedChunk } from "../engine/index.ts";
import { digestOf } from "../engine/store/chain.ts";
import { checkChunk } from "../engine/store/chunk.ts";
import type { ArchivedEnding } from "../engine/store/restore.ts";

/** As many as a position can have. */
const POSITION_DIGITS = 16;
/** So many positions before an end are looked at first: no more chunks can begin there. */
const LISTED_FIRST = 1000;

/** Puts the chunks of one restaurant into the bucket. */
export function archiveIn(
  bucket: R2Bucket,
  restaurantId: string,
): (chunk: ArchivedChunk) => Promise<void> {
  return async ({ position, bytes }) => {
    const name = archivedName(restaurantId, position);
    const sha256 = await digestOf(bytes);
    // By the checksum R2 knows whether it has what was sent; null where the object is there.
    const onlyIf = { etagDoesNotMatch: "*" };
    if ((await bucket.put(name, bytes, { onlyIf, sha256 })) !== null) return;
    const { sha256: held } = (await bucket.head(name))?.checksums ?? {};
    const there = held === undefined ? [] : new Uint8Array(held);
    if (sha256.every((byte, at) => byte === there[at])) return;
    throw new Error(`The archive has another chunk as ${name}: look which one is right.`);
  };
}

/**
 * Finds the chunks of one restaurant in the bucket, from the newest to the oldest: the one that
 * ends at a position is the last that begins before it.
 */
export function archivedIn(bucket: R2Bucket, restaurantId: string): ArchivedEnding {
  /** Of the chunks before the one that was found last, as far as they were listed. */
  let positions: number[] = [];
  return async (end) => {
    positions = positions.filter((position) => position < end);
    for (let span = LISTED_FIRST; positions.length === 0; span *= 8) {
      positions = await listed(bucket, restaurantId, Math.max(0, end - span), end);
      if (span >= end) break;
    }
    const object = await bucket.get(archivedName(restaurantId, positions.pop() ?? 0));
    if (object === null) return null;
    const bytes = new Uint8Array(await object.arrayBuffer());
    return checkChunk(bytes).endPosition === end ? bytes : null;
  };
}

/** The positions of chunks that begin in [from, to), ascending. */
async function listed(
  bucket: R2Bucket,
  restaurantId: string,
  from: number,
  to: number,
): Promise<number[]> {
  const prefix = archivedName(restaurantId, 0).slice(0, -POSITION_DIGITS);
  const startAfter = from === 0 ? prefix : archivedName(restaurantId, from - 1);
  const positions: number[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({ prefix, startAfter, ...(cursor !== undefined && { cursor }) });
    for (const { key } of page.objects) positions.push(Number(key.slice(prefix.length)));
    if (!page.truncated || positions.at(-1)! >= to) break;
    ({ cursor } = page);
  }
  return positions.filter((position) => position < to);
}

export function archivedName(restaurantId: string, position: number): string {
  const digits = String(position).padStart(POSITION_DIGITS, "0");
  return `${encodeURIComponent(restaurantId)}/${digits}`;
}
