// What two runs of the engine have to have in common, as text, whatever way the entries came.

import { canonical, type Json } from "../model/json.ts";
import type { EngineRun } from "../twin/engine-run.ts";

/** Every final, told in a push or by the flush behind it, in one order; not where it came about. */
export function finalsOf({ pushed, flushed }: EngineRun): string[] {
  return [...pushed.flatMap(({ changes }) => changes), ...flushed]
    .filter(({ kind }) => kind === "final")
    .map((change) => canonical({ ...change, position: null } as unknown as Json))
    .toSorted();
}

/** The rows of every view, before and after the flush. */
export function viewsOf({ before, after }: EngineRun): Json {
  const rows = [before, after].map((views) => views.map((view) => view.rows));
  return JSON.parse(JSON.stringify(rows)) as Json;
}

/** Clock, horizon and the counts of every query; not what counts since open. */
export function countsOf({ stats: { clock, dedupHorizon, queries } }: EngineRun): object {
  return { clock, dedupHorizon, queries };
}

/** Everything that a run shows, its changes push by push; of the stats what is the same anywhere. */
export function allOf(run: EngineRun): object {
  return { ...run, stats: countsOf(run) };
}
