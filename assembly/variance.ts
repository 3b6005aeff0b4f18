// Sample variance and standard deviation. As for sums (decimal.ts), an input is a decimal. Inputs
// of up to 6 fraction digits and below 2^53 are kept as whole millionths: their number n, their sum
// and the sum of their squares, in integers wide enough for 2^53 inputs. Reading computes
//
//     (n Σx² - (Σx)²) / (n (n - 1))
//
// with an exact numerator, rounded once: relative error below 2^-50 whatever the mean, exactly 0
// where all inputs are equal, and neither order nor merging changes a bit.
//
// The other inputs go to the same sums kept as two doubles each (wide.ts), scaled by 2^-scale so
// that no square leaves the doubles' range. Their rounding is 2^-104 an addition, and cancellation
// multiplies it by mean² / variance: 10^6 inputs with |mean| = 10^4 stddev stay below 10^-17, where
// Welford's and Chan's updates, which keep one double, promise no more than 10^-6. Merging adds the
// sums. A numerator that the rounding cannot tell from 0 is 0.
//
//   record (64 bytes):  ┌───────┬──────────────────┬────────────────────┬───────┬───┐
//                       │ n u64 │ Σx i128, 10^-6   │ Σx² u256, 10^-12   │ wide  │ – │
//                       └───────┴──────────────────┴────────────────────┴───────┴───┘
//   wide (48 bytes, only once an input needs it):
//                       ┌───────┬───────────┬───────────────┬────────────────┐
//                       │ n u64 │ scale i32 │ Σx high, low  │ Σx² high, low  │
//                       └───────┴───────────┴───────────────┴────────────────┘
//
// Example: 0.1, 0.2, 0.3 are 100000, 200000, 300000 millionths: n Σx² - (Σx)² is 60000000000, and
// 60000000000 / 6 × 10^-12 = 0.01.
//
// Room: |x| < 2^73 millionths, so Σx² < 2^146 × 2^53, and n Σx² < 2^252.

import { alloc, free } from "./arena";
import {
  addMillionths,
  millionthsHigh,
  millionthsLow,
  roundToDouble,
  toMillionths,
} from "./decimal";
import {
  addDouble,
  addProduct,
  addWord,
  divideDouble,
  high,
  low,
  multiplyDouble,
  multiplyExact,
  normalize,
  power,
  readWords,
  subtractWide,
} from "./wide";

const COUNT: usize = 0; // u64
const SUM: usize = 8; // i128
const SQUARES: usize = 24; // u256
const WIDE: usize = 56; // u32

const WIDE_COUNT: usize = 0; // u64
const WIDE_SCALE: usize = 8; // i32
const WIDE_SUM: usize = 16; // f64 × 2
const WIDE_SQUARES: usize = 32; // f64 × 2
const WIDE_BYTES: usize = 48;
/** A scaled input stays below 2^300, its square below 2^600. */
const SCALED_MAX: i32 = 300;
/** Times n: below this part of n Σx², what is left of it is rounding. */
const ROUNDING: f64 = 7.888609052210118e-31; // 2^-100

export const VARIANCE_GROWTH_BYTES: usize = WIDE_BYTES;

export function varianceAdd(record: usize, x: f64): void {
  if (!toMillionths(abs(x))) return addWide(record, x);
  store<u64>(record, load<u64>(record, COUNT) + 1, COUNT);
  const a = millionthsLow;
  const b = millionthsHigh;
  if (x < 0) addMillionths(record + SUM, ~a + 1, ~b + (a == 0 ? 1 : 0));
  else addMillionths(record + SUM, a, b);
  addProduct(record + SQUARES, 0, a, a);
  if (b == 0) return;
  // The second word is below 2^9, so twice the mixed product does not overflow.
  addProduct(record + SQUARES, 1, a, 2 * b);
  addWord(record + SQUARES, 2, b * b);
}

// ── beyond the exact range ─────────────────────────────────────────────────────────────────────

