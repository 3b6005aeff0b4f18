// The core with its assertions, and with two more: the state takes no block beyond what was
// reserved for it, to the byte, and what was told no frame. In the core as it is built a region has
// room to spare, which hides a reserve that is too small until the memory is nearly full.

import asc from "assemblyscript/asc";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Of a file of assembly/: what stands there once, "" for its beginning, and what comes behind it. */
const ADDED: readonly (readonly [file: string, what: string, more: string])[] = [
  ["regions.ts", "const REGION_BYTES_FIRST: usize = PAGE_BYTES;", "export let exact: usize = 0;"],
  ["regions.ts", "  const top = <usize>load<u32>(S_TOP);", "  exact = max(exact, top + more);"],
  ["regions.ts", "", "export function resetExact(): void { exact = 0; }"],
  ["regions.ts", "let written: usize = 0;", "let framesEnd: usize = 0;"],
  [
    "regions.ts",
    "export function reserveFrames(count: u32): bool {",
    "  framesEnd = toldEnd - told;",
  ],
  ["regions.ts", "  framesEnd = toldEnd - told;", "  framesEnd += <usize>count * FRAME_BYTES;"],
  [
    "regions.ts",
    "  if (toldEnd + FRAME_BYTES > scratch) unreachable();",
    "  assert(toldEnd - told < framesEnd);",
  ],
  ["need.ts", "export function beginNeed(): void {", "  resetExact();"],
  ["need.ts", "", 'import { resetExact } from "./regions";'],
  ["arena.ts", "", 'import { exact } from "./regions";'],
  ["arena.ts", "  if (at + block > told) unreachable();", "  assert(at + block <= exact);"],
  ["arena.ts", "  if (brief > told) unreachable();", "  assert(brief <= exact);"],
];

/** Compiles it; the bytes of the module. */
export async function exactCore(): Promise<Uint8Array<ArrayBuffer>> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-exact-"));
  try {
    cpSync(join(ROOT, "assembly"), join(folder, "assembly"), { recursive: true });
    mkdirSync(join(folder, "dist/core"), { recursive: true });
    writeFileSync(join(folder, "asconfig.json"), readFileSync(join(ROOT, "asconfig.json")));
    for (const [file, what, more] of ADDED) {
      const path = join(folder, "assembly", file);
      const text = readFileSync(path, "utf8");
      const count = text.split(what).length - 1;
      if (what !== "" && count !== 1) throw new Error(`${count} times in ${file}: ${what}`);
      writeFileSync(
        path,
        text.replace(what, () => `${what}\n${more}\n`),
      );
    }
    const { error, stderr } = await asc.main(["--target", "debug", "--baseDir", folder]);
    if (error !== null) throw new Error(stderr.toString());
    return new Uint8Array(readFileSync(join(folder, "dist/core/core.debug.wasm")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
