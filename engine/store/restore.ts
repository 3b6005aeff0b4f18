// Restoring: the chunks that an archive got go back before those that a log keeps, the newest
// first. Each is what the chunk behind it names by its SHA-256, so that at every moment, also when
// this is cut off, the log is one unbroken chain, and one chunk is held at a time.

import { isSame } from "../event/bytes.ts";
import { digestOf, GENESIS } from "./chain.ts";
import { decodeChunk, type Chunk } from "./chunk.ts";
import { HostFault } from "./host-fault.ts";
import type { MaybePromise, Store } from "./store.ts";

/**
 * The archived chunk that ends at a position, whole; null where the archive has none. Where it has
 * several, that of the log has this SHA-256.
 */
export type ArchivedEnding = (
  endPosition: number,
  sha256: Uint8Array,
) => MaybePromise<Uint8Array | null>;

export interface Restored {
  /** The first position that the log keeps now. */
  readonly trimmedTo: number;
  /** The first position that it kept before. */
  readonly from: number;
}

const ONE_CHUNK = 1;

/**
 * Puts archived chunks back into a store that no engine has open, until it keeps its log from
 * position `to` on, and closes it. `chunksMax` ends it earlier: called again, it goes on from
 * there. Rejects with the HostFault `log_incomplete` where the archive has not what comes next,
 * `chunk_broken` where that is damaged or not what the log names; what was put back before stays.
 */
export async function restoreLog(
  store: Store,
  archive: ArchivedEnding,
  { to = 0, chunksMax = Infinity }: { readonly to?: number; readonly chunksMax?: number } = {},
): Promise<Restored> {
  if (store.putBack === undefined) throw new RangeError("This store takes no chunks back.");
  try {
    const recovered = await store.recover();
    const from = recovered?.trimmedTo ?? 0;
    let trimmedTo = from;
    for (let count = 0; trimmedTo > to && count < chunksMax; count++) {
      const [kept] = await store.read(trimmedTo, ONE_CHUNK);
      const next = decodeChunk(kept!);
      const bytes = await archive(trimmedTo, next.previousDigest);
      if (bytes === null) throw missing(to, trimmedTo);
      const chunk = decodeChunk(bytes);
      await checkLink(chunk, bytes, next);
      await store.putBack(bytes);
      trimmedTo = chunk.firstPosition;
    }
    return { trimmedTo, from };
  } finally {
    await store.close();
  }
}

async function checkLink(chunk: Chunk, bytes: Uint8Array, next: Chunk): Promise<void> {
  const place = `The archived chunk at position ${chunk.firstPosition}`;
  const advice = "Look for another copy of it.";
  if (!isSame(await digestOf(bytes), next.previousDigest)) {
    const problem = `is not the one that the chunk at position ${next.firstPosition} follows`;
    throw new HostFault("chunk_broken", `${place} ${problem}: one was changed. ${advice}`);
  }
  if (chunk.firstPosition === 0 && !isSame(chunk.previousDigest, GENESIS)) {
    throw new HostFault("chunk_broken", `${place} says that it follows another. ${advice}`);
  }
}

function missing(from: number, to: number): HostFault {
  const problem = `The archive has no chunk that ends at position ${to}`;
  const message = `${problem}, so positions ${from} to ${to - 1} are still missing`;
  return new HostFault("log_incomplete", `${message}: look for their chunks elsewhere.`);
}
