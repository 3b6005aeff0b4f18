// Exact decimal sums. An input is the shortest decimal that reads back as the same double. Inputs
// of up to 6 fraction digits and below 2^53 are added as whole millionths in 128 bits: without
// rounding, in any order, cut or merge. The others are added by Neumaier's compensated summation
// ("Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974), the huge ones
// among them scaled down, so that only a sum beyond the doubles is null.
//
//   sum (32 bytes):    ┌──────────────────────────┬───────┬──────┬───┐
//                      │ millionths i128 lo, hi   │ count │ wide │ – │
//                      └──────────────────────────┴───────┴──────┴───┘
//   wide (32 bytes, only once an input needs it):
//                      ┌─────┬──────────────┬──────────┬─────────────────────┐
//                      │ sum │ compensation │ huge sum │ huge compensation   │     huge: × 2^-128
//                      └─────┴──────────────┴──────────┴─────────────────────┘
//
// Example: 0.1 + 0.2 is 100000 + 200000 = 300000 millionths, and prints 0.3.
//
// Room: an input is below 2^53 × 10^6 < 2^73 millionths, so 2^53 inputs stay below 2^126.

import { alloc, blockBytes, free } from "./arena";

const LOW: usize = 0;
const HIGH: usize = 8;
export const SUM_COUNT: usize = 16; // u64
const WIDE: usize = 24; // u32

const WIDE_BYTES: usize = 32;
const HUGE: f64 = 1.3407807929942597e154; // 2^512
const SHRINK: f64 = 2.938735877055719e-39; // 2^-128
const GROW: f64 = 3.402823669209385e38; // 2^128

const MILLION: u64 = 1000000;
const EXACT_BELOW: f64 = 9007199254740992; // 2^53
/**
 * Below this, one decimal of 6 digits at most reads back as the double, and x × 10^6 finds it: off
 * by less than 1/2, the rounding of x and of the product together. (Up to 2^33 it is still the only
 * one, but the product may round to its neighbour.)
 */
const DIRECT_BELOW: f64 = 4294967296; // 2^32

/** Whole millionths of an exact input: set by `toMillionths`. */
export let millionthsLow: u64 = 0;
export let millionthsHigh: u64 = 0;

function setMillionths(low: u64, high: u64, negative: bool): void {
  if (negative) {
    millionthsLow = ~low + 1;
    millionthsHigh = ~high + (low == 0 ? 1 : 0);
  } else {
    millionthsLow = low;
    millionthsHigh = high;
  }
}

/**
 * From 2^33 up, several decimals of 6 digits may read back as `x`: the one with the fewest digits
 * counts, the nearest of those, of two as near the even one. x is whole + part / 2^shift with
 * shift ≤ 20, so all of this is in whole numbers.
 */
function millionthsOfLarge(x: f64, negative: bool): bool {
  const bits = reinterpret<u64>(x);
  const shift = <u64>(52 - (<i32>((bits >> 52) & 0x7ff) - 1023));
  const mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;
  const whole = mantissa >> shift;
  const part = mantissa & (((<u64>1) << shift) - 1);
  const even = (mantissa & 1) == 0;
  let scale: u64 = 1;
  for (let digits = 0; digits <= 6; digits++) {
    const exact = part * scale;
    const half = ((<u64>1) << shift) >> 1;
    let nearest = (exact + half) >> shift;
    // Of two equally near, the even one, as ECMAScript prints it.
    if (half && (nearest & 1) == 1 && (nearest << shift) - exact == half) nearest--;
    const off = nearest << shift;
    const distance = off > exact ? off - exact : exact - off;
    // Half the gap to the next double, in the same units; at the very half it reads back if even.
    if (2 * distance < scale || (2 * distance == scale && even)) {
      // whole × 10^6 + nearest × 10^(6 - digits), in 128 bits
      const low32 = (whole & 0xffffffff) * MILLION;
      const high32 = (whole >> 32) * MILLION;
      const low = low32 + (high32 << 32);
      let high = (high32 >> 32) + (low < low32 ? 1 : 0);
      const total = low + nearest * (MILLION / scale);
      if (total < low) high++;
      setMillionths(total, high, negative);
      return true;
    }
    scale *= 10;
  }
  return false;
}

/** Whether `x` is within the exact range; then its millionths are set. */
export function toMillionths(x: f64): bool {
  const magnitude = abs(x);
  if (magnitude >= EXACT_BELOW) return false;
  if (magnitude >= DIRECT_BELOW) return millionthsOfLarge(magnitude, x < 0);
  const whole = nearest(magnitude * 1e6);
  if (whole / 1e6 != magnitude) return false;
  setMillionths(<u64><i64>whole, 0, x < 0);
  return true;
}

export function addMillionths(sum: usize, low: u64, high: u64): void {
  const before = load<u64>(sum, LOW);
  const after = before + low;
  store<u64>(sum, after, LOW);
  store<u64>(sum, load<u64>(sum, HIGH) + high + (after < before ? 1 : 0), HIGH);
}

/** One step of Neumaier's sum at `at`: running sum, then compensation. */
function addCompensated(at: usize, x: f64): void {
  const sum = load<f64>(at);
  const total = sum + x;
  const lost = abs(sum) >= abs(x) ? sum - total + x : x - total + sum;
  store<f64>(at, total);
  store<f64>(at, load<f64>(at, 8) + lost, 8);
}

