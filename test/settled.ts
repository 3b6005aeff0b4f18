// A row beside its truth: a quantile is promised to within 1 %, everything else exactly.

import type { Value } from "../demo/city/truth.ts";

const ERROR_MAX = 0.01;

interface Valued {
  readonly value: object;
}

/**
 * The rows as they are, but for each `p90` that lies within 1 % of the one in the truth's row at the
 * same place, in whose stead that one stands: so the whole can be compared by equality.
 */
export function settled<Row extends Valued>(
  rows: readonly Row[],
  truth: readonly { readonly value: Value }[],
): Row[] {
  return rows.map((row, index) => {
    const { p90 } = row.value as Partial<Value>;
    const exact = truth[index]?.value.p90;
    if (typeof p90 !== "number" || typeof exact !== "number") return row;
    // The bound is inclusive: a last bit of its own arithmetic is not the sketch's fault.
    const isWithin = Math.abs(p90 - exact) <= exact * ERROR_MAX * (1 + 2 ** -50);
    return isWithin ? { ...row, value: { ...row.value, p90: exact } } : row;
  });
}
