// One JSON array, whole and as a stream: cut anywhere it gives the same elements, and it ends where
// JSON.parse would say that it does not parse.

import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ArrayReader } from "../../engine/cli/array-reader.ts";
import { elementLines } from "../../engine/ingest/array.ts";
import { decodeUtf8 } from "../../engine/event/utf8.ts";
import { describeCorpus } from "../event/corpus.ts";
import { SEEDED_LIMIT_MS, seeded } from "../event/random.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

interface Read {
  readonly elements: readonly string[];
  readonly isWhole: boolean;
}

function readChunks(chunks: readonly Uint8Array[]): Read {
  const reader = new ArrayReader();
  const elements = chunks.flatMap((chunk) => reader.feed(chunk).map(text));
  return { elements, isWhole: reader.end() };
}

function readText(source: string): Read {
  return readChunks([Buffer.from(source)]);
}

function parses(source: string): boolean {
  try {
    return Array.isArray(JSON.parse(source));
  } catch {
    return false;
  }
}

const SAMPLES: readonly string[] = [
  "[]",
  " [ ] \n",
  "[1]",
  "[-0.5e+3,0,10,1E2]",
  '\n[\r\n {"a": [1, {"b": "]}\\"\\\\,"}]} ,\t"x\\u00e9寿🍣", null,true , false,[[],{}]\n]\n\n',
  '[{"a":\r\n1},{"a"\n:\n[\n2\n]\n}]',
];

describe("ArrayReader", () => {
  test("gives the elements' own bytes, newlines in them turned into spaces", () => {
    expect(readText(SAMPLES[4]!)).toEqual({
      elements: [
        '{"a": [1, {"b": "]}\\"\\\\,"}]}',
        '"x\\u00e9寿🍣"',
        "null",
        "true",
        "false",
        "[[],{}]",
      ],
      isWhole: true,
    });
    expect(readText(SAMPLES[5]!).elements).toEqual(['{"a":  1}', '{"a" : [ 2 ] }']);
    expect(readText(SAMPLES[3]!).elements).toEqual(["-0.5e+3", "0", "10", "1E2"]);
    expect(readText(SAMPLES[1]!)).toEqual({ elements: [], isWhole: true });
  });

  test.each(SAMPLES)("gives the same of %j at every cut into two, and byte by byte", (source) => {
    const bytes = Buffer.from(source);
    const whole = readText(source);
    expect(whole.isWhole).toBe(true);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(readChunks([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
    }
    expect(readChunks([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  test.each(SAMPLES)("knows that %j is not whole before its end", (source) => {
    const end = source.lastIndexOf("]");
    for (let cut = 0; cut <= end; cut++) expect(readText(source.slice(0, cut)).isWhole).toBe(false);
  });

  test.each([
    ["[1,2,]", ["1", "2"]],
    ["[,1]", []],
    ["[1 2]", ["1"]],
    ["[1,,2]", ["1"]],
    ['[{"a":1},{"b":}]', ['{"a":1}']],
    ['[1,{"a" 1}]', ["1"]],
    ["[1,{'a':1}]", ["1"]],
    ["[1,[2}]", ["1"]],
    ["[1,tru]", ["1"]],
    ["[1,01]", ["1"]],
    ["[1,2.]", ["1"]],
    ["[1,-]", ["1"]],
    ['[1,"\\x"]', ["1"]],
    ['[1,"a\nb"]', ["1"]],
    ["[1]]", ["1"]],
    ['[1]\n{"a":1}', ["1"]],
    ["[1] []", ["1"]],
    ["\ufeff[1]", []],
    ["[1,\u00a02]", ["1"]],
    ['{"a":[1]}', []],
    ["", []],
    [" ", []],
    ["[", []],
    ['["a"', ['"a"']],
  ])("keeps what came before %j broke", (source, elements) => {
    expect(readText(source)).toEqual({ elements, isWhole: false });
    expect(elementLines(Buffer.from(source))).toBe(null);
  });

  test("takes nothing more once it is broken", () => {
    const reader = new ArrayReader();
    expect(reader.feed(Buffer.from("[1,}")).map(text)).toEqual(["1"]);
    expect(reader.broken).toBe(true);
    expect(reader.feed(Buffer.from("[2]"))).toEqual([]);
    expect(reader.end()).toBe(false);
  });

  test("keeps one byte more than a line may have of an element that is too large", () => {
    const source = Buffer.from(`[1,"${"x".repeat(1_000_000)}",2]`);
    for (const sizeBytes of [1_000, 300_000, 2_000_000]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < source.length; at += sizeBytes) {
        chunks.push(source.subarray(at, at + sizeBytes));
      }
      const { elements, isWhole } = readChunks(chunks);
      expect(elements.map((element) => element.length)).toEqual([1, 262_145, 1]);
      expect(isWhole).toBe(true);
    }
    const allowed = `"${"x".repeat(262_142)}"`;
    expect(readText(`[${allowed}]`).elements).toEqual([allowed]);
  });

  test("follows any depth, and tells objects from arrays there", () => {
    const deep = 100_000;
    const body = `${'[{"a":'.repeat(deep)}1${"}]".repeat(deep)}`;
    expect(text(elementLines(Buffer.from(`[${body}]`))!)).toBe(`${body}\n`);
    expect(elementLines(Buffer.from(`[${body.slice(0, -2)}]}]`))).toBe(null);
  });

  test(
    "says of mutated arrays whether JSON.parse takes them",
    () => {
      seeded((random) => {
        const pieces = [
          "[",
          "]",
          "{",
          "}",
          ",",
          ":",
          '"',
          "\\",
          "1",
          "0",
          "-",
          ".",
          "e",
          " ",
          "null",
        ];
        let wholeCount = 0;
        for (let round = 0; round < 20_000; round++) {
          let source = random.pick(SAMPLES);
          for (let times = random.below(3); times >= 0; times--) {
            const at = random.below(source.length);
            const insert = random.below(3) === 0 ? "" : random.pick(pieces);
            source = source.slice(0, at) + insert + source.slice(at + random.below(3));
            source = source.toWellFormed();
          }
          const lines = elementLines(Buffer.from(source));
          expect(lines !== null, JSON.stringify(source)).toBe(parses(source));
          if (lines === null) continue;
          wholeCount++;
          const bytes = Buffer.from(source);
          const cut = random.below(bytes.length + 1);
          const read = readChunks([bytes.subarray(0, cut), bytes.subarray(cut)]);
          const values = read.elements.map((element): unknown => JSON.parse(element));
          expect(values, JSON.stringify(source)).toEqual(JSON.parse(source));
          const joined = read.elements.map((element) => `${element}\n`).join("");
          expect(text(lines), JSON.stringify(source)).toBe(joined);
        }
        expect(wholeCount).toBeGreaterThan(1000);
      });
    },
    SEEDED_LIMIT_MS,
  );
});

describeCorpus("arrays of JSONTestSuite", "JSONTestSuite/test_parsing", (path) => {
  test("parse where they must, and break where they must", () => {
    for (const name of readdirSync(path)) {
      const bytes = readFileSync(`${path}/${name}`);
      if (decodeUtf8(bytes) === null) continue;
      const expected = parses(text(bytes));
      expect(elementLines(bytes) !== null, name).toBe(expected);
      const wrapped = Buffer.concat([Buffer.from("[0,"), bytes, Buffer.from("]")]);
      expect(elementLines(wrapped) !== null, name).toBe(parses(text(wrapped)));
    }
  });
});
