// Following: a line is read along a path of the trie (shape.ts). Each node says which bytes come
// next and what is done with the value behind them, so that no name is looked up, and a value that
// is as it mostly is needs no more than its end.

import {
  DATA,
  NAME_BYTES_MAX,
  TOKEN_LENGTH_MAX,
} from "./layout";
import { addMember, addPart } from "./mark";
import { keptChecks, keptRoute } from "./route";
import {
  checksTaken,
  routeTaken,
  sealSlot,
  takeData,
  takeId,
  takeSource,
  takeTime,
  typeAt,
} from "./scan-envelope";
import { number, numberRead, skipShortNumber } from "./scan-number";
import { closingQuote, plainEnd, tokenEnd } from "./scan-text";
import { time, timeRead } from "./scan-time";
import { charactersEnd } from "./scan-utf8";
import {
  beginNotes,
  blankEnd,
  endNotes,
  isNumber,
  noteObject,
  openComposite,
  readMember,
  setArray,
  setNumber,
  setString,
  skipValue,
} from "./scan-value";
import {
  NODE_ALTERNATE,
  NODE_DEPTH,
  NODE_FIELD,
  NODE_INNER,
  NODE_LENGTH,
  NODE_KIND,
  NODE_CHECKS,
  NODE_CLOSED,
  NODE_IS_TYPED,
  NODE_OTHERS,
  NODE_PART,
  NODE_ROUTE,
  NODE_MEMBER,
  NODE_NEXT,
  NODE_NUMBER,
  NODE_SEGMENT,
  ROOT,
  STEP_ARRAY,
  STEP_CLOSE,
  STEP_END,
  STEP_ID,
  STEP_NAME,
  STEP_NUMBER,
  STEP_ON,
  STEP_OPEN,
  STEP_READ,
  STEP_SKIP_NUMBER,
  STEP_SKIP_TEXT,
  STEP_TEXT,
  STEP_TIME,
  STEP_TYPE,
  STEP_VERSION,
  STEP_SOURCE,
  WIDE,
  countElement,
  countHit,
  elementHits,
  guessed,
  hits,
  isTyped,
  learn,
  learns,
  partLearned,
} from "./shape";

const QUOTE: u32 = 0x22;
const COMMA: u32 = 0x2c;
const CLOSE_ARRAY: u32 = 0x5d;
const OPEN_OBJECT: u32 = 0x7b;

/** Where `data` begins, and where the path ended. */
let dataAt: usize = 0;
let lastNode: usize = 0;

@inline
function begins(p: usize, node: usize): bool {
  const same = i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(node, NODE_SEGMENT)));
  if ((same | load<u16>(node, NODE_OTHERS)) != 0xffff) return false;
  const others = <i32>load<u16>(node, NODE_OTHERS + 2);
  if (others == 0xffff) return true;
  const more = i8x16.bitmask(i8x16.eq(v128.load(p, 16), v128.load(node, NODE_SEGMENT + 16)));
  return (more | others) == 0xffff;
}

/** Whether the value that begins at `p` is of the kind that the step is for. */
function isFor(kind: u32, p: usize): bool {
  if (kind > STEP_NUMBER) return true;
  const byte = <u32>load<u8>(p);
  if (kind >= STEP_SKIP_NUMBER) return isNumber(byte);
  if (kind == STEP_READ) return byte != QUOTE && byte != OPEN_OBJECT && !isNumber(byte);
  return kind != STEP_OPEN || byte == OPEN_OBJECT;
}

