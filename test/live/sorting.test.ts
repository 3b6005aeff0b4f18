// Numbers in order by their bits and by their bytes: the same as by comparison.

import { expect, test } from "vitest";
import { Sorting } from "../../engine/live/sorting.ts";
import { seeded } from "../event/random.ts";

test("numbers that lie close, far apart, and twice come in their order", () => {
  seeded((random) => {
    const sorting = new Sorting();
    for (let round = 0; round < 400; round++) {
      const size = random.below(300);
      // Close enough to be read as bits, on both sides of that, far apart.
      const end = [size, 8 * size, 31 * size, 33 * size, 2 ** 20, 2 ** 32][random.below(6)]!;
      const isUnlike = random.below(3) > 0;
      const seen = new Set<number>();
      const numbers: number[] = [];
      while (numbers.length < size) {
        const number = Math.floor((random.below(2 ** 30) / 2 ** 30) * end);
        if (!isUnlike || !seen.has(number)) numbers.push(number);
        seen.add(number);
      }
      sorting.widen(size);
      sorting.numbers.set(numbers);
      const expected = [...numbers.keys()].toSorted((a, b) => numbers[a]! - numbers[b]! || a - b);
      expect([...sorting.sorted(size, end)].slice(0, size), `round ${round}`).toEqual(expected);
    }
  });
});
