// --log: an exported log run again gives the same rows and the same changes, pushes being cut as it
// says; what cannot be replayed is refused with the line it stands on.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { open, type Change, type Engine, type Receipt } from "../../engine/index.ts";
import { event, folder, millrace, MINUTE, PLAN, QUERY, type Ran } from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);

function runLog(text: string, ...words: string[]): Promise<Ran> {
  return millrace(["run", plan, "--log", ...words], text);
}

async function original(
  feed: (engine: Engine) => Promise<void>,
): Promise<{ engine: Engine; changes: Change[]; log: string }> {
  const engine = await open({ plan: PLAN, hashKey: new Uint8Array(16) });
  const changes: Change[] = [];
  engine.listen((more) => changes.push(...more));
  await feed(engine);
  let log = "";
  for await (const chunk of engine.log()) log += chunk;
  return { engine, changes, log };
}

/** Pushes of every kind: receive times none, one, one a line; ticks within and without. */
async function feed(engine: Engine): Promise<void> {
  const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join("");
  await engine.tick(-5);
  await engine.push(lines(event("a", 0), event("b", 5), event("a", 0), "{}"));
  await engine.push(lines(event("c", 30_000), '{"tick":70000}', event("d", 80_000)), {
    ticks: true,
  });
  await engine.push(lines(event("e", 90_000), event("f", 95_000)), { receivedAt: 91_000 });
  await engine.tick(2 * MINUTE);
  await engine.push(lines(event("g", 130_000), '{"tick":131000}', event("h", 140_000)), {
    receivedAt: [130_500, null, 150_000],
    ticks: true,
  });
  // One is held, and does not come again.
  await engine.push(lines(event("i", 9_000_000), event("j", 181_000)), {
    receivedAt: [181_000, null],
  });
  await engine.push(lines('{"tick":182000}', '{"tick":183000}'), { ticks: true });
  await engine.push(`${event("k", 200_000)}\r\n  ${event("l", 1)} \n`);
  // A member of an event may have the name of a control line's.
  const odd = JSON.parse(event("m", 210_000)) as object;
  await engine.push(lines(JSON.stringify({ chunk: { position: 0 }, ...odd })));
  await engine.push(lines(JSON.stringify({ tick: 5, ...odd, eventId: "n" })));
}

test("gives the same changes, rows and state", async () => {
  const { engine, changes, log } = await original(feed);
  expect(changes.length).toBeGreaterThan(8);
  const ran = await runLog(log, "--state-hash");
  expect(ran.code).toBe(0);
  expect(ran.changes).toEqual(changes);
  expect(ran.told.at(-1)).toBe(await engine.stateHash());
  expect(ran.told[0]).toBe(
    "13 received, 13 accepted, 0 duplicate, 0 invalid, 0 quarantined, 6 ticks",
  );
  const { rows } = await runLog(log, "--view");
  expect(rows).toEqual(engine.view("counts").rows());
});

