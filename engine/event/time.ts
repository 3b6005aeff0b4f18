// Event time as text: RFC 3339, read by a scanner of our own, since `Date.parse` takes
// "2024-02-30" and "1". Proleptic Gregorian, years 0000 to 9999, no leap seconds; the instant
// may lie beyond those years by its offset. Digits below the millisecond are cut off.
//
//   2024-03-15T18:30:00.123456+02:00
//   0    5  8  11 14 17 19

const ZERO = 0x30;
const DASH = 0x2d;
const COLON = 0x3a;
const SECONDS_END = 19;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Two digits as a number, or -1. */
function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  if (!(tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return -1;
  return tens * 10 + ones;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01, counting years from March so that a leap day ends its year. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

/** The offset at `at`, in minutes east of UTC; NaN when it is none or anything follows it. */
function offsetMinutes(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === 0x5a || sign === 0x7a) return text.length === at + 1 ? 0 : NaN;
  if (sign !== 0x2b && sign !== DASH) return NaN;
  if (text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return NaN;
  const hours = pair(text, at + 1);
  const minutes = pair(text, at + 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return NaN;
  return sign === DASH ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/** Date and time of day up to the whole second, in ms as if in UTC; NaN when malformed. */
function wholeSecondsMs(text: string): number {
  const century = pair(text, 0);
  const yearOfCentury = pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  if (century < 0 || yearOfCentury < 0 || month < 1 || month > 12 || day < 1) return NaN;
  const year = century * 100 + yearOfCentury;
  if (day > daysInMonth(year, month)) return NaN;
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return NaN;
  const between = text.charCodeAt(10);
  if (between !== 0x54 && between !== 0x74 && between !== 0x20) return NaN;
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const second = pair(text, 17);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return NaN;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return NaN;
  return daysSinceEpoch(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** Ms since 1970; `zone_required` when only the offset is missing. */
export function parseTime(text: string): number | "invalid_time" | "zone_required" {
  const wholeMs = wholeSecondsMs(text);
  if (wholeMs !== wholeMs) return "invalid_time";
  let at = SECONDS_END;
  let fractionMs = 0;
  if (text.charCodeAt(at) === 0x2e) {
    let scale = 100;
    for (at += 1; ; at++) {
      const digit = text.charCodeAt(at) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      fractionMs += digit * scale;
      scale = scale === 100 ? 10 : scale === 10 ? 1 : 0;
    }
    if (at === SECONDS_END + 1) return "invalid_time";
  }
  if (at === text.length) return "zone_required";
  const minutes = offsetMinutes(text, at);
  if (minutes !== minutes) return "invalid_time";
  return wholeMs + fractionMs - minutes * MINUTE_MS;
}
