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

/** As many as a position can have. */
const POSITION_DIGITS = 16;
/** What else lies beside the chunks is none. */
const POSITION = /^[0-9]{16}$/;
/** So many positions before an end are looked at first: no more chunks can begin there. */
const LISTED_FIRST = 1000;

/** Chunks that are read ahead of the one at hand: as many as an object may wait for beside it. */
const AHEAD = 5;
/** Their bytes: a chunk may have as many as a push. */
const AHEAD_BYTES = 8 * 1024 * 1024;

const NONE = new Uint8Array(0);

/** A chunk of the archive, by where it begins, and its bytes. */
interface Listed {
  readonly position: number;
  readonly size: number;
}

interface Asked extends Listed {
  readonly bytes: Promise<Uint8Array | null>;
}

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
    // A copy of a bucket has no checksums of this kind.
    const there = held
      ? new Uint8Array(held)
      : await digestOf((await bytesOf(bucket, name)) ?? NONE);
    if (sha256.every((byte, at) => byte === there[at])) return;
    throw new Error(`The archive has another chunk as ${name}: look which one is right.`);
  };
}

/**
 * Finds the chunks of one restaurant in the bucket, from the newest to the oldest: the one that
 * ends at a position is the last that begins before it. So many at most will be asked for; a few
 * are read ahead.
 */
export function archivedIn(
  bucket: R2Bucket,
  restaurantId: string,
  most = Infinity,
): (endPosition: number) => Promise<Uint8Array | null> {
  /** The chunks before the one that was found last, as far as they were listed, ascending. */
  let listed: Listed[] = [];
  /** Those of them that are on their way, the newest first. */
  let ahead: Asked[] = [];
  let left = most;
  const ask = (each: Listed): Asked => {
    const bytes = bytesOf(bucket, archivedName(restaurantId, each.position));
    // Told when it is its turn.
    bytes.catch(() => {});
    return { ...each, bytes };
  };
  return async (end) => {
    const isBefore = ({ position }: Listed): boolean => position < end;
    [listed, ahead] = [listed.filter(isBefore), ahead.filter(isBefore)];
    for (let span = LISTED_FIRST; listed.length + ahead.length === 0; span *= 8) {
      listed = await list(bucket, restaurantId, Math.max(0, end - span), end);
      if (span >= end) break;
    }
    const next = ahead.shift() ?? listed.splice(-1).map(ask)[0];
    left--;
    let room = ahead.reduce((bytes, { size }) => bytes - size, AHEAD_BYTES);
    while (listed.length > 0 && ahead.length < Math.min(AHEAD, left)) {
      room -= listed.at(-1)!.size;
      if (room < 0) break;
      ahead.push(ask(listed.pop()!));
    }
    const bytes = (await next?.bytes) ?? null;
    return bytes !== null && checkChunk(bytes).endPosition === end ? bytes : null;
  };
}

async function bytesOf(bucket: R2Bucket, name: string): Promise<Uint8Array | null> {
  const object = await bucket.get(name);
  return object === null ? null : new Uint8Array(await object.arrayBuffer());
}

/** Where the chunks stand that begin in [from, to), ascending. */
async function list(
  bucket: R2Bucket,
  restaurantId: string,
  from: number,
  to: number,
): Promise<Listed[]> {
  const prefix = archivedName(restaurantId, 0).slice(0, -POSITION_DIGITS);
  const startAfter = from === 0 ? prefix : archivedName(restaurantId, from - 1);
  const chunks: Listed[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({ prefix, startAfter, ...(cursor !== undefined && { cursor }) });
    for (const { key, size } of page.objects) {
      const digits = key.slice(prefix.length);
      if (POSITION.test(digits)) chunks.push({ position: Number(digits), size });
    }
    if (!page.truncated || (chunks.at(-1)?.position ?? 0) >= to) break;
    ({ cursor } = page);
  }
  return chunks.filter(({ position }) => position < to);
}

export function archivedName(restaurantId: string, position: number): string {
  const digits = String(position).padStart(POSITION_DIGITS, "0");
  return `${encodeURIComponent(restaurantId)}/${digits}`;
}
