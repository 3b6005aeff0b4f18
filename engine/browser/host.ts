// A host: what stands behind the pages' `connect`, in a worker or in the page itself. Of the hosts
// of one log in all tabs, one holds the lock and leads: it alone opens the store. The others
// follow: they send their calls over a BroadcastChannel to the leader, and wait for the lock. The
// browser gives it to the next when its holder ends, however that came about.
//
//   contend ── lock ──► open ──► lead ── a newer host asks, or close ──► close engine ──► let go
//      │                                                                                    │
//      └──── meanwhile: follow whoever says that it leads ◄─────────────────────────────────┘

import { checkPlan } from "../query/plan.ts";
import { PlanRefused } from "../query/plan-refused.ts";
import { checkDays } from "../retention.ts";
import { HostFault } from "../store/host-fault.ts";
import { Archiving } from "./archiving.ts";
import { Calls, type Call } from "./calls.ts";
import { Leader } from "./leader.ts";
import { closed, failed, outcomeOf, type Outcome } from "./outcome.ts";
import { Patience } from "./patience.ts";
import {
  BUILD,
  channelOf,
  lockOf,
  type HostAnswer,
  type HostEvent,
  type HostOptions,
  type Introduction,
  type TabLetter,
  type TabMessage,
  type TabNews,
  type TellFrom,
  type Verb,
  type WordsOf,
} from "./protocol.ts";
import { fingerprintOf, newId, replacedFault, replaces } from "./standing.ts";
import { Told } from "./told.ts";

export class Host {
  readonly #options: HostOptions;
  readonly #emit: (event: HostEvent, transfer?: Transferable[]) => void;
  readonly #patience: Patience;
  readonly #calls: Calls;
  readonly #told: Told;
  readonly #archiving: Archiving;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ending = new AbortController();
  readonly #followers = new Set<string>();
  #who: Introduction;
  #channel: BroadcastChannel | null = null;
  #contending: Promise<void> | null = null;
  /** True while this host has the lock, the engine open or not. */
  #holdsLock = false;
  #leader: Leader | null = null;
  #letGo = Promise.withResolvers<void>();
  /** The engine that led here last is closed, and the lock let go. */
  #handedOver: Promise<void> = Promise.resolve();
  /** A newer host that asked while the engine was being opened. */
  #isAskedToGo = false;
  /** The leader that this host follows. */
  #other: Introduction | null = null;
  #fault: Outcome<never> | null = null;

