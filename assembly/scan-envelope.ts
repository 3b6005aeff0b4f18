// The envelope, as the scan meets its members: each is judged, and where its raw value stands is
// noted in the envelope's row, of which the content mark is made (mark.ts), as in the strict lane.
// What does not fit leaves the line to the strict lane, which knows the code.

import {
  CAUSATION_ID,
  CORRELATION_ID,
  DATA,
  ENVELOPE_MEMBERS,
  EVENT_ID,
  EVENT_TIME,
  EVENT_TYPE,
  EVENT_VERSION,
  NAME_BYTES_MAX,
  SLOT_IDENTITY,
  SLOT_MARK,
  SLOT_ROUTE,
  SLOT_TIME,
  SOURCE,
  TOKEN_LENGTH_MAX,
} from "./layout";
import { hashIdentity } from "./hash";
import { markOf } from "./mark";
import { keepType, keptChecks, keptRoute } from "./route";
import { isPrintable, stringAt, stringBytes } from "./scan-text";
import { time, timeRead } from "./scan-time";

const REQUIRED: u32 =
  (1 << EVENT_ID) |
  (1 << EVENT_TYPE) |
  (1 << EVENT_VERSION) |
  (1 << EVENT_TIME) |
  (1 << CORRELATION_ID) |
  (1 << DATA);

/** A bit for each member that has come. */
let taken: u32 = 0;
/** The envelope's row, and what its offsets are relative to. */
let row: usize = 0;
let base: usize = 0;
let idAt: usize = 0;
let idBytes: usize = 0;
let sourceAt: usize = 0;
let sourceBytes: usize = 0;
/** Where the type is kept. */
export let typeAt: usize = 0;
/** The part in the content mark of the members that are not in the row. */
let knownMark: u64 = 0;
/** The event time, ms since 1970, once it has come. */
export let timeTaken: i64 = 0;

export function beginEnvelope(envelope: usize, text: usize): void {
  taken = 0;
  knownMark = 0;
  sourceBytes = 0;
  row = envelope;
  base = text;
  for (let span = row; span < row + ENVELOPE_MEMBERS * 8; span += 16) {
    v128.store(span, i64x2.splat(0));
  }
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
  takeRaw(DATA, from, end);
}

@inline
function takeRaw(member: u32, from: usize, end: usize): void {
  taken |= 1 << member;
  store<u32>(row + ((<usize>member) << 3), <u32>(from - base));
  store<u32>(row + ((<usize>member) << 3), <u32>(end - from), 4);
}

/** Fills what the envelope says into the slot; false where a member is missing. */
export function sealEnvelope(slot: usize): bool {
  if ((taken & REQUIRED) != REQUIRED) return false;
  hashIdentity(sourceAt, sourceBytes, idAt, idBytes, slot + SLOT_IDENTITY);
  store<u32>(slot, keptRoute(typeAt), SLOT_ROUTE);
  store<i64>(slot, timeTaken, SLOT_TIME);
  store<u64>(slot, knownMark + markOf(row, base), SLOT_MARK);
  return true;
}

/** What the schema of the sealed event's type asks for; 0: it has none. */
@inline
export function checksOfType(): usize {
  return keptChecks(typeAt);
}

// ── along a path of a shape (scan-follow.ts) ───────────────────────────────────────────────────

/** The version that came last, with its quote: a word, its bytes, its part in a content mark. */
let versionWord: u64 = 1;
let versionMask: u64 = 0;
export let versionBytes: usize = 0;
let versionMark: u64 = 0;

/** Takes an identity or a name, the `n` bytes at `p`, which are as they should be. */
@inline
export function takeName(member: u32, p: usize, n: usize): void {
  if (member == EVENT_ID) {
    idAt = p;
    idBytes = n;
  } else if (member == SOURCE) {
    sourceAt = p;
    sourceBytes = n;
  }
  takeRaw(member, p - 1, p + n + 1);
}

@inline
export function takeTime(from: usize, end: usize, ms: i64): void {
  timeTaken = ms;
  takeRaw(EVENT_TIME, from, end);
}

/** Takes a type that route.ts keeps, and its part in a mark. */
@inline
export function takeType(kept: usize, mark: u64): void {
  typeAt = kept;
  taken |= 1 << EVENT_TYPE;
  knownMark += mark;
}

/** Takes the version that came last. */
@inline
export function takeVersion(): void {
  taken |= 1 << EVENT_VERSION;
  knownMark += versionMark;
}

/** Whether the string that begins at `p` is the version that came last. */
@inline
export function isVersionKept(p: usize): bool {
  return (load<u64>(p) & versionMask) == versionWord;
}

/** Keeps the version that is the `n` bytes at `p`, and its part in a mark. */
export function keepVersion(p: usize, n: usize, mark: u64): void {
  if (n > 7) return;
  versionMask = u64.MAX_VALUE >> ((7 - <u64>n) << 3);
  versionWord = load<u64>(p) & versionMask;
  versionBytes = n;
  versionMark = mark;
}
