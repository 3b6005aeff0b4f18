// Poison: entries of the log on which the core failed twice, which is a bug of ours. Who replays
// the log skips them: a tick that moves nothing stands in their place, so that positions stay. The
// log says which they are by a fact, an entry of its own (fact.ts), which moves nothing either. It
// may stand far behind them: a snapshot has those that were known at its position.
//
// An event that is skipped never comes to the core's identities. Its own is known here, for as long
// as the log has the event: sent again it is a duplicate, before a core can fail on it once more.
// Whose identity a core fails to read, of that event nothing is known.
//
// A plan that is being rebuilt may fail on an entry that the serving plan has counted, and told.
// Its own core skips it from then on, the serving one does not. The log says so just before the new
// plan takes over: so what serves skips what the log says, no more and no less.

import { TICK_NEVER } from "../../assembly/layout.ts";
import type { Core } from "../core/core.ts";
import type { Program } from "../query/compile.ts";
import { decodeChunk, type Chunk } from "../store/chunk.ts";
import { entryLines } from "../store/entry.ts";
import type { Snapshot } from "../store/snapshot.ts";
import type { Store } from "../store/store.ts";
import { poisonedBy } from "./fact.ts";
import { fillFromLog } from "./intake.ts";
import { tickLine } from "./tick.ts";

const NOTHING = tickLine(TICK_NEVER);
const NEWLINE = 10;
const SPACE = 32;
const ONE_CHUNK = 1;

/** How many cores may fail while one is made: each poisons an entry at the most. */
export const FAILURES_MAX = 20;

export class Poison {
  readonly #positions: Set<number>;
  /** Those of which the log does not say it yet. */
  readonly #unmarked: Set<number>;
  /** Where the events stand, by the fingerprints of their identities. */
  readonly #events: Map<string, number>;
  /** Those of a plan that does not serve yet, which nobody else skips; null once it serves. */
  #own: Set<number> | null = null;
  /** Whether what is found is said by the log; not where that is a copy, whose positions stand. */
  readonly isMarking: boolean;

  /** `serving`: of a plan that is rebuilt beside it. */
  constructor(positions: readonly number[] = [], isMarking = true, serving?: Poison) {
    this.isMarking = isMarking;
    this.#positions = serving ? serving.#positions : new Set();
    this.#unmarked = serving ? serving.#unmarked : new Set();
    this.#events = serving ? serving.#events : new Map();
    this.note(positions);
    if (serving) this.#own = new Set();
  }

  /** Ascending. */
  get positions(): readonly number[] {
    return [...this.#all()].sort((a, b) => a - b);
  }

  #all(): ReadonlySet<number> {
    return this.#own === null ? this.#positions : new Set([...this.#positions, ...this.#own]);
  }

  /** Those that the serving plan counts. */
  get own(): readonly number[] {
    return [...(this.#own ?? [])].filter((position) => !this.#positions.has(position));
  }

  /** Its plan serves from now on, and the log says what it skips. */
  join(): void {
    const { own } = this;
    this.#own = null;
    this.note(own);
  }

  /** Whether a snapshot's state counts nothing that is known to be poisoned. */
  isApartFrom({ position, poisoned }: Pick<Snapshot, "position" | "poisoned">): boolean {
    return this.positions.every((each) => each >= position || poisoned.includes(each));
  }

  /** Those that the log is still to say. */
  get unmarked(): readonly number[] {
    return [...this.#unmarked];
  }

  /** The core failed twice on the entry. */
  find(position: number): void {
    if (this.#own !== null) return void this.#own.add(position);
    this.#positions.add(position);
    if (this.isMarking) this.#unmarked.add(position);
  }

  /** The log says so; true where it is news. */
  note(positions: readonly number[]): boolean {
    const before = this.#positions.size;
    for (const position of positions) {
      this.#positions.add(position);
      this.#unmarked.delete(position);
    }
    return this.#positions.size > before;
  }

  // ── identities ───────────────────────────────────────────────────────────────────────────────

  /** Whether there may be an event of that name at all. */
  get hasEvents(): boolean {
    return this.#events.size > 0;
  }

  /** Where the event stands that has this identity; null where none is known. */
  eventAt(identity: string): number | null {
    return this.#events.get(identity) ?? null;
  }

  /**
   * Reads from the log who the events are that are not known yet, each by a core of its own. A copy
   * has been judged: what its log accepted is accepted.
   */
  async identify(store: Store, open: () => Promise<Core>, program: Program): Promise<void> {
    if (!this.isMarking) return;
    const known = new Set(this.#events.values());
    for (const position of this.positions.filter((each) => !known.has(each))) {
      try {
        const identity = identityOf(await open(), program, await entryAt(store, position));
        if (!this.#events.has(identity)) this.#events.set(identity, position);
      } catch {
        // It is no event, was trimmed, or the core fails here too.
      }
    }
  }

  /** The log below `position` was trimmed: with events there nothing can be compared any more. */
  forgetBelow(position: number): void {
    for (const [identity, at] of this.#events) if (at < position) this.#events.delete(identity);
  }

  // ── replay ───────────────────────────────────────────────────────────────────────────────────

  /** The chunk as a core is given it. */
  quiet(chunk: Chunk): Chunk {
    return without(chunk, this.#all());
  }

  /** The chunk as a core can be asked what it has: with those whom it could read. */
  legible(chunk: Chunk): Chunk {
    const read = new Set(this.#events.values());
    return without(chunk, new Set(this.positions.filter((position) => !read.has(position))));
  }
}

/** The tick that moves nothing, as a line that long; what is shorter is no event. */
export function quietLine(length: number): Uint8Array {
  const line = new Uint8Array(length).fill(SPACE);
  line.set(NOTHING);
  return line;
}

/** In the place of the entries at `positions`, and of a mark, stands a tick that moves nothing. */
function without(chunk: Chunk, positions: ReadonlySet<number>): Chunk {
  const { firstPosition, count } = chunk;
  const isMark = poisonedBy(chunk) !== null;
  const isInChunk = (at: number): boolean => at >= firstPosition && at < firstPosition + count;
  if (!isMark && ![...positions].some(isInChunk)) return chunk;
  const isQuiet = (entry: number): boolean => isMark || positions.has(firstPosition + entry);
  const bytes: number[] = [];
  for (const [entry, line] of [...entryLines(chunk)].entries()) {
    for (const byte of isQuiet(entry) ? NOTHING : line) bytes.push(byte);
    bytes.push(NEWLINE);
  }
  return { ...chunk, lines: new Uint8Array(bytes) };
}

/** A chunk of the one entry. */
async function entryAt(store: Store, position: number): Promise<Chunk> {
  const chunk = decodeChunk((await store.read(position, ONE_CHUNK))[0]!);
  const line = [...entryLines(chunk)][position - chunk.firstPosition]!;
  const lines = new Uint8Array([...line, NEWLINE]);
  return { ...chunk, firstPosition: position, count: 1, receivedAt: null, lines };
}

function identityOf(core: Core, program: Program, entry: Chunk): string {
  const batch = fillFromLog(core, program, entry, 0);
  if (batch.eventAt(0) === null) throw new Error("A tick has no identity.");
  return batch.identity(0);
}
