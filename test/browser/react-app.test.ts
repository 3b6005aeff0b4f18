// A page built with React, as people write it: an effect connects, and its end closes. StrictMode
// mounts it twice, Vite's development server puts an edited module in place of the running one, and
// a server renders it where there is no window. Each time one worker and one lock are left, or none.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page, Worker } from "playwright";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launch, ROOT } from "./pages.ts";
import { ordersOf, PLAN, QUERY } from "./sample.ts";
import "./page-scope.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-react-"));
let browser: Browser;
let server: ViteDevServer;
let context: BrowserContext;
let page: Page;
/** Every worker that the page ever started. */
let started: Worker[];

const INDEX = `<!doctype html><title>app</title><div id="root"></div>
<script type="module" src="/main.js"></script>`;

const appOf = (heading: string): string => `
import { createElement, useEffect, useState } from "react";
import { connect } from "millrace/browser";
import { useRows } from "millrace/react";

export const heading = ${JSON.stringify(heading)};

export function App() {
  const [engine, setEngine] = useState(null);
  useEffect(() => {
    let isGone = false;
    const opening = connect({ plan: ${JSON.stringify(PLAN)}, name: "app" });
    opening.then((connection) => {
      if (isGone) return;
      globalThis.connection = connection;
      setEngine(connection);
    });
    return () => {
      isGone = true;
      opening.then((connection) => connection.close());
    };
  }, []);
  const rows = useRows(engine, ${JSON.stringify(QUERY)});
  return createElement("p", null, heading + ": " + rows.length + " rows");
}`;

/** Mounts the app, and mounts the edited one in its place. */
const MAIN = `
import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "/app.js";

let root;
function mount(component) {
  root?.unmount();
  root = createRoot(document.getElementById("root"));
  root.render(createElement(StrictMode, null, createElement(component)));
}
globalThis.unmount = () => root.unmount();
mount(App);
import.meta.hot.accept("/app.js", (edited) => mount(edited.App));`;

/** A module that connects as it is evaluated, and forgets that it did. */
const careless = (edition: number): string => `
import { connect } from "millrace/browser";
globalThis.connection = await connect({ plan: ${JSON.stringify(PLAN)}, name: "careless" });
globalThis.edition = ${edition};
import.meta.hot.accept();`;

beforeAll(async () => {
  const installed = join(folder, "node_modules/millrace");
  mkdirSync(installed, { recursive: true });
  cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
  for (const part of ["assembly", "browser", "core", "engine"]) {
    cpSync(join(ROOT, "dist", part), join(installed, "dist", part), { recursive: true });
  }
  for (const name of ["comlink", "idb", "react", "react-dom", "scheduler"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  const files = {
    "package.json": `{ "type": "module" }`,
    "index.html": INDEX,
    "careless.html": INDEX.replace("main.js", "careless.js"),
    "main.js": MAIN,
    "app.js": appOf("first"),
    "careless.js": careless(0),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const include = ["millrace/browser", "millrace/react", "react", "react-dom/client"];
  server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0, fs: { strict: false }, watch: null },
    // Found on the way, they would have the page loaded anew in the midst of a test.
    optimizeDeps: { include },
  });
  await server.listen();
  browser = await launch();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  started = [];
  page.on("worker", (worker) => started.push(worker));
});
afterEach(() => context.close());

const urlOf = (path: string): string => `${server.resolvedUrls!.local[0]!}${path}`;

/** Edits a file, as an editor and the server's watcher would. */
async function edit(name: string, text: string): Promise<void> {
  const file = join(folder, name);
  writeFileSync(file, text);
  server.watcher.emit("change", file);
}

/** The workers that live, and the locks that are held, of the log and of a worker. */
async function left(): Promise<object> {
  const locks = await page.evaluate(async () => {
    const { held } = await navigator.locks.query();
    return held!.map(({ name }) => name!).filter((name) => name.startsWith("millrace"));
  });
  const ofLogs = locks.filter((name) => /^millrace:(app|careless)$/.test(name)).length;
  return { workers: page.workers().length, ofLogs, others: locks.length - ofLogs };
}

const ONE = { workers: 1, ofLogs: 1, others: 1 };
const NONE = { workers: 0, ofLogs: 0, others: 0 };

const shown = (): Promise<string | null> => page.locator("p").textContent();

async function push(from: number, count: number): Promise<void> {
  await page.waitForFunction(() => "connection" in globalThis);
  await page.evaluate((lines) => connection.push(lines), ordersOf(from, count));
}

describe("A page that connects in an effect", () => {
  test("mounted twice by StrictMode has one worker and one lock", async () => {
    await page.goto(urlOf("index.html"));
    await push(0, 10);
    await expect.poll(shown).toBe("first: 3 rows");
    await expect.poll(left).toEqual(ONE);
    await page.evaluate(() => (globalThis as unknown as { unmount: () => void }).unmount());
    await expect.poll(left).toEqual(NONE);
  });

  test("edited while it runs, again and again, has one worker and one lock", async () => {
    await edit("app.js", appOf("first"));
    await page.goto(urlOf("index.html"));
    await push(0, 10);
    await expect.poll(shown).toBe("first: 3 rows");
    const isSamePage = await page.evaluateHandle(() => globalThis);
    for (const heading of ["second", "third", "fourth"]) {
      await edit("app.js", appOf(heading));
      await expect.poll(shown).toBe(`${heading}: 3 rows`);
      await expect.poll(left).toEqual(ONE);
    }
    // It was not loaded anew.
    expect(await isSamePage.evaluate((before) => before === globalThis)).toBe(true);
    await push(10, 1);
    await expect.poll(left).toEqual(ONE);
  });

  test("is rendered on a server, which starts no worker and ends by itself", () => {
    writeFileSync(join(folder, "app-on-server.js"), appOf("server"));
    const script = `
      const { createElement } = await import("react");
      const { renderToString } = await import("react-dom/server");
      globalThis.Worker = class { constructor() { throw new Error("a worker"); } };
      const { App } = await import("./app-on-server.js");
      console.log(renderToString(createElement(App)));
      console.log((await navigator.locks?.query())?.held.length ?? 0);`;
    const words = ["--input-type=module", "--eval", script];
    const options = { cwd: folder, encoding: "utf8", timeout: 20_000 } as const;
    const said = execFileSync(process.execPath, words, options);
    expect(said.trim().split("\n")).toEqual(["<p>server: 0 rows</p>", "0"]);
  });
});

describe("A module that connects and never closes", () => {
  test("edited while it runs, has one worker and one lock all the same", async () => {
    await page.goto(urlOf("careless.html"));
    await push(0, 10);
    const editionOf = (): Promise<number> =>
      page.evaluate(() => (globalThis as unknown as { edition: number }).edition);
    for (const edition of [1, 2, 3]) {
      await edit("careless.js", careless(edition));
      await expect.poll(editionOf).toBe(edition);
      expect(await left()).toEqual(ONE);
    }
    expect(started.length).toBe(1);
    expect(await page.evaluate(async () => (await connection.stats()).position)).toBe(10);
  });
});
