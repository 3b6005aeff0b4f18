// The envelope, as the scan meets its members: each is judged, and where its raw value stands is
// noted in the envelope's row, of which the content mark is made (mark.ts), as in the strict lane.
// What does not fit leaves the line to the strict lane, which knows the code.

import {
  CAUSATION_ID,
  CORRELATION_ID,
  DATA,
  EVENT_ID,
  EVENT_TIME,
  EVENT_TYPE,
  EVENT_VERSION,
  NAME_BYTES_MAX,
  SLOT_MARK,
  SLOT_ROUTE,
  SLOT_TIME,
  SOURCE,
  TOKEN_LENGTH_MAX,
} from "./layout";
import { addMember, addPlainTime, beginMark, endMark } from "./mark";
import { addIdentity } from "./scan-identity";
import { keepType, keptChecks, keptRoute } from "./route";
import { isPrintable, stringAt, stringBytes } from "./scan-text";
import { isPlain, time, timeRead } from "./scan-time";

const REQUIRED: u32 =
  (1 << EVENT_ID) |
  (1 << EVENT_TYPE) |
  (1 << EVENT_VERSION) |
  (1 << EVENT_TIME) |
  (1 << CORRELATION_ID) |
  (1 << DATA);

/** A time as machines write it, with its quotes. */
export const PLAIN_TIME_BYTES: usize = 26;

/** A bit for each member that has come. */
let taken: u32 = 0;
let idAt: usize = 0;
let idBytes: usize = 0;
let sourceAt: usize = 0;
let sourceBytes: usize = 0;
/** Where the type is kept. */
export let typeAt: usize = 0;
/** Of the event that was sealed. */
export let routeTaken: u32 = 0;
export let checksTaken: usize = 0;
/** The event time, ms since 1970, once it has come. */
export let timeTaken: i64 = 0;

export function beginEnvelope(): void {
  taken = 0;
  sourceBytes = 0;
  beginMark();
}

@inline
function isToken(): bool {
  return stringBytes - 1 < <usize>TOKEN_LENGTH_MAX && isPrintable(stringAt, stringBytes);
}

/** The end of a run of digits without a leading zero; 0 where there is none. */
function digitsEnd(p: usize, end: usize): usize {
  const from = p;
  while (p < end && <u32>load<u8>(p) - 0x30 < 10) p++;
  return p == from || (p - from > 1 && load<u8>(from) == 0x30) ? 0 : p;
}

function isVersion(): bool {
  const end = stringAt + stringBytes;
  const dot = digitsEnd(stringAt, end);
  return dot != 0 && dot < end && load<u8>(dot) == 0x2e && digitsEnd(dot + 1, end) == end;
}

/** Judges the string just read, the value of a member whose raw text is `from` to `end`. */
export function takeText(member: u32, from: usize, end: usize): bool {
  switch (member) {
    case EVENT_ID:
      if (!isToken()) return false;
      idAt = stringAt;
      idBytes = stringBytes;
      break;
    case EVENT_TYPE:
      if (!isToken()) return false;
      typeAt = keepType(stringAt, <u32>stringBytes);
      break;
    case EVENT_VERSION:
      if (!isVersion()) return false;
      break;
    case EVENT_TIME:
      if (!time(stringAt, stringBytes)) return false;
      timeTaken = timeRead;
      break;
    case SOURCE:
      sourceAt = stringAt;
      sourceBytes = stringBytes;
      if (stringBytes - 1 >= <usize>NAME_BYTES_MAX) return false;
      break;
    case CORRELATION_ID:
    case CAUSATION_ID:
      if (stringBytes - 1 >= <usize>NAME_BYTES_MAX) return false;
      break;
    default:
      return false;
  }
  takeRaw(member, from, end);
  return true;
}

/** Takes the object that is `data`. */
@inline
export function takeData(from: usize, end: usize): void {
  taken |= 1 << DATA;
  addMember(DATA, from, end - from);
}

@inline
function takeRaw(member: u32, from: usize, end: usize): void {
  taken |= 1 << member;
  addRaw(member, from, end);
}

/** Adds a raw value to the mark; the identity stands for its two members in what is compared. */
export function addRaw(member: u32, from: usize, end: usize): void {
  if (member == EVENT_TIME) addTime(from, end);
  else if (member != EVENT_ID && member != SOURCE) addMember(member, from, end - from);
}

/** Adds the time that was read of the raw value from `from` to `end` to the mark. */
@inline
function addTime(from: usize, end: usize): void {
  if (isPlain && end - from == PLAIN_TIME_BYTES) addPlainTime(timeRead);
  else addMember(EVENT_TIME, from, end - from);
}

/** Fills what the envelope says into the slot; false where a member is missing. */
export function sealEnvelope(slot: usize): bool {
  if ((taken & REQUIRED) != REQUIRED) return false;
  sealSlot(slot, keptRoute(typeAt), keptChecks(typeAt));
  return true;
}

/** The same where nothing is missing; `checks` is what the type's schema asks for, or 0. */
@inline
export function sealSlot(slot: usize, route: u32, checks: usize): void {
  addIdentity(sourceAt, sourceBytes, idAt, idBytes, slot);
  routeTaken = route;
  checksTaken = checks;
  store<u32>(slot, route, SLOT_ROUTE);
  store<i64>(slot, timeTaken, SLOT_TIME);
  store<u64>(slot, endMark(), SLOT_MARK);
}

// ── along a path of a shape (scan-follow.ts) ───────────────────────────────────────────────────

/** Takes the identity, the `n` bytes at `p`, which are as they should be. */
@inline
export function takeId(p: usize, n: usize): void {
  idAt = p;
  idBytes = n;
}

@inline
export function takeSource(p: usize, n: usize): void {
  sourceAt = p;
  sourceBytes = n;
}

@inline
export function takeTime(from: usize, end: usize, ms: i64): void {
  timeTaken = ms;
  addTime(from, end);
}
