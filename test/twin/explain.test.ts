// Every row of every view is explained by as many events as its revision says, before and after a
// flush, over random plans and hostile feeds; what is late is what the engine lists; and a window
// that does not exist has no events. `MILLRACE_SEED=n` runs case n alone; `MILLRACE_CASES=n` runs so
// many.

import { expect, test } from "vitest";
import type { Engine, Row } from "../../engine/index.ts";
import { FULL } from "../measured.ts";
import type { PlanJson } from "../model/plan.ts";
import { pushesOf, randomCase } from "./case.ts";
import { runEngine } from "./engine-run.ts";
import { Random } from "./random.ts";

const SEED = process.env["MILLRACE_SEED"];
const COUNT = Number(process.env["MILLRACE_CASES"] ?? (FULL ? 2000 : 60));
const FIRST_SEED = Number(process.env["MILLRACE_FIRST_SEED"] ?? 1);
/** Each row replays the log. */
const ROWS_MAX = 20;

interface Case {
  readonly engine: Engine;
  readonly plan: PlanJson;
  readonly seed: number;
}

const seen = { rows: 0, late: 0, shifted: 0 };

async function expectExplained({ engine, plan, seed }: Case, row: Row): Promise<void> {
  const { query, key, window } = row;
  const asked = plan.queries.find(({ name }) => name === query)!;
  const { emit = "all" } = asked;
  const context = `MILLRACE_SEED=${seed}, ${query} ${JSON.stringify({ key, window })}`;
  const explained = await engine.explain(query, key, window);
  const { events, late, emissions } = explained;
  expect(explained.row, context).toEqual(row);
  expect(events.length, context).toBe(row.revision - (row.final ? 1 : 0));
  const told = emissions.at(-1);
  const isTold = emit === "all" || (emit === "final" && row.final);
  if (isTold) expect(told, context).toMatchObject({ revision: row.revision, value: row.value });
  else expect(told, context).toBeUndefined();
  const { start, end } = window;
  if (start === null) return;
  for (const { time } of events) expect(start <= time && time < end, context).toBe(true);
  if (asked.window.kind === "session") return;
  const listed = engine.late(query).map((each) => JSON.stringify(each));
  for (const { events: facts, outcome, lateMs } of late) {
    // A span that expired is at its `from`, one that completed at its `to`.
    const { position } = facts[outcome === "completed" ? 1 : 0]!;
    expect(listed, context).toContain(JSON.stringify({ position, window, lateMs }));
    seen.late++;
  }
}

/** Where all have one key, what is late for a window is found there, whether it has a row or not. */
async function expectLate({ engine, seed }: Case, query: string): Promise<void> {
  for (const { position, window, lateMs } of engine.late(query).slice(-3)) {
    if (window === null) continue;
    const { late } = await engine.explain(query, {}, window);
    const found = late.filter((each) => each.lateMs === lateMs);
    const positions = found.map(({ events }) => events.map((each) => each.position));
    const context = `MILLRACE_SEED=${seed}, ${query} late ${JSON.stringify(window)}`;
    expect(positions.flat(), context).toContain(position);
    seen.late++;
  }
}

async function expectNone({ engine, seed }: Case, { query, key, window }: Row): Promise<void> {
  if (window.start === null) return;
  const shifted = { start: window.start + 1, end: window.end + 1 };
  const { row, events } = await engine.explain(query, key, shifted);
  if (row !== null) return;
  const context = `MILLRACE_SEED=${seed}, ${query} ${JSON.stringify({ key, shifted })}`;
  expect(events, context).toEqual([]);
  seen.shifted++;
}

async function expectAll(each: Case, random: Random): Promise<void> {
  const { engine, plan } = each;
  const rows = plan.queries.flatMap(({ name }) => engine.view(name).rows());
  const some = random.shuffled(rows).slice(0, ROWS_MAX);
  for (const row of some) await expectExplained(each, row);
  for (const row of some.slice(0, 3)) await expectNone(each, row);
  for (const { name, key } of plan.queries) {
    if (Object.keys(key).length === 0) await expectLate(each, name);
  }
  seen.rows += some.length;
}

test(
  "the events behind a row are as many as its revision says",
  { timeout: 3_600_000 },
  async () => {
    const first = SEED === undefined ? FIRST_SEED : Number(SEED);
    const count = SEED === undefined ? COUNT : 1;
    for (let seed = first; seed < first + count; seed++) {
      const { plan, lines, cuts } = randomCase(seed);
      const random = new Random(seed);
      const pushes = pushesOf(lines, cuts[0]!);
      const reopenAt = random.chance(0.5) ? random.below(pushes.length) : -1;
      const look = (engine: Engine): Promise<void> => expectAll({ engine, plan, seed }, random);
      const { engine } = await runEngine(plan, pushes, { random, reopenAt, look });
      await look(engine);
    }
    if (SEED === undefined)
      for (const found of Object.values(seen)) expect(found).toBeGreaterThan(0);
  },
);
