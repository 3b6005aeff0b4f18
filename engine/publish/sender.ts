// The sender: takes facts from the outbox in batches, in order, and forgets them by receipts only.
// One session runs at a time over an outbox, under its lock; it ends when the outbox is empty.
//
//   wake → lock → wait (back-off) → read a batch → POST → receipt   forget what is done, go on
//                      ▲                               └→ 413, 422  a smaller batch
//                      └───────────────────────────────── else      a longer back-off, kept
//
// The lock stays held while a back-off lasts, and the back-off is kept with the facts: neither
// another tab nor a reload comes to the server before its time.
//
// Where nobody can be reached whom a page of facts or more is for, the server says so of each
// (`unavailable`), and after the back-off those behind come first: one that is out of reach keeps
// no facts from the others. Once less than a page of a batch is out of reach, or the last fact was
// tried, the oldest come again.

import type { MaybePromise } from "../store/store.ts";
import { backOffAfter, rebased, retryAfterMs } from "./back-off.ts";
import type { Host } from "./host.ts";
import type { BackOff, Fact, Outbox } from "./outbox.ts";
import { receiptOf, type Fault, type PublishReceipt } from "./receipt.ts";

/** A function is asked once, and again after a 401; undefined sends no `Authorization`. */
export type Token = string | (() => MaybePromise<string | undefined>);

export interface SenderStats {
  /** Facts that receipts took, duplicates and quarantined ones included. */
  readonly sent: number;
  readonly duplicate: number;
  readonly quarantined: number;
  /** What was told to `onFault`, or would have been. */
  readonly faults: number;
  /** When a failed try is made again, ms since 1970; null where the last one succeeded. */
  readonly retryAt: number | null;
  /** Why it failed, for a person. */
  readonly problem: string | null;
}

/** The edge takes 10,000 events and 4 MiB: a tenth, and UTF-16 units that are 3 MiB at most. */
export const BATCH_FACTS_MAX = 1000;
export const BATCH_LENGTH_MAX = 1 << 20;
/** The edge unpacks to at most 100 times what was sent; what is more alike goes unpacked. */
export const PACKED_RATIO_MAX = 100;
const PAGE_FACTS = 100;
/** A server that does not answer for so long is given up; its facts are sent again. */
export const DEADLINE_MS = 60_000;

const TOO_LARGE: Fault = {
  code: "too_large",
  pointer: "",
  message: "Too large: publish a smaller one.",
};
const OUTBOX_LOST: Fault = {
  code: "outbox_lost",
  pointer: "",
  message: "The outbox is lost: publish its events again.",
};

export interface SenderOptions {
  /** Where facts are posted: the Worker's `/v1/events`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: Token;
  /**
   * Called with a fact that the server refused for good, before it is forgotten: at least once,
   * again only if the page ended in between; with its text where the outbox came to harm and that
   * is no JSON any more. What it throws nobody catches; the fact is done.
   * Called with null and `outbox_lost` when the browser has deleted the outbox (or somebody, by
   * hand): what waited in it, if anything, is lost.
   */
  readonly onFault?: (fact: unknown, fault: Fault) => void;
}

interface Answer {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly problem: string;
  readonly askedMs: number | null;
  readonly receipt: PublishReceipt | null;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #outbox: Outbox;
  readonly #host: Host;
  readonly #closing = new AbortController();
  readonly #stopOnline: () => void;
  #session: Promise<void> | null = null;
  #isClosing = false;
  /** Something was published since the outbox was read. */
  #isWoken = false;
  #backOff: BackOff | null = null;
  /** Ends the pause or the request under way. */
  #interrupt = (): void => {};
  /** The last try reached nobody: an `online` event may end its back-off. */
  #isOffline = false;
  /** Facts of the next batch; a server that takes fewer has halved it. */
  #limit = BATCH_FACTS_MAX;
  /** The next batch begins behind this fact: those whom the facts before it are for are away. */
  #after = 0;
  /** Null before it is asked for. */
  #token: { readonly value: string | undefined } | null = null;
  /** The server took it once: a 401 then means that it is too old. */
  #isTokenTaken = false;
  readonly #counts = { sent: 0, duplicate: 0, quarantined: 0, faults: 0 };
  #problem: string | null = null;

