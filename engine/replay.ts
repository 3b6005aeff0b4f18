// Replay: a core brought forward by the log alone. None of its entries is judged again, so a fresh
// core that has replayed the log is what the engine's core is: the same state, the same changes.

import { Core } from "./core/core.ts";
import { factOfChunk, type ReprocessFact } from "./ingest/fact.ts";
import { fillFromLog } from "./ingest/intake.ts";
import { bringYears } from "./ingest/zone-years.ts";
import type { Program } from "./query/compile.ts";
import type { Plan } from "./query/plan.ts";
import { writeRecords } from "./reprocess/record.ts";
import { Reprocess, type Kept } from "./reprocess/reprocess.ts";
import type { Chunk } from "./store/chunk.ts";
import { readChunks } from "./store/log-reader.ts";
import type { Store } from "./store/store.ts";

/** A reprocess of the log, as it is replayed. */
export interface Replayed {
  readonly fact: ReprocessFact;
  readonly position: number;
  /** What it corrected, whether listeners were told or not. */
  readonly found: Uint8Array;
}

/** Gets what a chunk told; of a reprocess also what it is. */
export type Tell = (records: readonly Uint8Array[], reprocess?: Replayed) => void;

/** A reprocess on its way into the log. */
export interface Reprocessed {
  readonly position: number;
  /** What it corrects, as the core tells changes. */
  readonly records: Uint8Array;
  /** Whether listeners hear of it. */
  readonly isTold: boolean;
}

export class Replay {
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #store: Store;
  readonly #pagesMax: number;
  readonly #kept: Kept = new Map();

  constructor(plan: Plan, program: Program, store: Store, pagesMax: number) {
    this.#plan = plan;
    this.#program = program;
    this.#store = store;
    this.#pagesMax = pagesMax;
  }

  /** A core with a fresh state. */
  open(): Promise<Core> {
    return Core.open(this.#program.bytes, this.#pagesMax);
  }

  /** Applies the log's entries of [from, to) to `core`; `tell` gets what each chunk told. */
  async run(core: Core, from: number, to: number, tell: Tell): Promise<void> {
    for await (const chunk of readChunks(this.#store, from, to)) {
      await this.apply(core, chunk, Math.max(from - chunk.firstPosition, 0), tell);
    }
  }

  /** Applies the chunk's entries from entry `skip` on. */
  async apply(core: Core, chunk: Chunk, skip: number, tell: Tell): Promise<void> {
    const fact = factOfChunk(chunk);
    if (fact !== null) {
      const position = chunk.firstPosition;
      const found = await this.#find(this.#reprocess(), fact, position);
      core.holdCorrections(found);
      core.correct();
      tell(this.#isTold(fact) ? [found] : [], { fact, position, found });
      return;
    }
    fillFromLog(core, this.#program, chunk, skip);
    core.seal();
    bringYears(core, this.#program.zones, chunk.zones ?? []);
    core.reserve();
    const records: Uint8Array[] = [];
    core.apply((bytes) => records.push(bytes));
    tell(records);
  }

  // ── reprocessing ─────────────────────────────────────────────────────────────────────────────

  /** What a fact at the log's end corrects; `core`, which stands there, holds it for `correct`. */
  async reprocess(fact: ReprocessFact, core: Core): Promise<Reprocessed> {
    const { position } = core.counts();
    const records = await this.#find(this.#reprocess(), fact, position);
    core.holdCorrections(records);
    return { position, records, isTold: this.#isTold(fact) };
  }

  /**
   * Hands out the trace of a window as a reprocess of the log computed it, among its changes:
   * which events it took, none being late; `places` has the log's position for each of its own.
   */
  trace(
    { fact, position }: Replayed,
    window: { readonly start: number | null; readonly end: number | null },
    tell: (records: Uint8Array, places: readonly number[]) => void,
  ): Promise<void> {
    return this.#reprocess().trace(fact, position, window, tell);
  }

  #isTold({ query }: ReprocessFact): boolean {
    return this.#plan.queries.some(({ name, emit }) => name === query && emit !== "none");
  }

  #reprocess(): Reprocess {
    return new Reprocess(this.#plan, this.#program, this.#store, this.#pagesMax, this.#kept);
  }

  async #find(reprocess: Reprocess, fact: ReprocessFact, position: number): Promise<Uint8Array> {
    const query = this.#plan.queries.findIndex(({ name }) => name === fact.query);
    return writeRecords(await reprocess.find(fact, position), query, position);
  }
}
