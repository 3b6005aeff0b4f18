// What every store must do, run over each of them: memory in Node, IndexedDB in Chromium, SQLite in
// a Durable Object. A place is one storage that can be opened again and again; a durable one can
// also be damaged behind the store's back, and filled up.

import { describe, expect, test } from "vitest";
import { CHUNK_RELEASED, decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import type { Append, HeldLine, LogHeader, MaybePromise, Store } from "../../engine/store/store.ts";

export interface Place {
  /** A store over this place's storage, as after a restart. */
  open(): MaybePromise<Store>;
  /** Changes the stored chunk that begins at `position`, or loses it (null). */
  damage?(position: number, change: (bytes: Uint8Array) => Uint8Array | null): MaybePromise<void>;
  /** A store whose disk fills up at the last write of its next append. */
  openFull?(): MaybePromise<Store>;
}

/** Runs a test's body with a place of its own. */
export type WithPlace = (body: (place: Place) => Promise<void>) => Promise<void>;

export const HEADER: LogHeader = { version: 1, hashKey: filled(16, 7) };

const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };
const encoder = new TextEncoder();

/** A chunk of `count` entries from `firstPosition`, its lines `lineBytes` long with their "\n". */
export function appendOf(
  firstPosition: number,
  count: number,
  { lineBytes = 40, ...beside }: { lineBytes?: number } & Partial<Append> = {},
): Append {
  const lines = Array.from(
    { length: count },
    (_, index) => `{"n":${firstPosition + index}}`.padEnd(lineBytes - 1) + "\n",
  );
  const chunk = encodeChunk({
    firstPosition,
    count,
    receivedAt: firstPosition % 2 === 0 ? null : 1_710_530_712_345,
    flags: firstPosition % 3 === 0 ? CHUNK_RELEASED : 0,
    previousDigest: filled(32, firstPosition),
    lines: encoder.encode(lines.join("")),
  });
  return { chunk, firstPosition, endPosition: firstPosition + count, ...NOTHING, ...beside };
}

export function heldOf(id: string, receivedAt: number | null = null): HeldLine {
  return {
    id,
    code: "event_time_in_future",
    receivedAt,
    line: encoder.encode(`{"eventId":"${id}"}`),
  };
}

/** Appends with chunks of these sizes, one after another from position 0. */
async function fill(store: Store, counts: readonly number[]): Promise<Uint8Array[]> {
  await store.create(HEADER);
  const chunks: Uint8Array[] = [];
  let position = 0;
  for (const count of counts) {
    const write = appendOf(position, count);
    await store.append(write);
    chunks.push(write.chunk!);
    position = write.endPosition;
  }
  return chunks;
}

/** Every chunk from `from` on, read in pages of `limitBytes`. */
async function readAll(store: Store, from: number, limitBytes: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let position = from; ;) {
    const page = await store.read(position, limitBytes);
    if (page.length === 0) return chunks;
    chunks.push(...page);
    const last = decodeChunk(page.at(-1)!);
    // A page that gets nowhere would be read for ever.
    expect(last.firstPosition + last.count).toBeGreaterThan(position);
    position = last.firstPosition + last.count;
  }
}

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

type About = (sentence: string, body: (place: Place) => Promise<void>) => void;

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
const RELEASED = ["z", "a", "m"].map((identity, index) => ({ identity, position: index + 3 }));

