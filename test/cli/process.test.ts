// The command line as a process: what npm run build made of it, on pipes that are real.

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { event, folder, MINUTE, PLAN } from "./terminal.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const ROOT = join(CLI, "../..");
const file = folder();
const plan = file("plan.json", PLAN);
const INPUT = [event("a", 0), event("b", MINUTE)].join("\n");

function millrace(words: readonly string[], input = "", node: readonly string[] = []) {
  const options = { input, encoding: "utf8", cwd: ROOT } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, CLI, ...words], options);
  return { status, stdout, stderr };
}

describe("the process", { timeout: MINUTE }, () => {
  test("runs a recording from standard input to standard output", () => {
    const { status, stdout, stderr } = millrace(["run", plan, "--flush", "--view-hash"], INPUT);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(3);
    expect(stderr).toMatch(/^2 received, 2 accepted[^]*\n[0-9a-f]{64}\n$/);
  });

  test.each([
    [0, ["check", plan]],
    [1, ["run", plan, "/nowhere/recording.ndjson"]],
    [2, ["run", plan, "--fast"]],
    [2, ["check", file("wrong.json", {})]],
    [3, ["run", plan, file("bad.ndjson", "{}")]],
  ])("exits with %d for %j", (code, words) => {
    expect(millrace(words).status).toBe(code);
  });

  test("ends in silence when nobody reads on", async () => {
    const child = spawn(process.execPath, [CLI, "run", plan, "--batch", "1"]);
    const stderr: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // It stops reading too.
    child.stdin.on("error", () => {});
    child.stdout.once("data", () => child.stdout.destroy());
    for (let minute = 0; minute < 20_000; minute++) {
      child.stdin.write(`${event(`e${minute}`, minute * MINUTE)}\n`);
    }
    child.stdin.end();
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect({ code, stderr: Buffer.concat(stderr).toString() }).toEqual({ code: 1, stderr: "" });
  });

  test("says in one sentence that Node is too old", () => {
    const code = 'Object.defineProperty(process, "versions", { value: { node: "22.12.0" } });';
    const old = `data:text/javascript,${encodeURIComponent(code)}`;
    expect(millrace(["check", plan], "", ["--import", old])).toEqual({
      status: 1,
      stdout: "",
      stderr: "Millrace needs Node 22.13 or later, and this is Node 22.12.0.\n",
    });
  });

  test("is what npx runs in the repository", () => {
    // As from a person's shell: without what an npx around this test would tell the one within.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
    const options = { encoding: "utf8", cwd: ROOT, env: Object.fromEntries(inherited) } as const;
    const { status, stdout } = spawnSync("npx", ["--no", "millrace", "check", plan], options);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${plan} has no faults.\n` });
  });
});
