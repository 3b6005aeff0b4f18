// Mistakes in decimals and quantiles.

import { mistakesIn, type Part } from "./mistake.ts";

const decimal: Part = [
  "decimal",
  mistakesIn(
    "decimal.ts",
    [
      "inputs up to 2^33 are rounded to millionths",
      "DIRECT_BELOW: f64 = 4294967296",
      "DIRECT_BELOW: f64 = 8589934592",
    ],
    [
      "a negative input loses its carry",
      "millionthsHigh = ~high + (low == 0",
      "millionthsHigh = ~high + (low != 0",
    ],
    ["a carry into the high word is lost", "(after < before ? 1 : 0)", "(after > before ? 1 : 0)"],
    ["the sixth fraction digit of a large input is lost", "digits <= 6", "digits < 6"],
    ["an input is rounded to millionths", "DIRECT_BELOW && whole / 1e6 == x)", "DIRECT_BELOW)"],
    ["a tie is rounded up", "if (rest > 0x400 ||", "if (rest >= 0x400 ||"],
    ["a quotient is scaled up, not down", "rest != 0, -shift)", "rest != 0, shift)"],
    [
      "a sum between 2^53 and 2^54 millionths is rounded twice",
      "low < (<u64>1) << 53)",
      "low < (<u64>1) << 54)",
    ],
    [
      "compensation has the wrong sign",
      "load<f64>(at, 8) + lost, 8);",
      "load<f64>(at, 8) - lost, 8);",
    ],
    ["huge inputs are not scaled down", "abs(x) >= HUGE", "abs(x) < HUGE"],
  ),
];

const quantile: Part = [
  "quantile",
  mistakesIn(
    "quantile.ts",
    ["the rank is rounded up", "<u64>floor(q * <f64>last)", "<u64>ceil(q * <f64>last)"],
    [
      "the last rank is not the maximum",
      "if (rank >= last) return most;",
      "if (rank > last) return most;",
    ],
    ["one rank more is zero", "if (rank < seen) return 0;", "if (rank <= seen) return 0;"],
    ["one rank more lies in a bucket", "if (rank >= seen) continue;", "if (rank > seen) continue;"],
    ["zeros are forgotten", "seen += zeros;", "seen -= zeros;"],
    [
      "a middle lies beyond the maximum",
      "max(least, min(most, middleOf((key << PAGE_BITS) + slot)))",
      "max(least, middleOf((key << PAGE_BITS) + slot))",
    ],
    [
      "the minimum is the greatest",
      "count ? min(load<f64>(record, MIN), low)",
      "count ? max(load<f64>(record, MIN), low)",
    ],
    [
      "a merge loses zeros",
      "load<u64>(record, ZEROS) + load<u64>(from, ZEROS)",
      "load<u64>(record, ZEROS) - load<u64>(from, ZEROS)",
    ],
    ["32 buckets an octave", "REST_BITS: u64 = 46", "REST_BITS: u64 = 47"],
    ["a bucket is read at its quarter", "(REST_BITS - 1)", "(REST_BITS - 2)"],
  ),
];

export const numbers: readonly Part[] = [decimal, quantile];