export function sumAdd(sum: usize, x: f64): void {
  store<u64>(sum, load<u64>(sum, SUM_COUNT) + 1, SUM_COUNT);
  // As `toMillionths`, of most inputs, without a word in memory.
  const whole = nearest(x * 1e6);
  if (abs(x) < DIRECT_BELOW && whole / 1e6 == x) {
    const more = <i64>whole;
    return addMillionths(sum, <u64>more, <u64>(more >> 63));
  }
  if (toMillionths(x)) return addMillionths(sum, millionthsLow, millionthsHigh);
  let wide = <usize>load<u32>(sum, WIDE);
  if (!wide) {
    wide = alloc(WIDE_BYTES);
    store<u32>(sum, <u32>wide, WIDE);
  }
  if (abs(x) >= HUGE) addCompensated(wide + 16, x * SHRINK);
  else addCompensated(wide, x);
}

/** Frees what the sum holds outside its record. */
export function sumFree(sum: usize): void {
  const wide = <usize>load<u32>(sum, WIDE);
  if (wide) free(wide, WIDE_BYTES);
}

/** The most that one input takes from the arena. */
export const SUM_GROWTH_BYTES: usize = WIDE_BYTES;

/** `low`, `high` divided by 2^`shift`, rounded to the nearest double, ties to even. */
export function roundToDouble(high: u64, low: u64, sticky: bool, scale: i32): f64 {
  // The top 64 bits and whether anything lies below them.
  const zeros = <i32>(high ? clz(high) : 64 + clz(low));
  let top: u64;
  if (zeros >= 64) top = low << (zeros - 64);
  else if (zeros == 0) top = high;
  else top = (high << zeros) | (low >> (64 - zeros));
  let below = sticky;
  if (zeros == 0) below = below || low != 0;
  else if (zeros < 64) below = below || low << zeros != 0;
  let mantissa = top >> 11;
  const rest = top & 0x7ff;
  if (rest > 0x400 || (rest == 0x400 && (below || (mantissa & 1) == 1))) mantissa++;
  // mantissa × 2^(75 - zeros + scale): exact, and never subnormal.
  const exponent = 75 - zeros + scale;
  return <f64>mantissa * reinterpret<f64>((<u64>(exponent + 1023)) << 52);
}

/** The nearest double to millionths / 10^6. */
function readMillionths(sum: usize): f64 {
  let low = load<u64>(sum, LOW);
  let high = load<u64>(sum, HIGH);
  const negative = <i64>high < 0;
  if (negative) {
    high = ~high + (low == 0 ? 1 : 0);
    low = ~low + 1;
  }
  if (high == 0 && low < (<u64>1) << 53) {
    const value = <f64>low / 1e6;
    return negative ? -value : value;
  }
  // Shift up so that the quotient has more than 53 bits, then divide by 10^6, 32 bits at a time.
  const room = <i32>(high ? clz(high) : 64 + clz(low));
  const shift = min(room, 24);
  if (shift) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  const q3 = high / MILLION;
  let rest = high % MILLION;
  let part = (rest << 32) | (low >> 32);
  const q1 = part / MILLION;
  rest = part % MILLION;
  part = (rest << 32) | (low & 0xffffffff);
  const q0 = part / MILLION;
  rest = part % MILLION;
  const value = roundToDouble(q3, (q1 << 32) | q0, rest != 0, -shift);
  return negative ? -value : value;
}

/** The sum; not finite where it lies beyond the doubles. The sum of no inputs is the caller's. */
export function sumRead(sum: usize): f64 {
  const exact = readMillionths(sum);
  const wide = <usize>load<u32>(sum, WIDE);
  if (!wide) return exact;
  const middle = load<f64>(wide);
  const middleLost = load<f64>(wide, 8);
  const huge = load<f64>(wide, 16);
  const hugeLost = load<f64>(wide, 24);
  if (huge == 0 && hugeLost == 0) return combine(middle, exact, middleLost);
  return combine(huge, (exact + middle) * SHRINK, hugeLost + middleLost * SHRINK) * GROW;
}

/** a + b + small, the rounding of a + b kept. */
function combine(a: f64, b: f64, small: f64): f64 {
  const total = a + b;
  const lost = abs(a) >= abs(b) ? a - total + b : b - total + a;
  return total + (lost + small);
}

/** Adds all that `from` holds to `sum`. */
export function sumMerge(sum: usize, from: usize): void {
  store<u64>(sum, load<u64>(sum, SUM_COUNT) + load<u64>(from, SUM_COUNT), SUM_COUNT);
  addMillionths(sum, load<u64>(from, LOW), load<u64>(from, HIGH));
  const other = <usize>load<u32>(from, WIDE);
  if (!other) return;
  let wide = <usize>load<u32>(sum, WIDE);
  if (!wide) {
    wide = alloc(WIDE_BYTES);
    store<u32>(sum, <u32>wide, WIDE);
  }
  for (let part: usize = 0; part < WIDE_BYTES; part += 16) {
    addCompensated(wide + part, load<f64>(other + part));
    addCompensated(wide + part, load<f64>(other + part, 8));
  }
}
