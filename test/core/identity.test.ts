// Identities as they are kept, beside a Map: whatever clock, times and positions they come with, each
// says what it was made of until it is forgotten, near ones and far ones; they take no more than is
// said, those of a steady stream 32 bytes, and what is forgotten gives its bytes back.

import { describe, expect, test } from "vitest";
import { seeded, SEEDED_LIMIT_MS, type Random } from "../event/random.ts";
import { openedCore } from "./build.ts";

interface Exports {
  open(bytes: number): void;
  setClock(clock: bigint, horizon: bigint): void;
  make(first: bigint, second: bigint, mark: bigint, time: bigint, position: bigint): number;
  free(identity: number): void;
  firstWord(identity: number): bigint;
  secondWord(identity: number): bigint;
  markOf(identity: number): bigint;
  timeOf(identity: number): bigint;
  positionOf(identity: number): bigint;
  after(identity: number): number;
  setAfter(identity: number, next: number): void;
  top(): number;
  needed(more: number): bigint;
}

interface Made {
  readonly identity: number;
  readonly words: readonly [first: bigint, second: bigint, mark: bigint];
  readonly time: bigint;
  readonly position: bigint;
  readonly after: number;
}

const STATE_BYTES = 64 << 20;
const HOUR = 3_600_000n;
const DAY = 24n * HOUR;
/** What an identity of a steady stream takes: its sheet holds 127. */
const NEAR_BYTES = 4096 / 127;
const FAR_BYTES = 48;

const fresh = (): Exports => openedCore("identity", STATE_BYTES);

const word = (random: Random): bigint =>
  (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));

/** From the earliest time that an event can have to the latest, its offset taken away. */
const EARLIEST = Date.parse("0000-01-01T00:00:00Z") - Number(DAY);
const LATEST = Date.parse("9999-12-31T23:59:59.999Z") + Number(DAY);
const anyTime = (random: Random): bigint =>
  BigInt(EARLIEST + Math.floor((random.below(2 ** 32) / 2 ** 32) * (LATEST - EARLIEST)));

const around = (random: Random, ms: bigint): bigint =>
  BigInt(random.below(2 * Number(ms) + 1)) - ms;

class Life {
  readonly core = fresh();
  readonly #random: Random;
  readonly #known: Made[] = [];
  #clock: bigint;
  #position: bigint;

  constructor(random: Random) {
    this.#random = random;
    this.#clock = anyTime(random);
    this.#position = random.pick([0n, 1000n, 2n ** 53n - 1_000_000n]);
  }

