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
import { isKept, keepMark, keptAt, keptBytes, keptMark } from "./route";
import {
  isVersionKept,
  keepVersion,
  sealEnvelope,
  takeData,
  takeKept,
  takeKeptType,
  takeName,
  takeTime,
  versionBytes,
  versionMark,
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

/** Reads a string that is not as it mostly is; `p` is behind its quote. */
function slowText(p: usize, node: usize): usize {
  return readMember(p - 1, load<u8>(node, NODE_DEPTH), load<u32>(node, NODE_MEMBER));
}

function isOther(byte: u32): bool {
  return byte != QUOTE && byte != OPEN_OBJECT && !isNumber(byte);
}

/** Follows a path along the line that begins at `p`, into `slot`; the newline behind it, or 0. */
export function follow(p: usize, slot: usize): usize {
  let node = <usize>load<u32>(ROOT);
  let dataAt: usize = 0;
  let mark: u64 = 0;
  while (node) {
    if (!begins(p, node)) {
      node = load<u32>(node, NODE_ALTERNATE);
      continue;
    }
    const from = p + load<u8>(node);
    let end = from;
    switch (<u32>load<u8>(node, NODE_KIND)) {
      case STEP_ON:
        break;
      case STEP_SKIP_TEXT:
        end = skipText(from);
        break;
      case STEP_TEXT:
        end = plainEnd(from);
        if (<u32>load<u8>(end) == QUOTE) {
          setString(load<u32>(node, NODE_FIELD), from, end - from);
          end++;
        } else end = slowText(from, node);
        break;
      case STEP_NUMBER:
      case STEP_SKIP_NUMBER:
        if (!isNumber(<u32>load<u8>(from))) {
          node = load<u32>(node, NODE_ALTERNATE);
          continue;
        }
        if (<u32>load<u8>(node, NODE_KIND) == STEP_NUMBER) {
          end = number(from);
          if (end) setNumber(load<u32>(node, NODE_FIELD), numberRead);
        } else end = skipShortNumber(from);
        break;
      case STEP_ARRAY:
        end = followArray(from, node);
        break;
      case STEP_READ: {
        const member = <usize>load<u32>(node, NODE_MEMBER);
        if (!isOther(<u32>load<u8>(from))) {
          node = load<u32>(node, NODE_ALTERNATE);
          continue;
        }
        const depth = <u32>load<u8>(node, NODE_DEPTH);
        end = member ? readMember(from, depth, member) : skipValue(from, depth);
        break;
      }
      case STEP_OPEN:
        if (<u32>load<u8>(from) != OPEN_OBJECT) {
          node = load<u32>(node, NODE_ALTERNATE);
          continue;
        }
        openComposite(load<u32>(node, NODE_MEMBER));
        if (<u32>load<u8>(node, NODE_NUMBER) == DATA) dataAt = from;
        break;
      case STEP_CLOSE:
        takeData(dataAt, from);
        break;
      case STEP_END:
        if (<u32>load<u8>(from) != NEWLINE || !sealEnvelope(slot, mark)) return 0;
        countHit();
        return from;
      case STEP_TYPE: {
        const kept = <usize>load<u32>(node, NODE_INNER);
        const known = kept ? keptMark(kept) : 0;
        if (known && isKept(kept, from)) {
          end = from + keptBytes(kept) + 1;
          takeKeptType(kept);
          mark += known;
          setText(node, from, end - 1);
        } else {
          end = slowText(from, node);
          if (end && stringAt == from) {
            store<u32>(node, <u32>keptAt, NODE_INNER);
            keepMark(keptAt, markOfMember(EVENT_TYPE, from - 1, end - from + 1));
          }
        }
        break;
      }
      case STEP_VERSION:
        if (isVersionKept(from)) {
          end = from + versionBytes + 1;
          takeKept(EVENT_VERSION);
          mark += versionMark;
          setText(node, from, end - 1);
        } else {
          end = slowText(from, node);
          if (end && stringAt == from) {
            const part = markOfMember(EVENT_VERSION, from - 1, end - from + 1);
            keepVersion(from, stringBytes, part);
          }
        }
        break;
      default:
        end = envelopeText(from, node);
    }
    if (!end) return 0;
    p = end;
    node = load<u32>(node, NODE_NEXT);
  }
  return 0;
}

/** Reads identity, time or a name of the envelope; `p` is behind its quote. */
@inline
function envelopeText(p: usize, node: usize): usize {
  const kind = <u32>load<u8>(node, NODE_KIND);
  if (kind == STEP_TIME) {
    if (<u32>load<u8>(p, 24) != QUOTE || !time(p, 24)) return slowText(p, node);
    takeTime(p - 1, p + 25, timeRead);
    const field = load<u32>(node, NODE_FIELD);
    if (field) setNumber(field, <f64>timeRead);
    return p + 25;
  }
  let end = kind == STEP_ID ? tokenEnd(p) : plainEnd(p);
  if (<u32>load<u8>(end) != QUOTE) return slowText(p, node);
  const bytes = end - p;
  if (bytes - 1 >= <usize>(kind == STEP_ID ? TOKEN_LENGTH_MAX : NAME_BYTES_MAX)) return 0;
  takeName(<u32>load<u8>(node, NODE_NUMBER), p, bytes);
  setText(node, p, end);
  return end + 1;
}

/** Sets the field that the string from `p` to `end` is, if it is one. */
@inline
function setText(node: usize, p: usize, end: usize): void {
  const field = load<u32>(node, NODE_FIELD);
  if (field) setString(field, p, end - p);
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
    if (!begins(p, node)) {
      node = load<u32>(node, NODE_ALTERNATE);
      continue;
    }
    const from = p + load<u8>(node);
    let end = from;
    const kind = <u32>load<u8>(node, NODE_KIND);
    if (kind == STEP_SKIP_TEXT) {
      end = skipText(from);
    } else if (kind == STEP_SKIP_NUMBER || kind == STEP_READ) {
      const byte = <u32>load<u8>(from);
      if (kind == STEP_READ ? !isOther(byte) : !isNumber(byte)) {
        node = load<u32>(node, NODE_ALTERNATE);
        continue;
      }
      end = kind == STEP_READ ? skipValue(from, 0) : skipShortNumber(from);
    } else if (kind == STEP_ARRAY) end = followArray(from, node);
    else if (kind == STEP_ELEMENT_END) {
      countHit();
      return from;
    }
    if (!end) return 0;
    p = end;
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
