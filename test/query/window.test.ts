/** The rules of windows and durations, each at its boundary. */
import { describe, expect, test } from "vitest";
import { checkDuration, parseDuration } from "../../engine/query/duration.ts";
import { Place } from "../../engine/query/plan-place.ts";
import { checkWindow } from "../../engine/query/window.ts";

function check(value: unknown) {
  const place = new Place(value);
  const window = checkWindow(place);
  const faults = place.faults.map(({ code, pointer }) => `${code} ${pointer}`);
  return faults.length > 0 ? faults : window;
}

const DAY = 86_400_000;

describe("a window", () => {
  test.each([
    [
      { kind: "tumbling", size: 1, grace: 0 },
      { kind: "tumbling", sizeMs: 1, offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "5m", offset: "-299999ms", grace: "0s" },
      { kind: "tumbling", sizeMs: 300_000, offsetMs: -299_999, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "7d", grace: 0 },
      { kind: "tumbling", sizeMs: 7 * DAY, offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "1w", offset: "0s", grace: 0 },
      { kind: "tumbling", sizeMs: 7 * DAY, offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "1d", grace: 0 },
      { kind: "tumbling", sizeMs: DAY, offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "1d", timezone: "Europe/Berlin", offset: "4h", grace: 0 },
      { kind: "calendar", unit: "d", timezone: "Europe/Berlin", offsetMs: DAY / 6, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "1w", timezone: "US/Pacific", offset: "-1d", grace: 0 },
      { kind: "calendar", unit: "w", timezone: "US/Pacific", offsetMs: -DAY, graceMs: 0 },
    ],
    [
      { kind: "tumbling", size: "1y", timezone: "Etc/GMT+5", grace: 0 },
      { kind: "calendar", unit: "y", timezone: "Etc/GMT+5", offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "hopping", size: "10m", every: "10m", grace: 0 },
      { kind: "hopping", sizeMs: 600_000, everyMs: 600_000, offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "hopping", size: "10m", every: "3m", offset: "9m", grace: 0 },
      { kind: "hopping", sizeMs: 600_000, everyMs: 180_000, offsetMs: 540_000, graceMs: 0 },
    ],
    [
      { kind: "cumulate", size: "1d", every: "1h", grace: 0 },
      { kind: "cumulate", sizeMs: DAY, everyMs: DAY / 24, offsetMs: 0, graceMs: 0 },
    ],
    [
      { kind: "session", gap: 1, grace: "1s" },
      { kind: "session", gapMs: 1, graceMs: 1000 },
    ],
    [{ kind: "global" }, { kind: "global" }],
  ])("%j", (window, expected) => {
    expect(check(window)).toEqual(expected);
  });

  test.each([
    ["1d", DAY],
    ["1w", 7 * DAY],
    ["1mo", 28 * DAY],
    ["1y", 365 * DAY],
  ])("of a calendar's %s has an offset within its shortest", (size, shortestMs) => {
    const window = { kind: "tumbling", size, timezone: "UTC", grace: 0 };
    for (const sign of [1, -1]) {
      const inside = check({ ...window, offset: sign * (shortestMs - 1) });
      expect(inside).toMatchObject({ kind: "calendar", offsetMs: sign * (shortestMs - 1) });
      expect(check({ ...window, offset: sign * shortestMs })).toEqual(["bad_offset /offset"]);
    }
  });

  test.each(["tumbling", "hopping", "cumulate"])(
    "of kind %s has an offset within its size",
    (kind) => {
      const every = kind === "tumbling" ? {} : { every: 500 };
      for (const sign of [1, -1]) {
        const window = { kind, size: 1000, grace: 0, ...every };
        expect(check({ ...window, offset: sign * 999 })).toMatchObject({ offsetMs: sign * 999 });
        expect(check({ ...window, offset: sign * 1000 })).toEqual(["bad_offset /offset"]);
      }
    },
  );

  test("tells all that is wrong with it", () => {
    expect(check({ kind: "tumbling", size: "3d", timezone: "Nowhere", offset: "x" })).toEqual([
      "grace_required /grace",
      "bad_duration /offset",
      "unknown_timezone /timezone",
      "timezone_not_allowed /timezone",
    ]);
  });

  test("needs its timezone for months, even where the rest is wrong", () => {
    expect(check({ kind: "tumbling", size: "1mo", offset: "28d" })).toEqual([
      "grace_required /grace",
      "timezone_required /timezone",
      "bad_offset /offset",
    ]);
  });
});

describe("a duration", () => {
  const ms = (value: unknown, sign?: "signed") => {
    const place = new Place(value);
    return checkDuration(place, sign) ?? place.faults[0]?.code;
  };

  test.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["1d", DAY],
    ["1w", 7 * DAY],
    ["0s", 0],
    [0, 0],
    [-0, 0],
    [1500, 1500],
    [2 ** 50, 2 ** 50],
  ])("%j is %d ms", (value, expected) => {
    expect(ms(value)).toBe(expected);
  });

  test.each([
    "",
    "5",
    "m",
    "5 m",
    " 5m",
    "5m ",
    "5M",
    "5mo",
    "1y",
    "1.5h",
    "05m",
    "1e3s",
    "5m30s",
    "∞s",
    "5m\n",
    "--5m",
  ])("%j is none", (value) => {
    expect(ms(value)).toBe("bad_duration");
    expect(parseDuration(value)).toBeNull();
  });

  test.each([NaN, Infinity, -1, 0.5, "-1s", "+1s"])("%s is none either", (value) => {
    expect(ms(value)).toBe("bad_duration");
  });

  test("may have a sign only where it is an offset", () => {
    expect(ms("-1d", "signed")).toBe(-DAY);
    expect(ms("+1d", "signed")).toBe(DAY);
    expect(ms("-0s", "signed")).toBe(0);
    expect(ms(-5, "signed")).toBe(-5);
    expect(ms(-0, "signed")).toBe(0);
    expect(ms(-(2 ** 50) - 1, "signed")).toBe("duration_too_long");
  });

  test.each([null, true, {}, ["5m"], undefined, 5n])("%s has the wrong type", (value) => {
    expect(ms(value)).toBe("wrong_type");
  });
});