/** Does what the step at `node` asks with the value at `p`; where it ends, or 0. */
@inline
function take(kind: u32, p: usize, node: usize, now: u32): usize {
  switch (kind) {
    case STEP_ON:
      return p;
    case STEP_END:
      lastNode = node;
      return 0;
    case STEP_SKIP_TEXT:
      return passText(p, node, now);
    case STEP_SKIP_NUMBER:
      return guessed(node, p, skipShortNumber(p), now);
    case STEP_TEXT:
      return readText(p, node, now);
    case STEP_NUMBER:
      return readNumber(p, node, now);
    case STEP_ARRAY:
      setArray(load<u32>(node, NODE_FIELD));
      return followArray(p, node);
    case STEP_READ:
      return isFor(kind, p) ? readOther(p, node) : 0;
    case STEP_OPEN:
      return openObject(p, node);
    case STEP_CLOSE:
      takeData(dataAt, p);
      return p;
    case STEP_TYPE:
    case STEP_VERSION:
      return slowText(p, node);
    case STEP_TIME:
      return readTime(p, node);
    case STEP_ID:
      return readId(p, node, now);
    default:
      return readName(p, node, kind == STEP_SOURCE, now);
  }
}

/** Follows a path along the line that begins at `p`, into `slot`; the newline behind it, or 0. */
export function followLine(p: usize, slot: usize): usize {
  const end = follow(load<u32>(ROOT), p, hits);
  if (!end) return 0;
  countHit();
  const closed = <usize>load<u8>(lastNode, NODE_CLOSED);
  if (closed) takeData(dataAt, end - closed);
  seal(slot, lastNode);
  return end - 1;
}

/** Follows a path from `node` on along the bytes at `p`; the end behind its last segment, or 0. */
function follow(node: usize, p: usize, now: u32): usize {
  while (node) {
    if (!begins(p, node)) {
      node = load<u32>(node, NODE_ALTERNATE);
      continue;
    }
    const kind = <u32>load<u8>(node, NODE_KIND);
    const from = p + load<u8>(node);
    const end = take(kind, from, node, now);
    if (end) {
      p = end;
      node = load<u32>(node, NODE_NEXT);
    } else {
      if (kind == STEP_END) return from;
      // Of another kind, it may have a path of its own.
      if (isFor(kind, from)) return 0;
      node = load<u32>(node, NODE_ALTERNATE);
    }
  }
  return 0;
}

/** The path that ends with `last` was learned of the event just sealed. */
export function sealShape(last: usize): void {
  if (!last) return;
  store<u8>(last, isTyped ? 1 : 0, NODE_IS_TYPED);
  store<u32>(last, routeTaken, NODE_ROUTE);
  store<u32>(last, <u32>checksTaken, NODE_CHECKS);
  store<u64>(last, partLearned, NODE_PART);
}

/** Nothing is missing where a path ends, since the event that it was learned of was one. */
@inline
function seal(slot: usize, last: usize): void {
  const isKnown = load<u8>(last, NODE_IS_TYPED) != 0;
  const route = isKnown ? load<u32>(last, NODE_ROUTE) : keptRoute(typeAt);
  const checks = isKnown ? <usize>load<u32>(last, NODE_CHECKS) : keptChecks(typeAt);
  addPart(load<u64>(last, NODE_PART));
  sealSlot(slot, route, checks);
}

// ── values: `p` is behind the quote of a string ────────────────────────────────────────────────

@inline
function openObject(p: usize, node: usize): usize {
  if (<u32>load<u8>(p) != OPEN_OBJECT) return 0;
  openComposite(load<u32>(node, NODE_MEMBER));
  if (<u32>load<u8>(node, NODE_NUMBER) == DATA) dataAt = p;
  return p;
}

/** Reads a string that is not as it mostly is, or that is part of the path where it matters. */
function slowText(p: usize, node: usize): usize {
  return readMember(p - 1, load<u8>(node, NODE_DEPTH), load<u32>(node, NODE_MEMBER));
}

/** Sets the field that the string from `p` to `end` is, if it is one. */
@inline
function setText(node: usize, p: usize, end: usize): void {
  const field = load<u32>(node, NODE_FIELD);
  if (field) setString(field, p, end - p);
}

