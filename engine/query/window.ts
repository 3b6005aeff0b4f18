/**
 * The windows of a plan, checked: every time is ms, every default filled in. The rules are the
 * table "Windows" of the semantics, inequality by inequality; which instants a window covers is
 * the core's.
 */
import { checkDuration, DAY_MS } from "./duration.ts";
import { EVENT_WINDOWS_MAX } from "./plan-limit.ts";
import { isRecord, kindOf, quote, type Place } from "./plan-place.ts";

export type CalendarUnit = "d" | "w" | "mo" | "y";

export type Window =
  | {
      readonly kind: "tumbling";
      readonly sizeMs: number;
      readonly offsetMs: number;
      readonly graceMs: number;
    }
  | {
      readonly kind: "calendar";
      readonly unit: CalendarUnit;
      readonly timezone: string;
      readonly offsetMs: number;
      readonly graceMs: number;
    }
  | {
      readonly kind: "hopping" | "cumulate";
      readonly sizeMs: number;
      readonly everyMs: number;
      readonly offsetMs: number;
      readonly graceMs: number;
    }
  | { readonly kind: "session"; readonly gapMs: number; readonly graceMs: number }
  | { readonly kind: "global" };

/** The kinds as a plan writes them: a calendar window is a tumbling one with a timezone. */
const SLIDING = ["size", "every", "grace"];
const MEMBERS = {
  tumbling: ["size", "grace"],
  hopping: SLIDING,
  cumulate: SLIDING,
  session: ["gap", "grace"],
  global: [],
} as const satisfies { readonly [kind: string]: readonly string[] };
/** Of every window of a kind, whether it takes it or not: there is more to say than its name. */
const OPTIONAL = ["timezone"];

/** An offset stays within the shortest window of its unit. */
const CALENDAR_DAYS: Readonly<Record<CalendarUnit, number>> = { d: 1, w: 7, mo: 28, y: 365 };

export const GLOBAL = { kind: "global" } as const;

/** A window at fault counts as one without a grace, so that nothing is said of that. */
export function checkWindow(place: Place): Window {
  const before = place.faults.length;
  const window = windowOf(place);
  return place.faults.length > before ? GLOBAL : window;
}

function windowOf(place: Place): Window {
  const kind = kindOf(place, "kind", MEMBERS, "unknown_window_kind");
  if (kind === null) return GLOBAL;
  const members: readonly string[] = MEMBERS[kind];
  const hasSize = members.includes("size");
  isRecord(place, ["kind", ...members], hasSize ? ["offset", ...OPTIONAL] : OPTIONAL);
  const timezone = place.child("timezone");
  if (kind !== "tumbling" && timezone.value !== undefined) {
    timezone.add("timezone_not_allowed", `Got a ${kind} window.`);
  }
  if (kind === "global") return GLOBAL;
  const graceMs = place.number("grace", checkDuration);
  if (kind === "tumbling") return tumblingOf(place, graceMs);
  if (kind !== "session") return slidingOf(place, kind, graceMs);
  const gapMs = place.number("gap", checkDuration);
  if (gapMs === 0) place.child("gap").add("bad_gap", "Got 0.");
  return { kind, gapMs, graceMs };
}

function tumblingOf(place: Place, graceMs: number): Window {
  const size = place.child("size");
  const timezone = place.child("timezone");
  const unit = typeof size.value === "string" ? calendarUnitOf(size.value) : null;
  // Without a timezone, `1d` and `1w` are plain lengths of time.
  if (unit !== null && (timezone.value !== undefined || unit === "mo" || unit === "y")) {
    if (timezone.value === undefined) {
      timezone.add("timezone_required", `Got size "1${unit}".`);
    }
    const name = place.member("timezone", checkTimezone, "");
    const offsetMs = checkOffset(place, CALENDAR_DAYS[unit] * DAY_MS);
    return { kind: "calendar", unit, timezone: name, offsetMs, graceMs };
  }
  const sizeMs = place.number("size", (each) => checkSize(place, each));
  const offsetMs = checkOffset(place, sizeMs);
  if (timezone.value !== undefined) {
    checkTimezone(timezone);
    if (sizeMs > 0) timezone.add("timezone_not_allowed", `Got size ${textOf(size)}.`);
  }
  return { kind: "tumbling", sizeMs, offsetMs, graceMs };
}

function slidingOf(place: Place, kind: "hopping" | "cumulate", graceMs: number): Window {
  const sizeMs = place.number("size", (each) => checkSize(place, each));
  const everyMs = place.number("every", checkDuration);
  const offsetMs = checkOffset(place, sizeMs);
  const every = place.child("every");
  const got = `Got ${everyMs} ms of ${sizeMs} ms.`;
  if (everyMs === 0 || everyMs > sizeMs) every.add("bad_every", sizeMs > 0 ? got : "Got 0.");
  else if (kind === "cumulate" && sizeMs % everyMs > 0) every.add("uneven_every", got);
  else if (sizeMs > everyMs * EVENT_WINDOWS_MAX) every.add("too_many_windows", got);
  return { kind, sizeMs, everyMs, offsetMs, graceMs };
}

/** A size in ms, more than 0. In weeks it says with an offset, if only "0s", where they begin. */
function checkSize(place: Place, size: Place): number | null {
  const { value } = size;
  const text = typeof value === "string" ? value : "";
  if (/^\d+(mo|y)$/.test(text)) return size.add("bad_calendar_size", `Got ${quote(text)}.`);
  const sizeMs = checkDuration(size);
  if (sizeMs === 0) return size.add("bad_size", `Got ${textOf(size)}.`);
  const isPlain = [...OPTIONAL, "offset"].every((name) => place.child(name).value === undefined);
  if (sizeMs === null || !text.endsWith("w") || !isPlain) return sizeMs;
  return size.add("week_without_zone", `Got ${textOf(size)}.`);
}

function checkOffset(place: Place, limitMs: number): number {
  const offsetMs = place.number("offset", (offset) => checkDuration(offset, "signed"), 0);
  if (Math.abs(offsetMs) >= limitMs) {
    place.child("offset").add("bad_offset", `Got ${offsetMs} ms of ${limitMs} ms.`);
  }
  return offsetMs;
}

function calendarUnitOf(size: string): CalendarUnit | null {
  const match = /^1(d|w|mo|y)$/.exec(size);
  return match === null ? null : (match[1] as CalendarUnit);
}

/** A zone that the host knows, by its own name or by a link's; an offset is no zone. */
function checkTimezone(place: Place): string {
  const { value } = place;
  if (typeof value !== "string") {
    place.isNo("a string");
    return "";
  }
  if (/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) {
    try {
      new Intl.DateTimeFormat("en-US", { timeZone: value });
      return value;
    } catch {
      // A RangeError is how Intl says that it has no such zone.
    }
  }
  place.add("unknown_timezone", `Got ${quote(value)}.`);
  return "";
}

function textOf({ value }: Place): string {
  return quote(String(value));
}
