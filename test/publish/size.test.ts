// What a page pays for `millrace/publish`, IndexedDB and memory included.

import { brotliCompressSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";
import { measured } from "../measured.ts";

const BYTES_MAX = 3 * 1024;

test("millrace/publish is at most 3 KiB, minified, as brotli", async () => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    tsconfig: "tsconfig.base.json",
    build: {
      write: false,
      minify: true,
      target: "es2024",
      rolldownOptions: {
        input: "engine/publish/index.ts",
        preserveEntrySignatures: "strict",
        output: { format: "es" },
      },
    },
  });
  const { output } = built as unknown as { output: { code: string }[] };
  expect(output).toHaveLength(1);
  const bytes = brotliCompressSync(output[0]!.code).length;
  measured("millrace/publish, minified, brotli", bytes, "bytes");
  expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
});
