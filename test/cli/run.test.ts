// A run: every option, what goes where, and the exit codes.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { canonical } from "../../engine/event/canonical.ts";
import type { Json } from "../../engine/event/envelope.ts";
import {
  chunksOf,
  event,
  EVENTS,
  folder,
  INPUT,
  millrace,
  MINUTE,
  PLAN,
  QUERY,
  type Ran,
} from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);

function run(words: readonly string[], input: string | Uint8Array = INPUT): Promise<Ran> {
  return millrace(["run", plan, ...words], input);
}

function kinds({ changes }: Ran): string[] {
  return changes.map(({ kind, key, window, value }) => {
    return `${kind} ${String(key["k"])} ${window.start! / MINUTE} ${String(value["n"])}`;
  });
}

describe("changes", () => {
  test("come one JSON object a line, members in the contract's order", async () => {
    const { code, stdout, changes } = await run(["--emit", "final"]);
    expect(code).toBe(0);
    expect(stdout.split("\n")[0]).toBe(
      '{"query":"counts","kind":"final","key":{"k":"a"},"window":{"start":0,"end":60000},' +
        '"value":{"n":2,"sum":2},"revision":3,"position":3}',
    );
    expect(changes.map((change) => Object.keys(change).join())).toEqual(
      changes.map(() => "query,kind,key,window,value,revision,position"),
    );
  });

  test("are told once a push, as --batch cuts it", async () => {
    expect(kinds(await run([]))).toEqual([
      "final a 0 2",
      "final b 0 1",
      "final a 1 1",
      "update a 2 1",
    ]);
    expect(kinds(await run(["--batch", "2"]))).toEqual([
      "update a 0 1",
      "update b 0 1",
      "final a 0 2",
      "final b 0 1",
      "update a 1 1",
      "final a 1 1",
      "update a 2 1",
    ]);
    expect(kinds(await run(["--batch", "1"]))).toHaveLength(8);
  });

  test.each([
    ["all", 4],
    ["final", 3],
    ["none", 0],
  ])("--emit %s overrides every query's own", async (emit, count) => {
    for (const own of ["all", "final", "none"]) {
      const other = file("own.json", { ...PLAN, queries: [{ ...QUERY, emit: own }] });
      const { changes } = await millrace(["run", other, "--emit", emit], INPUT);
      expect(changes).toHaveLength(count);
    }
  });

  test("--flush closes what is open, as a push of its own at the next position", async () => {
    const ran = await run(["--flush", "--emit", "final"]);
    expect(kinds(ran).at(-1)).toBe("final a 2 1");
    expect(ran.changes.at(-1)!.position).toBe(5);
    expect(ran.changes.at(-1)!.revision).toBe(2);
  });
});

describe("--view", () => {
  test("prints rows in the place of changes, members in the contract's order", async () => {
    const { code, stdout, rows } = await run(["--view"]);
    expect(code).toBe(0);
    expect(stdout.split("\n")[0]).toBe(
      '{"query":"counts","key":{"k":"a"},"window":{"start":0,"end":60000},' +
        '"value":{"n":2,"sum":2},"final":true,"revision":3}',
    );
    expect(rows.map(({ final }) => final)).toEqual([true, true, true, false]);
  });

  test("comes after --flush, whatever --emit says", async () => {
    const { rows } = await run(["--view", "--flush", "--emit", "none"]);
    expect(rows.map(({ final }) => final)).toEqual([true, true, true, true]);
  });

  test("goes through the queries as they stand in the plan", async () => {
    const two = file("two.json", { version: 1, queries: [{ ...QUERY, name: "z" }, QUERY] });
    const { rows } = await millrace(["run", two, "--view"], INPUT);
    expect(rows.map(({ query }) => query).join()).toBe("z,z,z,z,counts,counts,counts,counts");
  });

  test("prints more rows than fit one write, as changes are told", async () => {
    const many = Array.from({ length: 2500 }, (_, k) => event(`m${k}`, 5, { data: { k } }));
    const { rows } = await run(["--view"], many.join("\n"));
    expect(rows).toHaveLength(2500);
    expect(new Set(rows.map(({ key }) => key["k"])).size).toBe(2500);
    const { changes } = await run(["--batch", "2500"], many.join("\n"));
    expect(changes.map(({ key }) => key)).toEqual(rows.map(({ key }) => key));
  });
});

