// Replay: a core brought forward by the log alone. None of its entries is judged again, so a fresh
// core that has replayed the log is what the engine's core is: the same state, the same changes.

import type { Core, OpenCore } from "./core/core.ts";
import { factOfChunk, type ReprocessFact } from "./ingest/fact.ts";
import { fillFromLog } from "./ingest/intake.ts";
import { bringYears } from "./ingest/zone-years.ts";
import { poisonedBy } from "./ingest/fact.ts";
import type { Poison } from "./ingest/poison.ts";
import type { Program } from "./query/compile.ts";
import type { Plan } from "./query/plan.ts";
import { hostBreathe } from "./rebuild/host-pace.ts";
import { writeRecords } from "./reprocess/record.ts";
import { Reprocess, type Kept } from "./reprocess/reprocess.ts";
import type { Chunk } from "./store/chunk.ts";
import { HostFault } from "./store/host-fault.ts";
import { readChunks } from "./store/log-reader.ts";
import { byEntries, ENTRY_BYTES, piecesOf, workOf } from "./store/piece.ts";
import { drained, paced, type Breathe, type Steps } from "./store/steps.ts";
import type { MaybePromise, Store } from "./store/store.ts";

/** A reprocess of the log, as it is replayed. */
export interface Replayed {
  readonly fact: ReprocessFact;
  readonly position: number;
  /** What it corrected, whether listeners were told or not. */
  readonly found: Uint8Array;
}

/** No more entries to a piece, where nobody hears what each chunk told. */
const PIECE_ENTRIES = 4096;

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

/** The core failed on entries of the log: nothing of it can be used any more. */
export class EntriesFailed extends Error {
  readonly firstPosition: number;
  readonly count: number;

  constructor({ firstPosition, count }: Chunk, cause: unknown) {
    super(`The core failed on the log at position ${firstPosition}.`, { cause });
    this.firstPosition = firstPosition;
    this.count = count;
  }

  /** Whether the other is one entry of these. */
  holds({ firstPosition, count }: EntriesFailed): boolean {
    const at = firstPosition - this.firstPosition;
    return count === 1 && at >= 0 && at < this.count;
  }
}

/** The log marks entries as poisoned that the core was given: replayed again, it is not. */
export class MarksFound extends Error {}

interface Beside {
  readonly store: Store;
  readonly poison: Poison;
  readonly openCore: OpenCore;
}

export class Replay {
  /** The first entry that the plan was given: by these a reprocess is computed; 0: the log's. */
  since = 0;
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #beside: Beside;
  readonly #breathe: Breathe | undefined;
  readonly #kept: Kept = new Map();

  /** `breathe`, which takes bytes, lets others come between; absent, at the host's own pace. */
  constructor(plan: Plan, program: Program, beside: Beside, breathe?: Breathe) {
    this.#plan = plan;
    this.#program = program;
    this.#beside = beside;
    this.#breathe = breathe;
  }

  /** A core with a fresh state. */
  open(): Promise<Core> {
    return this.#beside.openCore(this.#program);
  }

  /**
   * Applies the log's entries of [from, to) to `core`, and lets others come between; `tell` gets
   * what each chunk told, and where it is null chunks go in pieces. The chunk that holds position
   * `alone` is applied entry by entry. Of a core that `isRead` meanwhile no chunk is seen half
   * applied. Rejects with the HostFault of the store, EntriesFailed or MarksFound.
   */
  async run(
    core: Core,
    from: number,
    to: number,
    tell: Tell | null,
    alone = -1,
    isRead = false,
  ): Promise<void> {
    const breathe = this.pace();
    for await (const chunk of readChunks(this.#beside.store, from, to, breathe)) {
      const { firstPosition, count } = chunk;
      await this.#noteMarks(chunk);
      const isAlone = alone >= firstPosition && alone < firstPosition + count;
      const entries = isAlone ? 1 : tell === null ? PIECE_ENTRIES : count;
      for (const piece of entries < count ? piecesOf(chunk, from, () => entries) : [chunk]) {
        const skip = Math.max(from - piece.firstPosition, 0);
        try {
          await this.apply(core, piece, skip, tell ?? (() => {}), isRead ? null : breathe);
        } catch (error) {
          throw error instanceof HostFault ? error : new EntriesFailed(piece, error);
        }
        await breathe(workOf(piece) * ENTRY_BYTES);
      }
    }
  }

  async #noteMarks(chunk: Chunk): Promise<void> {
    if (!this.#beside.poison.note(poisonedBy(chunk) ?? [])) return;
    // Those that follow would each be news once more.
    for await (const each of readChunks(this.#beside.store, chunk.firstPosition, Infinity)) {
      this.#beside.poison.note(poisonedBy(each) ?? []);
    }
    throw new MarksFound();
  }

  /** Lets others come between what is done for it, told in bytes. */
  pace(): Breathe {
    return this.#breathe ?? hostBreathe();
  }

  /**
   * Applies the chunk's entries from entry `skip` on, less what is poisoned; at once, not in steps,
   * where `breathe` is null.
   */
  async apply(
    core: Core,
    logged: Chunk,
    skip: number,
    tell: Tell,
    breathe: Breathe | null = this.pace(),
  ): Promise<void> {
    const run = (steps: Steps<void>, unit: number): MaybePromise<void> =>
      breathe === null ? drained(steps) : paced(steps, (worked) => breathe(worked * unit));
    const chunk = this.#beside.poison.quiet(logged);
    const fact = factOfChunk(chunk);
    if (fact !== null) {
      const position = chunk.firstPosition;
      const found = await this.#find(fact, position, breathe ?? this.pace());
      await run(core.holdSteps(found), 1);
      await run(core.correctSteps(), ENTRY_BYTES);
      tell(this.#isTold(fact) ? [found] : [], { fact, position, found });
      return;
    }
    fillFromLog(core, this.#program, chunk, skip);
    core.seal();
    bringYears(core, this.#program.zones, chunk.zones ?? []);
    await run(core.reserveSteps(), 1);
    const records: Uint8Array[] = [];
    await run(
      core.applySteps((bytes) => records.push(bytes.slice())),
      1,
    );
    tell(records);
  }

  // ── reprocessing ─────────────────────────────────────────────────────────────────────────────

  /** What a fact at the log's end corrects; `core`, which stands there, holds it for `correct`. */
  async reprocess(fact: ReprocessFact, core: Core): Promise<Reprocessed> {
    const { position } = core.counts();
    const records = await this.#find(fact, position, this.pace());
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
    return this.#reprocess(this.pace()).trace(fact, position, window, tell);
  }

  #isTold({ query }: ReprocessFact): boolean {
    return this.#plan.queries.some(({ name, emit }) => name === query && emit !== "none");
  }

  #reprocess(breathe: Breathe): Reprocess {
    const log = { ...this.#beside, since: this.since, breathe };
    return new Reprocess(this.#plan, this.#program, log, this.#kept);
  }

  async #find(fact: ReprocessFact, position: number, breathe: Breathe): Promise<Uint8Array> {
    const query = this.#plan.queries.findIndex(({ name }) => name === fact.query);
    const found = await this.#reprocess(breathe).find(fact, position);
    return paced(writeRecords(found, query, position), byEntries(breathe));
  }
}
