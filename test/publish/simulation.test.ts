// "Nothing lost": the publisher in seeded runs against a server that fails, stalls, answers twice,
// 401, 413 or 429, reloaded at any instant, in two tabs. MILLRACE_SEED=n replays one run.

import { expect, test } from "vitest";
import { FULL, measured } from "../measured.ts";
import { Simulation } from "./simulation.ts";

const RUN_COUNT = FULL ? 1000 : 100;
const GIVEN = process.env["MILLRACE_SEED"];
const FIRST = GIVEN === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(GIVEN);
const SEEDS = Array.from({ length: GIVEN === undefined ? RUN_COUNT : 1 }, (_, run) => FIRST + run);

async function simulated(seed: number): Promise<Simulation> {
  const simulation = new Simulation(seed);
  await simulation.run();
  return simulation;
}

function check(seed: number, { problems }: Simulation): void {
  expect(problems, `MILLRACE_SEED=${seed} replays this`).toEqual([]);
}

test(
  `every durable fact is accepted once, none is left, none is sent before its back-off (${SEEDS.length} runs from seed ${FIRST})`,
  {
    timeout: 600_000,
  },
  async () => {
    let requests = 0;
    const heard = new Set<string>();
    for (const seed of SEEDS) {
      const simulation = await simulated(seed);
      check(seed, simulation);
      requests += simulation.trace.filter((line) => line.includes("asks")).length;
      for (const line of simulation.trace) heard.add(/hears (\d+)/.exec(line)?.[1] ?? "");
    }
    if (GIVEN !== undefined) return;
    // Runs that send nothing, or hear of no trouble, show nothing.
    expect(requests).toBeGreaterThan(2 * SEEDS.length);
    const statuses = ["0", "200", "401", "413", "422", "429", "500", "503"];
    expect(statuses.filter((status) => !heard.has(status))).toEqual([]);
    measured("Publisher: runs of the simulation, each fact accepted once", SEEDS.length, "runs");
  },
);

test("a run is the same each time", async () => {
  const [first, second] = [await simulated(FIRST), await simulated(FIRST)];
  expect(first.trace).toEqual(second.trace);
});
