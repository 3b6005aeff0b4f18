// The board, driven as a person drives it: the built page in a real Chromium, served with the
// headers that are shipped. The goal is the truth beside the recording: at the end of the evening
// every row of the page's own table is the one that the simulator worked out, also when the page
// was reloaded in the middle. The rest is what a person relies on: pause, the beginning again, the
// lines behind the counters, and words where something is missing.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Truth } from "../../demo/city/truth.ts";
import { CHROMIUM_FLAGS, findOrInstallChromium } from "../../tools/test/chromium.ts";
import { settled } from "../settled.ts";
import { serve, type Site } from "./site.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TRUTH = join(ROOT, "demo/recorded/friday.truth.json.gz");
const truth = JSON.parse(gunzipSync(readFileSync(TRUTH)).toString()) as Truth;
/** The whole recording at 600x takes 46 seconds; a busy machine may take longer. */
const EVENING_MS_MAX = 140_000;
const MOMENT_MS_MAX = 60_000;
/** So many refused lines at most follow one another in the recording. */
const REFUSED_IN_A_ROW = 3;
const DESKTOP = { width: 1280, height: 800 };
const ENDED = "the recording has ended";

const folder = mkdtempSync(join(tmpdir(), "millrace-board-"));
let browser: Browser;
const sites: Site[] = [];

beforeAll(async () => {
  const configFile = join(ROOT, "demo/vite.config.ts");
  await build({ configFile, logLevel: "error", build: { outDir: folder } });
  const executablePath = findOrInstallChromium();
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
}, MOMENT_MS_MAX);

afterAll(async () => {
  await browser?.close();
  await Promise.all(sites.map((site) => site.close()));
  rmSync(folder, { recursive: true });
});

interface Visit {
  readonly site: Site;
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, requests to elsewhere: there must be none. */
  readonly complaints: string[];
}

async function visit(query: string, options: Options = {}): Promise<Visit> {
  const { workerPrefix = "", ...contextOptions } = options;
  const site = await serve(folder);
  sites.push(site);
  site.workerPrefix = workerPrefix;
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    ...contextOptions,
  });
  context.setDefaultTimeout(MOMENT_MS_MAX);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(site.url)) complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(`${site.url}?${query}`);
  return { site, page, complaints };
}

interface Options extends BrowserContextOptions {
  readonly workerPrefix?: string;
}

function says(
  page: Page,
  id: string,
  words: string | RegExp,
  timeout: number = MOMENT_MS_MAX,
): Promise<unknown> {
  return page.locator(`#${id}`, { hasText: words }).waitFor({ timeout });
}

/** Lines of the recording that were taken, and the orders of the evening as the page shows them. */
interface Place {
  readonly line: number;
  readonly orders: number;
}

/** Waits until so many lines were taken; the place is read in the same moment. */
async function reaches(page: Page, line: number): Promise<Place> {
  const place = await page.waitForFunction(
    (least) => {
      const taken = Number(document.querySelector<HTMLElement>("#place")?.dataset["line"] ?? -1);
      const orders = document.querySelector("#evening-orders")?.textContent?.replaceAll(",", "");
      return taken >= least ? { line: taken, orders: Number(orders) } : null;
    },
    line,
    { timeout: EVENING_MS_MAX },
  );
  return (await place.jsonValue())!;
}

/** Presses pause in the moment in which so many lines were taken. */
async function pauseAt(page: Page, line: number): Promise<void> {
  const press = (least: number): boolean => {
    const taken = Number(document.querySelector<HTMLElement>("#place")?.dataset["line"] ?? -1);
    if (taken >= least) document.querySelector<HTMLElement>("#play")?.click();
    return taken >= least;
  };
  await page.waitForFunction(press, line, { timeout: EVENING_MS_MAX });
}

function placeOf(page: Page): Promise<Place> {
  return reaches(page, 0);
}

interface TableRow {
  readonly restaurantId: string;
  readonly start: number;
  readonly end: number;
  readonly value: { readonly [name: string]: number | null };
  readonly state: string;
}

/** The table's columns of figures, in their order. */
const MEASURES = [
  ...(["orders", "revenue", "average", "smallest", "largest"] as const),
  ...(["p90", "customers"] as const),
];

