// Appending: what a push or a fact brings becomes one chunk of the log, which carries the digest of
// the one before it. That digest was begun when the chunk before was durable, so there is seldom
// anything to wait for; a store that makes its chain only when asked is not kept waiting at all.
//
// A store may have written what it told as failed. Until it has said whether it did, nothing more
// is judged: what is a duplicate, late or held back hangs on it.

import type { ZoneYear } from "./event/zone.ts";
import type { Quarantine } from "./ingest/quarantine.ts";
import type { Settled } from "./ingest/tally.ts";
import { hostBreathe } from "./rebuild/host-pace.ts";
import { Chain, GENESIS } from "./store/chain.ts";
import { CHUNK_RELEASED, encodeChunk, type Chunk } from "./store/chunk.ts";
import { after } from "./store/steps.ts";
import type { Append, MaybePromise, Store } from "./store/store.ts";

const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };
/** Bytes of a page that is to hold one chunk. */
const ONE_CHUNK = 1;

/** An append of which the store told that it failed. */
export interface Doubted {
  readonly write: Append;
  /** What the push had become; null for a fact. */
  readonly settled: Settled | null;
}

type Beside = Pick<Append, "held" | "letGo" | "remembered" | "forgotten">;

export class Appending {
  readonly #store: Store;
  readonly #quarantine: Quarantine;
  readonly #chain: Chain | null;
  #doubted: Doubted | null = null;

  constructor(store: Store, quarantine: Quarantine) {
    this.#store = store;
    this.#quarantine = quarantine;
    this.#chain = store.seal === undefined ? new Chain() : null;
  }

  /** Takes up the chain of a log that ends at `endPosition`. HostFault `chunk_broken`. */
  async resume(endPosition: number): Promise<void> {
    if (this.#chain === null || endPosition === 0) return;
    const [newest] = await this.#store.read(endPosition - 1, ONE_CHUNK, hostBreathe());
    if (newest !== undefined) this.#chain.follow(newest);
  }

  /** SHA-256 of the newest chunk; null where the chain is made only when asked. */
  get newest(): MaybePromise<Uint8Array> | null {
    return this.#chain === null ? null : this.#chain.newest;
  }

  /** Whether `settleDoubt` has something to ask. */
  get isInDoubt(): boolean {
    return this.#doubted !== null;
  }

  /**
   * Asks the store whether it has what it told as failed; `take` gets it where it has. Rejects with
   * the HostFault of the store, or of `take`, and is as much in doubt then as before.
   */
  async settleDoubt(take: (landed: Doubted) => Promise<void>): Promise<void> {
    const { write } = this.#doubted!;
    if (await this.#store.hasLanded(write)) {
      await take(this.#doubted!);
      if (write.chunk !== null) this.#chain?.follow(write.chunk);
    }
    this.#doubted = null;
  }

  /** What a push became, `zones` being the years that its entries are the first to need. */
  append(settled: Settled, zones: readonly ZoneYear[]): MaybePromise<void> {
    const { entries: count, held, release, receipt, receivedAt, lines } = settled;
    const letGo = release?.ids ?? [];
    if (count === 0 && held.length === 0 && letGo.length === 0) return;
    const identities = this.#quarantine.makeWay(release?.accepted ?? []);
    const beside = { held, letGo, ...identities };
    const endPosition = receipt.position;
    if (count === 0) {
      const nothing = { chunk: null, firstPosition: endPosition, endPosition };
      return this.#hand({ ...nothing, ...beside }, settled);
    }
    const flags = release === null ? 0 : CHUNK_RELEASED;
    const firstPosition = endPosition - count;
    const brought = zones.length > 0 && { zones };
    const parts = { firstPosition, count, receivedAt, flags, lines, ...brought };
    return this.#chained(parts, beside, settled);
  }

  /** A fact is a chunk of its own. */
  appendFact(lines: Uint8Array, firstPosition: number): MaybePromise<void> {
    const parts = { count: 1, receivedAt: null, flags: 0, lines };
    return this.#chained({ firstPosition, ...parts }, NOTHING, null);
  }

  #chained(
    parts: Omit<Chunk, "previousDigest">,
    beside: Beside,
    settled: Settled | null,
  ): MaybePromise<void> {
    const write = (previousDigest: Uint8Array): MaybePromise<void> =>
      this.#write({ ...parts, previousDigest }, beside, settled);
    const newest = this.#chain?.newest ?? GENESIS;
    return after(newest, write);
  }

  #write(chunk: Chunk, beside: Beside, settled: Settled | null): MaybePromise<void> {
    const { firstPosition } = chunk;
    let encoded: Uint8Array | null = null;
    const encode = (): Uint8Array => (encoded ??= encodeChunk(chunk));
    const write: Append = {
      entries: chunk,
      get chunk() {
        return encode();
      },
      ...{ firstPosition, endPosition: firstPosition + chunk.count, ...beside },
    };
    const written = this.#hand(write, settled);
    const chain = this.#chain;
    if (chain === null) return written;
    return after(written, () => chain.follow(encode()));
  }

  /** In doubt until the store has told that it is written. */
  #hand(write: Append, settled: Settled | null): MaybePromise<void> {
    this.#doubted = { write, settled };
    return after(this.#store.append(write), () => void (this.#doubted = null));
  }
}
