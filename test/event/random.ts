// Randomness of tests: seeded, so that a failure can be replayed. The seed is drawn anew for each
// run and named in the failure; MILLRACE_SEED=n runs that one again.

export interface Random {
  /** An integer from 0 to below `count`. */
  below(count: number): number;
  pick<T>(items: readonly T[]): T;
}

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const below = (count: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count);
  };
  return { below, pick: <T>(items: readonly T[]): T => items[below(items.length)]! };
}

/** How long a seeded test may take, on a machine that does other work too. */
export const SEEDED_LIMIT_MS = 60_000;

/** Runs a property from a seed, and names the seed where it fails. */
export function seeded(property: (random: Random) => void): void {
  const given = process.env["MILLRACE_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  try {
    property(randomOf(seed));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`MILLRACE_SEED=${seed} replays this: ${reason}`, { cause });
  }
}
