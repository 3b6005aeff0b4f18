// Numbers of the scan: the double that the text stands for, as ECMAScript reads it. Short decimals
// are eight digits in one word; up to 2^53 and 10^±22 a number is one operation on two exact
// doubles, so rounded once (Clinger: "How to read floating point numbers accurately", 1990). What
// is longer the host reads. Functions give the position behind the number, 0 where the line is odd.

/** The number whose text is the `n` bytes at `p`, all ASCII and checked. */
@external("env", "parseNumber")
declare function parseNumber(p: usize, n: usize): f64;

const ZEROS: v128 = i8x16.splat(0x30);
const NINES: v128 = i8x16.splat(9);
const MINUS: u32 = 0x2d;
const PLUS: u32 = 0x2b;
const DOT: u32 = 0x2e;
const LETTER_E: u32 = 0x65;
/** A point and an `e`, their bits changed as those of a digit. */
const POINT: u8 = 0x2e ^ 0x30;
const EXPONENT: u8 = (0x65 ^ 0x30) | 0x20;

const EXACT_INTEGERS: u64 = 9007199254740992; // 2^53
/** One more digit fits behind a number below this. */
const ROOMY_BELOW: u64 = 1000000000000000000;
/** With so many digits before its point a number is below the greatest double. */
const FINITE_DIGITS: i32 = 308;
const EXPONENT_CAP: i32 = 9999;

/** The powers of ten that are doubles. */
const POWERS: usize = memory.data(23 * 8, 8);
const LAST_POWER: i32 = 22;

export function openNumbers(): void {
  let power: f64 = 1;
  for (let at: usize = 0; at <= <usize>LAST_POWER << 3; at += 8) {
    store<f64>(POWERS + at, power);
    power *= 10;
  }
}

/** What `number` read. */
export let numberRead: f64 = 0;

@inline
function power(exponent: i32): f64 {
  return load<f64>(POWERS + ((<usize>exponent) << 3));
}

@inline
function isDigit(p: usize): bool {
  return <u32>load<u8>(p) - 0x30 < 10;
}

/** Digits as numbers, and what makes the highest bit of each byte beyond 9 that of no digit. */
const ZERO_WORD: u64 = 0x3030303030303030;
const BEYOND_NINE: u64 = 0x7676767676767676;
const HIGHEST: u64 = 0x8080808080808080;

/** Reads the number that begins at `p`: of fewer than eight bytes at once. */
@inline
export function number(p: usize): usize {
  const isNegative = <u32>load<u8>(p) == MINUS;
  const from = p + (isNegative ? 1 : 0);
  const word = load<u64>(from) ^ ZERO_WORD;
  // What is behind the second byte that is no digit may be told wrongly.
  const others = ((word + BEYOND_NINE) | word) & HIGHEST;
  // Eight bits for each digit before the point, and for each byte before the end.
  const whole = ctz(others) & 56;
  let end = whole;
  let digits = word;
  let part: u64 = 0;
  if (<u8>(word >> whole) == POINT) {
    end = ctz(others & (others - 1)) & 56;
    const before = (<u64>1 << whole) - 1;
    digits = (word & before) | ((word >> 8) & ~before);
    part = end - whole - 8;
    // No digit behind the point, or an end that is not in sight.
    if (<i64>part <= 0) return longNumber(p, true);
  }
  const hasExponent = (<u8>(word >> end) | 0x20) == EXPONENT;
  if (whole == 0 || hasExponent || (whole > 8 && <u8>word == 0)) return longNumber(p, true);
  // The digits stand at the high end, zeros before them; neighbours are joined, three times.
  digits = (digits << (64 - (whole + part))) & 0x0f0f0f0f0f0f0f0f;
  digits = (digits * 10 + (digits >> 8)) & 0x00ff00ff00ff00ff;
  digits = (digits * 100 + (digits >> 16)) & 0x0000ffff0000ffff;
  digits = (digits * 10000 + (digits >> 32)) & 0xffffffff;
  // As a signed number: that is one instruction.
  const size = <f64>(<i64>digits) / load<f64>(POWERS + <usize>part);
  numberRead = isNegative ? -size : size;
  return from + <usize>(end >> 3);
}

/** Passes a number that nobody reads. */
@inline
export function skipNumber(p: usize): usize {
  return longNumber(p, false);
}

/** Passes a number that nobody reads and that is mostly short. */
@inline
export function skipShortNumber(p: usize): usize {
  const from = p + (<u32>load<u8>(p) == MINUS ? 1 : 0);
  const digits = i8x16.bitmask(i8x16.le_u(i8x16.sub(v128.load(from), ZEROS), NINES));
  const whole = ctz(~digits);
  let length = whole;
  if (<u32>load<u8>(from + whole) == DOT) {
    const part = ctz(~(digits >> (whole + 1)));
    length = part ? whole + 1 + part : 16;
  }
  const leadsWithZero = whole > 1 && load<u8>(from) == 0x30;
  const hasExponent = (<u32>load<u8>(from + length) | 0x20) == LETTER_E;
  if (!whole || leadsWithZero || length > 15 || hasExponent) return longNumber(p, false);
  return from + length;
}

function longNumber(start: usize, isRead: bool): usize {
  const isNegative = <u32>load<u8>(start) == MINUS;
  const from = start + (isNegative ? 1 : 0);
  let p = from;
  let digits: u64 = 0;
  let isLong = false;
  for (; isDigit(p); p++) {
    if (digits < ROOMY_BELOW) digits = digits * 10 + load<u8>(p) - 0x30;
    else isLong = true;
  }
  const whole = <i32>(p - from);
  if (!whole || (whole > 1 && load<u8>(from) == 0x30)) return 0;
  let part = 0;
  if (<u32>load<u8>(p) == DOT) {
    const point = ++p;
    for (; isDigit(p); p++) {
      if (digits < ROOMY_BELOW) digits = digits * 10 + load<u8>(p) - 0x30;
      else isLong = true;
    }
    part = <i32>(p - point);
    if (!part) return 0;
  }
  let exponent = 0;
  if ((<u32>load<u8>(p) | 0x20) == LETTER_E) {
    const sign = <u32>load<u8>(++p);
    if (sign == MINUS || sign == PLUS) p++;
    if (!isDigit(p)) return 0;
    for (; isDigit(p); p++) exponent = min(exponent * 10 + load<u8>(p) - 0x30, EXPONENT_CAP);
    if (sign == MINUS) exponent = -exponent;
  }
  // It may be beyond the doubles: the strict lane knows.
  if (whole + exponent > FINITE_DIGITS) return 0;
  if (!isRead) return p;
  const scale = exponent - part;
  if (isLong || digits > EXACT_INTEGERS || scale < -LAST_POWER || scale > LAST_POWER) {
    numberRead = parseNumber(start, p - start);
    // The integer beyond 2^53 that reads as 2^53: the strict lane tells them apart.
    return abs(numberRead) == <f64>EXACT_INTEGERS ? 0 : p;
  }
  const size = scale < 0 ? <f64>digits / power(-scale) : <f64>digits * power(scale);
  numberRead = isNegative ? -size : size;
  return p;
}
