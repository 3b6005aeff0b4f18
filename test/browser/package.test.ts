// The packed package, as its users get it: in a Vite build and in Vite's development server it needs
// nothing, with esbuild the URL of the worker's file; and it is imported where there is no window.

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build as bundle } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright";
import { build, createServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BUILD } from "../../engine/browser/protocol.ts";
import { measured } from "../measured.ts";
import { launch, openTab, ROOT, Site } from "./pages.ts";
import { ordersOf, PLAN, QUERY } from "./sample.ts";
import "./page-scope.ts";

const CSP = "content-security-policy";
const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const WORKERLESS = { headers: { [CSP]: `${STRICT}; worker-src 'none'` } };
/** The aim is 48 KiB; what it is stands in docs/measured.md. This is so that it does not grow. */
const BYTES_MAX = 74 * 1024;

const folder = mkdtempSync(join(tmpdir(), "millrace-package-"));
const installed = join(folder, "node_modules/millrace");
let browser: Browser;

beforeAll(async () => {
  const words = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const archive = execFileSync("npm", words, { cwd: ROOT, encoding: "utf8" }).trim();
  mkdirSync(installed, { recursive: true });
  const unpack = ["-xzf", join(folder, archive), "-C", installed, "--strip-components=1"];
  execFileSync("tar", unpack);
  for (const name of ["comlink", "idb"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><title>app</title><script type="module" src="/app.js"></script>`,
  );
  writeFileSync(
    join(folder, "app.js"),
    `import { connect } from "millrace/browser";\nglobalThis.connect = connect;\n`,
  );
  browser = await launch();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Connects on `page`, pushes, reads, and says where the engine ran. */
async function use(page: Page, worker?: string): Promise<object> {
  return page.evaluate(
    async ({ options, query, lines }) => {
      const connection = await connect(options);
      const { accepted } = await connection.push(lines);
      const rows = await connection.view(query).rows();
      const { mode } = await connection.stats();
      return { mode, accepted, rows: rows.length };
    },
    {
      options: { plan: PLAN, name: "app", ...(worker !== undefined && { worker }) },
      query: QUERY,
      lines: ordersOf(0, 10),
    },
  );
}

async function inContext(work: (context: BrowserContext) => Promise<void>): Promise<void> {
  const context = await browser.newContext();
  try {
    await work(context);
  } finally {
    await context.close();
  }
}

const used = (mode: string): object => ({ mode, accepted: 10, rows: 3 });

describe("The packed package", () => {
  test("is imported where there is no window, and changes nothing there", () => {
    const script = `
      const before = Object.getOwnPropertyNames(globalThis).join();
      const { connect, indexeddb } = await import("millrace/browser");
      const after = Object.getOwnPropertyNames(globalThis).join();
      const symbols = Object.getOwnPropertySymbols(globalThis).filter((symbol) =>
        String(symbol).includes("millrace"));
      console.log(typeof connect, typeof indexeddb, before === after, symbols.length);`;
    const words = ["--input-type=module", "--eval", script];
    const said = execFileSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
    expect(said.trim()).toBe("function function true 0");
  });

  test("knows its version, by which the tabs of two builds tell which is newer", () => {
    const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      version: string;
    };
    expect(BUILD).toBe(version);
  });

  test("needs nothing in a Vite build, and carries one copy of the engine", async () => {
    const outDir = join(folder, "built");
    await build({ root: folder, configFile: false, logLevel: "error", build: { outDir } });
    const files = readdirSync(join(outDir, "assets")).map((name) => join(outDir, "assets", name));
    const bytes = files.map((file) => brotliCompressSync(readFileSync(file)).length);
    const total = bytes.reduce((sum, size) => sum + size, 0);
    measured("a Vite build of a connect page, all files, brotli", total, "bytes");
    const copies = files.filter((file) =>
      readFileSync(file, "utf8").includes("WebAssembly.compile("),
    );
    expect(copies.length).toBe(1);
    expect(total).toBeLessThanOrEqual(BYTES_MAX);
  });

  test.each(["worker", "main"])("runs in mode %s of that build", async (mode) => {
    const site = await Site.serve(join(folder, "built"));
    const headers = mode === "main" ? WORKERLESS : { headers: { [CSP]: STRICT } };
    site.answers.set("/index.html", headers);
    site.answers.set("/assets", headers);
    await inContext(async (context) => {
      const page = await openTab(context, `${site.url}/index.html`);
      expect(await use(page)).toEqual(used(mode));
    });
    await site.close();
  });

  test("needs nothing in Vite's development server", { timeout: 60_000 }, async () => {
    const server = await createServer({
      root: folder,
      configFile: false,
      logLevel: "error",
      server: { host: "127.0.0.1", port: 0 },
    });
    await server.listen();
    try {
      await inContext(async (context) => {
        const page = await openTab(context, server.resolvedUrls!.local[0]!);
        // Vite reloads the page when it has found the dependency.
        await page.waitForLoadState("networkidle");
        await page.waitForFunction(() => "connect" in globalThis);
        expect(await use(page)).toEqual(used("worker"));
      });
    } finally {
      await server.close();
    }
  });

  test("is told the worker's file where esbuild bundles the page", async () => {
    const outdir = join(folder, "esbuilt");
    await bundle({
      entryPoints: [join(folder, "app.js")],
      bundle: true,
      format: "esm",
      logLevel: "error",
      outdir,
    });
    cpSync(join(installed, "dist/browser/worker.js"), join(outdir, "millrace-worker.js"));
    cpSync(join(folder, "index.html"), join(outdir, "index.html"));
    const site = await Site.serve(outdir);
    await inContext(async (context) => {
      const page = await openTab(context, `${site.url}/index.html`);
      expect(await use(page, "/millrace-worker.js")).toEqual(used("worker"));
    });
    await site.close();
  });
});
