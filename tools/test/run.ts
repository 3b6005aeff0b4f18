// `npm test`: build, check, then every test in Node, workerd and Chromium. The last line is
// `N passed, N failed` (and `, N skipped`); the exit code is 0 only if nothing failed, every step
// succeeded and each of the three hosts ran tests.
//
// With MILLRACE_FULL=1 (`npm run test:full`) long tests run too, and docs/measured.md is written.
// Words go to vitest: `npm test -- test/store` runs those files only.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { Measured } from "../../test/measured.ts";
import { findOrInstallChromium } from "./chromium.ts";
import type { Counts, Tally } from "./tally.ts";

const HOSTS = ["node", "workerd", "chromium"] as const;
const FULL = process.env["MILLRACE_FULL"] === "1";
const WORDS = process.argv.slice(2);
const MEASURED = "docs/measured.md";

const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
try {
  process.exitCode = main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say("0 passed, 1 failed");
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function main(): number {
  const chromiumPath = findOrInstallChromium();
  const steps = { build: step("npm", ["run", "build"]), check: step("npm", ["run", "check"]) };
  const tallyPath = join(folder, "tally.json");
  const measuredPath = join(folder, "measured.jsonl");
  // By itself vitest leaves one processor alone, which is half of two.
  const workers = FULL ? ["--maxWorkers=100%"] : [];
  const vitest = step("npx", ["vitest", "run", ...workers, ...reporters(), ...WORDS], {
    CHROMIUM_PATH: chromiumPath,
    MILLRACE_TALLY: tallyPath,
    MILLRACE_MEASURED: measuredPath,
  });
  const tally: Tally = existsSync(tallyPath)
    ? (JSON.parse(readFileSync(tallyPath, "utf8")) as Tally)
    : { projects: {}, errorCount: 1 };
  if (FULL) tellMeasured(measuredPath);

  const total: Counts = { passed: 0, failed: tally.errorCount, skipped: 0 };
  say("");
  for (const host of HOSTS) {
    const counts = countsOf(tally, host);
    say(`${host.padEnd(9)}${sentence(counts)}`);
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
    const asked = WORDS.length === 0;
    if (asked && counts.passed + counts.failed === 0)
      total.failed += fail(`No test ran in ${host}.`);
  }
  if (tally.errorCount > 0) say(`${tally.errorCount} errors outside every test.`);
  for (const [name, succeeded] of Object.entries(steps)) {
    if (!succeeded) total.failed += fail(`npm run ${name} failed.`);
  }
  if (!vitest && total.failed === 0) total.failed += fail("vitest failed, and no test of it.");
  say(sentence(total));
  return total.failed === 0 ? 0 : 1;
}

/** The default reporter for people; on GitHub its own too, since naming one replaces the default. */
function reporters(): string[] {
  const names = ["default", "./tools/test/tally.ts"];
  if (process.env["GITHUB_ACTIONS"] === "true") names.push("github-actions");
  return names.map((name) => `--reporter=${name}`);
}

function step(command: string, words: string[], env: NodeJS.ProcessEnv = {}): boolean {
  say(`\n> ${[command, ...words].join(" ")}`);
  const start = performance.now();
  const { status } = spawnSync(command, words, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", ...env },
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(`${status === 0 ? "done" : `exit code ${status}`} in ${seconds} s`);
  return status === 0;
}

/** A host's projects are named after it: `workerd`, `workerd-product`. */
function countsOf(tally: Tally, host: string): Counts {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [project, counts] of Object.entries(tally.projects)) {
    if (project !== host && !project.startsWith(`${host}-`)) continue;
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
  }
  return sum;
}

function sentence({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function fail(problem: string): 1 {
  say(problem);
  return 1;
}

/** Into docs/measured.md; a run of some files puts its figures in the place of theirs. */
function tellMeasured(path: string): void {
  const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  const figures = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Measured);
  const git = spawnSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" });
  const commit = git.stdout.trim() || "unknown";
  const commandOf = (file: string): string => `\`npm run test:full -- ${file}\``;
  const rows = figures.map(({ name, value, unit, file }) => {
    return `| ${name} | ${Number(value.toPrecision(6))} | ${unit} | ${commit} | ${commandOf(file)} |`;
  });
  const measured = new Set(figures.map(({ file }) => commandOf(file)));
  const kept = WORDS.length === 0 ? [] : measuredRows().filter((row) => !measured.has(lastOf(row)));
  const { model = "unknown" } = cpus()[0] ?? {};
  const { MILLRACE_CASES: cases } = process.env;
  const text = [
    "# Measured",
    "",
    "Written by `npm run test:full`; do not edit. The command beside a figure measures it alone, and",
    "puts it here.",
    "",
    `Node ${process.versions.node}, ${cpus().length} × ${model}` +
      `${cases === undefined ? "" : `, MILLRACE_CASES=${cases}`}.`,
    "",
    "| what | value | unit | commit | command |",
    "|---|---:|---|---|---|",
    ...[...kept, ...rows].toSorted(),
    "",
  ];
  mkdirSync("docs", { recursive: true });
  writeFileSync(MEASURED, text.join("\n"));
  say(`${rows.length} figures are in ${MEASURED}.`);
}

function measuredRows(): string[] {
  if (!existsSync(MEASURED)) return [];
  const rows = readFileSync(MEASURED, "utf8").split("\n");
  return rows.filter((row) => row.startsWith("| ") && !row.startsWith("| what |"));
}

/** The last cell of a row. */
function lastOf(row: string): string {
  return row.slice(0, -" |".length).split(" | ").at(-1)!;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
