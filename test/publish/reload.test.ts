// Tabs of a real browser that are reloaded and closed in the midst of sending. The edge is played
// by this process, over a real engine.

import { gunzipSync } from "node:zlib";
import { type Browser, type BrowserContext, chromium, type Page, type Route } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "vite";
import type { Engine } from "../../engine/index.ts";
import { CHROMIUM_FLAGS, findChromium } from "../../tools/test/chromium.ts";
import { engineOf, planOf } from "../builders.ts";

const ORIGIN = "http://localhost:9";

let script = "";
let browser: Browser;
let context: BrowserContext;
let engine: Engine;
/** What becomes of a request, by its index: it is taken in, but answered only if `isAnswered`. */
let isAnswered: (index: number) => boolean;
let refuse: (index: number) => { status: number; headers: { [name: string]: string } } | null;
let asked: { atMs: number; ids: string[] }[];
let open: number;
let openMax: number;

beforeAll(async () => {
  const entry = `${import.meta.dirname}/till-page.ts`;
  const built = await build({
    configFile: false,
    logLevel: "silent",
    tsconfig: "tsconfig.base.json",
    build: { write: false, lib: { entry, formats: ["iife"], name: "page" } },
  });
  const [bundle] = built as unknown as { output: { code: string }[] }[];
  script = bundle!.output[0]!.code;
  browser = await chromium.launch({ executablePath: findChromium()!, args: [...CHROMIUM_FLAGS] });
}, 60_000);
afterAll(() => browser.close());

beforeEach(async () => {
  engine = await engineOf(planOf());
  context = await browser.newContext();
  isAnswered = () => true;
  refuse = () => null;
  asked = [];
  open = openMax = 0;
  const body = `<!doctype html><script>${script}</script>`;
  await context.route(`${ORIGIN}/`, (route) => route.fulfill({ contentType: "text/html", body }));
  await context.route(`${ORIGIN}/v1/events`, answer);
});
afterEach(async () => {
  await context.close();
  await engine.close();
});

async function answer(route: Route): Promise<void> {
  const request = route.request();
  const sent = request.postDataBuffer()!;
  const isPacked = request.headers()["content-encoding"] === "gzip";
  const bytes = new Uint8Array(isPacked ? gunzipSync(sent) : sent);
  const lines = new TextDecoder().decode(bytes).split("\n");
  const index = asked.length;
  const ids = lines.map((line) => (JSON.parse(line) as { eventId: string }).eventId);
  asked.push({ atMs: Date.now(), ids });
  const refused = refuse(index);
  if (refused !== null) return await route.fulfill({ ...refused, body: "{}" });
  openMax = Math.max(openMax, ++open);
  const { position, ...receipt } = await engine.push(bytes, { format: "ndjson" });
  if (!isAnswered(index)) return;
  await new Promise((resolve) => setTimeout(resolve, 20));
  open--;
  await route.fulfill({ json: { ...receipt, positions: { R: position } } });
}

async function newTab(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${ORIGIN}/`);
  return page;
}

const idsOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${prefix}-${number}`);

const publish = (page: Page, ids: string[]): Promise<string | null> =>
  page.evaluate((all) => till.publish(all), ids);

const drained = (page: Page): Promise<void> =>
  expect
    .poll(() => page.evaluate(async () => (await till.stats()).waiting), { timeout: 20_000 })
    .toBe(0);

describe("A till in a browser", { timeout: 60_000 }, () => {
  test("that is reloaded while it sends loses nothing, and nothing counts twice", async () => {
    isAnswered = (index) => index > 0;
    const page = await newTab();
    expect(await publish(page, idsOf("a", 20))).toBeNull();
    await expect.poll(() => asked.length).toBe(1);
    // The edge has taken them in; nobody will hear of it.
    expect(engine.stats().accepted).toBe(20);
    await page.reload();
    await drained(page);
    expect(asked[1]!.ids).toEqual(idsOf("a", 20));
    expect(engine.stats()).toMatchObject({ accepted: 20, duplicate: 20 });
  });

  test("that was told to wait waits through a reload, and in another tab", async () => {
    refuse = (index) => (index === 0 ? { status: 503, headers: { "Retry-After": "3" } } : null);
    const page = await newTab();
    await publish(page, ["a"]);
    await expect
      .poll(() => page.evaluate(async () => (await till.stats()).problem))
      .toBe("Got HTTP 503.");
    await page.reload();
    const other = await newTab();
    await publish(other, ["b"]);
    await drained(other);
    expect(asked[1]!.atMs - asked[0]!.atMs).toBeGreaterThanOrEqual(3000);
    expect(engine.stats()).toMatchObject({ accepted: 2, duplicate: 0 });
  });

  test("in two tabs has one sender; where it is closed the other goes on", async () => {
    const [first, second] = [await newTab(), await newTab()];
    await Promise.all([publish(first, idsOf("a", 100)), publish(second, idsOf("b", 100))]);
    await drained(first);
    expect(openMax).toBe(1);
    expect(engine.stats()).toMatchObject({ accepted: 200, duplicate: 0 });

    const count = asked.length;
    isAnswered = (index) => index !== count;
    await publish(first, idsOf("c", 10));
    await expect.poll(() => asked.length).toBe(count + 1);
    await publish(second, idsOf("d", 10));
    await first.close();
    await drained(second);
    expect(asked.at(-1)!.ids).toEqual([...idsOf("c", 10), ...idsOf("d", 10)]);
    expect(engine.stats()).toMatchObject({ accepted: 220, duplicate: 10 });
  });

  test("whose disk is full says so, and goes on when there is room", async () => {
    const page = await newTab();
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: ORIGIN, quotaSize: 200_000 });
    const told = await page.evaluate(async () => await till.publish(["a"], "x".repeat(1_000_000)));
    expect(told).toBe("quota_exceeded");
    await session.send("Storage.overrideQuotaForOrigin", { origin: ORIGIN });
    expect(await publish(page, ["b"])).toBeNull();
    await drained(page);
    expect(asked.map(({ ids }) => ids)).toEqual([["b"]]);
  });
});
