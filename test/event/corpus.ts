// Where the public bad inputs are: beside the project, or where MILLRACE_CORPORA says. They are
// never copied into it; a suite whose corpus is absent is skipped, and its title says so.

import { existsSync } from "node:fs";
import { describe, test } from "vitest";

const ROOT = process.env["MILLRACE_CORPORA"] ?? "../shared/corpora";

/** A suite over the corpus in `folder`, which is given as a path. */
export function describeCorpus(title: string, folder: string, suite: (path: string) => void): void {
  const path = `${ROOT}/${folder}`;
  if (existsSync(path)) describe(title, () => suite(path));
  // The body of a skipped suite runs all the same, and would read what is not there.
  else test.skip(`${title} (skipped: no corpus at ${path})`, () => {});
}
