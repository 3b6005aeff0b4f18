// Canonical JSON against the samples of RFC 8785's authors, and the order of UTF-8 bytes against
// the bytes themselves.

import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { canonical, compareUtf8 } from "../../engine/event/canonical.ts";
import type { Json } from "../../engine/event/envelope.ts";
import { describeCorpus } from "./corpus.ts";
import { SEEDED_LIMIT_MS, seeded } from "./random.ts";
import type { Random } from "./random.ts";

describe("canonical", () => {
  test("sorts members by UTF-16 units at every level and leaves no blanks", () => {
    const value = JSON.parse('{"b": [ {"z":1, "a":2} ], "a" : {"\ufb33":1, "\u{1f600}":2, "1":3}}');
    expect(canonical(value)).toBe('{"a":{"1":3,"\u{1f600}":2,"\ufb33":1},"b":[{"a":2,"z":1}]}');
  });

  test.each<[Json, string]>([
    [-0, "0"],
    [1e21, "1e+21"],
    [1e-7, "1e-7"],
    [4.5, "4.5"],
    [Number("333333333.33333329"), "333333333.3333333"],
    [null, "null"],
    [true, "true"],
    [[], "[]"],
    [{}, "{}"],
    ["\u20ac$\u000f\nA'B\"\\/", '"\u20ac$\\u000f\\nA\'B\\"\\\\/"'],
  ])("writes %j as %s", (value, text) => {
    expect(canonical(value)).toBe(text);
  });

  test("does not know numbers that are not finite", () => {
    expect(() => canonical([NaN])).toThrow(RangeError);
  });
});

describeCorpus("canonical, on the samples of RFC 8785", "jcs/testdata", (path) => {
  const names = readdirSync(`${path}/input`);
  test.each(names)("gives the output of %s", (name) => {
    const value = JSON.parse(readFileSync(`${path}/input/${name}`, "utf8"));
    expect(canonical(value)).toBe(readFileSync(`${path}/output/${name}`, "utf8"));
  });
});

const UNITS = ["a", "b", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff"];
const POINTS = [...UNITS, "\u{10000}", "\u{1f600}", "\u{10ffff}"];

function text(random: Random): string {
  return Array.from({ length: random.below(4) }, () => random.pick(POINTS)).join("");
}

describe("compareUtf8", () => {
  test("puts characters beyond the first plane after all of it", () => {
    expect(compareUtf8("\u{10000}", "\uffff")).toBeGreaterThan(0);
    expect(compareUtf8("\ue000", "\u{10ffff}")).toBeLessThan(0);
  });

  test("puts a beginning before the whole", () => {
    expect(compareUtf8("", "a")).toBeLessThan(0);
    expect(compareUtf8("ab", "a")).toBeGreaterThan(0);
  });

  test(
    "orders as the bytes do",
    () => {
      seeded((random) => {
        for (let round = 0; round < 20_000; round++) {
          const [a, b] = [text(random), text(random)];
          const order = Math.sign(compareUtf8(a, b));
          expect(order, JSON.stringify([a, b])).toBe(
            Buffer.compare(Buffer.from(a), Buffer.from(b)),
          );
        }
      });
    },
    SEEDED_LIMIT_MS,
  );
});
