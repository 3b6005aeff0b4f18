// The hash of a value, as the sketches know it: XXH64 of its canonical JSON (RFC 8785). So `1` and
// `"1"` differ, -0 and 0 do not, and another program can compute the same hashes.
//
// A number is written as ECMAScript writes it: the shortest decimal that reads back as the same
// double, the nearest of those. Whole numbers below 2^53, and decimals of up to 6 fraction digits
// below 2^33, are written here: such a decimal is the only one so short (decimal.ts). All others
// the host writes (`String(x)`): ECMAScript leaves an engine no choice but between two shortest
// decimals equally long, RFC 8785 takes that choice away, and every engine does as it says; so the
// text, and the state that comes of it, is the same on every host.
//
// Example: 12.50 is `12.5`; "a\u0001" is `"a\u0001"`, nine bytes.

import { TAG_NUMBER, TAG_STRING, TAG_TRUE } from "./layout";
import { bytesAt, lengthAt, numberAt, rowStamp, tagAt } from "./expression";
import { SHORT_BYTES, beginHash, endHash, hashByte, hashQuoted, hashRun } from "./xxhash";

/** Writes a number's text at `to`, NUMBER_TEXT_BYTES at most; how many bytes. */
@external("env", "formatNumber")
declare function formatNumber(x: f64, to: usize): u32;

/** ECMAScript's longest: `-1.2345678901234567e-308`, and one to spare. */
const NUMBER_TEXT_BYTES: usize = 32;
const text: usize = memory.data(32, 8);
const FALSE_TEXT: usize = memory.data<u8>([102, 97, 108, 115, 101]);
const TRUE_TEXT: usize = memory.data<u8>([116, 114, 117, 101]);

const QUOTE: u32 = 34;
const BACKSLASH: u32 = 92;

/** XXH64 of the canonical JSON of a scalar, not null. */
export function valueHash(value: usize): u64 {
  const tag = tagAt(value);
  if (tag == TAG_STRING && isPlain(bytesAt(value), lengthAt(value))) {
    return hashQuoted(bytesAt(value), lengthAt(value));
  }
  beginHash();
  if (tag == TAG_STRING) hashString(bytesAt(value), lengthAt(value));
  else if (tag == TAG_NUMBER) hashRun(text, writeNumber(numberAt(value)));
  else if (tag == TAG_TRUE) hashRun(TRUE_TEXT, 4);
  else hashRun(FALSE_TEXT, 5);
  return endHash();
}

/** Hashes of the fields of one event, made once: of which event (its position, plus 1), and it. */
const MEMO_FIELDS: u32 = 64;
const memo: usize = memory.data(64 * 16, 16);

/** Whether the hash of the field is made: the value is not asked for again. */
@inline
export function isHashed(field: u32): bool {
  return rowStamp != 0 && field < MEMO_FIELDS && load<u64>(memo + (<usize>field << 4)) == rowStamp;
}

/** The hash of field `field` of the event that is bound, which is `value`. */
export function fieldHash(field: u32, value: usize): u64 {
  if (rowStamp == 0 || field >= MEMO_FIELDS) return valueHash(value);
  const at = memo + (<usize>field << 4);
  if (load<u64>(at) != rowStamp) {
    store<u64>(at, rowStamp);
    store<u64>(at, valueHash(value), 8);
  }
  return load<u64>(at, 8);
}

// ── strings ────────────────────────────────────────────────────────────────────────────────────

/** Which of the 16 bytes at `p` have to be escaped: a bit each, the lowest for the first. */
@inline
function escapesAt(p: usize): u32 {
  const bytes = v128.load(p);
  const control = i8x16.lt_u(bytes, i8x16.splat(32));
  const quote = i8x16.eq(bytes, i8x16.splat(<i8>QUOTE));
  const backslash = i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH));
  return i8x16.bitmask(v128.or(control, v128.or(quote, backslash)));
}

/** Whether the string is short, and stands in JSON as it is. */
@inline
function isPlain(p: usize, n: usize): bool {
  if (n > SHORT_BYTES) return false;
  return ((escapesAt(p) | (escapesAt(p + 16) << 16)) & ((1 << <u32>n) - 1)) == 0;
}

function hashString(p: usize, n: usize): void {
  const end = p + n;
  let run = p;
  hashByte(QUOTE);
  while (p < end) {
    // What lies behind the end may be anything, and is not looked at.
    const rest = <u32>(end - p);
    let escapes = escapesAt(p);
    if (rest < 16) escapes &= (1 << rest) - 1;
    if (!escapes) {
      p += 16;
      continue;
    }
    p += ctz(escapes);
    hashRun(run, p - run);
    hashEscape(load<u8>(p));
    run = ++p;
  }
  hashRun(run, end - run);
  hashByte(QUOTE);
}

function hashEscape(byte: u32): void {
  hashByte(BACKSLASH);
  if (byte == QUOTE || byte == BACKSLASH) return hashByte(byte);
  if (byte == 8) return hashByte(98); // b
  if (byte == 9) return hashByte(116); // t
  if (byte == 10) return hashByte(110); // n
  if (byte == 12) return hashByte(102); // f
  if (byte == 13) return hashByte(114); // r
  hashByte(117); // u
  hashByte(48);
  hashByte(48);
  hashByte(48 + (byte >> 4));
  const low = byte & 15;
  hashByte(low < 10 ? 48 + low : 87 + low);
}

// ── numbers ────────────────────────────────────────────────────────────────────────────────────

/** Writes the digits of `whole` at `to`; where they end. */
function writeWhole(to: usize, whole: u64): usize {
  let digits: usize = 1;
  for (let rest = whole; rest >= 10; rest /= 10) digits++;
  let p = to + digits;
  do {
    store<u8>(--p, <u32>(48 + (whole % 10)));
    whole /= 10;
  } while (p > to);
  return to + digits;
}

/** Writes the text of `x` at `text`; its length. */
function writeNumber(x: f64): usize {
  const magnitude = abs(x);
  const whole = trunc(magnitude);
  const isWhole = whole == magnitude;
  if (!(isWhole ? magnitude < 9007199254740992 : magnitude < 8589934592)) return byHost(x);
  const millionths = isWhole ? 0 : nearest(magnitude * 1e6);
  if (!isWhole && millionths / 1e6 != magnitude) return byHost(x);
  let to = text;
  if (x < 0) store<u8>(to++, 45);
  if (isWhole) return writeWhole(to, <u64>whole) - text;
  const all = <u64>millionths;
  to = writeWhole(to, all / 1000000);
  store<u8>(to, 46);
  let fraction = all % 1000000;
  for (let i: usize = 6; i > 0; i--) {
    store<u8>(to + i, <u32>(48 + (fraction % 10)));
    fraction /= 10;
  }
  let digits: usize = 6;
  while (load<u8>(to + digits) == 48) digits--;
  return to + 1 + digits - text;
}

function byHost(x: f64): usize {
  const length = <usize>formatNumber(x, text);
  assert(length <= NUMBER_TEXT_BYTES);
  return length;
}
