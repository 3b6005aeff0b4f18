// Top and quantile beside the same in a plain map: whatever is added, merged and freed in whatever
// order, they tell exactly what that one does, pruned and approximate as it is.

import { expect, test } from "vitest";
import { compareUtf8 } from "../../engine/event/canonical.ts";
import { seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { Accumulators, type Scalar, type Told } from "./accumulators.ts";

interface Plain<T> {
  add(input: T): void;
  merge(other: this): void;
  read(): Told;
}

const KEPT = 1000;

class PlainTop implements Plain<string> {
  readonly #counts = new Map<string, number>();

  add(value: string): void {
    if (this.#counts.size === 2 * KEPT && !this.#counts.has(value)) this.#prune();
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }

  merge(other: PlainTop): void {
    for (const [value, n] of other.#counts) {
      this.#counts.set(value, (this.#counts.get(value) ?? 0) + n);
    }
    if (this.#counts.size > 2 * KEPT) this.#prune();
  }

  #prune(): void {
    const less = [...this.#counts.values()].sort((a, b) => b - a)[KEPT]!;
    for (const [value, n] of [...this.#counts]) {
      if (n > less) this.#counts.set(value, n - less);
      else this.#counts.delete(value);
    }
  }

  read(): Told {
    const all = [...this.#counts].map(([value, count]) => ({ value, count }));
    all.sort((a, b) => b.count - a.count || compareUtf8(a.value, b.value));
    return all.slice(0, KEPT);
  }
}

const RANKS = [0, 0.01, 0.1, 0.25, 0.5, 0.66, 0.9, 0.99, 1];

const double = new DataView(new ArrayBuffer(8));

/** Of a normal number's bucket, which its double's sign, exponent and six bits more name. */
function middleOf(x: number): number {
  double.setFloat64(0, x);
  double.setBigUint64(0, ((double.getBigUint64(0) >> 46n) << 46n) | (1n << 45n));
  return double.getFloat64(0);
}

class PlainQuantile implements Plain<number> {
  readonly #buckets = new Map<number, number>();
  #n = 0;
  #min = Infinity;
  #max = -Infinity;

  add(x: number): void {
    this.#count(middleOf(x), 1);
    this.#n++;
    this.#min = Math.min(this.#min, x);
    this.#max = Math.max(this.#max, x);
  }

  #count(middle: number, n: number): void {
    this.#buckets.set(middle, (this.#buckets.get(middle) ?? 0) + n);
  }

  merge(other: PlainQuantile): void {
    for (const [middle, n] of other.#buckets) this.#count(middle, n);
    this.#n += other.#n;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  read(): Told {
    if (this.#n === 0) return RANKS.map(() => null);
    const ascending = [...this.#buckets].toSorted(([a], [b]) => a - b);
    return RANKS.map((q) => {
      let left = Math.floor(q * (this.#n - 1));
      if (left === 0) return this.#min;
      if (left === this.#n - 1) return this.#max;
      const found = ascending.find(([, n]) => (left -= n) < 0)!;
      return Math.min(this.#max, Math.max(this.#min, found[0]));
    });
  }
}

/** Three records, to which inputs of `draw` are added, that are merged, freed and begun anew. */
function compare<T extends Scalar>(
  random: Random,
  aggregate: object,
  plain: () => Plain<T>,
  drawn: () => () => T,
): void {
  const summaries = new Accumulators({ a: aggregate }, 16 << 20);
  const begin = () => ({ record: summaries.record(), model: plain() });
  const all = [begin(), begin(), begin()];
  for (let step = 0; step < 40; step++) {
    const [at, other] = [random.below(3), random.below(3)];
    const { record, model } = all[at]!;
    if (at === other) {
      const inputs = Array.from({ length: random.pick([1, 15, 300, 2500]) }, drawn());
      summaries.addAll(record, inputs);
      for (const input of inputs) model.add(input);
    } else {
      summaries.merge(record, all[other]!.record);
      model.merge(all[other]!.model);
      summaries.discard(all[other]!.record);
      all[other] = begin();
    }
    const told = JSON.stringify(summaries.read(record)[0]);
    expect(`${step} ${told}`).toBe(`${step} ${JSON.stringify(model.read())}`);
  }
  for (const { record } of all) summaries.discard(record);
  expect(summaries.external).toBe(0);
}

test("top is what a pruned map is", { timeout: SEEDED_LIMIT_MS }, () => {
  seeded((random) => {
    const top = { fn: "top", k: KEPT, of: "data.x" };
    for (let round = 0; round < 3; round++) {
      compare<string>(
        random,
        top,
        () => new PlainTop(),
        () => {
          const different = random.pick([3, 900, 5000, 100_000]);
          return () => `v${Math.floor(different ** (random.below(1e6) / 1e6))}`;
        },
      );
    }
  });
});

test("quantile is what a map of buckets is", { timeout: SEEDED_LIMIT_MS }, () => {
  seeded((random) => {
    const quantile = { fn: "quantile", q: RANKS, of: "data.x" };
    for (let round = 0; round < 20; round++) {
      compare<number>(
        random,
        quantile,
        () => new PlainQuantile(),
        () => {
          // Of a few octaves, where pages are near, or of many; downwards too.
          const [from, octaves] = [random.below(400) - 200, random.pick([0, 1, 8, 16, 300])];
          const sign = (): number => (random.below(4) === 0 ? -1 : 1);
          return () => sign() * 2 ** (from + (octaves * random.below(1e6)) / 1e6);
        },
      );
    }
  });
});
