// Room: what applying a push can need at the worst, made before the append, so that memory never
// runs out after it. Each bound is of something that applying does; none moves any state. What the
// arena must give is noted by size (need.ts), since freed blocks serve it too.

import { beginMissing, listMissing, needBrought } from "./zone";
import { needFact } from "./span";
import { needWaiting } from "./wait";
import { needVersion, tableProgram } from "./table";
import { needTuple } from "./tuple";
import {
  KIND_EVENT,
  PROGRAM,
  PROGRAM_FIELDS,
  PROGRAM_LITERAL_BYTES,
  PROGRAM_ROUTES,
  QUERY_COLUMNS,
  QUERY_EVERY,
  QUERY_GRACE,
  QUERY_KEY_COUNT,
  QUERY_SIZE,
  QUERY_TEXTS,
  QUERY_TO_COLUMNS,
  QUERY_VALUE_BYTES,
  QUERY_WINDOW_BYTES,
  QUERY_WINDOW_KIND,
  QUERY_WITHIN,
  ROLE_EVENT,
  ROLE_FROM,
  ROLE_LOOKUP,
  ROLE_TABLE,
  ROLE_TO,
  SLOT_ROUTE,
  SLOT_TIME,
  TABLE_COLUMNS,
  TAG_STRING,
  TAKER_BYTES,
  TAKER_INDEX,
  TAKER_ROLE,
  VALUE_BYTES,
  VERDICT_ACCEPTED,
  WINDOW_CALENDAR,
  WINDOW_CUMULATE,
  WINDOW_SESSION,
} from "./layout";
import {
  doublingGrowthBytes,
  inputGrowthBytes,
  largestBytes,
  mergeGrowthBytes,
  reachedBytes,
} from "./aggregate";
import { blockBytes } from "./arena";
import { kindOf, rowOf, slotAt, slotCount, verdictOf } from "./batch";
import { needIdentities } from "./dedupe";
import { KEY_HEADER_BYTES, OTHER_BYTES, reserveKeyBuffer } from "./dictionary";
import { borrowOut, reserveOut } from "./emit";
import { lengthAt, tagAt } from "./expression";
import { clock } from "./foresight";
import { needTable, tableCount } from "./hash";
import { needLate } from "./late";
import {
  beginDue,
  boundDue,
  boundTexts,
  boundValues,
  closingBytes,
  closingSessions,
} from "./closing";
import { FINAL_HEADER_BYTES, PANE_BYTES } from "./pane";
import {
  beginNeed,
  needBlocks,
  needBlocksUpTo,
  needBytes,
  neededBytes,
} from "./need";
import { closeInputBytes, fitsAlways, valueBytesMax } from "./output";
import { queryProgram, routeTakers } from "./program";
import { roomOf } from "./record";
import { reserveState, scratch, shrinkTo, told } from "./regions";
import { readsSlices } from "./row";
import {
  NO_TIME,
  Q_EXTERNAL,
  Q_EXTERNAL_MAX,
  Q_OPEN_KEYS,
  S_CLOCK,
  S_ENTRIES,
  S_KEYS,
  S_PANES,
  S_STRING_BYTES,
  S_THINGS,
  S_WINDOWS,
  queryCount,
  queryState,
} from "./state";
import { needTimers } from "./timer";
import { keepsTold, reserveTelling } from "./told";
import { reserveTouched } from "./touch";

/** What the accepted events of the push need, added up by `boundEvents`. */
let events: u32 = 0;
let windows: u32 = 0;
let inputs: u64 = 0;
let keyBytes: usize = 0;
let blobs: u64 = 0;
/** Sessions of which is kept what is told. */
let sessions: u32 = 0;
/** Keys of tables, and things of spans, that may be new. */
let entries: u32 = 0;
let things: u32 = 0;
/** Final rows of what this push adds to, where it also closes that. */
let rows: u64 = 0;
/** Events that each query takes. */
const taken: usize = memory.data(64 * 4, 8);

@inline
export function takenBy(index: u32): usize {
  return taken + (<usize>index << 2);
}

/** Bytes of the longest string that a key can have, whatever it is made of. */
let longest: usize = 0;
/** The most of `longest` in the push. */
let longestEver: usize = 0;
/** Timers that may be set. */
let timers: u64 = 0;
/** Bytes of all strings of the event at hand. */
let strings: usize = 0;

/** The longest string of what does not come from a tuple: of the event, or of the program. */
let longestOwn: usize = 0;

function measureRow(row: usize): void {
  longestOwn = max(OTHER_BYTES, <usize>load<u32>(PROGRAM, PROGRAM_LITERAL_BYTES));
  strings = 0;
  if (row) measureStrings(row);
}

