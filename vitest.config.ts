// Three hosts, one suite each: a test's name says where it runs. `x.test.ts` runs in Node,
// `x.workerd.test.ts` in workerd, `x.chromium.test.ts` in a headless Chromium.

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { CHROMIUM_FLAGS, findChromium } from "./tools/test/chromium.ts";

const WORKERD = "test/**/*.workerd.test.ts";
const CHROMIUM = "test/**/*.chromium.test.ts";

/** The sources have only types to erase: no need to find the tsconfig of each. */
const tsconfig = "tsconfig.base.json";

/** A project over one Worker; the product's Worker becomes a second one, with its own tests. */
function workerd(name: string, include: string[], configPath: string) {
  return {
    tsconfig,
    plugins: [cloudflareTest({ wrangler: { configPath } })],
    test: { name, include },
  };
}

function chromium() {
  const executablePath = findChromium();
  const launchOptions = { args: [...CHROMIUM_FLAGS], ...(executablePath && { executablePath }) };
  return {
    tsconfig,
    test: {
      name: "chromium",
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
    projects: [
      {
        tsconfig,
        test: {
          name: "node",
          environment: "node",
          include: ["test/**/*.test.ts"],
          exclude: [WORKERD, CHROMIUM],
        },
      },
      workerd("workerd", [WORKERD], "test/workerd/wrangler.jsonc"),
      chromium(),
    ],
  },
});
