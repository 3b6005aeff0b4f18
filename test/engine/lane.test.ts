// Many open sessions of one key, or many slices, in whatever order their events come: what comes out
// is what one would count by hand, the state does not know how they were cut into pushes, and no
// order takes much longer than the usual one.

import { describe, expect, test } from "vitest";
import { randomOf } from "../event/random.ts";
import { engineOf, event, planOf } from "../builders.ts";

const GAP_MS = 50;
const LONG = "52w";
const SESSIONS = { window: { kind: "session", gap: GAP_MS, grace: LONG }, emit: "none" };
const SLICES = { window: { kind: "hopping", size: 70, every: 20, grace: LONG }, emit: "none" };
const CLOCK = { dedup: LONG };

type Order = "oldest first" | "newest first" | "shuffled";

function ordered(times: readonly number[], order: Order, seed: number): number[] {
  const oldest = times.toSorted((a, b) => a - b);
  if (order === "oldest first") return oldest;
  if (order === "newest first") return oldest.toReversed();
  const random = randomOf(seed);
  const keyed = oldest.map((time) => ({ time, at: random.below(2 ** 30) }));
  return keyed.toSorted((a, b) => a.at - b.at).map(({ time }) => time);
}

function sessionsByHand(times: readonly number[]): string[] {
  const sessions: { start: number; end: number; n: number }[] = [];
  for (const time of ordered(times, "oldest first", 0)) {
    const last = sessions.at(-1);
    if (last === undefined || last.end < time) {
      sessions.push({ start: time, end: time + GAP_MS, n: 1 });
    } else {
      last.end = time + GAP_MS;
      last.n++;
    }
  }
  return sessions.map(({ start, end, n }) => `${start} ${end} ${n}`);
}

function windowsByHand(times: readonly number[]): string[] {
  const counts = new Map<number, number>();
  for (const time of times) {
    const last = Math.floor(time / 20) * 20;
    for (let start = last; start > time - 70; start -= 20) {
      counts.set(start, (counts.get(start) ?? 0) + 1);
    }
  }
  const windows = [...counts].toSorted(([a], [b]) => a - b);
  return windows.map(([start, n]) => `${start} ${start + 70} ${n}`);
}

describe.each([1, 2, 3])("seed %i", (seed) => {
  const random = randomOf(seed);
  const times = Array.from({ length: 3000 }, () => random.below(200_000));
  const ORDERS: Order[] = ["oldest first", "newest first", "shuffled"];
  const CASES = [
    { name: "sessions", query: SESSIONS, byHand: sessionsByHand(times) },
    { name: "slices", query: SLICES, byHand: windowsByHand(times) },
  ];
  const EACH = CASES.flatMap((each) => ORDERS.map((order) => ({ ...each, order })));

  test.each(EACH)("$name, $order", async ({ query, byHand, order }) => {
    const events = ordered(times, order, seed).map((time, n) => event(`e${n}`, time));
    const hashes = new Set<string>();
    for (const size of [1000, 3000, 37]) {
      const engine = await engineOf(planOf(query, { clock: CLOCK }));
      for (let from = 0; from < events.length; from += size) {
        await engine.push(events.slice(from, from + size));
      }
      const rowsOf = () =>
        engine
          .view("q")
          .rows()
          .map(({ window, value }) => `${window.start} ${window.end} ${String(value["n"])}`);
      expect(rowsOf()).toEqual(byHand);
      // One after another closes, a part of them first.
      await engine.tick(52 * 7 * 86_400_000 + 100_000);
      expect(rowsOf()).toEqual(byHand);
      hashes.add(await engine.stateHash());
    }
    expect(hashes.size).toBe(1);
  });
});

/** The least of a few runs, ms. */
async function takenFor(order: Order): Promise<number> {
  const times = Array.from({ length: 20_000 }, (_, n) => n * 1000);
  const events = ordered(times, order, 1).map((time, n) => event(`e${n}`, time));
  let least = Infinity;
  for (let run = 0; run < 3; run++) {
    const engine = await engineOf(planOf(SESSIONS, { clock: CLOCK }));
    const begun = performance.now();
    await engine.push(events);
    least = Math.min(least, performance.now() - begun);
    expect(engine.stats().queries["q"]).toMatchObject({ open: 20_000 });
  }
  return least;
}

// They took ten times as long, newest first, and forty times, shuffled.
test("no order takes much longer than the usual one", async () => {
  const usual = await takenFor("oldest first");
  expect(await takenFor("newest first")).toBeLessThan(usual * 4);
  expect(await takenFor("shuffled")).toBeLessThan(usual * 4);
});
