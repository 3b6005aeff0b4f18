// What every store must do with what it keeps for a time: two snapshots, and the log that is trimmed.

import { expect } from "vitest";
import { decodeChunk } from "../../engine/store/chunk.ts";
import {
  appendOf,
  equalBytes,
  expectFault,
  fill,
  filled,
  HEADER,
  heldOf,
  patterned,
  readAll,
  RELEASED,
  type About,
} from "./writes.ts";

export function snapshotCases(about: About): void {
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

  about("reads long ones in steps, also while they are replaced", async (place) => {
    const store = await place.open();
    await fill(store, [9]);
    await store.saveSnapshot({ position: 3, bytes: patterned(2_500_000) });
    await store.saveSnapshot({ position: 6, bytes: patterned(3_500_000) });
    const steps: number[] = [];
    const { snapshots, ...rest } = (await store.recover((step) => void steps.push(step)))!;
    const { snapshots: atOnce, ...restAtOnce } = (await store.recover())!;
    expect(rest).toEqual(restAtOnce);
    expect(snapshots.map(({ position }) => position)).toEqual([6, 3]);
    for (const [index, { bytes }] of snapshots.entries()) {
      expect(equalBytes(bytes, atOnce[index]!.bytes)).toBe(true);
    }
    // A store that has them at hand has no steps; one that cannot cut them has one for each.
    expect([0, 2, 7]).toContain(steps.length);
    if (steps.length === 7) expect(Math.max(...steps)).toBe(1 << 20);
    let isReplaced = false;
    const meanwhile = (await store.recover(async () => {
      if (isReplaced) return;
      isReplaced = true;
      await store.saveSnapshot({ position: 6, bytes: filled(10, 6) });
      await store.saveSnapshot({ position: 9, bytes: filled(10, 9) });
    }))!;
    // What is not as it was saved is damaged, which whoever decodes it finds by its sum.
    expect(meanwhile.endPosition).toBe(9);
    const positions = (await store.recover())!.snapshots.map(({ position }) => position);
    expect(positions).toEqual(isReplaced ? [9, 6] : [6, 3]);
  });

  about("refuses a snapshot of a log that was not created", async (place) => {
    const store = await place.open();
    const snapshot = { position: 0, bytes: filled(3, 1) };
    await expectFault(() => store.saveSnapshot(snapshot), "storage_unavailable");
  });
}

export function trimCases(about: About): void {
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

  about("knows for good how far an archive has what it forgot", async (place) => {
    const store = await place.open();
    await fill(store, counts);
    await store.seal?.();
    const chunks = await readAll(store, 0, 1);
    const putBack = async (count: number): Promise<void> => {
      for (const bytes of chunks.slice(0, count).toReversed()) await store.putBack!(bytes);
    };
    // What was trimmed without one it has not, whatever it had of the rest.
    await store.trim(3);
    await store.trim(4, true);
    expect(await store.recover()).toMatchObject({ trimmedTo: 4, archivedTo: 0 });
    await putBack(2);
    await store.trim(3, true);
    await store.trim(5, true);
    await putBack(3);
    await store.append(appendOf(17, 1));
    await store.trim(4);
    for (const opened of [store, await place.open()]) {
      expect(await opened.recover()).toMatchObject({ trimmedTo: 4, archivedTo: 5 });
    }
  });

  about("says so where a long chunk is trimmed while it is read in steps", async (place) => {
    for (const trimAt of [1, 2, 3]) {
      const store = await place.open();
      if (trimAt === 1) {
        await fill(store, [1]);
        await store.append(appendOf(1, 3, { lineBytes: 1 << 20 }));
        await store.append(appendOf(4, 1));
        await store.seal?.();
      }
      const [long] = await store.read(1, 1);
      let steps = 0;
      const reading = async (): Promise<readonly Uint8Array[]> =>
        store.read(1, 1, async () => {
          if (++steps === trimAt) await store.trim(4);
        });
      // Whole, where it had all of it before.
      const read = await reading().catch((error: unknown) => error);
      if (read instanceof Error) expect(read).toMatchObject({ code: "log_trimmed" });
      else expect(equalBytes((read as Uint8Array[])[0]!, long!)).toBe(true);
      if ((await store.recover())!.trimmedTo === 4) await store.putBack!(long!);
    }
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
