/** The aggregates of a query, checked. */
import type { Expression } from "./expression.ts";

export type AggregateFunction =
  | "count"
  | "sum"
  | "avg"
  | "min"
  | "max"
  | "variance"
  | "stddev"
  | "first"
  | "last"
  | "quantile"
  | "distinct"
  | "top"
  | "histogram";

export interface Aggregate {
  readonly name: string;
  readonly fn: AggregateFunction;
  readonly of: Expression | null;
  readonly where: Expression | null;
  readonly q?: number | readonly number[];
  readonly k?: number;
  readonly bounds?: readonly number[];
}
