// Recorded time against the wall's: where the replay stands, at which speed, held or running.

export class Pace {
  #speed: number;
  #isRunning = false;
  /** The two times of the last change of pace. */
  #recorded: number;
  #wall = 0;

  constructor(recorded: number, speed: number) {
    this.#recorded = recorded;
    this.#speed = speed;
  }

  get speed(): number {
    return this.#speed;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The recorded time at the wall time `wall`. */
  at(wall: number): number {
    if (!this.#isRunning) return this.#recorded;
    return this.#recorded + (wall - this.#wall) * this.#speed;
  }

  /** The wall time at which a recorded time is due; only while running. */
  wallOf(recorded: number): number {
    return this.#wall + (recorded - this.#recorded) / this.#speed;
  }

  run(wall: number): void {
    this.#settle(wall);
    this.#isRunning = true;
  }

  hold(wall: number): void {
    this.#settle(wall);
    this.#isRunning = false;
  }

  setSpeed(speed: number, wall: number): void {
    this.#settle(wall);
    this.#speed = speed;
  }

  jump(recorded: number, wall: number): void {
    this.#recorded = recorded;
    this.#wall = wall;
  }

  /** So much wall time was no time at all: the machine slept. */
  forget(wallMs: number): void {
    this.#wall += wallMs;
  }

  #settle(wall: number): void {
    this.jump(this.at(wall), wall);
  }
}
