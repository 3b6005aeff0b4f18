// The leader: the engine of a host that holds the log's lock. It performs the verbs, whoever calls
// them, keeps the subscriptions of its page and of other tabs, and lets time pass in silence.

import type { SubscribeFrom } from "../catch-up.ts";
import type { Engine } from "../engine.ts";
import { rowsToBegin } from "../live/mirror.ts";
import { open } from "../open.ts";
import type { Retention } from "../retention.ts";
import { indexeddb } from "../store/indexeddb.ts";
import type { HostFault } from "../store/host-fault.ts";
import { memory } from "../store/memory.ts";
import {
  encodeJson,
  WRITING,
  type GivenBy,
  type HostOptions,
  type LogPage,
  type RowsTold,
  type TellFrom,
  type Verb,
  type WordsOf,
} from "./protocol.ts";

const LOG_PAGE_CHARACTERS = 1024 * 1024;
/** A timer takes no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Null: from here on it is told what happens as it happens. */
export type Tell = (told: ArrayBuffer | null, through: number) => void;
export type Fail = (fault: unknown) => void;

type Performers = {
  readonly [V in Verb]: (engine: Engine, ...words: WordsOf<V>) => GivenBy<V> | Promise<GivenBy<V>>;
};

const PERFORM: Performers = {
  push: (engine, lines, options) => engine.push(new Uint8Array(lines), options),
  tick: async (engine, timeMs) => {
    await engine.tick(timeMs);
    return null;
  },
  release: (engine, ids, options) => engine.release(ids, options),
  reprocess: (engine, query, range) => engine.reprocess(query, range),
  rows: (engine, query, filter) => encodeJson(engine.view(query).rows(filter)),
  late: (engine, query) => engine.late(query),
  quarantine: (engine) => engine.quarantine(),
  refused: (engine) => engine.refused(),
  log: readLogPage,
  explain: (engine, query, key, window) => engine.explain(query, key, window),
  verify: (engine, range) => engine.verify(range),
  stats: (engine) => engine.stats(),
  stateHash: (engine) => engine.stateHash(),
  snapshot: (engine) => engine.snapshot(),
};

