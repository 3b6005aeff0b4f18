// Every code that an engine without a catalogue can answer, in several forms, each line alone amid
// good ones: the code, the place and the index are right, and the line leaves no trace in the state.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { EventCode } from "../../engine/index.ts";
import { describeCorpus } from "../event/corpus.ts";
import { bytesOf, CLOUD_SAMPLE, lineWith, nested, SAMPLE, wide } from "../ingest/sample.ts";
import { engineOf, event, planOf, verdictsOf } from "../builders.ts";

type Line = string | Uint8Array;
type Case = readonly [line: Line, pointer: string];

const data = (raw: string): string => lineWith({ data: raw });
const without = (name: string): string => lineWith({ [name]: undefined });
const cloud = (raws: { readonly [name: string]: string | undefined }): string =>
  lineWith(raws, CLOUD_SAMPLE);
const padded = (sizeBytes: number): string => {
  const bare = data('{"pad":""}').length;
  return data(`{"pad":"${"x".repeat(sizeBytes - bare)}"}`);
};

const CASES: { readonly [code in EventCode]?: readonly Case[] } = {
  too_large: [
    [padded(262_145), ""],
    ["[".repeat(262_145), ""],
    [lineWith({}) + " ".repeat(262_145), ""],
    [new Uint8Array(262_145).fill(0xff), ""],
  ],
  invalid_utf8: [
    [bytesOf(data('{"x":"%FF"}')), ""],
    [bytesOf('%C0%80{"half":'), ""],
    [bytesOf(data('{"x":"%ED%A0%80"}')), ""],
    [data('{"x":"\\ud800"}'), "/data/x"],
    [data('{"x":[1,{"\\udc00":2}]}'), "/data/x/1"],
    [lineWith({ eventId: '"\\ud83d"' }), "/eventId"],
  ],
  too_deep: [
    [nested(33), ""],
    [data(`{"x":${nested(31)}}`), ""],
    ["[".repeat(100_000), ""],
    [nested(33, '{"a":', "1}"), ""],
  ],
  invalid_json: [
    ["{", ""],
    ["{}{}", ""],
    ["\ufeff{}", ""],
    ["nul", ""],
    [data("{'a':1}"), ""],
    [data('{"a":01}'), ""],
    [data('{"a":1,}'), ""],
    [data('{"a":"\\x"}'), ""],
    ["[".repeat(32), ""],
  ],
  expected_object: [
    ["[]", ""],
    ["null", ""],
    ['"text"', ""],
    ["-1.5e3", ""],
    [`[${lineWith({})}]`, ""],
  ],
  too_many_keys: [
    [wide(257), ""],
    [data(wide(257)), "/data"],
    [data(`{"a":[${wide(300)}]}`), "/data/a/0"],
  ],
  duplicate_key: [
    ['{"a":1,"a":1}', "/a"],
    [data('{"x":1,"\\u0078":2}'), "/data/x"],
    [data('{"x":[{"y":1,"y":null}]}'), "/data/x/0/y"],
    [`${lineWith({}).slice(0, -1)},"eventId":"evt-1"}`, "/eventId"],
  ],
  forbidden_key: [
    ['{"__proto__":1}', "/__proto__"],
    [data('{"__proto__":{}}'), "/data/__proto__"],
    [data('{"a":[{"\\u005f_proto__":1}]}'), "/data/a/0/__proto__"],
  ],
  number_out_of_range: [
    [data('{"x":1e999}'), "/data/x"],
    [data('{"x":[-1e400]}'), "/data/x/0"],
    [lineWith({ eventId: "2e308" }), "/eventId"],
    [data(`{"x":${"9".repeat(400)}}`), "/data/x"],
  ],
  missing_field: [
    ["{}", "/eventId"],
    [lineWith({ eventId: "null" }), "/eventId"],
    [without("eventType"), "/eventType"],
    [without("eventVersion"), "/eventVersion"],
    [without("eventTime"), "/eventTime"],
    [without("correlationId"), "/correlationId"],
    [lineWith({ data: "null" }), "/data"],
    [cloud({ time: undefined }), "/time"],
    [cloud({ data: undefined }), "/data"],
    [cloud({ type: "null" }), "/type"],
  ],
  wrong_type: [
    [lineWith({ eventId: "1" }), "/eventId"],
    [lineWith({ eventType: "[]" }), "/eventType"],
    [lineWith({ eventVersion: "1.0" }), "/eventVersion"],
    [lineWith({ eventTime: "1710527400000" }), "/eventTime"],
    [lineWith({ correlationId: '""' }), "/correlationId"],
    [lineWith({ correlationId: JSON.stringify("ü".repeat(129)) }), "/correlationId"],
    [lineWith({ causationId: "false" }), "/causationId"],
    [lineWith({ source: JSON.stringify("x".repeat(257)) }), "/source"],
    [lineWith({ data: "[]" }), "/data"],
    [cloud({ source: "7" }), "/source"],
    [cloud({ correlationid: '""' }), "/correlationid"],
  ],
  bad_event_id: [
    [lineWith({ eventId: '""' }), "/eventId"],
    [lineWith({ eventId: '"a b"' }), "/eventId"],
    [lineWith({ eventId: '"ü"' }), "/eventId"],
    [lineWith({ eventId: JSON.stringify("x".repeat(129)) }), "/eventId"],
    [cloud({ id: '"\\u0007"' }), "/id"],
  ],
  bad_event_type: [
    [lineWith({ eventType: '""' }), "/eventType"],
    [lineWith({ eventType: '"order created"' }), "/eventType"],
    [lineWith({ eventType: JSON.stringify("x".repeat(129)) }), "/eventType"],
    [cloud({ type: '"é"' }), "/type"],
  ],
  bad_event_version: [
    [lineWith({ eventVersion: '"1"' }), "/eventVersion"],
    [lineWith({ eventVersion: '"01.0"' }), "/eventVersion"],
    [lineWith({ eventVersion: '"1.0.0"' }), "/eventVersion"],
    [lineWith({ eventVersion: '""' }), "/eventVersion"],
    [cloud({ eventversion: '"v1.0"' }), "/eventversion"],
  ],
  invalid_time: [
    [lineWith({ eventTime: '"yesterday"' }), "/eventTime"],
    [lineWith({ eventTime: '"2024-02-30T00:00:00Z"' }), "/eventTime"],
    [lineWith({ eventTime: '"2024-03-15T18:30:60Z"' }), "/eventTime"],
    [lineWith({ eventTime: '"2024-03-15T24:00:00Z"' }), "/eventTime"],
    [lineWith({ eventTime: '"2024-03-15T18:30:00+24:00"' }), "/eventTime"],
    [lineWith({ eventTime: '""' }), "/eventTime"],
    [cloud({ time: '"2024-03-15"' }), "/time"],
  ],
  zone_required: [
    [lineWith({ eventTime: '"2024-03-15T18:30:00"' }), "/eventTime"],
    [lineWith({ eventTime: '"2024-03-15 18:30:00.5"' }), "/eventTime"],
    [cloud({ time: '"2024-03-15t18:30:00"' }), "/time"],
  ],
};