function releaseCases(about: About): void {
  about("lets held lines go with the chunk, and keeps their identities", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    const held = ["z", "a", "m", "b"].map((id) => heldOf(id));
    await store.append(appendOf(0, 3, { held }));
    await store.append(appendOf(3, 3, { letGo: ["m", "z"], remembered: RELEASED }));
    for (const opened of [store, await place.open()]) {
      expect(await opened.recover()).toMatchObject({
        endPosition: 6,
        held: [heldOf("a"), heldOf("b")],
        released: RELEASED,
      });
      expect(decodeChunk((await opened.read(3, 1))[0]!).flags).toBe(CHUNK_RELEASED);
    }
    await store.append(appendOf(6, 1, { held: [heldOf("z", 5)] }));
    const recovered = await (await place.open()).recover();
    expect(recovered?.held).toEqual([heldOf("a"), heldOf("b"), heldOf("z", 5)]);
  });

  about("lets held lines go without a chunk", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    await store.append(appendOf(0, 3, { held: [heldOf("a"), heldOf("b")] }));
    const nothing = { chunk: null, firstPosition: 3, endPosition: 3, ...NOTHING };
    await store.append({ ...nothing, letGo: ["a"] });
    const recovered = await (await place.open()).recover();
    expect(recovered).toMatchObject({ endPosition: 3, held: [heldOf("b")], released: [] });
  });

  about("forgets identities, and moves one that comes again to its newest place", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    await store.append(appendOf(0, 6, { remembered: RELEASED }));
    const again = { identity: "a", position: 7 };
    await store.append(appendOf(6, 2, { remembered: [again], forgotten: ["z"] }));
    expect((await store.recover())?.released).toEqual([RELEASED[2], again]);
    expect((await (await place.open()).recover())?.released).toEqual([RELEASED[2], again]);
  });

  about("leaves no trace of the release of a line that is not held", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    const write = appendOf(0, 3, { held: [heldOf("a")], remembered: RELEASED.slice(0, 1) });
    await store.append(write);
    const letGo = ["a", "b"];
    const [forgotten, held, remembered] = [["z"], [heldOf("c")], RELEASED];
    const wrong = appendOf(3, 3, { letGo, forgotten, held, remembered });
    await expectFault(() => store.append(wrong), "storage_unavailable", "b is not held");
    for (const opened of [store, await place.open()]) {
      expect(await opened.recover()).toMatchObject({
        endPosition: 3,
        held: write.held,
        released: write.remembered,
      });
      expect(await readAll(opened, 0, 1e6)).toEqual([write.chunk]);
    }
    await store.append({ ...wrong, letGo: ["a"] });
    expect(await store.recover()).toMatchObject({ endPosition: 6, held: [heldOf("c")] });
  });
}

function doubtCases(about: About): void {
  const lines = { chunk: null, firstPosition: 3, endPosition: 3, ...NOTHING };
  const writes: { [kind: string]: Append } = {
    "a chunk": appendOf(3, 2, { held: [heldOf("c")], letGo: ["a"] }),
    "held lines": { ...lines, held: [heldOf("c"), heldOf("d")] },
    "lines let go": { ...lines, letGo: ["a"] },
  };
  for (const [kind, write] of Object.entries(writes)) {
    about(`says whether ${kind} of which it told a failure got there`, async (place) => {
      const store = await place.open();
      await store.create(HEADER);
      await store.append(appendOf(0, 3, { held: [heldOf("a"), heldOf("b")] }));
      for (const opened of [store, await place.open()]) {
        expect(await opened.hasLanded(write)).toBe(false);
      }
      await store.append(write);
      for (const opened of [store, await place.open()]) {
        expect(await opened.hasLanded(write)).toBe(true);
      }
      const other = appendOf(7, 2);
      await expectFault(() => store.hasLanded(other), "storage_unavailable", "another writer");
    });
  }
}

