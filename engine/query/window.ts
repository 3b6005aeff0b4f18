/**
 * The windows of a plan, checked: every time is ms, every default filled in. The rules are the
 * table "Windows" of the semantics, inequality by inequality; which instants a window covers is
 * the core's.
 */
import { checkDuration, checkDurationOr, DAY_MS, parseDuration } from "./duration.ts";
import { EVENT_WINDOWS_MAX } from "./plan-limit.ts";
import { quote, recordOf, wordOf, membersOf, type Members, type Place } from "./plan-place.ts";

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
export const WINDOW_KINDS = ["tumbling", "hopping", "cumulate", "session", "global"] as const;
export type WindowKind = (typeof WINDOW_KINDS)[number];

const MEMBERS = {
  tumbling: { required: ["kind", "size", "grace"], optional: ["offset", "timezone"] },
  hopping: { required: ["kind", "size", "every", "grace"], optional: ["offset", "timezone"] },
  cumulate: { required: ["kind", "size", "every", "grace"], optional: ["offset", "timezone"] },
  session: { required: ["kind", "gap", "grace"], optional: ["timezone"] },
  global: { required: ["kind"], optional: ["timezone"] },
} as const;

/** An offset stays within the shortest window of its unit. */
const CALENDAR_DAYS: Readonly<Record<CalendarUnit, number>> = { d: 1, w: 7, mo: 28, y: 365 };

export function checkWindow(place: Place): Window | null {
  if (membersOf(place) === null) return null;
  const kindPlace = place.child("kind");
  if (kindPlace.value === undefined) {
    return kindPlace.add("missing_member", 'Add "kind".');
  }
  const kind = wordOf(kindPlace, WINDOW_KINDS, "unknown_window_kind");
  if (kind === null) return null;
  const members = recordOf(place, MEMBERS[kind]);
  if (members === null) return null;
  const timezone = members.get("timezone");
  if (kind !== "tumbling" && timezone !== undefined) {
    timezone.add("timezone_not_allowed", `Got a ${kind} window.`);
  }
  if (kind === "global") return { kind };
  const graceMs = checkMember(members, "grace");
  if (kind === "session") return checkSession(members, graceMs);
  if (kind === "tumbling") return checkTumbling(place, members, graceMs);
  return checkSliding(members, kind, graceMs);
}

function checkSession(members: Members, graceMs: number | null): Window | null {
  const gapMs = checkMember(members, "gap");
  if (gapMs === 0) return members.get("gap")!.add("bad_gap", "Got 0.");
  return gapMs === null || graceMs === null ? null : { kind: "session", gapMs, graceMs };
}

function checkTumbling(place: Place, members: Members, graceMs: number | null): Window | null {
  const size = members.get("size");
  const timezone = members.get("timezone");
  const unit = typeof size?.value === "string" ? calendarUnitOf(size.value) : null;
  // Without a timezone, `1d` and `1w` are plain lengths of time.
  const isCalendar = unit !== null && (timezone !== undefined || unit === "mo" || unit === "y");
  if (isCalendar && timezone === undefined) {
    place.child("timezone").add("timezone_required", `Got size "1${unit}".`);
  }
  if (isCalendar) return checkCalendar(members, unit, graceMs);
  const sizeMs = checkSize(members);
  const offsetMs = checkOffset(members, sizeMs);
  if (timezone !== undefined) {
    checkTimezone(timezone);
    const known = sizeMs !== null && size !== undefined;
    if (known) timezone.add("timezone_not_allowed", `Got size ${textOf(size)}.`);
    return null;
  }
  if (sizeMs === null || offsetMs === null || graceMs === null) return null;
  return { kind: "tumbling", sizeMs, offsetMs, graceMs };
}

function checkCalendar(
  members: Members,
  unit: CalendarUnit,
  graceMs: number | null,
): Window | null {
  const timezonePlace = members.get("timezone");
  const timezone = timezonePlace === undefined ? null : checkTimezone(timezonePlace);
  const offsetMs = checkOffset(members, CALENDAR_DAYS[unit] * DAY_MS);
  if (timezone === null || offsetMs === null || graceMs === null) return null;
  return { kind: "calendar", unit, timezone, offsetMs, graceMs };
}

function checkSliding(
  members: Members,
  kind: "hopping" | "cumulate",
  graceMs: number | null,
): Window | null {
  const sizeMs = checkSize(members);
  const everyMs = checkMember(members, "every");
  const got = `Got ${everyMs} ms of ${sizeMs} ms.`;
  if (everyMs === 0 || (everyMs !== null && sizeMs !== null && everyMs > sizeMs)) {
    members.get("every")!.add("bad_every", sizeMs === null ? "Got 0." : got);
    checkOffset(members, sizeMs);
    return null;
  }
  const offsetMs = checkOffset(members, sizeMs);
  if (everyMs === null || sizeMs === null) return null;
  if (kind === "cumulate" && sizeMs % everyMs !== 0)
    return members.get("every")!.add("uneven_every", got);
  if (sizeMs > everyMs * EVENT_WINDOWS_MAX)
    return members.get("every")!.add("too_many_windows", got);
  if (offsetMs === null || graceMs === null) return null;
  return { kind, sizeMs, everyMs, offsetMs, graceMs };
}

/** A size in ms, more than 0. In weeks it says with an offset, if only "0s", where they begin. */
function checkSize(members: Members): number | null {
  const size = members.get("size");
  if (size === undefined) return null;
  const { value } = size;
  if (typeof value === "string" && /^\d+(mo|y)$/.test(value)) {
    return size.add("bad_calendar_size", `Got ${quote(value)}.`);
  }
  const sizeMs = checkDuration(size);
  if (sizeMs === null) return null;
  if (sizeMs === 0) return size.add("bad_size", `Got ${textOf(size)}.`);
  const weeks = typeof value === "string" && parseDuration(value)?.unit === "w";
  if (weeks && !members.has("offset") && !members.has("timezone")) {
    return size.add("week_without_zone", `Got ${textOf(size)}.`);
  }
  return sizeMs;
}

function checkOffset(members: Members, limitMs: number | null): number | null {
  const offset = members.get("offset");
  const offsetMs = checkDurationOr(offset, 0, "signed");
  if (offset === undefined || offsetMs === null || limitMs === null) return offsetMs;
  if (Math.abs(offsetMs) < limitMs) return offsetMs;
  return offset.add("bad_offset", `Got ${offsetMs} ms of ${limitMs} ms.`);
}

function checkMember(members: Members, name: string): number | null {
  return checkDurationOr(members.get(name), null);
}

function calendarUnitOf(size: string): CalendarUnit | null {
  const match = /^1(d|w|mo|y)$/.exec(size);
  return match === null ? null : (match[1] as CalendarUnit);
}

/** A zone that the host knows, by its own name or by a link's; an offset is no zone. */
function checkTimezone(place: Place): string | null {
  const { value } = place;
  if (typeof value !== "string") return place.isNo("a string");
  if (/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) {
    try {
      new Intl.DateTimeFormat("en-US", { timeZone: value });
      return value;
    } catch {
      // A RangeError is how Intl says that it has no such zone.
    }
  }
  return place.add("unknown_timezone", `Got ${quote(value)}.`);
}

function textOf({ value }: Place): string {
  return quote(String(value));
}
