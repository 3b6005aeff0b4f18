// Keys that were told before: a key comes again with every push, so its object is made once and
// shared, frozen, by all that is told of it, and the order of keys is kept as a rank, which is
// cheaper to compare than text. Found by the core's hash of query and key, and by its bytes; the
// core keys that hash, so nobody can choose keys that collide.
//
//   slots   ┌───┬───┬───┬───┬── …      entry + 1, or 0; open addressing, at most half full
//   entries ┌───────┬─────┬──────────────┬─────┬──────┬──────┐
//           │ query │ tag │ start, bytes │ key │ text │ rank │  rank: -1 until they are ranked anew
//           └───────┴─────┴──────────────┴─────┴──────┴──────┘
//
// Nothing is forgotten one by one: whoever has them begins anew where they are large (`isLarge`).

import { compareUtf8 } from "../event/canonical.ts";
import type { Key } from "./change.ts";

/** Beyond it, or beyond so many bytes, they are forgotten after the push. */
export const KNOWN_KEYS_MAX = 16_384;
export const KNOWN_KEY_BYTES_MAX = 1_048_576;
/** Ranking costs about so many times less a known key than telling a change does. */
const RANKING_WORTH = 16;

export class KnownKeys {
  #slots = new Int32Array(256);
  #queries = new Int32Array(128);
  #tags = new Int32Array(128);
  #starts = new Int32Array(129);
  #ranks = new Int32Array(128);
  #bytes = new Uint8Array(4096);
  /** Over the same. */
  #view = new DataView(this.#bytes.buffer);
  /** The entries that have a rank, by rank. */
  #byRank = new Int32Array(128);
  #ranked = 0;
  #keys: Key[] = [];
  #texts: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** The entry of the key whose encoded values are `length` bytes at `at`; -1: not known. */
  find(query: number, tag: number, from: DataView, at: number, length: number): number {
    const mask = this.#slots.length - 1;
    const own = this.#view;
    search: for (let slot = tag & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return -1;
      if (this.#tags[entry] !== tag || this.#queries[entry] !== query) continue;
      const ownAt = this.#starts[entry]!;
      if (this.#starts[entry + 1]! - ownAt !== length) continue;
      // Four bytes at a time, and what is left one by one.
      let index = 0;
      for (; index + 4 <= length; index += 4) {
        if (own.getInt32(ownAt + index) !== from.getInt32(at + index)) continue search;
      }
      for (; index < length; index++) {
        if (own.getUint8(ownAt + index) !== from.getUint8(at + index)) continue search;
      }
      return entry;
    }
  }

  /** The entry of a key that was not known; `text` is what it is ordered by. */
  add(
    query: number,
    tag: number,
    encoded: Uint8Array,
    { key, text }: { readonly key: Key; readonly text: string },
  ): number {
    const entry = this.#keys.length;
    if (entry === this.#tags.length) this.#widen();
    const start = this.#starts[entry]!;
    const end = start + encoded.length;
    if (end > this.#bytes.length) {
      this.#bytes = widened(this.#bytes, 2 * end);
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#bytes.set(encoded, start);
    this.#queries[entry] = query;
    this.#tags[entry] = tag;
    this.#starts[entry + 1] = end;
    this.#ranks[entry] = -1;
    this.#keys.push(Object.freeze(key));
    this.#texts.push(text);
    this.#enter(entry);
    return entry;
  }

  #enter(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#tags[entry]! & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #widen(): void {
    const size = 2 * this.#tags.length;
    this.#queries = widened(this.#queries, size);
    this.#tags = widened(this.#tags, size);
    this.#starts = widened(this.#starts, size + 1);
    this.#ranks = widened(this.#ranks, size);
    this.#byRank = widened(this.#byRank, size);
    this.#slots = new Int32Array(2 * size);
    for (let entry = 0; entry < this.size; entry++) this.#enter(entry);
  }

  keyOf(entry: number): Key {
    return this.#keys[entry]!;
  }

  /** The key's values as canonical JSON. */
  textOf(entry: number): string {
    return this.#texts[entry]!;
  }

  /** Ranks the keys, if that is worth it to put `count` changes in order; else they have none. */
  rank(count: number): boolean {
    const fresh = this.size - this.#ranked;
    if (fresh === 0) return true;
    if (RANKING_WORTH * Math.max(count, fresh) < this.size) return false;
    const entries = Array.from({ length: fresh }, (_, index) => this.#ranked + index);
    entries.sort((a, b) => this.compare(a, b));
    // From the last on, each goes behind what comes before it, and what comes after moves up.
    let end = this.#ranked;
    for (let left = fresh; left > 0; left--) {
      const place = this.#placeOf(entries[left - 1]!, end);
      this.#byRank.copyWithin(place + left, place, end);
      this.#byRank[place + left - 1] = entries[left - 1]!;
      end = place;
    }
    this.#ranked = this.size;
    for (let rank = 0; rank < this.#ranked; rank++) this.#ranks[this.#byRank[rank]!] = rank;
    return true;
  }

  /** How many of the first `end` by rank come before the entry. */
  #placeOf(entry: number, end: number): number {
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(this.#byRank[middle]!, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of a ranked key: grows with the query, then with the key's text. */
  rankOf(entry: number): number {
    return this.#ranks[entry]!;
  }

  compare(a: number, b: number): number {
    return this.#queries[a]! - this.#queries[b]! || compareUtf8(this.#texts[a]!, this.#texts[b]!);
  }

  /** Whether they take more memory than they are worth between two pushes. */
  get isLarge(): boolean {
    return this.size > KNOWN_KEYS_MAX || this.#starts[this.size]! > KNOWN_KEY_BYTES_MAX;
  }
}

function widened<T extends Int32Array | Uint8Array>(list: T, size: number): T {
  const wider = new (list.constructor as new (size: number) => T)(size);
  wider.set(list as never);
  return wider;
}
