// How a handful of rounds is told: the median, and the least and greatest beside it. With so few
// rounds any finer statistic would only look exact.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [below, above] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return {
    median: (sorted[below]! + sorted[above]!) / 2,
    min: sorted[0]!,
    max: sorted.at(-1)!,
    count: sorted.length,
  };
}

/** How far the rounds lie apart, in percent of the median. */
export function spreadPercent({ median, min, max }: Spread): number {
  return ((max - min) / median) * 100;
}
