import { describe, expect, test } from "vitest";
import {
  CHUNK_RELEASED,
  type Chunk,
  decodeChunk,
  encodeChunk,
  exactBytes,
  exportChunk,
} from "../../engine/store/chunk.ts";
import { crc32c } from "../../engine/store/crc32c.ts";
import { expectFault, filled } from "./writes.ts";

const encoder = new TextEncoder();

function chunkOf(text: string, members: Partial<Chunk> = {}): Chunk {
  return {
    firstPosition: 0,
    count: text.split("\n").length - 1,
    receivedAt: null,
    flags: 0,
    previousDigest: filled(32, 0),
    lines: encoder.encode(text),
    ...members,
  };
}

const THREE = '{"a":1}\n{"é":"€"}\r\n{"tick":7}\n';

describe("A stored chunk", () => {
  test("is laid out as the worked example says", () => {
    const bytes = encodeChunk(chunkOf('{"tick":7}\n', { firstPosition: 5 }));
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    expect(hex).toBe(
      "4d 52 43 4b 01 00 00 00 05 00 00 00 00 00 00 00 01 00 00 00 0b 00 00 00 " +
        "00 00 00 00 69 d7 9e b7 " +
        "00 ".repeat(32) +
        "7b 22 74 69 63 6b 22 3a 37 7d 0a",
    );
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  const receivedAts: Chunk["receivedAt"][] = [
    null,
    1_710_530_712_345,
    -1,
    0,
    [1, null, 2 ** 53 - 1],
    [null, null, null],
  ];
  test.each(receivedAts)("decodes to what was encoded, received at %j", (receivedAt) => {
    const chunk = chunkOf(THREE, {
      firstPosition: 2 ** 53 - 100,
      receivedAt,
      flags: CHUNK_RELEASED,
      previousDigest: filled(32, 255),
    });
    expect(decodeChunk(encodeChunk(chunk))).toEqual(chunk);
  });

  test("decodes from a view into a larger buffer", () => {
    const bytes = encodeChunk(chunkOf(THREE, { receivedAt: [1, 2, 3] }));
    const larger = filled(bytes.length + 7, 1);
    larger.set(bytes, 3);
    const decoded = decodeChunk(larger.subarray(3, 3 + bytes.length));
    expect(decoded).toEqual(decodeChunk(bytes));
  });

  test.each([null, 5, [1, null, 3]])("shows every flipped bit, received at %j", async (times) => {
    const bytes = encodeChunk(chunkOf(THREE, { firstPosition: 4711, receivedAt: times }));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const at = bit >>> 3;
      const flipped = bytes.with(at, bytes[at]! ^ (1 << (bit & 7)));
      await expectFault(() => decodeChunk(flipped), "chunk_broken", "position");
    }
  });

  test("shows every missing end, and an end too much", async () => {
    const bytes = encodeChunk(chunkOf(THREE, { firstPosition: 4711 }));
    for (let length = 0; length < bytes.length; length++) {
      await expectFault(() => decodeChunk(bytes.slice(0, length)), "chunk_broken");
    }
    const longer = new Uint8Array([...bytes, 10]);
    const tooLong = `got ${longer.length} bytes when its header says ${bytes.length}`;
    await expectFault(() => decodeChunk(longer), "chunk_broken", "position 4711", tooLong);
    await expectFault(
      () => decodeChunk(bytes.slice(0, -1)),
      "chunk_broken",
      `got ${bytes.length - 1} bytes when its header says ${bytes.length}`,
    );
  });

  test("of another version has a sentence of its own", async () => {
    const newer = encodeChunk(chunkOf(THREE, { firstPosition: 4711 })).with(4, 2);
    const sentence = "at position 4711 has version 2 when this build reads version 1: update";
    await expectFault(() => decodeChunk(newer), "chunk_broken", sentence);
  });

  const wrong: [string, Partial<Chunk>][] = [
    ["a negative position", { firstPosition: -1 }],
    ["a position that is no integer", { firstPosition: 0.5 }],
    ["a position past 2^53", { firstPosition: 2 ** 53 - 1 }],
    ["no entries", { count: 0, lines: filled(0, 0) }],
    ["more entries than lines", { count: 4 }],
    ["a line without its end", { lines: encoder.encode("{}\n{}\n{}") }],
    ["receive times for other entries", { receivedAt: [1, 2] }],
    ["flags past 16 bits", { flags: 65_536 }],
    ["a short digest", { previousDigest: filled(31, 0) }],
  ];
  test.each(wrong)("is not made with %s", (_, members) => {
    expect(() => encodeChunk(chunkOf(THREE, members))).toThrow(RangeError);
  });
});

describe("An exported chunk", () => {
  test("has its control line, then the lines as they are", () => {
    const chunk = chunkOf(THREE, { firstPosition: 4711, receivedAt: 1_710_530_712_345 });
    expect(exportChunk(chunk)).toBe(
      `{"chunk":{"position":4711,"receivedAt":1710530712345}}\n${THREE}`,
    );
  });

  test("of a lone tick has its control line too", () => {
    const chunk = chunkOf('{"tick":1710530999000}\n', { firstPosition: 3 });
    expect(exportChunk(chunk)).toBe(
      '{"chunk":{"position":3,"receivedAt":null}}\n{"tick":1710530999000}\n',
    );
  });

  test("lists receive times where they differ, and only there", () => {
    const control = (receivedAt: Chunk["receivedAt"]): string =>
      exportChunk(chunkOf(THREE, { receivedAt })).split("\n")[0]!;
    expect(control([1, null, 3])).toBe('{"chunk":{"position":0,"receivedAt":[1,null,3]}}');
    expect(control([2, 2, 2])).toBe('{"chunk":{"position":0,"receivedAt":2}}');
    expect(control([null, null, null])).toBe('{"chunk":{"position":0,"receivedAt":null}}');
  });

  test("says that its lines were released", () => {
    const chunk = chunkOf(THREE, { flags: CHUNK_RELEASED });
    expect(exportChunk(chunk)).toMatch(
      /^{"chunk":{"position":0,"receivedAt":null,"released":true}}/,
    );
  });
});

describe("Exact bytes", () => {
  test("are the same array where it fills its buffer, and a copy where it does not", () => {
    const whole = filled(10, 1);
    expect(exactBytes(whole)).toBe(whole);
    const part = exactBytes(whole.subarray(2, 5));
    expect(part).toEqual(filled(3, 1));
    expect(part.buffer.byteLength).toBe(3);
    const resizable = new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }));
    expect(exactBytes(resizable).buffer.resizable).toBe(false);
    const shared = exactBytes(new Uint8Array(new SharedArrayBuffer(4)));
    expect(shared.buffer).toBeInstanceOf(ArrayBuffer);
  });
});

describe("CRC32C", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  const vectors: [string, Uint8Array, number][] = [
    ["nothing", filled(0, 0), 0],
    ["the nine digits", encoder.encode("123456789"), 0xe3069283],
    ["32 zeros", filled(32, 0), 0x8a9136aa],
    ["32 ones", filled(32, 255), 0x62a8ab43],
    ["32 ascending", ascending, 0x46dd794e],
    ["32 descending", ascending.toReversed(), 0x113fdb5c],
  ];
  test.each(vectors)("of %s is as RFC 3720 says", (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });

  test("agrees with the bit-by-bit sum, at every length, offset and cut", () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, at) => (at * 151 + 7) & 255);
    for (let length = 0; length <= 100; length++) {
      const view = bytes.subarray(100 - length);
      const cut = length >>> 1;
      expect(crc32c(view)).toBe(sumByBits(view));
      expect(crc32c(view, cut, length, crc32c(view, 0, cut))).toBe(sumByBits(view));
    }
  });
});

/** The obvious twin: one bit at a time. */
function sumByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
