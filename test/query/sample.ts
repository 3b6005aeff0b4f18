/** Plans that the tests of this folder start from, and how they look at faults. */
import { checkPlan, type Plan, type Query } from "../../engine/query/plan.ts";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

export const TUMBLING = { kind: "tumbling", size: "5m", grace: "1m" };
export const COUNT = { n: { fn: "count" } };

/** The smallest plan, with members of its only query added or put in another's place. */
export function planWith(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { version: 1, queries: [queryWith(query)] };
}

export function queryWith(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const smallest = { name: "q", from: ["*"], key: {}, window: TUMBLING, aggregate: COUNT };
  return { ...smallest, ...query };
}

/** A table `t` and a query that looks it up. */
export function planWithTable(
  table: Readonly<Record<string, unknown>>,
  query: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const lookup = { table: "t", on: "data.id", as: "row" };
  const plan = planWith({ with: [lookup], ...query });
  return { ...plan, tables: { t: { from: ["t.updated"], key: "data.id", ...table } } };
}

export function spanWith(
  span: Readonly<Record<string, unknown>>,
  query: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const smallest = { from: ["a"], to: ["b"], on: "data.id", within: "1h" };
  return planWith({ from: undefined, span: { ...smallest, ...span }, ...query });
}

/** `code pointer` of every fault. */
export function faultsOf(input: unknown, catalogues: readonly string[] = []): readonly string[] {
  return checkPlan(input, catalogues).faults.map(({ code, pointer }) => `${code} ${pointer}`);
}

export function messagesOf(input: unknown): readonly string[] {
  return checkPlan(input).faults.map(({ message }) => message);
}

export function goodPlan(input: unknown): Plan {
  const { plan, faults } = checkPlan(input);
  if (plan === null) throw new Error(`Got faults: ${JSON.stringify(faults)}`);
  return plan;
}

export function goodQuery(input: unknown): Query {
  const query = goodPlan(input).queries[0];
  if (query === undefined) throw new Error("Got a plan without a query.");
  return query;
}
