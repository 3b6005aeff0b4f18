// Strings of the scan. Their ends are found by sixteen bytes at once; characters beyond ASCII are
// checked by scan-utf8.ts, escapes one by one. A string with escapes is written out, unescaped,
// behind the batch.
// No function here passes a newline, and there is one behind the batch's bytes, so what is read
// beyond the end of a line is at most 32 bytes, which are there.
//
// A position is an address; 0 says that the line is odd, and left to the strict lane.

import { charactersEnd } from "./scan-utf8";
import { scratch, scratchExtend, scratchMark, scratchReturn } from "./regions";

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
const LETTER_U: u32 = 0x75;
/** A backslash and a `u`, as one number. */
const ESCAPED_UNIT: u32 = 0x755c;

/** Sixteen of each: a constant of sixteen bytes takes three instructions, and a load one. */
const QUOTES: usize = memory.data<u64>([0x2222222222222222, 0x2222222222222222]);
const BACKSLASHES: usize = memory.data<u64>([0x5c5c5c5c5c5c5c5c, 0x5c5c5c5c5c5c5c5c]);
const SPACES: usize = memory.data<u64>([0x2020202020202020, 0x2020202020202020]);
const AFTER_SPACE: usize = memory.data<u64>([0x2121212121212121, 0x2121212121212121]);
const DELETES: usize = memory.data<u64>([0x7f7f7f7f7f7f7f7f, 0x7f7f7f7f7f7f7f7f]);

/** What `text` read: where the string's bytes lie, unescaped, and how many. */
export let stringAt: usize = 0;
export let stringBytes: usize = 0;
/** Whether the host had no memory for an unescaped string: then the scan is worth nothing. */
export let lacksMemory: bool = false;

let isEscaped: bool = false;

export function beginText(): void {
  lacksMemory = false;
}

/** The first byte from `p` that is a quote, a backslash, a control or beyond ASCII. */
@inline
export function plainEnd(p: usize): usize {
  while (true) {
    const v = v128.load(p);
    // Compared as signed, what is beyond ASCII is below a space too.
    const ends = v128.or(i8x16.eq(v, v128.load(QUOTES)), i8x16.eq(v, v128.load(BACKSLASHES)));
    const mask = i8x16.bitmask(v128.or(ends, i8x16.lt_s(v, v128.load(SPACES))));
    if (mask) return p + ctz(mask);
    p += 16;
  }
}

/** The first byte from `p` that is no printable ASCII, or a space, a quote or a backslash. */
@inline
export function tokenEnd(p: usize): usize {
  while (true) {
    const v = v128.load(p);
    const ends = v128.or(i8x16.eq(v, v128.load(QUOTES)), i8x16.eq(v, v128.load(BACKSLASHES)));
    const others = v128.or(i8x16.lt_s(v, v128.load(AFTER_SPACE)), i8x16.eq(v, v128.load(DELETES)));
    const mask = i8x16.bitmask(v128.or(ends, others));
    if (mask) return p + ctz(mask);
    p += 16;
  }
}

/** Passes a string that nobody reads; `p` is behind its opening quote. */
@inline
export function skipText(p: usize): usize {
  const end = plainEnd(p);
  if (<u32>load<u8>(end) == QUOTE) return end + 1;
  const closing = closingQuote(end);
  return closing ? closing + 1 : 0;
}

/** Reads a string; `p` is behind its opening quote. */
@inline
export function text(p: usize): usize {
  const end = plainEnd(p);
  if (<u32>load<u8>(end) != QUOTE) return intricateText(p, end);
  stringAt = p;
  stringBytes = end - p;
  return end + 1;
}

function intricateText(p: usize, end: usize): usize {
  isEscaped = false;
  const closing = closingQuote(end);
  if (!closing) return 0;
  if (isEscaped) return unescape(p, closing) ? closing + 1 : 0;
  stringAt = p;
  stringBytes = closing - p;
  return closing + 1;
}

/** The quote that ends a string whose first byte that is not plain stands at `p`. */
export function closingQuote(p: usize): usize {
  while (true) {
    const byte = <u32>load<u8>(p);
    if (byte == QUOTE) return p;
    if (byte >= 0x80) p = charactersEnd(p);
    else if (byte == BACKSLASH) {
      p = afterEscape(p);
      if (p) p = plainEnd(p);
    } else return 0;
    if (!p) return 0;
  }
}

