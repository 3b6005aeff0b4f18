// A log, or an outbox, that the browser deleted is missed, whichever database of its origin is opened
// first: Chromium tells only that one. It deletes all of an origin's databases, so do these tests,
// between two runs of a browser over one profile.

import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PLAIN_PAGE, PLAIN_SCRIPT, Site } from "../browser/pages.ts";
import { BLOCK_BYTES, HEADER_BYTES, journalAt, journalsIn } from "./leveldb-journal.ts";
import { databasesOf, scriptOf, startBrowser, type OwnBrowser } from "./own-browser.ts";

const TIMEOUT = { timeout: 90_000 };

let folder = "";
let site: Site;
let profile = "";
let own: OwnBrowser | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-lost-"));
  site = await Site.serve();
  const page = `<script>${await scriptOf("browser-lost-page.ts")}</script>${PLAIN_PAGE}`;
  site.answers.set("/page.html", { body: page });
  const headers = { "content-security-policy": "worker-src 'none'" };
  site.answers.set("/main.html", { body: page, headers });
  site.answers.set("/page.js", { body: PLAIN_SCRIPT });
  // Of a browser that has no such files, or refuses them.
  site.answers.set("/fileless.js", {
    body: `StorageManager.prototype.getDirectory = () =>
        Promise.reject(new DOMException("not here", "SecurityError"));
      await import("/dist/browser/worker.js");`,
  });
});
afterAll(async () => {
  await site?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});
beforeEach(async () => {
  profile = await mkdtemp(join(folder, "profile-"));
});
afterEach(end);

/** A fresh browser over the profile, on its page. */
async function begin(path = "/page.html"): Promise<Page> {
  own = await startBrowser(profile);
  const { page } = own;
  await page.goto(`${site.url}${path}`);
  await page.waitForFunction(() => "connect" in globalThis);
  return page;
}

async function end(): Promise<void> {
  await own?.kill();
  own = null;
}

/** What Chromium does when it finds one of them corrupt. */
async function deleteDatabases(): Promise<void> {
  await end();
  await rm(await databasesOf(profile), { recursive: true });
}

const openLog = (page: Page, worker?: string): Promise<number | string> =>
  page.evaluate((url) => lostPage.openLog(url), worker);
const push = (page: Page): Promise<number> => page.evaluate(() => lostPage.push(10));
const sell = (page: Page): Promise<unknown> => page.evaluate(() => lostPage.sell());
const openOwn = (page: Page): Promise<void> => page.evaluate(() => lostPage.openOwn());
const deleteLog = (page: Page): Promise<string | null> => page.evaluate(() => lostPage.deleteLog());

describe("A log that the browser deleted", TIMEOUT, () => {
  test("is missed when the application's database is opened first, until it is let go", async () => {
    let page = await begin();
    expect(await openLog(page)).toBe(0);
    expect(await push(page)).toBe(10);
    await end();
    // Killed, it has its log as ever.
    page = await begin();
    await openOwn(page);
    expect(await openLog(page)).toBe(10);
    await deleteDatabases();
    for (let run = 0; run < 2; run++) {
      page = await begin();
      await openOwn(page);
      expect(await openLog(page)).toBe("log_lost");
      if (run === 0) await end();
    }
    expect(await deleteLog(page)).toBeNull();
    expect(await openLog(page)).toBe(0);
    expect(await push(page)).toBe(10);
    await end();
    expect(await openLog(await begin())).toBe(10);
  });

  test("is missed in the page, too, where no worker can be had", async () => {
    let page = await begin("/main.html");
    expect(await openLog(page)).toBe(0);
    expect(await page.evaluate(() => lostPage.mode())).toBe("main");
    await deleteDatabases();
    page = await begin("/main.html");
    await openOwn(page);
    expect(await openLog(page)).toBe("log_lost");
  });

  test("is missed though an older build had made it", async () => {
    let page = await begin();
    await openLog(page);
    await push(page);
    await page.evaluate(() => lostPage.closeLog());
    await page.evaluate(() => lostPage.removeFiles());
    expect(await openLog(page)).toBe(10);
    await page.evaluate(() => lostPage.closeLog());
    await deleteDatabases();
    page = await begin();
    await openOwn(page);
    expect(await openLog(page)).toBe("log_lost");
  });

  test("is not missed where no files can be kept, and all goes on as without", async () => {
    const url = `${site.url}/fileless.js`;
    let page = await begin();
    expect(await openLog(page, url)).toBe(0);
    expect(await push(page)).toBe(10);
    expect(await page.evaluate(() => lostPage.files())).toEqual([]);
    await page.evaluate(() => lostPage.closeLog());
    expect(await openLog(page, url)).toBe(10);
    await deleteDatabases();
    page = await begin();
    await openOwn(page);
    expect(await openLog(page, url)).toBe(0);
  });
});

