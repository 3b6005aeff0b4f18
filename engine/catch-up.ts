// What a subscription hears of the past: the view as it is, the entries since a position, or what
// another plan makes of the view.

import type { Change, Row } from "./live/change.ts";
import { Decoder } from "./live/decoder.ts";
import type { RowFeed } from "./live/mirror.ts";
import { callListener, type Listener, type Subscriptions } from "./live/subscription.ts";
import { differenceOf, queriesOf, shownOf, toldRows, type Shown } from "./rebuild/difference.ts";
import { HostFault } from "./store/host-fault.ts";
import { drained, paced, type Breathe, type Steps } from "./store/steps.ts";
import type { Running } from "./running.ts";

/** Where a subscription begins. */
export type SubscribeFrom = "now" | "snapshot" | number;

export interface SubscribeOptions {
  /** `"now"` where absent. */
  readonly from?: SubscribeFrom;
  /**
   * Hears why a subscription that waited ended before it began: for a core that is made again, a
   * changed plan, or the log to be read. Absent: an error that nobody caught.
   */
  readonly onFault?: (fault: HostFault) => void;
  /** Called when all that was since a position was told: from here on comes what happens. */
  readonly onCaughtUp?: () => void;
}

/** Tells of the view as it is what `emit` tells, and what comes. HostFault as of a view. */
export function tellRows(
  running: Running,
  subscriptions: Subscriptions,
  query: string,
  listener: Listener,
): () => void {
  const asked = running.plan.queries[running.indexOf(query)] ?? null;
  const rows = toldRows({ query: asked, rows: running.rows(query) });
  const changes = rowsAsChanges(rows, running.position);
  if (changes.length > 0) callListener(listener, changes);
  return subscriptions.add(query, listener);
}

/** Rows as the changes that last made them; `position` is the next. */
function rowsAsChanges(rows: readonly Row[], position: number): Change[] {
  return rows.map(({ final, ...row }) => {
    return { ...row, kind: final ? "final" : "update", position: Math.max(0, position - 1) };
  });
}

/**
 * Tells the changes of a query from a position on. What is told meanwhile is held back until the
 * log was replayed up to where this began.
 */
export function catchUp(
  running: Running,
  subscriptions: Subscriptions,
  query: string,
  from: number,
  listener: Listener,
  options: SubscribeOptions,
): () => void {
  let waiting: (readonly Change[])[] | null = [];
  const stop = subscriptions.add(query, (changes) => {
    if (waiting === null) listener(changes);
    else waiting.push(changes);
  });
  const { position: end } = running;
  let isStopped = false;
  const replayLog = async (): Promise<void> => {
    const { replay, plan } = running;
    const { core, from: begin } = await running.openBelow(from);
    const decoder = new Decoder(plan);
    await replay.run(core, begin, end, (records) => {
      const told = decoder.changes(records, (name) => name === query);
      const changes = told.filter(({ position }) => position >= from);
      if (changes.length > 0 && !isStopped) callListener(listener, changes);
    });
    for (const changes of waiting ?? []) if (!isStopped) callListener(listener, changes);
    waiting = null;
    if (!isStopped) options.onCaughtUp?.();
  };
  replayLog().catch((error: unknown) => {
    stop();
    waiting = null;
    if (!isStopped) tellFault(error, options);
  });
  return () => {
    isStopped = true;
    stop();
  };
}

/**
 * What listeners hear when `after` takes the place of `before` is put together in steps, with what
 * waits coming between. The answer has `takeOver` do that, and tells them, also who came meanwhile.
 */
export async function readySwap(
  before: Running,
  after: Running,
  subscriptions: Subscriptions,
  rowFeed: RowFeed,
  breathe: Breathe,
): Promise<(takeOver: () => void) => void> {
  const names = queriesOf(after.plan, before.plan);
  const hears = (query: string): boolean => subscriptions.hears(query);
  const told = new Map<string, Change[]>();
  function* steps(query: string): Steps<Change[]> {
    const shown = (running: Running): Steps<Shown> =>
      shownOf(running.plan, query, () => running.rowSteps(query));
    return yield* differenceOf(yield* shown(before), yield* shown(after), after.position);
  }
  for (const query of names) if (hears(query)) told.set(query, await paced(steps(query), breathe));
  const tellRows = await rowFeed.swap(before, after, breathe);
  return (takeOver) => {
    const heard = names.filter(hears);
    const lists = heard.map((query) => told.get(query) ?? drained(steps(query)));
    const changes = lists.length === 1 ? lists[0]! : lists.flat();
    after.takeOver(before);
    takeOver();
    subscriptions.tell(changes);
    tellRows();
  };
}

/** Begins when `ready` resolves; the answer stops it, begun or not. */
export function beginAfter(
  ready: Promise<void>,
  begin: () => () => void,
  options: SubscribeOptions,
): () => void {
  let stop: (() => void) | null = null;
  let isStopped = false;
  const start = (): void => {
    if (!isStopped) stop = begin();
  };
  ready.then(start).catch((error: unknown) => {
    if (!isStopped) tellFault(error, options);
  });
  return () => {
    isStopped = true;
    stop?.();
  };
}

function tellFault(error: unknown, { onFault }: SubscribeOptions): void {
  const message = "The core failed on the log that a subscription waited for: subscribe from now.";
  const isFault = error instanceof HostFault;
  const fault = isFault ? error : new HostFault("core_failed", message, { cause: error });
  if (onFault) callListener(onFault, fault);
  // Whoever closes an engine knows that it tells nothing more.
  else if (fault.code !== "engine_closed") void Promise.reject(fault);
}
