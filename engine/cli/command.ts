// One command from its words to its exit code. The streams are given, so that a test can be the
// terminal. 0: all is well; 3: some lines were invalid or quarantined; 2: the plan or the words
// are wrong; 1: anything else.

import { BUILD } from "../build.ts";
import { PlanRefused } from "../query/plan-refused.ts";
import { HostFault } from "../store/host-fault.ts";
import { parseArguments, UsageFault, USAGE, type Command } from "./arguments.ts";
import { LogFault } from "./exported-log.ts";
import { topology } from "./mermaid.ts";
import { isClosed, Output, printable, type Terminal } from "./output.ts";
import { faultLine, PlanFileFault, readPlan } from "./plan-file.ts";
import { restore } from "./restore.ts";
import { run } from "./run.ts";

/** What a command reads and writes; `process` is one. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
}

const EXIT_FINE = 0;
const EXIT_OTHER = 1;
const EXIT_USAGE = 2;

export async function main(words: readonly string[], io: Io): Promise<number> {
  const stderr = new Output(io.stderr);
  try {
    return await dispatch(parseArguments(words), io, new Output(io.stdout), stderr);
  } catch (error) {
    const { code, sentence } = verdictOf(error);
    if (sentence !== "") await stderr.write(`${sentence}\n`).catch(() => {});
    return code;
  }
}

async function dispatch(command: Command, io: Io, stdout: Output, stderr: Output): Promise<number> {
  switch (command.name) {
    case "help":
      await stdout.write(USAGE);
      return EXIT_FINE;
    case "version":
      await stdout.write(`${BUILD}\n`);
      return EXIT_FINE;
    case "check":
      return check(command.plan, stdout);
    case "explain":
      await stdout.write(topology((await readPlan(command.plan)).plan));
      return EXIT_FINE;
    case "restore":
      return restore(command, stdout, stderr);
    case "run":
      return run(command, () => io.stdin, stdout, stderr);
  }
}

/** The faults are what was asked for, so they go to standard output. */
async function check(path: string, stdout: Output): Promise<number> {
  try {
    await readPlan(path);
  } catch (error) {
    if (!(error instanceof PlanFileFault) || error.faults.length === 0) throw error;
    await stdout.write(error.faults.map((fault) => `${faultLine(fault)}\n`).join(""));
    return EXIT_USAGE;
  }
  await stdout.write(`${printable(path)} has no faults.\n`);
  return EXIT_FINE;
}

function verdictOf(error: unknown): { code: number; sentence: string } {
  if (error instanceof PlanRefused) {
    return { code: EXIT_USAGE, sentence: error.faults.map(faultLine).join("\n") };
  }
  if (error instanceof UsageFault || error instanceof PlanFileFault) {
    return { code: EXIT_USAGE, sentence: error.message };
  }
  // Whoever read the output has seen enough: that is no news to anybody.
  if (isClosed(error)) return { code: EXIT_OTHER, sentence: "" };
  if (error instanceof HostFault) {
    return { code: EXIT_OTHER, sentence: `${error.code}: ${error.message}` };
  }
  if (error instanceof LogFault || isSystemError(error)) {
    return { code: EXIT_OTHER, sentence: printable(error.message) };
  }
  const sentence = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: EXIT_OTHER, sentence };
}

/** A file that is not there, a full disk: Node's own sentence names it. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}
