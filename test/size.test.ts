// What the library weighs: a consumer of two lines of each entry point that package.json exports,
// bundled and minified from what is built, after brotli. All that the entry point exports is held,
// so that nobody pays more. The core weighs what its file does; a page has it inlined, as text, which
// costs some more and is weighed beside.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { expect, test } from "vitest";
import { measured } from "./measured.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const KIB = 1024;
const CONSUMER = "consumer.js";
const CORE = "#core-wasm";
/** In KiB: what `millrace` should come down to. The limits hold it where it is until then. */
const GOAL = 48;
const LIMITS: { readonly [entry: string]: number } = { ".": 75.3 };
const INLINED_LIMIT = 75.2;

const { exports: entries, peerDependencies = {} } = JSON.parse(
  readFileSync(`${ROOT}package.json`, "utf8"),
) as {
  exports: { readonly [entry: string]: { readonly default: string } };
  peerDependencies?: { readonly [name: string]: string };
};
const coreBytes = brotliCompressSync(readFileSync(`${ROOT}dist/core/core.wasm`)).length;

/** A file of its own, which holds what `./browser` is weighed with already. */
const modules = Object.keys(entries).filter((entry) => typeof entries[entry] === "object");

test.each(modules)("%s weighs no more than its limit", async (entry) => {
  const { bytes, hasCore } = await weigh(entry, [CORE]);
  const kib = told(entry, "core as a file", bytes + (hasCore ? coreBytes : 0));
  if (entry === "." && kib > GOAL) process.stdout.write(`that is above its goal of ${GOAL} KiB\n`);
  expect(bytes).toBeGreaterThan(0);
  expect(kib).toBeLessThanOrEqual(LIMITS[entry] ?? Infinity);
});

test("a page pays a little more for the core inlined", async () => {
  const { bytes, hasCore } = await weigh(".", []);
  const kib = told(".", "core inlined", bytes);
  expect(hasCore).toBe(false);
  expect(bytes).toBeGreaterThan(coreBytes);
  expect(kib).toBeLessThanOrEqual(INLINED_LIMIT);
});

function told(entry: string, how: string, bytes: number): number {
  const name = `millrace${entry.slice(1)}, ${how}`;
  const kib = Math.round((bytes / KIB) * 10) / 10;
  process.stdout.write(`${name}: ${kib} KiB after brotli\n`);
  measured(`${name}, after brotli`, kib, "KiB");
  return kib;
}

/** The bundle's bytes, and whether it asks for a core that it does not hold. */
async function weigh(entry: string, leftOut: readonly string[]) {
  const path = JSON.stringify(`${ROOT}${entries[entry]!.default.slice(2)}`);
  const source = `import * as entry from ${path};\nglobalThis.entry = entry;\n`;
  const { output } = (await build({
    configFile: false,
    root: ROOT,
    logLevel: "error",
    publicDir: false,
    plugins: [
      {
        name: "consumer",
        enforce: "pre",
        resolveId: (id) => {
          if (id === CONSUMER) return id;
          return leftOut.includes(id) ? { id, external: true } : null;
        },
        load: (id) => (id === CONSUMER ? source : null),
      },
    ],
    build: {
      write: false,
      target: "esnext",
      // What the host has anyway weighs nothing.
      rolldownOptions: {
        input: CONSUMER,
        external: [/^node:/, /^cloudflare:/, ...Object.keys(peerDependencies)],
      },
    },
  })) as Rolldown.RolldownOutput;
  const sizes = output.map((file) => {
    return brotliCompressSync(file.type === "chunk" ? file.code : file.source).length;
  });
  return {
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    hasCore: output.some((file) => file.type === "chunk" && file.imports.includes(CORE)),
  };
}
