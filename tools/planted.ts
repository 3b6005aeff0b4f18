// `npm run planted`: shows that the tests catch each of the planted mistakes (test/planted.ts). A
// mistake is put into a copy of assembly/, compiled, and looked for in a process of its own, two at
// a time; the work tree stays as it is. The core without a mistake goes first: it has to pass what
// is checked by hand; a random case that it fails itself shows nothing of a mistake, and is passed
// over and told.
// Words choose: `npm run planted -- session "window 3"`. Exits with 1 if any survived.

import asc from "assemblyscript/asc";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parts } from "../test/planted.ts";
import type { Detected, Mistake } from "../test/planted/mistake.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DETECTOR = join(ROOT, "test/planted/detect.ts");
const WORKERS = 2;
const CASES = Number(process.env["MILLRACE_CASES"] ?? 2000);
/** A case takes some 50 ms: a mutant that is silent for so long is in an endless loop. */
const SILENCE_MS = 30_000;
const NODE = `import { readFile } from "node:fs/promises";
const file = new URL("./core.wasm", import.meta.url);
let compiled;
export default async () => (compiled ??= await WebAssembly.compile(await readFile(file)));
`;

interface Planted {
  readonly name: string;
  readonly part: string;
  readonly mistake: Mistake;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosen(): Planted[] {
  const words = process.argv.slice(2);
  const all = parts.flatMap(([part, mistakes]) => {
    return mistakes.map((mistake, index) => ({ name: `${part} ${index + 1}`, part, mistake }));
  });
  const some = all.filter(({ name, part }) => words.includes(name) || words.includes(part));
  return words.length === 0 ? all : some;
}

/** Each mistake is where the table says, once. */
function checkTable(): void {
  for (const [part, mistakes] of parts) {
    if (mistakes.length !== 10) throw new Error(`${part} has ${mistakes.length} mistakes`);
    for (const { file, from, what } of mistakes) {
      const count = readFileSync(join(ROOT, "assembly", file), "utf8").split(from).length - 1;
      if (count !== 1) throw new Error(`${part}, "${what}": ${count} times in ${file}: ${from}`);
    }
  }
}

/** Compiles a copy of assembly/ with the mistake; what the compiler says against it, or null. */
async function compile(folder: string, mistake: Mistake | null): Promise<string | null> {
  cpSync(join(ROOT, "assembly"), join(folder, "assembly"), { recursive: true });
  const core = join(folder, "dist/core");
  mkdirSync(core, { recursive: true });
  if (mistake !== null) {
    const path = join(folder, "assembly", mistake.file);
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replace(mistake.from, () => mistake.to),
    );
  }
  writeFileSync(join(folder, "asconfig.json"), readFileSync(join(ROOT, "asconfig.json")));
  // Less optimized than the release: that is compiled in a third of the time.
  const options = ["--target", "release", "--optimizeLevel", "1", "--baseDir", folder];
  const { error, stderr } = await asc.main(options);
  writeFileSync(join(core, "node.js"), NODE);
  return error === null ? null : stderr.toString();
}

interface Search {
  readonly core: string;
  readonly part: string;
  readonly first: number;
  readonly last: number;
}

function detect({ core, part, first, last }: Search): Promise<Detected> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [DETECTOR, core, part, `${first}`, `${last}`]);
    let output = "";
    let failure = "";
    let silence: NodeJS.Timeout;
    const listen = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => child.kill("SIGKILL"), SILENCE_MS);
    };
    listen();
    child.stdout.on("data", (data: Buffer) => {
      listen();
      output += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => (failure += data.toString()));
    child.on("close", (_, signal) => {
      clearTimeout(silence);
      const line = output.trimEnd().split("\n").at(-1)!;
      if (line.startsWith("{")) return resolve(JSON.parse(line) as Detected);
      resolve({ by: signal === "SIGKILL" ? "time" : "load", cases: Number(line), failure });
    });
  });
}

/** Where the core without a mistake is compiled. */
const HONEST = mkdtempSync(join(tmpdir(), "millrace-planted-"));
/** The seeds that it fails itself: a fault of the core or of the model, to be mended. */
const failing = new Map<number, string>();

async function failsItself(part: string, seed: number): Promise<boolean> {
  if (failing.has(seed)) return true;
  // No seed: it did not come so far.
  if (seed === 0) return false;
  const { by, failure } = await detect({
    core: join(HONEST, "dist/core"),
    part,
    first: seed,
    last: seed,
  });
  if (by !== null) failing.set(seed, failure);
  return by !== null;
}

/** What catches the core, and not the one without a mistake. */
async function search(core: string, part: string): Promise<Detected> {
  for (let first = 1; first <= CASES;) {
    const detected = await detect({ core, part, first, last: CASES });
    const { by, cases } = detected;
    const isByHand = by === "oracle" || by === "edge" || by === null;
    if (isByHand || !(await failsItself(part, cases))) return detected;
    first = cases + 1;
  }
  return { by: null, cases: CASES, failure: "" };
}

async function plant({ part, mistake }: Planted): Promise<Detected> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-planted-"));
  try {
    const fault = await compile(folder, mistake);
    // What does not compile shows nothing about the tests.
    if (fault !== null) return { by: null, cases: 0, failure: `does not compile: ${fault}` };
    return await search(join(folder, "dist/core"), part);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tell({ name, mistake }: Planted, { by, cases, failure }: Detected): void {
  const how = by === null ? "SURVIVED" : `caught by ${by}, ${cases}`;
  say(`${name.padEnd(12)}${how.padEnd(24)}${mistake.what}`);
  const detail = failure.split("\n").slice(0, 3).join(" | ");
  if (process.env["MILLRACE_VERBOSE"] === "1" || cases === 0) say(`            ${detail}`);
}

/** Whether the core without a mistake passes what is checked by hand. */
async function honestPasses(): Promise<boolean> {
  const fault = await compile(HONEST, null);
  if (fault !== null) throw new Error(fault);
  const core = join(HONEST, "dist/core");
  for (const part of ["decimal", "quantile"]) {
    const { by, failure } = await detect({ core, part, first: 1, last: 10 });
    say(`no mistake, ${part}: ${by === null ? "passes" : `FAILS (${by}): ${failure}`}`);
    if (by !== null) return false;
  }
  return true;
}

async function main(): Promise<number> {
  checkTable();
  if (!(await honestPasses())) return 1;
  const begun = performance.now();
  const queue = chosen();
  const total = queue.length;
  let caught = 0;
  const work = async (): Promise<void> => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      const detected = await plant(each);
      if (detected.by !== null) caught++;
      tell(each, detected);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  for (const [seed, failure] of failing) {
    say(`The core without a mistake fails case ${seed}, passed over: ${failure}`);
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  say(`${caught} of ${total} planted mistakes caught, ${total - caught} survived, in ${seconds} s`);
  return caught === total && failing.size === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} finally {
  rmSync(HONEST, { recursive: true, force: true });
}
