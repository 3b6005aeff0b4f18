// Reprocessing: the closed windows of a query that touch a range, computed again from the log,
// late events included. What it finds is a pure function of the log below its own entry: so the
// log keeps the question only, and whoever replays it computes the answer again.
//
//   find   told (the log as it was) → truth (nothing is late) → compare → corrections

import { PROGRAM_HASH_KEY } from "../../assembly/layout.ts";
import type { ReprocessFact } from "../ingest/fact.ts";
import type { Program } from "../query/compile.ts";
import type { Plan } from "../query/plan.ts";
import type { Store } from "../store/store.ts";
import { correctionsOf } from "./compare.ts";
import type { Correction } from "./record.ts";
import { scopeOf } from "./scope.ts";
import { readTold } from "./told.ts";
import { readTruth } from "./truth.ts";

const HASH_KEY_BYTES = 16;

/** What was found, by position and question: for as long as the engine lives, where it is short. */
export type Kept = Map<string, readonly Correction[]>;
const KEPT_LENGTH_MAX = 1000;

export class Reprocess {
  readonly #plan: Plan;
  readonly #hashKey: Uint8Array;
  readonly #store: Store;
  readonly #pagesMax: number;
  readonly #kept: Kept;
  /** For one walk over the log. */
  readonly #known = new Map<string, readonly Correction[]>();

  /** `pagesMax` of 64 KiB for each of the cores that it takes. */
  constructor(plan: Plan, program: Program, store: Store, pagesMax: number, kept: Kept) {
    this.#plan = plan;
    this.#hashKey = program.bytes.slice(PROGRAM_HASH_KEY, PROGRAM_HASH_KEY + HASH_KEY_BYTES);
    this.#store = store;
    this.#pagesMax = pagesMax;
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

  async #find(fact: ReprocessFact, position: number): Promise<readonly Correction[]> {
    const scope = scopeOf(this.#plan, this.#hashKey, fact);
    if (scope === null) return [];
    const find = this.find.bind(this);
    const told = await readTold(scope, this.#store, this.#pagesMax, position, find);
    const { disorderMs } = told;
    const truth = await readTruth(scope, this.#store, this.#pagesMax, position, disorderMs);
    return correctionsOf(scope, told, truth);
  }
}
