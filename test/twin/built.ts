// What the engine runs today, asked of its plan checker: a kind that is built is generated from then
// on, without a change here.

import { checkPlan } from "../../engine/index.ts";
import type { PlanJson, QueryJson } from "../model/plan.ts";

const QUERY: QueryJson = {
  name: "probe",
  from: ["*"],
  key: {},
  window: { kind: "tumbling", size: 1000, grace: 0 },
  aggregate: { count: { fn: "count" } },
};

function runs(change: Partial<QueryJson>, plan: Partial<PlanJson> = {}): boolean {
  return checkPlan({ version: 1, queries: [{ ...QUERY, ...change }], ...plan }).faults.length === 0;
}

const WINDOWS: readonly QueryJson["window"][] = [
  { kind: "tumbling", size: 1000, grace: 0 },
  { kind: "hopping", size: 1000, every: 500, grace: 0 },
  { kind: "cumulate", size: 1000, every: 500, grace: 0 },
  { kind: "session", gap: 1000, grace: 0 },
  { kind: "global" },
];

const FUNCTIONS: readonly QueryJson["aggregate"][string][] = [
  { fn: "count" },
  ...["sum", "avg", "min", "max", "variance", "stddev"].map((fn) => ({ fn, of: "data.n" })),
  ...["first", "last", "distinct"].map((fn) => ({ fn, of: "data.n" })),
  { fn: "quantile", of: "data.n", q: 0.5 },
  { fn: "top", of: "data.n", k: 3 },
  { fn: "histogram", of: "data.n", bounds: [0] },
];

const CALENDAR = { kind: "tumbling", size: "1d", timezone: "Europe/Berlin", grace: 0 };
const TABLES = { tables: { t: { from: ["a"], key: "data.k" } } };
const WITH = [{ table: "t", on: "data.k", as: "row" }];
const SPAN = { from: ["a"], to: ["b"], on: "data.k", within: 1000 };

export const built = {
  kinds: [
    ...WINDOWS.filter((window) => runs({ window })).map(({ kind }) => kind),
    ...(runs({ window: CALENDAR }) ? ["calendar"] : []),
  ],
  functions: FUNCTIONS.filter((each) => runs({ aggregate: { a: each } })).map(({ fn }) => fn),
  with: runs({ with: WITH }, TABLES),
  wait: runs({ with: WITH, wait: 0 }, TABLES) && runsWait(),
  span: runsSpan(),
};

function runsWait(): boolean {
  const window = { kind: "tumbling", size: 1000, grace: 1000 };
  return runs({ with: WITH, wait: 500, window }, TABLES);
}

function runsSpan(): boolean {
  const { from: _, ...query } = QUERY;
  return checkPlan({ version: 1, queries: [{ ...query, span: SPAN }] }).faults.length === 0;
}