function snapshotCases(about: About): void {
  about("keeps the two newest, newest first, one of 3 MB among them", async (place) => {
    const store = await place.open();
    await fill(store, [9]);
    const large = patterned(3_000_000);
    await store.saveSnapshot({ position: 3, bytes: filled(10, 3) });
    await store.saveSnapshot({ position: 6, bytes: large });
    await store.saveSnapshot({ position: 9, bytes: new Uint8Array(0) });
    const snapshots = (await (await place.open()).recover())!.snapshots;
    expect(snapshots.map(({ position }) => position)).toEqual([9, 6]);
    expect(snapshots[0]!.bytes).toHaveLength(0);
    expect(equalBytes(snapshots[1]!.bytes, large)).toBe(true);
  });

  about("replaces one of the same position by the whole of the new one", async (place) => {
    const store = await place.open();
    await fill(store, [9]);
    await store.saveSnapshot({ position: 3, bytes: filled(10, 3) });
    await store.saveSnapshot({ position: 6, bytes: patterned(2_500_000) });
    await store.saveSnapshot({ position: 6, bytes: filled(5, 9) });
    expect((await (await place.open()).recover())?.snapshots).toEqual([
      { position: 6, bytes: filled(5, 9) },
      { position: 3, bytes: filled(10, 3) },
    ]);
  });

  about("writes a long one in steps, until the last of which it has what it had", async (place) => {
    const store = await place.open();
    await fill(store, [9]);
    const positions = async (): Promise<number[]> =>
      (await store.recover())!.snapshots.map(({ position }) => position);
    await store.saveSnapshot({ position: 3, bytes: filled(10, 3) });
    await store.saveSnapshot({ position: 6, bytes: patterned(2_500_000) });
    // The same position too: another plan's, which takes over.
    for (const position of [6, 9]) {
      const before = await store.recover();
      const steps: number[] = [];
      const isOld = async (): Promise<boolean> => {
        const { snapshots } = (await store.recover())!;
        const [newest] = before!.snapshots;
        const ofNow = snapshots.find((each) => each.position === newest!.position);
        return ofNow !== undefined && equalBytes(ofNow.bytes, newest!.bytes);
      };
      const broken = store.saveSnapshot(
        { position, bytes: filled(5_000_000, position) },
        async (step) => {
          steps.push(step);
          if (steps.length === 3) throw new Error("killed");
        },
      );
      // A store that writes it at once has no steps.
      await Promise.resolve(broken).catch(() => {});
      if (steps.length > 0) expect(await isOld()).toBe(true);
      const opened = await place.open();
      const checked: boolean[] = [];
      await opened.saveSnapshot({ position, bytes: patterned(4_000_000) }, async (step) => {
        expect(step).toBeLessThanOrEqual(1 << 20);
        const [newest] = (await opened.recover())!.snapshots;
        checked.push(newest!.position === position && newest!.bytes.length === 4_000_000);
      });
      // At first it is not there, then it is.
      expect(checked).toEqual(checked.toSorted((a, b) => Number(a) - Number(b)));
      expect(checked[0] ?? false).toBe(false);
      const [newest] = (await opened.recover())!.snapshots;
      expect(equalBytes(newest!.bytes, patterned(4_000_000))).toBe(true);
      expect(await positions()).toEqual(position === 6 ? [6, 3] : [9, 6]);
    }
  });

  about("refuses a snapshot of a log that was not created", async (place) => {
    const store = await place.open();
    const snapshot = { position: 0, bytes: filled(3, 1) };
    await expectFault(() => store.saveSnapshot(snapshot), "storage_unavailable");
  });
}

