// Engine == model, over random plans and hostile feeds. `MILLRACE_SEED=n` runs case n alone;
// `MILLRACE_CASES=n` runs so many.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FULL } from "./measured.ts";
import { randomCase } from "./twin/case.ts";
import { checkCase, printed, shrink } from "./twin/check.ts";
import { Coverage } from "./twin/coverage.ts";
import { edgeCases } from "./twin/edge-cases.ts";
import { REGRESSIONS } from "./twin/regressions.ts";

const SEED = process.env["MILLRACE_SEED"];
const COUNT = Number(process.env["MILLRACE_CASES"] ?? (FULL ? 100_000 : 1500));
const FIRST_SEED = Number(process.env["MILLRACE_FIRST_SEED"] ?? 1);

test("the model shares no code with the engine", () => {
  const folder = new URL("model/", import.meta.url);
  const files = readdirSync(folder).map((name) => new URL(name, folder));
  for (const file of [new URL("model.ts", import.meta.url), ...files]) {
    const text = readFileSync(file, "utf8");
    for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
      const target = new URL(from!, file).pathname;
      expect(target, `${file.pathname} imports ${from}`).toMatch(/\/test\/model(\.ts$|\/)/);
    }
  }
});

test.each(REGRESSIONS)("seed %i: %s", async (seed) => {
  expect((await checkCase(randomCase(seed))).failure).toBeNull();
});

test.each(edgeCases)("the engine gives what the model gives at edge $seed", async (each) => {
  const { failure } = await checkCase(each);
  expect(failure).toBeNull();
});

test("the engine gives what the model gives", { timeout: 24 * 3_600_000 }, async () => {
  const coverage = new Coverage();
  const first = SEED === undefined ? FIRST_SEED : Number(SEED);
  const count = SEED === undefined ? COUNT : 1;
  for (let seed = first; seed < first + count; seed++) {
    const each = randomCase(seed);
    const { failure, model } = await checkCase(each);
    if (failure !== null) {
      const small = await shrink(each);
      const { failure: smallFailure } = await checkCase(small);
      expect.fail(`${failure}\n\nsmaller: ${smallFailure}\n${printed(small)}`);
    }
    coverage.add(each, model!);
  }
  process.stdout.write(`${coverage.table()}\n`);
  if (SEED === undefined && count >= 1000) expect(coverage.gaps(count)).toEqual([]);
});
