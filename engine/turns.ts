// Turns: what an engine is asked runs one after another, in call order. What is asked while nothing
// is under way runs at once, within the call, so that with a synchronous store a push is one
// synchronous turn; for the same reason work ends its turn itself, since to await it takes a tick.

import { HostFault } from "./store/host-fault.ts";

export class Turns {
  /** What waits for the turn under way; null where none is. */
  #waiting: (() => void)[] | null = null;
  #isClosed = false;

  get isUnderWay(): boolean {
    return this.#waiting !== null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Later turns are refused; those asked before still run. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Runs `work` after all that was asked before it; at its end, whatever becomes of it, it calls
   * `end`. Rejects with the HostFault `engine_closed`.
   */
  take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) {
      const fault = new HostFault("engine_closed", "This engine is closed: open it again.");
      return Promise.reject(fault);
    }
    if (this.#waiting === null) {
      this.#waiting = [];
      return work();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise.then(work);
  }

  end(): void {
    const next = this.#waiting?.shift();
    if (next === undefined) this.#waiting = null;
    else next();
  }
}
