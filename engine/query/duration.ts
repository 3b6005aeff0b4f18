/** Durations: `250ms` `30s` `5m` `1h` `1d` `1w`, or a number of milliseconds. */
import { DURATION_MS_MAX } from "./plan-limit.ts";
import { valueText, type Place } from "./plan-place.ts";

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

export interface Duration {
  /** Infinite where the digits are beyond the doubles. */
  readonly ms: number;
  readonly signed: boolean;
}

/** What is said, or null where it is no duration. It may be beyond the limit; none is -0. */
export function parseDuration(given: string | number): Duration | null {
  if (typeof given === "number") {
    return Number.isInteger(given) ? { ms: given + 0, signed: given < 0 } : null;
  }
  const match = DURATION.exec(given);
  if (match === null) return null;
  const [, sign = "", digits = "", unit = ""] = match;
  return { ms: Number(sign + digits) * (UNIT_MS[unit] ?? 0) + 0, signed: sign !== "" };
}

/** The milliseconds of a duration of the plan. Only an offset may have a sign. */
export function checkDuration(
  place: Place,
  sign: "unsigned" | "signed" = "unsigned",
): number | null {
  const { value } = place;
  if (typeof value !== "number" && typeof value !== "string") return place.isNo("a duration");
  const duration = parseDuration(value);
  const got = `Got ${valueText(value)}`;
  if (duration === null) return place.add("bad_duration", `${got}.`);
  if (duration.signed && sign === "unsigned") {
    return place.add("bad_duration", `${got}: only an offset has a sign.`);
  }
  if (Math.abs(duration.ms) > DURATION_MS_MAX) return place.add("duration_too_long", `${got}.`);
  return duration.ms;
}
