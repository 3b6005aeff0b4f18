// Event time as text: RFC 3339, by a pattern of our own, since `Date.parse` takes "2024-02-30" and
// "1". Proleptic Gregorian, years 0000 to 9999, no leap seconds; the instant may lie beyond those
// years by its offset. Digits below the millisecond are cut off.

/** Date, time of day, fraction of a second, offset. */
const TIME = new RegExp(
  String.raw`^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])` +
    String.raw`[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?` +
    String.raw`(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$`,
);
const MINUTE_MS = 60_000;
/** After so many years the calendar begins anew; `Date.UTC` takes those below 100 for others. */
const CYCLE_YEARS = 400;
const CYCLE_MS = 146_097 * 86_400_000;

/** Two digits as a number. */
function pair(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 11 * 0x30;
}

/** Ms since 1970; `zone_required` when only the offset is missing. */
export function parseTime(text: string): number | "invalid_time" | "zone_required" {
  if (!TIME.test(text)) return "invalid_time";
  const year = pair(text, 0) * 100 + pair(text, 2) + CYCLE_YEARS;
  const day = pair(text, 8);
  const date = Date.UTC(year, pair(text, 5) - 1, day);
  // A day that the month does not have comes out as one of the next.
  if (new Date(date).getUTCDate() !== day) return "invalid_time";
  const { length } = text;
  const isUtc = /z$/i.test(text);
  const at = isUtc ? length - 1 : length - 6;
  const sign = isUtc ? 0 : text[at] === "-" ? 1 : text[at] === "+" ? -1 : null;
  if (sign === null) return "zone_required";
  let minutes = pair(text, 11) * 60 + pair(text, 14);
  if (sign !== 0) minutes += sign * (pair(text, at + 1) * 60 + pair(text, at + 4));
  const ms = Number(text.slice(20, Math.min(at, 23)).padEnd(3, "0"));
  return date - CYCLE_MS + minutes * MINUTE_MS + pair(text, 17) * 1000 + ms;
}
