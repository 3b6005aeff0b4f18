// Eight hours of orders: neither the heap nor the core's memory grows beyond what the plan retains.
// Everything older has left after the first hour, so the later hours, each as busy as the one
// before, may add nothing. In Node over SQLite and in Chromium over IndexedDB.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { build } from "vite";
import { afterAll, describe, expect, test } from "vitest";
import { sqlite } from "../../engine/store/node-sqlite.ts";
import { FULL, measured } from "../measured.ts";
import { LongRun } from "./long-run-page.ts";
import { launch, Site } from "./pages.ts";

const MIB = 2 ** 20;
interface Length {
  readonly minutes: number;
  readonly marks: number;
  readonly keep: string;
}

const SHORT: Length = { minutes: 10, marks: 3, keep: "3m" };
const LENGTH: Length = FULL ? { minutes: 60, marks: 8, keep: "15m" } : SHORT;
const LIMIT_MS = FULL ? 1_800_000 : 120_000;
/** Of what the first mark has: code compiled meanwhile, caches, the noise of a collection. */
const HEAP_GROWTH_MAX = 2 * MIB;

const folder = mkdtempSync(join(tmpdir(), "millrace-long-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Mark {
  readonly heapBytes: number;
  readonly coreBytes: number;
  readonly rows: number;
  readonly stateBytes: number;
}

/** Every memory that is made from here on: an engine's core has one. */
function watchMemories(): WebAssembly.Memory[] {
  const made: WebAssembly.Memory[] = [];
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      made.push(this);
    }
  };
  return made;
}

function expectLevel(host: string, marks: readonly Mark[]): void {
  const [first, ...later] = marks as [Mark, ...Mark[]];
  expect(first.rows).toBeGreaterThan(100);
  for (const mark of later) {
    expect(mark.coreBytes).toBeLessThanOrEqual(first.coreBytes);
    expect(mark.heapBytes).toBeLessThan(first.heapBytes + HEAP_GROWTH_MAX);
    expect(mark.rows).toBeLessThan(first.rows * 1.2);
    expect(mark.stateBytes).toBeLessThan(first.stateBytes * 1.2);
  }
  const last = later.at(-1)!;
  const { minutes } = LENGTH;
  const name = `${minutes * marks.length} minutes of orders, ${host}, from ${minutes} on:`;
  const grown = (last.heapBytes - first.heapBytes) / MIB;
  measured(`${name} growth of the heap`, Number(grown.toFixed(2)), "MiB");
  const core = (last.coreBytes - first.coreBytes) / MIB;
  measured(`${name} growth of the core's memory`, core, "MiB");
  measured(`${name} the core's memory`, last.coreBytes / MIB, "MiB");
}

describe("Hours of orders", () => {
  const original = WebAssembly.Memory;
  afterAll(() => void (WebAssembly.Memory = original));

  const inNode = async ({ minutes, marks: count, keep }: Length): Promise<Mark[]> => {
    const [made, marks] = [watchMemories(), [] as Mark[]];
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const run = await LongRun.begin(keep, sqlite(join(folder, `${keep}.db`)));
    for (let mark = 0; mark < count; mark++) {
      const played = await run.play(minutes);
      await new Promise((resolve) => setImmediate(resolve));
      collect();
      const coreBytes = made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
      marks.push({ ...played, heapBytes: process.memoryUsage().heapUsed, coreBytes });
    }
    await run.engine.close();
    WebAssembly.Memory = original;
    return marks;
  };

  test("leave memory level in Node", { timeout: LIMIT_MS }, async () => {
    expectLevel("Node", await inNode(LENGTH));
  });

  test("would not, if the plan kept them", { timeout: LIMIT_MS }, async () => {
    const marks = await inNode({ ...SHORT, keep: "1d" });
    expect(() => expectLevel("Node, all kept", marks)).toThrow();
    expect(marks.at(-1)!.stateBytes).toBeGreaterThan(marks[0]!.stateBytes * 2);
  });

  test("leave memory level in Chromium", { timeout: LIMIT_MS }, async () => {
    const built = await build({
      configFile: false,
      logLevel: "silent",
      tsconfig: "tsconfig.base.json",
      build: {
        write: false,
        lib: {
          entry: join(import.meta.dirname, "long-run-page.ts"),
          formats: ["iife"],
          name: "page",
        },
      },
    });
    const [bundle] = built as unknown as { output: { code: string }[] }[];
    const site = await Site.serve();
    site.answers.set("/page.html", { body: `<!doctype html><script src="/page.js"></script>` });
    site.answers.set("/page.js", { body: bundle!.output[0]!.code, type: "text/javascript" });
    const browser = await launch();
    try {
      const page = await browser.newPage();
      await page.addInitScript(`globalThis.made = []; {
        const Original = WebAssembly.Memory;
        WebAssembly.Memory = class extends Original {
          constructor(given) { super(given); made.push(this); }
        };
      }`);
      await page.goto(`${site.url}/page.html`);
      const session = await page.context().newCDPSession(page);
      await page.evaluate(async (keep) => {
        globalThis.longRun = await LongRunOfPage.beginInBrowser(keep);
      }, LENGTH.keep);
      const marks: Mark[] = [];
      for (let mark = 0; mark < LENGTH.marks; mark++) {
        const played = await page.evaluate((minutes) => longRun.play(minutes), LENGTH.minutes);
        const coreBytes = await page.evaluate<number>(
          "made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)",
        );
        await session.send("HeapProfiler.collectGarbage");
        const { usedSize } = await session.send("Runtime.getHeapUsage");
        marks.push({ ...played, heapBytes: usedSize, coreBytes });
      }
      expectLevel("Chromium", marks);
    } finally {
      await browser.close();
      await site.close();
    }
  });
});