describe("recordings", () => {
  test("continue one after another, and a push may span them", async () => {
    const first = file("1.ndjson", EVENTS.slice(0, 3).join("\n"));
    const second = file("2.ndjson", `\ufeff${EVENTS.slice(3).join("\r\n")}\r\n`);
    const whole = await run(["--batch", "2"]);
    const parts = await run(["--batch", "2", first, second], "not read");
    expect(parts.stdout).toBe(whole.stdout);
    expect(parts.code).toBe(0);
    const other = await run(["--batch", "2", second, first]);
    expect(other.stdout).not.toBe(whole.stdout);
  });

  test("may be an array, pretty or not, also between others that are lines", async () => {
    const whole = await run(["--view"]);
    const array = `[${EVENTS.slice(1, 4).join(",")}]`;
    const pretty = JSON.stringify(JSON.parse(array), null, 2);
    for (const [name, text] of Object.entries({ array, pretty })) {
      const files = [
        file("first.ndjson", EVENTS[0]!),
        file(name, `\ufeff \n${text}\n`),
        file("last.ndjson", EVENTS[4]!),
      ];
      expect((await run(["--view", ...files])).stdout).toBe(whole.stdout);
    }
    expect((await run(["--view"], `[${EVENTS.join(",")}]`)).stdout).toBe(whole.stdout);
  });

  test("that are an array which breaks are one invalid_json, and the next is read", async () => {
    const broken = file("broken.json", `[${EVENTS[0]},\n${EVENTS[1]},\n{"a":}, ${EVENTS[2]}]`);
    const rest = file("rest.ndjson", EVENTS[3]!);
    const report = file("report.json", "");
    const { code, told } = await run([broken, rest, "--report", report]);
    expect(code).toBe(3);
    expect(told[0]).toMatch(/broken\.json, element 3: invalid, invalid_json: /);
    expect(receiptOf(report)).toMatchObject({
      received: 4,
      accepted: 3,
      invalid: [{ index: 2, code: "invalid_json", pointer: "" }],
    });
  });

  test("in lines: a line that is an array is expected_object", async () => {
    const { code, told } = await run([], `${EVENTS[0]}\n[${EVENTS[1]}]\n`);
    expect(code).toBe(3);
    expect(told[0]).toMatch(/^standard input:2: invalid, expected_object: /);
    const nested = await run([], `[${EVENTS[0]},[${EVENTS[1]}]]`);
    expect(nested.told[0]).toMatch(/^standard input, element 2: invalid, expected_object: /);
  });

  test("with a line beyond the limit go on behind it", async () => {
    const long = event("long", 0, { data: { k: "x".repeat(300_000) } });
    const { code, told, stdout } = await run([], `${long}\n${INPUT}`);
    expect(code).toBe(3);
    expect(told[0]).toMatch(/^standard input:1: invalid, too_large: /);
    expect(stdout).toBe((await run([])).stdout);
    const blank = await run([], `${" ".repeat(300_000)}\n${" ".repeat(300_000)}x\n${INPUT}`);
    expect(blank.told[0]).toMatch(/^standard input:2: invalid, too_large: /);
    expect(blank.told.filter((line) => line.includes(": invalid,"))).toHaveLength(1);
  });

  test("cut anywhere give the same", async () => {
    const whole = await run(["--view-hash"]);
    for (const bytes of [1, 7, 100]) {
      const cut = await millrace(["run", plan, "--view-hash"], chunksOf(INPUT, bytes));
      expect(cut).toEqual(whole);
    }
  });

  test("that are not there cost no run, and exit with 1", async () => {
    const first = file("there.ndjson", INPUT);
    const { code, stdout, stderr } = await run([first, "/nowhere/x.ndjson"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ENOENT[^\n]*\/nowhere\/x\.ndjson'\n$/);
  });

  test("that are packed, or a folder, are refused in one sentence, before the run", async () => {
    const packed = gzipSync(INPUT);
    const refused = { code: 2, stdout: "" };
    const other = await run([file("there.ndjson", INPUT), file("packed.ndjson.gz", packed)]);
    expect(other).toMatchObject(refused);
    expect(other.stderr).toMatch(/^[^\n]*packed\.ndjson\.gz is gzip: unpack it [^\n]*\n$/);
    const stdin = await run([], packed);
    expect(stdin).toMatchObject(refused);
    expect(stdin.stderr).toMatch(/^standard input is gzip: unpack it [^\n]*\n$/);
    expect(await millrace(["run", plan], chunksOf(packed, 1))).toEqual(stdin);
    const pipe = file("pipe", "");
    rmSync(pipe);
    execFileSync("mkfifo", [pipe]);
    const [piped] = await Promise.all([run([pipe]), writeFile(pipe, packed)]);
    expect(piped).toMatchObject(refused);
    expect(piped.stderr).toMatch(/pipe is gzip: unpack it [^\n]*\n$/);
    const folder = await run([import.meta.dirname]);
    expect(folder).toMatchObject(refused);
    expect(folder.stderr).toMatch(/is a folder: name the recordings in it\.\n$/);
  });

  test("that are none at all are fine", async () => {
    const { code, stdout, told } = await run(["--flush", "--view"], "\n \n");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(told[0]).toBe("0 received, 0 accepted, 0 duplicate, 0 invalid, 0 quarantined");
  });
});

describe("faults", () => {
  const bad = (count: number): string => "{}\n".repeat(count);

  test("are told with file and physical line, 20 and then a count", async () => {
    const some = file("some.ndjson", `\n\n${EVENTS[0]}\n\r\n{}\n`);
    const more = file("more.ndjson", bad(25));
    const { code, told } = await run(["--batch", "4", some, more]);
    expect(code).toBe(3);
    expect(told[0]).toBe(
      `${some}:5: invalid, missing_field: The value at /eventId is missing: add it.`,
    );
    expect(told[19]!.startsWith(`${more}:19: invalid`)).toBe(true);
    expect(told[20]).toBe("and 6 more");
    expect(told.filter((line) => line.includes(": invalid"))).toHaveLength(20);
    expect((await run([], bad(20))).stderr).not.toContain("more");
  });

  test("are told in the order of lines, quarantined ones among them", async () => {
    const ahead = event("ahead", 10 * MINUTE, { at: 0 });
    const { code, told } = await run(["--received-at", "at"], `{}\n${ahead}\n{}\n`);
    expect(code).toBe(3);
    expect(told.slice(0, 3).map((line) => line.split(":").slice(0, 3).join(":"))).toEqual([
      "standard input:1: invalid, missing_field",
      "standard input:2: quarantined, event_time_in_future",
      "standard input:3: invalid, missing_field",
    ]);
  });

  test("show no control characters of a recording", async () => {
    const { stderr } = await run([], '{"a\\u001b[31m\\u202e":1,"a\\u001b[31m\\u202e":2}\n');
    expect(stderr).toContain("duplicate_key");
    expect(stderr).toContain("/a\\u001b[31m\\u202e");
    expect(stderr).not.toContain("\u001b");
    expect(stderr).not.toContain("\u202e");
  });

  test("duplicates are none", async () => {
    const { code, told } = await run([], INPUT + INPUT);
    expect(code).toBe(0);
    expect(told[0]).toBe("10 received, 5 accepted, 5 duplicate, 0 invalid, 0 quarantined");
  });
});

describe("--ticks", () => {
  const TICKED = `${EVENTS[0]}\n{"tick":60000}\n { "tick" : 61000 } \n{"tick":6.5}\n`;

  test("makes ticks of lines that are just that, and leaves the others events", async () => {
    const ran = await run(["--ticks"], TICKED);
    expect(ran.code).toBe(3);
    expect(ran.told[0]).toMatch(/^standard input:4: invalid, missing_field/);
    expect(ran.told[1]).toBe(
      "2 received, 1 accepted, 0 duplicate, 1 invalid, 0 quarantined, 2 ticks",
    );
    expect(kinds(ran)).toEqual(["final a 0 1"]);
    expect(ran.changes[0]!.position).toBe(1);
  });

  test("takes a byte-order mark for no part of a tick: only a file begins with one", async () => {
    const { told } = await run(["--ticks"], '\ufeff{"tick":1}\n\ufeff{"tick":2}\n');
    expect(told[0]).toMatch(/^standard input:2: invalid, invalid_json/);
    expect(told[1]).toMatch(/ 1 tick$/);
  });

  test("without it, a tick is an event with faults", async () => {
    const { told } = await run([], TICKED);
    expect(told[3]).toBe("4 received, 1 accepted, 0 duplicate, 3 invalid, 0 quarantined");
  });

  test("counts ticks into a push, and into the index", async () => {
    const report = file("ticks.json", "");
    const { changes } = await run(["--ticks", "--batch", "2", "--report", report], TICKED);
    // The tick closed the window in the push that opened it.
    expect(changes.map(({ kind }) => kind)).toEqual(["final"]);
    expect(receiptOf(report).invalid.map(({ index }) => index)).toEqual([3]);
  });
});

interface Told {
  readonly index: number;
  readonly code: string;
  readonly pointer: string;
}

function receiptOf(path: string) {
  const text = readFileSync(path, "utf8");
  return (JSON.parse(text) as { receipt: { invalid: Told[]; quarantined: Told[] } }).receipt;
}

describe("--received-at", () => {
  const LINES = [
    event("r1", 0, { at: 5 }),
    event("r2", 10 * MINUTE, { at: "1970-01-01T00:05:00.000+00:00" }),
    event("r3", 10 * MINUTE, { at: "1970-01-01T00:04:59.999Z" }),
    event("r4", 11 * MINUTE),
    event("r5", 11 * MINUTE, { at: null }),
    event("r6", 11 * MINUTE, { at: "1970-01-01T00:04:59.999" }),
    event("r7", 11 * MINUTE, { at: 1.5 }),
    event("r8", 11 * MINUTE, { at: true }),
    event("r9", 11 * MINUTE, { at: 1e300 }),
    event("r1", 11 * MINUTE, { at: "x" }),
    event("r 10", 11 * MINUTE, { at: "x" }),
    "{",
  ];

  test("turns the future guard on for the events that have it", async () => {
    const report = file("received.json", "");
    const { code } = await run(["--received-at", "at", "--report", report], LINES.join("\n"));
    expect(code).toBe(3);
    const receipt = receiptOf(report);
    expect(receipt).toMatchObject({ received: 12, accepted: 4, duplicate: 0 });
    expect(receipt.quarantined.map(({ index, code: of }) => [index, of])).toEqual([
      [2, "event_time_in_future"],
    ]);
    // The envelope's own faults come first, a conflict of identities after it.
    expect(receipt.invalid.map(({ index, code: of, pointer }) => [index, of, pointer])).toEqual([
      [5, "invalid_time", "/at"],
      [6, "invalid_time", "/at"],
      [7, "invalid_time", "/at"],
      [8, "invalid_time", "/at"],
      [9, "invalid_time", "/at"],
      [10, "bad_event_id", "/eventId"],
      [11, "invalid_json", ""],
    ]);
  });

  test("escapes the member in the pointer, and reads any name", async () => {
    const report = file("pointer.json", "");
    await run(["--received-at", "a/~b", "--report", report], event("p", 0, { "a/~b": {} }));
    expect(receiptOf(report).invalid[0]).toMatchObject({ pointer: "/a~1~0b" });
    const { code } = await run(["--received-at", "__proto__"]);
    expect(code).toBe(0);
  });

  test("reads a CloudEvent's members by the names under which they were sent", async () => {
    const cloud = JSON.stringify({
      specversion: "1.0",
      id: "c1",
      type: "tested",
      source: "s",
      time: "1970-01-01T00:00:01Z",
      receivedat: "never",
      eventTime: "never",
      data: { k: "a" },
    });
    expect((await run(["--received-at", "time"], cloud)).code).toBe(0);
    expect((await run(["--received-at", "eventTime"], cloud)).code).toBe(0);
    expect((await run(["--received-at", "receivedat"], cloud)).code).toBe(3);
  });

  test("gives ticks none, and what is unreadable no state", async () => {
    const words = ["--received-at", "at", "--ticks", "--state-hash"];
    const good = [event("t1", 0, { at: 5 }), '{"tick":90000}'].join("\n");
    const { told } = await run(words, good);
    const other = await run(words, `${event("t0", 5, { at: "x" })}\n${good}`);
    expect(other.told.at(-1)).toBe(told.at(-1));
  });
});

describe("--report", () => {
  test("holds the receipts added up, all faults, and the stats at the end", async () => {
    const path = file("all.json", "");
    const input = INPUT + INPUT + "\n{}\n".repeat(30);
    await run(["--batch", "3", "--flush", "--report", path], input);
    const { receipt, stats } = JSON.parse(readFileSync(path, "utf8")) as {
      receipt: { invalid: Told[] };
      stats: { queries: { counts: { open: number } } };
    };
    expect(Object.keys(receipt).join()).toBe(
      "received,accepted,duplicate,invalid,quarantined,position",
    );
    expect(receipt).toMatchObject({ received: 40, accepted: 5, duplicate: 5, position: 5 });
    expect(receipt.invalid.map(({ index }) => index)).toEqual(
      Array.from({ length: 30 }, (_, index) => 10 + index),
    );
    expect(stats).toMatchObject({ received: 40, accepted: 5, duplicate: 5, invalid: 30 });
    expect(stats.queries.counts.open).toBe(0);
  });

  test("that cannot be written costs no run, and exits with 1; a folder is refused", async () => {
    const lost = await run(["--report", "/nowhere/report.json"]);
    expect(lost).toMatchObject({ code: 1, stdout: "" });
    expect(lost.stderr).toMatch(/^ENOENT[^\n]*\n$/);
    const folder = await run(["--report", import.meta.dirname]);
    expect(folder).toMatchObject({ code: 2, stdout: "" });
    expect(folder.stderr).toMatch(/is a folder: name a file for the report\.\n$/);
  });

  test("goes to a stream, too", async () => {
    expect(await run(["--report", "/dev/null"])).toMatchObject({ code: 0 });
  });
});

describe("hashes", () => {
  const HASH = /^[0-9a-f]{64}$/;

  test("stand at the end of standard error, the state's before the view's", async () => {
    const both = (await run(["--view-hash", "--state-hash"])).told;
    expect(both.at(-1)).toMatch(HASH);
    expect(both.at(-2)).toMatch(HASH);
    expect(both.at(-3)).not.toMatch(HASH);
    expect((await run(["--state-hash"])).told.at(-1)).toBe(both.at(-2));
    expect((await run(["--view-hash"])).told.at(-1)).toBe(both.at(-1));
  });

  test("that of the state is from before --flush, the same for every --batch and --emit", async () => {
    const [state, ...others] = await Promise.all(
      [[], ["--flush"], ["--batch", "1"], ["--batch", "2"], ["--emit", "none"], ["--view"]].map(
        async (words) => (await run(["--state-hash", ...words])).told.at(-1),
      ),
    );
    expect(others).toEqual(others.map(() => state));
    expect((await run(["--state-hash"], `${EVENTS[0]}\n`)).told.at(-1)).not.toBe(state);
  });

  test("that of the views is of their rows after --flush, as canonical JSON", async () => {
    const { told, rows } = await run(["--view", "--flush", "--view-hash"]);
    const text = rows.map((row) => `${canonical(row as unknown as Json)}\n`).join("");
    expect(told.at(-1)).toBe(createHash("sha256").update(text).digest("hex"));
    expect((await run(["--view-hash"])).told.at(-1)).not.toBe(told.at(-1));
  });
});
