// Values of the scan: the JSON grammar, walked once from the left. What no path of the plan reads
// is checked and passed; of the members that the plan or the envelope names (query/field.ts writes
// them as a tree) the value is taken. Names are told apart by their length, their first and last
// eight bytes, and then by all; of one object they stand on a stack, so that no name comes twice.
//
// A position is an address; 0 says that the line is odd.

import {
  DATA,
  DEPTH_MAX,
  EVENT_ID,
  EVENT_TIME,
  EVENT_TYPE,
  EVENT_VERSION,
  FLAG_INEXACT,
  KEYS_MAX,
  MEMBER_BYTES,
  MEMBER_FIELD,
  MEMBER_FIRST,
  MEMBER_LAST,
  MEMBER_MEMBERS,
  MEMBER_NAME,
  MEMBER_NAME_BYTES,
  MEMBER_NUMBER,
  MEMBER_OTHER,
  PROGRAM,
  SCAN,
  SOURCE,
  TAG_COMPOSITE,
  TAG_FALSE,
  TAG_NUMBER,
  TAG_STRING,
  TAG_TRUE,
  VALUE_BYTES,
  VALUE_IS_ARRAY,
  VALUE_LENGTH,
  VALUE_PAYLOAD,
} from "./layout";
import { takeData, takeText, timeTaken } from "./scan-envelope";
import {
  STEP_ARRAY,
  STEP_CLOSE,
  STEP_ID,
  STEP_NAME,
  STEP_NUMBER,
  STEP_OPEN,
  STEP_READ,
  STEP_SKIP_NUMBER,
  STEP_SKIP_TEXT,
  STEP_SOURCE,
  STEP_TEXT,
  STEP_TIME,
  STEP_TYPE,
  STEP_VERSION,
  beginSteps,
  step,
} from "./shape";
import { number, numberRead, skipNumber } from "./scan-number";
import { plainEnd, sameBytes, skipText, stringAt, stringBytes, text } from "./scan-text";

const QUOTE: u32 = 0x22;
const COMMA: u32 = 0x2c;
const MINUS: u32 = 0x2d;
const COLON: u32 = 0x3a;
const OPEN_ARRAY: u32 = 0x5b;
const CLOSE_ARRAY: u32 = 0x5d;
const OPEN_OBJECT: u32 = 0x7b;
const CLOSE_OBJECT: u32 = 0x7d;
const TRUE_TEXT: u32 = 0x65757274;
const NULL_TEXT: u32 = 0x6c6c756e;
const FALS_TEXT: u32 = 0x736c6166;
const PROTO_FIRST: u64 = 0x5f6f746f72705f5f; // __proto_
const PROTO_BYTES: u32 = 9;

/** The greatest integer that is exact as a double. */
const EXACT_INTEGERS: f64 = 9007199254740992;

/** Names of the objects that are open: address, length. */
const NAMES_MAX: usize = 1024;
const NAMES: usize = SCAN;
const NAMES_END: usize = NAMES + NAMES_MAX * 8;
let namesTop: usize = NAMES;

/** The values of the event at hand, and what offsets of strings are relative to. */
let row: usize = 0;
let base: usize = 0;
/** The flags of all values in the row. */
export let rowFlags: u32 = 0;
/** Whether values are noted as steps; those in arrays are not. */
let isNoted: bool = false;

export function beginValues(values: usize, text: usize): void {
  row = values;
  base = text;
  rowFlags = 0;
  namesTop = NAMES;
}

/** From here on the walk notes its steps. */
export function beginNotes(): void {
  isNoted = true;
  beginSteps();
}

export function endNotes(): void {
  isNoted = false;
}

/** The first byte from `p` that is no white space of one line. */
@inline
export function blankEnd(p: usize): usize {
  let byte = <u32>load<u8>(p);
  if (byte > 0x20) return p;
  while (byte == 0x20 || byte == 0x09 || byte == 0x0d) byte = <u32>load<u8>(++p);
  return p;
}

@inline
export function isNumber(byte: u32): bool {
  return byte == MINUS || byte - 0x30 < 10;
}

/** The bytes of a literal at `p`; 0 where there is none. */
@inline
function literalBytes(p: usize): usize {
  const word = load<u32>(p);
  if (word == TRUE_TEXT || word == NULL_TEXT) return 4;
  return word == FALS_TEXT && load<u8>(p, 4) == 0x65 ? 5 : 0;
}

/** Passes a value that nobody reads; an object or array that begins here is at `depth`. */
export function skipValue(p: usize, depth: u32): usize {
  const byte = <u32>load<u8>(p);
  if (byte == QUOTE) return skipText(p + 1);
  if (isNumber(byte)) return skipNumber(p);
  if (byte == OPEN_OBJECT) return object(p + 1, depth, 0);
  if (byte == OPEN_ARRAY) return array(p + 1, depth);
  const bytes = literalBytes(p);
  return bytes ? p + bytes : 0;
}