export class Leader {
  readonly #engine: Engine;
  readonly #idleTicks: boolean;
  readonly #applied: (position: number) => void;
  /** What stops each. */
  readonly #subscriptions = new Map<string, () => void>();
  #position = 0;
  #savedPosition = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  private constructor(engine: Engine, idleTicks: boolean, applied: (position: number) => void) {
    this.#engine = engine;
    this.#idleTicks = idleTicks;
    this.#applied = applied;
    this.#setTimer();
    // A plan that takes over may have something due earlier.
    engine.rebuilt().then(
      () => this.#setTimer(),
      () => {},
    );
  }

  /** `applied` hears how far everything was told, after all that writes. Rejects as `open` does. */
  static async open(
    { plan, name, storage, idleTicks }: HostOptions,
    retention: Retention | undefined,
    applied: (position: number) => void,
  ): Promise<Leader> {
    const store = storage === "memory" ? memory() : indexeddb(name);
    const engine = await open({ plan, store, ...(retention && { retention }) });
    return new Leader(engine, idleTicks, applied);
  }

  /** While a core is made again: where it stood before. */
  get position(): number {
    try {
      this.#position = this.#engine.stats().position;
    } catch {}
    return this.#position;
  }

  async perform<V extends Verb>(verb: V, words: WordsOf<V>): Promise<GivenBy<V>> {
    const given = await PERFORM[verb](this.#engine, ...words);
    if (WRITING.has(verb)) this.#note();
    return given;
  }

  /**
   * `tell` hears each push's changes as JSON, and the position below which all were told; `fail`
   * why the subscription has ended.
   */
  subscribe(id: string, query: string, from: TellFrom, tell: Tell, fail: Fail): void {
    this.unsubscribe(id);
    const isRows = from === "rows";
    try {
      const stop = isRows ? this.#follow(query, tell) : this.#listen(query, from, tell, fail);
      this.#subscriptions.set(id, stop);
    } catch (error) {
      fail(error);
    }
  }

  #follow(query: string, tell: Tell): () => void {
    const tellRows = (told: RowsTold): void => tell(encodeJson(told), told.position);
    const upserts = rowsToBegin(this.#engine, query);
    const { clock, position } = this.#standing;
    tellRows({ upserts, removals: [], clock, position, isWhole: true });
    return this.#engine.onRows(query, (delta) => tellRows({ ...delta, isWhole: false }));
  }

  /** Of a core that is made again nothing is known: those that follow its rows are told later. */
  get #standing(): Pick<RowsTold, "clock" | "position"> {
    try {
      return this.#engine.stats();
    } catch {
      return { clock: null, position: 0 };
    }
  }

  #listen(query: string, from: SubscribeFrom, tell: Tell, fail: Fail): () => void {
    // What waits when this leader ends, the next one is asked for.
    const onFault = (fault: HostFault): void => (this.#isClosed ? undefined : fail(fault));
    const { position } = this.#standing;
    // Who was told all up to here needs nothing out of the log.
    const start = position > 0 && typeof from === "number" && from >= position ? "now" : from;
    const onCaughtUp = (): void => tell(null, this.#standing.position);
    const stop = this.#engine.subscribe(
      query,
      (changes) => {
        const through = 1 + changes.reduce((most, { position }) => Math.max(most, position), -1);
        tell(encodeJson(changes), through);
      },
      { from: start, onFault, onCaughtUp },
    );
    if (typeof start !== "number") onCaughtUp();
    return stop;
  }

  unsubscribe(id: string): void {
    this.#subscriptions.get(id)?.();
    this.#subscriptions.delete(id);
  }

  /** Those whose id begins so: of a tab that has left. */
  unsubscribeAll(prefix: string): void {
    for (const id of this.#subscriptions.keys()) if (id.startsWith(prefix)) this.unsubscribe(id);
  }

  /** Saves what has changed since this was last called; what fails costs time at the next open. */
  async save(): Promise<void> {
    try {
      if (this.#isClosed || this.position === this.#savedPosition) return;
      this.#savedPosition = (await this.#engine.snapshot()).position;
    } catch {}
  }

  /** Ends the engine, after what was called before, with a snapshot. */
  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    // What is told out of the log would go on; the next leader takes it up.
    return this.#engine.close().finally(() => this.unsubscribeAll(""));
  }

  #note(): void {
    this.#applied(this.position);
    this.#setTimer();
  }

  /** One timer, where the engine says that something will be due. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    if (!this.#idleTicks || this.#isClosed) return;
    const dueAt = this.#engine.idleAt();
    if (dueAt === null) return;
    const delayMs = Math.min(Math.max(0, dueAt - Date.now()), TIMER_MS_MAX);
    this.#timer = setTimeout(() => void this.#letTimePass(), delayMs);
  }

  async #letTimePass(): Promise<void> {
    try {
      // A push under way sets the timer again at its end.
      if (await this.#engine.tickIdle(Date.now())) this.#note();
      else if (this.#engine.idleAt() !== null && !this.#isClosed) this.#retry();
    } catch {
      // A tick that could not be written is due as before.
      if (!this.#isClosed) this.#retry();
    }
  }

  #retry(): void {
    // A core that is made again says nothing: it is asked soon.
    const dueAt = this.#engine.idleAt() ?? 0;
    const delayMs = Math.min(Math.max(1_000, dueAt - Date.now()), TIMER_MS_MAX);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#letTimePass(), delayMs);
  }
}

/** Whole chunks from the one that holds `from`, about a million characters. */
async function readLogPage(engine: Engine, from: number | undefined, to: number): Promise<LogPage> {
  const chunks: string[] = [];
  let characters = 0;
  for await (const text of engine.log(from === undefined ? { to } : { from, to })) {
    if (characters >= LOG_PAGE_CHARACTERS) return { chunks, next: positionOf(text) };
    chunks.push(text);
    characters += text.length;
  }
  return { chunks, next: null };
}

function positionOf(chunk: string): number {
  const control = chunk.slice(0, chunk.indexOf("\n"));
  return (JSON.parse(control) as { chunk: { position: number } }).chunk.position;
}
