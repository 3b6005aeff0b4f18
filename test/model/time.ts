// Durations of a plan, times of an event, and division towards minus infinity.

const UNIT_MS: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** "Sizes are ms, or a duration: 250ms 30s 5m 1h 1d 1w; an offset may have a sign." */
export function durationMs(duration: number | string): number {
  if (typeof duration === "number") return duration;
  const [, sign, digits, unit] = /^([+-]?)([0-9]+)([a-z]+)$/.exec(duration)!;
  return Number(digits) * UNIT_MS[unit!]! * (sign === "-" ? -1 : 1) + 0;
}

/** "`floorDiv` rounds towards minus infinity: negative times work." */
export function floorDiv(a: number, b: number): number {
  return Math.floor((a - mod(a, b)) / b);
}

export function mod(a: number, b: number): number {
  return ((a % b) + b) % b;
}

const TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** RFC 3339, "cut to the millisecond". The generator only makes well formed ones. */
export function eventTimeMs(text: string): number {
  const [, date, time, fraction = "", sign, hours = "0", minutes = "0"] = TIME.exec(text)!;
  const local = Date.parse(`${date}T${time}.000Z`) + Number(fraction.padEnd(3, "0").slice(0, 3));
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return local - (sign === "-" ? -offsetMs : offsetMs);
}
