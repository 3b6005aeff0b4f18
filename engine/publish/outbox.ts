// The outbox: facts that are not yet known to have arrived, in the order in which they were
// published, and until when the server asked to be left alone. Here are what an outbox does and the
// one in memory; indexeddb.ts and sqlite.ts keep theirs.

import type { MaybePromise } from "../store/store.ts";

export interface Fact {
  /** Grows in the order of publishing, from 1; never used again. */
  readonly number: number;
  /** The event as JSON, without a newline: what is sent is the same on every try. */
  readonly line: string;
}

/** Nothing is sent before `untilMs`, as it was decided at `fromMs`; both since 1970. */
export interface BackOff {
  /** Tries that failed, one after another. */
  readonly attempts: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface Outbox {
  /** The same for all that share these facts, so that one of them sends; null where none does. */
  readonly name: string | null;
  /** Keeps all of these or none; they are durable when it resolves. Rejects with a HostFault. */
  append(lines: readonly string[]): MaybePromise<void>;
  /** At most `count` facts with numbers greater than `after`, oldest first. */
  read(after: number, count: number): MaybePromise<readonly Fact[]>;
  /** Forgets facts by number, and remembers a back-off in place of the last: both or neither. */
  settle(numbers: readonly number[], backOff: BackOff | null): MaybePromise<void>;
  /** `"lost"`: the outbox before this one was deleted with its facts, and nobody was told yet. */
  backOff(): MaybePromise<BackOff | "lost" | null>;
  count(): MaybePromise<number>;
  /** Lets go of what it holds open; the facts stay. */
  close(): MaybePromise<void>;
}

/** An outbox that lives as long as this object does. */
export function memory(): Outbox {
  return new MemoryOutbox();
}

class MemoryOutbox implements Outbox {
  readonly name = null;
  /** In the order of numbers, which is that of insertion. */
  readonly #facts = new Map<number, Fact>();
  #last = 0;
  #backOff: BackOff | null = null;

  append(lines: readonly string[]): void {
    for (const line of lines) this.#facts.set(++this.#last, { number: this.#last, line });
  }

  read(after: number, count: number): readonly Fact[] {
    const facts: Fact[] = [];
    for (const fact of this.#facts.values()) {
      if (facts.length === count) break;
      if (fact.number > after) facts.push(fact);
    }
    return facts;
  }

  settle(numbers: readonly number[], backOff: BackOff | null): void {
    for (const number of numbers) this.#facts.delete(number);
    this.#backOff = backOff;
  }

  backOff(): BackOff | null {
    return this.#backOff;
  }

  count(): number {
    return this.#facts.size;
  }

  close(): void {}
}