/** `readsTuples`: whether what reads the event reads what was kept of others too. */
function measureFor(readsTuples: bool): void {
  longest = readsTuples ? max(longestOwn, <usize>load<u64>(S_STRING_BYTES)) : longestOwn;
  longestEver = max(longestEver, longest);
}

function measureStrings(row: usize): void {
  for (let i = load<u32>(PROGRAM, PROGRAM_FIELDS); i > 0; i--, row += VALUE_BYTES) {
    if (tagAt(row) != TAG_STRING) continue;
    longestOwn = max(longestOwn, <usize>lengthAt(row));
    strings += lengthAt(row);
  }
}

/**
 * So many events or spans that a query takes: of each a record, a pane or closer, a key, and its
 * inputs. `closes`: whether the windows that take them may close in the same push.
 */
export function boundInputs(count: u32, index: u32, closes: bool): void {
  const query = queryProgram(index);
  store<u32>(takenBy(index), load<u32>(takenBy(index)) + count);
  windows += count;
  const key = <usize>load<u16>(query, QUERY_KEY_COUNT) * (longest + 5);
  keyBytes = max(keyBytes, max(key, longest + 5));
  inputs += <u64>count * inputGrowthBytes(query, longest);
  if (closes) rows += <u64>count * closeInputBytes(query, longest, roomOf(query));
  needBlocks(count, load<u32>(query, QUERY_WINDOW_BYTES));
  needBlocks(count, PANE_BYTES);
  needBlocksUpTo(count, KEY_HEADER_BYTES + key);
  if (keepsTold(query)) {
    sessions += count;
    blobs += <u64>count * load<u32>(query, QUERY_VALUE_BYTES);
  }
}

/** One taker of an accepted event. */
function boundTaker(taker: usize, time: i64): void {
  const index = <u32>load<u16>(taker, TAKER_INDEX);
  const role = <u32>load<u16>(taker, TAKER_ROLE);
  measureFor(role != ROLE_TABLE && role != ROLE_EVENT);
  if (role == ROLE_TABLE) {
    needVersion(longest + 5);
    needTuple(load<u32>(tableProgram(index), TABLE_COLUMNS), strings);
    keyBytes = max(keyBytes, longest + 5);
    entries++;
    return;
  }
  // A window ends behind its event; what a span makes of its facts may be older.
  const grace = load<i64>(queryProgram(index), QUERY_GRACE);
  boundInputs(1, index, role != ROLE_EVENT || clock >= time + grace);
  if (role == ROLE_EVENT) return;
  const columns = role == ROLE_TO ? QUERY_TO_COLUMNS : QUERY_COLUMNS;
  needTuple(load<u32>(queryProgram(index) + columns), strings);
  if (role == ROLE_LOOKUP) needWaiting();
  else needFact(longest + 5);
  things++;
}

function boundEvents(): void {
  events = 0;
  windows = 0;
  entries = 0;
  things = 0;
  inputs = 0;
  keyBytes = 0;
  blobs = 0;
  sessions = 0;
  rows = 0;
  longestEver = 0;
  timers = 0;
  memory.fill(taken, 0, 64 * 4);
  beginAlike();
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (verdictOf(slot) != VERDICT_ACCEPTED || kindOf(slot) != KIND_EVENT) continue;
    events++;
    const route = load<u32>(slot, SLOT_ROUTE);
    const takers = routeTakers(route);
    const count = load<u32>(takers);
    if (count == 0) continue;
    measureRow(rowOf(i));
    const time = load<i64>(slot, SLOT_TIME);
    if (countAlike(route, time)) continue;
    for (let t: u32 = 0; t < count; t++) boundTaker(takers + 4 + <usize>t * TAKER_BYTES, time);
  }
  boundAlike();
}

// ── events that need the same ──────────────────────────────────────────────────────────────────

/** Events of one route whose longest strings are about as long, in steps, are bounded at once. */
const ALIKE_ROUTES: u32 = 64;
const ALIKE_STEP_BYTES: usize = 16;
const ALIKE_STEPS: u32 = 16;
const alike: usize = memory.data(64 * 16 * 4, 8);
/**
 * Of each route: an event of it from before this time, in the push at hand, is bounded alone, since
 * it takes part in a window that may close.
 */
const alikeFrom: usize = memory.data(64 * 8, 8);

function beginAlike(): void {
  memory.fill(alike, 0, <usize>ALIKE_ROUTES * ALIKE_STEPS * 4);
  const routes = min(load<u32>(PROGRAM, PROGRAM_ROUTES), ALIKE_ROUTES);
  for (let route: u32 = 0; route < routes; route++) {
    store<i64>(alikeFrom + (<usize>route << 3), alikeTime(route));
  }
}

