// What every store must do, run over each of them: memory in Node, IndexedDB in Chromium, SQLite in
// a Durable Object and in Node.

import { describe, expect, test } from "vitest";
import { decodeChunk } from "../../engine/store/chunk.ts";
import {
  appendOf,
  equalBytes,
  expectFault,
  fill,
  filled,
  HEADER,
  heldOf,
  NOTHING,
  readAll,
  viewOf,
  type About,
  type Place,
  type WithPlace,
} from "./writes.ts";
import { doubtCases, releaseCases } from "./contract-beside.ts";
import { damageCases } from "./contract-damage.ts";
import { snapshotCases, trimCases } from "./contract-kept.ts";

export function storeContract(name: string, durable: boolean, withPlace: WithPlace): void {
  const about = (sentence: string, body: (place: Place) => Promise<void>): void => {
    test(sentence, () => withPlace(body));
  };
  describe(`The ${name} store`, () => {
    describe("from creation to reopening", () => lifeCases(about));
    describe("reading", () => readCases(about));
    describe("reading in steps", () => longCases(about));
    describe("appending", () => appendCases(about));
    describe("releasing", () => releaseCases(about));
    describe("asked after a failure", () => doubtCases(about));
    describe("snapshots", () => snapshotCases(about));
    describe("trimming", () => trimCases(about));
    if (durable) describe("damage", () => damageCases(about));
  });
}

function lifeCases(about: About): void {
  about("holds nothing when it is new", async (place) => {
    expect(await (await place.open()).recover()).toBeNull();
  });

  about("recovers what was created", async (place) => {
    await (await place.open()).create(HEADER);
    const recovered = await (await place.open()).recover();
    expect(recovered).toEqual({
      header: HEADER,
      endPosition: 0,
      trimmedTo: 0,
      archivedTo: 0,
      held: [],
      released: [],
      snapshots: [],
    });
  });

  about("refuses to be created twice", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    await expectFault(() => store.create(HEADER), "storage_unavailable");
  });

  about("refuses to append before it is created", async (place) => {
    const store = await place.open();
    await expectFault(() => store.append(appendOf(0, 1)), "storage_unavailable");
    expect(await store.recover()).toBeNull();
  });

  about("goes on where it stood after a reopening, and after a close", async (place) => {
    const first = await place.open();
    const chunks = await fill(first, [3, 1]);
    await first.close();
    const second = await place.open();
    expect((await second.recover())?.endPosition).toBe(4);
    const write = appendOf(4, 2);
    await second.append(write);
    const third = await place.open();
    expect((await third.recover())?.endPosition).toBe(6);
    expect(await readAll(third, 0, 1e6)).toEqual([...chunks, write.chunk]);
  });
}

function readCases(about: About): void {
  const counts = [3, 1, 1, 10, 2];
  const starts = [0, 3, 4, 5, 15];

  for (const limitBytes of [1, 200, 1e6]) {
    about(`gives all from any position, in pages of ${limitBytes} bytes`, async (place) => {
      const store = await place.open();
      const chunks = await fill(store, counts);
      for (let from = 0; from < 17; from++) {
        const first = starts.findLastIndex((start) => start <= from);
        expect(await readAll(store, from, limitBytes)).toEqual(chunks.slice(first));
      }
    });
  }

  about("gives about as many bytes as asked for, and one chunk at least", async (place) => {
    const store = await place.open();
    const [chunk] = await fill(store, Array<number>(20).fill(5));
    const size = chunk!.length;
    expect(await store.read(0, 0)).toHaveLength(1);
    expect(await store.read(0, size)).toHaveLength(1);
    expect(await store.read(0, size + 1)).toHaveLength(2);
    expect(await store.read(7, size * 10)).toHaveLength(10);
    expect(await store.read(0, size * 100)).toHaveLength(20);
  });

  about("gives no more of large chunks because those before them are tiny", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    const large = 1 << 18;
    for (let position = 0; position < 60; position++) {
      const isTiny = position % 10 < 4;
      await store.append(appendOf(position, 1, { lineBytes: isTiny ? 40 : large }));
    }
    for (const from of [0, 3, 10, 33]) {
      const page = await store.read(from, large);
      const bytes = page.reduce((sum, { length }) => sum + length, 0);
      expect([from, Math.floor(bytes / large)]).toEqual([from, expect.toBeOneOf([1, 2, 3, 4])]);
    }
    expect(await readAll(store, 0, large)).toHaveLength(60);
  });

  about("gives nothing at the end and behind it", async (place) => {
    const store = await place.open();
    await fill(store, [2]);
    expect(await store.read(2, 1000)).toEqual([]);
    expect(await store.read(3, 1000)).toEqual([]);
  });

  about("reads hundreds of tiny chunks in pages", async (place) => {
    const store = await place.open();
    const chunks = await fill(store, Array<number>(300).fill(1));
    expect(await readAll(store, 0, 20_000)).toEqual(chunks);
    expect(await readAll(store, 0, 1e7)).toEqual(chunks);
  });

  about("keeps a chunk of 3 MB", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    const large = appendOf(0, 12, { lineBytes: 256 * 1024 });
    await store.append(large);
    await store.append(appendOf(12, 1));
    const [first, second] = await readAll(await place.open(), 0, 1);
    expect(equalBytes(first!, large.chunk!)).toBe(true);
    expect(decodeChunk(second!).firstPosition).toBe(12);
  });
}

