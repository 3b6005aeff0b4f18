// What is pushed, as lines: bytes, text, arrays, objects.

import { describe, expect, test } from "vitest";
import { decodeEvent, isFault } from "../../engine/ingest/decode.ts";
import { readInput } from "../../engine/ingest/input.ts";
import type { Input, PushInput } from "../../engine/ingest/input.ts";
import { SEEDED_LIMIT_MS, seeded } from "../event/random.ts";
import { SAMPLE, lineWith } from "./sample.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function linesOf(input: Input): string[] {
  return input.lines.map(({ start, end }) => text(input.bytes.subarray(start, end)));
}

/** `code pointer` of each line, or `ok`. */
function verdicts(input: PushInput, format?: "ndjson"): string[] {
  const { bytes, lines } = readInput(input, format);
  return lines.map(({ start, end, fault }) => {
    const decoded = fault ?? decodeEvent(bytes, start, end);
    return isFault(decoded) ? `${decoded.code} ${decoded.pointer}` : "ok";
  });
}

describe("lines", () => {
  test("of which there are more than are taken end with the first that is not", () => {
    for (const [source, format] of [
      ["1\n\n2\n3\n4\n5", "ndjson"],
      ["[1,2,3,4,5]", undefined],
    ] as const) {
      expect(linesOf(readInput(source, format, 3))).toEqual(["1", "2", "3", "4"]);
      expect(linesOf(readInput(source, format, 4))).toHaveLength(5);
      expect(linesOf(readInput(source, format, 5))).toHaveLength(5);
    }
  });

  test.each<[string, string[]]>([
    ["", []],
    ["\n", []],
    ["{}", ["{}"]],
    ["{}\n", ["{}"]],
    ["{}\r\n{}\r\n", ["{}", "{}"]],
    ["{}\r\r\n", ["{}\r"]],
    ["\n\n {} \n \t\r\n\r\n{}", [" {} ", "{}"]],
    ["a\r", ["a"]],
    ["\r\r\r", []],
    ["{}\r{}", ["{}\r{}"]],
    ["\u00a0\n\u000b\n", ["\u00a0", "\u000b"]],
    ["\ufeff{}\n{}", ["\ufeff{}", "{}"]],
    ['{"a":1}\n[1]\n', ['{"a":1}', "[1]"]],
  ])("of %j are its non-blank ones, less one carriage return", (source, lines) => {
    expect(linesOf(readInput(source))).toEqual(lines);
    expect(linesOf(readInput(new TextEncoder().encode(source)))).toEqual(lines);
    expect(linesOf(readInput(source, "ndjson"))).toEqual(lines);
  });

  test("of text with a lone surrogate: that line alone is invalid_utf8", () => {
    const spoilt = lineWith({ data: '{"a":"%"}' }).replace("%", "\ud83d");
    const input = [lineWith({}), spoilt, lineWith({ data: '{"a":"🍣"}' })].join("\n");
    expect(verdicts(input)).toEqual(["ok", "invalid_utf8 ", "ok"]);
    expect(verdicts(`[${input.replaceAll("\n", ",")}]`)).toEqual(["ok", "invalid_utf8 ", "ok"]);
  });

  test("that begin with an array are lines only where the format says so", () => {
    const source = `[${lineWith({})}]\n${lineWith({})}`;
    expect(verdicts(source, "ndjson")).toEqual(["expected_object ", "ok"]);
    expect(verdicts(source)).toEqual(["invalid_json "]);
  });

  test(
    "of random bytes are those of a plain split",
    () => {
      seeded((random) => {
        for (let round = 0; round < 5_000; round++) {
          const source = Array.from({ length: random.below(12) }, () =>
            random.pick(["\n", "\r", " ", "\t", "{}", "x"]),
          ).join("");
          const expected = source
            .split("\n")
            .map((line) => line.replace(/\r$/, ""))
            .filter((line) => !/^[ \t\r]*$/.test(line));
          expect(linesOf(readInput(source)), JSON.stringify(source)).toEqual(expected);
        }
      });
    },
    SEEDED_LIMIT_MS,
  );
});

