// A plan from its file: read, parsed, checked; and the same with another `emit`.

import { readFile } from "node:fs/promises";
import { checkPlan, type Plan, type PlanFault } from "../query/plan.ts";
import type { Emit } from "./arguments.ts";
import { printable } from "./output.ts";

/** The catalogues that the command line has. */
const CATALOGUES = ["orders"];

/** A plan that cannot be run; `faults` is empty where there is no plan to find faults in. */
export class PlanFileFault extends Error {
  readonly faults: readonly PlanFault[];

  constructor(message: string, faults: readonly PlanFault[] = []) {
    super(message);
    this.faults = faults;
  }
}

export interface PlanFile {
  /** As it stands in the file. */
  readonly source: unknown;
  readonly plan: Plan;
}

export async function readPlan(path: string): Promise<PlanFile> {
  const source = parse(path, await readText(path));
  const { plan, faults } = checkPlan(source, CATALOGUES);
  if (plan !== null) return { source, plan };
  const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
  const lines = [`${printable(path)} has ${count}:`, ...faults.map(faultLine)];
  throw new PlanFileFault(lines.join("\n"), faults);
}

export function faultLine({ code, pointer, message }: PlanFault): string {
  return printable(`${code} at "${pointer}": ${message}`);
}

/** The plan with every query's `emit` replaced; it was checked before. */
export function withEmit(source: unknown, emit: Emit): unknown {
  const { queries, ...rest } = source as { queries: readonly object[] };
  return { ...rest, queries: queries.map((query) => ({ ...query, emit })) };
}

async function readText(path: string): Promise<string> {
  try {
    // A decoder leaves out a byte-order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PlanFileFault(printable(`The plan ${path} cannot be read: ${reason}`));
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PlanFileFault(printable(`The plan ${path} is not JSON: ${reason}`));
  }
}
