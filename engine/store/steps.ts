// Long work in steps, between which whoever does it may let others come.

import type { MaybePromise } from "./store.ts";

/** Work in steps, each so many rows or bytes, and what comes of it. */
export type Steps<T> = Generator<number, T, undefined>;

/** Lets what waits have its turn where it is time for that, so much having been worked off. */
export type Breathe = (worked: number) => MaybePromise<void>;

/** So many bytes are summed and copied in one step: about a millisecond. */
export const STEP_BYTES = 1024 * 1024;

/** All steps at once. */
export function drained<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** A step, then whoever waits, and so on; the answer is no promise where nobody was waited for. */
export function paced<T>(steps: Steps<T>, breathe: Breathe): MaybePromise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const pause = breathe(step.value);
    if (pause instanceof Promise) return pause.then(() => paced(steps, breathe));
  }
}

/** What comes of `value` once it is there; no promise where it is none. */
export function after<T, Result>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<Result>,
): MaybePromise<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}

const SORTED_STEP = 1000;

/** In order, by merging: no step is long. */
export function* sorted<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
): Steps<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += SORTED_STEP) {
    const run = items.slice(at, at + SORTED_STEP).sort(compare);
    runs.push(run);
    yield run.length;
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let run = 0; run < runs.length; run += 2) {
      const [one, other] = [runs[run]!, runs[run + 1]];
      merged.push(other === undefined ? one : yield* merge(one, other, compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(
  one: readonly T[],
  other: readonly T[],
  compare: (a: T, b: T) => number,
): Steps<readonly T[]> {
  const merged: T[] = [];
  let [at, otherAt] = [0, 0];
  while (at < one.length || otherAt < other.length) {
    const [a, b] = [one[at], other[otherAt]];
    const isOne = b === undefined || (a !== undefined && compare(a, b) <= 0);
    merged.push(isOne ? one[at++]! : other[otherAt++]!);
    if (merged.length % SORTED_STEP === 0) yield SORTED_STEP;
  }
  return merged;
}