/** The page's own table, every row of it, with the exact values that it tells. */
async function readTable(page: Page): Promise<TableRow[]> {
  await page.locator("#all-rows").click();
  await page.getByRole("button", { name: "All on one page" }).click();
  const rows = await page.locator("#rows-table").evaluate((table) => {
    return [...(table as HTMLTableElement).tBodies[0]!.rows].map((row) => {
      const [start, end] = [...row.querySelectorAll("time")].map(({ dateTime }) => dateTime);
      const [restaurantId, ...values] = [...row.querySelectorAll("data")].map(({ value }) => value);
      return { restaurantId, start, end, values, state: row.cells[9]!.textContent };
    });
  });
  await page.locator("#dialog-close").click();
  const read = rows.map(({ restaurantId = "", start = "", end = "", values, state }): TableRow => {
    const numbers = values.map((value) => (value === "" ? null : Number(value)));
    const value = Object.fromEntries(MEASURES.map((name, index) => [name, numbers[index]!]));
    return { restaurantId, start: Date.parse(start), end: Date.parse(end), value, state };
  });
  return settled(read, truth.city.asSent);
}

const expected = truth.city.asSent.map(({ key, window, value }): TableRow => {
  return { restaurantId: key.restaurantId, ...window, value: { ...value }, state: "final" };
});

async function counters(page: Page): Promise<number[]> {
  const texts = await page.locator(".tiles b").allTextContents();
  return texts.map((text) => Number(text.replaceAll(",", "")));
}

/** Old tills tell no amount: the mean is that of the orders that did. */
async function looksAtTheRush(page: Page): Promise<void> {
  const parts = page.locator("#look");
  await parts.focus();
  for (let press = 0; press < 200; press++) {
    const at = await parts.getAttribute("aria-valuetext");
    if (at !== null && at >= "19:30" && at < "19:35") break;
    await page.keyboard.press("ArrowLeft");
  }
  await says(page, "city-window", "19:30–19:35 final");
  await says(page, "evening-restaurants", "then");
  const last = Date.parse("2024-03-15T19:30:00Z");
  const own = truth.city.asSent.filter(({ window }) => window.start <= last);
  const priced = own.filter(({ value }) => value.average !== null);
  const revenue = priced.reduce((sum, { value }) => sum + value.revenue!, 0);
  const n = priced.reduce((sum, { value }) => sum + value.revenue! / value.average!, 0);
  const average = `avg £${(revenue / n).toFixed(2)}, n ${Math.round(n).toLocaleString("en-GB")}`;
  await says(page, "evening-average", average);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await leastContrast(page)).toBeGreaterThanOrEqual(4.5);
  }
}

/** The least contrast of a number of the heat strip with its ground, as WCAG 2 has it. */
function leastContrast(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
    const luminance = (color: string): number => {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) =>
        byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrasts = [...document.querySelectorAll("#heat td")].map((cell) => {
      const { color, backgroundColor } = getComputedStyle(cell);
      const [dark = 0, bright = 0] = [luminance(color), luminance(backgroundColor)].toSorted(
        (a, b) => a - b,
      );
      return (bright + 0.05) / (dark + 0.05);
    });
    return Math.min(...contrasts);
  });
}

describe.concurrent("the evening at 600x", () => {
  test(
    "ends with the rows of the truth, in the page's table",
    { timeout: EVENING_MS_MAX },
    async () => {
      const { page, complaints } = await visit("speed=600");
      await says(page, "fresh-words", ENDED, EVENING_MS_MAX);
      const rows = await readTable(page);
      expect(rows.length).toBe(3176);
      expect(rows).toEqual(expected);
      expect(await counters(page)).toEqual([38, 514, 40, 0]);
      expect((await placeOf(page)).line).toBe(51_940);
      await looksAtTheRush(page);
      expect(complaints).toEqual([]);
    },
  );

  test(
    "ends so when the page was reloaded in the middle",
    { timeout: EVENING_MS_MAX },
    async () => {
      const { page, complaints } = await visit("speed=600");
      const before = await reaches(page, 20_000);
      await page.reload();
      // What the log holds is there at once, and the recording goes on behind it.
      // Lines behind the last accepted one were refused: they are in no log, and come again.
      const after = await reaches(page, 1);
      expect(after.line).toBeGreaterThanOrEqual(before.line - REFUSED_IN_A_ROW);
      expect(after.orders).toBeGreaterThanOrEqual(before.orders);
      await says(page, "fresh-words", ENDED, EVENING_MS_MAX);
      expect(await readTable(page)).toEqual(expected);
      const [late, ...refused] = await counters(page);
      expect(late).toBe(38);
      // Those before the reload are not known by name any more; the page says how many they were.
      expect(Math.max(...refused)).toBeLessThan(514);
      const title = await page.locator("[data-list=duplicate]").getAttribute("title");
      expect(title).toContain("were refused before");
      expect(complaints).toEqual([]);
    },
  );
});

