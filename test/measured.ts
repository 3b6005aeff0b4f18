// A measurement of a test: kept for docs/measured.md, which `npm run test:full` writes. Works where
// files can be written (the node project); a test of another host hands its figures to one of node.

import { appendFileSync } from "node:fs";

export interface Measured {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** True in `npm run test:full`, where tests may take minutes. */
export const FULL: boolean = process.env["MILLRACE_FULL"] === "1";

/** Notes a figure; where nobody collects them, nothing happens. */
export function measured(name: string, value: number, unit: string): void {
  const path = process.env["MILLRACE_MEASURED"];
  if (path === undefined) return;
  const line: Measured = { name, value, unit };
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}
