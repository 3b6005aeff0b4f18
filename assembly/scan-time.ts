// Times of the scan: RFC 3339 as engine/event/time.ts reads it. The form that machines write,
// 2024-03-15T18:30:00.123Z, is compared by sixteen bytes at once, and of a feed most events share
// their minute, or one of the last ten, which are kept by their last digit.

import { firstDayOf } from "./civil";

const DAY_MS: i64 = 86400000;
const MINUTE_MS: i64 = 60000;

/** The least that stands at each place of `YYYY-MM-DDTHH:MM`, and how much more may. */
const LEAST: v128 = i8x16(48, 48, 48, 48, 45, 48, 48, 45, 48, 48, 84, 48, 48, 58, 48, 48);
const MORE: v128 = i8x16(9, 9, 9, 9, 0, 1, 9, 0, 3, 9, 0, 2, 9, 0, 5, 9);

/** `:00.000Z`, and of a word that differs from it by digits only, the bits that must be zero. */
const SECONDS: u64 = 0x5a3030302e30303a;
const CARRIES: u64 = 0x0006060600060600;
const NO_DIGITS: u64 = 0xfff0f0f0fff0f0ff;

/** The minutes read last: sixteen bytes of text, and the ms. A text's last byte says its place. */
const MINUTE_BYTES: usize = 32;
const MINUTES: usize = memory.data(512, 16);

/** No text is zeros: the place that such a text has holds what belongs in another. */
export function openTimes(): void {
  store<u8>(MINUTES, 1, 15);
}

/** What `time` read: ms since 1970, and whether it is in the form that machines write. */
export let timeRead: i64 = 0;
export let isPlain: bool = false;

/** Two digits as a number, or one beyond 99. */
@inline
function pair(p: usize): u32 {
  const tens = <u32>load<u8>(p) - 0x30;
  const ones = <u32>load<u8>(p, 1) - 0x30;
  return tens < 10 && ones < 10 ? tens * 10 + ones : 255;
}

function daysInMonth(year: i32, month: u32): u32 {
  if (month != 2) return 30 + ((month + (month >> 3)) & 1);
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
}

/** Reads the time that is the `n` bytes at `p`; false where it is none. */
export function time(p: usize, n: usize): bool {
  if (n == 24) {
    const seconds = load<u64>(p, 16) ^ SECONDS;
    if ((((seconds + CARRIES) | seconds) & NO_DIGITS) == 0) {
      const second = ((seconds >> 8) & 15) * 10 + ((seconds >> 16) & 15);
      const hundreds = ((seconds >> 32) & 15) * 100 + ((seconds >> 40) & 15) * 10;
      const minute = MINUTES + <usize>(load<u8>(p, 15) & 15) * MINUTE_BYTES;
      if (second > 59 || !isMinute(minute, p)) return slowTime(p, n);
      isPlain = true;
      timeRead = load<i64>(minute, 16) + <i64>(second * 1000 + hundreds + ((seconds >> 48) & 15));
      return true;
    }
  }
  return slowTime(p, n);
}

/** Keeps the minute at `p` in its place; false where it is written otherwise, or is none. */
@inline
function isMinute(minute: usize, p: usize): bool {
  const v = v128.load(p);
  return !v128.any_true(v128.xor(v, v128.load(minute))) || keepMinute(minute, p);
}

function keepMinute(minute: usize, p: usize): bool {
  const v = v128.load(p);
  if (!i8x16.all_true(i8x16.le_u(i8x16.sub(v, LEAST), MORE))) return false;
  const ms = wholeMinutes(p);
  if (ms == i64.MIN_VALUE) return false;
  v128.store(minute, v);
  store<i64>(minute, ms, 16);
  return true;
}

/** Date, hour and minute in ms, as if in UTC; the least number where they are none. */
function wholeMinutes(p: usize): i64 {
  const century = pair(p);
  const years = pair(p + 2);
  const month = pair(p + 5);
  const day = pair(p + 8);
  const hour = pair(p + 11);
  const minutes = pair(p + 14);
  if (century > 99 || years > 99 || month - 1 > 11 || day < 1) return i64.MIN_VALUE;
  if (hour > 23 || minutes > 59) return i64.MIN_VALUE;
  const year = <i32>(century * 100 + years);
  if (day > daysInMonth(year, month)) return i64.MIN_VALUE;
  const days = firstDayOf(year, month) + <i64>day - 1;
  return days * DAY_MS + <i64>(hour * 60 + minutes) * MINUTE_MS;
}

function slowTime(p: usize, n: usize): bool {
  isPlain = false;
  if (n < 20) return false;
  const between = <u32>load<u8>(p, 10);
  if (between != 0x54 && between != 0x74 && between != 0x20) return false;
  if (load<u8>(p, 4) != 0x2d || load<u8>(p, 7) != 0x2d) return false;
  if (load<u8>(p, 13) != 0x3a || load<u8>(p, 16) != 0x3a) return false;
  const ms = wholeMinutes(p);
  const second = pair(p + 17);
  if (ms == i64.MIN_VALUE || second > 59) return false;
  const end = p + n;
  p += 19;
  let fraction: u32 = 0;
  if (load<u8>(p) == 0x2e) {
    const point = ++p;
    let scale: u32 = 100;
    for (; p < end && <u32>load<u8>(p) - 0x30 < 10; p++) {
      fraction += (<u32>load<u8>(p) - 0x30) * scale;
      scale /= 10;
    }
    if (p == point) return false;
  }
  const sign = <u32>load<u8>(p);
  let offset: i64 = 0;
  if (sign == 0x5a || sign == 0x7a) {
    if (p + 1 != end) return false;
  } else {
    if ((sign != 0x2b && sign != 0x2d) || p + 6 != end || load<u8>(p, 3) != 0x3a) return false;
    const hours = pair(p + 1);
    const minutes = pair(p + 4);
    if (hours > 23 || minutes > 59) return false;
    offset = <i64>(hours * 60 + minutes) * MINUTE_MS;
    if (sign == 0x2d) offset = -offset;
  }
  timeRead = ms + <i64>(second * 1000 + fraction) - offset;
  return true;
}
