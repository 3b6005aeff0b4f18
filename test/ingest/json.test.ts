// The JSON reader against public suites and against JSON.parse, alone and within an event.

import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Json } from "../../engine/event/envelope.ts";
import { isFault } from "../../engine/ingest/decode.ts";
import { JsonReader } from "../../engine/ingest/json.ts";
import { decodeUtf8 } from "../../engine/event/utf8.ts";
import { describeCorpus } from "../event/corpus.ts";
import { SEEDED_LIMIT_MS, seeded } from "../event/random.ts";
import { decode, lineWith, verdict } from "./sample.ts";

/** The value, or the code that refuses it. */
function readAlone(bytes: Uint8Array): { value: Json | undefined; code: string | null } {
  const text = decodeUtf8(bytes);
  if (text === null) return { value: undefined, code: "invalid_utf8" };
  const reader = new JsonReader(text, bytes.length);
  const value = reader.read();
  return { value, code: reader.gravest()?.code ?? null };
}

/** The same tree with ordinary prototypes, so that `toStrictEqual` can compare it. */
function ordinary(value: Json | undefined): unknown {
  if (value === undefined || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(ordinary);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, ordinary(item)]));
}

function withinEvent(value: Uint8Array): Buffer {
  const [head, tail] = lineWith({ data: '{"x":%}' }).split("%");
  return Buffer.concat([Buffer.from(head!), value, Buffer.from(tail!)]);
}

/** What we say where the standard lets a reader choose, and why. */
const CHOICES: { readonly [name: string]: string | null } = {
  // Underflow is the nearest double; overflow has none; long integers round.
  number_double_huge_neg_exp: null,
  number_real_underflow: null,
  number_too_big_neg_int: null,
  number_too_big_pos_int: null,
  number_very_big_negative_int: null,
  number_huge_exp: "number_out_of_range",
  number_neg_int_huge_exp: "number_out_of_range",
  number_pos_double_huge_exp: "number_out_of_range",
  number_real_neg_overflow: "number_out_of_range",
  number_real_pos_overflow: "number_out_of_range",
  // An escaped lone surrogate is no character.
  object_key_lone_2nd_surrogate: "invalid_utf8",
  string_1st_surrogate_but_2nd_missing: "invalid_utf8",
  string_1st_valid_surrogate_2nd_invalid: "invalid_utf8",
  string_incomplete_surrogate_and_escape_valid: "invalid_utf8",
  string_incomplete_surrogate_pair: "invalid_utf8",
  string_incomplete_surrogates_escape_valid: "invalid_utf8",
  string_invalid_lonely_surrogate: "invalid_utf8",
  string_invalid_surrogate: "invalid_utf8",
  "string_inverted_surrogates_U+1D11E": "invalid_utf8",
  string_lone_second_surrogate: "invalid_utf8",
  // Bytes that are not UTF-8.
  "string_UTF-16LE_with_BOM": "invalid_utf8",
  "string_UTF-8_invalid_sequence": "invalid_utf8",
  "string_UTF8_surrogate_U+D800": "invalid_utf8",
  "string_invalid_utf-8": "invalid_utf8",
  string_iso_latin_1: "invalid_utf8",
  string_lone_utf8_continuation_byte: "invalid_utf8",
  string_not_in_unicode_range: "invalid_utf8",
  string_overlong_sequence_2_bytes: "invalid_utf8",
  string_overlong_sequence_6_bytes: "invalid_utf8",
  string_overlong_sequence_6_bytes_null: "invalid_utf8",
  "string_truncated-utf-8": "invalid_utf8",
  string_utf16BE_no_BOM: "invalid_utf8",
  string_utf16LE_no_BOM: "invalid_utf8",
  // Depth 32; and a byte-order mark is no white space.
  structure_500_nested_arrays: "too_deep",
  "structure_UTF-8_BOM_empty_object": "invalid_json",
};

