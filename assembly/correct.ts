// Corrections: what reprocessing found becomes state. The host computes it from the log, so it is a
// function of the log like all else; it comes as records in the form of changes (emit.ts), of the
// kinds `retract` and `correction`. A reprocess is one entry, and moves no clock.
//
// A record touches the final rows of the view, while the view still holds that time, and of a
// session the end of its key's newest final one. What is open is never corrected.
//
// Final rows stand in no table, so all that are named are found in one walk over them:
//
//   clear  a table in scratch
//   name   each record's row, and its pane, there
//   take   the walk: rows that are named leave the view
//   put    rows that stand instead; panes that are empty go
//
// That may be long, so it goes in steps: between two the state is no state, and nobody may look.

import {
  CHANGE_BYTES_TOTAL,
  CHANGE_CORRECTION,
  CHANGE_END,
  CHANGE_HEADER_BYTES,
  CHANGE_KEY_BYTES,
  CHANGE_KIND,
  CHANGE_QUERY,
  CHANGE_REVISION,
  CHANGE_START,
  CHANGE_VALUE_BYTES,
  PROGRAM,
  PROGRAM_DEDUP,
  QUERY_GRACE,
  QUERY_RETAIN,
  QUERY_TEXTS,
  QUERY_WINDOW_BYTES,
  QUERY_WINDOW_KIND,
  WINDOW_SESSION,
} from "./layout";
import { beginBatch } from "./batch";
import { KEY_HEADER_BYTES, findEncoded, internEncoded, reserveKeyBuffer } from "./dictionary";
import { needTable } from "./hash";
import { beginNeed, needBlocks, neededBytes } from "./need";
import { clearNamed, givePane, isNamed, name, paneNamed, reserveNamed } from "./named";
import {
  FINAL_HEADER_BYTES,
  PANE_BYTES,
  dropPane,
  isFinalPane,
  openFinalPane,
  paneEnd,
  paneHead,
  paneNext,
  paneStart,
  putFinal,
  takeFinal,
} from "./pane";
import { queryProgram } from "./program";
import { reserveState, scratch, scratchAlloc, shrinkTo, told } from "./regions";
import { RECORD_NEXT, endOf, keyOf, startOf } from "./record";
import { addFinalSession, dropSession, keepEnd } from "./session";
import {
  Q_EXTERNAL_MAX,
  Q_FINALS,
  Q_PANES,
  S_CLOCK,
  S_KEYS,
  S_POSITION,
  increment,
  queryState,
} from "./state";
import { needTimers } from "./timer";

/** Where the records lie in scratch, and how long they are. */
let records: i32 = 0;
let recordsBytes: usize = 0;

/** Room for `bytes` of records, in the place of a batch; their address, 0 without memory. */
export function holdCorrections(bytes: u32): usize {
  if (beginBatch(0) == 0) return 0;
  records = scratchAlloc(bytes);
  recordsBytes = bytes;
  measured = 0;
  count = 0;
  keyMost = 0;
  return records < 0 ? 0 : scratch + records;
}

/** How far the records were measured, how many these are, and the longest key of them. */
let measured: usize = 0;
let count: u32 = 0;
let keyMost: usize = 0;

/**
 * Room for what the records become, some `most` of which are measured at a time: 2 where there is
 * more to do, 1 where all is there, 0 where the host has no memory.
 */
export function reserveCorrections(most: u32): u32 {
  if (measured == 0) beginNeed();
  for (; measured < recordsBytes; most--) {
    if (most == 0) return 2;
    measure(scratch + records + measured);
  }
  needTable(S_KEYS, count);
  needTimers(2 * <u64>count);
  const all = neededBytes();
  const toldBefore = told;
  const scratchBefore = scratch;
  const fits =
    all < 0x70000000 &&
    reserveKeyBuffer(keyMost + 16) &&
    reserveNamed(2 * count) &&
    reserveState(<usize>all);
  if (!fits) shrinkTo(toldBefore, scratchBefore);
  at = 0;
  phase = CLEAR;
  return fits ? 1 : 0;
}

function measure(record: usize): void {
  const key = <usize>load<u32>(record, CHANGE_KEY_BYTES);
  const value = <usize>load<u32>(record, CHANGE_VALUE_BYTES);
  const query = queryProgram(load<u16>(record, CHANGE_QUERY));
  keyMost = max(keyMost, key);
  needBlocks(1, KEY_HEADER_BYTES + key);
  needBlocks(1, PANE_BYTES);
  // A row of slices is one block, any other a record, and its value apart where it is long.
  needBlocks(1, load<u32>(query, QUERY_WINDOW_BYTES));
  needBlocks(1, value);
  needBlocks(1, FINAL_HEADER_BYTES + value);
  count++;
  measured += load<u32>(record, CHANGE_BYTES_TOTAL);
}

const CLEAR: u32 = 3;
const NAME: u32 = 0;
const TAKE: u32 = 1;
const PUT: u32 = 2;

let phase: u32 = CLEAR;
/** Of which record it is the turn: so far into the records. */
let at: usize = 0;
/** The walk: a pane, or a session, and in a pane the row before the next one, 0 at its head. */
let walked: usize = 0;
let before: usize = 0;
let isInPane: bool = false;

/**
 * The entry becomes state, some `most` records and rows at a time. True where there is more to do.
 */