function trimCases(about: About): void {
  const counts = [3, 1, 1, 10, 2];

  about("forgets what is before a chunk, and reads the rest as ever", async (place) => {
    const store = await place.open();
    await fill(store, counts);
    const kept = (await readAll(store, 0, 1)).length;
    for (const [to, chunksLeft] of [
      [3, 4],
      [5, 2],
      [5, 2],
      [15, 1],
    ] as const) {
      await store.trim(to);
      for (const opened of [store, await place.open()]) {
        expect(await opened.recover()).toMatchObject({ trimmedTo: to, endPosition: 17 });
        const chunks = await readAll(opened, to, 1);
        expect([to, chunks.length]).toEqual([to, chunksLeft]);
        expect(decodeChunk(chunks[0]!)).toMatchObject({ firstPosition: to });
        for (const from of [0, to - 1]) {
          await expectFault(() => opened.read(from, 1e6), "log_trimmed", `below ${to} were`);
        }
        expect(await opened.read(17, 1)).toEqual([]);
      }
    }
    expect(kept).toBe(5);
    await store.append(appendOf(17, 2));
    expect((await (await place.open()).recover())?.endPosition).toBe(19);
    expect(await readAll(await place.open(), 15, 1e6)).toHaveLength(2);
  });

  about(
    "forgets the identities that were released in what it trims, and no others",
    async (place) => {
      const store = await place.open();
      await store.create(HEADER);
      await store.append(appendOf(0, 4, { remembered: RELEASED.slice(0, 1) }));
      await store.append(appendOf(4, 2, { remembered: RELEASED.slice(1), held: [heldOf("h")] }));
      await store.append(appendOf(6, 1));
      await store.trim(4);
      for (const opened of [store, await place.open()]) {
        expect(await opened.recover()).toMatchObject({
          released: RELEASED.slice(1),
          held: [heldOf("h")],
        });
      }
    },
  );

  about("takes back what it forgot, the newest first, and nothing else", async (place) => {
    const store = await place.open();
    const chunks = await fill(store, counts);
    // What stays of a log in memory got its chain with the trim.
    await store.seal?.();
    const forgotten = (await readAll(store, 0, 1)).slice(0, 3);
    await store.trim(5);
    const [first, , third] = forgotten;
    for (const wrong of [first!, chunks[3]!, appendOf(2, 1).chunk!]) {
      await expect((async () => store.putBack!(wrong))()).rejects.toThrow(RangeError);
    }
    const damaged = third!.with(70, third![70]! ^ 1);
    await expectFault(() => store.putBack!(damaged), "chunk_broken", "position 4");
    expect(await store.recover()).toMatchObject({ trimmedTo: 5 });
    for (const bytes of forgotten.toReversed()) {
      await store.putBack!(bytes);
      const { firstPosition } = decodeChunk(bytes);
      for (const opened of [store, await place.open()]) {
        expect(await opened.recover()).toMatchObject({ trimmedTo: firstPosition, endPosition: 17 });
        expect((await opened.read(firstPosition, 1))[0]).toEqual(bytes);
      }
    }
    const opened = await place.open();
    expect((await readAll(opened, 0, 1e6)).slice(0, 3)).toEqual(forgotten);
    await opened.append(appendOf(17, 2));
    await opened.trim(4);
    expect(await opened.recover()).toMatchObject({ trimmedTo: 4, endPosition: 19 });
    await opened.putBack!(forgotten[1]!);
    expect(await readAll(await place.open(), 3, 1)).toHaveLength(5);
  });

  about("is trimmed between chunks only, and never of its newest", async (place) => {
    const store = await place.open();
    await fill(store, counts);
    for (const to of [1, 4.5, 16, 17, 18, -1]) {
      await expect((async () => store.trim(to))()).rejects.toThrow(RangeError);
    }
    expect(await store.recover()).toMatchObject({ trimmedTo: 0 });
    expect(await readAll(store, 0, 1)).toHaveLength(5);
  });
}

