// What a durable store must do when its disk is full, or was damaged behind its back.

import { expect } from "vitest";
import {
  appendOf,
  expectFault,
  fill,
  HEADER,
  heldOf,
  readAll,
  RELEASED,
  type About,
} from "./writes.ts";

export function damageCases(about: About): void {
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