describe("a person", () => {
  let page: Page;
  let complaints: readonly string[];

  beforeAll(async () => {
    ({ page, complaints } = await visit("speed=600"));
    await pauseAt(page, 7_500);
    await says(page, "fresh-words", "paused");
  }, EVENING_MS_MAX);

  test("pauses, and finds it paused after a reload", { timeout: MOMENT_MS_MAX }, async () => {
    const paused = await placeOf(page);
    await page.waitForTimeout(500);
    expect(await placeOf(page)).toEqual(paused);
    // The address says the speed; that it is paused is remembered.
    await page.reload();
    await says(page, "fresh-words", "paused");
    const again = await reaches(page, 1);
    // Lines refused behind the log's end come again.
    expect(again.line).toBeLessThanOrEqual(paused.line);
    expect(again.orders).toBe(paused.orders);
    expect(await page.locator("#heat tbody tr").count()).toBeGreaterThan(50);
  });

  test("goes through the restaurants by keyboard", { timeout: MOMENT_MS_MAX }, async () => {
    await page.locator("#heat tbody button").first().focus();
    const before = await page.locator("#one-name").textContent();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const third = page.locator("#heat tbody tr:nth-child(3) button");
    expect(await third.evaluate((button) => button === document.activeElement)).toBe(true);
    expect(await third.getAttribute("aria-current")).toBe("true");
    expect(await page.locator("#one-name").textContent()).not.toBe(before);
    await page.locator("#chart-table-toggle").click();
    expect(await page.locator("#chart-table tbody tr").count()).toBeGreaterThan(3);
    await page.locator("#chart-table-toggle").click();
  });

  test("looks at another hour and comes back", { timeout: MOMENT_MS_MAX }, async () => {
    await page.locator("#look").fill("3");
    await says(page, "fresh-words", "looking back");
    await page.locator("#back").click();
    await says(page, "fresh-words", "paused");
  });

  test("sees it dark or light, and on a phone without a sideways scroll", async () => {
    const ground = (): Promise<string> => {
      return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    };
    await page.emulateMedia({ colorScheme: "light" });
    expect(await ground()).toBe("rgb(244, 246, 248)");
    await page.locator("#theme").click();
    expect(await ground()).toBe("rgb(14, 17, 22)");
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await page.setViewportSize(DESKTOP);
  });

  test("sees no panel over another, however low the window is", async () => {
    for (const height of [800, 640, 480]) {
      await page.setViewportSize({ width: 1000, height });
      const boxes = await page.evaluate(() => {
        return [...document.querySelectorAll(".side > *")].map((panel) => {
          const { top, bottom } = panel.getBoundingClientRect();
          return { top, bottom, isWhole: panel.scrollHeight <= panel.clientHeight };
        });
      });
      for (const [index, { top, isWhole }] of boxes.entries()) {
        expect(isWhole).toBe(true);
        expect(top).toBeGreaterThanOrEqual(boxes[index - 1]?.bottom ?? 0);
      }
    }
    await page.setViewportSize(DESKTOP);
  });

  test(
    "plays on, and opens the lines behind the counters",
    { timeout: MOMENT_MS_MAX },
    async () => {
      await page.locator("#play").click();
      await page.waitForFunction(() => {
        const counts = [...document.querySelectorAll(".tiles b")].map((each) => each.textContent);
        return counts.slice(0, 3).every((count) => count !== "0");
      });
      await page.locator("label[for=speed-1]").click();
      for (const list of ["late", "duplicate", "invalid"]) {
        await page.locator(`[data-list=${list}]`).click();
        await page.locator(".lines li pre").first().waitFor();
        await page.locator("#dialog-close").click();
      }
      await page.locator("[data-list=held]").click();
      await says(page, "dialog-body", "None.");
      await page.locator("#dialog-close").click();
    },
  );

  test(
    "sees restaurants come below the row under the focus, which keeps still",
    { timeout: MOMENT_MS_MAX },
    async () => {
      const { page: other } = await visit("speed=600");
      await other.locator("#heat tbody button").first().focus();
      const focused = (): Promise<string | undefined> => {
        return other.evaluate(() => document.activeElement?.closest("tr")?.dataset["id"]);
      };
      const before = await focused();
      const firsts = await other.locator("#heat tbody tr").count();
      expect(firsts).toBeLessThan(50);
      await other.locator("#heat tbody tr:nth-child(50)").waitFor();
      expect(await focused()).toBe(before);
      expect(await other.locator("#heat tbody tr").first().getAttribute("data-id")).toBe(before);
      await other.close();
    },
  );

  test("starts over", { timeout: MOMENT_MS_MAX }, async () => {
    const before = await placeOf(page);
    await page.locator("#over").click();
    await page.getByRole("button", { name: "Delete the log and start over" }).click();
    await page.waitForFunction((most) => {
      const line = Number(document.querySelector<HTMLElement>("#place")?.dataset["line"]);
      return line > 0 && line < most;
    }, before.line);
    await says(page, "fresh-words", "live");
    expect((await counters(page))[0]).toBe(0);
    expect(complaints).toEqual([]);
  });
});

