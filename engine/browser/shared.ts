// A page's share of a log: one host for all connections of one name, counted. The first starts it,
// the last to close ends it, which frees the worker and the lock. Every call has its end: when the
// worker dies its lock says so at once, and one that hangs is given up after the deadline.

import { transfer, wrap, type Remote } from "comlink";
import type { Retention } from "../retention.ts";
import { HostFault } from "../store/host-fault.ts";
import { errorOf, outcomeOf, settle, type Outcome } from "./outcome.ts";
import { Patience } from "./patience.ts";
import type {
  ConnectMode,
  GivenBy,
  HostAnswer,
  HostApi,
  HostEvent,
  HostOptions,
  TellFrom,
  Verb,
  WordsOf,
} from "./protocol.ts";
import { start, type Started } from "./start.ts";

export type StartOptions = Omit<HostOptions, "aliveLock"> & {
  readonly worker: string | URL | undefined;
};

type ArchiveEvent = Extract<HostEvent, { readonly kind: "archive" }>;
type Archive = NonNullable<Retention["archive"]>;

/** Hears what is told as JSON, null where all that was was told, or what ended a subscription. */
export interface Hearer {
  told(told: ArrayBuffer | null): void;
  failed(fault: Error): void;
}

/** The hosts of this page, by storage and name. */
const shares = new Map<string, Shared>();

export class Shared {
  readonly #name: string;
  readonly #key: string;
  readonly #plan: string;
  readonly #patience: Patience;
  readonly #days: number | undefined;
  readonly #archive: Archive | undefined;
  readonly #opening: Promise<void>;
  readonly #hearers = new Map<number, Hearer>();
  /** The calls under way, with what rejects each when the host is gone. */
  readonly #calls = new Map<Promise<unknown>, (fault: HostFault) => void>();
  readonly #watching = new AbortController();
  #count = 0;
  #nextSubscription = 0;
  #started: Started | null = null;
  /** One for life: calls to a proxy that was collected never end (comlink#692). */
  #host: Remote<HostApi> | null = null;
  #events: MessagePort | null = null;
  #fault: HostFault | null = null;
  #isFollower = false;

