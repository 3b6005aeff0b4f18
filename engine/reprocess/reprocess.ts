// Reprocessing: the closed windows of a query that touch a range, computed again from the log,
// late events included. What it finds is a pure function of the log below its own entry: so the
// log keeps the question only, and whoever replays it computes the answer again.
//
//   find   told (the log as it was) → truth (nothing is late) → compare → corrections

import { PROGRAM_HASH_KEY } from "../../assembly/layout.ts";
import type { ReprocessFact } from "../ingest/fact.ts";
import type { Program } from "../query/compile.ts";
import type { Plan } from "../query/plan.ts";
import { byEntries } from "../store/piece.ts";
import { paced, type Steps } from "../store/steps.ts";
import type { Log } from "./log.ts";
import { correctionsOf } from "./compare.ts";
import type { Correction, Telling } from "./record.ts";
import { scopeOf } from "./scope.ts";
import { readTold } from "./told.ts";
import { readTruth, walkTruth } from "./truth.ts";

const HASH_KEY_BYTES = 16;

/** What was found, by position and question: for as long as the engine lives, where it is short. */
export type Kept = Map<string, readonly Correction[]>;
const KEPT_LENGTH_MAX = 1000;

export class Reprocess {
  readonly #plan: Plan;
  readonly #hashKey: Uint8Array;
  readonly #log: Log;
  readonly #kept: Kept;
  /** For one walk over the log. */
  readonly #known = new Map<string, readonly Correction[]>();

  constructor(plan: Plan, program: Program, log: Log, kept: Kept) {
    this.#plan = plan;
    this.#hashKey = program.bytes.slice(PROGRAM_HASH_KEY, PROGRAM_HASH_KEY + HASH_KEY_BYTES);
    this.#log = log;
    this.#kept = kept;
  }

  /**
   * What the fact at `position` finds in the entries before it. Earlier facts of its query come
   * first, each once. Rejects with the HostFault of the store, or `state_full`.
   */
  async find(fact: ReprocessFact, position: number): Promise<readonly Correction[]> {
    const name = JSON.stringify([position, fact.query, fact.from, fact.to]);
    const known = this.#known.get(name) ?? this.#kept.get(name);
    if (known !== undefined) return known;
    const found = await this.#find(fact, position);
    this.#known.set(name, found);
    if (found.length <= KEPT_LENGTH_MAX) this.#kept.set(name, found);
    return found;
  }

  /**
   * The truth of the fact at `position` once more, with one window of it traced. Its core counts
   * positions of its own: `places` has for each the log's.
   */
  async trace(
    fact: ReprocessFact,
    position: number,
    window: { readonly start: number | null; readonly end: number | null },
    tell: (records: Uint8Array, places: readonly number[]) => void,
  ): Promise<void> {
    const scope = scopeOf(this.#plan, this.#hashKey, fact);
    if (scope === null) return;
    const find = this.find.bind(this);
    const { disorderMs } = await readTold(scope, this.#log, position, find);
    const places: number[] = [];
    const collect = (telling: Telling): Steps<void> => telling((records) => tell(records, places));
    await walkTruth(scope, this.#log, position, disorderMs, collect, {
      begin: (core) => core.trace(0, window),
      enter: (place) => places.push(place),
    });
  }

  async #find(fact: ReprocessFact, position: number): Promise<readonly Correction[]> {
    const scope = scopeOf(this.#plan, this.#hashKey, fact);
    if (scope === null) return [];
    const find = this.find.bind(this);
    const told = await readTold(scope, this.#log, position, find);
    const { disorderMs } = told;
    const truth = await readTruth(scope, this.#log, position, disorderMs);
    return paced(correctionsOf(scope, told, truth), byEntries(this.#log.breathe));
  }
}
