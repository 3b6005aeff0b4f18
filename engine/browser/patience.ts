// Patience: how long the other side may be silent while something is asked of it. It is pinged
// meanwhile, and one that lives answers between two turns of work. Only time in which this side ran
// is counted: after a laptop's sleep the other side has its chance first.

const PINGS = 6;

export class Patience {
  readonly #limitMs: number;
  readonly #ping: () => void;
  readonly #lost: () => void;
  #outstanding = 0;
  #silentMs = 0;
  #steppedAt = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `lost` is called once for each silence of `limitMs` in which something was outstanding. */
  constructor(limitMs: number, ping: () => void, lost: () => void) {
    this.#limitMs = limitMs;
    this.#ping = ping;
    this.#lost = lost;
  }

  /** Something is asked. */
  begin(): void {
    if (this.#outstanding++ > 0) return;
    this.#silentMs = 0;
    this.#steppedAt = Date.now();
    this.#timer = setInterval(() => this.#step(), this.#limitMs / PINGS);
  }

  /** It was answered. */
  end(): void {
    this.heard();
    if (--this.#outstanding === 0) clearInterval(this.#timer);
  }

  /** A sign of life. */
  heard(): void {
    this.#silentMs = 0;
  }

  #step(): void {
    const now = Date.now();
    const stepMs = this.#limitMs / PINGS;
    this.#silentMs += Math.min(Math.max(0, now - this.#steppedAt), 2 * stepMs);
    this.#steppedAt = now;
    if (this.#silentMs < this.#limitMs) return this.#ping();
    this.#silentMs = 0;
    this.#lost();
  }
}
