// A contender in a process of its own, as the rows see it, and what both sides say to one another.

import type { Answer } from "./answer.ts";
import type { Contender, Input, TaskName } from "./contender.ts";

/** What a process is told when it starts. */
export interface Job {
  readonly contender: string;
  readonly task: TaskName;
  /** The file of lines. */
  readonly inputPath: string;
}

export interface Round {
  readonly ms: number;
  /** What was measured beside, by name with its unit. */
  readonly figures: { readonly [name: string]: number };
  /** Where it was asked for. */
  readonly answer: Answer | null;
}

export interface Runner {
  round(withAnswer: boolean): Promise<Round>;
  stop(): Promise<void>;
}

/** The contender cannot run here: a package, a file or a program is missing. */
export class NotAvailable extends Error {}

const SETTLE_MS = 100;

/** Starts, runs and stops one task: the same in every host. */
export async function runOnce(
  contender: Contender,
  task: TaskName,
  input: Input,
  withAnswer: boolean,
): Promise<Round> {
  const isCold = task === "cold";
  let begin = performance.now();
  const started = await contender.start(task, input);
  if (!isCold) {
    // Where the host has it: what earlier rounds left is not collected on this one's time, nor its
    // memory given back, which other threads do after the collection.
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    begin = performance.now();
  }
  await started.run();
  const ms = performance.now() - begin;
  const answer = withAnswer ? await started.answer() : null;
  const figures = started.figures?.() ?? {};
  await started.stop?.();
  return { ms, figures, answer };
}
