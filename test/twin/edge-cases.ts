// Cases by hand, for edges that chance meets less than once in 2,000 cases.

import type { PlanJson } from "../model/plan.ts";
import type { Line } from "../model.ts";
import type { Case } from "./case.ts";

const COUNT = { n: { fn: "count" } };

/** An event `ms` after midnight; the type says who takes it. */
function at(ms: number, type: string, k: string): Line {
  const event = {
    eventId: `${type}-${k}-${ms}`,
    eventType: type,
    eventVersion: "1.0",
    eventTime: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
    correlationId: "c",
    data: { k },
  };
  return { text: JSON.stringify(event), receivedAt: null };
}

const sessions = (grace: number): PlanJson => ({
  version: 1,
  queries: [
    {
      name: "sessions",
      from: ["in"],
      key: { k: "data.k" },
      window: { kind: "session", gap: 10, grace },
      aggregate: COUNT,
    },
  ],
});

const LOOKUPS: PlanJson = {
  version: 1,
  tables: { t: { from: ["up"], key: "data.k", history: 100 } },
  queries: [
    {
      name: "found",
      from: ["in"],
      with: [{ table: "t", on: "data.k", as: "row" }],
      key: { at: ["coalesce", ["get", "row.eventTime"], "none"] },
      window: { kind: "tumbling", size: 1000, grace: 100 },
      aggregate: COUNT,
    },
  ],
};

const EDGES: readonly (readonly [plan: PlanJson, lines: readonly Line[]])[] = [
  // At the end of the newest final session, and 1 ms behind it.
  [sessions(0), [at(0, "in", "a"), at(11, "in", "b"), at(10, "in", "a")]],
  [sessions(0), [at(0, "in", "a"), at(11, "in", "b"), at(11, "in", "a")]],
  // An older session, found last, grows until it ends 1 ms before the next one, where it begins.
  ...[20, 21].map((last): readonly [PlanJson, readonly Line[]] => [
    sessions(100),
    [0, 31, 5, 15, last].map((time) => at(time, "in", "a")),
  ]),
  // One key too many, and none any more once another has closed.
  [
    { ...sessions(0), limits: { keys: 1 } },
    [0, 8, 9, 12].map((time) => at(time, "in", time ? "b" : "a")),
  ],
  // The version before one that stands at T - history, 1 ms later, 1 ms earlier.
  ...[109, 110, 111].map((clock): readonly [PlanJson, readonly Line[]] => [
    LOOKUPS,
    [at(0, "up", "a"), at(10, "up", "a"), at(clock, "in", "b"), at(5, "in", "a")],
  ]),
];

export const edgeCases: readonly Case[] = EDGES.map(([plan, lines], index) => {
  const cuts = [lines.map(() => false), lines.map(() => true)];
  return { seed: index + 1, plan, lines, cuts };
});