  constructor(options: HostOptions, emit: (event: HostEvent, transfer?: Transferable[]) => void) {
    this.#options = options;
    this.#emit = emit;
    const { since, aliveLock } = options;
    this.#who = { host: newId(), build: BUILD, fingerprint: "", since, aliveLock };
    this.#patience = new Patience(
      options.deadlineMs,
      () => this.#askForLife(),
      () => this.#giveUp(),
    );
    this.#calls = new Calls(this.#patience);
    this.#archiving = new Archiving(options.deadlineMs, emit);
    this.#told = new Told(this.#who.host, (subscription, told) => {
      this.#emit({ kind: "told", subscription, told }, told === null ? [] : [told]);
    });
  }

  /** Resolves when the log is open, here or in another tab. Rejects as `open` does. */
  async start(): Promise<void> {
    const { plan, faults } = checkPlan(this.#options.plan);
    if (plan === null) throw new PlanRefused(faults);
    checkDays(this.#options.retention);
    if (this.#options.storage === "memory") return this.#lead();
    if (globalThis.navigator?.locks === undefined) throw noLocks();
    const aliveLock = this.#who.aliveLock ?? (await this.#live());
    this.#who = { ...this.#who, aliveLock, fingerprint: await fingerprintOf(plan.source) };
    this.#channel = new BroadcastChannel(channelOf(this.#options.name));
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data as TabMessage));
    this.#patience.begin();
    this.#post({ kind: "follows", who: this.#who });
    this.#contending = this.#contend();
    await this.#ready.promise.finally(() => this.#patience.end());
  }

  /** A host without a worker has a lock of its own, which is free when its page is gone. */
  async #live(): Promise<string> {
    const name = `millrace-alive:${this.#who.host}`;
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.#ending.signal.addEventListener("abort", () => end());
    await new Promise<void>((hold, refuse) => {
      const held = navigator.locks.request(name, () => {
        hold();
        return ended;
      });
      // Where a page may keep nothing, as in a sandboxed frame.
      held.catch(() => refuse(noLocks()));
    });
    return name;
  }

  // ── the page's calls ─────────────────────────────────────────────────────────────────────────

  call(verb: Verb, words: readonly unknown[]): Promise<Outcome<HostAnswer>> {
    if (this.#fault !== null) return Promise.resolve(this.#fault);
    if (this.#ending.signal.aborted) return Promise.resolve(failed(closed()));
    return new Promise((resolve) => {
      this.#ask(this.#calls.add(verb, words, resolve));
    });
  }

  subscribe(subscription: number, query: string, from: TellFrom): void {
    if (this.#fault !== null) return this.#end(subscription, this.#fault);
    this.#told.add(subscription, query, from);
    this.#attach(subscription);
  }

  unsubscribe(subscription: number): void {
    this.#told.remove(subscription);
    this.#leader?.unsubscribe(this.#told.idOf(subscription));
    if (this.#other === null) return;
    const { host } = this.#who;
    this.#post({ kind: "unsubscribe", to: this.#other.host, subscription: { host, subscription } });
  }

  archived(id: number, outcome: Outcome<null>): void {
    this.#archiving.settle(id, outcome);
  }

  /** The page lives, whose archive has a chunk. */
  heard(): void {
    this.#archiving.heard();
  }

  hide(): void {
    void this.#leader?.save();
  }

  /** Ends what runs here, after the calls before, and lets go of the lock. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#archiving.close();
    await this.#handOver();
    await this.#contending;
    this.#calls.settleAll(failed(closed()));
    this.#post({ kind: "leaves", host: this.#who.host });
    this.#channel?.close();
    this.#channel = null;
  }

  // ── leading ──────────────────────────────────────────────────────────────────────────────────

  async #contend(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted && this.#fault === null) {
      try {
        await navigator.locks.request(lockOf(this.#options.name), { signal }, async () => {
          this.#holdsLock = true;
          await this.#lead();
          if (this.#leader !== null) await this.#letGo.promise;
        });
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      } finally {
        this.#holdsLock = false;
      }
    }
  }

  async #lead(): Promise<void> {
    this.#isAskedToGo = false;
    // It has let go. Should it lead again, it is a leader anew.
    this.#other = null;
    const retention = this.#archiving.retentionOf(this.#options);
    const applied = (position: number): void => this.#noteApplied(position);
    const leader = await Leader.open(this.#options, retention, applied);
    if (this.#ending.signal.aborted || this.#isAskedToGo) return leader.close().catch(() => {});
    this.#leader = leader;
    this.#letGo = Promise.withResolvers<void>();
    this.#post({ kind: "leads", who: this.#who, position: leader.position });
    this.#beginWithLeader(leader.position);
  }

  /** To whoever waits for the lock: saved, closed, let go. */
  #handOver(): Promise<void> {
    const leader = this.#leader;
    this.#leader = null;
    if (leader !== null) {
      // A failing last snapshot costs time at the next open, and is not worth the lock.
      const closed = leader.close().catch(() => {});
      this.#handedOver = closed.then(() => this.#letGo.resolve());
    }
    return this.#handedOver;
  }

  /** There is a leader, this host or another: asks it what was not answered. */
  #beginWithLeader(position: number): void {
    this.#ready.resolve();
    for (const call of this.#calls.takeOver()) this.#ask(call);
    for (const subscription of this.#told.begin(position)) this.#attach(subscription);
  }

  #noteApplied(position: number): void {
    this.#told.applied(position);
    if (this.#followers.size === 0) return;
    this.#post({ kind: "applied", from: this.#who.host, position });
  }

  // ── asking the leader, whoever it is ─────────────────────────────────────────────────────────

  #ask(call: Call): void {
    const { id, verb, words } = call;
    if (this.#leader !== null) {
      call.askedOf = this.#who.host;
      void outcomeOf(() => this.#perform(verb, words)).then((outcome) => {
        this.#calls.settle(id, answered(outcome, false));
      });
    } else if (this.#other !== null) {
      const fault = replacedFault(this.#who, this.#other, verb);
      if (fault !== null) return this.#calls.settle(id, failed(fault));
      call.askedOf = this.#other.host;
      this.#post({ kind: "call", to: this.#other.host, from: this.#who.host, id, verb, words });
    }
  }

  async #perform<V extends Verb>(verb: V, words: readonly unknown[]): Promise<unknown> {
    if (this.#leader === null) throw closed();
    return this.#leader.perform(verb, words as WordsOf<V>);
  }

  #attach(subscription: number): void {
    const { query, from } = this.#told.startOf(subscription);
    if (this.#leader !== null) {
      const tell = this.#told.hearerOf(subscription);
      const fail = (fault: unknown): void => this.#end(subscription, failed(fault));
      this.#leader.subscribe(this.#told.idOf(subscription), query, from, tell, fail);
    } else if (this.#other !== null) {
      const fault = replacedFault(this.#who, this.#other);
      if (fault !== null) {
        return this.#emit({ kind: "fault", outcome: failed(fault), subscription });
      }
      const place = { host: this.#who.host, subscription };
      const to = this.#other.host;
      this.#post({ kind: "subscribe", to, subscription: place, query, start: from });
    }
  }

  /** It has ended, here or by its leader: the next one is not asked for it. */
  #end(subscription: number, outcome: Outcome<never>): void {
    this.#told.remove(subscription);
    this.#emit({ kind: "fault", outcome, subscription });
  }

  #askForLife(): void {
    // While this host is opening the log it need not ask; the page asks it.
    if (this.#holdsLock || this.#leader !== null) this.#patience.heard();
    else this.#post({ kind: "ping" });
  }

  #giveUp(): void {
    const message = "The tab that has this log does not answer: close it, and call again.";
    const fault = new HostFault("worker_gone", message);
    this.#ready.reject(fault);
    this.#calls.settleAll(failed(fault));
  }

  #fail(error: unknown): void {
    this.#fault = failed(error);
    this.#ready.reject(error);
    this.#calls.settleAll(this.#fault);
    this.#emit({ kind: "fault", outcome: this.#fault });
  }

  // ── other tabs ───────────────────────────────────────────────────────────────────────────────

  #hear(message: TabMessage): void {
    switch (message.kind) {
      case "follows":
        return this.#meet(message.who);
      case "leads":
        return this.#follow(message.who, message.position);
      case "leaves":
        return this.#forget(message.host);
      case "ping":
        return this.#holdsLock ? this.#post({ kind: "pong" }) : undefined;
      case "pong":
        return this.#patience.heard();
      case "told":
      case "ended":
      case "applied":
        return message.from === this.#other?.host ? this.#listen(message) : undefined;
      default:
        return message.to === this.#who.host ? this.#serve(message) : undefined;
    }
  }

  #meet(who: Introduction): void {
    if (!this.#holdsLock) return;
    this.#note(who);
    if (replaces(who, this.#who)) {
      if (this.#leader === null) this.#isAskedToGo = true;
      else void this.#handOver();
    } else if (this.#leader !== null) {
      this.#post({ kind: "leads", who: this.#who, position: this.#leader.position });
    }
  }

  /** Who follows; one that ends without a word is known by its lock. */
  #note({ host, aliveLock }: Introduction): void {
    if (this.#followers.has(host)) return;
    this.#followers.add(host);
    if (aliveLock === null) return;
    // Shared: its page waits for the lock, too.
    const options = { mode: "shared", signal: this.#ending.signal } as const;
    navigator.locks.request(aliveLock, options, () => this.#forget(host)).catch(() => {});
  }

  #forget(host: string): void {
    this.#followers.delete(host);
    this.#leader?.unsubscribeAll(`${host}/`);
  }

  #follow(who: Introduction, position: number): void {
    this.#patience.heard();
    // What a leader said before it let go may come late.
    if (this.#holdsLock || this.#other?.host === who.host) return;
    // The leader knows who follows it; a newer one so asks it to hand over, and waits.
    this.#post({ kind: "follows", who: this.#who });
    if (replaces(this.#who, who)) return;
    this.#other = who;
    this.#beginWithLeader(position);
  }

  /** What another host asks of this one, or answers. */
  #serve(message: TabLetter): void {
    if (message.kind === "answer") {
      this.#patience.heard();
      return this.#calls.settle(message.id, answered(message.outcome, true));
    }
    // Who was asked while it handed over says nothing: the next leader is asked again.
    const leader = this.#leader;
    if (leader === null) return;
    if (message.kind === "call") {
      const { from, id, verb, words } = message;
      void outcomeOf(() => this.#perform(verb, words)).then((outcome) => {
        this.#post({ kind: "answer", to: from, id, outcome });
      });
      return;
    }
    const { host, subscription } = message.subscription;
    const id = `${host}/${subscription}`;
    if (message.kind === "unsubscribe") return leader.unsubscribe(id);
    const place = { from: this.#who.host, subscription: message.subscription };
    leader.subscribe(
      id,
      message.query,
      message.start,
      (told, through) => this.#post({ kind: "told", ...place, told, through }),
      (fault) => this.#post({ kind: "ended", ...place, outcome: failed(fault) }),
    );
  }

  /** What the leader tells those who follow it. */
  #listen(message: TabNews): void {
    this.#patience.heard();
    if (message.kind === "applied") return this.#told.applied(message.position);
    if (message.subscription.host !== this.#who.host) return;
    const { subscription } = message.subscription;
    if (message.kind === "ended") return this.#end(subscription, message.outcome);
    this.#told.hearerOf(subscription)(message.told, message.through);
  }

  #post(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }
}

function answered(outcome: Outcome<unknown>, isFollower: boolean): Outcome<HostAnswer> {
  return outcome.fault === undefined ? { value: { value: outcome.value, isFollower } } : outcome;
}

function noLocks(): HostFault {
  const message = "There are no Web Locks here, so tabs cannot keep one writer";
  const wayOut = `serve the page over HTTPS or from localhost, or pass { storage: "memory" }`;
  return new HostFault("storage_unavailable", `${message}: ${wayOut}.`);
}