describe("bytes", () => {
  test("that fill their buffer are adopted", () => {
    const bytes = new TextEncoder().encode("{}\n");
    expect(readInput(bytes).bytes.buffer).toBe(bytes.buffer);
    const whole = Buffer.from(new ArrayBuffer(2)).fill(" ");
    expect(readInput(whole).bytes.buffer).toBe(whole.buffer);
    expect(readInput(whole).bytes.constructor).toBe(Uint8Array);
  });

  test("of a view, and of shared or resizable memory, are copied", () => {
    const view = new Uint8Array(new ArrayBuffer(8), 1, 7).fill(0x20);
    const head = new Uint8Array(new ArrayBuffer(8), 0, 7).fill(0x20);
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(0x20);
    const resizable = new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 })).fill(0x20);
    const pooled = Buffer.from("{}");
    for (const bytes of [view, head, shared, resizable, pooled]) {
      const read = readInput(bytes).bytes;
      expect(read.buffer).not.toBe(bytes.buffer);
      expect(read.buffer.byteLength).toBe(bytes.byteLength);
      expect([...read]).toEqual([...bytes]);
    }
  });

  test("that are adopted are not changed by an array's newlines", () => {
    const bytes = new TextEncoder().encode('[{"a":\n1}]');
    const input = readInput(bytes);
    expect(linesOf(input)).toEqual(['{"a": 1}']);
    expect(text(bytes)).toBe('[{"a":\n1}]');
  });
});

describe("an array", () => {
  test("has its elements as lines, each one line", () => {
    const source = ` \n[${lineWith({})},\n ${lineWith({ data: '{\r\n"a":1}' })} ]\n`;
    expect(linesOf(readInput(source))).toEqual([lineWith({}), lineWith({ data: '{  "a":1}' })]);
    expect(verdicts(source)).toEqual(["ok", "ok"]);
    expect(linesOf(readInput("[ ]"))).toEqual([]);
  });

  test.each(["[", "[1,]", '[{"a":}]', "[1]]", "[1]\n[2]", '[{"a":1} {"b":2}]', "[1,NaN]"])(
    "that does not parse, as %j, is one fault over everything",
    (source) => {
      const input = readInput(`${source}\n`);
      expect(linesOf(input)).toEqual([`${source}\n`.replaceAll("\n", " ")]);
      expect(input.lines[0]!.fault).toMatchObject({ code: "invalid_json", pointer: "" });
    },
  );

  test("keeps the faults of one element that parses to that element", () => {
    const good = lineWith({});
    const deep = "[".repeat(40) + "]".repeat(40);
    const spoilt = ["7", deep, '{"a":1,"a":2}', '{"a":1e999}', '{"a":"\\ud800"}', "null"];
    const large = `"${"x".repeat(262_143)}"`;
    expect(verdicts(`[${[good, ...spoilt, large, good].join(",")}]`)).toEqual([
      "ok",
      "expected_object ",
      "too_deep ",
      "duplicate_key /a",
      "number_out_of_range /a",
      "invalid_utf8 /a",
      "expected_object ",
      "too_large ",
      "ok",
    ]);
  });

  test("of bytes that are not UTF-8 in one element keeps the others", () => {
    const bytes = Buffer.from(`[${lineWith({})},{"a":"%"},${lineWith({})}]`);
    bytes[bytes.indexOf("%")] = 0xff;
    expect(verdicts(new Uint8Array(bytes))).toEqual(["ok", "invalid_utf8 ", "ok"]);
  });
});

describe("objects", () => {
  test("are one line each", () => {
    expect(verdicts(SAMPLE)).toEqual(["ok"]);
    expect(verdicts([SAMPLE, SAMPLE])).toEqual(["ok", "ok"]);
    expect(verdicts([])).toEqual([]);
    expect(linesOf(readInput([SAMPLE, { a: "x\ny" }]))).toEqual([
      JSON.stringify(SAMPLE),
      '{"a":"x\\ny"}',
    ]);
  });

  test("in an array stand and fall alone", () => {
    const elements = [SAMPLE, [], "text", null, undefined, () => 1, SAMPLE] as object[];
    expect(verdicts(elements)).toEqual([
      "ok",
      "expected_object ",
      "expected_object ",
      "expected_object ",
      "expected_object ",
      "invalid_json ",
      "ok",
    ]);
  });
});
