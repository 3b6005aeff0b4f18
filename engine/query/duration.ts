/** Durations: `250ms` `30s` `5m` `1h` `1d` `1w`, or a number of milliseconds. */
import { DURATION_MS_MAX } from "./plan-limit.ts";
import { quote, type Place } from "./plan-place.ts";

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: WEEK_MS,
};

const DURATION = /^([+-]?)(0|[1-9][0-9]*)(ms|s|m|h|d|w)$/;

export interface DurationText {
  /** Infinity where the digits are beyond the doubles. */
  readonly ms: number;
  readonly unit: string;
  readonly signed: boolean;
}

/** What a string says, or null where it is no duration. It may be beyond the limit. */
export function parseDuration(text: string): DurationText | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const [, sign = "", digits = "", unit = ""] = match;
  const ms = Number(digits) * (UNIT_MS[unit] ?? 0);
  // Minus nothing is nothing: no -0 leaves here.
  return { ms: sign === "-" && ms !== 0 ? -ms : ms, unit, signed: sign !== "" };
}

/** The milliseconds of a duration of the plan. Only an offset may have a sign. */
export function checkDuration(
  place: Place,
  sign: "unsigned" | "signed" = "unsigned",
): number | null {
  const { value } = place;
  let ms: number;
  if (typeof value === "number") {
    if (!Number.isInteger(value)) return place.add("bad_duration", `Got ${value}.`);
    if (value < 0 && sign === "unsigned") {
      return place.add("bad_duration", `Got ${value}: only an offset may be negative.`);
    }
    ms = value === 0 ? 0 : value;
  } else if (typeof value === "string") {
    const duration = parseDuration(value);
    if (duration === null) return place.add("bad_duration", `Got ${quote(value)}.`);
    if (duration.signed && sign === "unsigned") {
      return place.add("bad_duration", `Got ${quote(value)}: only an offset has a sign.`);
    }
    ms = duration.ms;
  } else {
    return place.isNo("a duration");
  }
  if (Math.abs(ms) > DURATION_MS_MAX) {
    return place.add("duration_too_long", `Got ${quote(String(value))}.`);
  }
  return ms;
}
