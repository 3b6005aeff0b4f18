// A property holds for every seed: for some in `npm test`, for many more in `npm run test:full`.
// MILLRACE_SEED=n replays one, MILLRACE_CASES=n runs so many at most, both so many from that seed on.
// What a property is about has to come about: each thing that it counts is there at least once, or
// it has shown nothing.

import { expect, test } from "vitest";
import { FULL, measured } from "../measured.ts";

export interface Seeds {
  readonly some: number;
  readonly many: number;
}

/** Counts something that the property is about. */
export type Seen = (what: string, count: number) => void;

const GIVEN = process.env["MILLRACE_SEED"];
const CASES_MAX = Number(process.env["MILLRACE_CASES"] ?? (GIVEN === undefined ? Infinity : 1));
/** Far from the seeds of the twin, whose generators these are. */
const FIRST_SEED = 1_000_001;
const LIMIT_MS = 3_600_000;

/** The test `name`: `holds` throws, or its promise fails, for a seed for which it does not. */
export function property(
  name: string,
  { some, many }: Seeds,
  holds: (seed: number, seen: Seen) => void | Promise<void>,
): void {
  test(name, { timeout: LIMIT_MS }, async () => {
    const counts = new Map<string, number>();
    const seen: Seen = (what, count) => counts.set(what, (counts.get(what) ?? 0) + count);
    const first = GIVEN === undefined ? FIRST_SEED : Number(GIVEN);
    const end = first + Math.min(FULL ? many : some, CASES_MAX);
    for (let seed = first; seed < end; seed++) {
      try {
        await holds(seed, seen);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`MILLRACE_SEED=${seed} replays this: ${reason}`, { cause });
      }
    }
    measured(`property: ${name}`, end - first, "cases");
    // Fewer than usual were asked for: who did so knows.
    if (end - first < some) return;
    expect([...counts].filter(([, count]) => count === 0)).toEqual([]);
  });
}
