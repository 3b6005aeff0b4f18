// The report of a run, as `--report` writes it: the receipts added up, and the engine's `stats()`.

import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Receipt } from "../ingest/receipt.ts";
import type { Stats } from "../live/stats.ts";
import { UsageFault } from "./arguments.ts";
import { printable } from "./output.ts";

/** Rejects where it could not be written: a slip in its name is told before the run, not after. */
export async function checkReport(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory() === true) {
    throw new UsageFault(printable(`${path} is a folder: name a file for the report.`));
  }
  await access(there === null ? dirname(path) : path, constants.W_OK);
}

export async function writeReport(path: string, receipt: Receipt, stats: Stats): Promise<void> {
  await writeFile(path, `${JSON.stringify({ receipt, stats }, null, 2)}\n`);
}
