// What passes for a receipt: facts are forgotten by nothing else.

import { describe, expect, test } from "vitest";
import { receiptOf } from "../../engine/publish/receipt.ts";

const fault = { code: "wrong_type", pointer: "/data", message: "…" };
const whole = {
  received: 6,
  accepted: 2,
  duplicate: 1,
  invalid: [{ index: 3, ...fault }],
  quarantined: [{ index: 5, ...fault }],
  unavailable: [0],
  positions: { R: 4 },
};

describe("A receipt", () => {
  test("accounts for every line that was sent", () => {
    expect(receiptOf(whole, 6)).toEqual({
      duplicate: 1,
      invalid: whole.invalid,
      quarantined: whole.quarantined,
      unavailable: [0],
    });
  });

  test("without `unavailable` has none", () => {
    const { unavailable: _, ...rest } = { ...whole, accepted: 3 };
    expect(receiptOf(rest, 6)).toMatchObject({ unavailable: [] });
  });

  test.each<[string, unknown]>([
    ["nothing", null],
    ["a text", "ok"],
    ["a list", []],
    ["an object", {}],
    ["a problem", { status: 422, code: "too_many_events" }],
    ["one of another batch", { ...whole, received: 5 }],
    ["one that lacks a line", { ...whole, accepted: 1 }],
    ["one that has a line too many", { ...whole, accepted: 3 }],
    ["one without a count", { ...whole, duplicate: undefined }],
    ["one with a negative count", { ...whole, accepted: 4, duplicate: -1 }],
    ["one with a fraction", { ...whole, accepted: 1.5, duplicate: 1.5 }],
    ["one without a list", { ...whole, invalid: 1 }],
    ["one without a list, but for null", { ...whole, quarantined: null }],
    ["one whose `unavailable` is null", { ...whole, unavailable: null }],
    ["one with an index beyond the batch", { ...whole, unavailable: [6] }],
    ["one with an index below", { ...whole, unavailable: [-1] }],
    ["one with an index twice", { ...whole, unavailable: [3] }],
    ["one with an index that is none", { ...whole, unavailable: ["0"] }],
    ["one with a fault without an index", { ...whole, invalid: [fault] }],
    ["one with a fault that is none", { ...whole, invalid: [null] }],
    ["one with an index in the place of a fault", { ...whole, invalid: [3] }],
  ])("is not %s", (_, body) => {
    expect(receiptOf(body, 6)).toBeNull();
  });
});
