// The player: pushes each line of the recording when it is due, about ten pushes a second, each
// with the receive times as recorded. The wall's time is an input.

import { Pace } from "./pace.ts";
import { SILENCE_MS_MAX, type Recording } from "./recording.ts";

/** So many lines a push at most: what is left waits for the next, and shows as catching up. */
const PUSH_LINES_MAX = 5_000;
/** Recorded time left before the first line after a silence. */
const LEAD_MS = 3_000;
/** No step waits so long for its turn but in a tab that was frozen or on a machine that slept. */
const SLEEP_MS_MIN = 3_000;

export type PushLines = (lines: Uint8Array, receivedAt: (number | null)[]) => Promise<unknown>;

export class Player {
  readonly #recording: Recording;
  readonly #push: PushLines;
  readonly #pace: Pace;
  #line: number;
  #backlog = 0;
  #behindMs = 0;
  #steppedAt: number | null = null;
  /** The wall time of the last start: nothing is due before it. */
  #playedAt = 0;
  #skipped: { from: number; to: number } | null = null;

  /** Plays on from `line`; from the beginning, the registers come at once and then the orders. */
  constructor(recording: Recording, line: number, speed: number, push: PushLines) {
    this.#recording = recording;
    this.#push = push;
    this.#line = line;
    const firstOrderAt = recording.arrival(recording.firstOrder) - LEAD_MS;
    const before = line === 0 ? firstOrderAt : recording.arrival(line - 1);
    this.#pace = new Pace(Math.max(before, firstOrderAt), speed);
  }

  /** Lines pushed so far. */
  get line(): number {
    return this.#line;
  }

  get isEnded(): boolean {
    return this.#line >= this.#recording.lines;
  }

  get isRunning(): boolean {
    return this.#pace.isRunning && !this.isEnded;
  }

  /** Lines that are due and not yet pushed. */
  get backlog(): number {
    return this.#backlog;
  }

  /** How long the oldest line of the last push had been due when it was applied. */
  get behindMs(): number {
    return this.#behindMs;
  }

  /** The silence passed over since this was last asked. */
  takeSkipped(): { from: number; to: number } | null {
    const skipped = this.#skipped;
    this.#skipped = null;
    return skipped;
  }

  progress(wall: number): number {
    return this.isEnded ? 1 : this.#recording.progress(this.#pace.at(wall));
  }

  play(wall: number): void {
    this.#steppedAt = this.#playedAt = wall;
    this.#pace.run(wall);
  }

  pause(wall: number): void {
    this.#pace.hold(wall);
    this.#backlog = 0;
  }

  setSpeed(speed: number, wall: number): void {
    this.#pace.setSpeed(speed, wall);
  }

  /** Pushes what is due at `wall`; `now` tells the wall's time when that is done. */
  async step(wall: number, now: () => number): Promise<void> {
    if (!this.isRunning) return;
    const slept = wall - (this.#steppedAt ?? wall);
    if (slept > SLEEP_MS_MIN) this.#pace.forget(slept);
    const first = this.#line;
    const due = this.#recording.lineAfter(this.#pace.at(wall), first);
    const end = Math.min(due, first + PUSH_LINES_MAX);
    this.#backlog = due - first;
    if (end > first) {
      const arrivedAt = this.#pace.wallOf(this.#recording.arrival(first));
      const dueAt = Math.max(arrivedAt, this.#playedAt);
      await this.#push(this.#recording.slice(first, end), this.#recording.receivedAt(first, end));
      this.#line = end;
      this.#behindMs = Math.max(0, now() - dueAt);
      this.#backlog = due - end;
    }
    this.#steppedAt = now();
    this.#passSilence(this.#steppedAt);
  }

  #passSilence(wall: number): void {
    if (this.isEnded || this.#line === 0) return;
    const from = this.#recording.arrival(this.#line - 1);
    const to = this.#recording.arrival(this.#line);
    if (to - from <= SILENCE_MS_MAX || this.#pace.at(wall) >= to - LEAD_MS) return;
    this.#pace.jump(to - LEAD_MS, wall);
    this.#skipped = { from, to };
  }
}
