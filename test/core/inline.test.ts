// The core as text in a module (tools/inline.ts): the same bytes come out, whatever they are.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inlined } from "../../tools/inline.ts";

const CORE = new URL("../../dist/core/core.wasm", import.meta.url);

async function unpacked(text: string): Promise<Uint8Array> {
  const module = `data:text/javascript,${encodeURIComponent(`export default ${text};`)}`;
  return ((await import(/* @vite-ignore */ module)) as { default: Uint8Array }).default;
}

test.each([
  ["none", new Uint8Array()],
  ["each byte once", Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  ["bytes by chance", new Uint8Array(randomBytes(10_000))],
  ["the core", new Uint8Array(readFileSync(CORE))],
])("%s", async (_, bytes) => {
  const text = inlined(bytes);
  expect(Buffer.from(await unpacked(text)).equals(bytes)).toBe(true);
  // Nothing for a bundler to escape.
  expect(text).toMatch(/^[\x20-\x7e\n]*$/);
});

test("what a browser is given compiles to the core's exports", async () => {
  const { default: load } = (await import("../../dist/core/browser.js" as string)) as {
    default: () => Promise<WebAssembly.Module>;
  };
  const names = (module: WebAssembly.Module) => WebAssembly.Module.exports(module);
  const core = await WebAssembly.compile(readFileSync(CORE));
  expect(names(await load())).toEqual(names(core));
  expect(await load()).toBe(await load());
});
