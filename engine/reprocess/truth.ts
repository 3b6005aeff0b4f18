// The truth: what a query gives where all entries are known from the beginning. It is computed by
// the core itself, from the same log, with a plan altered so that nothing can be late:
//
//   delay = D + 1, D being the greatest distance of an event behind the latest before it, over the
//   entries that are replayed; grace + 2 ms; `wait` of events at least 1 ms; history = lag + 1, the
//   lag being how far the clock goes beyond an event's time before a query takes it. Ticks are left
//   out, and no identity is judged again: only events move the clock, T.
//
// Let M be the latest event time so far. When an event at `t` arrives M ≤ t + D, and a receive time
// only holds the clock back, so
//
//   (1)  T ≤ M - D - 1 ≤ t - 1 < t: when an event arrives the clock stands before its time.
//
// - Windows: t < end, so T < end + grace: applied, never late. A session is final when T > end +
//   grace; what arrives then has t > T > end, so it neither belongs to it nor is late for it.
// - Facts stand at s ≥ t (a `to` at t + early), so each waits until T = s + wait, and all that
//   stand before s arrived by then (1): they are taken by stand, then `from` before `to`, then
//   position. None is taken as it arrives, none is late. An expiry, at f + within + early + wait,
//   comes behind the facts that are due at its instant, as ever.
// - A span is told at T = t + early + wait, t being its own time, and the plan checker holds
//   early + wait ≤ grace. So T < end + grace: no span is late.
// - Lookups: an event is taken at T = t + wait, wait ≥ 1, a span at T = t + early + wait. By (1)
//   every version of a time ≤ t arrived before, that of the very time included; of two at one time
//   the later position wins, as ever. wait < grace + 2, so the event is not late.
// - History: what is taken at T is of a time t ≥ T - lag; a version is forgotten once a later one
//   is at or before T - lag - 1 < t, and then it would not be found any more.
// - What is applied comes by position, or by (instant, side, position) where it waits: in no order
//   that depends on D, so computing twice gives the same bytes. (What an order decides, the last
//   bits of sums beyond the exact range and tops of more than 1,000 values, may differ from what
//   was told; it is corrected then, once.)
// - `limits.keys` folds nothing: how many keys were open at once is a matter of when things came.
// - In the end every timer is passed. That closes windows that are open by the log's own clock, T₀,
//   and expires spans that are: those are not compared, and touch nothing that is. An expiry that
//   T₀ has not passed is of a time t ≥ T₀ - early - wait ≥ T₀ - grace, so it lies at or behind the
//   end of every window that is closed, and behind that of every session.

import { VERDICT_ACCEPTED, VERDICT_NONE } from "../../assembly/layout.ts";
import type { Core } from "../core/core.ts";
import type { ZoneYear } from "../event/zone.ts";
import { factOfChunk } from "../ingest/fact.ts";
import { Batch } from "../ingest/batch.ts";
import { fillFromLog } from "../ingest/intake.ts";
import { bringYears } from "../ingest/zone-years.ts";
import { tickLine } from "../ingest/tick.ts";
import type { Program } from "../query/compile.ts";
import type { Query } from "../query/plan.ts";
import { LIMIT_MAX } from "../query/plan-limit.ts";
import { paced, type Steps } from "../store/steps.ts";
import { readLog, type Log } from "./log.ts";
import { readTelling, type FinalWindow, type Telling } from "./record.ts";
import { isSession, programOf, touches, wantedBy, type Scope } from "./scope.ts";

/** The windows that touch the range, closed or not; of sessions all. */
export async function readTruth(
  scope: Scope,
  log: Log,
  endPosition: number,
  disorderMs: number,
): Promise<readonly FinalWindow[]> {
  const windows: FinalWindow[] = [];
  const take = (window: FinalWindow): void => {
    if (isSession(scope.query) || touches(scope, window)) windows.push(window);
  };
  await walkTruth(scope, log, endPosition, disorderMs, (telling) => {
    return readTelling(telling, take);
  });
  return windows;
}

/** Who looks at the core on its walk. */
interface Watch {
  /** It stands at the beginning. */
  begin(core: Core): void;
  /** The next of its entries stands at this position of the log. */
  enter(position: number): void;
}

/** The core's own account of it: records of finals. */
export async function walkTruth(
  scope: Scope,
  log: Log,
  endPosition: number,
  disorderMs: number,
  collect: (telling: Telling) => Steps<void>,
  watch?: Watch,
): Promise<void> {
  const program = unhurried(scope, disorderMs);
  const isWanted = wantedBy(scope, program);
  const core = await log.openCore(program);
  watch?.begin(core);
  const years: ZoneYear[] = [];
  let brought: readonly ZoneYear[] = [];
  for await (const chunk of readLog(log, endPosition)) {
    if (factOfChunk(chunk) !== null) continue;
    // Each piece of a chunk has them.
    if (chunk.zones !== undefined && chunk.zones !== brought)
      years.push(...(brought = chunk.zones));
    // What came out of the quarantine is an event like all others.
    const batch = fillFromLog(core, program, { ...chunk, flags: 0 }, 0);
    for (let line = 0; line < batch.lines; line++) {
      const event = batch.eventAt(line);
      if (event === null || !isWanted(event)) batch.setVerdict(line, VERDICT_NONE);
      else watch?.enter(chunk.firstPosition + line);
    }
    core.seal();
    bringYears(core, program.zones, years);
    await paced(core.reserveSteps(), log.breathe);
    await paced(collect(core.applySteps.bind(core)), log.breathe);
  }
  await paced(passSlices(scope, core, program, disorderMs, collect), log.breathe);
  await paced(collect(core.flushSteps.bind(core)), log.breathe);
}

const STEPS_MAX = 1000;

/**
 * Windows of slices are closed a few at a time: room for all of them at once would be far more than
 * they take, since each slice may be in many.
 */
function* passSlices(
  { query: { window } }: Scope,
  core: Core,
  program: Program,
  disorderMs: number,
  collect: (telling: Telling) => Steps<void>,
): Steps<void> {
  const { clock } = core.counts();
  if (clock === null || (window.kind !== "hopping" && window.kind !== "cumulate")) return;
  const restMs = disorderMs + window.sizeMs + window.graceMs + 3;
  const steps = Math.min(STEPS_MAX, Math.ceil(restMs / window.everyMs));
  for (let step = 1; step <= steps; step++) {
    const timeMs = clock + disorderMs + 1 + Math.floor((restMs * step) / steps);
    const batch = new Batch(core, program, tickLine(timeMs), null);
    batch.tick(0, timeMs);
    batch.setVerdict(0, VERDICT_ACCEPTED);
    core.seal();
    yield* core.reserveSteps();
    yield* collect(core.applySteps.bind(core));
  }
}

function unhurried(scope: Scope, disorderMs: number): Program {
  const { plan, query } = scope;
  const waitMs = query.with.length > 0 && query.span === null ? Math.max(query.waitMs, 1) : 0;
  const lagMs = query.span === null ? waitMs : query.span.earlyMs + query.span.waitMs;
  const tables = plan.tables.map((table) => ({ ...table, historyMs: lagMs + 1 }));
  return programOf(scope, {
    clock: { ...plan.clock, delayMs: disorderMs + 1, dedupMs: 0 },
    limits: { ...plan.limits, identities: 1, keys: LIMIT_MAX },
    tables,
    queries: [{ ...slower(query), waitMs, emit: "final", retainMs: 0 }],
  });
}

function slower(query: Query): Query {
  const { window } = query;
  if (window.kind === "global") return query;
  return { ...query, window: { ...window, graceMs: window.graceMs + 2 } };
}
