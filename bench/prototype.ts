// The scanner prototype, compiled where its source is at hand: in the folder that
// MILLRACE_PROTOTYPE names, or beside the repository.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { BUILD } from "./inputs.ts";

const ROOT = resolve(import.meta.dirname, "..");
const FLAGS = ["-O3", "--runtime", "stub", "--enable", "simd", "--noAssert"];

/** Null when it was built, else why not. */
export function buildPrototype(): string | null {
  const folder = process.env["MILLRACE_PROTOTYPE"] ?? join(ROOT, "../shared/prototype");
  const wasm = join(BUILD, "prototype.wasm");
  rmSync(wasm, { force: true });
  if (!existsSync(join(folder, "scan.ts"))) {
    return "its source is not here: name its folder in MILLRACE_PROTOTYPE";
  }
  mkdirSync(join(BUILD, "prototype"), { recursive: true });
  copyFileSync(join(folder, "scan.ts"), join(BUILD, "prototype/scan.ts"));
  const asc = join(ROOT, "node_modules/.bin/asc");
  const words = ["scan.ts", "-o", wasm, "--baseDir", join(BUILD, "prototype"), ...FLAGS];
  const { status, stderr } = spawnSync(asc, words, { encoding: "utf8" });
  return status === 0 ? null : `it does not compile: ${stderr.split("\n")[0]}`;
}
