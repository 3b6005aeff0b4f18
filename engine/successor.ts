// The plan asked for, beside the one that serves: what is made for it, and what the log is told
// before it takes over; and what the one that serves tells the log itself.

import type { Appending } from "./appending.ts";
import { factChunk, poisonLine } from "./ingest/fact.ts";
import { Poison } from "./ingest/poison.ts";
import type { Plan } from "./query/plan.ts";
import { Running, type Place } from "./running.ts";
import type { Snapshot } from "./store/snapshot.ts";
import type { Breathe } from "./store/steps.ts";

/** With the state of `own`, its newest snapshot, where that can be used; `begin` does so again. */
export async function openBeside(
  plan: Plan,
  serving: Place,
  own: Snapshot | null,
  trimmedTo: number,
  breathe: Breathe,
): Promise<{ next: Running; begin: () => Promise<void> }> {
  const poison = new Poison([], serving.poison.isMarking, serving.poison);
  const isGood = own !== null && own.position >= trimmedTo && poison.isApartFrom(own);
  const good = isGood ? [own] : [];
  const next = await Running.open(plan, { ...serving, poison }, good, trimmedTo, breathe);
  return { next, begin: () => next.begin(good, trimmedTo) };
}

/**
 * The log says what `next` skips and the plan that serves does not. Its own core first: what fails
 * here leaves the serving plan as it is.
 */
export async function markSkipped(next: Running, appending: Appending): Promise<void> {
  const { own } = next.poison;
  if (own.length === 0) return;
  const { position } = next;
  await next.apply(factChunk(poisonLine(own), position));
  await appending.appendFact(poisonLine(own), position);
  await next.identify();
}

/** The log says which entries the plan that serves skips, being found poisoned. */
export async function markFound(running: Running, { poison, appending }: Place): Promise<void> {
  const { position } = running;
  const positions = poison.unmarked;
  const lines = poisonLine(positions);
  await appending.appendFact(lines, position);
  await running.apply(factChunk(lines, position));
  poison.note(positions);
}
