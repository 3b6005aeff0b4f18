// A Chromium of a test's own over a profile that outlives it: it can be killed as a whole, and what it
// left on the disk can be changed before the next one starts.

import { type ChildProcess, spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "playwright";
import { build } from "vite";
import { expect } from "vitest";
import { CHROMIUM_FLAGS, findChromium } from "../../tools/test/chromium.ts";

export interface OwnBrowser {
  readonly browser: Browser;
  /** Its one tab, still blank. */
  readonly page: Page;
  /** What it has written to standard error so far, line by line. */
  readonly told: readonly string[];
  /** Resolves when nothing of it runs any more. */
  readonly kill: () => Promise<void>;
}

/** Looked for once: that starts one. */
let executable: string | undefined;

export async function startBrowser(profile: string): Promise<OwnBrowser> {
  const flags = [...CHROMIUM_FLAGS, "--headless", "--remote-debugging-port=0"];
  const words = [...flags, `--user-data-dir=${profile}`, "about:blank"];
  executable ??= findChromium()!;
  const child = spawn(executable, words, {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const told: string[] = [];
  const browser = await chromium.connectOverCDP(await endpointOf(child, told));
  const page = await browser.contexts()[0]!.newPage();

  const kill = async (): Promise<void> => {
    // The whole group: on Debian the command is a script, and the browser is its child.
    process.kill(-child.pid!, "SIGKILL");
    await exited;
    await expect.poll(() => isRunning(-child.pid!), { timeout: 20_000 }).toBe(false);
  };
  return { browser, page, told, kill };
}

/** Of a negative id: whether any process of that group is there, and may hold the profile. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Chromium tells on standard error where it listens; all that it tells there goes to `told`. */
function endpointOf(child: ChildProcess, told: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr! })
      .on("line", (line) => {
        told.push(line);
        const endpoint = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
        if (endpoint !== undefined) resolve(endpoint);
      })
      .once("close", () => reject(new Error(`Chromium ended: ${told.join("\n")}`)));
  });
}

/** Where Chromium keeps the IndexedDB of the one origin that a profile knows. */
export async function databasesOf(profile: string): Promise<string> {
  const databases = join(profile, "Default", "IndexedDB");
  const name = (await readdir(databases)).find((file) => file.endsWith(".leveldb"))!;
  return join(databases, name);
}

/** A file of this folder with all that it imports, as a classic script. */
export async function scriptOf(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    tsconfig: "tsconfig.base.json",
    build: {
      write: false,
      lib: { entry: join(import.meta.dirname, entry), formats: ["iife"], name: "page" },
    },
  });
  const [bundle] = built as unknown as { output: { code: string }[] }[];
  return bundle!.output[0]!.code;
}