/** Passes an array; `p` is behind its bracket. */
function array(p: usize, depth: u32): usize {
  const wasNoted = isNoted;
  isNoted = false;
  const end = elements(p, depth);
  isNoted = wasNoted;
  return end;
}

function elements(p: usize, depth: u32): usize {
  if (depth > <u32>DEPTH_MAX) return 0;
  p = blankEnd(p);
  if (<u32>load<u8>(p) == CLOSE_ARRAY) return p + 1;
  while (true) {
    p = skipValue(p, depth + 1);
    if (!p) return 0;
    p = blankEnd(p);
    const byte = <u32>load<u8>(p);
    if (byte == CLOSE_ARRAY) return p + 1;
    if (byte != COMMA) return 0;
    p = blankEnd(p + 1);
  }
}

// ── objects ────────────────────────────────────────────────────────────────────────────────────

/** Whether the name stands on the stack from `from` on. */
function isNamed(from: usize, at: usize, bytes: u32): bool {
  for (let entry = from; entry < namesTop; entry += 8) {
    if (load<u32>(entry, 4) != bytes) continue;
    if (sameBytes(load<u32>(entry), at, bytes)) return true;
  }
  return false;
}

/** Where the members that are read begin, at `expected` first: feeds keep to an order. */
@inline
function memberOf(
  members: usize,
  expected: usize,
  at: usize,
  bytes: u32,
  first: u64,
  last: u64,
): usize {
  const start = members + 8;
  const end = start + <usize>load<u32>(members) * MEMBER_BYTES;
  let member = expected < end ? expected : start;
  const stop = member;
  do {
    if (
      load<u64>(member, MEMBER_FIRST) == first &&
      load<u32>(member, MEMBER_NAME_BYTES) == bytes &&
      load<u64>(member, MEMBER_LAST) == last &&
      (bytes <= 16 || sameBytes(PROGRAM + <usize>load<u32>(member, MEMBER_NAME), at, bytes))
    ) {
      return member;
    }
    member += MEMBER_BYTES;
    if (member == end) member = start;
  } while (member != stop);
  return 0;
}

/** Reads an object at `depth`; `p` is behind its brace, `members` what of it is read, or 0. */
export function object(p: usize, depth: u32, members: usize): usize {
  if (depth > <u32>DEPTH_MAX) return 0;
  p = blankEnd(p);
  if (<u32>load<u8>(p) == CLOSE_OBJECT) return p + 1;
  const from = namesTop;
  let expected = members + 8;
  // A bit for each name so far: mostly it is clear, and the name is new for certain.
  let seen: u64 = 0;
  while (true) {
    if (<u32>load<u8>(p) != QUOTE) return 0;
    let at = p + 1;
    const end = plainEnd(at);
    let bytes = <u32>(end - at);
    p = end + 1;
    if (<u32>load<u8>(end) != QUOTE) {
      p = text(at);
      if (!p) return 0;
      at = stringAt;
      bytes = <u32>stringBytes;
    }
    let first = load<u64>(at);
    let last: u64 = 0;
    if (bytes < 8) first &= (<u64>1 << (<u64>bytes << 3)) - 1;
    else if (bytes > 8) last = load<u64>(at + bytes - 8);
    if (first == PROTO_FIRST && bytes == PROTO_BYTES && load<u8>(at, 8) == 0x5f) return 0;
    const bit = <u64>1 << (((first ^ rotl(last, 23)) * 0x9e3779b97f4a7c15) >> 58);
    if (seen & bit && isNamed(from, at, bytes)) return 0;
    seen |= bit;
    if (namesTop == NAMES_END || namesTop - from == KEYS_MAX * 8) return 0;
    store<u32>(namesTop, <u32>at);
    store<u32>(namesTop, bytes, 4);
    namesTop += 8;
    p = blankEnd(p);
    if (<u32>load<u8>(p) != COLON) return 0;
    p = blankEnd(p + 1);
    const member = members ? memberOf(members, expected, at, bytes, first, last) : 0;
    if (member) expected = member + MEMBER_BYTES;
    p = isNoted ? noteMember(p, depth + 1, member) : skipValue(p, depth + 1);
    if (!p) return 0;
    p = blankEnd(p);
    const byte = <u32>load<u8>(p);
    if (byte == CLOSE_OBJECT) {
      namesTop = from;
      return p + 1;
    }
    if (byte != COMMA) return 0;
    p = blankEnd(p + 1);
  }
}

/** Reads a member of an object, `member` where the tree names it, as a step. */
function noteMember(p: usize, depth: u32, member: usize): usize {
  const byte = <u32>load<u8>(p);
  if (byte == OPEN_OBJECT) return noteObject(p, depth, member);
  const end = member ? readMember(p, depth, member) : skipValue(p, depth);
  step(stepOf(byte, member), p, end, member, depth);
  return end;
}

