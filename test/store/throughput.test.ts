// How many events a second IndexedDB keeps in a real Chromium, strict: as chunks, a record a push,
// beside a record an event, by its id, in the same transactions. `npm run test:full` asks for 20×.

import { join } from "node:path";
import { chromium } from "playwright";
import { build } from "vite";
import { expect, onTestFinished, test } from "vitest";
import { CHROMIUM_FLAGS, findChromium } from "../../tools/test/chromium.ts";
import { FULL, measured } from "../measured.ts";

const ORIGIN = "http://localhost:9";
const RATIO = 20;
const ROUNDS = FULL ? 5 : 1;
const CHUNK_BATCHES = FULL ? 200 : 20;
const RECORD_BATCHES = FULL ? 20 : 2;

async function scriptOf(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    tsconfig: "tsconfig.base.json",
    build: { write: false, lib: { entry, formats: ["iife"], name: "page" } },
  });
  const [bundle] = built as unknown as { output: { code: string }[] }[];
  return bundle!.output[0]!.code;
}

test("a log of chunks takes many times the events of a record an event", async () => {
  const script = await scriptOf(join(import.meta.dirname, "throughput-page.ts"));
  const browser = await chromium.launch({
    executablePath: findChromium()!,
    args: [...CHROMIUM_FLAGS],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const body = `<!doctype html><script>${script}</script>`;
  await page.route(`${ORIGIN}/`, (route) => route.fulfill({ contentType: "text/html", body }));
  await page.goto(`${ORIGIN}/`);
  const rates = { chunks: [] as number[], records: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ["chunks", "records"] as const) {
      const batches = way === "chunks" ? CHUNK_BATCHES : RECORD_BATCHES;
      const name = `${way}-${round}`;
      const words = [way, name, batches] as const;
      rates[way].push(
        await page.evaluate(([way, name, count]) => throughputPage[way](name, count), words),
      );
    }
  }
  const [chunks, records] = [median(rates.chunks), median(rates.records)];
  const ratio = chunks / records;
  const name = "IndexedDB, strict, events of 250 bytes";
  measured(`${name}: stored as chunks of 1,000`, Math.round(chunks), "events/s");
  measured(`${name}: stored a record an event`, Math.round(records), "events/s");
  measured(`${name}: chunks beside records`, Math.round(ratio * 10) / 10, "times");
  process.stdout.write(`chunks ${Math.round(chunks)}/s, records ${Math.round(records)}/s\n`);
  if (FULL) expect(ratio).toBeGreaterThanOrEqual(RATIO);
  expect(ratio).toBeGreaterThan(1);
}, 300_000);

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >>> 1]!;
}
