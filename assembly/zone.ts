// Zones: calendar windows, whose bounds are where a zone's wall clock shows midnight. What a zone
// does in a year comes from the host (engine/event/zone.ts): the spans in which its offset is
// constant. A batch brings those that its entries may need; the entry that first needs one takes
// it into the state, so the state does not know how the entries were cut into pushes.
//
//   year, in the state a list, in a batch one after another:
//   ┌───────────┬──────┬──────┬───────┬───────────────────────────────┐
//   │ next | –  │ zone │ year │ count │ count × (start i64, offset i64)│
//   └───────────┴──────┴──────┴───────┴───────────────────────────────┘
//
// The start of a local day is the first instant at which the wall clock shows its midnight (plus
// the query's offset), or later: so a day has 23, 24.5 or 25 hours where the zone shifts.

import {
  QUERY_OFFSET,
  QUERY_UNIT,
  QUERY_ZONE,
  SPAN_BYTES,
  UNIT_DAY,
  UNIT_MONTH,
  UNIT_WEEK,
  UNIT_YEAR,
  YEAR_COUNT,
  YEAR_SPANS,
  YEAR_YEAR,
  YEAR_ZONE,
} from "./layout";
import { alloc } from "./arena";
import { civilMonth, civilYear, firstDayOf, floorDiv, splitDay } from "./civil";
import { needBlocks } from "./need";
import { scratch, scratchAlloc, scratchExtend } from "./regions";
import { S_ZONES } from "./state";

const YEAR_NEXT: usize = 0;
const SPAN: usize = SPAN_BYTES;

const DAY: i64 = 86400000;
/** No zone is further from UTC. */
const OFFSET_MAX: i64 = 26 * 3600000;

// ── the years of zones ─────────────────────────────────────────────────────────────────────────

/** The years that came with the batch: an offset in scratch, and their bytes. */
let brought: i32 = 0;
let broughtBytes: usize = 0;

/** Room in scratch for years that the host writes; -1 without memory. */
export function bringYears(bytes: usize): i32 {
  brought = scratchAlloc(bytes);
  broughtBytes = brought < 0 ? 0 : bytes;
  return brought;
}

export function forgetBrought(): void {
  broughtBytes = 0;
}

function yearBytes(year: usize): usize {
  return YEAR_SPANS + <usize>load<u32>(year, YEAR_COUNT) * SPAN;
}

function isYear(at: usize, zone: u32, year: i64): bool {
  return load<u32>(at, YEAR_ZONE) == zone && <i64>load<i32>(at, YEAR_YEAR) == year;
}

/** The year in the state, or 0. */
function knownYear(zone: u32, year: i64): usize {
  let at = <usize>load<u32>(S_ZONES);
  while (at && !isYear(at, zone, year)) at = load<u32>(at, YEAR_NEXT);
  return at;
}

/** Takes a year that the state lacks out of the batch. */
function takeYear(zone: u32, year: i64): void {
  if (knownYear(zone, year)) return;
  let from: usize = scratch + brought;
  const end = from + broughtBytes;
  while (from < end && !isYear(from, zone, year)) from += yearBytes(from);
  assert(from < end);
  if (from >= end) unreachable();
  const bytes = yearBytes(from);
  const at = alloc(bytes);
  memory.copy(at, from, bytes);
  store<u32>(at, load<u32>(S_ZONES), YEAR_NEXT);
  store<u32>(S_ZONES, <u32>at);
}

function utcYear(time: i64): i64 {
  splitDay(floorDiv(time, DAY));
  return civilYear;
}

/** How far from an event the bounds of its window may lie. */
function reachOf(query: usize): i64 {
  const unit = load<u32>(query, QUERY_UNIT);
  if (unit == UNIT_YEAR) return 740 * DAY;
  return unit == UNIT_MONTH ? 64 * DAY : 20 * DAY;
}

/** The years that the window of `time` may need are in the state from now on. */
export function needYears(query: usize, time: i64): void {
  const zone = load<u32>(query, QUERY_ZONE);
  const last = utcYear(time + reachOf(query));
  for (let year = utcYear(time - reachOf(query)); year <= last; year++) takeYear(zone, year);
}

/** Notes what the brought years take in the state. */
export function needBrought(): void {
  let at: usize = scratch + brought;
  const end = at + broughtBytes;
  for (; at < end; at += yearBytes(at)) needBlocks(1, yearBytes(at));
}

// ── what a batch needs ─────────────────────────────────────────────────────────────────────────

