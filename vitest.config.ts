// Three hosts, one suite each: a test's name says where it runs. `x.test.ts` runs in Node,
// `x.workerd.test.ts` in workerd, `x.chromium.test.ts` in a headless Chromium.

import { mkdirSync } from "node:fs";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { CHROMIUM_FLAGS, findChromium } from "./tools/test/chromium.ts";

const WORKERD = "test/**/*.workerd.test.ts";
/** Those over the product's own Worker, as it is configured and with an archive. */
const PRODUCT = "test/worker/**/*.workerd.test.ts";
const ARCHIVED = "test/worker/archive.workerd.test.ts";
const CHROMIUM = "test/**/*.chromium.test.ts";
/** Those that drive a Chromium from Node: a page, a browser that is killed. */
const DRIVEN = [
  "test/browser/*.test.ts",
  "test/demo/board.test.ts",
  "test/publish/reload.test.ts",
  "test/store/browser-*.test.ts",
  "test/store/throughput.test.ts",
];

/** Files that tests in workerd, which cannot read any, find in their `env`. */
const RECORDING = {
  FRIDAY: "demo/recorded/friday.ndjson.gz",
  FRIDAY_TRUTH: "demo/recorded/friday.truth.json.gz",
};
// wrangler.jsonc names it, and the page may not be built.
mkdirSync("dist/demo", { recursive: true });

/** The sources have only types to erase: no need to find the tsconfig of each. */
const tsconfig = "tsconfig.base.json";

/** A machine that is busy elsewhere is slow, not wrong. */
const testTimeout = 30_000;
const expect = { poll: { timeout: 20_000 } };

/** A project over one Worker; `miniflare` has bindings beyond those of its configuration. */
function workerd(
  name: string,
  include: string,
  configPath: string,
  exclude: string[] = [],
  miniflare: object = {},
) {
  const plugin = cloudflareTest({
    wrangler: { configPath },
    miniflare: { dataBlobBindings: RECORDING, ...miniflare },
  });
  const test = { name, include: [include], exclude, testTimeout, expect };
  return { tsconfig, plugins: [plugin], test };
}

function chromium() {
  const executablePath = findChromium();
  const launchOptions = { args: [...CHROMIUM_FLAGS], ...(executablePath && { executablePath }) };
  return {
    tsconfig,
    // Found on the way, they would have the page loaded anew in the midst of a test.
    optimizeDeps: { include: ["idb", "react", "react-dom/client"] },
    test: {
      name: "chromium",
      testTimeout,
      expect,
      include: [CHROMIUM],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions }),
        instances: [{ browser: "chromium" as const, name: "chromium" }],
      },
    },
  };
}

export default defineConfig({
  tsconfig,
  test: {
    // A run while the built wasm is missing would poison this cache.
    fsModuleCache: false,
    // For tests in hosts that have no environment.
    provide: {
      isFull: process.env["MILLRACE_FULL"] === "1",
      seed: Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 32)),
    },
    projects: [
      {
        tsconfig,
        test: {
          name: "node",
          environment: "node",
          testTimeout,
          expect,
          include: ["test/**/*.test.ts"],
          exclude: [WORKERD, CHROMIUM, ...DRIVEN],
        },
      },
      {
        tsconfig,
        test: {
          name: "chromium-driven",
          environment: "node",
          testTimeout,
          expect,
          include: DRIVEN,
        },
      },
      workerd("workerd", WORKERD, "test/workerd/wrangler.jsonc", [PRODUCT]),
      workerd("workerd-product", PRODUCT, "worker/wrangler.jsonc", [ARCHIVED]),
      workerd("workerd-archive", ARCHIVED, "worker/wrangler.jsonc", [], {
        bindings: { LOG_DAYS: "1" },
        r2Buckets: ["ARCHIVE"],
      }),
      chromium(),
    ],
  },
});
