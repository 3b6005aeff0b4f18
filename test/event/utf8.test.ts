// Validity of UTF-8: the public cases, every short sequence against Unicode's own table, and text
// with lone surrogates on its way to bytes.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../engine/event/utf8.ts";
import { describeCorpus } from "./corpus.ts";
import { SEEDED_LIMIT_MS, seeded } from "./random.ts";
import { verdict } from "../ingest/sample.ts";

function isOurs(bytes: Uint8Array): boolean {
  return decodeUtf8(bytes) !== null;
}

/** How many bytes the well-formed character at `at` takes, or 0: Unicode, table 3-7. */
function characterBytes(bytes: Uint8Array, at: number): number {
  const [lead = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(at, at + 4);
  const isTail = (byte: number): boolean => (byte & 0xc0) === 0x80;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return isTail(second) ? 2 : 0;
  if (lead < 0xf0) {
    const isIn = second >= (lead === 0xe0 ? 0xa0 : 0x80) && second <= (lead === 0xed ? 0x9f : 0xbf);
    return isIn && isTail(third) ? 3 : 0;
  }
  const isIn = second >= (lead === 0xf0 ? 0x90 : 0x80) && second <= (lead === 0xf4 ? 0x8f : 0xbf);
  return isIn && isTail(third) && isTail(fourth) ? 4 : 0;
}

function isWellFormed(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    const length = characterBytes(bytes, at);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

interface Sequence {
  readonly name: string;
  readonly isValid: boolean;
  readonly bytes: Buffer;
}

/** The lines `number:valid:bytes` of the corpus, whose bytes may be anything but a newline. */
function sequencesOf(file: Buffer): Sequence[] {
  const sequences: Sequence[] = [];
  for (let start = 0; start < file.length;) {
    const newline = file.indexOf(0x0a, start);
    const line = file.subarray(start, newline < 0 ? file.length : newline);
    start += line.length + 1;
    const head = /^([\d.]+):(valid|invalid):/.exec(line.toString("latin1"));
    if (head === null) continue;
    const bytes = line.subarray(head[0].length);
    sequences.push({ name: head[1]!, isValid: head[2] === "valid", bytes });
  }
  return sequences;
}

describeCorpus("the cases of utf8tests", "utf8tests", (path) => {
  test("have our verdict, alone and within an event", () => {
    const sequences = sequencesOf(readFileSync(`${path}/utf8tests.bin`));
    expect(sequences.length).toBeGreaterThan(150);
    for (const { name, isValid, bytes } of sequences) {
      expect(isOurs(bytes), name).toBe(isValid);
      const line = Buffer.concat([Buffer.from('{"k":"'), bytes, Buffer.from('"}')]);
      const isJson = !bytes.some((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c);
      const expected = isJson ? "missing_field /eventId" : "invalid_json ";
      expect(verdict(line), name).toBe(isValid ? expected : "invalid_utf8 ");
    }
  });
});

describe("decodeUtf8", () => {
  test("agrees with Unicode on every two bytes, and on three or four at the edges", () => {
    const edges = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for (let lead = 0; lead < 256; lead++) {
      for (let second = 0; second < 256; second++) {
        const two = Uint8Array.of(lead, second);
        if (isOurs(two) !== isWellFormed(two)) expect([...two]).toBe("as Unicode says");
      }
      if (lead < 0xc0) continue;
      for (const second of edges) {
        for (const third of edges) {
          for (const fourth of edges) {
            const four = Uint8Array.of(lead, second, third, fourth);
            if (isOurs(four) !== isWellFormed(four)) expect([...four]).toBe("as Unicode says");
          }
        }
      }
    }
  });

  test(
    "agrees with Unicode on random bytes among valid text",
    () => {
      seeded((random) => {
        for (let round = 0; round < 20_000; round++) {
          const bytes = Buffer.from("a é 寿 🍣 \u{10ffff}");
          bytes[random.below(bytes.length)] = random.below(256);
          const cut = bytes.subarray(0, 1 + random.below(bytes.length));
          expect(isOurs(cut), cut.toString("hex")).toBe(isWellFormed(cut));
        }
      });
    },
    SEEDED_LIMIT_MS,
  );
});

describe("encodeUtf8", () => {
  test("gives the bytes of well-formed text, which read back as it", () => {
    for (const text of ["", "a", "\ufeffé", "寿🍣", "\u0000"]) {
      expect(Buffer.from(encodeUtf8(text))).toEqual(Buffer.from(text));
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
    }
  });

  test.each(["\ud800", "é\ud83d", "\ude00🍣", "🍣\ud83d\ud83d\ude00x", "a\udfff\ud800b"])(
    "makes the lone surrogate of %j invalid bytes, and keeps what stands around it",
    (text) => {
      const bytes = encodeUtf8(text);
      expect(isOurs(bytes)).toBe(false);
      expect(bytes.length).toBe(Buffer.from(text).length);
      const around = Buffer.from(text).toString().split("\ufffd").filter(Boolean);
      for (const part of around) expect(Buffer.from(bytes).includes(part)).toBe(true);
    },
  );
});
