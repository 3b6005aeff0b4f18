// Windows: an event that a query takes finds its key, then what accumulates it: a record in a pane
// (tumbling, calendar, global), a slice (hopping, cumulate), or a session.

import { QUERY_WINDOW_KIND, WINDOW_HOPPING, WINDOW_SESSION } from "./layout";
import { bindEvent } from "./aggregate";
import { takeKey } from "./dictionary";
import { applyToFound, applyToPane } from "./pane";
import { applyToKnown, applyToSession } from "./session";
import { applyToSlice } from "./slice";
import { Q_UNKEYED, increment, queryState } from "./state";

/**
 * Applies the event whose fields are bound, at `time`, to one query whose `where` it passed.
 * `position` is the event's own, `rank` what decides between events of one time; `released` says
 * that the event came out of the quarantine.
 */
export function applyToQuery(
  index: u32,
  query: usize,
  time: i64,
  position: u64,
  rank: u64,
  released: bool,
): void {
  bindEvent(time, rank);
  const kind = <u32>load<u8>(query, QUERY_WINDOW_KIND);
  if (kind < <u32>WINDOW_HOPPING && applyToFound(index, query, time)) return;
  if (kind == WINDOW_SESSION && !released && applyToKnown(index, query, time)) return;
  if (!takeKey(query)) return increment(queryState(index) + Q_UNKEYED);
  if (kind < <u32>WINDOW_HOPPING) applyToPane(index, query, time, position);
  else if (kind == WINDOW_SESSION) applyToSession(index, query, time, position, released);
  else applyToSlice(index, query, time, position);
}
