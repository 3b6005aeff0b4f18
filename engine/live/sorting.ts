// Numbers in order, without comparing any: where they lie close together, as those of a push do,
// each is a bit of a list, and the bits are read from the first to the last; else, and where a
// number comes twice, by a radix sort, from the last byte on.

/** The bits are read where there are at most so many a number. */
const BITS_A_NUMBER = 32;

export class Sorting {
  /** To be filled with what is sorted. */
  numbers = new Uint32Array(16);
  #items = new Uint32Array(16);
  #next = new Uint32Array(16);
  /** Of each number its bit, and which of the numbers it is. */
  #bits = new Int32Array(0);
  #places = new Uint32Array(0);
  readonly #starts = new Uint32Array(257);

  /** Makes room for `size` numbers. */
  widen(size: number): void {
    if (size <= this.numbers.length) return;
    this.numbers = new Uint32Array(2 * size);
    this.#items = new Uint32Array(2 * size);
    this.#next = new Uint32Array(2 * size);
  }

  /** Indices of the first `size` numbers, all below `end`, in their order; good until the next. */
  sorted(size: number, end: number): Uint32Array {
    if (end > BITS_A_NUMBER * size || !this.#enter(size, end)) return this.#byBytes(size, end);
    const items = this.#items;
    let next = 0;
    for (let word = 0; word << 5 < end; word++) {
      let bits = this.#bits[word]!;
      while (bits !== 0) {
        const lowest = bits & -bits;
        items[next++] = this.#places[(word << 5) + 31 - Math.clz32(lowest)]!;
        bits ^= lowest;
      }
    }
    return items;
  }

  /** Sets their bits; false where a number comes twice. */
  #enter(size: number, end: number): boolean {
    if (this.#places.length < end) {
      this.#places = new Uint32Array(end + (end >> 2));
      this.#bits = new Int32Array((this.#places.length >> 5) + 1);
    }
    const bits = this.#bits;
    bits.fill(0, 0, (end >> 5) + 1);
    for (let index = 0; index < size; index++) {
      const number = this.numbers[index]!;
      const bit = 1 << (number & 31);
      const word = bits[number >> 5]!;
      if ((word & bit) !== 0) return false;

      bits[number >> 5] = word | bit;
      this.#places[number] = index;
    }
    return true;
  }

  #byBytes(size: number, end: number): Uint32Array {
    const numbers = this.numbers;
    const starts = this.#starts;
    let items = this.#items;
    let next = this.#next;
    for (let index = 0; index < size; index++) items[index] = index;
    for (let shift = 0; shift < 32 && (end - 1) >>> shift > 0; shift += 8) {
      starts.fill(0);
      for (let index = 0; index < size; index++) starts[((numbers[index]! >>> shift) & 255) + 1]!++;
      for (let byte = 0; byte < 256; byte++) starts[byte + 1]! += starts[byte]!;
      for (let index = 0; index < size; index++) {
        const item = items[index]!;
        next[starts[(numbers[item]! >>> shift) & 255]!++] = item;
      }
      [items, next] = [next, items];
    }
    return items;
  }
}
