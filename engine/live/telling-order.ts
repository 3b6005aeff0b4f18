// The one order in which a push tells its changes, and a view its rows (contract.md, "A change"):
// query, window end, window start, key by the UTF-8 bytes of its text, nulls last; then, of one
// window, retract, update, final, correction.
//
// There are few windows and many keys. So the windows are put in order, and what is told is sorted
// by one number, in which the window's place comes first, the key's rank next: byte by byte, which
// compares nothing. Where that number has no 32 bits, or the keys have no ranks since there are few
// changes among many keys, pairs are compared instead.

import type { ChangeWindow } from "./change.ts";
import type { KnownKeys } from "./known-keys.ts";

const NUMBERS_END = 2 ** 32;

/** Of an item: its window, its key, its kind's place, and where its record lies. */
const ITEM = 5;
const KEY = 1;
const KIND = 2;
const BUFFER = 3;
const START = 4;

/** What is told, as it was found: of each its window, its key and its kind's place. */
export class TellingOrder {
  #windows: QueryWindow[] = [];
  /** The window entered last, and the one before it, which come again most often. */
  #last = -1;
  #before = -1;
  #items = new Int32Array(16 * ITEM);
  #end = 0;

  get size(): number {
    return this.#end / ITEM;
  }

  /** As it was made, but with its room. */
  clear(): void {
    this.#windows = [];
    this.#last = -1;
    this.#before = -1;
    this.#end = 0;
  }

  /** `key` is an entry of the known keys, `kind` 0–3; its record begins at `at` of a buffer. */
  add(
    query: number,
    start: number | null,
    end: number | null,
    key: number,
    kind: number,
    buffer = 0,
    at = 0,
  ): void {
    this.#add(this.#enter(query, start, end), key, kind, buffer, at);
  }

  /** The same, where query and window are those of an item that was added. */
  addLike(item: number, key: number, kind: number, buffer: number, at: number): void {
    this.#add(this.#items[item * ITEM]!, key, kind, buffer, at);
  }

  #add(window: number, key: number, kind: number, buffer: number, at: number): void {
    if (this.#end === this.#items.length) {
      const items = new Int32Array(2 * this.#end);
      items.set(this.#items);
      this.#items = items;
    }
    const items = this.#items;
    const item = this.#end;
    items[item] = window;
    items[item + KEY] = key;
    items[item + KIND] = kind;
    items[item + BUFFER] = buffer;
    items[item + START] = at;
    this.#end = item + ITEM;
  }

  windowOf(item: number): ChangeWindow {
    return this.#windows[this.#items[item * ITEM]!]!.window;
  }

  keyOf(item: number): number {
    return this.#items[item * ITEM + KEY]!;
  }

  bufferOf(item: number): number {
    return this.#items[item * ITEM + BUFFER]!;
  }

  startOf(item: number): number {
    return this.#items[item * ITEM + START]!;
  }

  #enter(query: number, start: number | null, end: number | null): number {
    if (this.#is(this.#last, query, start, end)) return this.#last;
    const index = this.#is(this.#before, query, start, end) ? this.#before : this.#windows.length;
    if (index === this.#windows.length) {
      const window = Object.freeze({ start, end } as ChangeWindow);
      this.#windows.push({ query, window });
    }
    this.#before = this.#last;
    this.#last = index;
    return index;
  }

  #is(index: number, query: number, start: number | null, end: number | null): boolean {
    if (index < 0) return false;
    const { query: itsQuery, window } = this.#windows[index]!;
    return itsQuery === query && window.start === start && window.end === end;
  }

  /** The items in order. */
  sorted(known: KnownKeys): Uint32Array {
    const { size } = this;
    const places = this.#places();
    if (!known.rank(size) || places.length * known.size * 4 > NUMBERS_END) {
      const items = Uint32Array.from({ length: size }, (_, item) => item);
      return items.sort((a, b) => this.#compare(a, b, places, known));
    }
    const numbers = new Uint32Array(size);
    const items = this.#items;
    const keys = known.size;
    for (let item = 0, at = 0; item < size; item++, at += ITEM) {
      const byKey = places[items[at]!]! * keys + known.rankOf(items[at + KEY]!);
      numbers[item] = byKey * 4 + items[at + KIND]!;
    }
    return sortedBy(numbers);
  }

  #compare(a: number, b: number, places: Uint32Array, known: KnownKeys): number {
    return (
      places[this.#items[a * ITEM]!]! - places[this.#items[b * ITEM]!]! ||
      known.compare(this.keyOf(a), this.keyOf(b)) ||
      this.#items[a * ITEM + KIND]! - this.#items[b * ITEM + KIND]!
    );
  }

  /** The place of each window among all; one that was entered twice has one place. */
  #places(): Uint32Array {
    const windows = this.#windows;
    const order = windows.map((_, index) => index);
    order.sort((a, b) => compareWindows(windows[a]!, windows[b]!));
    const places = new Uint32Array(windows.length);
    let place = 0;
    for (const [index, each] of order.entries()) {
      if (index > 0 && compareWindows(windows[order[index - 1]!]!, windows[each]!) !== 0) place++;
      places[each] = place;
    }
    return places;
  }
}

/** The indices of the numbers, in the order of the numbers: a radix sort, from the last byte on. */
function sortedBy(numbers: Uint32Array): Uint32Array {
  let items = new Uint32Array(numbers.length);
  let most = 0;
  for (let index = 0; index < numbers.length; index++) {
    items[index] = index;
    most = Math.max(most, numbers[index]!);
  }
  let next = new Uint32Array(numbers.length);
  const starts = new Uint32Array(257);
  for (let shift = 0; shift < 32 && most >>> shift > 0; shift += 8) {
    starts.fill(0);
    for (let index = 0; index < numbers.length; index++) {
      starts[((numbers[index]! >>> shift) & 255) + 1]!++;
    }
    for (let byte = 0; byte < 256; byte++) starts[byte + 1]! += starts[byte]!;
    for (let index = 0; index < items.length; index++) {
      const item = items[index]!;
      next[starts[(numbers[item]! >>> shift) & 255]!++] = item;
    }
    [items, next] = [next, items];
  }
  return items;
}

interface QueryWindow {
  readonly query: number;
  readonly window: ChangeWindow;
}

function compareWindows(a: QueryWindow, b: QueryWindow): number {
  return (
    a.query - b.query ||
    compareTimes(a.window.end, b.window.end) ||
    compareTimes(a.window.start, b.window.start)
  );
}

/** Nulls last. */
export function compareTimes(a: number | null, b: number | null): number {
  return a === b ? 0 : (a ?? Infinity) < (b ?? Infinity) ? -1 : 1;
}