function longCases(about: About): void {
  about("gives a long chunk read in steps as it gives it at once", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    for (const [position, lineBytes] of [40, 1 << 20, 40].entries()) {
      await store.append(appendOf(position * 3, 3, { lineBytes }));
    }
    for (const from of [0, 4, 8]) {
      const steps: number[] = [];
      const read = await store.read(from, 1000, (bytes) => void steps.push(bytes));
      const atOnce = await store.read(from, 1000);
      expect(read.map((bytes) => bytes.length)).toEqual(atOnce.map((bytes) => bytes.length));
      expect(read.every((bytes, index) => equalBytes(bytes, atOnce[index]!))).toBe(true);
      expect(Math.max(0, ...steps)).toBeLessThanOrEqual(1 << 20);
      if (store.storage !== "memory" && from === 4) expect(steps.length).toBeGreaterThan(2);
    }
    expect(await store.read(9, 1000, () => {})).toEqual([]);
  });
}

function appendCases(about: About): void {
  about("moves the end only by what it appends", async (place) => {
    const store = await place.open();
    await fill(store, [3]);
    const nothing = { chunk: null, firstPosition: 3, endPosition: 3, ...NOTHING };
    await store.append({ ...nothing, held: [heldOf("a")] });
    await store.append(appendOf(3, 2));
    expect((await (await place.open()).recover())?.endPosition).toBe(5);
  });

  about("keeps held lines in their order, byte for byte", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    const raw = { ...heldOf("m", 5), line: Uint8Array.of(0, 255, 128, 10) };
    const held = [heldOf("z", 1_710_530_712_345), raw, heldOf("a")];
    await store.append(appendOf(0, 1, { held: held.slice(0, 2) }));
    await store.append(appendOf(1, 1, { held: held.slice(2) }));
    expect((await (await place.open()).recover())?.held).toEqual(held);
  });

  about("leaves no trace of an append with a held line that is kept already", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    await store.append(appendOf(0, 3, { held: [heldOf("a")] }));
    const again = [heldOf("b"), heldOf("a")];
    const write = appendOf(3, 2, { held: again });
    await expectFault(() => store.append(write), "storage_unavailable");
    await expectFault(
      () => store.append({ ...write, held: [heldOf("c"), heldOf("c")] }),
      "storage_unavailable",
    );
    for (const opened of [store, await place.open()]) {
      const recovered = await opened.recover();
      expect(recovered?.endPosition).toBe(3);
      expect(recovered?.held).toEqual([heldOf("a")]);
      expect(await readAll(opened, 0, 1e6)).toHaveLength(1);
    }
    await store.append({ ...write, held: [heldOf("b")] });
    expect((await store.recover())?.endPosition).toBe(5);
  });

  about("refuses a chunk that does not stand where the log ends", async (place) => {
    const store = await place.open();
    await fill(store, [3]);
    await expectFault(() => store.append(appendOf(2, 1)), "storage_unavailable");
    await expectFault(() => store.append(appendOf(4, 1)), "storage_unavailable");
    const wrong = async (): Promise<void> => store.append({ ...appendOf(3, 2), endPosition: 6 });
    await expect(wrong()).rejects.toThrow(RangeError);
    expect((await store.recover())?.endPosition).toBe(3);
  });

  about("keeps of a view only its own bytes", async (place) => {
    const store = await place.open();
    await store.create({ ...HEADER, hashKey: viewOf(HEADER.hashKey) });
    const write = appendOf(0, 2, { held: [heldOf("a")] });
    const held = write.held.map((line) => ({ ...line, line: viewOf(line.line) }));
    await store.append({ ...write, chunk: viewOf(write.chunk!), held });
    await store.saveSnapshot({ position: 2, bytes: viewOf(filled(1000, 3)) });
    const opened = await place.open();
    const recovered = await opened.recover();
    expect(recovered).toEqual({
      header: HEADER,
      endPosition: 2,
      trimmedTo: 0,
      archivedTo: 0,
      held: [heldOf("a")],
      released: [],
      snapshots: [{ position: 2, bytes: filled(1000, 3) }],
    });
    const [chunk] = await opened.read(0, 1);
    expect(chunk).toEqual(write.chunk);
    const kept = [chunk!, recovered!.header.hashKey, recovered!.held[0]!.line];
    for (const bytes of [...kept, recovered!.snapshots[0]!.bytes]) {
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    }
  });
}

/** Identities in the order of their positions, which is not that of the alphabet. */