/** The years that the state lacks: (zone, year) pairs, an offset in scratch. */
let missing: i32 = 0;
let missingCount: u32 = 0;
let missingMost: u32 = 0;

export function beginMissing(most: u32): bool {
  missingCount = 0;
  missingMost = most;
  missing = scratchAlloc(0);
  return missing >= 0;
}

/** Lists the years that the window of `time` may need; false where the list can hold no more. */
export function listMissing(query: usize, time: i64): bool {
  const zone = load<u32>(query, QUERY_ZONE);
  const last = utcYear(time + reachOf(query));
  for (let year = utcYear(time - reachOf(query)); year <= last; year++) {
    if (knownYear(zone, year) || isListed(zone, year)) continue;
    if (missingCount == missingMost || !scratchExtend(8)) return false;
    const at = scratch + missing + (<usize>missingCount << 3);
    store<u32>(at, zone);
    store<i32>(at, <i32>year, 4);
    missingCount++;
  }
  return true;
}

function isListed(zone: u32, year: i64): bool {
  for (let i: u32 = 0; i < missingCount; i++) {
    const at = scratch + missing + (<usize>i << 3);
    if (load<u32>(at) == zone && <i64>load<i32>(at, 4) == year) return true;
  }
  return false;
}

export function missingList(): usize {
  return scratch + missing;
}

export function missingYears(): u32 {
  return missingCount;
}

// ── local time ─────────────────────────────────────────────────────────────────────────────────

function offsetAt(zone: u32, time: i64): i64 {
  const year = knownYear(zone, utcYear(time));
  assert(year != 0);
  let offset: i64 = 0;
  const end = year + yearBytes(year);
  for (let span = year + YEAR_SPANS; span < end; span += SPAN) {
    if (load<i64>(span) <= time) offset = load<i64>(span, 8);
  }
  return offset;
}

/** The first instant at which the zone's wall clock shows `local`, or later. */
function firstInstant(zone: u32, local: i64): i64 {
  const last = utcYear(local + OFFSET_MAX);
  for (let year = utcYear(local - OFFSET_MAX); year <= last; year++) {
    const known = knownYear(zone, year);
    assert(known != 0);
    const end = known + yearBytes(known);
    for (let span = known + YEAR_SPANS; span < end; span += SPAN) {
      const start = load<i64>(span);
      const after = span + SPAN < end ? load<i64>(span, SPAN) : firstDayOf(year + 1, 1) * DAY;
      const instant = max(start, local - load<i64>(span, 8));
      if (instant < after) return instant;
    }
  }
  return unreachable();
}

/** The first day of the unit that holds a local day. */
function floorDay(unit: u32, day: i64): i64 {
  if (unit == UNIT_DAY) return day;
  // 1970-01-01 was a Thursday.
  if (unit == UNIT_WEEK) return floorDiv(day + 3, 7) * 7 - 3;
  splitDay(day);
  return firstDayOf(civilYear, unit == UNIT_MONTH ? civilMonth : 1);
}

function nextDay(unit: u32, day: i64): i64 {
  if (unit == UNIT_DAY) return day + 1;
  if (unit == UNIT_WEEK) return day + 7;
  splitDay(day);
  return unit == UNIT_MONTH ? firstDayOf(civilYear, civilMonth + 1) : firstDayOf(civilYear + 1, 1);
}

/** The window that `calendarWindow` found. */
export let calendarStart: i64 = 0;
export let calendarEnd: i64 = 0;

/** Finds the calendar window that holds `time`; its years are in the state. */
export function calendarWindow(query: usize, time: i64): void {
  const zone = load<u32>(query, QUERY_ZONE);
  const unit = load<u32>(query, QUERY_UNIT);
  const offset = load<i64>(query, QUERY_OFFSET);
  const local = time + offsetAt(zone, time) - offset;
  let day = floorDay(unit, floorDiv(local, DAY));
  calendarStart = firstInstant(zone, day * DAY + offset);
  // Where the wall clock jumps about midnight, the date at `time` may be the one before, or after.
  while (time < calendarStart) {
    day = floorDay(unit, day - 1);
    calendarStart = firstInstant(zone, day * DAY + offset);
  }
  calendarEnd = firstInstant(zone, nextDay(unit, day) * DAY + offset);
  while (time >= calendarEnd) {
    day = nextDay(unit, day);
    calendarStart = calendarEnd;
    calendarEnd = firstInstant(zone, nextDay(unit, day) * DAY + offset);
  }
}