  private constructor(options: StartOptions, archive: Archive | undefined) {
    this.#name = options.name;
    this.#key = keyOf(options);
    this.#plan = JSON.stringify(options.plan);
    this.#days = options.retention?.days;
    this.#archive = archive;
    this.#patience = new Patience(
      options.deadlineMs,
      () => void this.#host?.ping().then(() => this.#patience.heard()),
      () => this.#lose("did not answer"),
    );
    this.#opening = this.#open(options);
  }

  /** One more connection. Rejects as `open` does, and with faults of the start. */
  static async join(options: StartOptions, archive?: Archive): Promise<Shared> {
    const key = keyOf(options);
    const known = shares.get(key);
    const shared = known ?? new Shared(options, archive);
    if (shared.#plan !== JSON.stringify(options.plan)) throw planConflict(options.name);
    shared.#checkRetention(options.retention?.days, archive);
    shares.set(key, shared);
    shared.#count++;
    try {
      await shared.#opening;
    } catch (error) {
      shared.#drop();
      throw error;
    }
    return shared;
  }

  /** Where it says nothing, a connection leaves that to the one that was first. */
  #checkRetention(days: number | undefined, archive: Archive | undefined): void {
    if (days === undefined || (days === this.#days && archive === this.#archive)) return;
    const name = JSON.stringify(this.#name);
    const message = `This page is connected to ${name} with another retention`;
    const wayOut = "give the same days and the same function, or none";
    throw new HostFault("retention_conflict", `${message}: ${wayOut}.`);
  }

  async #open({ worker, ...rest }: StartOptions): Promise<void> {
    const started = await start(worker, rest.deadlineMs);
    const { aliveLock } = started;
    const options: HostOptions = { ...rest, aliveLock };
    this.#started = started;
    this.#host = wrap<HostApi>(started.port);
    if (aliveLock !== null) this.#watch(aliveLock);
    const { port1, port2 } = new MessageChannel();
    this.#events = port1;
    port1.addEventListener("message", ({ data }) => this.#hear(data as HostEvent));
    port1.start();
    settle(
      await this.#within<Outcome<null>>((host) => host.start(options, transfer(port2, [port2]))),
    );
    globalThis.document?.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "hidden") void this.#host?.hide();
      },
      { signal: this.#watching.signal },
    );
    globalThis.window?.addEventListener("pagehide", () => void this.#host?.hide(), {
      signal: this.#watching.signal,
    });
  }

  get mode(): ConnectMode {
    return this.#isFollower ? "follower" : this.#started!.mode;
  }

  /** Rejects with what the engine rejects with, and with the HostFault `worker_gone`. */
  async call<V extends Verb>(
    verb: V,
    words: WordsOf<V>,
    buffers: Transferable[] = [],
  ): Promise<GivenBy<V>> {
    const outcome = await this.#within<Outcome<HostAnswer>>((host) =>
      host.call(verb, transfer(words, buffers)),
    );
    const { value, isFollower } = settle(outcome);
    this.#isFollower = isFollower;
    return value as GivenBy<V>;
  }

  subscribe(query: string, from: TellFrom, hearer: Hearer): () => void {
    const subscription = this.#nextSubscription++;
    this.#hearers.set(subscription, hearer);
    if (this.#fault !== null) hearer.failed(this.#fault);
    else void this.#host?.subscribe(subscription, query, from);
    return () => {
      if (this.#hearers.delete(subscription)) void this.#host?.unsubscribe(subscription);
    };
  }

  /** One connection less; the last ends the host, after the calls before. */
  async leave(): Promise<void> {
    if (--this.#count > 0) return;
    this.#unshare();
    await Promise.allSettled(this.#calls.keys());
    try {
      if (this.#fault === null) await this.#within<Outcome<null>>((host) => host.close());
    } catch {
      // A host that is gone has freed everything.
    }
    this.#drop();
  }

  /** A call on the host that ends, whatever becomes of the host. */
  async #within<T>(ask: (host: Remote<HostApi>) => Promise<T>): Promise<T> {
    if (this.#fault !== null) throw this.#fault;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#calls.set(promise, reject);
    this.#patience.begin();
    try {
      ask(this.#host!).then(resolve, reject);
      return await promise;
    } finally {
      this.#patience.end();
      this.#calls.delete(promise);
    }
  }

  /** The lock is given when the worker that holds it has ended. */
  #watch(aliveLock: string): void {
    const options = { mode: "shared", signal: this.#watching.signal } as const;
    navigator.locks.request(aliveLock, options, () => this.#lose("has ended")).catch(() => {});
  }

  #lose(how: string): void {
    if (this.#fault !== null) return;
    const what = `The worker of the log ${JSON.stringify(this.#name)} ${how}`;
    this.#fault = new HostFault(
      "worker_gone",
      `${what}: what it acknowledged is kept; connect again.`,
    );
    // First, so that who hears of it and connects again at once starts another host.
    this.#drop();
    for (const reject of this.#calls.values()) reject(this.#fault);
    for (const hearer of this.#hearers.values()) hearer.failed(this.#fault);
  }

  /** Who connects from now on starts another host. */
  #unshare(): void {
    if (shares.get(this.#key) === this) shares.delete(this.#key);
  }

  #drop(): void {
    this.#watching.abort();
    this.#unshare();
    this.#started?.terminate();
    this.#started?.port.close();
    this.#events?.close();
  }

  #hear(event: HostEvent): void {
    this.#patience.heard();
    if (event.kind === "told") {
      this.#hearers.get(event.subscription)?.told(event.told);
      return;
    }
    if (event.kind === "ping") return void this.#host?.alive();
    if (event.kind === "archive") return void this.#give(event);
    if (event.outcome.fault === undefined) return;
    const fault = errorOf(event.outcome.fault);
    const { subscription: own } = event;
    if (own === undefined) this.#unshare();
    for (const [subscription, hearer] of this.#hearers) {
      if (own === undefined || own === subscription) hearer.failed(fault);
    }
  }

  /** To the page's archive; what that says goes back to the host. */
  async #give({ id, position, endPosition, bytes }: ArchiveEvent): Promise<void> {
    const outcome = await outcomeOf(async () => {
      await this.#archive?.({ position, endPosition, bytes: new Uint8Array(bytes) });
      return null;
    });
    await this.#host?.archived(id, outcome);
  }
}

/** A log in memory is another than the one of its name that is kept. */
function keyOf({ storage, name }: StartOptions): string {
  return `${storage}:${name}`;
}

function planConflict(name: string): HostFault {
  const message = `This page is connected to ${JSON.stringify(name)} with another plan`;
  return new HostFault("plan_conflict", `${message}: close that connection first.`);
}
