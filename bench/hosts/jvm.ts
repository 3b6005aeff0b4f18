// A contender on the JVM: jvm/ built by Maven once, a process each, told by lines, stopped between
// its rounds.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Cell } from "../answer.ts";
import { BUILD } from "../inputs.ts";
import { NotAvailable, type Job, type Round, type Runner } from "../runner.ts";

const PROJECT = join(import.meta.dirname, "../jvm/pom.xml");
const CLASSES = join(BUILD, "jvm/classes");
const CLASSPATH = join(BUILD, "jvm/classpath.txt");
/** Flink reaches into the platform's own classes. */
const OPENED = ["java.util", "java.lang", "java.time", "java.nio"];
const HEAP = "-Xmx6g";

/** What Contender.java says on one line. */
interface Said {
  readonly ready?: true;
  readonly ms?: number;
  readonly rows?: Cell[][];
}

let classpath: string | undefined;

export async function startInJvm({ contender, inputPath }: Job): Promise<Runner> {
  classpath ??= builtClasspath();
  const opens = OPENED.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);
  const words = [HEAP, ...opens, "-cp", classpath, "bench.Contender", contender, inputPath];
  const child = spawn("java", words, { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Said> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("The process ended.");
    return JSON.parse(value) as Said;
  };
  await next();
  child.kill("SIGSTOP");
  return {
    round: async (withAnswer) => {
      child.kill("SIGCONT");
      child.stdin.write(withAnswer ? "answer\n" : "round\n");
      const said = await next();
      child.kill("SIGSTOP");
      return roundOf(said);
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

function roundOf({ ms, rows }: Said): Round {
  if (ms === undefined) throw new Error("It gave no time.");
  if (rows === undefined) return { ms, figures: {}, answer: null };
  const events = rows.reduce((sum, row) => sum + Number(row[2]), 0);
  return { ms, figures: {}, answer: { events, tables: { four: { keys: 2, rows } } } };
}

/** Compiles, and asks Maven for what to run with. */
function builtClasspath(): string {
  for (const [name, word] of [
    ["java", "-version"],
    ["mvn", "-v"],
  ] as const) {
    if (spawnSync(name, [word]).status !== 0) throw new NotAvailable(`${name} is not here`);
  }
  mkdirSync(join(BUILD, "jvm"), { recursive: true });
  rmSync(CLASSPATH, { force: true });
  const goals = ["compile", "dependency:build-classpath", `-Dmdep.outputFile=${CLASSPATH}`];
  const built = spawnSync("mvn", ["-q", "-B", "-f", PROJECT, ...goals], { encoding: "utf8" });
  if (built.status !== 0) throw new NotAvailable(`Maven cannot build it: ${built.stdout.trim()}`);
  return `${CLASSES}:${readFileSync(CLASSPATH, "utf8").trim()}`;
}
