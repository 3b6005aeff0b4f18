import { describe, expect, test } from "vitest";
import { backOffAfter, rebased, retryAfterMs } from "../../engine/publish/back-off.ts";

const NOW = 1_710_530_700_000;
const waitMs = (failed: number, askedMs: number | null, random: number): number =>
  backOffAfter(failed, askedMs, NOW, random).untilMs - NOW;

describe("A back-off", () => {
  test("doubles with each failure up to a minute, and lies in the upper half by chance", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 50].map((failed) => waitMs(failed, null, 0))).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ]);
    expect([0, 1, 6].map((failed) => waitMs(failed, null, 0.999))).toEqual([1000, 1999, 59_970]);
    expect(backOffAfter(4, null, NOW, 0)).toMatchObject({ attempts: 5, fromMs: NOW });
  });

  test("is never shorter than the server asks, nor than our own", () => {
    expect(waitMs(0, 7000, 0)).toBe(7000);
    expect(waitMs(0, 7000, 0.5)).toBe(7500);
    expect(waitMs(6, 7000, 0)).toBe(30_000);
    expect(waitMs(0, 0, 0)).toBe(500);
  });

  test("is a day at most, so that a mistaken server is asked again", () => {
    const day = 86_400_000;
    expect(waitMs(0, day - 1, 0)).toBe(day - 1);
    expect(waitMs(0, day + 1, 0)).toBe(day);
    expect(waitMs(0, Infinity, 0)).toBe(day);
  });

  test("begins anew when the clock was set back behind its beginning", () => {
    const backOff = { attempts: 2, fromMs: NOW, untilMs: NOW + 9000 };
    expect(rebased(backOff, NOW)).toEqual(backOff);
    expect(rebased(backOff, NOW + 1)).toEqual(backOff);
    expect(rebased(backOff, NOW - 1)).toEqual({
      attempts: 2,
      fromMs: NOW - 1,
      untilMs: NOW + 8999,
    });
  });
});

describe("Retry-After", () => {
  const read = (headers: { [name: string]: string }): number | null =>
    retryAfterMs(new Headers(headers), NOW);
  const date = (ms: number): string => new Date(ms).toUTCString();

  test.each([
    ["0", 0],
    ["7", 7000],
    ["120", 120_000],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["", null],
  ])("%j is %j ms", (value, ms) => {
    expect(read({ "Retry-After": value })).toBe(ms);
  });

  test("may be an HTTP date, by the server's clock where it tells one", () => {
    expect(read({ "Retry-After": date(NOW + 60_000) })).toBe(60_000);
    expect(read({ "Retry-After": date(NOW - 60_000) })).toBeNull();
    const hourAhead = NOW + 3_600_000;
    expect(read({ "Retry-After": date(hourAhead + 5000), Date: date(hourAhead) })).toBe(5000);
  });

  test("may be absent", () => {
    expect(read({ Date: date(NOW) })).toBeNull();
  });
});
