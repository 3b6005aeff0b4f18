// A plan that is being rebuilt, and fails on entries that the serving plan has counted: it skips them,
// the serving one does not, and the log says so when the new one takes over. The core that fails is
// built with a bug (buggy-core.ts).

import { afterEach, expect, test, vi } from "vitest";
import { memory, type Change, type Engine, type Store } from "../../engine/index.ts";
import { openAt } from "../../engine/open.ts";
import { engineOf, event, planOf, tumbling } from "../builders.ts";
import { buggyCore, soundCore } from "./buggy-core.ts";
import { shownBy, Slices } from "./slices.ts";

/** How many cores more are of the build without the bug. */
let soundCores = Infinity;
let buggy: Promise<WebAssembly.Module> | null = null;

vi.mock("#core-wasm", () => ({
  default: async () => (soundCores-- > 0 ? soundCore() : (buggy ??= buggyCore())),
}));

afterEach(() => {
  soundCores = Infinity;
});

const CLOCK = { clock: { dedup: 60_000, maxAhead: 100_000 } };
const BEFORE = planOf({ window: tumbling(1000, 500) }, CLOCK);
const AFTER = planOf({ window: tumbling(2000, 500) }, CLOCK);
const good = (id: string, ms: number) => event(id, ms);
const bad = (id: string, second: number) => event(id, second * 1000 + 666);
const PUSHES: readonly (readonly object[])[] = [
  [good("a", 100), good("b", 200)],
  [good("c", 1300), bad("p", 1), good("d", 1900), bad("q", 2), good("e", 3000)],
  [bad("r", 3)],
  [good("f", 3100), good("g", 7000)],
];
const POISONED = [3, 5, 7];
const MARK = `${JSON.stringify({ fact: { poisoned: { positions: POISONED } } })}\n`;

const sum = (engine: Engine): number =>
  engine
    .view("q")
    .rows()
    .reduce((all, { value }) => all + (value["n"] as number), 0);
const logOf = async (engine: Engine): Promise<string> =>
  (await Array.fromAsync(engine.log())).join("");

/** A log of the sound build, and an engine whose own core alone has no bug, rebuilding. */
async function changed(
  pushes: readonly (readonly object[])[] = PUSHES,
  way: "gone" | "closed" = "gone",
): Promise<{ store: Store; engine: Engine; slices: Slices }> {
  const store = memory();
  const former = await engineOf(BEFORE, [], { store });
  for (const push of pushes) await former.push([...push]);
  if (way === "closed") await former.close();
  soundCores = 1;
  const slices = new Slices(4);
  return { store, engine: await openAt(slices, { plan: AFTER, store }), slices };
}

/** The same without them, at the positions that they have. */
async function withoutThem(): Promise<object> {
  const store = memory();
  soundCores = 0;
  // The build with the bug finds them by itself, and marks them with the next push.
  const engine = await engineOf(AFTER, [], { store });
  for (const push of PUSHES) await engine.push([...push]);
  return engine.view("q").rows();
}

test("the new plan skips them, the serving one counts them, and the log says so at the swap", async () => {
  const { store, engine, slices } = await changed();
  const told: Change[] = [];
  engine.subscribe("q", (changes) => told.push(...changes));
  let shares: number[] = [];
  while (engine.stats().rebuild! < 1) {
    shares.push(engine.stats().rebuild!);
    expect(sum(engine)).toBe(10);
    expect(engine.stats()).toMatchObject({ poisoned: [], position: 10 });
    expect(await slices.one()).toBe(true);
  }
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(sum(engine)).toBe(7);
  expect(engine.stats()).toMatchObject({ poisoned: POISONED, position: 11, rebuildFault: null });
  expect((await logOf(engine)).endsWith(MARK)).toBe(true);
  expect(await engine.verify()).toEqual({ ok: true });
  const rows = engine.view("q").rows();
  expect(rows).toEqual(await withoutThem());
  const stands = told.filter(({ kind }) => kind !== "retract").map(({ value }) => value);
  expect(stands).toEqual(rows.map(({ value }) => value));
  // Sent again they are duplicates, as they were for the former plan.
  expect(await engine.push(bad("p", 1))).toMatchObject({ duplicate: 1, position: 11 });
  // It goes on, and so does whoever opens the log next, bug or not.
  expect(await engine.push(good("h", 7100))).toMatchObject({ accepted: 1, position: 12 });
  const seen = [shownBy(engine), await engine.stateHash(), engine.stats().poisoned];
  await engine.close();
  for (const sound of [0, Infinity]) {
    soundCores = sound;
    const again = await engineOf(AFTER, [], { store });
    expect([shownBy(again), await again.stateHash(), again.stats().poisoned]).toEqual(seen);
  }
});

test.each(["gone", "closed"] as const)(
  "the former plan skips them, too, once the log says so: %s",
  async (way) => {
    // Closed, it has left a snapshot that counts them.
    const { store, engine, slices } = await changed(PUSHES, way);
    await slices.all();
    await engine.close();
    soundCores = Infinity;
    const former = await engineOf(BEFORE, [], { store });
    await former.rebuilt();
    expect(former.stats()).toMatchObject({ poisoned: POISONED, position: 11 });
    expect(sum(former)).toBe(7);
  },
);

test("a process that ends just behind the mark leaves a log that all plans read alike", async () => {
  const { store, engine, slices } = await changed(PUSHES, "closed");
  const saveSnapshot = store.saveSnapshot.bind(store);
  store.saveSnapshot = () => {
    throw new Error("killed");
  };
  await slices.all();
  expect(engine.stats().poisoned).toEqual(POISONED);
  store.saveSnapshot = saveSnapshot;
  soundCores = Infinity;
  const former = await engineOf(BEFORE, [], { store });
  expect(former.stats()).toMatchObject({ poisoned: POISONED, position: 11, rebuild: null });
  expect(sum(former)).toBe(7);
});

test("where the mark cannot be written the former plan goes on as if nothing had been", async () => {
  const { store, engine, slices } = await changed();
  const append = store.append.bind(store);
  store.append = (write) => {
    if (new TextDecoder().decode(write.chunk!).includes("poisoned")) throw new Error("full");
    return append({ ...write, entries: null, chunk: write.chunk });
  };
  await slices.all();
  expect(engine.stats()).toMatchObject({ rebuild: null, rebuildFault: "core_failed" });
  expect(engine.stats()).toMatchObject({ poisoned: [], position: 10 });
  expect(sum(engine)).toBe(10);
  expect(await engine.push(good("h", 7100))).toMatchObject({ accepted: 1, position: 11 });
  expect(sum(engine)).toBe(11);
  expect(await logOf(engine)).not.toContain("poisoned");
});

test("a core that always fails ends the rebuild, and the former plan serves", async () => {
  const many = Array.from({ length: 25 }, (_, index) => bad(`p${index}`, index));
  const { engine, slices } = await changed([many]);
  await slices.all();
  expect(engine.stats()).toMatchObject({ rebuild: null, rebuildFault: "core_failed" });
  expect(engine.stats().poisoned).toEqual([]);
  expect(sum(engine)).toBe(25);
});
