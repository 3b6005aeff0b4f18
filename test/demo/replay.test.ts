// The replay without a browser: lines are pushed once, in order and when they are due, whatever the
// steps; a push that fails is made again; and a log says where it ends in the recording.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Player } from "../../demo/replay/player.ts";
import { Recording } from "../../demo/replay/recording.ts";
import { lineAfterLog } from "../../demo/replay/resume.ts";
import { memory, open } from "../../engine/index.ts";

const FILE = fileURLToPath(new URL("../../demo/recorded/friday.ndjson.gz", import.meta.url));
const PLAN = fileURLToPath(new URL("../../demo/plans/restaurant-metrics.json", import.meta.url));
const plan: unknown = JSON.parse(readFileSync(PLAN, "utf8"));
const recording = new Recording(new Uint8Array(gunzipSync(readFileSync(FILE))));
const SLOW = 60_000;

/** Steps a player through everything by a wall clock of its own; what it pushed, line by line. */
async function playAll(stepMs: number, failAt: number, from = 0): Promise<string> {
  let wall = 0;
  let pushes = 0;
  const pushed: Uint8Array[] = [];
  const player = new Player(recording, from, 600, (lines, receivedAt) => {
    if (++pushes === failAt) return Promise.reject(new Error("planted"));
    expect(receivedAt.length).toBe(countLines(lines));
    pushed.push(lines);
    return Promise.resolve();
  });
  player.play(wall);
  for (let step = 0; !player.isEnded && step < 100_000; step++) {
    wall += stepMs;
    await player.step(wall, () => wall).catch(() => {});
  }
  return Buffer.concat(pushed).toString("latin1");
}

function countLines(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
}

describe("the player", () => {
  const whole = Buffer.from(recording.bytes).toString("latin1");

  test.each([16, 100, 900])(
    "pushes every line once, in steps of %d ms",
    { timeout: SLOW },
    async (stepMs) => {
      expect((await playAll(stepMs, -1)) === whole).toBe(true);
    },
  );

  test("pushes again what could not be pushed", { timeout: SLOW }, async () => {
    expect((await playAll(100, 7)) === whole).toBe(true);
  });

  test("takes the playing time of the evening, less its silences", () => {
    const starts = recording.density().starts;
    const steps = starts.slice(1).map((start, part) => start - starts[part]!);
    const night = Math.max(...steps);
    expect(night).toBeGreaterThan(11 * 3_600_000);
    expect(recording.density().orders.reduce((sum, orders) => sum + orders)).toBeGreaterThan(5000);
  });

  test("does not catch up on the time that the machine slept", async () => {
    let lines = 0;
    const player = new Player(recording, 6_000, 60, (bytes) => {
      lines += countLines(bytes);
      return Promise.resolve();
    });
    player.play(0);
    await player.step(100, () => 100);
    const before = lines;
    await player.step(3_600_000, () => 3_600_000);
    expect(lines - before).toBeLessThan(50);
  });

  test("is not behind with what comes at once, before its first order", async () => {
    const player = new Player(recording, 0, 1, () => Promise.resolve());
    player.play(5_000);
    await player.step(5_100, () => 5_150);
    expect(player.line).toBeGreaterThan(0);
    expect(player.behindMs).toBe(150);
  });

  test("holds while paused", async () => {
    const player = new Player(recording, 6_000, 600, () => Promise.reject(new Error("pushed")));
    await player.step(10_000, () => 10_000);
    player.play(10_000);
    player.pause(10_000);
    await player.step(20_000, () => 20_000);
    expect(player.line).toBe(6_000);
  });
});

describe("where a log ends", () => {
  test("is behind its last entry, wherever it was cut", { timeout: SLOW }, async () => {
    const engine = await open({ plan, store: memory() });
    let line = 0;
    for (const size of [1, 4981, 300, 37, 1, 250, 999, 12, 1500, 64]) {
      const lines = recording.slice(line, line + size);
      const receivedAt = recording.receivedAt(line, line + size);
      const receipt = await engine.push(lines, { format: "ndjson", receivedAt });
      line += size;
      const found = await lineAfterLog(engine, recording);
      // Lines refused at the very end are pushed again, and refused again.
      const again = await engine.push(recording.slice(found!, line), { format: "ndjson" });
      expect([again.accepted, again.position]).toEqual([0, receipt.position]);
      expect(found).toBeLessThanOrEqual(line);
    }
  });

  test("is the beginning when it is empty", async () => {
    expect(await lineAfterLog(await open({ plan }), recording)).toBe(0);
  });

  test("is nowhere when it is of another recording", async () => {
    const engine = await open({ plan });
    const line = new TextDecoder().decode(recording.slice(0, 1)).replace("Seoul", "Busan");
    await engine.push(line);
    expect(await lineAfterLog(engine, recording)).toBe(null);
  });
});
