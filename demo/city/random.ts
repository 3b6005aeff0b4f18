// Seeded chance. Every part of the simulator draws from a stream of its own, named by what it
// decides, so that a change in one part moves no number in another. Only operations whose bits
// agree on every machine and Node version are used: Math.log, cos, exp and sqrt, never pow.

const FULL_TURN = 2 * Math.PI;
const TWO_TO_32 = 4294967296;

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: string) {
    const name = `${seed}/${stream}`;
    this.#a = hash(name, 0x9e3779b9);
    this.#b = hash(name, 0x243f6a88);
    this.#c = hash(name, 0xb7e15162);
    // The first outputs of neighbouring seeds resemble each other; these are thrown away.
    for (let i = 0; i < 12; i++) this.#word();
  }

  /** A number in [0, 1). */
  uniform(): number {
    return this.#word() / TWO_TO_32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new Error("Got an empty list when something must be picked.");
    return chosen;
  }

  /** Standard normal, by Box and Muller; 1 - u keeps the logarithm's argument above zero. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(FULL_TURN * this.uniform());
  }

  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal());
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** `count` different members of the list (or all of them), in the order of the draw. */
  sample<T>(list: readonly T[], count: number): T[] {
    const rest = [...list];
    const drawn = Math.min(count, rest.length);
    for (let index = 0; index < drawn; index++) {
      const other = index + this.below(rest.length - index);
      const held = rest[index] as T;
      rest[index] = rest[other] as T;
      rest[other] = held;
    }
    return rest.slice(0, drawn);
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.#word().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }

  /** sfc32 (Chris Doty-Humphrey, PractRand): three words of state and a counter. */
  #word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** FNV-1a over UTF-16 units, with a final mix so that short names differ in every bit. */
function hash(text: string, start: number): number {
  let h = start | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
