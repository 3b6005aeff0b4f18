// What a subscription hears of the past: the view as it is, or the entries since a position.

import type { Change, Row } from "./live/change.ts";
import { Decoder } from "./live/decoder.ts";
import { callListener, type Listener, type Subscriptions } from "./live/subscription.ts";
import type { Plan } from "./query/plan.ts";
import type { Replay } from "./replay.ts";

/** Rows as the changes that last made them; `position` is the next. */
export function rowsAsChanges(rows: readonly Row[], position: number): Change[] {
  return rows.map(({ final, ...row }) => {
    return { ...row, kind: final ? "final" : "update", position: Math.max(0, position - 1) };
  });
}

/**
 * Tells the changes of a query from position `from` on. What is told meanwhile is held back until
 * the log was replayed up to `end`, where this began.
 */
export function catchUp(
  plan: Plan,
  replay: Replay,
  subscriptions: Subscriptions,
  query: string,
  listener: Listener,
  from: number,
  end: number,
): () => void {
  let waiting: (readonly Change[])[] | null = [];
  const stop = subscriptions.add(query, (changes) => {
    if (waiting === null) listener(changes);
    else waiting.push(changes);
  });
  let stopped = false;
  const replayLog = async (): Promise<void> => {
    const core = await replay.open();
    const decoder = new Decoder(plan);
    await replay.run(core, 0, end, (records) => {
      const told = decoder.changes(records, (name) => name === query);
      const changes = told.filter(({ position }) => position >= from);
      if (changes.length > 0 && !stopped) callListener(listener, changes);
    });
    for (const changes of waiting ?? []) if (!stopped) callListener(listener, changes);
    waiting = null;
  };
  void replayLog();
  return () => {
    stopped = true;
    stop();
  };
}
