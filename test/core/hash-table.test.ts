// The hash table of the core by itself, beside a Map: what stands in it is found and nothing else
// is, while it grows, shrinks and grows, and however tags crowd; it grows a little with each entry.

import { describe, expect, test } from "vitest";
import { seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { openedCore } from "./build.ts";

interface Exports {
  open(bytes: number): void;
  top(): number;
  count(): number;
  insert(tag: number, ref: number): void;
  remove(tag: number, ref: number): void;
  has(tag: number, ref: number): number;
  formerSlots(): number;
  moved(): number;
  needed(more: number): bigint;
}

const STATE_BYTES = 64 << 20;

const freshTable = (): Exports => openedCore("hash-table", STATE_BYTES);

/** Tags that spread, some of which crowd at the end of the table, or that have few homes. */
function tagsOf(random: Random): () => number {
  return random.pick<() => number>([
    () => random.below(2 ** 32),
    () => (random.below(20) === 0 ? 2 ** 32 - 1 - random.below(2 ** 20) : random.below(2 ** 32)),
    () => random.below(512) * 2 ** 23,
  ]);
}

function assertHas(core: Exports, tag: number, ref: number, isThere: boolean): void {
  const has = core.has(tag, ref) !== 0;
  if (has !== isThere) throw new Error(`${tag} with ${ref} is ${isThere ? "not " : ""}there`);
}

/** Enters and removes, and looks for what is there and what is not; while slots are moved too. */
function live(random: Random): { moving: number; removed: number } {
  const core = freshTable();
  const known = new Map<number, number>();
  const seen = { moving: 0, removed: 0 };
  let ref = 16;
  for (let phase = 0; phase < 6; phase++) {
    const nextTag = tagsOf(random);
    for (let turn = random.pick([30, 400, 4000]); turn > 0; turn--) {
      const tag = nextTag();
      ref += 16;
      known.set(ref, tag);
      core.insert(tag, ref);
      if (core.formerSlots() > 0) seen.moving++;
      if (random.below(3) > 0) continue;
      // The oldest, or the newest.
      const [old, oldTag] = random.below(2) > 0 ? [ref, tag] : known.entries().next().value!;
      assertHas(core, oldTag, old, true);
      core.remove(oldTag, old);
      known.delete(old);
      assertHas(core, oldTag, old, false);
      seen.removed++;
    }
    expect(core.count()).toBe(known.size);
    for (const [each, tag] of known) assertHas(core, tag, each, true);
    const kept = random.pick([0, 5, 300]);
    for (const [each, tag] of [...known].slice(kept)) {
      core.remove(tag, each);
      known.delete(each);
    }
  }
  return seen;
}

describe("the hash table", () => {
  test("finds what stands in it, and nothing else", { timeout: SEEDED_LIMIT_MS }, () => {
    const seen = { moving: 0, removed: 0 };
    seeded((random) => {
      for (let run = 0; run < 10; run++) {
        const { moving, removed } = live(random);
        seen.moving += moving;
        seen.removed += removed;
      }
    });
    expect(seen.moving).toBeGreaterThan(100);
    expect(seen.removed).toBeGreaterThan(100);
  });

  test("grows a little with each entry, and has grown before it is full again", () => {
    const core = freshTable();
    let most = 0;
    let before = 0;
    for (let n = 1; n <= 250_000; n++) {
      core.insert(Math.imul(n, 0x9e3779b1) >>> 0, n * 16);
      const former = core.formerSlots();
      if (former > 0) most = Math.max(most, core.moved() - before);
      before = former > 0 ? core.moved() : 0;
    }
    for (let n = 1; n <= 250_000; n++)
      assertHas(core, Math.imul(n, 0x9e3779b1) >>> 0, n * 16, true);
    // The last table was filled from one of 262,144 slots.
    expect(most).toBeGreaterThanOrEqual(32);
    expect(most).toBeLessThan(500);
  });

  test("takes no more than it says", () => {
    for (const more of [1, 12, 13, 100, 20_000]) {
      for (const before of [0, 12, 500, 9000]) {
        const core = freshTable();
        for (let n = 1; n <= before; n++) core.insert(Math.imul(n, 0x9e3779b1) >>> 0, n * 16);
        const [top, needed] = [core.top(), Number(core.needed(more))];
        for (let n = before + 1; n <= before + more; n++) {
          core.insert(Math.imul(n, 0x9e3779b1) >>> 0, n * 16);
        }
        expect(core.top() - top).toBeLessThanOrEqual(needed);
      }
    }
  });
});