test("the first order is one of one restaurant, one row", { timeout: MOMENT_MS_MAX }, async () => {
  const { page } = await visit("speed=1&paused=1");
  await says(page, "fresh-words", "paused");
  await page.locator("#all-rows").click();
  await says(page, "dialog-note", /^0 rows$/);
  expect(await page.locator("#dialog-tools .pages").textContent()).toBe("none");
  await page.locator("#dialog-close").click();
  await page.locator("#play").click();
  await says(page, "city-orders", /^1$/);
  expect(await page.locator("#evening-restaurants").textContent()).toBe("1 restaurant now");
  await page.locator("#all-rows").click();
  await says(page, "dialog-note", /^1 row as of /);
});

describe("where something is missing", () => {
  test("no IndexedDB: it counts in memory and says so", { timeout: MOMENT_MS_MAX }, async () => {
    const workerPrefix = "Object.defineProperty(globalThis, 'indexedDB', { value: undefined });";
    const { page } = await visit("speed=600", { workerPrefix });
    await reaches(page, 5_000);
    await says(page, "storage", "memory only");
  });

  test(
    "another tab has the log: the second counts in memory and says so",
    { timeout: MOMENT_MS_MAX },
    async () => {
      const { page, site } = await visit("speed=10");
      await reaches(page, 1);
      const second = await page.context().newPage();
      await second.goto(`${site.url}?speed=10`);
      let told = "";
      while (!told.includes("live")) told += `${await second.textContent("#fresh-words")}; `;
      await says(second, "storage", "memory only");
      expect(await second.locator("#storage").getAttribute("title")).toContain("another tab");
      expect(told).not.toContain("stale");
      await second.setViewportSize({ width: 390, height: 844 });
      expect(await second.locator("#storage").isVisible()).toBe(true);
      await second.locator("#over").click();
      await says(second, "dialog-body", "This forgets what this tab counted");
      const focused = second.locator("#dialog-close:focus");
      expect(await focused.count()).toBe(1);
    },
  );

  test.each([
    ["cannot start", "throw new Error('planted');"],
    ["ends after a while", "setTimeout(() => close(), 2500);"],
  ])(
    "a worker that %s: it says so, and what to do",
    { timeout: MOMENT_MS_MAX },
    async (_, workerPrefix) => {
      const { page } = await visit("speed=60", { workerPrefix });
      await says(page, "fault", "The worker does not answer");
      await says(page, "fault-action", "Reload the page");
    },
  );
});