/** Reads the object that begins at `p`. */
export function noteObject(p: usize, depth: u32, member: usize): usize {
  if (!member) return object(p + 1, depth, 0);
  const members = <usize>load<u32>(member, MEMBER_MEMBERS);
  const name = <u32>load<u16>(member, MEMBER_NUMBER);
  if (name != MEMBER_OTHER && name != DATA) return 0;
  openComposite(member);
  step(STEP_OPEN, p, p, member, depth);
  const end = object(p + 1, depth, members ? PROGRAM + members : 0);
  if (!end || name != DATA) return end;
  takeData(p, end);
  step(STEP_CLOSE, end, end, member, depth);
  return end;
}

/** What is done with a value that begins with `byte`. */
function stepOf(byte: u32, member: usize): u32 {
  const name = member ? <u32>load<u16>(member, MEMBER_NUMBER) : MEMBER_OTHER;
  const isRead = member != 0 && load<u16>(member, MEMBER_FIELD) != 0;
  if (byte == QUOTE) {
    if (name == MEMBER_OTHER) return isRead ? STEP_TEXT : STEP_SKIP_TEXT;
    if (name == EVENT_ID) return STEP_ID;
    if (name == EVENT_TYPE) return STEP_TYPE;
    if (name == EVENT_VERSION) return STEP_VERSION;
    if (name == EVENT_TIME) return STEP_TIME;
    return name == SOURCE ? STEP_SOURCE : STEP_NAME;
  }
  if (isNumber(byte)) return isRead ? STEP_NUMBER : STEP_SKIP_NUMBER;
  return byte == OPEN_ARRAY ? STEP_ARRAY : STEP_READ;
}

// ── what is read ───────────────────────────────────────────────────────────────────────────────

@inline
function setTag(field: u32, tag: u32): void {
  if (field) store<u8>(row + <usize>(field - 1) * VALUE_BYTES, tag);
}

@inline
export function setArray(field: u32): void {
  if (!field) return;
  setTag(field, TAG_COMPOSITE);
  store<u8>(row + <usize>(field - 1) * VALUE_BYTES, 1, VALUE_IS_ARRAY);
}

@inline
export function setNumber(field: u32, value: f64): void {
  const cell = row + <usize>(field - 1) * VALUE_BYTES;
  const flags: u32 = abs(value) > EXACT_INTEGERS ? FLAG_INEXACT : 0;
  rowFlags |= flags;
  store<u32>(cell, TAG_NUMBER | (flags << 8));
  store<f64>(cell, value, VALUE_PAYLOAD);
}

@inline
export function setString(field: u32, at: usize, bytes: usize): void {
  const cell = row + <usize>(field - 1) * VALUE_BYTES;
  store<u32>(cell, TAG_STRING);
  store<u32>(cell, <u32>bytes, VALUE_LENGTH);
  store<u32>(cell, <u32>(at - base), VALUE_PAYLOAD);
}

/** The value of a member is an object. */
export function openComposite(member: usize): void {
  setTag(<u32>load<u16>(member, MEMBER_FIELD), TAG_COMPOSITE);
}

/** Reads the value of a member that is named in the tree, and of which no member is, if any. */
export function readMember(p: usize, depth: u32, member: usize): usize {
  const name = <u32>load<u16>(member, MEMBER_NUMBER);
  const field = <u32>load<u16>(member, MEMBER_FIELD);
  const byte = <u32>load<u8>(p);
  if (byte == QUOTE) {
    const end = text(p + 1);
    if (!end) return 0;
    if (name != MEMBER_OTHER && !takeText(name, p, end)) return 0;
    if (!field) return end;
    if (name == EVENT_TIME) setNumber(field, <f64>timeTaken);
    else setString(field, stringAt, stringBytes);
    return end;
  }
  if (byte == OPEN_OBJECT) {
    if (name != MEMBER_OTHER && name != DATA) return 0;
    setTag(field, TAG_COMPOSITE);
    const end = object(p + 1, depth, 0);
    if (end && name == DATA) takeData(p, end);
    return end;
  }
  // Null is absent.
  if (load<u32>(p) == NULL_TEXT) return p + 4;
  if (name != MEMBER_OTHER) return 0;
  if (isNumber(byte)) {
    if (!field) return skipNumber(p);
    const end = number(p);
    if (end) setNumber(field, numberRead);
    return end;
  }
  if (byte == OPEN_ARRAY) {
    setArray(field);
    return array(p + 1, depth);
  }
  const bytes = literalBytes(p);
  if (bytes) setTag(field, bytes == 5 ? TAG_FALSE : TAG_TRUE);
  return bytes ? p + bytes : 0;
}
