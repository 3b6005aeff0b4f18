// The packed package in each bundler that pages are made with: what it is told there, if anything,
// and that the page then runs in Chromium, under a strict content security policy.

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import type { Browser } from "playwright";
import { build, createServer, type InlineConfig } from "vite";
import * as vite7 from "vite7";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import webpack from "webpack";
import { Application, inContext, MODES, pageOf, use, used, useOf } from "./packed.ts";
import { launch, openTab } from "./pages.ts";

/** The line that README.md tells users of Vite before 8, and the fault those who did not read it. */
const VITE_7_LINE = { optimizeDeps: { exclude: ["millrace"] } };

const application = new Application();
const { folder, installed } = application;
const quiet = { root: folder, configFile: false, logLevel: "error" } as const;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  application.remove();
});

interface DevelopmentServer {
  readonly resolvedUrls: { readonly local: string[] } | null;
  listen(): Promise<unknown>;
  close(): Promise<void>;
}

/** What the page tells in a development server, or the words of its fault. */
async function usedIn(server: DevelopmentServer): Promise<object> {
  let told: object = {};
  await server.listen();
  try {
    await inContext(browser, async (context) => {
      const page = await openTab(context, server.resolvedUrls!.local[0]!);
      // Vite reloads the page when it has found the dependency.
      await page.waitForLoadState("networkidle");
      await page.waitForFunction(() => "connect" in globalThis);
      told = await use(page).catch((error: unknown) => ({ fault: String(error) }));
    });
  } finally {
    await server.close();
  }
  return told;
}

const development = (cacheDir: string, more: object = {}): InlineConfig & vite7.InlineConfig => ({
  ...quiet,
  cacheDir: join(folder, cacheDir),
  server: { host: "127.0.0.1", port: 0 },
  ...more,
});

describe("Vite 8", () => {
  const outDir = join(folder, "built-8");

  test("builds with nothing told", async () => {
    await build({ ...quiet, build: { outDir } });
  });

  test.each(MODES)("the build runs in mode %s", async (mode, answer) => {
    expect(await useOf(browser, outDir, answer)).toEqual(used(mode));
  });

  test("serves with nothing told", { timeout: 60_000 }, async () => {
    const server = await createServer(development("node_modules/.vite-8"));
    expect(await usedIn(server)).toEqual(used("worker"));
  });
});

describe("Vite 7", () => {
  const outDir = join(folder, "built-7");

  test("builds with nothing told", async () => {
    await vite7.build({ ...quiet, build: { outDir } });
  });

  test.each(MODES)("the build runs in mode %s", async (mode, answer) => {
    expect(await useOf(browser, outDir, answer)).toEqual(used(mode));
  });

  test("serves with its line", { timeout: 60_000 }, async () => {
    const server = await vite7.createServer(development("node_modules/.vite-7", VITE_7_LINE));
    expect(await usedIn(server)).toEqual(used("worker"));
  });

  test("without it, the fault names the line", { timeout: 60_000 }, async () => {
    const server = await vite7.createServer(development("node_modules/.vite"));
    const { fault } = (await usedIn(server)) as { fault: string };
    expect(fault).toContain(`optimizeDeps: { exclude: ["millrace"] }`);
  });
});

describe("webpack 5", () => {
  const path = join(folder, "packed");

  test("builds with nothing told", { timeout: 60_000 }, async () => {
    const compiler = webpack({
      mode: "production",
      context: folder,
      entry: "./app.js",
      output: { path },
    });
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      compiler!.run((error, result) => (error ? reject(error) : resolve(result)));
    });
    expect(stats!.toString({ all: false, errors: true, warnings: true })).toBe("");
  });

  test.each(MODES)("the build runs in mode %s", async (mode, answer) => {
    application.write("packed/index.html", pageOf(`<script defer src="/main.js"></script>`));
    expect(await useOf(browser, path, answer)).toEqual(used(mode));
  });
});

describe("esbuild", () => {
  const outdir = join(folder, "esbuilt");

  test("builds, and the worker's file is put beside", async () => {
    const entryPoints = [join(folder, "app.js")];
    await bundle({ entryPoints, bundle: true, format: "esm", logLevel: "error", outdir });
    cpSync(join(installed, "dist/browser/worker.js"), join(outdir, "millrace-worker.js"));
    cpSync(join(folder, "index.html"), join(outdir, "index.html"));
  });

  test.each(MODES)("the build, told its URL, runs in mode %s", async (mode, answer) => {
    expect(await useOf(browser, outdir, answer, "/millrace-worker.js")).toEqual(used(mode));
  });
});

describe("No bundler", () => {
  const path = join(folder, "plain");

  test.each(MODES)("a module script runs in mode %s", async (mode, answer) => {
    mkdirSync(path, { recursive: true });
    cpSync(join(installed, "dist/browser/index.js"), join(path, "millrace.js"));
    cpSync(join(installed, "dist/browser/worker.js"), join(path, "elsewhere/worker.js"));
    application.write("plain/index.html", pageOf(`<script type="module" src="/app.js"></script>`));
    application.write(
      "plain/app.js",
      `import { connect } from "/millrace.js";\nglobalThis.connect = connect;\n`,
    );
    expect(await useOf(browser, path, answer, "/elsewhere/worker.js")).toEqual(used(mode));
  });
});