test("a reprocess in it corrects again what it corrected, with or without a control line", async () => {
  const { engine, changes, log } = await original(async (own) => {
    await own.push(`${event("a", 1)}\n${event("b", 4 * MINUTE)}\n`);
    await own.push(`${event("late", 2)}\n`);
    await own.reprocess("counts", { from: 0, to: MINUTE });
    await own.push(`${event("later", 3)}\n`);
    await own.reprocess("counts", { from: -MINUTE, to: 9 * MINUTE });
  });
  expect(changes.filter(({ kind }) => kind === "correction")).toHaveLength(2);
  const bare = log.replace(/.*\n(?=\{"fact")/g, "");
  expect(bare.length).toBeLessThan(log.length);
  for (const text of [log, bare]) {
    const ran = await runLog(text, "--state-hash");
    expect(ran.code).toBe(0);
    expect(ran.changes).toEqual(changes);
    expect(ran.told.at(-1)).toBe(await engine.stateHash());
    expect(ran.told[0]).toBe(
      "4 received, 4 accepted, 0 duplicate, 0 invalid, 0 quarantined, 2 reprocessed",
    );
  }
  const { changes: finals } = await runLog(log, "--emit", "final");
  expect(finals).toEqual(changes.filter(({ kind }) => kind !== "update"));
});

test("gives what releases gave: lines too old and too far ahead are taken as they were", async () => {
  const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join("");
  const { engine, changes, log } = await original(async (each) => {
    const now = 20 * 24 * 60 * MINUTE;
    await each.push(event("now", now));
    await each.push(lines(event("old", 0), event("ahead", now + 10 * MINUTE)), { receivedAt: now });
    const [old, ahead] = each.quarantine().map(({ id }) => id);
    await each.release([ahead!], { receivedAt: now + 4 * MINUTE });
    await each.push(event("then", now + 6 * MINUTE));
    await each.release([old!], { receivedAt: now + 7 * MINUTE });
  });
  expect(log.match(/"released":true/g)).toHaveLength(2);
  const ran = await runLog(log, "--state-hash");
  expect(ran.code).toBe(0);
  expect(ran.changes).toEqual(changes);
  expect(ran.told.at(-1)).toBe(await engine.stateHash());
  expect((await runLog(log, "--view")).rows).toEqual(engine.view("counts").rows());
  // Unmarked, they would be held again, and the log would not stand.
  const unmarked = log.replaceAll(',"released":true', "");
  expect((await runLog(unmarked)).told[0]).toContain("quarantined, event_time_in_future");
});

test("cuts pushes as the log says, whatever --batch says, over several files too", async () => {
  const { log, changes } = await original(feed);
  expect((await runLog(log, "--batch", "1")).changes).toEqual(changes);
  const lines = log.split("\n");
  const files = [lines.slice(0, 9), lines.slice(9)].map((part, index) => {
    return file(`part${index}.ndjson`, `\ufeff${part.join("\r\n")}\n\n`);
  });
  // With a carriage return at its end a line is the same line.
  expect((await millrace(["run", plan, "--log", ...files])).changes).toEqual(changes);
});

test("of a log run without --log, the control lines are events with faults", async () => {
  const { log } = await original(feed);
  expect((await millrace(["run", plan, "--ticks"], log)).code).toBe(3);
});

test("reads a control line that is longer than an event may be", { timeout: MINUTE }, async () => {
  const count = 16_000;
  const lines = Array.from({ length: count }, (_, index) => event(`x${index}`, index));
  const times = lines.map((_, index) => 9_000_000_000_000_000 + index);
  const { engine, log } = await original(async (each) => {
    await each.push(lines.join("\n"), { receivedAt: times });
  });
  expect(log.indexOf("\n")).toBeGreaterThan(262_144);
  const { code, told } = await runLog(log, "--state-hash");
  expect(code).toBe(0);
  expect(told.at(-1)).toBe(await engine.stateHash());
});

test("a tick before the first control line is a push of its own", async () => {
  const { changes } = await runLog(
    [
      '{"tick":0}',
      ' {"tick": 1} ',
      '{"chunk":{"position":2,"receivedAt":null}}',
      event("a", 5),
      '{"tick":60000}',
      "",
      '{"chunk":{"position":4,"receivedAt":7}}',
      event("b", 61_000),
    ].join("\n"),
  );
  expect(changes.map(({ kind, position }) => [kind, position])).toEqual([
    ["final", 3],
    ["update", 4],
  ]);
});

test("an event that another plan would hold is held, and the next chunk does not stand", async () => {
  const { log } = await original(async (engine) => {
    await engine.push(`${event("a", 4 * MINUTE)}\n`, { receivedAt: 0 });
    await engine.push(`${event("b", 4 * MINUTE)}\n`, { receivedAt: 0 });
  });
  const strict = file("strict.json", { ...PLAN, clock: { maxAhead: "1m" } });
  const { code, told } = await millrace(["run", strict, "--log"], log);
  expect(code).toBe(1);
  expect(told[0]).toContain("quarantined, event_time_in_future");
  expect(told[1]).toBe(
    "standard input:3: The chunk begins at position 1 when 0 is next, since not all lines before it were accepted: give the plan that accepted them.",
  );
});

test("of a line that is refused, the report's index counts control lines, as all that are not blank", async () => {
  const { log } = await original(async (engine) => {
    await engine.push(`${event("a", 0)}\n${event("b", 0)}\n`);
    await engine.push(event("c", 0));
    await engine.reprocess("counts", { from: 0, to: 5 });
    await engine.push(event("d", 4 * MINUTE), { receivedAt: 4 * MINUTE });
  });
  const report = file("report.json", "");
  const text = `\n${log.replace(event("d", 4 * MINUTE), "{}")}`;
  const { code, told } = await runLog(text, "--report", report);
  expect(code).toBe(3);
  expect(told[0]).toMatch(/^standard input:10: invalid, missing_field/);
  expect(told[1]).toMatch(/^4 received, 3 accepted, .* 1 reprocessed$/);
  const { receipt } = JSON.parse(readFileSync(report, "utf8")) as { receipt: Receipt };
  expect(receipt.invalid.map(({ index }) => index)).toEqual([8]);
});

describe("refused with 1 and one sentence:", () => {
  const chunk = (members: object): string => JSON.stringify({ chunk: members });
  const none = { position: 0, receivedAt: null };
  const unknown = "standard input:1: No such fact is known.";
  const reprocess = '{"fact":{"reprocess":{"query":"counts","from":0,"to":5}}}';
  const malformed = "standard input:1: The control line is malformed.";

  test.each([
    [
      [event("a", 0)],
      "standard input:1: A log's events stand behind a control line: a recording is run without --log.",
    ],
    [
      ["", "{}"],
      "standard input:2: A log's events stand behind a control line: a recording is run without --log.",
    ],
    [
      [chunk({ position: 3, receivedAt: null }), event("a", 0)],
      "standard input:1: The chunk begins at position 3 when 0 is next: give the log in order, from its start.",
    ],
    [
      [chunk(none), event("a", 0), "", chunk(none), event("b", 0)],
      "standard input:4: The chunk begins at position 0 when 1 is next: give the log in order, from its start.",
    ],
    [[chunk(none), chunk(none)], "standard input:1: The chunk has no entries."],
    [[chunk(none)], "standard input:1: The chunk has no entries."],
    [
      [chunk({ position: 0, receivedAt: [1] }), event("a", 0), event("b", 0)],
      "standard input:1: The chunk has 1 receive times for 2 entries.",
    ],
    [['{"fact":{"reprocess":{}}}'], unknown],
    [['{"fact":{"poisoned":{"position":0}}}'], unknown],
    [['{"fact":{"reprocess":{"query":"counts","from":5,"to":5}}}'], unknown],
    [['{"fact":{"reprocess":{"query":"counts","from":0,"to":5}},"more":1}'], malformed],
    [
      ['{"fact":{"reprocess":{"query":"other","from":0,"to":5}}}'],
      "standard input:1: The log reprocesses a query that this plan does not have.",
    ],
    [
      [chunk(none), event("a", 0), reprocess, event("b", 0)],
      "standard input:4: A log's events stand behind a control line: a recording is run without --log.",
    ],
    [[chunk(none), reprocess, event("a", 0)], "standard input:3: A fact is a chunk of its own."],
    [
      [chunk({ position: 1, receivedAt: null }), reprocess],
      "standard input:1: The chunk begins at position 1 when 0 is next: give the log in order, from its start.",
    ],
    [[chunk({ ...none, released: false }), event("a", 0)], malformed],
    [[chunk({ released: true, position: 0 }), event("a", 0)], malformed],
    [['{"released":true}', event("a", 0)], malformed],
    [[chunk({ position: -1, receivedAt: null })], malformed],
    [[chunk({ position: 0.5, receivedAt: null })], malformed],
    [[chunk({ position: "0", receivedAt: null })], malformed],
    [[chunk({ position: 0 })], malformed],
    [[chunk({ receivedAt: null })], malformed],
    [[chunk({ position: 0, receivedAt: "1970-01-01T00:00:00Z" })], malformed],
    [[chunk({ position: 0, receivedAt: [1, "2"] })], malformed],
    [[chunk({ position: 0, receivedAt: 1.5 })], malformed],
    [[chunk({ ...none, more: 1 })], malformed],
    [['{"chunk":{"position":0,"receivedAt":null},"more":1}'], malformed],
    [['{"chunk":5}'], malformed],
    [['{"chunk":{"position":0,"receivedAt":null}'], malformed],
    [['{"tick":"5"}'], malformed],
    [['{"tick":1.5}'], malformed],
  ])("%j", async (lines, sentence) => {
    const { code, told } = await runLog(lines.join("\n"));
    expect({ code, told }).toEqual({ code: 1, told: [sentence] });
  });

  test("what came before it stands on standard output", async () => {
    const text = [chunk(none), event("a", 0), chunk({ position: 9, receivedAt: null })];
    const { code, changes } = await runLog([...text, event("b", 0)].join("\n"));
    expect({ code, count: changes.length }).toEqual({ code: 1, count: 1 });
  });
});

test("a log begins with a bracket as any line does: it is no array", async () => {
  const { code, stderr } = await runLog(`[${event("a", 0)}]`);
  expect(code).toBe(1);
  expect(stderr).toBe(
    "standard input:1: A log's events stand behind a control line: a recording is run without --log.\n",
  );
});

test("runs through another plan: a log is a recording", async () => {
  const { log } = await original(feed);
  const other = file("other.json", {
    version: 1,
    queries: [{ ...QUERY, name: "all", key: {}, window: { ...QUERY.window, size: "1h" } }],
  });
  const { code, rows } = await millrace(["run", other, "--log", "--flush", "--view"], log);
  expect(code).toBe(0);
  expect(rows.map(({ value }) => value["n"])).toEqual([13]);
});
