// The words: what each option means, and which are refused with exit code 2 and one sentence.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseArguments } from "../../engine/cli/arguments.ts";
import { folder, millrace, PLAN } from "./terminal.ts";

const file = folder();
const plan = file("plan.json", PLAN);

test("run has its defaults", () => {
  expect(parseArguments(["run", "p.json"])).toEqual({
    name: "run",
    plan: "p.json",
    recordings: [],
    batch: 1000,
    emit: null,
    view: false,
    flush: false,
    ticks: false,
    receivedAt: null,
    log: false,
    report: null,
    stateHash: false,
    viewHash: false,
    explain: null,
  });
});

test("options may stand anywhere, with = or a space", () => {
  const words =
    "run --batch=7 p a --emit final b --view --flush --ticks --received-at at --report r";
  expect(parseArguments([...words.split(" "), "--state-hash", "--view-hash"])).toEqual({
    name: "run",
    plan: "p",
    recordings: ["a", "b"],
    batch: 7,
    emit: "final",
    view: true,
    flush: true,
    ticks: true,
    receivedAt: "at",
    log: false,
    report: "r",
    stateHash: true,
    viewHash: true,
    explain: null,
  });
  expect(parseArguments(["run", "--log", "--", "p", "--view"])).toMatchObject({
    log: true,
    view: false,
    recordings: ["--view"],
  });
});

describe("refused with 2 and one sentence:", () => {
  test.each([
    [[], "Say run, check, explain or restore; --help tells more."],
    [
      ["restore", "--store", "a"],
      "millrace restore takes --archive, a folder, and --store, a file.",
    ],
    [["fly"], 'Got the command "fly" when expected run, check, explain or restore.'],
    [["run"], "millrace run takes a plan, and then recordings."],
    [["run", plan, "--batch", "0"], "Got --batch 0 when expected a whole number, 1 or more."],
    [["run", plan, "--batch", "1.5"], "Got --batch 1.5 when expected a whole number, 1 or more."],
    [["run", plan, "--batch", "x"], "Got --batch x when expected a whole number, 1 or more."],
    [["run", plan, "--batch", "1e3"], "Got --batch 1e3 when expected a whole number, 1 or more."],
    [["run", plan, "--batch"], "Option '--batch <value>' argument missing."],
    [["run", plan, "--emit", "some"], "Got --emit some when expected all, final or none."],
    [["run", plan, "--fast"], "Unknown option '--fast'."],
    [["run", plan, "--view=1"], "Option '--view' does not take an argument."],
    [
      ["run", plan, "--log", "--received-at", "at"],
      "A log has its receive times: leave out --received-at or --log.",
    ],
    [
      ["run", plan, "--explain", "q", "{}"],
      "--explain takes a query, a key as JSON, and a window as start/end.",
    ],
    [
      ["run", plan, "--explain=q", "{}", "0/1"],
      "--explain takes a query, a key as JSON, and a window as start/end.",
    ],
    [["run", plan, "--explain", "q", "k", "0/1"], "Got the key k when expected a JSON object."],
    [["run", plan, "--explain", "q", "[]", "0/1"], "Got the key [] when expected a JSON object."],
    [
      ["run", plan, "--explain", "q", "{}", "0-1"],
      "Got the window 0-1 when expected start/end in ms, or null/null.",
    ],
    [
      ["run", plan, "--explain", "q", "{}", "0/1", "--explain", "q", "{}", "0/1"],
      "--explain stands once.",
    ],
    [["tune", plan, "r"], "millrace tune is not supported yet."],
    [["diff", plan, plan, "r"], "millrace diff is not supported yet."],
    [["verify", "b"], "millrace verify is not supported yet."],
    [["check"], "Got 0 files when millrace check takes one plan."],
    [["explain", plan, plan], "Got 2 files when millrace explain takes one plan."],
  ])("%j", async (words, sentence) => {
    const { code, stdout, stderr } = await millrace(words);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: `${sentence}\n` });
  });
});

test("--version tells that of the package", async () => {
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  const told = { code: 0, stdout: `${version as string}\n`, stderr: "" };
  expect(await millrace(["--version"])).toMatchObject(told);
});

test.each([[["--help"]], [["run", "-h"]], [["check", "--help"]], [["help"]]])(
  "%j tells every option, and is fine",
  async (words) => {
    const { code, stdout, stderr } = await millrace(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const option of ["batch", "emit", "view", "flush", "ticks", "received-at", "log"]) {
      expect(stdout).toContain(`--${option}`);
    }
    for (const option of ["report", "state-hash", "view-hash"]) {
      expect(stdout).toContain(`--${option}`);
    }
  },
);