function wideOf(record: usize, scale: i32): usize {
  const wide = <usize>load<u32>(record, WIDE);
  if (wide) return wide;
  const fresh = alloc(WIDE_BYTES);
  store<u32>(record, <u32>fresh, WIDE);
  store<i32>(fresh, scale, WIDE_SCALE);
  return fresh;
}

/** floor(log2 |x|) of a number that is not 0. */
function exponentOf(x: f64): i32 {
  const magnitude = abs(x);
  const field = <i32>(reinterpret<u64>(magnitude) >> 52);
  if (field) return field - 1023;
  return 63 - <i32>clz(reinterpret<u64>(magnitude)) - 1074;
}

/** x × 2^exponent, in steps that are doubles: the exponent may be beyond theirs. */
function scaled(x: f64, exponent: i32): f64 {
  let y = x;
  let rest = exponent;
  for (; rest > 1000; rest -= 1000) y *= power(1000);
  for (; rest < -1000; rest += 1000) y *= power(-1000);
  return y * power(rest);
}

function addTo(at: usize, a: f64, b: f64): void {
  addDouble(load<f64>(at), load<f64>(at, 8), a, b);
  store<f64>(at, high);
  store<f64>(at, low, 8);
}

function scalePair(at: usize, exponent: i32): void {
  store<f64>(at, scaled(load<f64>(at), exponent));
  store<f64>(at, scaled(load<f64>(at, 8), exponent), 8);
}

function raiseScale(wide: usize, scale: i32): void {
  const by = load<i32>(wide, WIDE_SCALE) - scale;
  if (by >= 0) return;
  scalePair(wide + WIDE_SUM, by);
  scalePair(wide + WIDE_SQUARES, 2 * by);
  store<i32>(wide, scale, WIDE_SCALE);
}

function addWide(record: usize, x: f64): void {
  const exponent = exponentOf(x);
  const wide = wideOf(record, exponent);
  if (exponent - load<i32>(wide, WIDE_SCALE) >= SCALED_MAX) raiseScale(wide, exponent);
  store<u64>(wide, load<u64>(wide, WIDE_COUNT) + 1, WIDE_COUNT);
  const y = scaled(x, -load<i32>(wide, WIDE_SCALE));
  addTo(wide + WIDE_SUM, y, 0);
  multiplyExact(y, y);
  addTo(wide + WIDE_SQUARES, high, low);
}

// ── merging and freeing ────────────────────────────────────────────────────────────────────────

export function varianceMerge(record: usize, from: usize): void {
  store<u64>(record, load<u64>(record, COUNT) + load<u64>(from, COUNT), COUNT);
  addMillionths(record + SUM, load<u64>(from, SUM), load<u64>(from, SUM + 8));
  for (let i: usize = 0; i < 4; i++) {
    addWord(record + SQUARES, i, load<u64>(from + SQUARES + (i << 3)));
  }
  const other = <usize>load<u32>(from, WIDE);
  if (!other) return;
  const scale = load<i32>(other, WIDE_SCALE);
  const wide = wideOf(record, scale);
  raiseScale(wide, scale);
  const by = scale - load<i32>(wide, WIDE_SCALE);
  store<u64>(wide, load<u64>(wide, WIDE_COUNT) + load<u64>(other, WIDE_COUNT), WIDE_COUNT);
  const sum = other + WIDE_SUM;
  addTo(wide + WIDE_SUM, scaled(load<f64>(sum), by), scaled(load<f64>(sum, 8), by));
  const squares = other + WIDE_SQUARES;
  const a = scaled(load<f64>(squares), 2 * by);
  const b = scaled(load<f64>(squares, 8), 2 * by);
  addTo(wide + WIDE_SQUARES, a, b);
}

export function varianceFree(record: usize): void {
  const wide = <usize>load<u32>(record, WIDE);
  if (wide) free(wide, WIDE_BYTES);
}

// ── reading ────────────────────────────────────────────────────────────────────────────────────

/** 256-bit integers of the reading at hand. */
const numerator: usize = memory.data(32, 8);
const square: usize = memory.data(32, 8);
const sumMagnitude: usize = memory.data(16, 8);

/** What `read` finds: the variance is this × 2^(2 exponent). */
let exponent: i32 = 0;

