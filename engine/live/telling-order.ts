// The one order in which a push tells its changes, and a view its rows (contract.md, "A change"):
// query, window end, window start, key by the UTF-8 bytes of its text, nulls last; then, of one
// window, retract, update, final, correction.
//
// There are few windows and many keys. So the windows are put in order, and what is told is sorted
// by one number, in which the window's place comes first, the key's rank next (sorting.ts). Where
// that number has no 32 bits, or the keys have no ranks since there are few changes among many
// keys, pairs are compared instead.

import type { ChangeWindow } from "./change.ts";
import type { KnownKeys } from "./known-keys.ts";
import { Sorting } from "./sorting.ts";

const NUMBERS_END = 2 ** 32;

/** Of an item: its window, four times its key with its kind's place, its buffer, its first word. */
const ITEM = 4;

/** What is told, as it was found: of each its window, its key, its kind's place, its record. */
export class TellingOrder {
  #windows: QueryWindow[] = [];
  /** The window entered last, and the one before it, which come again most often. */
  #last = -1;
  #before = -1;
  #items = new Uint32Array(16 * ITEM);
  #end = 0;
  readonly #sorting = new Sorting();

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

  /** The window, which is entered if it is not one of the last two. */
  enter(query: number, start: number | null, end: number | null): number {
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

  /**
   * An item of a window that was entered; `key` is an entry of the known keys, `kind` 0–3. Its
   * record is that of a buffer which begins at the word `start`.
   */
  add(window: number, key: number, kind: number, buffer: number, start: number): void {
    if (this.#end === this.#items.length) {
      const items = new Uint32Array(2 * this.#end);
      items.set(this.#items);
      this.#items = items;
    }
    this.#items[this.#end] = window;
    this.#items[this.#end + 1] = 4 * key + kind;
    this.#items[this.#end + 2] = buffer;
    this.#items[this.#end + 3] = start;
    this.#end += ITEM;
  }

  windowOf(item: number): ChangeWindow {
    return this.#windows[this.#items[item * ITEM]!]!.window;
  }

  keyOf(item: number): number {
    return this.#items[item * ITEM + 1]! >>> 2;
  }

  bufferOf(item: number): number {
    return this.#items[item * ITEM + 2]!;
  }

  startOf(item: number): number {
    return this.#items[item * ITEM + 3]!;
  }

  /** Whether two have the same key and window. */
  areOfOneRow(a: number, b: number): boolean {
    if (this.keyOf(a) !== this.keyOf(b)) return false;
    const { start, end } = this.windowOf(a);
    const other = this.windowOf(b);
    return start === other.start && end === other.end;
  }

  /** The items in order: good until the next call. */
  sorted(known: KnownKeys): Uint32Array {
    const { size } = this;
    const places = this.#places();
    const keys = known.size;
    const end = places.length * keys * 4;
    if (!known.rank(size) || end > NUMBERS_END) {
      const items = Uint32Array.from({ length: size }, (_, item) => item);
      return items.sort((a, b) => this.#compare(a, b, places, known));
    }
    this.#sorting.widen(size);
    const { numbers } = this.#sorting;
    const items = this.#items;
    for (let item = 0, at = 0; item < size; item++, at += ITEM) {
      const key = items[at + 1]!;
      const byKey = places[items[at]!]! * keys + known.rankOf(key >>> 2);
      numbers[item] = byKey * 4 + (key & 3);
    }
    return this.#sorting.sorted(size, end);
  }

  #compare(a: number, b: number, places: Uint32Array, known: KnownKeys): number {
    return (
      places[this.#items[a * ITEM]!]! - places[this.#items[b * ITEM]!]! ||
      known.compare(this.keyOf(a), this.keyOf(b)) ||
      (this.#items[a * ITEM + 1]! & 3) - (this.#items[b * ITEM + 1]! & 3)
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
