// Foresight: where the clock and the horizon of dedup would stand, line by line, if the lines of a
// push were applied. Probe asks it and moves no state.
//
// The horizon follows the clock, except where the table of identities would overflow in this very
// push. Only then do the times of the identities matter: they are taken into a heap in scratch,
// earliest first, one list of the radix heap after the other, as far as the push reaches.

import { LISTS, horizonAt, identitiesMax, listHead, listStart } from "./dedupe";
import { identityAfter, timeOf } from "./identity";
import { identityCount } from "./identity-table";
import { scratch, scratchAlloc } from "./regions";
import { S_CLOCK, S_HORIZON } from "./state";

export let clock: i64 = 0;
export let horizon: i64 = 0;

/** Whether the table may overflow in this push; then `live` and the heap are kept. */
let tight: bool = false;
let live: u32 = 0;
let heap: i32 = 0;
let heapCount: u32 = 0;
let nextList: u32 = 0;

/** Starts from the state as it is; false where the host has no memory. */
export function foresee(events: u32): bool {
  clock = load<i64>(S_CLOCK);
  horizon = load<i64>(S_HORIZON);
  live = identityCount();
  tight = <u64>live + events > <u64>identitiesMax();
  if (!tight) return true;
  heapCount = 0;
  nextList = 0;
  heap = scratchAlloc((<usize>live + events) << 3);
  return heap >= 0;
}

/** The clock moves to `target`, and the horizon with it. */
export function foreseeClock(target: i64): void {
  clock = target;
  raise(horizonAt(target));
}

/** An event at `time` is accepted and remembered; the clock has taken it. */
export function foreseeIdentity(time: i64): void {
  if (!tight || time < horizon) return;
  if (live == identitiesMax()) raise(min(earliest(time), time) + 1);
  if (time < horizon) return;
  push(time);
  live++;
}

function raise(to: i64): void {
  const before = horizon;
  // Nobody can foresee whether it moves: mostly, nothing hangs on that.
  horizon = max(before, to);
  if (!tight || horizon == before) return;
  while (live != 0 && earliest(to) < to) {
    pop();
    live--;
  }
}

// ── the heap of times ──────────────────────────────────────────────────────────────────────────

@inline
function at(index: u32): usize {
  return scratch + heap + (<usize>index << 3);
}

/** The least time of all where it is before `to`: lists that begin later are not taken. */
function earliest(to: i64): i64 {
  for (; nextList < LISTS; nextList++) {
    const least = heapCount ? min(to, load<i64>(at(0))) : to;
    if (listHead(nextList) && listStart(nextList) >= least) break;
    for (let p = listHead(nextList); p; p = identityAfter(p)) push(timeOf(p));
  }
  return heapCount ? load<i64>(at(0)) : to;
}

function push(time: i64): void {
  let i = heapCount++;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (load<i64>(at(parent)) <= time) break;
    store<i64>(at(i), load<i64>(at(parent)));
    i = parent;
  }
  store<i64>(at(i), time);
}

function pop(): void {
  const time = load<i64>(at(--heapCount));
  let i: u32 = 0;
  while (true) {
    let child: u32 = 2 * i + 1;
    if (child >= heapCount) break;
    if (child + 1 < heapCount && load<i64>(at(child + 1)) < load<i64>(at(child))) child++;
    if (load<i64>(at(child)) >= time) break;
    store<i64>(at(i), load<i64>(at(child)));
    i = child;
  }
  store<i64>(at(i), time);
}
