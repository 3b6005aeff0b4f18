// A tab of the simulation: a publisher with a host and an outbox that take virtual time and can
// fail. When it is dropped, nothing that it waits for ever comes, as when a page is reloaded: what
// it was writing is written or is not, what it had sent may still arrive.

import { gzipSync } from "node:zlib";
import { publisher, type Outbox, type Publisher } from "../../engine/publish/index.ts";
import type { MaybePromise } from "../../engine/store/store.ts";
import type { Random } from "../twin/random.ts";
import { linesOf, type Ending } from "./simulated-server.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What all tabs of an origin share, and who watches them. */
export interface Origin {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** The facts themselves, which outlive every tab. */
  readonly facts: Outbox;
  readonly locks: SimulatedLocks;
  /** How often a call to the outbox fails, 0 to 1. */
  failing: number;
  token(): string;
  answer(init: RequestInit): Promise<Ending>;
  /** A request leaves a tab. */
  asked(tab: SimulatedTab, init: RequestInit): void;
  /** What a tab, if it is still there, hears of its request; null where it gave up or heard nothing. */
  heard(tab: SimulatedTab, answer: Response | null): void;
  appended(lines: readonly string[]): void;
  /** The tab's back-off is written. */
  kept(tab: SimulatedTab): void;
  outboxFailed(): void;
  fault(fact: unknown, code: string): void;
}

export class SimulatedTab {
  readonly publisher: Publisher;
  readonly #origin: Origin;
  readonly #number: number;
  isAlive = true;
  isSending = false;
  /** Of the last request. */
  lineCount = 0;
  /** Writes under way: what is done if the tab is dropped now. */
  readonly #writes = new Set<() => void>();
  #online: () => void = () => {};

  constructor(origin: Origin, number: number) {
    this.#origin = origin;
    this.#number = number;
    const { clock, random } = origin;
    this.publisher = publisher({
      url: "https://edge.test/v1/events",
      store: this.#outbox(),
      token: () => this.#token(),
      onFault: (fact, { code }) => origin.fault(fact, code),
      now: () => clock.nowMs,
      random: () => random.below(1000) / 1000,
      setTimer: (run, ms) => clock.after(ms, () => this.isAlive && run()),
      gzip: async (bytes) => new Uint8Array(gzipSync(bytes, { level: 1 })),
      fetch: (_, init) => this.#fetch(init),
      lock: (name, signal, work) => origin.locks.request(this, name, signal, work),
      onOnline: (listener) => {
        this.#online = listener;
        return () => (this.#online = () => {});
      },
    });
  }

  toString(): string {
    return `tab ${this.#number}`;
  }

  goOnline(): void {
    this.#online();
  }

  /** The page ends, at this instant. */
  drop(): void {
    this.isAlive = false;
    for (const write of this.#writes) if (this.#origin.random.chance(0.5)) write();
    this.#writes.clear();
    this.#origin.locks.release(this);
  }

  /** Nothing a dead page waits for ever comes. */
  #later<Value>(ms: number, value: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#origin.clock.after(ms, () => {
        if (!this.isAlive) return;
        try {
          resolve(value());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  async #token(): Promise<string> {
    const { random } = this.#origin;
    if (random.chance(0.05)) return await new Promise(() => {});
    return await this.#later(random.below(50), () => {
      if (random.chance(0.1)) throw new Error("Nobody gives tokens now.");
      return random.chance(0.1) ? "forged" : this.#origin.token();
    });
  }

  // ── the outbox ───────────────────────────────────────────────────────────────────────────────

  #outbox(): Outbox {
    const { facts } = this.#origin;
    return {
      name: "simulated",
      append: (lines) =>
        this.#write(() => {
          void facts.append(lines);
          this.#origin.appended(lines);
        }),
      settle: (numbers, backOff) =>
        this.#write(() => {
          void facts.settle(numbers, backOff);
          if (backOff !== null) this.#origin.kept(this);
        }),
      read: (after, count) => this.#call(() => facts.read(after, count)),
      backOff: () => this.#call(() => facts.backOff()),
      count: () => this.#call(() => facts.count()),
      close: () => {},
    };
  }

  /** Half of the time passes before the work is done, half before the caller knows. */
  async #call<Value>(work: () => MaybePromise<Value>): Promise<Value> {
    const { random, failing } = this.#origin;
    const isFailing = random.chance(failing);
    const result = await this.#later(random.below(5), () => {
      if (!isFailing) return work();
      this.#origin.outboxFailed();
      throw new Error("The disk is full.");
    });
    return await this.#later(random.below(5), () => result);
  }

  async #write(work: () => MaybePromise<void>): Promise<void> {
    const once = (): void => {
      this.#writes.delete(once);
      void work();
    };
    this.#writes.add(once);
    try {
      await this.#call(once);
    } finally {
      this.#writes.delete(once);
    }
  }

  // ── the network ──────────────────────────────────────────────────────────────────────────────

  async #fetch(init: RequestInit): Promise<Response> {
    const { clock, random } = this.#origin;
    this.#origin.asked(this, init);
    this.isSending = true;
    this.lineCount = linesOf(init).length;
    const signal = init.signal!;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const end = (answer: Response | null): void => {
      if (!this.isAlive || !this.isSending) return;
      this.isSending = false;
      this.#origin.heard(this, answer);
      if (answer === null) reject(new TypeError("fetch failed"));
      else resolve(answer);
    };
    signal.addEventListener("abort", () => end(null));
    // It arrives even if the page is gone by then.
    clock.after(random.below(300), () => {
      void this.#origin.answer(init).then((ending) => {
        if (ending === "never") return;
        clock.after(random.below(300), () => end(ending === "failed" ? null : ending));
      });
    });
    return await promise;
  }
}

interface Waiting {
  readonly tab: SimulatedTab;
  readonly run: () => void;
}

/** Web Locks of one name: who asks first has it first, and a page that ends lets go. */
export class SimulatedLocks {
  readonly #clock: VirtualClock;
  #holder: SimulatedTab | null = null;
  readonly #waiting: Waiting[] = [];

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  request(
    tab: SimulatedTab,
    _: string,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = {
      tab,
      run: () => {
        this.#holder = tab;
        void work().then(() => {
          if (!tab.isAlive) return;
          this.release(tab);
          resolve();
        }, reject);
      },
    };
    signal.addEventListener("abort", () => {
      const at = this.#waiting.indexOf(waiting);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      reject(signal.reason as Error);
    });
    this.#waiting.push(waiting);
    this.#grant();
    return promise;
  }

  release(tab: SimulatedTab): void {
    for (const waiting of this.#waiting.filter((each) => each.tab === tab && !tab.isAlive)) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    }
    if (this.#holder !== tab) return;
    this.#holder = null;
    this.#grant();
  }

  #grant(): void {
    this.#clock.after(1, () => {
      if (this.#holder === null) this.#waiting.shift()?.run();
    });
  }
}
