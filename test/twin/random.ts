// A seeded source of chance (xorshift128): one seed, one case.

export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let mixed = seed >>> 0;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.#state[index] = (word ^ (word >>> 16)) >>> 0;
    }
    this.#state[0]! |= 1;
  }

  #next(): number {
    const state = this.#state;
    let word = state[3]!;
    word ^= word << 11;
    word ^= word >>> 8;
    state[3] = state[2]!;
    state[2] = state[1]!;
    state[1] = state[0]!;
    state[0] = (word ^ state[0]! ^ (state[0]! >>> 19)) >>> 0;
    return state[0];
  }

  /** An integer of [0, count). */
  below(count: number): number {
    return Math.floor((this.#next() / 2 ** 32) * count);
  }

  /** An integer of [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.#next() < probability * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** One of the pairs, as often as its weight says. */
  weighted<T>(pairs: readonly (readonly [weight: number, value: T])[]): T {
    let rest = this.below(pairs.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of pairs) {
      if (rest < weight) return value;
      rest -= weight;
    }
    return pairs.at(-1)![1];
  }

  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let index = result.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      [result[index], result[other]] = [result[other]!, result[index]!];
    }
    return result;
  }
}
