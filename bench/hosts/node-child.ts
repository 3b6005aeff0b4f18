// The process of one contender: loads it and its input, then runs a round whenever it is asked.

import { readFile } from "node:fs/promises";
import { IN_NODE } from "../contenders/node.ts";
import { cutLines, type Contender, type Input } from "../contender.ts";
import { runOnce, type Job, type Round } from "../runner.ts";
import type { Asked, Said } from "./node.ts";

const job = JSON.parse(process.argv[2] ?? "") as Job;
const BUILD = new URL("../build/", import.meta.url);

/** Cold is cold: there the contender is loaded when the round begins. */
let loaded: Contender | undefined;
let loadMs = 0;

async function load(): Promise<Contender> {
  const begin = performance.now();
  const contender = await IN_NODE[job.contender]!();
  loadMs = performance.now() - begin;
  return contender;
}

async function readInput(): Promise<Input> {
  const lines = cutLines(await readFile(job.inputPath));
  const asset = async (name: string) => new Uint8Array(await readFile(new URL(name, BUILD)));
  return { ...lines, path: job.inputPath, asset };
}

async function round(input: Input, withAnswer: boolean): Promise<Round> {
  loaded ??= await load();
  const done = await runOnce(loaded, job.task, input, withAnswer);
  return job.task === "cold" ? { ...done, figures: { ...done.figures, loadMs } } : done;
}

function say(said: Said): void {
  process.send!(said);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<void> {
  try {
    if (job.task !== "cold") loaded = await load();
  } catch (error) {
    say({ kind: "failed", reason: reasonOf(error) });
    return;
  }
  const input = await readInput();
  process.on("message", ({ withAnswer }: Asked) => {
    round(input, withAnswer).then(
      (done) => say({ kind: "round", round: done }),
      (error: unknown) => say({ kind: "failed", reason: reasonOf(error) }),
    );
  });
  say({ kind: "ready" });
}

await main();
