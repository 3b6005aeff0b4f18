// A contender in a Chromium of its own: a page built by Vite, served on 127.0.0.1, with a module
// worker that runs it; stopped between its rounds.

import { createReadStream, existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, relative, resolve } from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { build } from "vite";
import { CHROMIUM_FLAGS, findChromium } from "../../tools/test/chromium.ts";
import { BUILD } from "../inputs.ts";
import type { Request } from "../page/worker.ts";
import { NotAvailable, type Job, type Round, type Runner } from "../runner.ts";

const PAGE_SOURCE = fileURLToPath(new URL("../page/", import.meta.url));
const PAGE = resolve(BUILD, "page");
const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
/** What a page may have: they are left out where they are not installed. */
const PACKAGES = [
  "rxjs",
  "arquero",
  "apache-arrow",
  "@electric-sql/d2ts",
  "@datadog/sketches-js",
  "@duckdb/duckdb-wasm",
  "@perspective-dev/client",
];
/** Of sketches-js, to write a sketch as bytes. */
const NEVER_CALLED = "protobufjs/minimal";

export class ChromiumHost {
  #server: Server | undefined;
  #origin = "";
  #executablePath: string | undefined;
  /** Once it was asked for: it is built and served once. */
  #opening: Promise<void> | undefined;

  async start(job: Job): Promise<Runner> {
    await (this.#opening ??= this.#open());
    const server = await chromium.launchServer({
      executablePath: this.#executablePath!,
      args: [...CHROMIUM_FLAGS, "--js-flags=--expose-gc"],
    });
    // It leads a group of its own: all processes of the browser.
    const signal = (name: NodeJS.Signals): boolean => process.kill(-server.process().pid!, name);
    const stop = async (): Promise<void> => {
      signal("SIGCONT");
      await server.close();
    };
    try {
      const browser = await chromium.connect(server.wsEndpoint());
      const page = await browser.newPage();
      await page.goto(this.#origin);
      const ask = (request: Request): Promise<Round | null> =>
        page.evaluate((asked) => window.bench(asked), request);
      const inputPath = relative(BUILD, job.inputPath);
      await ask({ kind: "start", job: { ...job, inputPath } });
      signal("SIGSTOP");
      return {
        round: async (withAnswer) => {
          signal("SIGCONT");
          const round = (await ask({ kind: "round", withAnswer }))!;
          signal("SIGSTOP");
          return round;
        },
        stop,
      };
    } catch (error) {
      await stop();
      throw error;
    }
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  async #open(): Promise<void> {
    this.#executablePath = findChromium();
    if (this.#executablePath === undefined) {
      throw new NotAvailable("No Chromium starts here: name one in CHROMIUM_PATH.");
    }
    await buildPage();
    const server = createServer((request, response) => {
      const path = fileOf(decodeURIComponent(request.url ?? "/"));
      if (path === null || !existsSync(path)) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/plain" });
      pipeline(createReadStream(path), response, () => {});
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    this.#server = server;
  }
}

/** `/files/…` is of the bench's build, all else of the page; nothing lies above. */
function fileOf(url: string): string | null {
  const isFile = url.startsWith("/files/");
  const root = isFile ? resolve(BUILD) : PAGE;
  const name = isFile ? url.slice("/files/".length) : url === "/" ? "index.html" : url.slice(1);
  const path = resolve(root, name);
  return path.startsWith(`${root}/`) ? path : null;
}

async function buildPage(): Promise<void> {
  const { resolve: find } = createRequire(import.meta.url);
  const isMissing = (name: string): boolean => {
    try {
      find(name);
      return false;
    } catch {
      return true;
    }
  };
  const missing = [...PACKAGES, NEVER_CALLED].filter(isMissing);
  const external = missing.map((name) => new RegExp(`^${name}(/|$)`));
  await build({
    configFile: false,
    root: PAGE_SOURCE,
    base: "/",
    logLevel: "warn",
    publicDir: false,
    worker: { format: "es", rolldownOptions: { external, checks: { pluginTimings: false } } },
    build: {
      outDir: PAGE,
      emptyOutDir: true,
      target: "esnext",
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 10_000,
      rolldownOptions: { external, checks: { pluginTimings: false } },
    },
  });
}
