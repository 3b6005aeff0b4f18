// The table of identities by itself, beside a Map: what stands in it is found and nothing else is,
// while it grows, shrinks and grows, and however fingerprints crowd; and it takes no more than it
// says that it needs.

import { describe, expect, test } from "vitest";
import { seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { openedCore } from "./build.ts";

interface Exports {
  open(bytes: number): void;
  top(): number;
  count(): number;
  insert(first: bigint, second: bigint): number;
  remove(identity: number): void;
  find(first: bigint, second: bigint): number;
  isMoving(): number;
  isClear(): number;
  needed(more: number): bigint;
}

type Print = readonly [first: bigint, second: bigint];

const STATE_BYTES = 64 << 20;

const freshTable = (): Exports => openedCore("identity-table", STATE_BYTES);

const bitsOf = (random: Random, bits: number): bigint =>
  BigInt.asUintN(bits, (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32)));

/** Fingerprints that spread, or that share bits: of the group, of the clue, or of the word. */
function printsOf(random: Random): () => Print {
  const word = bitsOf(random, 64);
  const few = Array.from({ length: 3 }, () => bitsOf(random, 64));
  return random.pick<() => Print>([
    () => [bitsOf(random, 64), bitsOf(random, 64)],
    () => [((word >> 54n) << 54n) | bitsOf(random, 54), 0n],
    () => [(bitsOf(random, 14) << 50n) | (word & ((1n << 50n) - 1n)), bitsOf(random, 64)],
    () => [random.pick(few) ^ bitsOf(random, 3), bitsOf(random, 64)],
    () => [random.pick(few), bitsOf(random, 16)],
  ]);
}

function find(core: Exports, print: Print, identity: number): void {
  const found = core.find(...print);
  if (found !== identity) throw new Error(`${print.join()} is at ${found}, not at ${identity}`);
}

/** Enters and removes, and looks for what is there and what is not. */
function live(random: Random): { moving: number; removed: number } {
  const core = freshTable();
  const known = new Map<string, { print: Print; identity: number }>();
  const seen = { moving: 0, removed: 0 };
  const removeOne = (key: string): void => {
    core.remove(known.get(key)!.identity);
    known.delete(key);
    seen.removed++;
  };
  for (let phase = 0; phase < 6; phase++) {
    const nextPrint = printsOf(random);
    const kept = random.pick([0, 5, 300]);
    for (let turn = random.pick([30, 400, 1500]); turn > 0; turn--) {
      const print = nextPrint();
      const key = print.join();
      find(core, print, known.get(key)?.identity ?? 0);
      if (!known.has(key)) known.set(key, { print, identity: core.insert(...print) });
      seen.moving += core.isMoving();
      // The oldest, or one of the newest.
      if (random.below(3) === 0) removeOne([...known.keys()].at(random.pick([0, -1]))!);
    }
    expect(core.count()).toBe(known.size);
    for (const { print, identity } of known.values()) {
      find(core, print, identity);
      const other: Print = [print[0], print[1] ^ 1n];
      if (!known.has(other.join())) find(core, other, 0);
    }
    for (const key of [...known.keys()].slice(kept)) removeOne(key);
    if (kept === 0 && core.isMoving() === 0) {
      expect(core.isClear()).toBe(1);
    }
  }
  return seen;
}

describe("the table of identities", () => {
  test("finds what stands in it, and nothing else", { timeout: SEEDED_LIMIT_MS }, () => {
    const seen = { moving: 0, removed: 0 };
    seeded((random) => {
      for (let run = 0; run < 5; run++) {
        const { moving, removed } = live(random);
        seen.moving += moving;
        seen.removed += removed;
      }
    });
    expect(seen.moving).toBeGreaterThan(0);
    expect(seen.removed).toBeGreaterThan(100);
  });

  test("ends a look for what is new when each group was passed", () => {
    const core = freshTable();
    // Of four groups, and of one clue: so nothing that is noted of them tells this print apart.
    const fill = (group: bigint, count: number): number[] =>
      Array.from({ length: count }, (_, n) => core.insert(group << 62n, BigInt(n)));
    const early = fill(0n, 25);
    for (const identity of early.slice(0, 20)) core.remove(identity);
    fill(2n, 25);
    for (const group of [0n, 1n, 2n, 3n]) expect(core.find(group << 62n, 99n)).toBe(0);
    find(core, [0n, 24n], early[24]!);
  });

  test("takes no more than it says, and the identities what they take", () => {
    for (const more of [1, 8, 9, 100, 20_000]) {
      for (const before of [0, 8, 500, 9000]) {
        const core = freshTable();
        for (let n = 0; n < before; n++) core.insert(BigInt(n) << 50n, BigInt(n));
        const top = core.top();
        const needed = Number(core.needed(more)) + 48 * more * 1.1 + 8192;
        for (let n = before; n < before + more; n++) core.insert(BigInt(n) << 50n, BigInt(n));
        expect(core.top() - top).toBeLessThanOrEqual(needed);
      }
    }
  });

  test("grows a little with each identity: none waits for all to be moved", () => {
    const core = freshTable();
    let most = 0;
    let moves = 0;
    const known: (readonly [Print, number])[] = [];
    for (let n = 0; n < 200_000; n++) {
      const print: Print = [BigInt.asUintN(64, BigInt(n) * 0x9e3779b97f4a7c15n), BigInt(n)];
      known.push([print, core.insert(...print)]);
      moves = core.isMoving() ? moves + 1 : 0;
      most = Math.max(most, moves);
    }
    for (const [print, identity] of known) find(core, print, identity);
    // A group each time: the last table was made of 16,384.
    expect(most).toBeGreaterThan(10_000);
    expect(most).toBeLessThanOrEqual(16_384);
  });
});
