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
