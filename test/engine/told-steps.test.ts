// What was told of open windows: nothing is kept of it but of sessions. There it lies in frames of
// the memory, of which few are moved at once, and what is told no more leaves room for the next.

import { expect, test, vi } from "vitest";
import { memory, open, type Change } from "../../engine/index.ts";
import { Core } from "../../engine/core/core.ts";
import { engineOf, event, planOf, queryOf, tumbling } from "../builders.ts";

const session = { kind: "session", gap: 1000, grace: 0 };
const KEYS = 9000;
const HEAD_BYTES = 64;

interface Seen {
  readonly bytes: number;
  /** Where each piece of the image lies in memory, which is at most a frame long. */
  readonly frames: readonly number[];
}

function seenIn(core: Core): Seen {
  const { toldBytes, toldFrom } = core.image();
  const frames: number[] = [];
  for (let at = HEAD_BYTES; at < toldBytes;) {
    const { byteOffset, length } = toldFrom(at);
    frames.push(byteOffset);
    at += length;
  }
  return { bytes: toldBytes, frames };
}

/** What lies in told after each call of `reserve`. */
async function reserving(work: (seen: readonly Seen[]) => Promise<void>): Promise<void> {
  const seen: Seen[] = [];
  const method = Object.getOwnPropertyDescriptor(Core.prototype, "reserve")!;
  const value = function (this: Core): void {
    (method.value as Core["reserve"]).call(this);
    seen.push(seenIn(this));
  };
  Object.defineProperty(Core.prototype, "reserve", { ...method, value });
  try {
    await work(seen);
  } finally {
    Object.defineProperty(Core.prototype, "reserve", method);
  }
}

test("of windows of panes nothing is kept, however many are open", async () => {
  await reserving(async (seen) => {
    const plan = planOf({ key: { k: "data.k" }, window: tumbling(1000, 0), emit: "all" });
    const engine = await engineOf(plan, []);
    const told: Change[] = [];
    engine.subscribe("q", (changes) => told.push(...changes));
    for (let turn = 0; turn < 3; turn++) {
      await engine.push(
        Array.from({ length: KEYS }, (_, k) => event(`${turn}-${k}`, turn, { k: k >> turn })),
      );
    }
    expect(told.map(({ kind }) => kind)).toEqual(told.map(() => "update"));
    expect(told.length).toBe(KEYS + KEYS / 2 + KEYS / 4);
    expect(new Set(seen.map(({ bytes }) => bytes)).size).toBe(1);
    await engine.close();
  });
});

/** Each retract is what was last told of its key. */
function retractions() {
  const last = new Map<string, Change>();
  const seen = { retracted: 0 };
  const listen = (changes: readonly Change[]): void => {
    for (const change of changes) {
      const key = String(change.key["k"]);
      if (change.kind === "retract") {
        const { window, value, revision } = last.get(key)!;
        expect(change).toMatchObject({ window, value, revision });
        seen.retracted++;
      } else last.set(key, change);
    }
  };
  return { last, seen, listen };
}

test("sessions are retracted as they were told before a snapshot, wherever told lies then", async () => {
  const store = memory();
  const plan = planOf({ key: { k: "data.k" }, window: session, emit: "all" });
  const { last, seen, listen } = retractions();
  const push = (turn: number, keys: number) =>
    Array.from({ length: keys }, (_, k) => event(`${turn}-${k}`, turn, { k }));
  // Saved as the table grows and as blobs are moved, and between.
  let expected = 0;
  for (let turn = 0; turn < 8; turn++) {
    const engine = await open({ plan, store });
    engine.subscribe("q", listen);
    for (const [time, keys] of [
      [2 * turn, 500 * (turn + 1)],
      [2 * turn + 1, 700],
    ] as const) {
      // Each key that is there already gets a longer session.
      expected += Math.min(keys, last.size);
      await engine.push(push(time, keys));
      expect(seen.retracted).toBe(expected);
    }
    await engine.close();
  }
  expect(last.size).toBe(4000);
});

test("what is told no more leaves its room, whatever length it had", async () => {
  const keys = 2000;
  await reserving(async (seen) => {
    const query = { key: { k: "data.k" }, window: session, emit: "all" } as const;
    const aggregate = { text: { fn: "last", of: "data.text" } };
    const engine = await engineOf(planOf({ ...query, aggregate }), []);
    const heard = retractions();
    engine.subscribe("q", heard.listen);
    const push = (turn: number, shift: number) =>
      Array.from({ length: keys }, (_, k) => {
        const data = { k, text: "x".repeat((k * 37 + shift * 101) % 400) };
        return event(`${turn}-${k}`, turn >> 1, data);
      });
    for (let turn = 0; turn < 6; turn++) await engine.push(push(turn, turn));
    // With every other one the session is longer: what it said is told no more.
    expect(heard.seen.retracted).toBe(2 * keys);
    const first = seen[1]!.bytes;
    // Closed, and opened anew: as many sessions of the same lengths.
    await engine.push(push(20_000, 0));
    await engine.push([event("after", 10_001, { k: 0, text: "" })]);
    expect(seen.at(-1)!.bytes).toBeLessThan(1.02 * first);
    await engine.close();
  });
});

test("as the state grows, few frames of what was told are moved with a push", async () => {
  await reserving(async (seen) => {
    const plan = planOf({ key: { k: "data.k" }, window: session, emit: "all" });
    const engine = await engineOf(plan, []);
    engine.subscribe("q", () => {});
    for (let turn = 0; turn < 130; turn++) {
      const ids = Array.from({ length: 1000 }, (_, index) => turn * 1000 + index);
      await engine.push(ids.map((k) => event(`e${k}`, 0, { k })));
    }
    const moved = seen.slice(1).map(({ frames }, at) => {
      const before = new Set(seen[at]!.frames);
      return seen[at]!.frames.length - frames.filter((frame) => before.has(frame)).length;
    });
    const frames = seen.at(-1)!.frames.length;
    expect(frames).toBeGreaterThan(160);
    expect(moved.filter((count) => count > 0).length).toBeGreaterThan(20);
    expect(Math.max(...moved)).toBeLessThan(40);
    await engine.close();
  });
});

test("reading while a push is under way moves nothing: behind told is that push's room", async () => {
  const store = memory();
  const append = store.append.bind(store);
  store.append = async (write) => append(await Promise.resolve(write));
  const sliced = { kind: "hopping", size: 20, every: 10, grace: 0 };
  const told = queryOf({ key: { k: "data.k" }, window: session, emit: "all" });
  const queries = [told, queryOf({ name: "sliced", from: ["none"], window: sliced })];
  const reserve = vi.spyOn(Core.prototype, "reserve");
  const engine = await engineOf({ version: 1, queries }, [], { store });
  for (let turn = 0; turn < 100; turn++) {
    const ids = Array.from({ length: 1000 }, (_, index) => turn * 1000 + index);
    const pushed = engine.push(ids.map((k) => event(`e${k}`, 0, { k })));
    const core = reserve.mock.contexts.at(-1) as Core;
    const { frames } = seenIn(core);
    for (let n = 0; n < 5; n++) engine.view("sliced").rows();
    expect([turn, seenIn(core).frames]).toEqual([turn, frames]);
    await pushed;
  }
  await engine.close();
});
