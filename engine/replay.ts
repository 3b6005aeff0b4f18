// Replay: a core brought forward by the log alone. None of its entries is judged again, so a fresh
// core that has replayed the log is what the engine's core is: the same state, the same changes.

import { Core } from "./core/core.ts";
import { factLine, factOfChunk, type ReprocessFact } from "./ingest/fact.ts";
import { fillFromLog } from "./ingest/intake.ts";
import { bringYears } from "./ingest/zone-years.ts";
import type { Program } from "./query/compile.ts";
import type { Plan } from "./query/plan.ts";
import { writeRecords } from "./reprocess/record.ts";
import { Reprocess, type Kept } from "./reprocess/reprocess.ts";
import { encodeChunk } from "./store/chunk.ts";
import { readChunks } from "./store/log-reader.ts";
import type { Append, Store } from "./store/store.ts";

/** A reprocess on its way into the log. */
export interface Reprocessed {
  /** A fact is a chunk of its own. */
  readonly append: Append;
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
  async run(
    core: Core,
    from: number,
    to: number,
    tell: (records: readonly Uint8Array[]) => void,
  ): Promise<void> {
    const reprocess = this.#reprocess();
    for await (const chunk of readChunks(this.#store, from, to)) {
      const fact = factOfChunk(chunk);
      if (fact !== null) {
        const found = await this.#find(reprocess, fact, chunk.firstPosition);
        core.holdCorrections(found);
        core.correct();
        tell(this.#isTold(fact) ? [found] : []);
        continue;
      }
      fillFromLog(core, this.#program, chunk, Math.max(from - chunk.firstPosition, 0));
      core.seal();
      bringYears(core, this.#program.zones, chunk.zones ?? []);
      core.reserve();
      const records: Uint8Array[] = [];
      core.apply((bytes) => records.push(bytes));
      tell(records);
    }
  }

  // ── reprocessing ─────────────────────────────────────────────────────────────────────────────

  /** What a fact at the log's end corrects; `core`, which stands there, holds it for `correct`. */
  async reprocess(fact: ReprocessFact, core: Core): Promise<Reprocessed> {
    const { position } = core.counts();
    const records = await this.#find(this.#reprocess(), fact, position);
    core.holdCorrections(records);
    const previousDigest = new Uint8Array(32);
    const parts = { count: 1, receivedAt: null, flags: 0, previousDigest, lines: factLine(fact) };
    const chunk = encodeChunk({ firstPosition: position, ...parts });
    const none = { held: [], letGo: [], remembered: [], forgotten: [] };
    const append = { chunk, firstPosition: position, endPosition: position + 1, ...none };
    return { append, records, isTold: this.#isTold(fact) };
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
