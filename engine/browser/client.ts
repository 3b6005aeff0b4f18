// `connect`: the verbs of an engine, on a page, over the host that has the log. The engine runs in
// a worker, or another tab's, or in this page where there is none; what is read is promised.

import type { LateEvent } from "../core/core.ts";
import type { SubscribeOptions } from "../catch-up.ts";
import type { LogRange } from "../store/log-reader.ts";
import type { Explanation } from "../explain.ts";
import { isBytes, type PushInput, type PushOptions } from "../ingest/input.ts";
import { lineOf } from "../ingest/object.ts";
import type { QuarantineEntry } from "../ingest/quarantine.ts";
import type { Receipt } from "../ingest/receipt.ts";
import type { RefusedLine } from "../ingest/refused-lines.ts";
import { encodeUtf8 } from "../event/utf8.ts";
import type { Change, ChangeWindow, Key, Row } from "../live/change.ts";
import type { RowListener, RowSource } from "../live/mirror.ts";
import type { Stats } from "../live/stats.ts";
import { callListener, type Listener } from "../live/subscription.ts";
import type { RowFilter } from "../live/view.ts";
import type { Retention } from "../retention.ts";
import { checkFrom, checkKey, checkTick, unknownQuery } from "../store/asked.ts";
import type { Verified } from "../store/chain.ts";
import { FollowedView } from "./followed-view.ts";
import { closed } from "./outcome.ts";
import {
  decodeJson,
  type ConnectMode,
  type ConnectStorage,
  type GivenBy,
  type RowsTold,
  type TellFrom,
  type Verb,
  type WordsOf,
} from "./protocol.ts";
import { Shared, type Hearer } from "./shared.ts";

const DEADLINE_MS = 30_000;
/** A timer of more fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

export interface ConnectOptions {
  /** Plain data: docs/contract.md of this package, "A plan". */
  readonly plan: unknown;
  /** Names the log of this origin; tabs that connect to one name share one log and one engine. */
  readonly name: string;
  /** The URL of the package's `dist/browser/worker.js`, where no bundler puts it in place. */
  readonly worker?: string | URL;
  /** `"memory"`: a log of this page alone, gone with it. */
  readonly storage?: ConnectStorage;
  /** How long a worker, or the tab that has the log, may be silent when it is asked; 30 s. */
  readonly deadlineMs?: number;
  /**
   * False: time does not pass in silence of its own. For receive times that are no wall times, as
   * of a recording; who plays it calls `tick`.
   */
  readonly idleTicks?: boolean;
  /**
   * For how long the log is kept, as for `open`, while this page's host has it: of several tabs the
   * one that leads archives, on its page; of several connections of a page the first one says, and
   * one that gives other days or another function is refused (`retention_conflict`).
   */
  readonly retention?: Retention;
  /**
   * Hears what ends the subscriptions of this connection: `worker_gone`, `replaced` by a page with
   * a newer plan or build, or why the log could not be opened when it was this tab's turn; and what
   * ends one of them, as `Engine.subscribe`: `log_trimmed`, or a log that cannot be read.
   */
  readonly onFault?: (fault: Error) => void;
}

export interface ConnectPushOptions extends PushOptions {
  /** A `Uint8Array` that fills its buffer goes to the worker without a copy, and is empty after. */
  readonly transfer?: boolean;
}

export interface ConnectStats extends Stats {
  readonly mode: ConnectMode;
}

/** A view whose rows are promised. */
export interface ConnectView {
  rows(filter?: RowFilter): Promise<Row[]>;
}

/**
 * Connects to the log `name` and opens it if no tab has. Rejects with PlanRefused, with the
 * HostFaults of opening (`log_lost`: see `deleteLog`), and with `worker_unavailable`,
 * `worker_gone`, `storage_unavailable`, `plan_conflict`, `retention_conflict` (this page is
 * connected to `name` with another plan, or retention); with a RangeError where no name is given.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { plan, name, worker, storage = "indexeddb", retention } = options;
  // Else every page that forgot it would have the log "undefined".
  if (!name) throw new RangeError("A log has a name: connect({ plan, name }).");
  const { days, archive } = retention ?? {};
  const start = {
    plan,
    name,
    worker,
    storage,
    since: globalThis.performance.timeOrigin,
    deadlineMs: Math.min(options.deadlineMs ?? DEADLINE_MS, LONGEST_MS),
    idleTicks: options.idleTicks ?? true,
    retention: days === undefined ? null : { days, hasArchive: archive !== undefined },
  };
  const shared = await Shared.join(start, archive);
  return new Connection(shared, queriesOf(plan), options.onFault ?? (() => {}));
}

/** The members of each query's key, by its name. */
type Queries = ReadonlyMap<string, readonly string[]>;

