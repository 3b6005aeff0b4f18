// The boards, built to dist/demo: a page and one worker, everything from its own origin.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  assetsInclude: ["**/*.ndjson.gz"],
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../dist/demo", import.meta.url)),
    emptyOutDir: true,
    // A strict content security policy takes no data: URLs.
    assetsInlineLimit: 0,
    target: "es2024",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    reportCompressedSize: false,
  },
});
