// Calendar windows: the local day, ISO week, month or year that holds an instant, by Intl alone.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type Bounds = readonly [start: number, end: number];

/** The window of `unit` (1d 1w 1mo 1y) that holds `time`. */
export function calendarWindow(
  unit: string,
  timezone: string,
  offsetMs: number,
  time: number,
): Bounds {
  // Some period that begins after `time`, then back: the last one that has begun holds it.
  let index = periodOf(unit, wallClock(timezone, time) + 3 * DAY_MS) + 2;
  const startOf = (each: number): number => {
    return firstInstant(timezone, periodStart(unit, each) + offsetMs);
  };
  while (startOf(index) > time) index--;
  return [startOf(index), startOf(index + 1)];
}

/** The number of the period that a date as ms belongs to; 1970's is 0. */
function periodOf(unit: string, dateMs: number): number {
  const date = new Date(dateMs);
  if (unit === "1d") return Math.floor(dateMs / DAY_MS);
  // 1970 began on a Thursday: its week's Monday was three days before.
  if (unit === "1w") return Math.floor((dateMs / DAY_MS + 3) / 7);
  const months = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
  return unit === "1mo" ? months : Math.floor(months / 12);
}

/** The date's midnight, as if it were UTC. */
function periodStart(unit: string, index: number): number {
  if (unit === "1d") return index * DAY_MS;
  if (unit === "1w") return (index * 7 - 3) * DAY_MS;
  const months = unit === "1mo" ? index : index * 12;
  const date = new Date(0);
  date.setUTCFullYear(1970 + Math.floor(months / 12), ((months % 12) + 12) % 12, 1);
  return date.getTime();
}

const instants = new Map<string, number>();

/** "The first instant at which the zone's wall clock shows [`wall`], or later." */
function firstInstant(timezone: string, wall: number): number {
  const name = `${timezone} ${wall}`;
  const known = instants.get(name);
  if (known !== undefined) return known;
  const first = searchFirstInstant(timezone, wall);
  if (instants.size > 100_000) instants.clear();
  instants.set(name, first);
  return first;
}

/** Between two shifts of the zone the wall clock runs evenly: in each stretch, then the first. */
function searchFirstInstant(timezone: string, wall: number): number {
  const from = wall - 27 * HOUR_MS;
  const to = wall + 27 * HOUR_MS;
  let begin = from;
  for (let next = from; next < to; next += HOUR_MS) {
    const offset = offsetAt(timezone, next);
    const isShift = offsetAt(timezone, next + HOUR_MS) !== offset;
    const end = isShift ? firstOther(timezone, next, next + HOUR_MS) : next + HOUR_MS;
    const instant = Math.max(begin, wall - offset);
    if (instant < end) return instant;
    begin = end;
    if (!isShift) continue;
    const rest = Math.max(begin, wall - offsetAt(timezone, begin));
    if (rest < next + HOUR_MS) return rest;
    begin = next + HOUR_MS;
  }
  throw new Error(`${timezone} never shows ${wall}.`);
}

/** The instant in (low, high] at which the offset is no more that of `low`. */
function firstOther(timezone: string, low: number, high: number): number {
  const offset = offsetAt(timezone, low);
  let before = low;
  let after = high;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(timezone, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

function offsetAt(timezone: string, time: number): number {
  return wallClock(timezone, time) - time;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the wall clock shows, as if it were UTC. */
export function wallClock(timezone: string, time: number): number {
  let format = formats.get(timezone);
  if (format === undefined) {
    // `iso8601` here is not proleptic before 1582 in every build of ICU; `gregory` is.
    format = new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {
      timeZone: timezone,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timezone, format);
  }
  const seconds = Math.floor(time / 1000);
  const parts: { [type: string]: string } = {};
  for (const { type, value } of format.formatToParts(seconds * 1000)) parts[type] = value;
  const read = (type: string): number => Number(parts[type]);
  const isBefore = parts["era"]?.startsWith("B") === true;
  const date = new Date(0);
  date.setUTCFullYear(isBefore ? 1 - read("year") : read("year"), read("month") - 1, read("day"));
  date.setUTCHours(read("hour"), read("minute"), read("second"), time - seconds * 1000);
  return date.getTime();
}