describeCorpus("JSONTestSuite", "JSONTestSuite/test_parsing", (path) => {
  const read = (name: string): Buffer => readFileSync(`${path}/${name}`);
  const names = (prefix: string): string[] =>
    readdirSync(path).filter((name) => name.startsWith(prefix));

  test("is all there", () => {
    expect([names("y_").length, names("n_").length, names("i_").length]).toEqual([95, 188, 35]);
  });

  test.each(names("y_"))("%s parses to the value that JSON.parse gives", (name) => {
    const parsed: unknown = JSON.parse(read(name).toString());
    const alone = readAlone(read(name));
    expect(ordinary(alone.value)).toStrictEqual(parsed);
    const isDuplicated = name.startsWith("y_object_duplicated_key");
    expect(alone.code).toBe(isDuplicated ? "duplicate_key" : null);
    const decoded = decode(withinEvent(read(name)));
    if (isDuplicated)
      expect(decoded).toMatchObject({ code: "duplicate_key", pointer: "/data/x/a" });
    else if (isFault(decoded)) throw new Error(decoded.message);
    else expect(ordinary(decoded.event["data"])).toStrictEqual({ x: parsed });
  });

  test.each(names("n_"))("%s is refused", (name) => {
    const code = readAlone(read(name)).code;
    expect(["invalid_json", "invalid_utf8", "too_deep"]).toContain(code);
    if (
      decodeUtf8(read(name)) !== null &&
      !name.includes("opening_arrays") &&
      !name.includes("open_array_object")
    ) {
      expect(code).toBe("invalid_json");
    }
    expect(isFault(decode(read(name)))).toBe(true);
  });

  test.each(names("i_"))("%s has the verdict that we chose", (name) => {
    const choice = CHOICES[name.slice(2, -".json".length)];
    expect(choice).not.toBe(undefined);
    expect(readAlone(read(name)).code).toBe(choice);
  });
});

describeCorpus("naughty strings", "blns", (path) => {
  const strings: string[] = JSON.parse(readFileSync(`${path}/blns.json`, "utf8"));

  test("come through as values and as names, raw and escaped", () => {
    expect(strings.length).toBeGreaterThan(500);
    for (const text of strings) {
      const raw = JSON.stringify(text);
      const escaped = raw.replace(
        /[^ -~]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
      for (const form of [raw, escaped]) {
        expect(readAlone(Buffer.from(form))).toEqual({ value: text, code: null });
        const object = readAlone(Buffer.from(`{${form}:[${form}]}`)).value;
        expect(ordinary(object)).toEqual({ [text]: [text] });
        expect(verdict(lineWith({ data: `{"x":${form}}` }))).toBe("ok");
      }
    }
  });
});

describe("numbers", () => {
  test.each([
    ["0", 0],
    ["-0", -0],
    ["-0.0", -0],
    ["0.1", 0.1],
    ["42.50", 42.5],
    ["999999999999999", 999999999999999],
    ["9007199254740993", 9007199254740992],
    ["0.000000000000001", 1e-15],
    ["0.0000000000000001", 1e-16],
    ["123456789.012345678", 123456789.01234567],
    ["1E2", 100],
    ["1e+2", 100],
    ["-1.5e-2", -0.015],
    ["4.9406564584124654e-324", Number.MIN_VALUE],
    ["2.2250738585072011e-308", 2.225073858507201e-308],
  ])("%s is read as %d", (text, value) => {
    expect(readAlone(Buffer.from(text))).toEqual({ value, code: null });
  });

  test(
    "are the doubles that Number reads",
    () => {
      seeded((random) => {
        const digits = (most: number): string =>
          Array.from({ length: 1 + random.below(most) }, () => random.below(10)).join("");
        for (let round = 0; round < 20_000; round++) {
          const whole = digits(12).replace(/^0+(?=\d)/, "");
          const fraction = random.below(2) === 0 ? "" : `.${digits(12)}`;
          const exponent = random.below(4) === 0 ? `e${random.below(600) - 300}` : "";
          const text = `${random.pick(["", "-"])}${whole}${fraction}${exponent}`;
          const { value } = readAlone(Buffer.from(text));
          expect(Object.is(value, Number(text)), text).toBe(true);
        }
      });
    },
    SEEDED_LIMIT_MS,
  );
});
