// An exported log with poisoned entries: run again, by a build that has the bug and by one that has
// not, it gives what the engine gave that exported it.

import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { open, type Change, type Engine } from "../../engine/index.ts";
import { buggyCore, soundCore } from "../engine/buggy-core.ts";
import { event, folder, millrace, MINUTE, PLAN } from "./terminal.ts";

/** Whether the engine runs the build with the bug. */
let hasBug = true;
let buggy: Promise<WebAssembly.Module> | null = null;

vi.mock("#core-wasm", () => ({
  default: async () => (hasBug ? (buggy ??= buggyCore()) : soundCore()),
}));

const file = folder();
const plan = file("plan.json", PLAN);

const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join("");
const bad = (eventId: string, second: number): string => event(eventId, second * 1000 + 666);
const mark = (...positions: number[]): string =>
  JSON.stringify({ fact: { poisoned: { positions } } });

async function feed(engine: Engine): Promise<void> {
  await engine.push(lines(bad("first", 1), event("z", 5)));
  await engine.push(lines(event("a", 5), bad("p", 2), event("b", 61_000), bad("q", 130)), {
    receivedAt: [5, null, 61_000, 130_700],
  });
  await engine.push(lines(event("late", 7), '{"tick":125000}', bad("p", 2)), { ticks: true });
  await engine.reprocess("counts", { from: 0, to: MINUTE });
  // Held, and released: the core fails on it then.
  await engine.push(bad("ahead", 1200), { receivedAt: 130_000 });
  const ids = engine.quarantine().map(({ id }) => id);
  await engine.release(ids, { receivedAt: 1_100_000 });
  await engine.push(lines(event("c", 300_000)));
}

async function exported(): Promise<{ engine: Engine; told: Change[]; log: string }> {
  hasBug = true;
  const engine = await open({ plan: PLAN, hashKey: new Uint8Array(16) });
  const told: Change[] = [];
  engine.listen((changes) => told.push(...changes));
  await feed(engine);
  return { engine, told, log: (await Array.fromAsync(engine.log())).join("") };
}

describe.each([
  ["the bug", true],
  ["no bug", false],
])("a build with %s", (_, runsBuggy) => {
  test.each(["standard input", "files"])("takes the log back from %s", async (from) => {
    const { engine, told, log } = await exported();
    const stats = engine.stats();
    expect(stats.poisoned).toEqual([0, 4, 6, 11]);
    expect(log).toContain(mark(4, 6));
    expect(told.map(({ kind }) => kind)).toContain("correction");

    hasBug = runsBuggy;
    // No mark stands in the first file.
    const cut = log.indexOf(mark(0));
    const isFile = from === "files";
    const parts = [log.slice(0, cut), log.slice(cut)].map((part, at) => file(`${at}.log`, part));
    const report = file("report.json", "");
    const run = (...words: string[]) => {
      return millrace(
        ["run", plan, ...(isFile ? parts : []), "--log", ...words],
        isFile ? "" : log,
      );
    };
    const ran = await run("--state-hash", "--report", report);
    expect(ran.stderr.split("\n")[0]).toBe(
      "9 received, 9 accepted, 0 duplicate, 0 invalid, 0 quarantined, 1 tick, 1 reprocessed, 4 poisoned",
    );
    expect(ran.stderr).toContain(
      "clock from 1970-01-01T00:00:00.005Z to 1970-01-01T00:05:00.000Z\n",
    );
    expect(ran.code).toBe(0);
    expect(ran.changes).toEqual(told);
    expect(ran.told.at(-1)).toBe(await engine.stateHash());
    const { receipt, stats: reported } = JSON.parse(readFileSync(report, "utf8"));
    expect(receipt).toMatchObject({ received: 9, accepted: 9, position: stats.position });
    expect(reported).toEqual({ ...stats, received: 9, duplicate: 0, quarantined: 0 });
    expect((await run("--view")).rows).toEqual(engine.view("counts").rows());
  });
});

test("a mark stands without a control line too, and with a carriage return", async () => {
  const { told, log } = await exported();
  hasBug = false;
  const bare = log.replace(/.*\n(?=\{"fact")/g, "").replaceAll("\n", "\r\n");
  const ran = await millrace(["run", plan, "--log"], bare);
  expect({ code: ran.code, changes: ran.changes }).toEqual({ code: 0, changes: told });
});

describe("a build that finds poison in a log that another exported", () => {
  /** Whether the build fails in applying the entry, or in looking at it. */
  const late = (eventId: string, second: number): string => event(eventId, second * 1000 + 667);

  async function sound(): Promise<string> {
    hasBug = false;
    const engine = await open({ plan: PLAN, hashKey: new Uint8Array(16) });
    await engine.push(lines(bad("first", 1)));
    await engine.push(lines(event("a", 5), bad("p", 2), late("l", 3), event("b", 61_000)), {
      receivedAt: [5, null, 3667, 61_000],
    });
    await engine.push(lines('{"tick":125000}', late("m", 130), event("late", 7)), { ticks: true });
    await engine.reprocess("counts", { from: 0, to: MINUTE });
    // Known by its age only, and released.
    await engine.push(late("ahead", 1200), { receivedAt: 130_000 });
    const ids = engine.quarantine().map(({ id }) => id);
    await engine.release(ids, { receivedAt: 1_100_000 });
    await engine.push(lines(bad("q", 290), event("c", 300_000)));
    return (await Array.fromAsync(engine.log())).join("");
  }
  const FOUND = [0, 2, 3, 6, 9, 10];

  test("skips it, and all stands at the positions that the log has", async () => {
    const log = await sound();
    expect(log).not.toContain("poisoned");
    // The same with a tick that moves nothing in the place of each.
    const nothing = `{"tick":${-Number.MAX_SAFE_INTEGER}}`;
    const wanted = await millrace(
      ["run", plan, "--log", "--state-hash"],
      log.replace(/.*\.66[67]Z.*/g, nothing),
    );
    expect([wanted.code, wanted.changes.length > 0]).toEqual([0, true]);
    hasBug = true;
    const report = file("found.json", "");
    const ran = await millrace(["run", plan, "--log", "--state-hash", "--report", report], log);
    expect(ran.stderr.split("\n")[0]).toBe(
      "10 received, 10 accepted, 0 duplicate, 0 invalid, 0 quarantined, 1 tick, 1 reprocessed, 6 poisoned",
    );
    expect({ code: ran.code, changes: ran.changes }).toEqual({ code: 0, changes: wanted.changes });
    expect(ran.told.slice(1)).toEqual(wanted.told.slice(1));
    const { receipt, stats } = JSON.parse(readFileSync(report, "utf8"));
    expect(receipt).toMatchObject({ received: 10, accepted: 10, position: 12 });
    expect(stats).toMatchObject({ received: 10, accepted: 10, position: 12, poisoned: FOUND });
    expect((await millrace(["run", plan, "--log", "--view"], log)).rows.length).toBeGreaterThan(0);
  });

  test("takes an event for accepted that the log has twice, being poisoned", async () => {
    const log = await sound();
    const control = JSON.stringify({ chunk: { position: 12, receivedAt: null } });
    const twice = `${log}${control}\n${bad("q", 290)}\n`;
    hasBug = true;
    expect((await millrace(["run", plan, "--log"], twice)).stderr).toContain(
      "11 received, 11 accepted, 0 duplicate",
    );
  });
});
