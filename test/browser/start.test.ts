// How a host starts: in a worker, in a Blob worker, in the page; and the words of those who cannot.
// Each step is taken in a real Chromium, under the headers that force it.

import { readFile } from "node:fs/promises";
import type { Browser, BrowserContext, Frame, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BUILD } from "../../engine/browser/protocol.ts";
import { launch, openTab, Site, PLAIN_PAGE, PLAIN_SCRIPT } from "./pages.ts";
import { ordersOf, PLAN } from "./sample.ts";
import "./page-scope.ts";

const CSP = "content-security-policy";
const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const START_MS_MAX = 5_000;

let browser: Browser;
let site: Site;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  site = await Site.serve();
  site.answers.set("/page.html", { body: PLAIN_PAGE });
  site.answers.set("/page.js", { body: PLAIN_SCRIPT });
  context = await browser.newContext();
});
afterEach(async () => {
  await context.close();
  await site.close();
});

interface Outcome {
  readonly mode?: string;
  readonly position?: number;
  readonly code?: string | undefined;
  readonly message?: string;
}

/** Connects, pushes ten orders and says how that went. */
async function connected(
  page: Page | Frame,
  worker?: string,
  options: object = {},
): Promise<Outcome> {
  return page.evaluate(
    async ({ options, lines }) => {
      try {
        const connection = await connect(options);
        await connection.push(lines);
        const { mode, position } = await connection.stats();
        return { mode, position };
      } catch (error) {
        const { code, message } = error as Error & { code?: string };
        return { code, message };
      }
    },
    {
      options: { plan: PLAN, name: "log", ...(worker !== undefined && { worker }), ...options },
      lines: ordersOf(0, 10),
    },
  );
}

const tab = (): Promise<Page> => openTab(context, `${site.url}/page.html`);

describe("A host starts", () => {
  test("in a worker, under a strict content security policy", async () => {
    for (const path of ["/page.html", "/dist"]) {
      const answer = site.answers.get(path);
      site.answers.set(path, { ...answer, headers: { [CSP]: `${STRICT}; worker-src 'self'` } });
    }
    const page = await tab();
    expect(await connected(page)).toEqual({ mode: "worker", position: 10 });
    expect(page.workers().length).toBe(1);
  });

  test("in a worker, from the URL that it is given", async () => {
    site.answers.set("/own/worker.js", { body: `import "/dist/browser/worker.js";` });
    const page = await tab();
    expect(await connected(page, "/own/worker.js")).toEqual({ mode: "worker", position: 10 });
    expect(page.workers()[0]!.url()).toBe(`${site.url}/own/worker.js`);
  });

  test("in a Blob worker, if its file is another origin's", async () => {
    const page = await tab();
    const url = `${site.otherUrl}/dist/browser/worker.js`;
    expect(await connected(page, url)).toEqual({ mode: "blob", position: 10 });
    expect(page.workers()[0]!.url()).toMatch(/^blob:/);
  });

  test("in the page, where the policy allows no worker; the last close frees the lock", async () => {
    site.answers.set("/page.html", {
      body: PLAIN_PAGE,
      headers: { [CSP]: `${STRICT}; worker-src 'none'` },
    });
    const page = await tab();
    expect(await connected(page)).toEqual({ mode: "main", position: 10 });
    expect(page.workers().length).toBe(0);
    expect(await connected(page, undefined, { name: "other" })).toMatchObject({ mode: "main" });
    const other = await tab();
    expect(await connected(other)).toEqual({ mode: "follower", position: 10 });
    await page.close();
    await expect.poll(() => connected(other)).toEqual({ mode: "main", position: 10 });
    const worker = await other.evaluate(() => globalThis.Worker.name);
    expect(worker).not.toBe("look");
  });

  test("in the page, if the worker says nothing for 5 s, which then is no second one", async () => {
    site.answers.set("/late.js", {
      body: `if ("WorkerGlobalScope" in globalThis) {
          await new Promise((resolve) => setTimeout(resolve, ${START_MS_MAX + 1000}));
        }
        await import("/dist/browser/worker.js");`,
    });
    const page = await tab();
    const begun = performance.now();
    expect(await connected(page, "/late.js")).toEqual({ mode: "main", position: 10 });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(START_MS_MAX);
    await expect.poll(() => page.workers().length).toBe(0);
    const held = await page.evaluate(async () =>
      (await navigator.locks.query()).held!.map(({ name }) => name!.replace(/:.*/, "")),
    );
    // Of the log, and of the host in the page: it lives.
    expect(held.sort()).toEqual(["millrace", "millrace-alive"]);
  });
});

