// The audit chain: every chunk carries the SHA-256 of the whole of the one before it, the first one
// zeros. A checksum finds what broke by itself; the chain finds what was changed on purpose, since
// whoever changes a chunk has to write all that follow it anew.
//
// Web Crypto is asynchronous, so a chunk's digest is computed behind its receipt, and waits for the
// next append: the newest chunk is not sealed yet. What is sealed may be archived, and taken away.

import { isSame } from "../event/bytes.ts";
import { decodeChunk } from "./chunk.ts";
import { HostFault, type HostFaultCode } from "./host-fault.ts";
import type { MaybePromise, Store } from "./store.ts";

/** What the first chunk of a log carries. */
export const GENESIS: Uint8Array<ArrayBuffer> = new Uint8Array(32);

/** The first link of a log's chain that does not hold. */
export interface BrokenLink {
  /** From here on nothing vouches for the log. */
  readonly position: number;
  readonly code: HostFaultCode;
  /** What is wrong there, and what to do. */
  readonly message: string;
}

export interface Verified {
  readonly ok: boolean;
  readonly broken?: BrokenLink;
}

/** SHA-256, 32 bytes. */
export async function digestOf(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

/** The chain's end, while a log is written. */
export class Chain {
  #newest: MaybePromise<Uint8Array> = GENESIS;

  /** SHA-256 of the newest chunk: what the next one carries. */
  get newest(): MaybePromise<Uint8Array> {
    return this.#newest;
  }

  /** The chunk is durable. */
  follow(chunk: Uint8Array): void {
    const digest = digestOf(chunk);
    this.#newest = digest;
    void digest.then((settled) => {
      if (this.#newest === digest) this.#newest = settled;
    });
  }
}

/** A walk along the chain, chunk by chunk. */
export class ChainWalk {
  #before: { readonly position: number; readonly bytes: Uint8Array } | null = null;
  #next: number | null = null;

  /** Where the chunk taken last begins; null before the first. */
  get position(): number | null {
    return this.#before?.position ?? null;
  }

  /** Where the next chunk begins; null before the first. */
  get next(): number | null {
    return this.#next;
  }

  /** SHA-256 of the chunk taken last; null before the first. */
  async digest(): Promise<Uint8Array | null> {
    return this.#before === null ? null : digestOf(this.#before.bytes);
  }

  /**
   * The next chunk, whole; null where its link holds. The first one has none to hold, but that of
   * position 0, which follows nothing.
   */
  async take(bytes: Uint8Array): Promise<BrokenLink | null> {
    const before = this.#before;
    const { firstPosition: position, count, previousDigest } = decodeChunk(bytes);
    if (this.#next !== null && position !== this.#next) {
      return brokenAt(this.#next, `The chunk at position ${position} follows no other`);
    }
    const wanted = position === 0 ? GENESIS : await this.digest();
    if (wanted !== null && !isSame(previousDigest, wanted)) {
      if (before === null)
        return brokenAt(position, "The first chunk says that it follows another");
      const said = "does not carry the SHA-256 of the one before it, at position";
      const problem = `The chunk at position ${position} ${said} ${before.position}`;
      return brokenAt(position, `${problem}: one of the two was changed or replaced`);
    }
    this.#before = { position, bytes };
    this.#next = position + count;
    return null;
  }
}

/**
 * Whether chunks, as an archive got them and a store keeps them, are one unbroken chain, in order.
 * What stands before the first of them is not looked at.
 */
export async function verifyChunks(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Verified> {
  const walk = new ChainWalk();
  for await (const bytes of chunks) {
    const broken = await outcome(walk.next ?? 0, () => walk.take(bytes));
    if (broken !== null) return { ok: false, broken };
  }
  return { ok: true };
}

const PAGE_BYTES = 4 * 1024 * 1024;
const ONE_CHUNK = 1;

/**
 * Walks a store's chain over the chunks that hold positions of [from, to), and the link to the one
 * before them; `newest` is the digest of the chunk that ends at `to`, where the caller knows it.
 */
export async function verifyLog(
  store: Store,
  from: number,
  trimmedTo: number,
  to: number,
  newest: Uint8Array | null,
): Promise<Verified> {
  const walk = new ChainWalk();
  // The chunk before gives the digest that the first one should carry.
  let next = Math.max(Math.min(from, trimmedTo), from - 1, 0);
  let pageBytes = PAGE_BYTES;
  while (next < to) {
    let page: readonly Uint8Array[];
    try {
      page = await store.read(next, pageBytes);
    } catch (error) {
      // Of a log that is closed meanwhile nothing is known.
      if (!(error instanceof HostFault) || error.code === "engine_closed") throw error;
      if (error.code === "log_trimmed") return { ok: false, broken: linkOf(next, error) };
      // A page is refused whole: chunk by chunk, what is whole before the broken one is passed.
      if (pageBytes === ONE_CHUNK) return { ok: false, broken: linkOf(next, error) };
      pageBytes = ONE_CHUNK;
      continue;
    }
    for (const bytes of page) {
      if (next >= to) break;
      const broken = await outcome(next, () => walk.take(bytes));
      if (broken !== null) return { ok: false, broken };
      next = walk.next!;
    }
    if (page.length === 0) break;
  }
  if (next < to) {
    const broken = brokenAt(next, `The log ends at position ${next} when it ended at ${to}`);
    return { ok: false, broken: { ...broken, code: "log_truncated" } };
  }
  const digest = newest === null ? null : await walk.digest();
  if (digest === null || isSame(digest, newest!)) return { ok: true };
  const message = "The newest chunk is not the one that this engine wrote";
  return { ok: false, broken: brokenAt(walk.position!, message) };
}

/** A chunk that cannot be read is a broken link; what this program does wrong stays an error. */
async function outcome(
  position: number,
  take: () => Promise<BrokenLink | null>,
): Promise<BrokenLink | null> {
  try {
    return await take();
  } catch (error) {
    if (error instanceof HostFault) return linkOf(position, error);
    throw error;
  }
}

function linkOf(position: number, { code, message }: HostFault): BrokenLink {
  return { position, code, message };
}

function brokenAt(position: number, problem: string): BrokenLink {
  const advice = "Compare with the archive or a copy, and restore the log from there.";
  return { position, code: "chunk_broken", message: `${problem}. ${advice}` };
}
