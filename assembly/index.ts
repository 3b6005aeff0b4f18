// The ABI of the core, on one screen. The host writes the compiled plan at PROGRAM, then:
//
//   open                     a fresh state
//   begin, bytes → scan      a batch of lines, cut and read by the fast lane; what is odd the host
//                            fills (odd, sealLine)
//   probe → reserve          their verdicts, and room for the worst; no state moves
//   accept → seal → reserve  the same for entries of the log, all of them accepted once
//   apply …                  state moves; 1: take the changes and call again, 0: done
//   end                      the batch is given back, applied or not
//   hold → reserveCorrections → correct   a reprocess: what it found, as records; state moves
//   flush …                  likewise
//   trace                    once, first: what a window takes stands among the changes
//   watch                    so do the rows that a push changes, and those that are gone
//   readBegin → rows …, late → readEnd   behind the batch of a push under way, left as it is
//   stats, queryStats        what is counted, in a buffer
//   image                    where state and told lie, to be copied; restore makes room for them
//
// Addresses and counts are u32, times cross as f64. A false answer is "no memory", before any
// change. Views of the memory are remade by the host after each call (core.ts, one place).

import "./abort";
import { bringYears, missingList, missingYears } from "./zone";
import {
  ENGINE_BYTES,
  ENGINE_CLOCK,
  ENGINE_FORGOTTEN,
  ENGINE_HORIZON,
  ENGINE_IDENTITIES,
  ENGINE_INEXACT,
  ENGINE_MOVED_CLOCK,
  ENGINE_MOVED_RECEIVED,
  ENGINE_POSITION,
  LATE_BYTES,
  LATE_LISTED_MAX,
  STATS_APPLIED,
  STATS_BYTES,
  STATS_LATE,
  STATS_LATE_FACTS,
  STATS_OPEN,
  STATS_REPEATED,
  STATS_ROWS,
  STATS_UNKEYED,
  STATS_UNMATCHED,
  STATS_WAITING,
} from "./layout";
import { applyBatch, beginApply } from "./apply";
import { arenaOpen } from "./arena";
import {
  acceptBatch,
  beginBatch,
  endBatch,
  extendBatch,
  gatherEntries,
  oddFrom,
  sealEvent,
  slotCount,
  unsettledFrom,
} from "./batch";
import { RECEIVED_UNKNOWN, beginPassing, clockOpen, passAll } from "./clock";
import { correctState, holdCorrections, reserveCorrections as roomForCorrections } from "./correct";
import { dedupeOpen, horizonAt } from "./dedupe";
import { findKeyAt } from "./dictionary";
import { outOffset, returnOut, takeOut } from "./emit";
import { reserveImage, stateBytes } from "./image";
import { copyLate } from "./late";
import { identityCount } from "./identity-table";
import { openMarks } from "./mark";
import { probeBatch, sealLogged } from "./probe";
import { checkProgram } from "./program";
import {
  reserveState,
  resetRegions,
  scratch,
  scratchAlloc,
  scratchMark,
  scratchReturn,
} from "./regions";
import {
  borrowValues,
  listYears,
  reserveBatch,
  reservePassing,
  reserveReading,
} from "./room";
import { beginNoRows, beginRows, readsSlices, parkRows, resumeRows, writeRows } from "./row";
import { scanBatch } from "./scan";
import { openNumbers } from "./scan-number";
import { openTimes } from "./scan-time";
import { countOpenWindows } from "./slice";
import {
  NO_TIME,
  Q_APPLIED,
  Q_LATE,
  Q_LATE_FACTS,
  Q_OPEN,
  Q_REPEATED,
  Q_ROWS,
  Q_UNKEYED,
  Q_UNMATCHED,
  Q_WAITING,
  S_CLOCK,
  S_FORGOTTEN,
  S_HORIZON,
  S_INEXACT,
  S_MOVED_CLOCK,
  S_MOVED_RECEIVED,
  S_POSITION,
  queryState,
  stateHeadBytes,
} from "./state";
import { firstTellingTime } from "./timer";
import { toldOpen } from "./told";
import { imageAt, imageBytes, imageRun } from "./told-pages";
import { traceWindow } from "./trace";
import { watchQuery } from "./watch";

export function open(): bool {
  checkProgram();
  openNumbers();
  openTimes();
  openMarks();
  resetRegions();
  if (!reserveState(stateHeadBytes())) return false;
  arenaOpen();
  toldOpen();
  clockOpen();
  store<i64>(S_MOVED_CLOCK, NO_TIME);
  store<i64>(S_MOVED_RECEIVED, NO_TIME);
  dedupeOpen();
  return true;
}

