// Time zones, from the platform's database (`Intl`): the spans of constant offset that a year of a
// zone has. They are read once, by the host whose push first needs them, and written into the log,
// so that a replay does not depend on a later database.

/** The spans of one zone in one UTC year. */
export interface ZoneYear {
  /** IANA name. */
  readonly zone: string;
  readonly year: number;
  /** Where a span begins, the first at the year's own start, and its offset. */
  readonly starts: readonly (readonly [startMs: number, offsetMs: number])[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Ms since 1970 at which a UTC year starts; `Date.UTC` takes the years 0–99 for 1900–1999. */
function yearStart(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1);
}

type OffsetAt = (timeMs: number) => number;

/** As `Intl` writes an offset, with seconds where there are any: `GMT-00:01:15`; alone it is 0. */
const OFFSET = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/;

/** The offset of the zone's wall clock at an instant, in ms. */
function offsetsOf(zone: string): OffsetAt {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  return (timeMs) => {
    const [, sign, hours = 0, minutes = 0, seconds = 0] = OFFSET.exec(format.format(timeMs))!;
    const magnitude = Number(hours) * HOUR_MS + Number(minutes) * 60_000 + Number(seconds) * 1000;
    return sign === "-" ? -magnitude : magnitude;
  };
}

/** Reads a year of a zone. Spans shorter than a day between two others are seen by their ends. */
export function readZoneYear(zone: string, year: number): ZoneYear {
  const offsetAt = offsetsOf(zone);
  const end = yearStart(year + 1);
  const starts: [number, number][] = [[yearStart(year), offsetAt(yearStart(year))]];
  for (let from = yearStart(year); from < end; from += DAY_MS) {
    const until = Math.min(from + DAY_MS, end - 1);
    const before = starts.at(-1)![1];
    const after = offsetAt(until);
    if (after !== before) starts.push([changeIn(offsetAt, from, until, before), after]);
  }
  return { zone, year, starts };
}

/** The first instant in (from, until] at which the offset is no longer `before`. */
function changeIn(offsetAt: OffsetAt, from: number, until: number, before: number): number {
  let low = from;
  let high = until;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}
