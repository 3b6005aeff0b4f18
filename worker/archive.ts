// The archive of the restaurants' logs: an R2 bucket, one object a chunk, as the log had it. Names
// sort by restaurant and position, so that a listing is the log, and `verifyChunks` its proof.
//
//   REST-0001/0000000000004711    the id as in a URL, the position of the chunk's first entry
//
// A chunk that comes again is the object that is there. Nothing is ever written over: another chunk
// of the same name is a fault, and the log keeps its own.

import type { ArchivedChunk } from "../engine/index.ts";
import { digestOf } from "../engine/store/chain.ts";

/** As many as a position can have. */
const POSITION_DIGITS = 16;

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

export function archivedName(restaurantId: string, position: number): string {
  const digits = String(position).padStart(POSITION_DIGITS, "0");
  return `${encodeURIComponent(restaurantId)}/${digits}`;
}