/** Lines of which the last moves the clock: what a bad line did to the state would show. */
const GOOD = [
  JSON.stringify(event("first", Date.parse(SAMPLE.eventTime))),
  JSON.stringify(event("second", Date.parse(SAMPLE.eventTime) + 25)),
];
const PLAN = planOf({ key: { t: "eventType" }, where: ["has", "eventId"] });

function withBad(bad: Line): Uint8Array {
  const line = typeof bad === "string" ? Buffer.from(bad) : bad;
  const parts = [Buffer.from(`${GOOD[0]}\n`), line, Buffer.from(`\n${GOOD[1]}\n`)];
  return new Uint8Array(Buffer.concat(parts));
}

const goodHash = async (): Promise<string> => (await engineOf(PLAN, [GOOD.join("\n")])).stateHash();

/** The place's index is RFC 6901; its message names that place, and never the value. */
async function expectRefused(bad: Line, code: string, pointer: string): Promise<void> {
  const engine = await engineOf(PLAN);
  const receipt = await engine.push(withBad(bad));
  expect(verdictsOf(receipt)).toEqual({ 1: `${code} ${pointer}`.trimEnd() });
  expect(receipt).toMatchObject({ received: 3, accepted: 2, duplicate: 0, position: 2 });
  expect(receipt.invalid[0]!.message).toMatch(/^The (line|value at \/).*[.]$/);
  expect(engine.stats()).toMatchObject({ received: 3, accepted: 2, invalid: 1, quarantined: 0 });
  expect(engine.refused()).toMatchObject([{ code, pointer, receivedAt: null }]);
  expect(await engine.stateHash()).toBe(await goodHash());
}