/** The sample variance: NaN, which is told as null, for fewer than two inputs. */
export function varianceRead(record: usize): f64 {
  return scaled(read(record), 2 * exponent);
}

export function deviationRead(record: usize): f64 {
  return scaled(sqrt(read(record)), exponent);
}

function read(record: usize): f64 {
  exponent = 0;
  const wide = <usize>load<u32>(record, WIDE);
  if (wide) return readWide(record, wide);
  const n = load<u64>(record, COUNT);
  return n < 2 ? NaN : readExact(record, n);
}

/** |Σx| in `sumMagnitude`; whether Σx is negative. */
function takeSum(record: usize): bool {
  const a = load<u64>(record, SUM);
  const b = load<u64>(record, SUM + 8);
  const negative = <i64>b < 0;
  store<u64>(sumMagnitude, negative ? ~a + 1 : a);
  store<u64>(sumMagnitude, negative ? ~b + (a == 0 ? 1 : 0) : b, 8);
  return negative;
}

function readExact(record: usize, n: u64): f64 {
  takeSum(record);
  const a = load<u64>(sumMagnitude);
  const b = load<u64>(sumMagnitude, 8);
  memory.fill(numerator, 0, 32);
  memory.fill(square, 0, 32);
  for (let i: usize = 0; i < 4; i++) {
    addProduct(numerator, i, n, load<u64>(record + SQUARES + (i << 3)));
  }
  addProduct(square, 0, a, a);
  addProduct(square, 1, a, b);
  addProduct(square, 1, a, b);
  addProduct(square, 2, b, b);
  subtractWide(numerator, square);
  const all = numerator;
  if ((load<u64>(all) | load<u64>(all, 8) | load<u64>(all, 16) | load<u64>(all, 24)) == 0) return 0;
  const moved = normalize(numerator);
  const sticky = (load<u64>(all) | load<u64>(all, 8)) != 0;
  const value = roundToDouble(load<u64>(all, 24), load<u64>(all, 16), sticky, 128 - moved);
  return value / (<f64>n * <f64>(n - 1)) / 1e12;
}

/** Both parts together, in doubles of two. */
function readWide(record: usize, wide: usize): f64 {
  const count = load<u64>(record, COUNT) + load<u64>(wide, WIDE_COUNT);
  if (count < 2) return NaN;
  const negative = takeSum(record);
  const squares = record + SQUARES;
  const hasExact = (load<u64>(squares) | load<u64>(squares, 8) | load<u64>(squares, 16)) != 0;
  const scale = load<i32>(wide, WIDE_SCALE);
  // The exact inputs that are not 0 are no smaller than 2^-20.
  exponent = hasExact ? max(scale, 0) : scale;
  readWords(sumMagnitude, 2);
  divideDouble(high, low, negative ? -1e6 : 1e6);
  const x = scaled(high, -exponent);
  const y = scaled(low, -exponent);
  const by = scale - exponent;
  const at = wide + WIDE_SUM;
  addDouble(x, y, scaled(load<f64>(at), by), scaled(load<f64>(at, 8), by));
  const sum = high;
  const sumLow = low;
  readWords(squares, 4);
  divideDouble(high, low, 1e12);
  const u = scaled(high, -2 * exponent);
  const v = scaled(low, -2 * exponent);
  const square = wide + WIDE_SQUARES;
  addDouble(u, v, scaled(load<f64>(square), 2 * by), scaled(load<f64>(square, 8), 2 * by));
  return spread(<f64>count, sum, sumLow, high, low);
}

/** (n Q - S²) / (n (n - 1)), of pairs of doubles. */
function spread(n: f64, sum: f64, sumLow: f64, squares: f64, squaresLow: f64): f64 {
  multiplyDouble(sum, sumLow, sum, sumLow);
  const less = high;
  const lessLow = low;
  multiplyDouble(squares, squaresLow, n, 0);
  const rounding = high * n * ROUNDING;
  addDouble(high, low, -less, -lessLow);
  return high <= rounding ? 0 : high / n / (n - 1);
}