/** Passes a string. Where one was beyond ASCII, others are: they are not looked at twice. */
@inline
function passText(p: usize, node: usize, now: u32): usize {
  const isWide = <u32>load<u8>(node, NODE_LENGTH) == WIDE;
  const end = isWide ? charactersEnd(p) : plainEnd(p);
  if (<u32>load<u8>(end) != QUOTE) return passIntricate(end, node);
  return isWide ? end + 1 : guessed(node, p, end + 1, now);
}

function passIntricate(p: usize, node: usize): usize {
  if (!p) return 0;
  if (<u32>load<u8>(p) >= 0x80) store<u8>(node, WIDE, NODE_LENGTH);
  const end = closingQuote(p);
  return end ? end + 1 : 0;
}

@inline
function readText(p: usize, node: usize, now: u32): usize {
  const end = plainEnd(p);
  if (<u32>load<u8>(end) != QUOTE) return slowText(p, node);
  setString(load<u32>(node, NODE_FIELD), p, end - p);
  return guessed(node, p, end + 1, now);
}

@inline
function readNumber(p: usize, node: usize, now: u32): usize {
  const end = number(p);
  if (end) setNumber(load<u32>(node, NODE_FIELD), numberRead);
  return guessed(node, p, end, now);
}

/** Reads a literal. */
function readOther(p: usize, node: usize): usize {
  const member = <usize>load<u32>(node, NODE_MEMBER);
  const depth = <u32>load<u8>(node, NODE_DEPTH);
  return member ? readMember(p, depth, member) : skipValue(p, depth);
}

@inline
function readTime(p: usize, node: usize): usize {
  if (<u32>load<u8>(p, 24) != QUOTE || !time(p, 24)) return slowText(p, node);
  takeTime(p - 1, p + 25, timeRead);
  const field = load<u32>(node, NODE_FIELD);
  if (field) setNumber(field, <f64>timeRead);
  return p + 25;
}

@inline
function readId(p: usize, node: usize, now: u32): usize {
  const end = tokenEnd(p);
  const bytes = end - p;
  if (<u32>load<u8>(end) != QUOTE) return slowText(p, node);
  if (bytes - 1 >= <usize>TOKEN_LENGTH_MAX) return 0;
  takeId(p, bytes);
  setText(node, p, end);
  return guessed(node, p, end + 1, now);
}

@inline
function readName(p: usize, node: usize, isSource: bool, now: u32): usize {
  const end = plainEnd(p);
  const bytes = end - p;
  if (<u32>load<u8>(end) != QUOTE) return slowText(p, node);
  if (bytes - 1 >= <usize>NAME_BYTES_MAX) return 0;
  if (isSource) takeSource(p, bytes);
  else addMember(load<u8>(node, NODE_NUMBER), p - 1, bytes + 2);
  setText(node, p, end);
  return guessed(node, p, end + 1, now);
}

// ── arrays ─────────────────────────────────────────────────────────────────────────────────────

/** Passes an array; `p` is behind its bracket. Its elements that are objects have shapes, too. */
function followArray(p: usize, array: usize): usize {
  const depth = <u32>load<u8>(array, NODE_DEPTH) + 1;
  p = blankEnd(p);
  if (<u32>load<u8>(p) == CLOSE_ARRAY) return p + 1;
  while (true) {
    let end = follow(load<u32>(array, NODE_INNER), p, elementHits);
    if (end) countElement();
    else {
      end = skipValue(p, depth);
      if (!end) return 0;
      if (<u32>load<u8>(p) == OPEN_OBJECT) learnElement(p, depth, array);
    }
    p = blankEnd(end);
    const byte = <u32>load<u8>(p);
    if (byte == CLOSE_ARRAY) return p + 1;
    if (byte != COMMA) return 0;
    p = blankEnd(p + 1);
  }
}

/** Learns the shape of the object at `p`, which is JSON. */
function learnElement(p: usize, depth: u32, array: usize): void {
  if (!learns()) return;
  beginNotes();
  const end = noteObject(p, depth, 0);
  endNotes();
  learn(array + NODE_INNER, p, end);
}
