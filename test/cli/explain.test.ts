// `--explain`: what it says of a row, to whom, and where.

import { describe, expect, test } from "vitest";
import { event, folder, millrace, MINUTE, PLAN, type Ran } from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);

/** A minute each: 3 events, 1 event, and the event that closes it. */
const EVENTS = [
  event("e1", 0),
  event("e2", 10, { data: { k: "b", x: 2 } }),
  event("e3", 20),
  event("e4", MINUTE),
  event("e5", 2 * MINUTE),
];
const INPUT = EVENTS.map((line) => `${line}\n`).join("");

function run(words: readonly string[], input: string | Uint8Array = INPUT): Promise<Ran> {
  return millrace(["run", plan, ...words], input);
}

describe("--explain", () => {
  const asked = ["--explain", "counts", '{"k":"a"}', `0/${MINUTE}`];

  test("says at the end what is behind a row, on standard error", async () => {
    const late = event("late", 5);
    const again = event("e1", 0);
    const ran = await run(asked, `${INPUT}${late}\n${again}\n`);
    expect(ran.code).toBe(0);
    // The changes are what they are without it.
    expect(ran.stdout).toBe((await run([], `${INPUT}${late}\n${again}\n`)).stdout);
    expect(ran.stderr).toContain(
      [
        'counts {"k":"a"} [1970-01-01T00:00:00.000Z, 1970-01-01T00:01:00.000Z): final',
        '  revision 3  {"n":2,"sum":2}',
        "  told: 1",
        '    final 3 at position 3, clock 1970-01-01T00:02:00.000Z  {"n":2,"sum":2}',
        "  applied: 2",
        "    1970-01-01T00:00:00.000Z  e1 (tested) at position 0, clock 1970-01-01T00:00:00.000Z",
      ].join("\n"),
    );
    expect(ran.stderr).toMatch(
      / {2}late: 1\n.*late \(.*at position 5, clock .*, 119995 ms beyond it/,
    );
    expect(ran.stderr).toMatch(/ {2}sent again: 1\n {4}position 0 {2}duplicate/);
  });

  test("works with --flush, small batches, a window of negative times, and a log", async () => {
    const flushed = await run([...asked, "--flush", "--batch", "1"]);
    expect(flushed.stderr).toContain("  told: 3\n");
    expect(flushed.stderr).toContain("  applied: 2\n");
    const last = ["--explain", "counts", '{"k":"a"}', `${2 * MINUTE}/${3 * MINUTE}`];
    const { stderr } = await run([...last, "--flush", "--emit", "final"]);
    expect(stderr).toMatch(/ {2}told: 1\n {4}final 2 at position 5, clock .*02:00.000Z/);
    const before = await run(["--explain", "counts", '{"k":"a"}', `-${MINUTE}/0`]);
    expect(before.code).toBe(0);
    expect(before.stderr).toContain("not in the view");
    const log = `{"chunk":{"position":0,"receivedAt":null}}\n${INPUT}`;
    const fromLog = await run([...asked, "--log"], log);
    expect(fromLog.stderr).toContain("  applied: 2\n");
  });

  test("stands behind the summary, and before the hashes", async () => {
    const { told } = await run([...asked, "--state-hash"]);
    const at = told.findIndex((line) => line.startsWith("counts {"));
    expect(told[at - 1]).toMatch(/^counts: 5 applied/);
    expect(told.at(-1)).toMatch(/^[0-9a-f]{64}$/);
    expect(told.at(-2)).toBe("  sent again: 0");
  });

  test("cannot steer a terminal by what an event brings", async () => {
    const source = "\u001b[2Jtill\u202e";
    const hostile = event("evil", 1, { source, data: { k: "\u009b2J", x: 1 } });
    const words = ["--explain", "counts", '{"k":"\u009b2J"}', `0/${MINUTE}`];
    const { stderr } = await run(words, `${hostile}\n`);
    expect(stderr).toContain("evil of \\u001b[2Jtill\\u202e (tested)");
    expect(stderr.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test.each([
    ["nobody", '{"k":"a"}', "0/1", "names a query that the plan has not"],
    ["counts", "{}", "0/1", "A key of this query has k,"],
    ["counts", '{"k":"a"}', "null/null", "whole numbers of ms"],
  ])("of what is no row is refused before anything is read: %s %s %s", async (...words) => {
    const [query, key, window, sentence] = words;
    const { code, stdout, stderr } = await run(["--explain", query, key, window]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
  });
});