describe("A host that cannot start says why:", () => {
  test("its file is not there", async () => {
    const page = await tab();
    const { code, message } = await connected(page, "/nowhere.js");
    expect(code).toBe("worker_unavailable");
    expect(message).toContain(`${site.url}/nowhere.js`);
    expect(message).toContain("{ worker: url }");
  });

  test("its file never comes", async () => {
    site.answers.set("/never.js", { body: "", delayMs: 60_000 });
    const begun = performance.now();
    const { code } = await connected(await tab(), "/never.js", { deadlineMs: 1_000 });
    expect(code).toBe("worker_unavailable");
    expect(performance.now() - begun).toBeGreaterThanOrEqual(START_MS_MAX + 1_000);
  });

  test("its file is of another build", async () => {
    const body = await readFile(new URL("../../dist/browser/worker.js", import.meta.url), "utf8");
    site.answers.set("/older.js", { body: body.replaceAll(BUILD, "0.0.9") });
    const { code, message } = await connected(await tab(), "/older.js");
    expect(code).toBe("worker_unavailable");
    expect(message).toContain(BUILD);
  });

  test("an older Vite has moved the package away from it: the line to add", async () => {
    const deps = "/node_modules/.vite/deps";
    site.answers.set(`${deps}/millrace_browser.js`, {
      body: `export * from "/dist/browser/index.js";`,
    });
    site.answers.set("/page.js", {
      body: PLAIN_SCRIPT.replace("/dist/browser/index.js", `${deps}/index.js`),
    });
    const body = await readFile(new URL("../../dist/browser/index.js", import.meta.url), "utf8");
    site.answers.set(`${deps}/index.js`, { body });
    const { code, message } = await connected(await tab());
    expect(code).toBe("worker_unavailable");
    expect(message).toContain(`optimizeDeps: { exclude: ["millrace"] }`);
    expect(site.asked).toContain(`${deps}/worker.js`);
  });

  test("there is no IndexedDB, as in a private window; memory is a way out", async () => {
    site.answers.set("/private.js", {
      body: `Object.defineProperty(globalThis, "indexedDB", { value: undefined });
        await import("/dist/browser/worker.js");`,
    });
    const page = await tab();
    expect(await connected(page, "/private.js")).toMatchObject({ code: "storage_unavailable" });
    expect(await connected(page, "/private.js", { storage: "memory" })).toMatchObject({
      mode: "worker",
      position: 10,
    });
  });

  test("IndexedDB refuses to open", async () => {
    site.answers.set("/refuses.js", {
      body: `IDBFactory.prototype.open = () => {
          throw new DOMException("not here", "SecurityError");
        };
        await import("/dist/browser/worker.js");`,
    });
    const { code, message } = await connected(await tab(), "/refuses.js");
    expect(code).toBe("storage_unavailable");
    expect(message).toContain("SecurityError");
  });

  test("there are no Web Locks", async () => {
    site.answers.set("/lockless.js", {
      body: `Object.defineProperty(WorkerNavigator.prototype, "locks", { value: undefined });
        await import("/dist/browser/worker.js");`,
    });
    const page = await tab();
    const { code, message } = await connected(page, "/lockless.js");
    expect(code).toBe("storage_unavailable");
    expect(message).toContain("Web Locks");
    const inMemory = await connected(page, "/lockless.js", { storage: "memory" });
    expect(inMemory).toMatchObject({ mode: "worker", position: 10 });
  });

  test("it may keep nothing, as in a sandboxed frame; memory is a way out", async () => {
    const { body } = site.answers.get("/page.js")!;
    const script = body!.replaceAll("connect }", "connect, deleteLog }");
    site.answers.set("/page.js", { body: `${script}\nglobalThis.deleteLog = deleteLog;` });
    site.answers.set("/frame.html", {
      body: `<!doctype html><iframe sandbox="allow-scripts" src="/page.html"></iframe>`,
    });
    const page = await context.newPage();
    await page.goto(`${site.url}/frame.html`);
    const frame = page.frames()[1]!;
    await frame.waitForFunction(() => "connect" in globalThis);
    const { code, message } = await connected(frame);
    expect(code).toBe("storage_unavailable");
    expect(message).toContain(`{ storage: "memory" }`);
    expect(await connected(frame, undefined, { storage: "memory" })).toMatchObject({
      position: 10,
    });
    const deleting = frame.evaluate(() =>
      deleteLog("log").catch((error: { code?: string }) => error.code),
    );
    expect(await deleting).toBe("storage_unavailable");
  });

  test.each(["worker-src 'self'", "worker-src 'none'"])(
    "a policy forbids WebAssembly, with %s: the word to add",
    async (workers) => {
      const headers = { [CSP]: `script-src 'self'; ${workers}` };
      for (const path of ["/page.html", "/dist"]) {
        site.answers.set(path, { ...site.answers.get(path), headers });
      }
      const { code, message } = await connected(await tab());
      expect(code).toBe("worker_unavailable");
      expect(message).toContain("'wasm-unsafe-eval'");
    },
  );

  test("the disk is full, push by push; what was acknowledged stays", async () => {
    const page = await tab();
    const session = await context.newCDPSession(page);
    const quota = { origin: site.url, quotaSize: 2_000_000 };
    await session.send("Storage.overrideQuotaForOrigin", quota);
    const found = await page.evaluate(
      async ({ plan, lines }) => {
        const connection = await connect({ plan, name: "full" });
        let accepted = 0;
        let code: string | undefined;
        for (let round = 0; round < 500 && code === undefined; round++) {
          // Identities differ by round; the padding is no field of the plan.
          const noise = Array.from(crypto.getRandomValues(new Uint8Array(200)), (byte) =>
            byte.toString(36),
          ).join("");
          const push = lines
            .replaceAll('"e-', `"pad":"${noise}","e${round}-`)
            .replaceAll(`"eventId":"pad":"${noise}","`, `"pad":"${noise}","eventId":"`);
          try {
            accepted += (await connection.push(push)).accepted;
          } catch (error) {
            code = (error as { code?: string }).code;
          }
        }
        return { code, accepted, position: (await connection.stats()).position };
      },
      { plan: PLAN, lines: ordersOf(0, 100) },
    );
    expect(found.code).toBe("quota_exceeded");
    expect(found.accepted).toBeGreaterThan(0);
    expect(found.position).toBe(found.accepted);
  });
});