function damageCases(about: About): void {
  about("leaves no trace of an append that finds the disk full", async (place) => {
    const chunks = await fill(await place.open(), [3, 2]);
    const full = await place.openFull!();
    const beside = { held: [heldOf("a"), heldOf("b")], remembered: RELEASED };
    const write = appendOf(5, 4, beside);
    await expectFault(() => full.append(write), "quota_exceeded");
    const opened = await place.open();
    const recovered = await opened.recover();
    expect(recovered?.endPosition).toBe(5);
    expect(recovered?.held).toEqual([]);
    expect(recovered?.released).toEqual([]);
    expect(await readAll(opened, 0, 1e6)).toEqual(chunks);
    await opened.append(write);
    expect((await opened.recover())?.endPosition).toBe(9);
  });

  about("holds what it held when a release finds the disk full", async (place) => {
    const store = await place.open();
    await store.create(HEADER);
    await store.append(appendOf(0, 3, { held: [heldOf("a")], remembered: RELEASED.slice(0, 1) }));
    const release = appendOf(3, 1, { letGo: ["a"], remembered: RELEASED, forgotten: ["z"] });
    const full = await place.openFull!();
    await expectFault(() => full.append(release), "quota_exceeded");
    const opened = await place.open();
    expect(await opened.recover()).toMatchObject({
      endPosition: 3,
      held: [heldOf("a")],
      released: RELEASED.slice(0, 1),
    });
    await opened.append({ ...release, forgotten: [] });
    expect(await opened.recover()).toMatchObject({ endPosition: 4, held: [], released: RELEASED });
  });

  about("sees that the newest chunk is lost when it recovers", async (place) => {
    await fill(await place.open(), [3, 7]);
    await place.damage!(3, () => null);
    const opened = await place.open();
    await expectFault(() => opened.recover(), "log_truncated", "3", "10");
    for (const limitBytes of [1, 1e6]) {
      await expectFault(() => opened.read(0, limitBytes), "chunk_broken", "Positions 3 to 9");
      await expectFault(() => opened.read(3, limitBytes), "chunk_broken", "Positions 3 to 9");
    }
    await place.damage!(0, () => null);
    await expectFault(() => opened.recover(), "log_truncated", "0", "10");
    await expectFault(() => opened.read(0, 1e6), "chunk_broken", "Positions 0 to 9");
  });

  about("names the positions of a gap", async (place) => {
    await fill(await place.open(), [3, 7, 1, 5]);
    await place.damage!(3, () => null);
    const opened = await place.open();
    expect((await opened.recover())?.endPosition).toBe(16);
    for (const from of [0, 3, 9]) {
      await expectFault(() => readAll(opened, from, 1), "chunk_broken", "Positions 3 to 9");
      await expectFault(() => readAll(opened, from, 1e6), "chunk_broken", "Positions 3 to 9");
    }
    expect(await readAll(opened, 10, 1e6)).toHaveLength(2);
    await place.damage!(0, () => null);
    await expectFault(() => opened.read(0, 1), "chunk_broken", "Positions 0 to 9");
  });

  about("names the positions that are lost behind a trim, not those before it", async (place) => {
    await fill(await place.open(), [3, 7, 1, 5]);
    const opened = await place.open();
    await opened.trim(3);
    await place.damage!(3, () => null);
    await expectFault(() => opened.read(3, 1), "chunk_broken", "Positions 3 to 9");
    await expectFault(() => opened.read(0, 1), "log_trimmed");
    await place.damage!(11, () => null);
    await expectFault(() => opened.recover(), "log_truncated", "11", "16");
  });

  const flips = [0, 5, 9, 17, 21, 25, 29, 40, 64, 100];
  about("names a broken chunk, wherever a bit of it flipped", async (place) => {
    await fill(await place.open(), [3, 7, 1]);
    const opened = await place.open();
    for (const at of flips) {
      const flip = (bytes: Uint8Array): Uint8Array => bytes.with(at, bytes[at]! ^ 4);
      await place.damage!(3, flip);
      await expectFault(() => readAll(opened, 0, 1), "chunk_broken", "position");
      await expectFault(() => opened.read(4, 1e6), "chunk_broken", "position");
      await place.damage!(3, flip);
    }
    expect(await readAll(opened, 0, 1e6)).toHaveLength(3);
  });

  about(
    "names a chunk that is too short or too long, the newest when it recovers",
    async (place) => {
      await fill(await place.open(), [3, 7]);
      const opened = await place.open();
      await place.damage!(0, (bytes) => bytes.slice(0, -1));
      await expectFault(() => opened.read(0, 1), "chunk_broken", "position 0");
      await place.damage!(3, (bytes) => new Uint8Array([...bytes, 10]));
      await expectFault(() => opened.read(3, 1), "chunk_broken", "position 3");
      await expectFault(() => opened.recover(), "chunk_broken", "position 3");
    },
  );
}

/** A HostFault of this code, whose message names these. */
export async function expectFault(
  work: () => MaybePromise<unknown>,
  code: string,
  ...named: string[]
): Promise<void> {
  const error: unknown = await (async () => work())().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "HostFault", code });
  for (const part of named) expect(String(error)).toContain(part);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function filled(length: number, byte: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(byte);
}

function patterned(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, at) => (at * 31 + (at >>> 8)) & 255);
}

/** The same bytes as a view into a larger buffer. */
function viewOf(bytes: Uint8Array): Uint8Array {
  const larger = filled(bytes.length + 50, 99);
  larger.set(bytes, 20);
  return larger.subarray(20, 20 + bytes.length);
}
