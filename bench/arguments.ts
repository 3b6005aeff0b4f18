// What `npm run bench --` is told.

import { parseArgs } from "node:util";
import { ROW_LETTERS, type HostName, type RowLetter } from "./rows.ts";

export interface Options {
  readonly rows: readonly RowLetter[];
  readonly hosts: readonly HostName[];
  /** Null for all. */
  readonly contenders: readonly string[] | null;
  readonly events: number;
  readonly rounds: number;
  readonly seed: number;
  /** Whether README.md's table is written again. */
  readonly writes: boolean;
}

const HOSTS: readonly HostName[] = ["node", "chromium", "jvm"];

export const USAGE = `npm run bench -- [options]
  --rows a,d         rows: ${ROW_LETTERS.join(",")}; all where absent
  --hosts node       of ${HOSTS.join(",")}; all where absent
  --contenders a,b   of those names only; all where absent
  --events 100000    events of a row; 1,000,000 where absent
  --rounds 3         timed rounds of each contender; 5 where absent
  --seed 42          of the events
  --write            put the table into bench/README.md`;

/** Throws an Error with one sentence. */
export function readArguments(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rows: { type: "string", default: ROW_LETTERS.join(",") },
      hosts: { type: "string", default: HOSTS.join(",") },
      contenders: { type: "string" },
      events: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "5" },
      seed: { type: "string", default: "42" },
      write: { type: "boolean", default: false },
    },
  });
  return {
    rows: listOf("--rows", values.rows, ROW_LETTERS),
    hosts: listOf("--hosts", values.hosts, HOSTS),
    contenders: values.contenders?.split(",") ?? null,
    events: countOf("--events", values.events),
    rounds: countOf("--rounds", values.rounds),
    seed: countOf("--seed", values.seed),
    writes: values.write,
  };
}

function listOf<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  return text.split(",").map((word) => {
    const found = known.find((name) => name === word);
    if (found === undefined) throw new Error(`${option} knows ${known.join(", ")}, not ${word}.`);
    return found;
  });
}

function countOf(option: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(`${option} is a whole number above 0, not ${text}.`);
}
