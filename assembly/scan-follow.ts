// Following: a line is read along a path of the trie (shape.ts). Each node says which bytes come
// next and what is done with the value behind them, so that no name is looked up, and a value that
// is as it mostly is needs no more than its end.

import {
  DATA,
  EVENT_TYPE,
  EVENT_VERSION,
  NAME_BYTES_MAX,
  TOKEN_LENGTH_MAX,
} from "./layout";
import { markOfMember } from "./mark";
import { isKept, keepMark, keptBytes, keptMark } from "./route";
import {
  isVersionKept,
  keepVersion,
  sealEnvelope,
  takeData,
  takeName,
  takeTime,
  takeType,
  takeVersion,
  typeAt,
  versionBytes,
} from "./scan-envelope";
import { number, numberRead, skipShortNumber } from "./scan-number";
import { plainEnd, skipText, stringAt, stringBytes, tokenEnd } from "./scan-text";
import { time, timeRead } from "./scan-time";
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
  NODE_KIND,
  NODE_MASK,
  NODE_MEMBER,
  NODE_NEXT,
  NODE_NUMBER,
  NODE_SEGMENT,
  ROOT,
  STEP_ARRAY,
  STEP_CLOSE,
  STEP_ELEMENT_END,
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
  countHit,
  learn,
  learns,
} from "./shape";

const NEWLINE: u32 = 10;
const QUOTE: u32 = 0x22;
const COMMA: u32 = 0x2c;
const CLOSE_ARRAY: u32 = 0x5d;
const OPEN_OBJECT: u32 = 0x7b;

@inline
function begins(p: usize, node: usize): bool {
  const mask = load<u32>(node, NODE_MASK);
  const same = i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(node, NODE_SEGMENT)));
  if (mask < 0x10000) return (mask & ~same) == 0;
  const more = i8x16.bitmask(i8x16.eq(v128.load(p, 16), v128.load(node, NODE_SEGMENT + 16)));
  return (mask & ~(same | (more << 16))) == 0;
}

/** Whether the value that begins at `p` is of the kind that the step is for. */
@inline
function isFor(kind: u32, p: usize): bool {
  if (kind > STEP_NUMBER) return true;
  const byte = <u32>load<u8>(p);
  if (kind >= STEP_SKIP_NUMBER) return isNumber(byte);
  if (kind == STEP_READ) return byte != QUOTE && byte != OPEN_OBJECT && !isNumber(byte);
  return kind != STEP_OPEN || byte == OPEN_OBJECT;
}

/** Follows a path along the line that begins at `p`, into `slot`; the newline behind it, or 0. */
export function follow(p: usize, slot: usize): usize {
  let node = <usize>load<u32>(ROOT);
  let dataAt: usize = 0;
  while (node) {
    const kind = <u32>load<u8>(node, NODE_KIND);
    const from = p + load<u8>(node);
    if (!begins(p, node) || !isFor(kind, from)) {
      node = load<u32>(node, NODE_ALTERNATE);
      continue;
    }
    p = from;
    switch (kind) {
      case STEP_ON:
        break;
      case STEP_SKIP_TEXT:
        p = skipText(p);
        break;
      case STEP_SKIP_NUMBER:
        p = skipShortNumber(p);
        break;
      case STEP_TEXT:
        p = readText(p, node);
        break;
      case STEP_NUMBER:
        p = number(p);
        if (p) setNumber(load<u32>(node, NODE_FIELD), numberRead);
        break;
      case STEP_ARRAY:
        setArray(load<u32>(node, NODE_FIELD));
        p = followArray(p, node);
        break;
      case STEP_READ:
        p = readOther(p, node);
        break;
      case STEP_OPEN:
        openComposite(load<u32>(node, NODE_MEMBER));
        if (<u32>load<u8>(node, NODE_NUMBER) == DATA) dataAt = p;
        break;
      case STEP_CLOSE:
        takeData(dataAt, p);
        break;
      case STEP_END:
        if (<u32>load<u8>(p) != NEWLINE || !sealEnvelope(slot)) return 0;
        countHit();
        return p;
      case STEP_TYPE:
        p = readType(p, node);
        break;
      case STEP_VERSION:
        p = readVersion(p, node);
        break;
      case STEP_TIME:
        p = readTime(p, node);
        break;
      default:
        p = readName(p, node, kind == STEP_ID);
    }
    if (!p) return 0;
    node = load<u32>(node, NODE_NEXT);
  }
  return 0;
}

// ── values: `p` is behind the quote of a string ────────────────────────────────────────────────

/** Reads a string that is not as it mostly is. */
function slowText(p: usize, node: usize): usize {
  return readMember(p - 1, load<u8>(node, NODE_DEPTH), load<u32>(node, NODE_MEMBER));
}

