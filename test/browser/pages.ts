// A static host and a Chromium for the tests of `connect`: pages of one origin that share their
// storage, and a second origin with the same files. What a page is sent, headers too, can be
// changed between two loads.

import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright";
import { CHROMIUM_FLAGS, findOrInstallChromium } from "../../tools/test/chromium.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
};

export interface Answer {
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  /** In the place of the file. */
  readonly body?: string;
  readonly type?: string;
  readonly delayMs?: number;
}

export class Site {
  /** Of paths that begin so; the longest counts. */
  readonly answers = new Map<string, Answer>();
  /** Paths asked for. */
  readonly asked: string[] = [];
  readonly #folder: string;
  readonly #servers: Server[] = [];
  url = "";
  /** The same files at another origin, for which any may ask. */
  otherUrl = "";

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async serve(folder: string = ROOT): Promise<Site> {
    const site = new Site(folder);
    site.url = await site.#listen();
    site.otherUrl = await site.#listen();
    return site;
  }

  async #listen(): Promise<string> {
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      this.asked.push(pathname);
      void this.#answer(pathname).then(({ status = 200, headers, body, type, delayMs = 0 }) => {
        const own = { "content-type": type ?? "text/plain", "access-control-allow-origin": "*" };
        setTimeout(() => response.writeHead(status, { ...own, ...headers }).end(body), delayMs);
      });
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  async #answer(pathname: string): Promise<Answer> {
    const [, answer = {}] =
      [...this.answers]
        .filter(([path]) => pathname.startsWith(path))
        .toSorted(([a], [b]) => b.length - a.length)[0] ?? [];
    const type = answer.type ?? TYPES[extname(pathname)] ?? "text/html; charset=utf-8";
    if (answer.status !== undefined || answer.body !== undefined) return { type, ...answer };
    try {
      const body = await readFile(join(this.#folder, normalize(pathname)), "utf8");
      return { ...answer, type, body };
    } catch {
      return { status: 404 };
    }
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: findOrInstallChromium(),
    args: [...CHROMIUM_FLAGS],
  });
}

/** A tab on `path`, once the page says that it is ready. */
export async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(() => "connect" in globalThis);
  return page;
}

/** Kills the renderer of a page, as a crash does: nothing in it runs any more. */
export async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await crashed;
}

/** From when this resolves the worker of the page does nothing any more. */
export async function hang(page: Page): Promise<void> {
  await page.evaluate(() => {
    const channel = new BroadcastChannel("hanging");
    globalThis.hanging = new Promise((resolve) => {
      channel.addEventListener("message", () => resolve());
    });
  });
  await page.workers()[0]!.evaluate(() => {
    // In a task of its own: one of the debugger's would outlive the worker's end.
    setTimeout(() => {
      new BroadcastChannel("hanging").postMessage(null);
      for (;;);
    });
  });
  await page.evaluate(() => globalThis.hanging);
}

/** A page that imports `connect` from the files for pages without a bundler. */
export const PLAIN_PAGE = `<!doctype html><meta charset="utf-8"><title>connect</title>
<script type="module" src="/page.js"></script>`;
export const PLAIN_SCRIPT = `import { connect } from "/dist/browser/index.js";
const workers = [];
globalThis.Worker = class extends Worker {
  constructor(...words) {
    super(...words);
    workers.push(this);
  }
};
globalThis.killWorkers = () => workers.forEach((worker) => worker.terminate());
globalThis.connect = connect;`;
