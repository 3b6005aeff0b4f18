// `npm start`: builds what is missing or stale, then runs the Worker with the page in front of it,
// in workerd, on this machine alone. There are no accounts yet, so it listens on 127.0.0.1 only.
//
//   npm start -- [--port N] [--state DIR]     PORT does as --port; 8787 and .wrangler/state else
//
// wrangler is some eight processes, and stopping the first leaves the others on the port: it runs
// in a process group of its own, and the group is stopped as a whole.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const HOST = "127.0.0.1";
const CORE = "dist/core/core.wasm";
const PAGE = "dist/demo/index.html";
const PAGE_CONFIG = "demo/vite.config.ts";

const READY_MS_MAX = 90_000;
const ANSWER_MS_MAX = 5_000;
const STOP_MS_MAX = 5_000;
const POLL_MS = 100;

/** What ends the command with one sentence and exit code 1. */
class Refusal extends Error {}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  say(error.message);
  process.exitCode = 1;
}
// Without waiting for what was outrun, such as the next look whether the Worker answers.
process.exit();

async function main(): Promise<void> {
  const { port, state } = readOptions();
  await refuseTakenPort(port);
  makeFolder(state);
  await buildWhatIsStale();
  const wrangler = startWrangler(port, state);
  const ended = endOf(wrangler);
  const stopped = stopRequest();
  const stop = (): Promise<void> => stopGroup(wrangler.pid!);
  const first = await Promise.race([untilAnswers(port), ended, stopped]);
  if (first === "ready") {
    say(`http://${HOST}:${port}/`);
    say("The boards are there, events go to POST /v1/events; Ctrl+C stops it.");
  }
  const last = first === "ready" ? await Promise.race([ended, stopped]) : first;
  await stop();
  if (last === "stop") return;
  if (last === "slow")
    throw new Refusal("The Worker did not answer: see what wrangler said above.");
  throw new Refusal("The Worker ended by itself: see what wrangler said above.");
}

function readOptions(): { port: number; state: string } {
  const options = { port: { type: "string" }, state: { type: "string" } } as const;
  const values = parsed(() => parseArgs({ options }).values);
  const text = values.port ?? process.env["PORT"] ?? "8787";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new Refusal(`Got port ${text} when 1 to 65535 fit.`);
  return { port, state: resolve(values.state ?? join(ROOT, ".wrangler/state")) };
}

function parsed<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error));
  }
}

async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer();
  const error = await new Promise<NodeJS.ErrnoException | null>((answer) => {
    server.once("error", answer);
    server.listen(port, HOST, () => server.close(() => answer(null)));
  });
  if (error === null) return;
  const why = error.code === "EADDRINUSE" ? "is taken" : `cannot be had (${error.code})`;
  throw new Refusal(`Port ${port} ${why}: stop what is there, or choose another by --port.`);
}

function makeFolder(state: string): void {
  try {
    mkdirSync(state, { recursive: true });
    accessSync(state, constants.W_OK);
  } catch {
    throw new Refusal(`Nothing can be kept in ${state}: choose another folder by --state.`);
  }
}

// ── building ───────────────────────────────────────────────────────────────────────────────────

async function buildWhatIsStale(): Promise<void> {
  const core = ["assembly", "engine", "asconfig.json", "tools/build.ts"];
  if (isStale(CORE, core)) {
    say("Building the engine.");
    try {
      execFileSync(process.execPath, ["tools/build.ts"], { cwd: ROOT, stdio: "inherit" });
    } catch {
      throw new Refusal("The engine did not build: see above.");
    }
  }
  if (!existsSync(join(ROOT, PAGE_CONFIG))) {
    say("There is no page yet: only the API is served.");
    mkdirSync(join(ROOT, "dist/demo"), { recursive: true });
  } else if (isStale(PAGE, ["demo", "engine", CORE])) {
    say("Building the page.");
    await build({ configFile: join(ROOT, PAGE_CONFIG), logLevel: "warn" });
  }
}

/** Whether the file is missing, or older than one of the sources. */
function isStale(file: string, sources: readonly string[]): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return true;
  const builtMs = statSync(path).mtimeMs;
  return sources.some((source) => newestMs(join(ROOT, source)) > builtMs);
}

function newestMs(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const times = readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => {
    return statSync(join(path, name)).mtimeMs;
  });
  return Math.max(stat.mtimeMs, ...times);
}

// ── running ────────────────────────────────────────────────────────────────────────────────────

function startWrangler(port: number, state: string): ChildProcess {
  const words = ["--local", "--ip", HOST, "--port", `${port}`, "--inspector-port", "0"];
  words.push("--config", join(ROOT, "worker/wrangler.jsonc"), "--persist-to", state);
  words.push("--show-interactive-dev-session=false", "--log-level", "error");
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  return spawn(process.execPath, [wrangler, "dev", ...words], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      CI: "1",
      WRANGLER_SEND_METRICS: "false",
      X_LOCAL_OBSERVABILITY: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
    },
  });
}

async function untilAnswers(port: number): Promise<"ready" | "slow"> {
  for (const start = Date.now(); Date.now() - start < READY_MS_MAX; await sleep(POLL_MS)) {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const url = `http://${HOST}:${port}/healthz`;
    const response = await fetch(url, { signal }).catch(() => null);
    if (response?.ok === true) return "ready";
  }
  return "slow";
}

function endOf(child: ChildProcess): Promise<"ended"> {
  return new Promise((answer) => {
    child.once("exit", () => answer("ended"));
    child.once("error", () => answer("ended"));
  });
}

/** A signal; or npm, which started this, is gone without passing its own on. */
function stopRequest(): Promise<"stop"> {
  return new Promise((answer) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => answer("stop"));
    }
    if (process.env["npm_lifecycle_event"] !== "start") return;
    const { ppid } = process;
    setInterval(() => process.ppid !== ppid && answer("stop"), 1000).unref();
  });
}

async function stopGroup(pid: number): Promise<void> {
  signalGroup(pid, "SIGTERM");
  const start = Date.now();
  while (signalGroup(pid, 0)) {
    if (Date.now() - start > STOP_MS_MAX) signalGroup(pid, "SIGKILL");
    await sleep(POLL_MS / 2);
  }
}

/** False when the group has no process left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
