// A core built from the sources with a bug planted: it traps in the midst of applying an event whose
// time ends in 666 ms, in looking at one that ends in 667, and in taking in a snapshot whose state
// has 7 bytes.

import asc from "assemblyscript/asc";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUG = (ms: number): string =>
  `if (load<i64>(slot, SLOT_TIME) % 1000 == ${ms}) unreachable();`;
const PLACES: readonly (readonly [file: string, before: string, bug: string])[] = [
  ["apply.ts", "  remember(slot + SLOT_IDENTITY", BUG(666)],
  [
    "image.ts",
    "  assert(<usize>STATE + stateBytes <= told);",
    "if (stateBytes == 7) unreachable();",
  ],
  ["probe.ts", "  store<u32>(place, index + 1);", BUG(667)],
];

export async function buggyCore(): Promise<WebAssembly.Module> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-poison-"));
  try {
    cpSync(join(ROOT, "assembly"), join(folder, "assembly"), { recursive: true });
    writeFileSync(join(folder, "asconfig.json"), readFileSync(join(ROOT, "asconfig.json")));
    for (const [file, before, bug] of PLACES) {
      const path = join(folder, "assembly", file);
      const parts = readFileSync(path, "utf8").split(before);
      if (parts.length !== 2) throw new Error(`The place of a bug is not found in ${file}.`);
      writeFileSync(path, parts.join(`  ${bug}\n${before}`));
    }
    const options = ["--target", "release", "--optimizeLevel", "1", "--baseDir", folder];
    const { error, stderr } = await asc.main(options);
    if (error !== null) throw new Error(stderr.toString());
    return await WebAssembly.compile(readFileSync(join(folder, "dist/core/core.wasm")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As it is built. */
export function soundCore(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(readFileSync(join(ROOT, "dist/core/core.wasm")));
}