/** A fresh state whose first entry will stand at `position`: those before it were trimmed. */
export function startAt(position: f64): void {
  assert(load<u64>(S_POSITION) == 0);
  store<u64>(S_POSITION, <u64>position);
}

/** The address of the scratch header of a batch of `bytes` bytes; 0: no memory. */
export function begin(bytes: u32): usize {
  return beginBatch(bytes);
}

/** Cuts and reads the batch's bytes, all received at `receivedAt` (ms, NaN where unknown). */
export function scan(bytes: u32, receivedAt: f64): bool {
  return scanBatch(bytes, isNaN(receivedAt) ? RECEIVED_UNKNOWN : <i64>receivedAt);
}

/** How many lines the batch has. */
export function lines(): u32 {
  return slotCount;
}

/** The first line from `line` on that the host has to fill; the count of lines: none. */
export function odd(line: u32): u32 {
  return oddFrom(line);
}

/** The first line from `line` on that the host has to settle; the count of lines: none. */
export function unsettled(line: u32): u32 {
  return unsettledFrom(line);
}

/** After `probe`, the accepted lines, each ended by a newline, at this address; 0: no memory. */
export function gather(): usize {
  return gatherEntries();
}

/** Room for `bytes` more bytes of strings behind the batch. */
export function extend(bytes: u32): bool {
  return extendBatch(bytes);
}

/** Hashes what the host wrote of the event of a line. */
export function sealLine(line: u32): void {
  sealEvent(line);
}

export function probe(): bool {
  return probeBatch();
}

/** Accepts every line. */
export function accept(): void {
  acceptBatch();
}

/** Entries of the log keep their verdict; for where they bring the clock. */
export function seal(): void {
  sealLogged();
}

/**
 * How many years of zones the accepted lines may need and the state lacks: `most`, or one more
 * where they are more than that; -1 without memory.
 */
export function years(most: i32): i32 {
  const fit = listYears(most);
  const count = <i32>missingYears();
  if (fit) return count;
  return count == most ? most + 1 : -1;
}

/** The list of them: u32 zone, i32 year each. */
export function yearList(): usize {
  return missingList();
}

/** Room for `bytes` of years (YEAR_…) that the host writes there; 0 without memory. */
export function bring(bytes: u32): usize {
  const offset = bringYears(bytes);
  return offset < 0 ? 0 : scratch + offset;
}

/**
 * Room for applying what is accepted, in steps; 2: there is more, 0: no memory. Nothing of scratch
 * stays where it was: ask `batch`.
 */
export function reserve(isFirst: bool): u32 {
  const answer = reserveBatch(isFirst);
  if (answer == 1) beginApply();
  return answer;
}

/** Where the scratch header of the batch lies now. */
export function batch(): usize {
  return scratch;
}

export function apply(): u32 {
  return applyBatch() ? 0 : 1;
}

/** The push is over, whatever became of it: its batch is given back. */
export function end(): void {
  endBatch();
}

/** Room for `bytes` of corrections that the host writes there; 0 without memory. */
export function hold(bytes: u32): usize {
  return holdCorrections(bytes);
}

/** Room for what the corrections become, of `most` at a time; 2: there is more, 0: no memory. */
export function reserveCorrections(most: u32): u32 {
  return roomForCorrections(most);
}

/** The entry that made them becomes state, about `most` rows at a time; true: there is more. */
export function correct(most: u32): bool {
  return correctState(most);
}

/** Makes every window final (`--flush`): `flushBegin`, as `reserve`, then `flush` until it is 0. */
export function flushBegin(isFirst: bool): u32 {
  if (isFirst && beginBatch(0) == 0) return 0;
  const answer = reservePassing(isFirst);
  if (answer == 1) beginPassing();
  return answer;
}

export function flush(): u32 {
  return passAll() ? 0 : 1;
}

/** From now on what the query's window [start, end) takes is written beside the changes. */
export function trace(query: u32, start: f64, end: f64): void {
  traceWindow(query, <i64>start, <i64>end);
}

/** From now on the rows that a push changes of the query are told, and those that are gone. */
export function watch(query: u32, on: bool): void {
  watchQuery(query, on);
}

let readMark: usize = 0;

/** Room for reading rows and lists; false where the host has no memory. `readEnd` gives it back. */
export function readBegin(): bool {
  readMark = scratchMark();
  list = scratchAlloc(LATE_LISTED_MAX * LATE_BYTES);
  if (borrowValues() && list >= 0) return true;
  readEnd();
  return false;
}

export function readEnd(): void {
  returnOut();
  scratchReturn(readMark);
}

