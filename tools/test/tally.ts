// The reporter that counts: how many tests passed, failed and were skipped in each host, written as
// JSON to the file that MILLRACE_TALLY names, for run.ts to add up.

import { writeFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

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

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const path = process.env["MILLRACE_TALLY"];
    if (path === undefined) return;
    const projects: Record<string, Counts> = {};
    let errorCount = errors.length;
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
}