describe("No log is missed", TIMEOUT, () => {
  test("in a new profile, nor where the origin's storage was cleared as a whole", async () => {
    let page = await begin();
    await openOwn(page);
    expect(await openLog(page)).toBe(0);
    await push(page);
    await page.evaluate(() => lostPage.closeLog());
    const session = await page.context().newCDPSession(page);
    const everything = { origin: site.url, storageTypes: "all" };
    await session.send("Storage.clearDataForOrigin", everything);
    await end();
    page = await begin();
    await openOwn(page);
    expect(await openLog(page)).toBe(0);
  });

  test("in a private window, which has logs of its own", async () => {
    await openLog(await begin());
    for (let window = 0; window < 2; window++) {
      const context = await own!.browser.newContext();
      const pages = [await context.newPage(), await context.newPage()];
      for (const page of pages) {
        await page.goto(`${site.url}/page.html`);
        await page.waitForFunction(() => "connect" in globalThis);
      }
      expect(await openLog(pages[0]!)).toBe(0);
      expect(await push(pages[0]!)).toBe(10);
      expect(await openLog(pages[1]!)).toBe(10);
      await context.close();
    }
  });

  test("after it was deleted on purpose, which nobody may do while it is open", async () => {
    let page = await begin();
    await openLog(page);
    await push(page);
    expect(await page.evaluate(() => lostPage.files())).toHaveLength(1);
    expect(await deleteLog(page)).toBe("storage_blocked");
    expect(await push(page)).toBe(20);
    await page.evaluate(() => lostPage.closeLog());
    expect(await deleteLog(page)).toBeNull();
    expect(await page.evaluate(() => lostPage.files())).toEqual([]);
    await end();
    page = await begin();
    expect(await openLog(page)).toBe(0);
    await push(page);
    // Under its eyes, without the verb: nothing is missed either. Behind its back it is.
    await page.evaluate(() => lostPage.deleteDatabase());
    await expect.poll(() => page.evaluate(() => lostPage.files())).toEqual([]);
    await page.evaluate(() => lostPage.closeLog());
    expect(await openLog(page)).toBe(0);
    await page.evaluate(() => lostPage.closeLog());
    await page.evaluate(() => lostPage.deleteDatabase());
    expect(await openLog(page)).toBe("log_lost");
    expect(await deleteLog(page)).toBeNull();
    expect(await openLog(page)).toBe(0);
  });
});

describe("An outbox that the browser deleted", TIMEOUT, () => {
  test("is told, once, and goes on; the log beside it is missed in its turn", async () => {
    let page = await begin();
    expect(await sell(page)).toEqual({ waiting: 0, told: [] });
    expect(await openLog(page)).toBe(0);
    expect(await sell(page)).toEqual({ waiting: 1, told: [] });
    await deleteDatabases();
    page = await begin();
    expect(await sell(page)).toEqual({ waiting: 0, told: [[null, "outbox_lost"]] });
    expect(await openLog(page)).toBe("log_lost");
    expect(await sell(page)).toEqual({ waiting: 1, told: [] });
    await end();
    page = await begin();
    expect(await sell(page)).toEqual({ waiting: 2, told: [] });
    expect(await openLog(page)).toBe("log_lost");
  });

  test("is told when the application's database and the log are opened first", async () => {
    let page = await begin();
    await sell(page);
    await openLog(page);
    await deleteDatabases();
    page = await begin();
    await openOwn(page);
    expect(await openLog(page)).toBe("log_lost");
    expect(await sell(page)).toEqual({ waiting: 0, told: [[null, "outbox_lost"]] });
  });
});

describe("An outbox whose journal a kill has torn", TIMEOUT, () => {
  test("keeps what is published later, as a log does (browser-kill.test.ts)", async () => {
    await sell(await begin());
    await end();
    const databases = await databasesOf(profile);
    const journal = join(databases, (await journalsIn(databases))[0]!.file);
    // The head of a record that fills the block, and none of its bytes.
    const bytes = await readFile(journal);
    const head = Buffer.from([1, 2, 3, 4, 0, 0, 1]);
    head.writeUInt16LE(BLOCK_BYTES - HEADER_BYTES - bytes.length, 4);
    await writeFile(journal, Buffer.concat([bytes, head]));
    expect(await journalAt(journal)).toMatchObject({ isTorn: true, brokenAt: null });
    let page = await begin();
    expect(await sell(page)).toEqual({ waiting: 1, told: [] });
    await expect.poll(() => stat(journal).catch(() => null), { timeout: 20_000 }).toBeNull();
    expect(await sell(page)).toEqual({ waiting: 2, told: [] });
    await end();
    page = await begin();
    expect(await sell(page)).toEqual({ waiting: 3, told: [] });
  });
});
