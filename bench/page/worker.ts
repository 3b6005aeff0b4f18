// A module worker that runs one contender in Chromium: as node-child.ts, asked by messages. Its
// input is fetched from the server that served it.

import { IN_PAGE } from "../contenders/page.ts";
import { cutLines, type Contender, type Input } from "../contender.ts";
import { runOnce, type Job, type Round } from "../runner.ts";

export type Request =
  | { readonly kind: "start"; readonly job: Job }
  | { readonly kind: "round"; readonly withAnswer: boolean };

export interface Reply {
  readonly round: Round | null;
  readonly problem: string | null;
}

let job: Job;
let contender: Contender;
let input: Input;

async function fetched(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`/files/${name}`);
  if (!response.ok) throw new Error(`${name} is not there.`);
  return new Uint8Array(await response.arrayBuffer());
}

async function begin(asked: Job): Promise<void> {
  job = asked;
  contender = await IN_PAGE[job.contender]!();
  input = { ...cutLines(await fetched(job.inputPath)), asset: fetched };
}

async function answer(request: Request): Promise<Reply> {
  try {
    if (request.kind === "round") {
      const round = await runOnce(contender, job.task, input, request.withAnswer);
      return { round, problem: null };
    }
    await begin(request.job);
    return { round: null, problem: null };
  } catch (error) {
    return { round: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

globalThis.onmessage = async ({ data }: MessageEvent<Request>) => {
  globalThis.postMessage(await answer(data));
};