  constructor(options: SenderOptions, outbox: Outbox, host: Host) {
    this.#options = options;
    this.#outbox = outbox;
    this.#host = host;
    this.#stopOnline = host.onOnline(() => {
      if (!this.#isOffline) return;
      this.#backOff = null;
      this.#interrupt();
    });
  }

  /** There may be something to send. */
  wake(): void {
    this.#isWoken = true;
    this.#session ??= this.#runSession();
  }

  stats(): SenderStats {
    return { ...this.#counts, retryAt: this.#backOff?.untilMs ?? null, problem: this.#problem };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#closing.abort();
    this.#stopOnline();
    this.#interrupt();
    await this.#session;
  }

  // ── a session ────────────────────────────────────────────────────────────────────────────────

  async #runSession(): Promise<void> {
    const { name } = this.#outbox;
    const { signal } = this.#closing;
    try {
      await (name ? this.#host.lock(name, signal, () => this.#drain()) : this.#drain());
    } catch (error) {
      // Only the lock can fail, and closing ends the wait for it.
      this.#session = null;
      if (!this.#isClosing) throw error;
    }
  }

  /** Sends until nothing is left; ends in the turn in which that is seen, so no wake is lost. */
  async #drain(): Promise<void> {
    let isKnown = false;
    while (!this.#isClosing) {
      try {
        await this.#waitForTurn();
        if (!isKnown) {
          const known = await this.#outbox.backOff();
          isKnown = true;
          if (known === "lost") {
            this.#tellFault("null", OUTBOX_LOST);
            await this.#outbox.settle([], null);
          } else this.#backOff = known;
          continue;
        }
        this.#isWoken = false;
        const facts = await this.#nextBatch();
        if (facts.length) await this.#send(facts);
        else if (this.#after) this.#after = 0;
        else if (!this.#isWoken) {
          this.#session = null;
          return;
        }
      } catch (error) {
        // The outbox itself. What the server asked for still holds, though it could not be kept.
        this.#fail(String(error), (this.#backOff?.untilMs ?? 0) - this.#host.now());
      }
    }
  }

  async #waitForTurn(): Promise<void> {
    while (this.#backOff && !this.#isClosing) {
      const now = this.#host.now();
      this.#backOff = rebased(this.#backOff, now);
      const leftMs = this.#backOff.untilMs - now;
      if (leftMs <= 0) return;
      await new Promise<void>((resolve) => {
        const cancel = this.#host.setTimer(resolve, leftMs);
        this.#interrupt = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  /** The oldest facts, as many as fit; one at least, however long. */
  async #nextBatch(): Promise<readonly Fact[]> {
    const facts: Fact[] = [];
    let length = 0;
    for (;;) {
      const asked = Math.min(PAGE_FACTS, this.#limit - facts.length);
      const page = await this.#outbox.read(facts.at(-1)?.number ?? this.#after, asked);
      for (const fact of page) {
        length += fact.line.length + 1;
        if (length > BATCH_LENGTH_MAX && facts.length) return facts;
        facts.push(fact);
      }
      if (page.length < asked || facts.length === this.#limit) return facts;
    }
  }

  // ── a batch ──────────────────────────────────────────────────────────────────────────────────

  async #send(facts: readonly Fact[]): Promise<void> {
    if (this.#isClosing) return;
    this.#isOffline = false;
    const { status, problem, askedMs, receipt } = await this.#ask(facts);
    this.#isOffline = !status;
    if (!status && this.#isClosing) return;
    let done: readonly Fact[] = [];
    if (receipt) done = this.#take(facts, receipt);
    else if (status === 413 && facts.length === 1 && askedMs === null) {
      this.#tellFault(facts[0]!.line, TOO_LARGE);
      done = facts;
    } else if (this.#isWorthAnother(status, facts.length) && askedMs === null) return;
    if (done.length) this.#backOff = null;
    this.#after = receipt && facts.length - done.length >= PAGE_FACTS ? facts.at(-1)!.number : 0;
    if (facts.length > done.length) this.#fail(problem, askedMs);
    else this.#problem = null;
    await this.#outbox.settle(
      done.map(({ number }) => number),
      this.#backOff,
    );
  }

  /** The facts that the receipt accounts for. */
  #take(facts: readonly Fact[], receipt: PublishReceipt): readonly Fact[] {
    const { duplicate, invalid, quarantined, unavailable } = receipt;
    for (const { index, ...fault } of invalid) this.#tellFault(facts[index]!.line, fault);
    const done = facts.filter((_, index) => !unavailable.includes(index));
    this.#counts.sent += done.length - invalid.length;
    this.#counts.duplicate += duplicate;
    this.#counts.quarantined += quarantined.length;
    this.#isTokenTaken = true;
    // Slowly back to where it was: the server, or a proxy, may take no more than it took now.
    if (facts.length === this.#limit) {
      this.#limit = Math.min(BATCH_FACTS_MAX, this.#limit + Math.ceil(this.#limit / 8));
    }
    return done;
  }

  /** Whether a try of another kind may succeed at once: a smaller batch, or with a new token. */
  #isWorthAnother(status: number, count: number): boolean {
    if (status === 401) {
      const wasTaken = this.#isTokenTaken;
      this.#isTokenTaken = false;
      this.#token = null;
      return wasTaken;
    }
    if (count === 1 || (status !== 413 && status !== 422)) return false;
    this.#limit = Math.ceil(count / 2);
    return true;
  }

  async #ask(facts: readonly Fact[]): Promise<Answer> {
    // One of its own, not one made from `#closing`: that would be kept as long as this is.
    const controller = new AbortController();
    const aborted = new Promise<never>((_, reject) => {
      this.#interrupt = () => {
        controller.abort();
        reject(new Error("Got no answer."));
      };
    });
    const cancel = this.#host.setTimer(this.#interrupt, DEADLINE_MS);
    try {
      return await Promise.race([aborted, this.#post(facts, controller.signal)]);
    } catch (error) {
      // In Node it is the cause that says why; that of several errors has no message. A token may
      // be refused with nothing.
      const reason = error as { cause?: { message?: string } } | undefined;
      const problem = reason?.cause?.message || String(error);
      return { status: 0, problem, askedMs: null, receipt: null };
    } finally {
      cancel();
    }
  }

  /** Rejects when there is no answer: no network, no token, or given up. */
  async #post(facts: readonly Fact[], signal: AbortSignal): Promise<Answer> {
    const { url, token } = this.#options;
    this.#token ??= { value: typeof token === "function" ? await token() : token };
    const plain = new TextEncoder().encode(facts.map(({ line }) => line).join("\n"));
    const packed = await this.#host.gzip(plain);
    const isPacked =
      plain.length > packed.length && plain.length <= packed.length * PACKED_RATIO_MAX;
    const headers = {
      "Content-Type": "application/x-ndjson",
      ...(isPacked && { "Content-Encoding": "gzip" }),
      ...(this.#token.value && { Authorization: `Bearer ${this.#token.value}` }),
    };
    const response = await this.#host.fetch(url, {
      method: "POST",
      headers,
      body: isPacked ? packed : plain,
      signal,
    });
    const said: unknown = await response.json().catch(() => null);
    const { status } = response;
    return {
      status,
      problem: `Got HTTP ${status}.`,
      askedMs: retryAfterMs(response.headers, this.#host.now()),
      receipt: receiptOf(said, facts.length),
    };
  }

  #fail(problem: string, askedMs: number | null): void {
    this.#problem = problem;
    this.#backOff = backOffAfter(
      this.#backOff?.attempts ?? 0,
      askedMs,
      this.#host.now(),
      this.#host.random(),
    );
  }

  #tellFault(fact: unknown, fault: Fault): void {
    this.#counts.faults++;
    try {
      fact = JSON.parse(fact as string);
    } catch {
      // Damaged where it was kept: what is left of it.
    }
    try {
      this.#options.onFault?.(fact, fault);
    } catch (error) {
      // The fact is done all the same; the host hears of the error as of any that nobody caught.
      void Promise.reject(error);
    }
  }
}
