// What every store must do with what stands beside the chunks, held lines and released identities,
// and how it answers after a failure.

import { expect } from "vitest";
import { CHUNK_RELEASED, decodeChunk } from "../../engine/store/chunk.ts";
import type { Append } from "../../engine/store/store.ts";
import {
  appendOf,
  expectFault,
  HEADER,
  heldOf,
  NOTHING,
  readAll,
  RELEASED,
  type About,
} from "./writes.ts";

export function releaseCases(about: About): void {
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

export function doubtCases(about: About): void {
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
