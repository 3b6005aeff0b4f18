// The codes are the contract's, in its order, and every one has a sentence.

import { describe, expect, test } from "vitest";
import {
  EVENT_CODES,
  QUARANTINE_CODES,
  eventFault,
  pointerTo,
  sentence,
} from "../../engine/event/fault.ts";

describe("the codes of events", () => {
  test("stand in the order of the contract", () => {
    expect(EVENT_CODES.join(" ")).toBe(
      "too_large invalid_utf8 too_deep invalid_json expected_object too_many_keys duplicate_key " +
        "forbidden_key number_out_of_range missing_field wrong_type bad_event_id bad_event_type " +
        "bad_event_version invalid_time zone_required event_id_conflict unknown_event_type " +
        "schema_mismatch quarantine_full subject_erased unroutable",
    );
    expect(QUARANTINE_CODES.join(" ")).toBe(
      "event_time_too_old event_time_in_future version_too_new poisoned",
    );
  });

  test.each([...EVENT_CODES, ...QUARANTINE_CODES])("%s has a sentence with its place", (code) => {
    expect(sentence(code, "/data/x", "a number")).toMatch(/^The value at \/data\/x .*\.$/);
    expect(sentence(code, "")).toMatch(/^The line .*\.$/);
  });

  test("the sentence of an event that is too old names dedup", () => {
    expect(sentence("event_time_too_old", "/eventTime")).toContain("dedup");
  });

  test("a sentence cuts a place that is too long, the pointer does not", () => {
    const pointer = `/${"\u{1f363}".repeat(1000)}`;
    const fault = eventFault("duplicate_key", pointer);
    expect(fault.pointer).toBe(pointer);
    expect(fault.message.length).toBeLessThan(400);
    expect(fault.message.isWellFormed()).toBe(true);
  });
});

describe("pointerTo", () => {
  test("escapes as RFC 6901 asks", () => {
    expect(pointerTo("", "a/b")).toBe("/a~1b");
    expect(pointerTo("/x", "m~n")).toBe("/x/m~0n");
    expect(pointerTo("/x", "~1")).toBe("/x/~01");
    expect(pointerTo("/x", 3)).toBe("/x/3");
    expect(pointerTo("/x", "")).toBe("/x/");
  });
});
