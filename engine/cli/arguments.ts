// The words of the command line: what was asked for, or one sentence why it cannot be.

import { parseArgs } from "node:util";
import type { ChangeWindow, Key } from "../live/change.ts";

export interface RunCommand {
  readonly name: "run";
  readonly plan: string;
  /** Standard input where there is none. */
  readonly recordings: readonly string[];
  readonly batch: number;
  /** Null leaves the plan's. */
  readonly emit: Emit | null;
  readonly view: boolean;
  readonly flush: boolean;
  readonly ticks: boolean;
  readonly receivedAt: string | null;
  readonly log: boolean;
  readonly report: string | null;
  readonly stateHash: boolean;
  readonly viewHash: boolean;
  readonly explain: AskedRow | null;
}

/** The row that `--explain` is about. */
export interface AskedRow {
  readonly query: string;
  readonly key: Key;
  readonly window: ChangeWindow;
}

export interface RestoreCommand {
  readonly name: "restore";
  /** A folder. */
  readonly archive: string;
  /** A file. */
  readonly store: string;
}

export type Command =
  | RunCommand
  | RestoreCommand
  | { readonly name: "check" | "explain"; readonly plan: string }
  | { readonly name: "help" | "version" };

export type Emit = (typeof EMITS)[number];

/** The words are wrong; the message is one sentence. */
export class UsageFault extends Error {}

export const USAGE = `millrace run PLAN.json [RECORDING.ndjson …]   no file: standard input
  --batch N             non-blank lines a push (default 1000)
  --emit all|final|none overrides the plan's emit
  --view                at the end, every row of every view instead of the changes
  --flush               at the end, close every window
  --ticks               a line that is {"tick": integer} is a tick
  --received-at FIELD   each event's receive time, from this top-level member
  --log                 the input is an exported log
  --report FILE         write { receipt, stats } as JSON
  --explain QUERY KEY WINDOW
                        at the end, what is behind that row, on standard error; KEY is a JSON
                        object, WINDOW start/end in ms, null/null of a global window
  --state-hash          SHA-256 of the state before --flush, as the last line of standard error
  --view-hash           SHA-256 of all rows of all views, as the last line of standard error
millrace check PLAN.json                      lists the plan's faults
millrace explain PLAN.json                    draws the topology as Mermaid
millrace restore --archive FOLDER --store FILE
                        puts archived chunks, a file each, back into a log of millrace/node
millrace help | --help                        this
millrace --version                            the version

Exit: 0 fine; 3 lines were invalid or quarantined; 2 the plan or the arguments are wrong; 1 else.
`;

const EMITS = ["all", "final", "none"] as const;
const BATCH_DEFAULT = 1000;
/** Query, key and window. */
const ROW_VALUES = 3;
const UNBUILT = ["tune", "diff", "verify"];