/** Sets the field that the string from `p` to `end` is, if it is one. */
@inline
function setText(node: usize, p: usize, end: usize): void {
  const field = load<u32>(node, NODE_FIELD);
  if (field) setString(field, p, end - p);
}

@inline
function readText(p: usize, node: usize): usize {
  const end = plainEnd(p);
  if (<u32>load<u8>(end) != QUOTE) return slowText(p, node);
  setString(load<u32>(node, NODE_FIELD), p, end - p);
  return end + 1;
}

/** Reads a literal. */
function readOther(p: usize, node: usize): usize {
  const member = <usize>load<u32>(node, NODE_MEMBER);
  const depth = <u32>load<u8>(node, NODE_DEPTH);
  return member ? readMember(p, depth, member) : skipValue(p, depth);
}

/** Of a feed most events have the type of one before: then it need not be looked up. */
@inline
function readType(p: usize, node: usize): usize {
  const kept = <usize>load<u32>(node, NODE_INNER);
  const mark = kept ? keptMark(kept) : 0;
  if (mark && isKept(kept, p)) {
    takeType(kept, mark);
    setText(node, p, p + keptBytes(kept));
    return p + keptBytes(kept) + 1;
  }
  const end = slowText(p, node);
  if (end && stringAt == p) {
    store<u32>(node, <u32>typeAt, NODE_INNER);
    keepMark(typeAt, markOfMember(EVENT_TYPE, p - 1, end - p + 1));
  }
  return end;
}

@inline
function readVersion(p: usize, node: usize): usize {
  if (isVersionKept(p)) {
    takeVersion();
    setText(node, p, p + versionBytes);
    return p + versionBytes + 1;
  }
  const end = slowText(p, node);
  if (end && stringAt == p) {
    keepVersion(p, stringBytes, markOfMember(EVENT_VERSION, p - 1, end - p + 1));
  }
  return end;
}

@inline
function readTime(p: usize, node: usize): usize {
  if (<u32>load<u8>(p, 24) != QUOTE || !time(p, 24)) return slowText(p, node);
  takeTime(p - 1, p + 25, timeRead);
  const field = load<u32>(node, NODE_FIELD);
  if (field) setNumber(field, <f64>timeRead);
  return p + 25;
}

/** Reads the identity or a name of the envelope. */
@inline
function readName(p: usize, node: usize, isId: bool): usize {
  const end = isId ? tokenEnd(p) : plainEnd(p);
  if (<u32>load<u8>(end) != QUOTE) return slowText(p, node);
  const bytes = end - p;
  if (bytes - 1 >= <usize>(isId ? TOKEN_LENGTH_MAX : NAME_BYTES_MAX)) return 0;
  takeName(<u32>load<u8>(node, NODE_NUMBER), p, bytes);
  setText(node, p, end);
  return end + 1;
}

// ── arrays ─────────────────────────────────────────────────────────────────────────────────────

/** Passes an array; `p` is behind its bracket. Its elements that are objects have shapes, too. */
function followArray(p: usize, array: usize): usize {
  const depth = <u32>load<u8>(array, NODE_DEPTH) + 1;
  p = blankEnd(p);
  if (<u32>load<u8>(p) == CLOSE_ARRAY) return p + 1;
  while (true) {
    let end = followElement(p, array);
    if (!end) {
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

/** Follows a path along the element that begins at `p`; the end behind it, or 0. */
function followElement(p: usize, array: usize): usize {
  let node = <usize>load<u32>(array, NODE_INNER);
  while (node) {
    const kind = <u32>load<u8>(node, NODE_KIND);
    const from = p + load<u8>(node);
    if (!begins(p, node) || !isFor(kind, from)) {
      node = load<u32>(node, NODE_ALTERNATE);
      continue;
    }
    p = from;
    if (kind == STEP_SKIP_TEXT) p = skipText(p);
    else if (kind == STEP_SKIP_NUMBER) p = skipShortNumber(p);
    else if (kind == STEP_READ) p = skipValue(p, 0);
    else if (kind == STEP_ARRAY) p = followArray(p, node);
    else if (kind == STEP_ELEMENT_END) {
      countHit();
      return p;
    }
    if (!p) return 0;
    node = load<u32>(node, NODE_NEXT);
  }
  return 0;
}

/** Learns the shape of the object at `p`, which is JSON. */
function learnElement(p: usize, depth: u32, array: usize): void {
  if (!learns()) return;
  beginNotes();
  const end = noteObject(p, depth, 0);
  endNotes();
  learn(array + NODE_INNER, p, end, STEP_ELEMENT_END);
}