describe.each(Object.entries(CASES))("a line that is %s", (code, cases) => {
  test.each(cases.map(([line, pointer], index) => ({ line, pointer, index })))(
    "is refused in form $index, and leaves no trace",
    ({ line, pointer }) => expectRefused(line, code, pointer),
  );
});

test("there are at least three forms of every code", () => {
  for (const [code, cases] of Object.entries(CASES)) {
    expect([code, cases.length >= 3]).toEqual([code, true]);
  }
});

test("a line with several faults has the first one of the contract's order", async () => {
  const spoilt = (raw: string): string => lineWith({ eventId: '""', eventTime: '"x"', data: raw });
  await expectRefused(spoilt(`{"a":"\\ud800","b":1e999}`), "invalid_utf8", "/data/a");
  await expectRefused(spoilt(`{"b":1e999,"c":${wide(257)}}`), "too_many_keys", "/data/c");
  await expectRefused(spoilt('{"b":1e999,"__proto__":1,"b":1}'), "duplicate_key", "/data/b");
  await expectRefused(spoilt('{"b":1e999,"__proto__":1}'), "forbidden_key", "/data/__proto__");
  await expectRefused(spoilt('{"b":1e999}'), "number_out_of_range", "/data/b");
  await expectRefused(spoilt("{}"), "bad_event_id", "/eventId");
});

test("no message repeats a value", async () => {
  const secret = "sEcReT";
  const engine = await engineOf(PLAN);
  const bad = ["eventId", "eventType", "eventVersion", "eventTime"].map((name) =>
    lineWith({ [name]: JSON.stringify(`${secret} ü`) }),
  );
  const receipt = await engine.push(bad.join("\n"));
  expect(receipt.invalid).toHaveLength(4);
  expect(JSON.stringify(receipt)).not.toContain(secret);
});

test("objects that JSON cannot hold have the code of their nearest JSON", async () => {
  const engine = await engineOf(PLAN);
  const good = event("a", 0);
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const receipt = await engine.push([
    { ...good, data: { x: NaN } },
    { ...good, data: { x: -Infinity } },
    { ...good, data: { x: () => 1 } },
    { ...good, data: cycle },
    { ...good, data: { x: 10n ** 400n } },
    { ...good, data: { x: "\ud800" } },
    good,
  ]);
  expect(verdictsOf(receipt)).toEqual({
    0: "number_out_of_range /data/x",
    1: "number_out_of_range /data/x",
    2: "invalid_json",
    3: "too_deep",
    4: "number_out_of_range /data/x",
    5: "invalid_utf8 /data/x",
  });
  expect(receipt.accepted).toBe(1);
});

test("a refused line is listed as it was sent, byte-order mark and all", async () => {
  const engine = await engineOf(PLAN);
  await engine.push(`\ufeff${GOOD[0]}`);
  expect(engine.refused().map(({ line }) => line)).toEqual([`\ufeff${GOOD[0]}`]);
});