// ── escapes ────────────────────────────────────────────────────────────────────────────────────

/** The four hexadecimal digits at `p`, or a number beyond them. */
function hexUnit(p: usize): u32 {
  let unit: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const byte = <u32>load<u8>(p + i);
    const letter = (byte | 0x20) - 0x61;
    if (byte - 0x30 < 10) unit = (unit << 4) | (byte - 0x30);
    else if (letter < 6) unit = (unit << 4) | (letter + 10);
    else return 0x10000;
  }
  return unit;
}

/** What a letter behind a backslash stands for; 0 where it is none. */
function escapedByte(letter: u32): u32 {
  switch (letter) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return letter;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return 0;
  }
}

/** Passes one escape, or two that are a pair of surrogates. */
function afterEscape(p: usize): usize {
  isEscaped = true;
  const letter = <u32>load<u8>(p, 1);
  if (letter != LETTER_U) return escapedByte(letter) ? p + 2 : 0;
  const unit = hexUnit(p + 2);
  if (unit > 0xffff) return 0;
  if (unit < 0xd800 || unit > 0xdfff) return p + 6;
  // A lone surrogate has a code of its own, which the strict lane gives.
  if (unit > 0xdbff || <u32>load<u16>(p, 6) != ESCAPED_UNIT) return 0;
  const low = hexUnit(p + 8);
  return low >= 0xdc00 && low <= 0xdfff ? p + 12 : 0;
}

/** Writes a character in UTF-8 at `to`; where the next one goes. */
function writeCharacter(to: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(to, code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, 0xc0 | (code >> 6));
    store<u8>(to, 0x80 | (code & 0x3f), 1);
    return to + 2;
  }
  if (code < 0x10000) {
    store<u8>(to, 0xe0 | (code >> 12));
    store<u8>(to, 0x80 | ((code >> 6) & 0x3f), 1);
    store<u8>(to, 0x80 | (code & 0x3f), 2);
    return to + 3;
  }
  store<u8>(to, 0xf0 | (code >> 18));
  store<u8>(to, 0x80 | ((code >> 12) & 0x3f), 1);
  store<u8>(to, 0x80 | ((code >> 6) & 0x3f), 2);
  store<u8>(to, 0x80 | (code & 0x3f), 3);
  return to + 4;
}

/** Writes out the string from `p` to its closing quote, whose escapes are checked. */
function unescape(p: usize, closing: usize): bool {
  const mark = scratchMark();
  // No escape is shorter than what it stands for.
  if (!scratchExtend(closing - p)) {
    lacksMemory = true;
    return false;
  }
  const start = scratch + mark;
  let to = start;
  while (p < closing) {
    const byte = <u32>load<u8>(p);
    if (byte != BACKSLASH) {
      store<u8>(to++, byte);
      p++;
      continue;
    }
    const letter = <u32>load<u8>(p, 1);
    if (letter != LETTER_U) {
      store<u8>(to++, escapedByte(letter));
      p += 2;
      continue;
    }
    let code = hexUnit(p + 2);
    p += 6;
    if (code >= 0xd800 && code <= 0xdfff) {
      code = 0x10000 + ((code - 0xd800) << 10) + (hexUnit(p + 2) - 0xdc00);
      p += 6;
    }
    to = writeCharacter(to, code);
  }
  scratchReturn(mark + (to - start));
  stringAt = start;
  stringBytes = to - start;
  return true;
}

// ── what a string may be ───────────────────────────────────────────────────────────────────────

/** Whether all of the bytes are printable ASCII without a space; at least one is read. */
@inline
export function isPrintable(p: usize, n: usize): bool {
  const end = p + n;
  while (p < end) {
    const v = v128.load(p);
    const wrong = v128.or(i8x16.lt_s(v, v128.load(AFTER_SPACE)), i8x16.eq(v, v128.load(DELETES)));
    const mask = i8x16.bitmask(wrong);
    if (mask && p + ctz(mask) < end) return false;
    p += 16;
  }
  return true;
}

@inline
export function sameBytes(a: usize, b: usize, n: usize): bool {
  const end = a + (n & ~7);
  while (a < end) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
  }
  const mask = (<u64>1 << ((n & 7) << 3)) - 1;
  return ((load<u64>(a) ^ load<u64>(b)) & mask) == 0;
}
