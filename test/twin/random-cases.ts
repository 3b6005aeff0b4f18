// Engine == model, over random plans and hostile feeds. `MILLRACE_SEED=n` runs case n alone;
// `MILLRACE_CASES=n` runs so many, from `MILLRACE_FIRST_SEED`. Two test files take half of them
// each, so that two processors work.

import { expect, test } from "vitest";
import { FULL, measured } from "../measured.ts";
import { randomCase } from "./case.ts";
import { checkCase, printed, shrink } from "./check.ts";
import { Coverage } from "./coverage.ts";

const SEED = process.env["MILLRACE_SEED"];
const CASES = Number(process.env["MILLRACE_CASES"] ?? (FULL ? 100_000 : 1500));
const FIRST_SEED = Number(process.env["MILLRACE_FIRST_SEED"] ?? 1);
const HALVES = 2;

export function testHalf(half: 1 | 2): void {
  const middle = FIRST_SEED + Math.ceil(CASES / HALVES);
  const [first, end] = half === 1 ? [FIRST_SEED, middle] : [middle, FIRST_SEED + CASES];
  if (SEED !== undefined) testSeeds(Number(SEED), Number(SEED) + 1, half === 1);
  else testSeeds(first, end, true);
}

function testSeeds(first: number, end: number, runs: boolean): void {
  const name = `the engine gives what the model gives, seeds ${first} to ${end - 1}`;
  test.skipIf(!runs || end <= first)(name, { timeout: 24 * 3_600_000 }, async () => {
    const coverage = new Coverage();
    const start = performance.now();
    for (let seed = first; seed < end; seed++) {
      const each = randomCase(seed);
      const { failure, model } = await checkCase(each);
      if (failure !== null) {
        const small = await shrink(each);
        const { failure: smallFailure } = await checkCase(small);
        expect.fail(`${failure}\n\nsmaller: ${smallFailure}\n${printed(small)}`);
      }
      coverage.add(each, model!);
    }
    process.stdout.write(`Seeds ${first} to ${end - 1}:\n${coverage.table()}\n`);
    note(coverage, end - first, `seeds ${first} to ${end - 1}`, performance.now() - start);
    // Each half has to reach its half of the floors; few cases only show what they reach.
    if (FULL && CASES >= 100_000) expect(coverage.gaps()).toEqual([]);
  });
}

function note(coverage: Coverage, cases: number, seeds: string, ms: number): void {
  const { result, disposition } = coverage.least();
  measured(`twin, ${seeds}: cases`, cases, "");
  measured(`twin, ${seeds}: time for 1,000 cases`, ms / cases, "s");
  measured(`twin, ${seeds}: table cells below their floor`, coverage.gaps().length, "");
  measured(`twin, ${seeds}: cases of the rarest cell (${result.name})`, result.count, "");
  const { name, count } = disposition;
  measured(`twin, ${seeds}: events of the rarest disposition (${name})`, count, "");
}