const OPTIONS = {
  batch: { type: "string" },
  emit: { type: "string" },
  view: { type: "boolean" },
  flush: { type: "boolean" },
  ticks: { type: "boolean" },
  "received-at": { type: "string" },
  log: { type: "boolean" },
  report: { type: "string" },
  "state-hash": { type: "boolean" },
  "view-hash": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export function parseArguments(words: readonly string[]): Command {
  const [name, ...rest] = words;
  if (name === undefined)
    throw new UsageFault("Say run, check, explain or restore; --help tells more.");
  if (name === "--help" || name === "-h" || name === "help") return { name: "help" };
  if (name === "--version") return { name: "version" };
  if (UNBUILT.includes(name)) throw new UsageFault(`millrace ${name} is not supported yet.`);
  if (name === "run") return parseRun(rest);
  if (name === "restore") return parseRestore(rest);
  if (name !== "check" && name !== "explain") {
    throw new UsageFault(`Got the command "${name}" when expected run, check, explain or restore.`);
  }
  const { values, positionals } = parsed(rest, { help: OPTIONS.help });
  if (values.help === true) return { name: "help" };
  const [plan] = positionals;
  if (plan !== undefined && positionals.length === 1) return { name, plan };
  throw new UsageFault(`Got ${positionals.length} files when millrace ${name} takes one plan.`);
}

function parseRestore(words: readonly string[]): Command {
  const text = { type: "string" } as const;
  const { values, positionals } = parsed(words, { archive: text, store: text, help: OPTIONS.help });
  if (values.help === true) return { name: "help" };
  const { archive, store } = values;
  if (archive !== undefined && store !== undefined && positionals.length === 0) {
    return { name: "restore", archive, store };
  }
  throw new UsageFault("millrace restore takes --archive, a folder, and --store, a file.");
}

function parseRun(given: readonly string[]): Command {
  const { words, row } = takeRow(given);
  const { values, positionals } = parsed(words, OPTIONS);
  if (values.help === true) return { name: "help" };
  const [plan, ...recordings] = positionals;
  if (plan === undefined) throw new UsageFault("millrace run takes a plan, and then recordings.");
  const log = values.log ?? false;
  const receivedAt = values["received-at"] ?? null;
  if (log && receivedAt !== null) {
    throw new UsageFault("A log has its receive times: leave out --received-at or --log.");
  }
  return {
    name: "run",
    plan,
    recordings,
    batch: values.batch === undefined ? BATCH_DEFAULT : batchOf(values.batch),
    emit: values.emit === undefined ? null : emitOf(values.emit),
    view: values.view ?? false,
    flush: values.flush ?? false,
    ticks: values.ticks ?? false,
    receivedAt,
    log,
    report: values.report ?? null,
    stateHash: values["state-hash"] ?? false,
    viewHash: values["view-hash"] ?? false,
    explain: row,
  };
}

/** Takes `--explain` and its three values out of the words: an option of the library has one. */
function takeRow(given: readonly string[]): { words: readonly string[]; row: AskedRow | null } {
  const at = given.findIndex((word) => /^--explain(=|$)/.test(word));
  if (at < 0) return { words: given, row: null };
  const [query, key, window] = given.slice(at + 1, at + 1 + ROW_VALUES);
  const isApart = given[at] === "--explain";
  if (!isApart || query === undefined || key === undefined || window === undefined) {
    throw new UsageFault("--explain takes a query, a key as JSON, and a window as start/end.");
  }
  const words = given.toSpliced(at, 1 + ROW_VALUES);
  if (words.includes("--explain")) throw new UsageFault("--explain stands once.");
  return { words, row: { query, key: keyOf(key), window: windowOf(window) } };
}

function keyOf(text: string): Key {
  try {
    const key: unknown = JSON.parse(text);
    if (typeof key === "object" && key !== null && !Array.isArray(key)) return key as Key;
  } catch {
    // It is said below.
  }
  throw new UsageFault(`Got the key ${text} when expected a JSON object.`);
}

function windowOf(text: string): ChangeWindow {
  if (text === "null/null") return { start: null, end: null };
  const match = /^(-?[0-9]+)\/(-?[0-9]+)$/.exec(text);
  if (match !== null) return { start: Number(match[1]), end: Number(match[2]) };
  throw new UsageFault(`Got the window ${text} when expected start/end in ms, or null/null.`);
}

function parsed<Options extends { readonly help: (typeof OPTIONS)["help"] }>(
  words: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node goes on to explain itself; the first sentence says it.
    const [sentence = ""] = error.message.split(/\.\s/, 1);
    throw new UsageFault(`${sentence.replace(/\.$/, "")}.`);
  }
}

function batchOf(text: string): number {
  const lines = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (lines >= 1 && Number.isSafeInteger(lines)) return lines;
  throw new UsageFault(`Got --batch ${text} when expected a whole number, 1 or more.`);
}

function emitOf(text: string): Emit {
  const emit = EMITS.find((each) => each === text);
  if (emit !== undefined) return emit;
  throw new UsageFault(`Got --emit ${text} when expected all, final or none.`);
}
