// The words of a plan for which the core has numbers: each table says once which words there are,
// for the checks, and what the program says in their place.

import * as layout from "../../assembly/layout.ts";

/** Operators of two operands. */
export const BINARY = {
  "==": layout.OP_EQ,
  "!=": layout.OP_NE,
  "<": layout.OP_LT,
  "<=": layout.OP_LE,
  ">": layout.OP_GT,
  ">=": layout.OP_GE,
  "+": layout.OP_ADD,
  "-": layout.OP_SUBTRACT,
  "*": layout.OP_MULTIPLY,
  "/": layout.OP_DIVIDE,
  "%": layout.OP_REMAINDER,
};

/** Of any number: what none of many is, and what joins it to the first, and each to the next. */
export const CHAINS = {
  all: { empty: layout.OP_TRUE, join: layout.OP_AND },
  any: { empty: layout.OP_FALSE, join: layout.OP_OR },
  coalesce: { empty: layout.OP_NULL, join: layout.OP_COALESCE },
};

/** `span.…` */
export const SPAN_MEMBERS: { readonly [member: string]: number } = {
  duration: layout.SPAN_DURATION,
  outcome: layout.SPAN_OUTCOME,
  start: layout.SPAN_START,
  end: layout.SPAN_END,
};

export const EMITS = { all: layout.EMIT_ALL, final: layout.EMIT_FINAL, none: layout.EMIT_NONE };

interface Reader {
  readonly accumulate: number;
  readonly bytes: number;
  readonly read: number;
}

const SUM = { accumulate: layout.ACCUMULATE_SUM, bytes: layout.SUM_BYTES };
const VARIANCE = { accumulate: layout.ACCUMULATE_VARIANCE, bytes: layout.VARIANCE_BYTES };
const FIRST = { bytes: layout.FIRST_BYTES, read: layout.READ_FIRST };

/** Aggregate functions. */
export const FUNCTIONS = {
  count: {
    accumulate: layout.ACCUMULATE_COUNT,
    bytes: layout.COUNT_BYTES,
    read: layout.READ_COUNT,
  },
  sum: { ...SUM, read: layout.READ_SUM },
  avg: { ...SUM, read: layout.READ_AVG },
  min: { accumulate: layout.ACCUMULATE_MIN, bytes: layout.EXTREME_BYTES, read: layout.READ_MIN },
  max: { accumulate: layout.ACCUMULATE_MAX, bytes: layout.EXTREME_BYTES, read: layout.READ_MAX },
  variance: { ...VARIANCE, read: layout.READ_VARIANCE },
  stddev: { ...VARIANCE, read: layout.READ_DEVIATION },
  first: { accumulate: layout.ACCUMULATE_FIRST, ...FIRST },
  last: { accumulate: layout.ACCUMULATE_LAST, ...FIRST },
  quantile: {
    accumulate: layout.ACCUMULATE_QUANTILE,
    bytes: layout.QUANTILE_BYTES,
    read: layout.READ_QUANTILE,
  },
  distinct: {
    accumulate: layout.ACCUMULATE_DISTINCT,
    bytes: layout.DISTINCT_BYTES,
    read: layout.READ_DISTINCT,
  },
  top: { accumulate: layout.ACCUMULATE_TOP, bytes: layout.TOP_BYTES, read: layout.READ_TOP },
  histogram: {
    accumulate: layout.ACCUMULATE_HISTOGRAM,
    bytes: layout.HISTOGRAM_BYTES,
    read: layout.READ_HISTOGRAM,
  },
} as const satisfies { readonly [fn: string]: Reader };
