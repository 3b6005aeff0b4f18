// Event time: the grammar, case by case, and a round trip against the host's own calendar.

import { describe, expect, test } from "vitest";
import { parseTime } from "../../engine/event/time.ts";
import { SEEDED_LIMIT_MS, seeded } from "./random.ts";

const BASE = Date.UTC(2024, 2, 15, 18, 30, 0);

const WELL_FORMED: readonly [string, number][] = [
  ["2024-03-15T18:30:00Z", BASE],
  ["2024-03-15t18:30:00z", BASE],
  ["2024-03-15 18:30:00Z", BASE],
  ["2024-03-15T18:30:00.1Z", BASE + 100],
  ["2024-03-15T18:30:00.12Z", BASE + 120],
  ["2024-03-15T18:30:00.123Z", BASE + 123],
  ["2024-03-15T18:30:00.1239Z", BASE + 123],
  ["2024-03-15T18:30:00.999999999999999999999999Z", BASE + 999],
  ["2024-03-15T18:30:00.0009Z", BASE],
  ["2024-03-15T18:30:00+00:00", BASE],
  ["2024-03-15T18:30:00-00:00", BASE],
  ["2024-03-15T18:30:00+02:00", BASE - 7_200_000],
  ["2024-03-15T18:30:00-05:30", BASE + 19_800_000],
  ["2024-03-15T18:30:00+23:59", BASE - 86_340_000],
  ["2024-03-15T18:30:00-23:59", BASE + 86_340_000],
  ["2024-03-15 18:30:00.5+05:45", BASE + 500 - 20_700_000],
  ["1970-01-01T00:00:00Z", 0],
  ["1969-12-31T23:59:59.999Z", -1],
  ["1969-12-31T23:59:59.9999Z", -1],
  ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
  ["2000-02-29T00:00:00Z", Date.UTC(2000, 1, 29)],
  ["0000-01-01T00:00:00Z", -62_167_219_200_000],
  ["0000-02-29T00:00:00Z", -62_162_121_600_000],
  ["0000-01-01T00:00:00+23:59", -62_167_219_200_000 - 86_340_000],
  ["9999-12-31T23:59:59.999Z", 253_402_300_799_999],
  ["9999-12-31T23:59:59-23:59", 253_402_300_799_000 + 86_340_000],
];

const INVALID: readonly string[] = [
  "",
  "now",
  "1",
  "2024-03-15",
  "2024-03-15T",
  "2024-03-15T18:30",
  "2024-03-15T18:30Z",
  "2024-02-30T00:00:00Z",
  "2023-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2024-04-31T00:00:00Z",
  "2024-13-01T00:00:00Z",
  "2024-00-01T00:00:00Z",
  "2024-01-00T00:00:00Z",
  "2024-01-32T00:00:00Z",
  "2024-03-15T24:00:00Z",
  "2024-03-15T18:60:00Z",
  "2024-03-15T18:30:60Z",
  "2024-03-15T18:30:00.Z",
  "2024-03-15T18:30:00.",
  "2024-03-15T18:30:00,5Z",
  "2024-03-15T18:30:00+24:00",
  "2024-03-15T18:30:00+02:60",
  "2024-03-15T18:30:00+02",
  "2024-03-15T18:30:00+0200",
  "2024-03-15T18:30:00+2:00",
  "2024-03-15T18:30:00ZZ",
  "2024-03-15T18:30:00Z ",
  " 2024-03-15T18:30:00Z",
  "2024-03-15T18:30:00 Z",
  "2024-03-15  18:30:00Z",
  "2024-03-15_18:30:00Z",
  "2024/03/15T18:30:00Z",
  "24-03-15T18:30:00Z",
  "+2024-03-15T18:30:00Z",
  "-0001-03-15T18:30:00Z",
  "12024-03-15T18:30:00Z",
  "2024-3-15T18:30:00Z",
  "2024-03-15T18-30-00Z",
  "2024-W11-5T18:30:00Z",
  "2024-075T18:30:00Z",
  "20240315T183000Z",
  "２０２４-03-15T18:30:00Z",
  "2024-03-15T18:30:00\u22120:00",
  "2024-03-15T18:30:00z\u0000",
  "2024-02-30T00:00:00",
  "2024-03-15T18:30:60",
  "2024-03-15T18:30:00.5x",
];

const ZONELESS: readonly string[] = [
  "2024-03-15T18:30:00",
  "2024-03-15 18:30:00",
  "2024-03-15t18:30:00.5",
  "0000-01-01T00:00:00.000000001",
];

describe("parseTime", () => {
  test.each(WELL_FORMED)("reads %j", (text, timeMs) => {
    expect(parseTime(text)).toBe(timeMs);
  });

  test.each(INVALID)("calls %j an invalid time", (text) => {
    expect(parseTime(text)).toBe("invalid_time");
  });

  test.each(ZONELESS)("asks for the zone of %j", (text) => {
    expect(parseTime(text)).toBe("zone_required");
  });

  test("never says minus zero", () => {
    expect(Object.is(parseTime("1970-01-01T00:00:00-00:00"), 0)).toBe(true);
    expect(Object.is(parseTime("1970-01-01T02:00:00+02:00"), 0)).toBe(true);
  });

  test("knows the first and the last day of every month of 0000 to 9999", () => {
    let firstMs = new Date(0).setUTCFullYear(0, 0, 1);
    for (let month = 0; month < 120_000; month++) {
      const nextMs = new Date(firstMs).setUTCMonth(new Date(firstMs).getUTCMonth() + 1);
      const days = (nextMs - firstMs) / 86_400_000;
      const year = `${Math.floor(month / 12)}`.padStart(4, "0");
      const day = (number: number): ReturnType<typeof parseTime> =>
        parseTime(`${year}-${`${(month % 12) + 1}`.padStart(2, "0")}-${number}T00:00:00Z`);
      const got = [parseTime(new Date(firstMs).toISOString()), day(days), day(days + 1)];
      const wanted = [firstMs, nextMs - 86_400_000, "invalid_time"];
      if (got.join() !== wanted.join()) expect(got, `month ${month}`).toEqual(wanted);
      firstMs = nextMs;
    }
    expect(firstMs).toBe(253_402_300_800_000);
  });

  test(
    "reads back what the host writes, at any offset and with digits to cut off",
    () => {
      seeded((random) => {
        for (let round = 0; round < 20_000; round++) {
          const offset = random.below(2 * 1439 + 1) - 1439;
          const localMs = random.below(253_402_300_800_000);
          const minutes = Math.abs(offset);
          const zone = [Math.floor(minutes / 60), minutes % 60].map((n) => `${n}`.padStart(2, "0"));
          const local = new Date(localMs).toISOString().slice(0, -1);
          const text = `${local}${random.below(1000)}${offset < 0 ? "-" : "+"}${zone.join(":")}`;
          expect(parseTime(text), text).toBe(localMs - offset * 60_000);
        }
      });
    },
    SEEDED_LIMIT_MS,
  );
});