export function correctState(most: u32): bool {
  if (recordsBytes == 0) {
    increment(S_POSITION);
    return false;
  }
  const index = <u32>load<u16>(scratch + records, CHANGE_QUERY);
  const query = queryProgram(index);
  const isSession = load<u8>(query, QUERY_WINDOW_KIND) == WINDOW_SESSION;
  for (; most > 0; most--) {
    if (phase == CLEAR) {
      if (clearNamed()) phase = NAME;
      continue;
    }
    if (phase == TAKE) {
      if (isSession ? takeSession() : takeInPane()) continue;
      phase = PUT;
      at = 0;
    }
    const record = scratch + records + at;
    at += load<u32>(record, CHANGE_BYTES_TOTAL);
    if (phase == NAME) {
      if (isSession || isInView(record, query)) nameRow(record, isSession);
      if (at < recordsBytes) continue;
      phase = TAKE;
      before = 0;
      isInPane = false;
      walked = load<u32>(queryState(index) + (isSession ? Q_FINALS : Q_PANES));
      continue;
    }
    if (isSession) putSession(record, index, query);
    else if (isInView(record, query)) putInPane(record, index, query);
    if (at < recordsBytes) continue;
    increment(S_POSITION);
    return false;
  }
  return true;
}

@inline
function isCorrection(record: usize): bool {
  return load<u8>(record, CHANGE_KIND) == CHANGE_CORRECTION;
}

@inline
function keyAt(record: usize): usize {
  return record + CHANGE_HEADER_BYTES;
}

@inline
function valueAt(record: usize): usize {
  return keyAt(record) + <usize>load<u32>(record, CHANGE_KEY_BYTES);
}

/** Whether the view still holds the rows of the record's window. */
function isInView(record: usize, query: usize): bool {
  const due = load<i64>(query, QUERY_GRACE) + load<i64>(query, QUERY_RETAIN);
  return load<i64>(S_CLOCK) < load<i64>(record, CHANGE_END) + due;
}

/** The key that the record names, made where there is none; somebody refers to it at once. */
function internKeyOf(record: usize): usize {
  const bytes = load<u32>(record, CHANGE_KEY_BYTES);
  return internEncoded(load<u16>(record, CHANGE_QUERY), keyAt(record), bytes);
}

function findKeyOf(record: usize): usize {
  const bytes = load<u32>(record, CHANGE_KEY_BYTES);
  return findEncoded(load<u16>(record, CHANGE_QUERY), keyAt(record), bytes);
}

/** What bounds a value of the query as it is read covers this one, whose strings never lay here. */
function coverValue(index: u32, query: usize, bytes: u64): void {
  if (load<u32>(query, QUERY_TEXTS) == 0) return;
  const most = queryState(index) + Q_EXTERNAL_MAX;
  store<u64>(most, max(load<u64>(most), bytes));
}

// ── by phases ──────────────────────────────────────────────────────────────────────────────────

function nameRow(record: usize, isSession: bool): void {
  const start = load<i64>(record, CHANGE_START);
  const end = load<i64>(record, CHANGE_END);
  if (!isSession) name(0, start, end);
  const key = findKeyOf(record);
  if (key) name(key, start, end);
}

/** Goes on by one final session; false where there is none. */
function takeSession(): bool {
  const session = walked;
  if (!session) return false;
  walked = load<u32>(session, RECORD_NEXT);
  if (isNamed(keyOf(session), startOf(session), endOf(session))) dropSession(session);
  return true;
}

/** Goes on by one row of a pane that is named, or one pane; false where there is none. */
function takeInPane(): bool {
  const pane = walked;
  if (!pane) return false;
  const start = paneStart(pane);
  const end = paneEnd(pane);
  if (!isInPane) {
    isInPane = isFinalPane(pane) && givePane(start, end, pane);
    before = 0;
    if (!isInPane) walked = paneNext(pane);
    return true;
  }
  const row = before ? <usize>load<u32>(before, RECORD_NEXT) : paneHead(pane);
  if (!row) {
    isInPane = false;
    walked = paneNext(pane);
  } else if (isNamed(keyOf(row), start, end)) takeFinal(pane, before, row);
  else before = row;
  return true;
}

function putInPane(record: usize, index: u32, query: usize): void {
  const start = load<i64>(record, CHANGE_START);
  const end = load<i64>(record, CHANGE_END);
  let pane = paneNamed(start, end);
  if (isCorrection(record)) {
    if (!pane) {
      pane = openFinalPane(index, query, start, end, true);
      givePane(start, end, pane);
    }
    const bytes = <usize>load<u32>(record, CHANGE_VALUE_BYTES);
    const revision = <u64>load<f64>(record, CHANGE_REVISION);
    putFinal(pane, internKeyOf(record), revision, valueAt(record), bytes);
    coverValue(index, query, bytes);
  }
  // Those of one window stand together.
  const next = scratch + records + at;
  const isLast =
    at == recordsBytes ||
    load<i64>(next, CHANGE_START) != start ||
    load<i64>(next, CHANGE_END) != end;
  if (isLast && pane && !paneHead(pane)) dropPane(pane);
}

function putSession(record: usize, index: u32, query: usize): void {
  if (!isCorrection(record)) return;
  const start = load<i64>(record, CHANGE_START);
  const end = load<i64>(record, CHANGE_END);
  const isRow = isInView(record, query);
  // An end before `T - dedup` need not be kept.
  const isKept = load<i64>(S_CLOCK) < end + load<i64>(PROGRAM, PROGRAM_DEDUP) + 1;
  if (!isRow && !isKept) return;
  const key = internKeyOf(record);
  if (isKept) keepEnd(index, key, end);
  if (!isRow) return;
  const bytes = <usize>load<u32>(record, CHANGE_VALUE_BYTES);
  const revision = <u64>load<f64>(record, CHANGE_REVISION);
  addFinalSession(index, query, key, start, end, revision, valueAt(record), bytes);
  coverValue(index, query, bytes);
}
