// Seeds on which engine and model once differed, and what it was.

export const REGRESSIONS: readonly (readonly [seed: number, what: string])[] = [
  [1943, "a span that opens and expires at one instant as the clock passes through"],
  [101_088, "an expiry comes before the closes of its own instant"],
  [103_298, "spans that expire at the instant at which the clock stands, by position"],
];
