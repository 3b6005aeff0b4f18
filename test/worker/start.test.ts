// The Worker outside its tests: that it bundles for deployment, and that `npm start` serves it,
// keeps what it was sent, and leaves nothing behind when it is stopped.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { get, ndjson, order, post, rowsPath } from "./sample.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** For a machine that does much else. */
const SLOW = 300_000;

const folder = mkdtempSync(join(tmpdir(), "millrace-start-"));
let running: ChildProcess | null = null;
afterEach(async () => void (running && (await stop(running))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the Worker bundles for deployment, core included", { timeout: SLOW }, () => {
  const out = join(folder, "bundle");
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const words = ["deploy", "--dry-run", "--config", "worker/wrangler.jsonc", "--outdir", out];
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" };
  const { status, stderr } = spawnSync(process.execPath, [wrangler, ...words], { cwd: ROOT, env });
  expect(status, stderr.toString()).toBe(0);
  const files = readdirSync(out);
  expect(files).toContain("index.js");
  expect(files.filter((name) => name.endsWith(".wasm"))).toHaveLength(1);
});

describe("npm start", { timeout: SLOW }, () => {
  test("serves, stops with all its processes, and has everything when it starts again", async () => {
    const port = await freePort();
    const words = ["--port", `${port}`, "--state", join(folder, "state")];
    const first = await start(words);
    const worker = workerAt(port);
    expect(await post(worker, ndjson([order("START", 1)]))).toMatchObject({
      status: 200,
      body: { accepted: 1 },
    });
    const { body } = await get(worker, rowsPath("START"));
    expect(await stop(first)).toBe(0);
    await expect(get(worker, "/healthz")).rejects.toThrow("fetch failed");

    const second = await start(words);
    expect((await get(worker, rowsPath("START"))).body).toEqual(body);
    expect(await stop(second)).toBe(0);
  });

  test("says in one sentence why it cannot start", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    const { port } = server.address() as AddressInfo;
    expect(refused("--port", `${port}`)).toBe(
      `Port ${port} is taken: stop what is there, or choose another by --port.\n`,
    );
    server.close();
    expect(refused("--port", "70000")).toBe("Got port 70000 when 1 to 65535 fit.\n");
    expect(refused("--state", "/dev/null/nothing", "--port", `${await freePort()}`)).toBe(
      "Nothing can be kept in /dev/null/nothing: choose another folder by --state.\n",
    );
    expect(refused("--nothing")).toContain("--nothing");
  });
});

/** Runs until the URL is printed. */
async function start(words: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["tools/start.ts", ...words], { cwd: ROOT });
  running = child;
  let said = "";
  await new Promise<void>((ready, fail) => {
    const hear = (part: Buffer): void => {
      said += part.toString();
      if (said.includes("http://127.0.0.1:")) ready();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", (code) => fail(new Error(`Got exit code ${code}: ${said}`)));
  });
  return child;
}

/** Its exit code. */
async function stop(child: ChildProcess): Promise<number | null> {
  running = null;
  if (child.exitCode !== null) return child.exitCode;
  const ended = new Promise((exit) => child.once("exit", exit));
  child.kill("SIGTERM");
  await ended;
  return child.exitCode;
}

function refused(...words: string[]): string {
  const command = ["tools/start.ts", ...words];
  const { status, stdout } = spawnSync(process.execPath, command, { cwd: ROOT });
  expect(status).toBe(1);
  return stdout.toString();
}

/** The same requests, sent to this machine. */
function workerAt(port: number) {
  return {
    fetch: (url: string, init?: RequestInit) =>
      fetch(url.replace("https://millrace.test", `http://127.0.0.1:${port}`), init),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
