// `npm run bench`: what ours costs beside what a user would pick instead. Builds the library,
// installs the contenders on first use, measures row by row, and says which floors hold.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readArguments, USAGE, type Options } from "./arguments.ts";
import { Contest, type Hosts, type SectionResult } from "./contest.ts";
import { judge } from "./floors.ts";
import { ChromiumHost } from "./hosts/chromium.ts";
import { startInJvm } from "./hosts/jvm.ts";
import { startInNode } from "./hosts/node.ts";
import { inputPath } from "./inputs.ts";
import { machineOf } from "./machine.ts";
import { buildPrototype } from "./prototype.ts";
import { sectionsOf, type HostName } from "./rows.ts";
import { NotAvailable, type Job, type Runner } from "./runner.ts";
import { markdownOf } from "./table.ts";

const HERE = import.meta.dirname;
const ROOT = resolve(HERE, "..");
const README = join(HERE, "README.md");
const BEGIN = "<!-- results: written by npm run bench -- --write -->";
const END = "<!-- end of results -->";

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Of the bench alone: nobody who uses or tests the library has them. */
function installContenders(): void {
  if (existsSync(join(HERE, "node_modules/.package-lock.json"))) return;
  say("Installing the contenders into bench/node_modules.");
  const words = ["ci", "--prefix", HERE, "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", words, { cwd: HERE, stdio: ["ignore", 2, 2] });
  if (status !== 0) say("They cannot be installed: those of packages will not be available.");
}

function buildLibrary(): void {
  const { status } = spawnSync(process.execPath, ["tools/build.ts"], {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw new Error("The library does not build.");
}

async function measure(options: Options): Promise<SectionResult[]> {
  const { rows, hosts, contenders, events, rounds, seed } = options;
  const prototypeProblem = buildPrototype();
  const chromium = new ChromiumHost();
  const starts: { readonly [host in HostName]: (job: Job) => Promise<Runner> } = {
    node: startInNode,
    chromium: (job) => chromium.start(job),
    jvm: startInJvm,
  };
  const start: Hosts["start"] = async (host, job) => {
    if (job.contender === "prototype" && prototypeProblem !== null) {
      throw new NotAvailable(prototypeProblem);
    }
    return starts[host](job);
  };
  const contest = new Contest({ start, inputPath, say }, rounds);
  const results: SectionResult[] = [];
  try {
    for (const section of rows.flatMap((letter) => sectionsOf(letter, { events, seed }))) {
      const entries = section.entries.filter(
        ({ host, contender }) =>
          hosts.includes(host) && (contenders === null || contenders.includes(contender)),
      );
      if (entries.length > 0) results.push(await contest.measure({ ...section, entries }));
    }
  } finally {
    chromium.stop();
  }
  return results;
}

function writeReadme(markdown: string): void {
  const text = readFileSync(README, "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error("bench/README.md has lost its markers.");
  writeFileSync(
    README,
    `${text.slice(0, from + BEGIN.length)}\n\n${markdown}\n\n${text.slice(to)}`,
  );
}

async function main(): Promise<void> {
  const options = readArguments(process.argv.slice(2));
  installContenders();
  buildLibrary();
  const machine = machineOf(options.rounds, options.events);
  const sections = await measure(options);
  const judged = judge(sections);
  const markdown = markdownOf(machine, sections, judged);
  mkdirSync(join(HERE, "results"), { recursive: true });
  const path = join(HERE, "results/latest.json");
  writeFileSync(path, `${JSON.stringify({ machine, options, sections, judged }, null, 2)}\n`);
  if (options.writes) writeReadme(markdown);
  process.stdout.write(`\n${markdown}\n`);
  say(`\n${path} has all of it.`);
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say(USAGE);
  process.exitCode = 2;
}