/** Where the clock will stand closes no window of later events that needs more for that. */
function alikeTime(route: u32): i64 {
  const takers = routeTakers(route);
  let from = i64.MIN_VALUE;
  for (let t: u32 = 0; t < load<u32>(takers); t++) {
    const taker = takers + 4 + <usize>t * TAKER_BYTES;
    if (load<u16>(taker, TAKER_ROLE) != ROLE_EVENT) return i64.MAX_VALUE;
    const query = queryProgram(load<u16>(taker, TAKER_INDEX));
    if (fitsAlways(query, roomOf(query)) || clock == NO_TIME) continue;
    from = max(from, clock - load<i64>(query, QUERY_GRACE));
  }
  return from;
}

/** Counts the event that was measured with those like it; false where it is to be bounded alone. */
function countAlike(route: u32, time: i64): bool {
  const step = <u32>(longestOwn / ALIKE_STEP_BYTES);
  if (route >= ALIKE_ROUTES || step >= ALIKE_STEPS) return false;
  if (time <= load<i64>(alikeFrom + (<usize>route << 3))) return false;
  const counter = alike + <usize>((route * ALIKE_STEPS + step) << 2);
  store<u32>(counter, load<u32>(counter) + 1);
  return true;
}

function boundAlike(): void {
  let counter = alike;
  for (let i: u32 = 0; i < ALIKE_ROUTES * ALIKE_STEPS; i++, counter += 4) {
    const count = load<u32>(counter);
    if (count == 0) continue;
    longestOwn = (<usize>(i % ALIKE_STEPS) + 1) * ALIKE_STEP_BYTES - 1;
    measureFor(false);
    const takers = routeTakers(i / ALIKE_STEPS);
    for (let t: u32 = 0; t < load<u32>(takers); t++) {
      boundInputs(count, load<u16>(takers + 4 + <usize>t * TAKER_BYTES, TAKER_INDEX), false);
    }
  }
}

/**
 * Slices: each window that the clock will pass leaves a final row a key. At most as many as windows
 * fit between the first to close and the clock, and as the slices there are can fill.
 */
function boundSlices(index: u32, clock: i64): void {
  const query = queryProgram(index);
  const step = load<i64>(query, QUERY_EVERY);
  const perSlice = windowsOf(index);
  const more = load<u32>(takenBy(index));
  const filled = (<u64>tableCount(S_WINDOWS) + more) * perSlice;
  const before = load<i64>(S_CLOCK);
  let due = filled;
  if (before != NO_TIME) {
    if (clock <= before) return;
    // What the push closes was open before it: its end + grace lies behind the clock of then.
    due = min(due, <u64>((clock - before) / step) + 1);
  }
  const keys = <u64>load<u32>(queryState(index), Q_OPEN_KEYS) + more + 1;
  const finals = min(filled, due * keys);
  const value = 2 * <u64>(FINAL_HEADER_BYTES + load<u32>(query, QUERY_VALUE_BYTES)) + 16;
  // A slice's strings stand in the rows of the windows that hold it; a block is at most twice as
  // large as what is in it.
  const all = load<u64>(queryState(index), Q_EXTERNAL) + inputs;
  const texts = 2 * <u64>load<u32>(query, QUERY_TEXTS) * min(due, perSlice) * all;
  needBytes(finals * value + texts, FINAL_HEADER_BYTES + finalMost(index));
  needBlocks(due, PANE_BYTES);
  timers += due;
}

/** Windows of one event at most. */
function windowsOf(index: u32): u64 {
  const query = queryProgram(index);
  if (!readsSlices(index)) return 1;
  return <u64>(load<i64>(query, QUERY_SIZE) / load<i64>(query, QUERY_EVERY)) + 1;
}

/** The most that the value of one final row of the query takes. */
function finalMost(index: u32): u64 {
  return valueBytesMax(queryProgram(index), load<u64>(queryState(index), Q_EXTERNAL_MAX) + inputs);
}

/** Accumulators that grow and merge; what those take that are merged for a moment. */
function boundMerges(clock: i64): u64 {
  let brief: u64 = 0;
  let largest: u64 = 0;
  for (let index: u32 = 0; index < queryCount(); index++) {
    const query = queryProgram(index);
    const kind = <u32>load<u8>(query, QUERY_WINDOW_KIND);
    const state = queryState(index);
    const external = load<u64>(state, Q_EXTERNAL);
    const externalMax = load<u64>(state, Q_EXTERNAL_MAX);
    const events = load<u32>(takenBy(index));
    const most = largestBytes(query, max<u64>(longestEver, externalMax), externalMax, events);
    const reached = reachedBytes(events, external, externalMax);
    largest = max(largest, most);
    needBytes(doublingGrowthBytes(reached), most);
    if (kind == WINDOW_SESSION) needBytes(mergeGrowthBytes(reached + inputs), most);
    if (kind == WINDOW_CUMULATE) needBytes(mergeGrowthBytes(external + inputs), most);
    if (!readsSlices(index)) continue;
    const own = mergeGrowthBytes(externalMax + inputs);
    brief = max(brief, own + blockBytes(load<u32>(query, QUERY_WINDOW_BYTES)));
    boundSlices(index, clock);
  }
  needBytes(inputs, largest);
  return brief;
}

