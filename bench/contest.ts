// A section measured: a process for each contender, its answer compared with ours, then rounds in
// turn (first of each, second of each, …), so that what disturbs the machine disturbs all.

import { differenceOf, type Answer } from "./answer.ts";
import type { EventSpec } from "./events.ts";
import type { Entry, HostName, Section } from "./rows.ts";
import { NotAvailable, type Job, type Round, type Runner } from "./runner.ts";
import { spreadOf, type Spread } from "./spread.ts";

export interface Measured {
  readonly label: string;
  readonly host: HostName;
  readonly events: number;
  /** Of a round, in ms; null where there was none. */
  readonly ms: Spread | null;
  /** The median of each figure that the rounds gave. */
  readonly figures: { readonly [name: string]: number };
  /** Why there is no time: what is missing, or what went wrong. */
  readonly problem: string | null;
}

export interface SectionResult {
  readonly id: string;
  readonly title: string;
  readonly measured: readonly Measured[];
  readonly ofFigures: boolean;
}

export interface Hosts {
  /** Rejects with NotAvailable where the host or the contender is not there. */
  readonly start: (host: HostName, job: Job) => Promise<Runner>;
  readonly inputPath: (spec: EventSpec) => string;
  readonly say: (line: string) => void;
}

interface Standing {
  readonly entry: Entry;
  readonly rounds: Round[];
  runner: Runner | null;
  problem: string | null;
}

const ROUND_MS_MAX = 600_000;
const SENTENCE_MAX = 300;

export class Contest {
  readonly #hosts: Hosts;
  readonly #rounds: number;
  readonly #references = new Map<string, Answer>();

  constructor(hosts: Hosts, rounds: number) {
    this.#hosts = hosts;
    this.#rounds = rounds;
  }

  async measure({ id, title, entries, ofFigures = false }: Section): Promise<SectionResult> {
    this.#hosts.say(`\n${id}: ${title}`);
    const standings: Standing[] = [];
    try {
      for (const entry of entries) standings.push(await this.#enter(entry));
      for (let round = 0; round < this.#rounds; round++) {
        for (const standing of standings) await this.#runRound(standing);
      }
      return { id, title, ofFigures, measured: standings.map(measuredOf) };
    } finally {
      for (const { runner } of standings) await runner?.stop();
    }
  }

  /** Starts it, warms it up and compares its answer; a cold one only once it is timed. */
  async #enter(entry: Entry): Promise<Standing> {
    const standing: Standing = { entry, rounds: [], runner: null, problem: null };
    await guarded(standing, async () => {
      const { answer } = await this.#warm(standing);
      if (answer === null) throw new Error("It gave no answer.");
      const difference = differenceOf(await this.#reference(entry), answer);
      if (difference !== null) throw new Error(`wrong: ${difference}`);
    });
    const { label, host } = entry;
    this.#hosts.say(`  ${label} (${host}): ${standing.problem ?? "warm, and the same answer"}`);
    return standing;
  }

  async #warm(standing: Standing): Promise<Round> {
    standing.runner = await this.#start(standing.entry);
    const round = await inTime(standing.runner.round(true));
    if (standing.entry.isCold !== true) return round;
    await standing.runner.stop();
    standing.runner = null;
    return round;
  }

  async #runRound(standing: Standing): Promise<void> {
    if (standing.problem !== null) return;
    await guarded(standing, async () => {
      standing.runner ??= await this.#start(standing.entry);
      standing.rounds.push(await inTime(standing.runner.round(false)));
      if (standing.entry.isCold !== true) return;
      await standing.runner.stop();
      standing.runner = null;
    });
  }

  #start({ host, contender, task, input }: Entry): Promise<Runner> {
    return this.#hosts.start(host, { contender, task, inputPath: this.#hosts.inputPath(input) });
  }

  /** What ours answers to the same input, in Node. */
  async #reference(entry: Entry): Promise<Answer> {
    const { contender, input } = entry;
    if (contender === "footprint") return { events: null, tables: {} };
    const task = TASK_COMPARED[entry.task] ?? entry.task;
    const name = JSON.stringify([task, input]);
    const known = this.#references.get(name);
    if (known !== undefined) return known;
    const ours: Entry = { ...entry, host: "node", contender: "millrace", task };
    const runner = await this.#start(ours);
    const { answer } = await inTime(runner.round(true));
    await runner.stop();
    this.#references.set(name, answer!);
    return answer!;
  }
}

/** Tasks that give the same tables as another. */
const TASK_COMPARED: { readonly [task: string]: Entry["task"] } = {
  "four-told": "four",
  "four-checked": "four",
  views: "four",
};

async function guarded(standing: Standing, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    standing.problem = problemOf(error);
    await standing.runner?.stop();
    standing.runner = null;
  }
}

/** In Node's words, and in Chromium's. */
const MISSING_PACKAGE = /(?:Cannot find package '|resolve module specifier ")([^'"]+)/;

function problemOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const missing = MISSING_PACKAGE.exec(message)?.[1];
  if (missing !== undefined) return `not available: the package ${missing}`;
  const kind = error instanceof NotAvailable ? "not available" : "failed";
  return `${kind}: ${message.replace(/\s+/g, " ").slice(0, SENTENCE_MAX)}`;
}

function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("A round took over ten minutes.")), ROUND_MS_MAX);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function measuredOf({ entry, rounds, problem }: Standing): Measured {
  const names = Object.keys(rounds[0]?.figures ?? {});
  const median = (name: string): number => spreadOf(rounds.map((r) => r.figures[name]!)).median;
  return {
    label: entry.label,
    host: entry.host,
    events: entry.input.events,
    ms: problem === null && rounds.length > 0 ? spreadOf(rounds.map(({ ms }) => ms)) : null,
    figures: Object.fromEntries(names.map((name) => [name, median(name)])),
    problem,
  };
}
