// The page's end of the worker: one proxy held for life, a deadline on every call, and an ear for
// the frames, which come at least once a second while the worker lives.

import { wrap, transfer, type Remote } from "comlink";
import type { Frame, LineList, ListedLine, Opening, Speed } from "../replay/protocol.ts";
import type { Replay } from "../replay/worker.ts";

/** Reading a recording and a log of a whole evening takes two seconds on a small machine. */
const START_MS_MAX = 60_000;
const CALL_MS_MAX = 15_000;
const SILENCE_MS_MAX = 5_000;
const CHECK_MS = 1_000;

export interface Listener {
  frame(frame: Frame): void;
  /** The worker does not answer, or says why it cannot go on; null: it answers again. */
  gone(reason: string | null): void;
}

export class Link {
  readonly #worker: Worker;
  readonly #replay: Remote<Replay>;
  readonly #listener: Listener;
  readonly #frames = new MessageChannel();
  /** Checks without a frame between them, in a row. */
  #silentChecks = 0;
  #isGone = false;

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#worker = new Worker(new URL("../replay/worker.ts", import.meta.url), { type: "module" });
    this.#worker.addEventListener("error", (event) => {
      this.#setGone(event.message || "it could not be started");
    });
    this.#replay = wrap<Replay>(this.#worker);
    this.#frames.port1.addEventListener("message", (event: MessageEvent<Frame>) => {
      this.#silentChecks = 0;
      if (this.#isGone) this.#setGone(null);
      listener.frame(event.data);
    });
    this.#frames.port1.start();
  }

  async start(speed: Speed, isPaused: boolean): Promise<Opening> {
    const port = transfer(this.#frames.port2, [this.#frames.port2]);
    const opening = await this.#call(this.#replay.start({ speed, isPaused }, port), START_MS_MAX);
    // A tab that was frozen counts no checks, so it is not surprised when it wakes.
    setInterval(() => this.#check(), CHECK_MS);
    return opening;
  }

  play(): Promise<void> {
    return this.#call(this.#replay.play());
  }

  pause(): Promise<void> {
    return this.#call(this.#replay.pause());
  }

  setSpeed(speed: Speed): Promise<void> {
    return this.#call(this.#replay.setSpeed(speed));
  }

  lines(list: LineList): Promise<ListedLine[]> {
    return this.#call(this.#replay.lines(list));
  }

  startOver(): Promise<void> {
    return this.#call(this.#replay.startOver(), START_MS_MAX);
  }

  #check(): void {
    this.#silentChecks++;
    if (this.#silentChecks * CHECK_MS > SILENCE_MS_MAX && !this.#isGone) {
      this.#setGone("it has said nothing for five seconds");
    }
  }

  #setGone(reason: string | null): void {
    this.#isGone = reason !== null;
    this.#listener.gone(reason);
  }

  /** A call that is not answered in time is a worker that is gone. */
  async #call<T>(answer: Promise<T>, deadlineMs: number = CALL_MS_MAX): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not answer in time")), deadlineMs);
    });
    try {
      return await Promise.race([answer, deadline]);
    } catch (error) {
      this.#setGone(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
