// Time as the simulation has it: it stands still while anything can run, then jumps to what is due
// next. One instant's work runs to its end, promises included, before the next begins.

interface Due {
  readonly atMs: number;
  readonly run: () => void;
}

export class VirtualClock {
  nowMs: number;
  /** In the order of time; of one instant, in the order of asking. */
  readonly #due: Due[] = [];

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** Calls `run` after `ms`; the answer prevents it. */
  after(ms: number, run: () => void): () => void {
    const due = { atMs: this.nowMs + Math.max(0, ms), run };
    const place = this.#due.findLastIndex(({ atMs }) => atMs <= due.atMs) + 1;
    this.#due.splice(place, 0, due);
    return () => {
      const at = this.#due.indexOf(due);
      if (at >= 0) this.#due.splice(at, 1);
    };
  }

  /** Runs what is due until nothing is, `untilMs` is past, or `isOver` holds. */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await idle();
    while (!isOver()) {
      const next = this.#due[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#due.shift();
      this.nowMs = next.atMs;
      next.run();
      await idle();
    }
  }
}

/** Every promise that can settle has settled; a body that is read takes more than one turn. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
