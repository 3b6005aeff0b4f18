// The reporter that counts: how many tests passed, failed and were skipped in each host, written as
// JSON to the file that MILLRACE_TALLY names, for run.ts to add up.
//
// It also ends a run that stands still. A test in an endless loop hangs its process, and no limit
// of vitest's reaches in there.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule, Vitest } from "vitest/node";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Tally {
  /** By project. */
  readonly projects: Record<string, Counts>;
  /** Files that could not be collected, and errors outside every test. */
  readonly errorCount: number;
}

/** The longest test takes a minute, and of a full run twenty. */
const STANDSTILL_MINUTES = process.env["MILLRACE_FULL"] === "1" ? 60 : 10;

export default class TallyReporter implements Reporter {
  readonly #running = new Set<string>();
  #vitest: Vitest | null = null;
  #standstill: NodeJS.Timeout | null = null;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    this.#standstill = setTimeout(() => this.#end(), STANDSTILL_MINUTES * 60_000).unref();
  }

  onTestModuleQueued(module: TestModule): void {
    this.#running.add(nameOf(module));
    this.#standstill?.refresh();
  }

  onTestModuleEnd(module: TestModule): void {
    this.#running.delete(nameOf(module));
    this.#standstill?.refresh();
  }

  onTestCaseResult(): void {
    this.#standstill?.refresh();
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    write(modules, errors.length);
  }

  #end(): void {
    for (const name of this.#running) {
      const sentence = `${name} stands still: ${STANDSTILL_MINUTES} minutes without a result.`;
      process.stderr.write(`${sentence}\n`);
    }
    write(this.#vitest!.state.getTestModules(), 1);
    // Whoever is in a loop does not hear that its parent is gone.
    spawnSync("pkill", ["-KILL", "-P", String(process.pid)]);
    process.exit(1);
  }
}

function nameOf({ project, relativeModuleId }: TestModule): string {
  return `${project.name} ${relativeModuleId}`;
}

function write(modules: readonly TestModule[], errorsOutside: number): void {
  const path = process.env["MILLRACE_TALLY"];
  if (path === undefined) return;
  const projects: Record<string, Counts> = {};
  let errorCount = errorsOutside;
  for (const module of modules) {
    const counts = (projects[module.project.name] ??= { passed: 0, failed: 0, skipped: 0 });
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      counts[state === "passed" || state === "failed" ? state : "skipped"]++;
    }
    errorCount += module.errors().length;
    for (const suite of module.children.allSuites()) errorCount += suite.errors().length;
  }
  writeFileSync(path, JSON.stringify({ projects, errorCount } satisfies Tally));
}
