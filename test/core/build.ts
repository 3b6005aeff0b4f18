// Small builds of the core's sources for tests, each from an entry in assembly/ beside this file.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The build of `entry`, kept under the hash of its sources: several test files run at once. */
export function builtCore(entry: string): Uint8Array<ArrayBuffer> {
  const source = `test/core/assembly/${entry}.ts`;
  const hash = createHash("sha256");
  const sources = readdirSync(`${ROOT}assembly`).map((name) => `assembly/${name}`);
  for (const name of [...sources.sort(), source]) hash.update(readFileSync(ROOT + name));
  const folder = `${ROOT}test/.cache`;
  const file = `${folder}/${entry}-${hash.digest("hex").slice(0, 16)}.wasm`;
  try {
    return new Uint8Array(readFileSync(file));
  } catch {
    mkdirSync(folder, { recursive: true });
    const fresh = `${file}.${process.pid}`;
    const flags = ["--runtime", "stub", "--importMemory", "--zeroFilledMemory", "--noExportMemory"];
    const more = ["--initialMemory", "16", "--maximumMemory", "32768", "--enable", "simd", "-O3"];
    const abort = `abort=test/core/assembly/${entry}/abort`;
    const use = ["--use", abort, "--disableWarning", "201"];
    const asc = `${ROOT}node_modules/assemblyscript/bin/asc.js`;
    const args = [asc, source, "-o", fresh, ...flags, ...more, ...use];
    execFileSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
    renameSync(fresh, file);
    return new Uint8Array(readFileSync(file));
  }
}

const compiled = new Map<string, WebAssembly.Module>();

/** A fresh instance of the build of `entry`, opened with room for `bytes` of state. */
export function openedCore<T extends { open(bytes: number): void }>(
  entry: string,
  bytes: number,
): T {
  const module = compiled.get(entry) ?? new WebAssembly.Module(builtCore(entry));
  compiled.set(entry, module);
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 32768 });
  const env = { memory, formatNumber: () => 0, parseNumber: () => 0, remainder: () => 0 };
  const core = new WebAssembly.Instance(module, { env }).exports as unknown as T;
  core.open(bytes);
  return core;
}