/** Windows that close, and what the events of the push and those that waited make and add to. */
function boundWindows(clock: i64): u64 {
  const brief = boundMerges(clock);
  let most: u64 = 0;
  for (let index: u32 = 0; index < queryCount(); index++) {
    most = max(most, finalMost(index));
    needLate(index, load<u32>(takenBy(index)) * windowsOf(index));
  }
  needBytes(rows + closingBytes, most);
  blobs += boundTexts(inputs);
  needTable(S_KEYS, windows);
  needTable(S_PANES, windows);
  needTable(S_WINDOWS, windows);
  needTimers(timers + closingSessions + 2 * <u64>windows + things + 1);
  return brief;
}

function reserveValues(keyBytes: usize): bool {
  const values = boundValues(inputs);
  return values < 0x70000000 && reserveOut(keyBytes, <usize>values);
}

/** A buffer for reading what the state holds as it stands. */
export function borrowValues(): bool {
  return borrowOut(<usize>min<u64>(boundValues(0), 0x7fff0000));
}

/** Bounds the batch, and, in steps, what is due until `clock`; false where there is more. */
function boundUntil(clock: i64, isFirst: bool): bool {
  if (isFirst) {
    beginNeed();
    boundEvents();
    measureRow(0);
    measureFor(true);
    beginDue(clock);
  }
  return boundDue(clock);
}

/**
 * Makes room for all that applying the accepted lines can need: 2 where there is more to look at,
 * 1 where all is there, 0 where the host has no memory for it, and then nothing has changed.
 */
export function reserveBatch(isFirst: bool): u32 {
  if (!boundUntil(clock, isFirst)) return 2;
  needIdentities(events);
  needBrought();
  needTable(S_THINGS, things);
  needTable(S_ENTRIES, entries);
  return reserveAll(boundWindows(clock)) ? 1 : 0;
}

/** Room in all three regions, or in none. */
function reserveAll(brief: u64): bool {
  const all = neededBytes() + brief;
  const toldBefore = told;
  const scratchBefore = scratch;
  const fits =
    all < 0x70000000 &&
    blobs < 0x70000000 &&
    reserveTouched(2 * windows) &&
    reserveKeyBuffer(keyBytes + 16) &&
    reserveValues(keyBytes) &&
    reserveState(<usize>all) &&
    reserveTelling(sessions, blobs);
  // Room that the push takes with it when it fails would be missing for the next, smaller one, and
  // for the tick that frees more.
  if (!fits) shrinkTo(toldBefore, scratchBefore);
  return fits;
}

/** Room for the slices that reading the view of a query merges for a moment. */
export function reserveReading(index: u32): bool {
  if (!readsSlices(index)) return true;
  const own = mergeGrowthBytes(load<u64>(queryState(index), Q_EXTERNAL_MAX));
  const record = blockBytes(load<u32>(queryProgram(index), QUERY_WINDOW_BYTES));
  return own < 0x70000000 && reserveState(<usize>own + record);
}

/** Room for making every window final; answers as `reserveBatch`. */
export function reservePassing(isFirst: bool): u32 {
  if (!boundUntil(i64.MAX_VALUE, isFirst)) return 2;
  return reserveAll(boundWindows(i64.MAX_VALUE)) ? 1 : 0;
}

/**
 * Lists the years of zones that the accepted events may need and the state lacks; false without
 * memory, or where they are more than `most`.
 */
export function listYears(most: u32): bool {
  if (!beginMissing(most)) return false;
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (verdictOf(slot) != VERDICT_ACCEPTED || kindOf(slot) != KIND_EVENT) continue;
    const takers = routeTakers(load<u32>(slot, SLOT_ROUTE));
    for (let t: u32 = 0; t < load<u32>(takers); t++) {
      const taker = takers + 4 + <usize>t * TAKER_BYTES;
      if (!listYearsOf(taker, load<i64>(slot, SLOT_TIME))) return false;
    }
  }
  return true;
}

function listYearsOf(taker: usize, time: i64): bool {
  const role = <u32>load<u16>(taker, TAKER_ROLE);
  if (role == ROLE_TABLE) return true;
  const query = queryProgram(load<u16>(taker, TAKER_INDEX));
  if (load<u8>(query, QUERY_WINDOW_KIND) != WINDOW_CALENDAR) return true;
  if (!listMissing(query, time)) return false;
  return role != ROLE_FROM || listMissing(query, time + load<i64>(query, QUERY_WITHIN));
}