/** A place in scratch for the encoded key whose rows are asked for; 0 without memory. */
export function rowsKey(bytes: usize): usize {
  keyAt = scratchAlloc(bytes);
  return keyAt < 0 ? 0 : scratch + keyAt;
}

let keyAt: i32 = 0;

/** Of the key of so many bytes that lies at `rowsKey`; 0: of every key. */
export function rowsBegin(query: u32, keyBytes: usize): bool {
  if (!reserveReading(query)) return false;
  const key = keyBytes ? findKeyAt(query, scratch + keyAt, keyBytes) : 0;
  if (keyBytes && !key) beginNoRows();
  else beginRows(query, key);
  return true;
}

/** A walk over all rows stands aside after a buffer, and goes on after another `readBegin`. */
export function rowsPark(): void {
  parkRows();
}

export function rowsResume(query: u32): bool {
  if (!reserveReading(query)) return false;
  resumeRows();
  return true;
}

export function rows(from: f64, to: f64): u32 {
  return writeRows(<i64>from, <i64>to) ? 0 : 1;
}

/** The buffer of changes and rows, and how many bytes lie in it; taking empties it. */
export function out(): usize {
  return outOffset();
}

export function take(): usize {
  return takeOut();
}

/** Listed late events of a query, at `lateList`; how many. */
export function late(query: u32): u32 {
  return copyLate(query, scratch + list);
}

let list: i32 = 0;
const numbers: usize = memory.data(STATS_BYTES, 8);

export function lateList(): usize {
  return scratch + list;
}

function time(t: i64): f64 {
  return t == NO_TIME ? NaN : <f64>t;
}

/** The numbers of the engine (ENGINE_…), at the address returned. */
export function stats(): usize {
  const clock = load<i64>(S_CLOCK);
  store<f64>(numbers, time(clock), ENGINE_CLOCK);
  store<f64>(numbers, <f64>load<u64>(S_POSITION), ENGINE_POSITION);
  store<f64>(numbers, <f64>load<u64>(S_INEXACT), ENGINE_INEXACT);
  store<f64>(numbers, time(max(load<i64>(S_HORIZON), horizonAt(clock))), ENGINE_HORIZON);
  store<f64>(numbers, <f64>load<u64>(S_FORGOTTEN), ENGINE_FORGOTTEN);
  store<f64>(numbers, time(load<i64>(S_MOVED_CLOCK)), ENGINE_MOVED_CLOCK);
  store<f64>(numbers, time(load<i64>(S_MOVED_RECEIVED)), ENGINE_MOVED_RECEIVED);
  store<f64>(numbers, identityCount(), ENGINE_IDENTITIES);
  return numbers;
}

/** The first instant of the clock at which something is told or taken; NaN where nothing is. */
export function due(): f64 {
  const first = firstTellingTime();
  return first == i64.MAX_VALUE ? NaN : <f64>first;
}

/** The numbers of one query (STATS_…), at the address returned. */
export function queryStats(query: u32): usize {
  const state = queryState(query);
  store<f64>(numbers, <f64>load<u64>(state, Q_APPLIED), STATS_APPLIED);
  store<f64>(numbers, <f64>load<u64>(state, Q_LATE), STATS_LATE);
  store<f64>(numbers, <f64>load<u64>(state, Q_UNKEYED), STATS_UNKEYED);
  store<f64>(numbers, <f64>load<u64>(state, Q_LATE_FACTS), STATS_LATE_FACTS);
  store<f64>(numbers, <f64>load<u64>(state, Q_REPEATED), STATS_REPEATED);
  store<f64>(numbers, <f64>load<u64>(state, Q_UNMATCHED), STATS_UNMATCHED);
  store<f64>(numbers, <f64>load<u64>(state, Q_WAITING), STATS_WAITING);
  const open = readsSlices(query) ? countOpenWindows(query) : load<u64>(state, Q_OPEN);
  const sliced = readsSlices(query) ? open : 0;
  store<f64>(numbers, <f64>open, STATS_OPEN);
  store<f64>(numbers, <f64>(load<u64>(state, Q_ROWS) + sliced), STATS_ROWS);
  assert(ENGINE_BYTES <= STATS_BYTES);
  return numbers;
}

export function stateLength(): usize {
  return stateBytes();
}

export function toldLength(): usize {
  return imageBytes();
}

/** Where byte `at` of told's image lies, and how many stand there one behind the other. */
export function toldAt(at: usize): usize {
  return imageAt(at);
}

export function toldRun(at: usize): usize {
  return imageRun(at);
}

/** Room for an image in an instance just opened, whose head of told was copied in. */
export function restore(stateLength: usize): bool {
  return reserveImage(stateLength);
}