/** Of a plan that was checked by the host. */
function queriesOf(plan: unknown): Queries {
  const { queries } = plan as { queries: { name: string; key: object }[] };
  return new Map(queries.map(({ name, key }) => [name, Object.keys(key)]));
}

export class Connection implements RowSource {
  readonly #shared: Shared;
  readonly #queries: Queries;
  readonly #views = new Map<string, FollowedView>();
  readonly #onFault: (fault: Error) => void;
  readonly #stops = new Set<() => void>();
  #told: Error | null = null;
  #ended: Promise<void> | null = null;

  /** Use `connect`. */
  constructor(shared: Shared, queries: Queries, onFault: (fault: Error) => void) {
    this.#shared = shared;
    this.#queries = queries;
    this.#onFault = onFault;
  }

  /**
   * Takes events in, as `Engine.push`. If the tab that has the log ends meanwhile, the next one is
   * sent the push again: its receipt then calls `duplicate` what was taken before.
   */
  async push(input: PushInput, options: ConnectPushOptions = {}): Promise<Receipt> {
    const { transfer = false, ...rest } = options;
    const { bytes, format } = linesOf(input, transfer);
    return this.#call("push", [bytes, format === null ? rest : { ...rest, format }], [bytes]);
  }

  /** Time passed without events: `timeMs` since 1970. */
  async tick(timeMs: number): Promise<void> {
    checkTick(timeMs);
    await this.#call("tick", [timeMs]);
  }

  /** As `Engine.release`; also rejects with `worker_gone` if the tab that has the log ends. */
  release(
    ids: readonly string[],
    options: { readonly receivedAt?: number } = {},
  ): Promise<Receipt> {
    return this.#call("release", [ids, options]);
  }

  /** As `Engine.reprocess`; also rejects with `worker_gone` if the tab that has the log ends. */
  async reprocess(query: string, range: { from: number; to: number }): Promise<Change[]> {
    this.#checkQuery(query);
    return this.#call("reprocess", [query, range]);
  }

