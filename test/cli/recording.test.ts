// A recording as lines: however its bytes are cut, whatever stands at its start and end, and however
// long a line is.

import { describe, expect, test } from "vitest";
import { placeText, RecordingReader } from "../../engine/cli/recording.ts";
import { LINE_BYTES_MAX } from "../../engine/event/envelope.ts";

type Form = ConstructorParameters<typeof RecordingReader>[1];

/** The lines as `place text`, the input cut every `bytes`. */
function read(input: string | Uint8Array, bytes = Infinity, form?: Form): string[] {
  return readBytes(input, bytes, form).map(({ place, bytes: line }) => {
    return `${place} ${Buffer.from(line).toString("latin1")}`;
  });
}

function readBytes(input: string | Uint8Array, bytes: number, form?: Form) {
  const whole = typeof input === "string" ? Buffer.from(input, "latin1") : input;
  const reader = new RecordingReader("f", form);
  const lines: { place: string; bytes: Uint8Array }[] = [];
  const keep = (more: ReturnType<RecordingReader["feed"]>): void => {
    for (const line of more) {
      lines.push({ place: placeText(line.place), bytes: line.bytes.slice() });
    }
  };
  for (let from = 0; from < whole.length && !reader.isDone; from += bytes) {
    keep(reader.feed(Uint8Array.from(whole.subarray(from, from + bytes))));
  }
  keep(reader.end());
  return lines;
}

const BOM = "\xef\xbb\xbf";

describe.each([1, 2, 3, 5, 64, Infinity])("cut every %d bytes", (cut) => {
  test.each([
    ["", []],
    ["a", ["f:1 a"]],
    ["a\n", ["f:1 a"]],
    ["a\nbc\nd", ["f:1 a", "f:2 bc", "f:3 d"]],
    ["a\r\nb\r\n", ["f:1 a\r", "f:2 b\r"]],
    ["\n \t\r\n\na\n\r\n\nb\n \n", ["f:4 a", "f:7 b"]],
    [" \ta \n", ["f:1  \ta "]],
    ["a\n[1]\n", ["f:1 a", "f:2 [1]"]],
    ["a\x00b\n\x00\n", ["f:1 a\x00b", "f:2 \x00"]],
  ])("lines: %j", (input, lines) => {
    expect(read(input, cut)).toEqual(lines);
    expect(read(`${BOM}${input}`, cut)).toEqual(lines);
  });

  test("a byte-order mark is skipped once, at the start only, and whole", () => {
    expect(read(BOM, cut)).toEqual([]);
    expect(read(`${BOM}${BOM}a`, cut)).toEqual([`f:1 ${BOM}a`]);
    expect(read(`a\n${BOM}b`, cut)).toEqual(["f:1 a", `f:2 ${BOM}b`]);
    expect(read("\xef\xbb", cut)).toEqual(["f:1 \xef\xbb"]);
    expect(read("\xef\xbba\nb", cut)).toEqual(["f:1 \xef\xbba", "f:2 b"]);
    expect(read("\xef[", cut)).toEqual(["f:1 \xef["]);
    expect(read(`\n${BOM}a`, cut)).toEqual([`f:2 ${BOM}a`]);
  });

  test.each([
    ["[]", []],
    [" \r\n\t[ ]\n ", []],
    ['[{"a":1}]', ['f, element 1 {"a":1}']],
    [
      '[\n  {\n    "a": "]\\"},"\n  },\n  2,\n  [3,\r\n4]\n]\n',
      ['f, element 1 {     "a": "]\\"},"   }', "f, element 2 2", "f, element 3 [3,  4]"],
    ],
    ["[[[]],{}]", ["f, element 1 [[]]", "f, element 2 {}"]],
  ])("arrays: %j", (input, lines) => {
    expect(read(input, cut)).toEqual(lines);
    expect(read(`${BOM}${input}`, cut)).toEqual(lines);
  });

  test.each([
    ["it ends too early", "[1,2"],
    ["it ends within an element", '[1,2,{"a"'],
    ["it has no comma", "[1,2 3]"],
    ["it has one too many", "[1,2,]"],
    ["it closes with another bracket", "[1,2}"],
    ["an element is no JSON", '[1,2,{"a":}, 4]'],
    ["something follows its end", "[1,2] x"],
    ["another array follows its end", "[1,2]\n[3]"],
    ["lines follow its end", '[1,2]\n{"a":1}\n{"a":2}\n'],
  ])("of an array, what came before stands where %s", (_, input) => {
    const lines = read(input, cut);
    // Whether the 2 was whole is seen at what follows it.
    const whole = input === "[1,2" ? 1 : 2;
    const before = ["f, element 1 1", "f, element 2 2"].slice(0, whole);
    expect(lines).toEqual([...before, `f, element ${whole + 1} [`]);
  });

  test("a log is lines, also where it begins with a bracket", () => {
    expect(read("[1,\n2]", cut, "lines")).toEqual(["f:1 [1,", "f:2 2]"]);
  });
});

test("what follows an array that broke is not read", () => {
  const reader = new RecordingReader("f");
  expect(reader.feed(Buffer.from("[1,x")).length).toBe(2);
  expect(reader.isDone).toBe(true);
  expect(reader.feed(Buffer.from("2,3]"))).toEqual([]);
  expect(reader.end()).toEqual([]);
});

describe("a long line", () => {
  const MAX = LINE_BYTES_MAX;
  const lengths = (input: string, cut: number): number[] => {
    return readBytes(input, cut).map(({ bytes }) => bytes.length);
  };

  test.each([4096, MAX, Infinity])("is whole as long as it fits, cut every %d", (cut) => {
    const line = "x".repeat(MAX);
    expect(lengths(`${line}\n${line}\r\n${line}x\n${line}`, cut)).toEqual([
      MAX,
      MAX + 1,
      MAX + 1,
      MAX,
    ]);
  });

  test.each([4096, MAX, Infinity])("stays too long where it does not, cut every %d", (cut) => {
    const kept = lengths(`${"x".repeat(MAX)}\r\r\r\n${"y".repeat(5 * MAX)}\nz\n`, cut);
    // Less one carriage return, still more than the limit.
    expect(kept).toEqual([MAX + 2, MAX + 2, 1]);
  });

  test.each([4096, MAX, Infinity])("is blank only if all of it is, cut every %d", (cut) => {
    const blanks = " \t".repeat(MAX);
    const lines = readBytes(`${blanks}\n${blanks}x\n${blanks}\r\nb`, cut);
    expect(lines.map(({ place, bytes }) => [place, bytes.length])).toEqual([
      ["f:2", MAX + 2],
      ["f:4", 1],
    ]);
    expect(Buffer.from(lines[0]!.bytes).toString().trim()).not.toBe("");
  });

  test("of an array is kept no longer either", () => {
    const [long, short] = readBytes(`["${"x".repeat(3 * MAX)}",1]`, 4096);
    expect(long!.bytes.length).toBe(MAX + 1);
    expect(short!.bytes.length).toBe(1);
  });

  test("costs no more memory than the limit", () => {
    const reader = new RecordingReader("f");
    const chunk = new Uint8Array(1 << 20).fill(0x78);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 64; count++) expect(reader.feed(chunk)).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
    expect(reader.end()).toHaveLength(1);
  });
});