  /** A time about an eighth of what dedup looks back to, just there, or anywhere. */
  #time(lookBack: bigint): bigint {
    const random = this.#random;
    const eighth = lookBack / 8n;
    return random.pick([
      () => this.#clock,
      () => this.#clock + around(random, 1000n),
      () => this.#clock + random.pick([eighth, -eighth]) + around(random, 2n),
      () => this.#clock + random.pick([1n, -1n]) * 2n ** 26n + around(random, 2n),
      () => anyTime(random),
      () => random.pick([BigInt(EARLIEST), BigInt(LATEST)]),
    ])();
  }

  run(turns: number, steady: boolean): void {
    const { core } = this;
    const random = this.#random;
    const lookBack = random.pick([-1n, 0n, 7n, 600_000n, 7n * DAY, 3650n * DAY]);
    for (; turns > 0; turns--) {
      this.#clock += BigInt(random.below(random.pick([2, 1000])));
      if (random.below(300) === 0) this.#clock += BigInt(random.below(Number(DAY)));
      this.#position += random.pick([1n, 1n, 1n, 2n, BigInt(random.below(600))]);
      core.setClock(this.#clock, this.#clock - lookBack);
      const words = [word(random), word(random), word(random)] as const;
      const time = steady ? this.#clock : this.#time(lookBack);
      const identity = core.make(...words, time, this.#position);
      const after = random.pick([0, this.#known.at(-1)?.identity ?? 0]);
      core.setAfter(identity, after);
      this.#known.push({ identity, words, time, position: this.#position, after });
      while (this.#known.length > 0 && random.below(3) === 0) this.#forget();
    }
    for (const made of this.#known) this.#compare(made);
  }

  /** One of the latest, or any. */
  #forget(): void {
    const count = this.#known.length;
    const index = this.#random.pick([0, Math.max(count - 50, 0)]);
    const [made] = this.#known.splice(index + this.#random.below(count - index), 1);
    this.#compare(made!);
    this.core.free(made!.identity);
  }

  forgetAll(): void {
    while (this.#known.length > 0) this.#forget();
  }

  #compare(made: Made): void {
    const { core } = this;
    const { identity, words, time, position, after } = made;
    const kept = [core.firstWord(identity), core.secondWord(identity), core.markOf(identity)];
    const isSame =
      kept.every((each, index) => BigInt.asUintN(64, each) === words[index]) &&
      core.timeOf(identity) === time &&
      core.positionOf(identity) === position &&
      core.after(identity) === after;
    if (!isSame) throw new Error(`${time} at ${position} is not as it was at ${this.#clock}`);
  }
}

/** Of so many identities at a clock that moves by `stepMs`: how much each takes. */
function bytesOf(count: number, stepMs: bigint, timeOf: (clock: bigint, n: number) => bigint) {
  const core = fresh();
  const top = core.top();
  const made: number[] = [];
  for (let n = 0; n < count; n++) {
    const clock = BigInt(n) * stepMs;
    core.setClock(clock, clock - 7n * DAY);
    made.push(core.make(BigInt(n), 0n, 0n, timeOf(clock, n), BigInt(n)));
  }
  return { core, made, each: (core.top() - top) / count };
}

describe("an identity", () => {
  test("says what it was made of until it is forgotten", { timeout: SEEDED_LIMIT_MS }, () => {
    seeded((random) => {
      const life = new Life(random);
      for (let phase = 0; phase < 4; phase++) {
        life.run(random.pick([20, 300, 1000]), random.below(3) === 0);
        if (random.below(3) === 0) life.forgetAll();
      }
    });
  });

  test("takes 32 bytes in a steady stream, and never more than 48 and a sheet's share", () => {
    expect(bytesOf(100_000, 1000n, (clock) => clock).each).toBeLessThan(NEAR_BYTES * 1.01);
    // A stream of which each is of another time, and one so slow that a sheet is soon far.
    const share = 4096 / (4 * 127);
    for (const { each } of [
      bytesOf(20_000, 1000n, (_, n) => BigInt(n) * 100n * DAY),
      bytesOf(20_000, HOUR, (clock) => clock),
    ]) {
      expect(each).toBeLessThan((FAR_BYTES + share) * 1.03);
    }
    // One in two near: these fill sheets, whatever comes between.
    const { each } = bytesOf(20_000, 1000n, (clock, n) => clock + (n % 2 === 0 ? 0n : DAY));
    expect(each).toBeLessThan(((FAR_BYTES + NEAR_BYTES) / 2) * 1.03);
  });

  test("takes no more than is said", () => {
    const times = [(clock: bigint) => clock, (_: bigint, n: number) => BigInt(n) * DAY];
    for (const timeOf of [...times, (clock: bigint, n: number) => clock + BigInt(n % 3) * DAY]) {
      for (const before of [0, 1, 126, 127, 128, 507, 508, 700]) {
        for (const more of [1, 127, 128, 3000]) {
          const { core } = bytesOf(before, 1000n, timeOf);
          const top = core.top();
          const needed = Number(core.needed(more));
          for (let n = before; n < before + more; n++) {
            const clock = BigInt(n) * 1000n;
            core.setClock(clock, clock - 7n * DAY);
            core.make(0n, 0n, 0n, timeOf(clock, n), BigInt(n));
          }
          expect(core.top() - top).toBeLessThanOrEqual(needed);
        }
      }
    }
    expect(fresh().needed(0)).toBe(0n);
  });

  test("is near or far to the millisecond and the position", () => {
    const core = fresh();
    const clock = 1_700_000_000_000n;
    for (const lookBack of [0n, 8n, 600_000n, 7n * DAY, 3650n * DAY]) {
      for (const edge of [0n, lookBack / 8n, 2n ** 26n]) {
        for (let off = -3n; off <= 3n; off++) {
          for (const position of [1n, 510n, 511n, 512n, 513n, 1024n]) {
            core.open(1 << 16);
            core.setClock(clock, clock - lookBack);
            core.make(0n, 0n, 0n, clock, 0n);
            for (const time of [clock - edge + off, clock + edge + off]) {
              const identity = core.make(1n, 2n, 3n, time, position);
              const kept = [core.timeOf(identity), core.positionOf(identity)];
              if (kept[0] !== time || kept[1] !== position) expect(kept).toEqual([time, position]);
            }
          }
        }
      }
    }
  });

  test.each([
    ["near", 0n],
    ["far", DAY],
  ])("gives its bytes back when it was %s", (_, ahead) => {
    const core = fresh();
    let top = 0;
    let position = 0n;
    for (let turn = 0; turn < 300; turn++) {
      // Of the sheet at hand, too, all that it has: at first one, then so many that it is full.
      const made = Array.from({ length: turn < 2 ? 1 : 127 }, () => {
        core.setClock(position * 1000n, position * 1000n - 7n * DAY);
        return core.make(position, 0n, 0n, position * 1000n + ahead, position++);
      });
      for (const [n, identity] of made.entries()) {
        const at = position - BigInt(made.length - n);
        const kept = [core.firstWord(identity), core.timeOf(identity)];
        if (kept[0] !== at || kept[1] !== at * 1000n + ahead) expect(kept[0]).toBe(at);
      }
      for (const identity of made) core.free(identity);
      if (turn === 50) top = core.top();
    }
    expect(core.top()).toBe(top);
  });

  test("of a time ahead holds no others back", () => {
    const minutes = 60_000n;
    const lookBack = 10n * minutes;
    const stepMs = 10n;
    const core = fresh();
    const top = core.top();
    const lists = [0, 1].map(() => ({ made: [] as { at: bigint; identity: number }[], gone: 0 }));
    for (let n = 0; n < 120_000; n++) {
      const clock = BigInt(n) * stepMs;
      core.setClock(clock, clock - lookBack);
      // One in a hundred is five minutes ahead.
      const isAhead = n % 100 === 0;
      const time = clock + (isAhead ? 5n * minutes : 0n);
      const identity = core.make(0n, 0n, 0n, time, BigInt(n));
      lists[isAhead ? 1 : 0]!.made.push({ at: time, identity });
      for (const list of lists) {
        const { made } = list;
        while (list.gone < made.length && made[list.gone]!.at < clock - lookBack) {
          core.free(made[list.gone++]!.identity);
        }
      }
    }
    const live = Number(lookBack / stepMs);
    expect(core.top() - top).toBeLessThan(live * NEAR_BYTES * 1.1);
  });
});
