// Corrections: what reprocessing found becomes state. The host computes it from the log, so it is a
// function of the log like all else; it comes as records in the form of changes (emit.ts), of the
// kinds `retract` and `correction`. A reprocess is one entry, and moves no clock.
//
// A record touches the final rows of the view, while the view still holds that time, and of a
// session the end of its key's newest final one. What is open is never corrected.

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
import { FINAL_HEADER_BYTES, PANE_BYTES, putFinal, takeFinal } from "./pane";
import { queryProgram } from "./program";
import { reserveState, scratch, scratchAlloc, shrinkTo, told } from "./regions";
import { addFinalSession, dropSession, findFinalSession, keepEnd } from "./session";
import { Q_EXTERNAL_MAX, S_CLOCK, S_KEYS, S_POSITION, increment, queryState } from "./state";
import { needTimers } from "./timer";

/** Where the records lie in scratch, and how long they are. */
let records: i32 = 0;
let recordsBytes: usize = 0;

/** Room for `bytes` of records, in the place of a batch; their address, 0 without memory. */
export function holdCorrections(bytes: u32): usize {
  if (beginBatch(0, 0) == 0) return 0;
  records = scratchAlloc(bytes);
  recordsBytes = bytes;
  return records < 0 ? 0 : scratch + records;
}

/** Room for what the records become; false where the host has no memory. */
export function reserveCorrections(): bool {
  beginNeed();
  let keyBytes: usize = 0;
  let count: u32 = 0;
  const start = scratch + records;
  for (let p = start; p < start + recordsBytes; p += load<u32>(p, CHANGE_BYTES_TOTAL)) {
    const key = <usize>load<u32>(p, CHANGE_KEY_BYTES);
    const value = <usize>load<u32>(p, CHANGE_VALUE_BYTES);
    const query = queryProgram(load<u16>(p, CHANGE_QUERY));
    keyBytes = max(keyBytes, key);
    needBlocks(1, KEY_HEADER_BYTES + key);
    needBlocks(1, PANE_BYTES);
    // A row of slices is one block, any other a record, and its value apart where it is long.
    needBlocks(1, load<u32>(query, QUERY_WINDOW_BYTES));
    needBlocks(1, value);
    needBlocks(1, FINAL_HEADER_BYTES + value);
    count++;
  }
  needTable(S_KEYS, count);
  needTimers(2 * <u64>count);
  const all = neededBytes();
  const toldBefore = told;
  const scratchBefore = scratch;
  const fits = all < 0x70000000 && reserveKeyBuffer(keyBytes + 16) && reserveState(<usize>all);
  if (!fits) shrinkTo(toldBefore, scratchBefore);
  return fits;
}

/** The entry becomes state. */
export function correctState(): void {
  const start = scratch + records;
  for (let p = start; p < start + recordsBytes; p += load<u32>(p, CHANGE_BYTES_TOTAL)) {
    const query = queryProgram(load<u16>(p, CHANGE_QUERY));
    if (load<u8>(query, QUERY_WINDOW_KIND) == WINDOW_SESSION) correctSession(p, query);
    else if (isInView(p, query)) correctInPane(p, query);
  }
  increment(S_POSITION);
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

function correctInPane(record: usize, query: usize): void {
  const index = <u32>load<u16>(record, CHANGE_QUERY);
  const start = load<i64>(record, CHANGE_START);
  const end = load<i64>(record, CHANGE_END);
  if (!isCorrection(record)) {
    const key = findKeyOf(record);
    if (key) takeFinal(index, query, start, end, key);
    return;
  }
  const bytes = <usize>load<u32>(record, CHANGE_VALUE_BYTES);
  const revision = <u64>load<f64>(record, CHANGE_REVISION);
  putFinal(index, query, start, end, internKeyOf(record), revision, valueAt(record), bytes);
  coverValue(index, query, bytes);
}

function correctSession(record: usize, query: usize): void {
  const index = <u32>load<u16>(record, CHANGE_QUERY);
  const start = load<i64>(record, CHANGE_START);
  const end = load<i64>(record, CHANGE_END);
  const known = findKeyOf(record);
  const row = known ? findFinalSession(index, known, start, end) : 0;
  if (!isCorrection(record)) {
    if (row) dropSession(row);
    return;
  }
  const isRow = isInView(record, query);
  // An end before `T - dedup` need not be kept.
  const isKept = load<i64>(S_CLOCK) < end + load<i64>(PROGRAM, PROGRAM_DEDUP) + 1;
  if (!isRow && !isKept) return;
  const key = internKeyOf(record);
  if (isKept) keepEnd(index, key, end);
  if (isRow) {
    const bytes = <usize>load<u32>(record, CHANGE_VALUE_BYTES);
    const revision = <u64>load<f64>(record, CHANGE_REVISION);
    addFinalSession(index, query, key, start, end, revision, valueAt(record), bytes);
    coverValue(index, query, bytes);
  }
  if (row) dropSession(row);
}
