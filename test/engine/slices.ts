// The pace of a rebuild in the hands of a test: each slice is one piece, and the next one waits until
// it is asked for. And a store whose process can be killed: what it holds outlives it.

import type { Engine, Store } from "../../engine/index.ts";
import type { Pace } from "../../engine/rebuild/pace.ts";

export class Slices implements Pace {
  readonly entries: number;
  #goOn: (() => void) | null = null;
  /** How many entries each piece had. */
  readonly pieces: number[] = [];

  constructor(entries: number) {
    this.entries = entries;
  }

  worked(entries: number): Promise<void> {
    this.pieces.push(entries);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#goOn = resolve;
    return promise;
  }

  /** Lets one slice pass; false where none was waiting, the rebuild having ended. */
  async one(): Promise<boolean> {
    const goOn = this.#goOn;
    this.#goOn = null;
    goOn?.();
    await settled();
    return goOn !== null;
  }

  /** Lets all pass; how many there were. */
  async all(): Promise<number> {
    let count = 0;
    while (await this.one()) count++;
    return count;
  }

  /** What waits for a turn that the rebuild has: slices pass until it is there. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isThere = false;
    const noted = promise.finally(() => (isThere = true));
    noted.catch(() => {});
    await settled();
    while (!isThere && (await this.one()));
    return noted;
  }
}

/** All that can go on without a turn of the event loop has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `inner` as one process sees it, which `kill` ends: nothing of it reaches the store any more. */
export function mortal(inner: Store): Store & { kill(): void } {
  let isDead = false;
  const alive = <T>(work: () => T): T => {
    if (isDead) throw new Error("killed");
    return work();
  };
  return {
    storage: "best-effort",
    recover: () => alive(() => inner.recover()),
    create: (header) => alive(() => inner.create(header)),
    append: (write) => alive(() => inner.append(write)),
    hasLanded: (write) => alive(() => inner.hasLanded(write)),
    trim: (to) => alive(() => inner.trim(to)),
    read: (from, limitBytes) => alive(() => inner.read(from, limitBytes)),
    saveSnapshot: (snapshot) => alive(() => inner.saveSnapshot(snapshot)),
    close: () => alive(() => inner.close()),
    kill: () => (isDead = true),
  };
}

/** What an engine shows of the queries of `plan`, by default its own, and of its log. */
export function shownBy(
  engine: Engine,
  plan: { readonly queries: readonly { readonly name: string }[] } = engine.plan,
): object {
  const { clock, position, dedupHorizon, queries, inexact } = engine.stats();
  const views = plan.queries.map(({ name }) => {
    return { name, rows: engine.view(name).rows(), late: engine.late(name) };
  });
  return { clock, position, dedupHorizon, queries, inexact, views, held: engine.quarantine() };
}
