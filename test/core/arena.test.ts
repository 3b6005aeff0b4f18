// The arena by itself: its blocks never overlap and start as zeros; what is said to be needed is
// enough, whatever was freed before and however it lies; and what is freed is whole again.

import { describe, expect, test } from "vitest";
import { randomOf, seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { builtCore } from "./build.ts";

interface Exports {
  open(bytes: number): void;
  top(): number;
  freeLargeBytes(): bigint;
  alloc(bytes: number): number;
  free(at: number, bytes: number): void;
  blockBytes(bytes: number): number;
  beginNeed(): void;
  needBlocks(count: bigint, bytes: number): void;
  needBytes(bytes: bigint, most: bigint): void;
  neededBytes(): bigint;
}

const ARENA_BYTES = 300 << 20;
let compiled: WebAssembly.Module | null = null;

/** Blocks that are taken, each marked at both ends by its address. */
class Arena {
  readonly core: Exports;
  readonly #memory = new WebAssembly.Memory({ initial: 16, maximum: 32768 });
  readonly #bytes: Uint8Array;
  readonly #words: DataView;
  readonly #taken: { at: number; bytes: number }[] = [];

  constructor() {
    compiled ??= new WebAssembly.Module(builtCore("arena"));
    const env = {
      memory: this.#memory,
      formatNumber: () => 0,
      parseNumber: () => 0,
      remainder: () => 0,
    };
    const { exports } = new WebAssembly.Instance(compiled, { env });
    this.core = exports as unknown as Exports;
    this.core.open(ARENA_BYTES);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#words = new DataView(this.#memory.buffer);
  }

  get count(): number {
    return this.#taken.length;
  }

  take(bytes: number): void {
    const at = this.core.alloc(bytes);
    const block = this.core.blockBytes(bytes);
    if (at % 16 !== 0 || at + block > this.core.top()) throw new Error(`a block at ${at}`);
    for (let i = at; i < at + block; i += 1 + (block >> 8)) {
      if (this.#bytes[i] !== 0) throw new Error(`byte ${i - at} of ${block} is not zero`);
    }
    this.#bytes.fill(0xff, at, at + block);
    this.#words.setUint32(at, at);
    this.#words.setUint32(at + block - 4, at + block);
    this.#taken.push({ at, bytes });
  }

  /** Frees the block at a place of the list. */
  free(index: number): void {
    const { at, bytes } = this.#taken[index]!;
    const end = at + this.core.blockBytes(bytes);
    const marks = [this.#words.getUint32(at), this.#words.getUint32(end - 4)];
    if (marks[0] !== at || marks[1] !== end) throw new Error(`the block at ${at} was written to`);
    this.core.free(at, bytes);
    const last = this.#taken.pop()!;
    if (index < this.#taken.length) this.#taken[index] = last;
  }

  freeAny(random: Random): void {
    if (this.count > 0) this.free(random.below(this.count));
  }
}

/** Sizes of one kind of life: small ones, a few sizes, powers of two, or anything. */
function sizesOf(random: Random): () => number {
  const some = Array.from({ length: 3 }, () => 1 + random.below(random.pick([64, 512, 5000])));
  const shift = random.pick([9, 13, 17]);
  return random.pick([
    () => 1 + random.below(512),
    () => random.pick(some),
    () => (1 << random.below(shift)) + random.below(2),
    () => 1 + random.below(random.pick([100, 1000, 100_000])),
  ]);
}

/** Fills and empties the arena, in an order of its own. */
function live(arena: Arena, random: Random): void {
  for (let phase = random.pick([0, 0, 1, 2, 3]); phase > 0; phase--) {
    const size = sizesOf(random);
    const count = random.pick([10, 300, 1500]);
    const freed = random.pick([0, 1, 2]);
    for (let i = 0; i < count; i++) {
      arena.take(size());
      for (let f = random.below(freed + 1); f > 0; f--) arena.freeAny(random);
    }
    // In the order in which they were taken, backwards, or any; all of them, or all but a few.
    const kept = random.pick([0, 0, 5, arena.count >> 1, arena.count]);
    const order = random.below(3);
    while (arena.count > kept) {
      if (order === 0) arena.free(0);
      else if (order === 1) arena.free(arena.count - 1);
      else arena.freeAny(random);
    }
  }
}

type Request = () => boolean;

/** Draws what a push may take, says so, and gives a way to take the next of each. */
function needsOf(arena: Arena, random: Random): Request[] {
  const { core } = arena;
  core.beginNeed();
  return Array.from({ length: 1 + random.below(6) }, (): Request => {
    const size = sizesOf(random);
    if (random.below(2) === 0) {
      const bytes = size();
      let count = random.pick([1, 1, 2, 50, 600]);
      core.needBlocks(BigInt(count), bytes);
      return () => {
        if (count-- <= 0) return false;
        arena.take(bytes);
        return true;
      };
    }
    const sizes = Array.from({ length: 1 + random.below(300) }, size);
    const most = Math.max(...sizes) + random.below(50);
    const all = sizes.reduce((sum, bytes) => sum + core.blockBytes(bytes), 0);
    core.needBytes(BigInt(all), BigInt(most));
    return () => {
      const bytes = sizes.pop();
      if (bytes === undefined) return false;
      arena.take(bytes);
      return true;
    };
  });
}

describe("the arena", () => {
  test("needs no more than it says, whatever is free", { timeout: SEEDED_LIMIT_MS }, () => {
    let reused = 0;
    seeded((random) => {
      for (let run = 0; run < 40; run++) {
        const arena = new Arena();
        for (let push = 0; push < random.pick([1, 1, 8]); push++) {
          live(arena, random);
          const requests = needsOf(arena, random);
          const needed = Number(arena.core.neededBytes());
          const top = arena.core.top();
          const frees = random.pick([0, 0, 1, 3]);
          let before = arena.count;
          while (requests.length > 0) {
            const next = random.below(requests.length);
            // Now and then many of one kind follow each other.
            for (
              let many = random.pick([1, 1, 40]);
              many > 0 && requests[next] !== undefined;
              many--
            )
              if (!requests[next]()) requests.splice(next, 1);
            for (let f = random.below(frees + 1); f > 0; f--) arena.freeAny(random);
            const raised = arena.core.top() - top;
            if (raised > needed) throw new Error(`${raised} bytes were taken, of ${needed}`);
          }
          if (arena.core.top() === top && arena.count > before) reused++;
        }
      }
    });
    expect(reused).toBeGreaterThan(0);
  });

  test("says what a block at a multiple of its size leaves below it", () => {
    for (const bytes of [1, 512, 513, 4096, 65_536, 65_537, 1 << 20]) {
      const { core } = new Arena();
      core.beginNeed();
      core.needBlocks(1n, bytes);
      const needed = Number(core.neededBytes());
      const top = core.top();
      core.alloc(bytes);
      expect(core.top() - top).toBeGreaterThan(core.blockBytes(bytes) - 1);
      expect(needed).toBeGreaterThanOrEqual(core.top() - top);
    }
  });

  test("that was emptied is whole: what it took is taken again, in any sizes", () => {
    const arena = new Arena();
    const first = arena.core.top();
    const random = randomOf(5);
    while (arena.core.top() < 20 << 20) arena.take(1 + random.below(random.pick([100, 400, 9000])));
    while (arena.count > 0) arena.freeAny(random);
    const top = arena.core.top();
    // All but a slab for each size, and the words of chunks.
    const free = Number(arena.core.freeLargeBytes());
    expect(free).toBeGreaterThan(top - first - 33 * 4096);
    for (const [bytes, most] of [
      [12 << 20, 64],
      [12 << 20, 4096],
      [12 << 20, 65_536],
    ] as const) {
      arena.core.beginNeed();
      arena.core.needBytes(BigInt(bytes), BigInt(most));
      expect(Number(arena.core.neededBytes())).toBeLessThanOrEqual(4 * 65_536);
      for (let taken = 0; taken < bytes; taken += most) arena.take(most);
      while (arena.count > 0) arena.freeAny(random);
    }
    expect(arena.core.top() - top).toBeLessThanOrEqual(65_536);
  });
});
