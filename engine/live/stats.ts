// What an engine says of itself: the numbers of contract.md's `stats()`.

import type { Core } from "../core/core.ts";
import type { Plan } from "../query/plan.ts";
import type { HostFaultCode } from "../store/host-fault.ts";
import type { StorageMode } from "../store/store.ts";

export interface QueryStats {
  /** Windows that events were applied to, and windows that they were too late for. */
  readonly applied: number;
  readonly late: number;
  /** Facts too late for their span. */
  readonly lateFacts: number;
  /** Events and facts whose key, or `on`, is null or missing. */
  readonly unkeyed: number;
  /** Facts `from` of a span that was open, and facts `to` of none. */
  readonly repeated: number;
  readonly unmatched: number;
  /** Events and facts that wait for the clock. */
  readonly waiting: number;
  /** Windows not yet final. */
  readonly open: number;
  /** Rows of the view. */
  readonly rows: number;
  /** Where the log had been trimmed when the plan changed: it counts the entries from here on. */
  readonly since?: number;
}

export interface Stats {
  /** ms since 1970; null before the first event or tick. */
  readonly clock: number | null;
  readonly position: number;
  /** The next five count since open. */
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly invalid: number;
  readonly quarantined: number;
  /** Dedup knows every identity whose event time is at or after this. */
  readonly dedupHorizon: number | null;
  /** Identities forgotten early, because `limits.identities` were remembered. */
  readonly forgotten: number;
  /** Integers beyond 2^53 that the plan read. */
  readonly inexact: number;
  readonly queries: { readonly [name: string]: QueryStats };
  readonly stateBytes: number;
  readonly storage: StorageMode;
  /**
   * How far a changed plan has caught up, 0–1: below 1 the former one serves. Null where the log
   * was this plan's when it was opened, and where the rebuild has failed.
   */
  readonly rebuild: number | null;
  /** Why the changed plan has not taken over: the former one goes on. */
  readonly rebuildFault: HostFaultCode | null;
  /**
   * Entries before this position were accepted under another `clock`, other `limits` or another
   * catalogue than the plan's, and stand as they were accepted; 0: there are none.
   */
  readonly judgedSince: number;
  /** The first position that the log keeps: those before were trimmed; 0: all are there. */
  readonly trimmedTo: number;
  /** Entries on which the core failed twice: they are skipped, here and in every replay. */
  readonly poisoned: readonly number[];
  /** What the archive or the store said where nothing more could be trimmed; else null. */
  readonly trimFault: string | null;
}

/** How an engine stands to its plan. */
export interface PlanStanding extends Pick<
  Stats,
  "rebuild" | "rebuildFault" | "judgedSince" | "trimmedTo" | "poisoned" | "trimFault"
> {
  /** The first entry that its queries were given; 0: the log's first. */
  readonly since: number;
}

/** What became of all lines since open. */
export type Dispositions = Pick<
  Stats,
  "received" | "accepted" | "duplicate" | "invalid" | "quarantined"
>;

export function readStats(
  core: Core,
  plan: Plan,
  dispositions: Dispositions,
  storage: StorageMode,
  { since, ...standing }: PlanStanding,
): Stats {
  const counts = core.counts();
  const queries = plan.queries.map(({ name }, index) => {
    return [name, { ...core.queryCounts(index), ...(since > 0 && { since }) }] as const;
  });
  return {
    clock: counts.clock,
    position: counts.position,
    ...dispositions,
    dedupHorizon: counts.horizon,
    forgotten: counts.forgotten,
    inexact: counts.inexact,
    queries: Object.fromEntries(queries),
    stateBytes: core.stateBytes,
    storage,
    ...standing,
  };
}
