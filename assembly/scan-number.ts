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

/** Reads the number that begins at `p`. */
@inline
export function number(p: usize): usize {
  const isNegative = <u32>load<u8>(p) == MINUS;
  const from = p + (isNegative ? 1 : 0);
  const digits = i8x16.bitmask(i8x16.le_u(i8x16.sub(v128.load(from), ZEROS), NINES));
  const whole = ctz(~digits);
  let part = 0;
  let length = whole;
  if (<u32>load<u8>(from + whole) == DOT) {
    part = ctz(~(digits >> (whole + 1)));
    length = whole + 1 + part;
    // Sixteen bytes may end at the point.
    if (!part) return longNumber(p, true);
  }
  const leadsWithZero = whole > 1 && load<u8>(from) == 0x30;
  const hasExponent = (<u32>load<u8>(from + length) | 0x20) == LETTER_E;
  if (!whole || leadsWithZero) return 0;
  if (length > 8 || hasExponent) return longNumber(p, true);
  let word = load<u64>(from);
  if (part) {
    const before = (<u64>1 << (<u64>whole << 3)) - 1;
    word = (word & before) | ((word >> 8) & ~before);
  }
  // The digits stand at the high end, zeros before them; neighbours are joined, three times.
  word = (word << (64 - (<u64>(whole + part) << 3))) & 0x0f0f0f0f0f0f0f0f;
  word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
  word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
  word = (word * 10000 + (word >> 32)) & 0xffffffff;
  // As a signed number: that is one instruction.
  const size = <f64>(<i64>word) / power(part);
  numberRead = isNegative ? -size : size;
  return from + length;
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
    return p;
  }
  const size = scale < 0 ? <f64>digits / power(-scale) : <f64>digits * power(scale);
  numberRead = isNegative ? -size : size;
  return p;
}
