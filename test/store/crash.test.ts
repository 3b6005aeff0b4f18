// Nothing lost: a disk that fails, lies, delays, tears or takes the process with it at the k-th
// write, for every k of a scenario; over the memory store, and at every statement of SQLite. After
// each recovery no acknowledged event is missing, none is applied twice, and the state is the
// model's. MILLRACE_SEED=n replays a random scenario.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { event } from "../builders.ts";
import type { PlanJson } from "../model/plan.ts";
import { measured } from "../measured.ts";
import { property } from "../properties/property.ts";
import { pushesOf, randomCase, type Step } from "../twin/case.ts";
import { Random } from "../twin/random.ts";
import { reprocessCase } from "../twin/reprocess-case.ts";
import { reprocessLine } from "../twin/reprocess-line.ts";
import { actsOf, Expected, survive, type Act, type Scenario } from "./crash-run.ts";
import { MISHAPS, SimulatedDisk, type Disk, type Mishap } from "./simulated-store.ts";
import { SQL_MISHAPS, SqlDisk, type SqlMishap } from "./simulated-sqlite.ts";

const LIMIT_MS = 3_600_000;

const folder = mkdtempSync(join(tmpdir(), "millrace-crash-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// ── one scenario with everything in it ─────────────────────────────────────────────────────────

const QUERIES: PlanJson["queries"] = [
  {
    name: "windows",
    from: ["*"],
    key: { k: "data.k" },
    window: { kind: "tumbling", size: 10, grace: 5 },
    aggregate: { n: { fn: "count" }, sum: { fn: "sum", of: "data.x" } },
  },
  {
    name: "sessions",
    from: ["*"],
    key: {},
    window: { kind: "session", gap: 10, grace: 5 },
    aggregate: { n: { fn: "count" } },
  },
];
const PLAN: PlanJson = {
  version: 1,
  clock: { dedup: 60, maxAhead: 1000, idle: "never" },
  limits: { quarantine: 3 },
  queries: QUERIES,
};
const WIDER: PlanJson = {
  ...PLAN,
  queries: [
    {
      name: "all",
      from: ["*"],
      key: {},
      window: { kind: "global" },
      aggregate: { n: { fn: "count" }, last: { fn: "last", of: "data.k" } },
    },
    ...QUERIES,
  ],
};

const line = (id: string, timeMs: number, k: unknown = "x", receivedAt: number | null = null) => ({
  text: JSON.stringify(event(id, timeMs, { k, x: timeMs / 4 })),
  receivedAt,
});
const tick = (timeMs: number): Step => ({
  text: JSON.stringify({ tick: timeMs }),
  receivedAt: null,
});
const invalid: Step = { text: "{}", receivedAt: null, invalid: "missing_field" };
const release = (places: number[], receivedAt: number): Step => {
  return { text: JSON.stringify({ release: places }), receivedAt, release: places };
};
const reprocess = reprocessLine({ query: "windows", from: 0, to: 60 });

const ACTS: readonly Act[] = [
  { push: [line("a", 1), line("b", 2, "y"), line("a", 1)] },
  { push: [line("c", 12), line("c", 13), invalid, line("d", 28)] },
  { push: [line("e", 41, "ü"), line("late", 14), tick(50)] },
  { do: "snapshot" },
  { push: [tick(55)] },
  { push: [line("f", 80, 1.5), line("old", 3), line("f", 80, 1.5)] },
  { push: [line("soon", 9000, "x", 100)] },
  { push: [line("a2", 61), line("f", 80, 1.5)] },
  { push: [line("f", 80, 1.5), line("soon", 9000, "x", 100)] },
  { push: [release([0], 120)] },
  { push: [reprocess] },
  { do: "reopen" },
  { push: [line("g", 90), line("h", 91, null), line("ancient", 2)] },
  { plan: WIDER },
  { push: [line("i", 95), line("g", 90), line("j", 130, "y")] },
  { push: [release([0, 1], 9100)] },
  { do: "snapshot" },
  { push: [line("k", 9050)] },
  // The list is full then: a line that is there and was told as failed takes room.
  { push: [line("q", 29_000, "x", 100), line("r", 29_000, "x", 100)] },
  { push: [line("s", 29_000, "x", 100)] },
  { push: [line("t", 29_000, "x", 100)] },
];
const SCENARIO: Scenario = { plan: PLAN, acts: ACTS };

const chanceOf = (random: Random) => (): number => random.below(2 ** 30) / 2 ** 30;

function simulated(mishaps: ReadonlyMap<number, Mishap>, random: Random, isSlow = false) {
  return new SimulatedDisk({ mishaps, chance: chanceOf(random), isSlow });
}

/** The scenario without any mishap, and how many writes it takes. */
async function smooth(scenario: Scenario, expected: Expected) {
  const disk = simulated(new Map(), new Random(0));
  const { heard } = await survive(scenario, disk, expected);
  return { heard, writes: disk.writes };
}

describe.each(MISHAPS)("a disk that %s at the k-th write", (mishap) => {
  test.each([false, true])("for every k, slow: %s", async (isSlow) => {
    const expected = new Expected();
    const { heard, writes } = await smooth(SCENARIO, expected);
    expect(writes).toBeGreaterThan(18);
    let sentTwice = 0;
    for (let at = 0; at < writes; at++) {
      const disk = simulated(new Map([[at, mishap]]), new Random(at), isSlow);
      const survived = await survive(SCENARIO, disk, expected, isSlow ? () => 4 : undefined).catch(
        (cause: unknown) => {
          throw new Error(`${mishap} at write ${at}: ${(cause as Error).message}`, { cause });
        },
      );
      sentTwice += survived.sentTwice;
      // Nobody was told twice, nor told nothing, where the engine lived on and the order stayed.
      const isSame = mishap === "delays" || (mishap === "fails" && !isSlow && at > 0);
      if (isSame) expect(survived.heard).toEqual(heard);
    }
    const isWritten = mishap === "lies" || mishap === "dies after";
    if (isWritten) expect(sentTwice).toBeGreaterThan(8);
    // A reprocess is on the disk when the snapshot behind it fails.
    else expect(sentTwice).toBeLessThanOrEqual(1);
    measured(`crash: a disk that ${mishap}, slow: ${isSlow}`, writes, "writes, each once");
  });
});

// ── at every statement of SQLite ───────────────────────────────────────────────────────────────

test.each(SQL_MISHAPS)(
  "SQLite that %s at the k-th statement",
  { timeout: LIMIT_MS },
  async (mishap) => {
    const expected = new Expected();
    let files = 0;
    const run = async (mishaps: ReadonlyMap<number, SqlMishap>): Promise<Disk> => {
      const file = join(folder, `${mishap}-${files++}.db`);
      const disk = new SqlDisk(file, mishaps);
      await survive(SCENARIO, disk, expected);
      disk.close();
      return disk;
    };
    const { writes } = await run(new Map());
    expect(writes).toBeGreaterThan(60);
    for (let at = 0; at < writes; at++) {
      await run(new Map([[at, mishap]])).catch((cause: unknown) => {
        throw new Error(`${mishap} at statement ${at}: ${(cause as Error).message}`, { cause });
      });
    }
    measured(`crash: SQLite that ${mishap}`, writes, "statements, each once");
  },
);

// ── random scenarios ───────────────────────────────────────────────────────────────────────────

property(
  "nothing is lost on a disk that goes wrong",
  { some: 20, many: 4000 },
  async (seed, seen) => {
    const random = new Random(seed);
    const each = seed % 3 === 0 ? reprocessCase(seed) : randomCase(seed);
    const acts = actsOf(pushesOf(each.lines, each.cuts[0]!), random);
    const expected = new Expected();
    const isSlow = random.chance(0.5);
    const often = random.pick([0.1, 0.2, 0.4]);
    const mishaps = new Map<number, Mishap>();
    const isGrouped = isSlow && random.chance(0.7);
    for (let at = 0; at < 60; at++) if (random.chance(often)) mishaps.set(at, random.pick(MISHAPS));
    const disk = simulated(mishaps, random, isSlow);
    const groupSize = (): number => (isGrouped ? 1 + random.below(5) : 1);
    const survived = await survive({ plan: each.plan, acts }, disk, expected, groupSize);
    const met = [...mishaps].filter(([at]) => at < disk.writes);
    for (const mishap of MISHAPS) {
      seen(
        `writes at which the disk ${mishap}`,
        met.filter(([, which]) => which === mishap).length,
      );
    }
    seen("pushes that were written, not acknowledged, and sent again", survived.sentTwice);
    seen("openings", survived.lives);
  },
);
