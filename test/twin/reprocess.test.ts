// Engine == model where much comes late and is brought in. `MILLRACE_SEED=n` runs case n alone;
// `MILLRACE_CASES=n` runs so many.

import { expect, test } from "vitest";
import { FULL } from "../measured.ts";
import { built } from "./built.ts";
import type { ModelRun } from "./case.ts";
import { checkCase, printed, shrink } from "./check.ts";
import { reprocessCase } from "./reprocess-case.ts";

const SEED = process.env["MILLRACE_SEED"];
const COUNT = Number(process.env["MILLRACE_CASES"] ?? (FULL ? 20_000 : 500));
const FIRST_SEED = Number(process.env["MILLRACE_FIRST_SEED"] ?? 1);

/** How many queries were corrected, by window kind, and by what else they have. */
class Corrected {
  readonly counts = new Map<string, number>();

  add({ model }: ModelRun): void {
    for (const { plan, windows } of model.queries) {
      if (windows.retractions > 0) this.#count("retract");
      if (windows.corrections === 0) continue;
      const kind = plan.window.timezone === undefined ? plan.window.kind : "calendar";
      this.#count(kind);
      if (plan.span !== undefined) this.#count("span");
      if (plan.with !== undefined) this.#count("with");
      if (plan.emit === "final") this.#count("emit final");
      if (windows.all.some(({ corrections }) => corrections > 1)) this.#count("twice");
    }
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

test("the engine corrects what the model corrects", { timeout: 24 * 3_600_000 }, async () => {
  const corrected = new Corrected();
  const first = SEED === undefined ? FIRST_SEED : Number(SEED);
  const count = SEED === undefined ? COUNT : 1;
  for (let seed = first; seed < first + count; seed++) {
    const each = reprocessCase(seed);
    const { failure, model } = await checkCase(each);
    if (failure !== null) {
      const small = await shrink(each);
      const { failure: smallFailure } = await checkCase(small);
      expect.fail(`${failure}\n\nsmaller: ${smallFailure}\n${printed(small)}`);
    }
    corrected.add(model!);
  }
  const { counts } = corrected;
  process.stdout.write(`${JSON.stringify(Object.fromEntries(counts))}\n`);
  if (SEED !== undefined || count < 500) return;
  const wanted = [...built.kinds.filter((kind) => kind !== "global"), "span", "with", "emit final"];
  const missed = [...wanted, "retract", "twice"].filter((name) => (counts.get(name) ?? 0) < 5);
  expect(missed).toEqual([]);
});