  /** The view of a query: the latest value of its every key and window. */
  view(query: string): ConnectView {
    this.#checkQuery(query);
    return {
      rows: async (filter = {}) => decodeJson<Row[]>(await this.#call("rows", [query, filter])),
    };
  }

  /**
   * Tells `listener` the changes of a query once a push, as `Engine.subscribe`, whichever tab has
   * the log.
   */
  subscribe(
    query: string,
    listener: Listener,
    options: Pick<SubscribeOptions, "from" | "onCaughtUp"> = {},
  ): () => void {
    this.#checkQuery(query);
    const { from = "now" } = options;
    checkFrom(from);
    // Each leader says when it has caught up; of a position the first to do so is heard.
    let onCaughtUp = typeof from === "number" ? options.onCaughtUp : undefined;
    return this.#hear(query, from, (told) => {
      if (told !== null) return callListener(listener, decodeJson<Change[]>(told));
      if (onCaughtUp) callListener(onCaughtUp, undefined);
      onCaughtUp = undefined;
    });
  }

  /** The rows of a view that is followed by `onRows`, as far as they were told; else none. */
  rows(query: string, filter?: RowFilter): readonly Row[] {
    this.#checkQuery(query);
    if (filter?.key) checkKey(filter.key, this.#queries.get(query)!);
    return this.#views.get(query)?.rows(filter) ?? [];
  }

  /**
   * Follows a view: `listener` is told its rows soon, then what each push does to them, whatever
   * `emit` says. With `rows` this is what `useRows` reads.
   */
  onRows(query: string, listener: RowListener): () => void {
    this.#checkQuery(query);
    // A listener that is added twice is two listeners.
    const own: RowListener = (delta) => listener(delta);
    const view = this.#views.get(query) ?? this.#follow(query);
    this.#views.set(query, view);
    view.add(own);
    return () => {
      view.remove(own);
      // A component whose filter changes stops and follows anew at once: the rows are still there.
      queueMicrotask(() => {
        if (this.#views.get(query) === view && view.endAlone()) this.#views.delete(query);
      });
    };
  }

  #follow(query: string): FollowedView {
    return new FollowedView(this.#queries.get(query)!, (hear) =>
      this.#hear(query, "rows", (told) => told && hear(decodeJson<RowsTold>(told))),
    );
  }

  #hear(query: string, from: TellFrom, told: Hearer["told"]): () => void {
    if (this.#ended !== null) throw closed();
    // What ends it is news, though an earlier one ended so.
    this.#told = null;
    const leave = this.#shared.subscribe(query, from, {
      told,
      failed: (fault) => this.#fail(fault),
    });
    const stop = (): void => {
      leave();
      this.#stops.delete(stop);
    };
    this.#stops.add(stop);
    return stop;
  }

  /** The newest 1,000 late events of a query, oldest first. */
  async late(query: string): Promise<LateEvent[]> {
    this.#checkQuery(query);
    return this.#call("late", [query]);
  }

  /** The lines held until they are released. */
  quarantine(): Promise<QuarantineEntry[]> {
    return this.#call("quarantine", []);
  }

  /** The newest 1,000 invalid and duplicate lines since the log was opened. */
  refused(): Promise<RefusedLine[]> {
    return this.#call("refused", []);
  }

  /** Whole chunks of the log that hold positions of [from, to), in the exported form. */
  async *log(range: { from?: number; to?: number } = {}): AsyncGenerator<string, void, undefined> {
    const { from, to = Infinity } = range;
    for (let next: number | null | undefined = from; next !== null;) {
      const page: GivenBy<"log"> = await this.#call("log", [next, to]);
      yield* page.chunks;
      next = page.next;
    }
  }

  /** The events behind a number, as `Engine.explain`. */
  async explain(query: string, key: Key, window: ChangeWindow): Promise<Explanation> {
    this.#checkQuery(query);
    return this.#call("explain", [query, key, window]);
  }

  /** Walks the log's chain, as `Engine.verify`. */
  verify(range: LogRange = {}): Promise<Verified> {
    return this.#call("verify", [range]);
  }

  async stats(): Promise<ConnectStats> {
    const stats = await this.#call("stats", []);
    return { ...stats, mode: this.#shared.mode };
  }

  /** SHA-256 of the state, 64 hex digits. */
  stateHash(): Promise<string> {
    return this.#call("stateHash", []);
  }

  /** Saves the state at the present position, so that opening is fast. */
  snapshot(): Promise<{ position: number }> {
    return this.#call("snapshot", []);
  }

  /** Ends this connection; the last of a page ends its worker and lets go of the log. */
  close(): Promise<void> {
    if (this.#ended !== null) return this.#ended;
    for (const stop of this.#stops) stop();
    this.#ended = this.#shared.leave();
    return this.#ended;
  }

  #call<V extends Verb>(verb: V, words: WordsOf<V>, buffers?: Transferable[]): Promise<GivenBy<V>> {
    if (this.#ended !== null) return Promise.reject(closed());
    return this.#shared.call(verb, words, buffers);
  }

  /** Once for each fault, however many subscriptions it ends. */
  #fail(fault: Error): void {
    if (this.#told?.message === fault.message) return;
    this.#told = fault;
    callListener(this.#onFault, fault);
  }

  #checkQuery(query: string): void {
    if (!this.#queries.has(query)) throw unknownQuery(this.#queries.keys());
  }
}

/** The input as bytes in a buffer of their own; objects are lines, whatever they begin with. */
function linesOf(
  input: PushInput,
  isGiven: boolean,
): { readonly bytes: ArrayBuffer; readonly format: "ndjson" | null } {
  if (typeof input === "string") return { bytes: ownBuffer(encodeUtf8(input), true), format: null };
  if (isBytes(input)) {
    return { bytes: ownBuffer(input, isGiven), format: null };
  }
  const objects: readonly unknown[] = Array.isArray(input) ? input : [input];
  const text = Array.from(objects, lineOf).join("\n");
  return { bytes: ownBuffer(encodeUtf8(text), true), format: "ndjson" };
}

function ownBuffer(bytes: Uint8Array, isGiven: boolean): ArrayBuffer {
  const { buffer } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return isGiven && isWhole && !buffer.resizable ? buffer : new Uint8Array(bytes).buffer;
}
