// What was told of open windows: nothing is kept of it but of sessions, and there what is told no
// more is given back a little at a time.

import { expect, test } from "vitest";
import { memory, open, type Change } from "../../engine/index.ts";
import { Core } from "../../engine/core/core.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";

const session = { kind: "session", gap: 1000, grace: 0 };
const KEYS = 9000;
/** Of the region's head (assembly/told.ts): how far blobs were moved, 0 where none are. */
const FROM = 48;
const MOVED_BYTES = 256 * 1024;

interface Seen {
  readonly bytes: number;
  readonly from: number;
}

/** What lies in the region of told after each call of `reserve`. */
async function reserving(work: (seen: readonly Seen[]) => Promise<void>): Promise<void> {
  const seen: Seen[] = [];
  const method = Object.getOwnPropertyDescriptor(Core.prototype, "reserve")!;
  const value = function (this: Core): void {
    (method.value as Core["reserve"]).call(this);
    const { told } = this.image();
    const from = new DataView(told.buffer, told.byteOffset).getUint32(FROM, true);
    seen.push({ bytes: told.length, from });
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

test("what sessions said before goes in steps, and they are retracted as they were told", async () => {
  await reserving(async (seen) => {
    const engine = await engineOf(
      planOf({ key: { k: "data.k" }, window: session, emit: "all" }),
      [],
    );
    const heard = retractions();
    engine.subscribe("q", heard.listen);
    const push = (turn: number) =>
      Array.from({ length: KEYS }, (_, k) => event(`${turn}-${k}`, turn, { k }));
    for (let turn = 0; turn < 3; turn++) await engine.push(push(turn));
    const all = seen.length;
    for (let turn = 3; turn < 30; turn++) await engine.push(push(turn).slice(0, 3));
    expect(heard.seen.retracted).toBe(2 * KEYS + 27 * 3);
    expect(heard.last.size).toBe(KEYS);
    const few = seen.slice(all);
    const steps = few.map(({ from }, at) => from - (few[at - 1]?.from ?? 0)).filter((by) => by > 0);
    expect(steps.length).toBeGreaterThan(3);
    // One of them may end with slots of the table.
    expect(Math.max(...steps)).toBeLessThan(2 * MOVED_BYTES);
    expect(few.at(-1)!.bytes).toBeLessThan((2 * Math.max(...seen.map(({ bytes }) => bytes))) / 3);
    await engine.close();
  });
});
