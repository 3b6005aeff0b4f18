// Every row of every view is explained by as many events as its revision says, over random plans
// and hostile feeds. `MILLRACE_SEED=n` runs case n alone; `MILLRACE_CASES=n` runs so many.

import { expect, test } from "vitest";
import { FULL } from "../measured.ts";
import { pushesOf, randomCase } from "./case.ts";
import { runEngine } from "./engine-run.ts";
import { Random } from "./random.ts";

const SEED = process.env["MILLRACE_SEED"];
const COUNT = Number(process.env["MILLRACE_CASES"] ?? (FULL ? 2000 : 60));
const FIRST_SEED = Number(process.env["MILLRACE_FIRST_SEED"] ?? 1);
/** Each row replays the log. */
const ROWS_MAX = 40;

test(
  "the events behind a row are as many as its revision says",
  { timeout: 3_600_000 },
  async () => {
    const first = SEED === undefined ? FIRST_SEED : Number(SEED);
    const count = SEED === undefined ? COUNT : 1;
    let explained = 0;
    for (let seed = first; seed < first + count; seed++) {
      const { plan, lines, cuts } = randomCase(seed);
      const random = new Random(seed);
      const pushes = pushesOf(lines, cuts[0]!);
      const { engine, before } = await runEngine(plan, pushes, { random, reopenAt: -1 });
      for (const row of random.shuffled(before.flatMap(({ rows }) => rows)).slice(0, ROWS_MAX)) {
        const { query, key, window } = row;
        const { events, emissions } = await engine.explain(query, key, window);
        const context = `MILLRACE_SEED=${seed}, ${query} ${JSON.stringify({ key, window })}`;
        expect(events.length, context).toBe(row.revision - (row.final ? 1 : 0));
        const emit = plan.queries.find(({ name }) => name === query)!.emit ?? "all";
        const told = emissions.at(-1);
        if (emit === "all" || (emit === "final" && row.final)) {
          expect(told, context).toMatchObject({ revision: row.revision, value: row.value });
        }
        explained++;
      }
    }
    expect(explained).toBeGreaterThan(0);
  },
);