test("an array that does not parse is one fault, and nothing of it is applied", async () => {
  const engine = await engineOf(PLAN);
  const receipt = await engine.push(`[${GOOD.join(",")}`);
  expect(verdictsOf(receipt)).toEqual({ 0: "invalid_json" });
  expect(receipt).toMatchObject({ received: 1, accepted: 0, position: 0 });
  expect(verdictsOf(await engine.push(`[${GOOD.join(",")},{}]`))).toEqual({
    2: "missing_field /eventId",
  });
  expect(verdictsOf(await engine.push("[{}]", { format: "ndjson" }))).toEqual({
    0: "expected_object",
  });
  // Whoever gives a receive time a line has as many as the lines that it meant.
  const timed = await engine.push(`[${GOOD.join(",")},`, { receivedAt: [1, 2, 3] });
  expect(verdictsOf(timed)).toEqual({ 0: "invalid_json" });
});

test("blank lines are not received, and do not count in an index", async () => {
  const engine = await engineOf(PLAN);
  const receipt = await engine.push(`\n \t\r\n\r\n${GOOD[0]}\r\n\n{}\n   \n${GOOD[1]}`);
  expect(verdictsOf(receipt)).toEqual({ 1: "missing_field /eventId" });
  expect(receipt).toMatchObject({ received: 3, accepted: 2 });
  expect(await engine.push("")).toMatchObject({ received: 0, position: 2 });
  expect(await engine.push([])).toMatchObject({ received: 0, position: 2 });
  expect(await engine.stateHash()).toBe(await goodHash());
});

// ── JSONTestSuite ──────────────────────────────────────────────────────────────────────────────

const BLANK = /^[ \t\r]*$/;

/** The contract's code of a text that is no JSON object, told without the engine's own reader. */
function codeOf(line: Uint8Array): EventCode {
  if (line.length > 262_144) return "too_large";
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    return "invalid_utf8";
  }
  let depth = 0;
  for (const character of text.replace(/"(?:[^"\\]|\\.)*"/g, '""')) {
    if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > 32) return "too_deep";
  }
  try {
    JSON.parse(text);
  } catch {
    return "invalid_json";
  }
  return "expected_object";
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start <= bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines.filter((line) => !BLANK.test(Buffer.from(line).toString("latin1")));
}

describeCorpus("JSONTestSuite in a push", "JSONTestSuite/test_parsing", (path) => {
  const names = readdirSync(path).filter((name) => name.startsWith("n_"));

  test("has its 188 texts that must not parse", () => {
    expect(names).toHaveLength(188);
    const counts = names.map((name) => linesOf(readFileSync(`${path}/${name}`)).length);
    expect(counts.filter((count) => count === 0)).toHaveLength(2);
    expect(counts.filter((count) => count > 1)).toHaveLength(3);
  });

  test("each is refused alone amid good lines, and leaves no trace", async () => {
    const hash = await goodHash();
    const codes = new Set<string>();
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(`${path}/${name}`));
      const bad = linesOf(bytes);
      const engine = await engineOf(PLAN);
      const receipt = await engine.push(withBad(bytes));
      const expected = Object.fromEntries(bad.map((line, index) => [index + 1, codeOf(line)]));
      expect([name, verdictsOf(receipt)]).toEqual([name, expected]);
      expect(receipt).toMatchObject({ received: 2 + bad.length, accepted: 2 });
      expect([name, await engine.stateHash()]).toEqual([name, hash]);
      for (const code of Object.values(expected)) codes.add(code);
    }
    // Half of a text that holds a newline may be a whole text, if no object.
    const expected = ["expected_object", "invalid_json", "invalid_utf8", "too_deep"];
    expect([...codes].toSorted()).toEqual(expected);
  });
});
