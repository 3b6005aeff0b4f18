// The log of one run: as the memory store, whether its chunks are in memory, in its file, or some
// here and some there; and nothing is left of it.

import { readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { TemporaryLog } from "../../engine/cli/temporary-log.ts";
import { open } from "../../engine/index.ts";
import { encodeChunk } from "../../engine/store/chunk.ts";
import { HostFault } from "../../engine/store/host-fault.ts";
import { event, PLAN } from "./terminal.ts";

const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };
const COUNTS = [1, 3, 2, 500, 1, 1, 7];

function chunk(firstPosition: number, count: number): Uint8Array {
  const lines = Array.from({ length: count }, (_, index) => `${firstPosition + index}\n`).join("");
  return encodeChunk({
    firstPosition,
    count,
    receivedAt: null,
    flags: 0,
    previousDigest: new Uint8Array(32),
    lines: new TextEncoder().encode(lines),
  });
}

function filled(memoryBytes: number): { log: TemporaryLog; chunks: Uint8Array[]; end: number } {
  const log = new TemporaryLog(memoryBytes);
  const chunks: Uint8Array[] = [];
  let position = 0;
  for (const count of COUNTS) {
    const bytes = chunk(position, count);
    const endPosition = position + count;
    log.append({ chunk: bytes, firstPosition: position, endPosition, ...NOTHING });
    log.append({ chunk: null, firstPosition: endPosition, endPosition, ...NOTHING });
    chunks.push(bytes);
    position = endPosition;
  }
  return { log, chunks, end: position };
}

describe.each([0, 70, 300, 1 << 20])("with %d bytes in memory", (memoryBytes) => {
  test("reads whole chunks from the one that holds a position", () => {
    const { log, chunks, end } = filled(memoryBytes);
    const indexOf = COUNTS.flatMap((count, index) => Array<number>(count).fill(index));
    for (let position = 0; position < end; position++) {
      const index = indexOf[position]!;
      expect(log.read(position, 1)).toEqual([chunks[index]]);
      expect(log.read(position, Infinity)).toEqual(chunks.slice(index));
    }
    expect(log.read(end, 1)).toEqual([]);
    expect(log.read(0, chunks[0]!.length + 1)).toEqual(chunks.slice(0, 2));
    log.close();
  });

  test("refuses what does not stand at its end", () => {
    const { log, end } = filled(memoryBytes);
    const append = (firstPosition: number): void => {
      const endPosition = firstPosition + 1;
      log.append({ chunk: chunk(firstPosition, 1), firstPosition, endPosition, ...NOTHING });
    };
    expect(() => append(end - 1)).toThrow(HostFault);
    expect(() => append(end + 1)).toThrow(HostFault);
    append(end);
    log.close();
  });

  test("an engine on it finds the first event of an identity again, and its whole log", async () => {
    const log = new TemporaryLog(memoryBytes);
    const engine = await open({ plan: PLAN, store: log, hashKey: new Uint8Array(16) });
    for (let index = 0; index < 20; index++) await engine.push(event(`e${index}`, index));
    const spaced = event("e3", 3).replaceAll(":{", ": {").replaceAll('"x":1', '"x":1.0');
    expect(await engine.push(spaced)).toMatchObject({ duplicate: 1, invalid: [] });
    const other = await engine.push(event("e17", 3));
    expect(other.invalid.map(({ code }) => code)).toEqual(["event_id_conflict"]);
    let exported = "";
    for await (const part of engine.log()) exported += part;
    expect(exported.split("\n")).toHaveLength(41);
    log.close();
  });
});

test("leaves no file behind, not even while it is open", () => {
  const files = (): string[] =>
    readdirSync(tmpdir()).filter((name) => /^millrace-\w{6}$/.test(name));
  const before = files();
  const { log } = filled(0);
  expect(files()).toEqual(before);
  log.close();
  log.close();
});

test.skipIf(process.platform !== "linux")("opens a file only where memory is used up", () => {
  const openFiles = (): number => {
    return readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return /millrace-\w{6}\/log/.test(readlinkSync(`/proc/self/fd/${fd}`));
      } catch {
        // The listing's own descriptor is gone by now.
        return false;
      }
    }).length;
  };
  const before = openFiles();
  const all = COUNTS.length * (1 << 16);
  const { log: inMemory } = filled(all);
  expect(openFiles()).toBe(before);
  const { log: inFile } = filled(300);
  expect(openFiles()).toBe(before + 1);
  inFile.close();
  inMemory.close();
  expect(openFiles()).toBe(before);
});
