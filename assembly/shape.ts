// Shapes: what the events of a feed have in common, the bytes between their values. Of a line that
// the walk (scan-value.ts) took, the walk's steps are kept as a path of a trie; a line whose bytes
// follow a path needs no look at its names: only its values are read (scan-follow.ts).
//
//   node (64 bytes):
//   ┌───────┬──────┬───────┬────────┬──────┬───────────┬────────┬────────┬───────┬───────┬────────┬────────────┐
//   │ bytes │ kind │ depth │ number │ next │ alternate │ member │ others │ inner │ field │ length │ segment 32 │
//   └───────┴──────┴───────┴────────┴──────┴───────────┴────────┴────────┴───────┴───────┴────────┴────────────┘
//
// A path is only ever what a walk did on a line that was an event, so that a line which follows it
// is one too if its values are. Type and version are bytes of a path like its names, and its end
// knows what comes of them. An array has paths of its own, of the objects that are its elements.
// Room is bounded: a full trie is emptied, and where that did not pay, because each line
// has a shape of its own, nothing is learned for a while.

import { MEMBER_FIELD, MEMBER_NUMBER, SCAN } from "./layout";
import { markOfMember } from "./mark";
import { sameBytes } from "./scan-text";

export const NODE_KIND: usize = 1;
export const NODE_DEPTH: usize = 2;
/** The number of the member in the envelope. */
export const NODE_NUMBER: usize = 3;
export const NODE_NEXT: usize = 4;
export const NODE_ALTERNATE: usize = 8;
export const NODE_MEMBER: usize = 12;
/** A bit for each byte that is none of the segment. */
export const NODE_OTHERS: usize = 16;
/** The paths of an array's elements. */
export const NODE_INNER: usize = 20;
/** The field that the value is, plus 1; 0: none. */
export const NODE_FIELD: usize = 24;
/** Of a value: its bytes the last time, or a number beyond them; and what `missed` counts. */
export const NODE_LENGTH: usize = 28;
export const NODE_MISSES: usize = 29;
export const NODE_WINDOW: usize = 30;
/** Of the end: whether the type is known, then its route, checks, and the part of the mark. */
export const NODE_IS_TYPED: usize = 2;
/** How far before the end `data` ends, where nothing but the end follows; else 0. */
export const NODE_CLOSED: usize = 3;
export const NODE_ROUTE: usize = 4;
export const NODE_CHECKS: usize = 12;
export const NODE_PART: usize = 20;
export const NODE_SEGMENT: usize = 32;
const NODE_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 32;

/** Steps: more of a long segment follows; the line or the element ends. */
export const STEP_ON: u32 = 1;
export const STEP_END: u32 = 2;
/** An object that is read as such begins, and `data` has ended. */
export const STEP_OPEN: u32 = 4;
export const STEP_CLOSE: u32 = 5;
/** A literal. */
export const STEP_READ: u32 = 6;
export const STEP_SKIP_NUMBER: u32 = 7;
export const STEP_NUMBER: u32 = 8;
/** From here on the segment ends with the value's first byte, a bracket or a quote. */
export const STEP_ARRAY: u32 = 9;
export const STEP_SKIP_TEXT: u32 = 10;
export const STEP_TEXT: u32 = 11;
export const STEP_ID: u32 = 12;
export const STEP_TYPE: u32 = 13;
export const STEP_VERSION: u32 = 14;
export const STEP_TIME: u32 = 15;
/** `correlationId`, `causationId`. */
export const STEP_NAME: u32 = 16;
export const STEP_SOURCE: u32 = 17;

/** Behind the keys of mark.ts: the steps of the line at hand. */
const STEPS: usize = SCAN + 28672;
const STEP_BYTES: usize = 20;
const STEPS_MAX: u32 = 128;

const NODES: usize = memory.data(24576, 64);
const NODES_END: usize = NODES + 24576;
/** Where the first node of a line stands. */
export const ROOT: usize = NODES;

let stepCount: u32 = 0;
/** Where the next node goes, and how often lines followed a path since the trie was empty. */
let top: usize = NODES + NODE_BYTES;
export let hits: u32 = 0;
export let elementHits: u32 = 0;
let learned: u32 = 0;
/** Paths that hold a type. */
let typedPaths: u32 = 0;
const TYPED_PATHS: u32 = 16;
let isFull: bool = false;
/** So many more lines teach nothing. */
let pause: u32 = 0;

const PAUSE: u32 = 4096;
/** A trie that was filled by fewer hits than this a line learned did not pay. */
const HITS_WORTH: u32 = 4;

export function beginSteps(): void {
  stepCount = 0;
}

/** Notes what the walk did with the value from `start` to `end`. */
export function step(kind: u32, start: usize, end: usize, member: usize, depth: u32): void {
  if (stepCount < STEPS_MAX) {
    const at = STEPS + <usize>stepCount * STEP_BYTES;
    store<u32>(at, kind);
    store<u32>(at, <u32>start, 4);
    store<u32>(at, <u32>end, 8);
    store<u32>(at, <u32>member, 12);
    store<u32>(at, depth, 16);
  }
  stepCount++;
}

/**
 * The node of a segment among those at `place`, found or made; 0 where there is no room. What the
 * bytes so far are decides on member and depth.
 */
function link(place: usize, kind: u32, from: usize, bytes: usize, at: usize): usize {
  const first = place;
  for (let node = <usize>load<u32>(place); node; node = load<u32>(place)) {
    if (
      <usize>load<u8>(node) == bytes &&
      <u32>load<u8>(node, NODE_KIND) == kind &&
      sameBytes(node + NODE_SEGMENT, from, bytes)
    ) {
      return node;
    }
    place = node + NODE_ALTERNATE;
  }
  isFull = top + NODE_BYTES > NODES_END;
  if (isFull) return 0;
  const node = top;
  top += NODE_BYTES;
  memory.fill(node, 0, NODE_BYTES);
  store<u8>(node, bytes);
  store<u8>(node, kind, NODE_KIND);
  store<u32>(node, <u32>(u64.MAX_VALUE << (<u64>bytes)), NODE_OTHERS);
  memory.copy(node + NODE_SEGMENT, from, bytes);
  if (at) describe(node, at);
  // What ends goes first: where `data` ends too, that alone would be the beginning of it.
  if (kind == STEP_END) {
    store<u32>(node, load<u32>(first), NODE_ALTERNATE);
    place = first;
  }
  store<u32>(place, <u32>node);
  return node;
}

/** Puts into a node what the step at `at` says of its value. */
function describe(node: usize, at: usize): void {
  const member = <usize>load<u32>(at, 12);
  store<u8>(node, load<u32>(at, 16), NODE_DEPTH);
  store<u32>(node, <u32>member, NODE_MEMBER);
  if (!member) return;
  store<u8>(node, load<u16>(member, MEMBER_NUMBER), NODE_NUMBER);
  store<u32>(node, load<u16>(member, MEMBER_FIELD), NODE_FIELD);
}

/** Links the bytes from `from` to `to`, then what is done behind them. */
function linkSegment(place: usize, kind: u32, from: usize, to: usize, at: usize): usize {
  while (to - from > SEGMENT_BYTES) {
    const node = link(place, STEP_ON, from, SEGMENT_BYTES, 0);
    if (!node) return 0;
    place = node + NODE_NEXT;
    from += SEGMENT_BYTES;
  }
  return link(place, kind, from, to - from, at);
}

/** Whether something may be learned now. */
export function learns(): bool {
  if (pause) pause--;
  return pause == 0 && !isFull;
}

/** Of the path learned last: whether its segments hold the type, and the part of the mark. */
export let isTyped: bool = false;
export let partLearned: u64 = 0;

/**
 * Learns what the walk did just now between `from` and `to`, as a path that begins at `place`; its
 * last node, or 0. A type and a version that are no fields are bytes of the path like any others,
 * while such paths are few.
 */
export function learn(place: usize, from: usize, to: usize): usize {
  isTyped = false;
  partLearned = 0;
  let closed: usize = 0;
  if (stepCount > STEPS_MAX) return 0;
  learned++;
  for (let i: u32 = 0; i < stepCount; i++) {
    const at = STEPS + <usize>i * STEP_BYTES;
    const kind = load<u32>(at);
    if (isFixed(kind, at)) continue;
    if (kind == STEP_CLOSE && i + 1 == stepCount && to - from <= SEGMENT_BYTES) {
      closed = to - <usize>load<u32>(at, 8);
      break;
    }
    const value = <usize>load<u32>(at, 4) + (kind >= STEP_ARRAY ? 1 : 0);
    const node = linkSegment(place, kind, from, value, at);
    if (!node) return 0;
    place = node + NODE_NEXT;
    from = load<u32>(at, 8);
  }
  if (isTyped) typedPaths++;
  const last = linkSegment(place, STEP_END, from, to, 0);
  if (last) store<u8>(last, closed, NODE_CLOSED);
  return last;
}

/** Whether the value of a step becomes part of the segment. */
function isFixed(kind: u32, at: usize): bool {
  if (typedPaths == TYPED_PATHS || (kind != STEP_TYPE && kind != STEP_VERSION)) return false;
  const member = <usize>load<u32>(at, 12);
  if (load<u16>(member, MEMBER_FIELD)) return false;
  const value = load<u32>(at, 4);
  isTyped = isTyped || kind == STEP_TYPE;
  partLearned += markOfMember(load<u16>(member, MEMBER_NUMBER), value, load<u32>(at, 8) - value);
  return true;
}

/** Nobody follows a path now. */
@inline
export function beginLine(): void {
  if (isFull) empty();
}

function empty(): void {
  if (hits + elementHits < learned * HITS_WORTH) pause = PAUSE;
  top = NODES + NODE_BYTES;
  store<u32>(ROOT, 0);
  hits = 0;
  elementHits = 0;
  learned = 0;
  typedPaths = 0;
  isFull = false;
}

/** A line has followed a path. */
@inline
export function countHit(): void {
  hits++;
}

@inline
export function countElement(): void {
  elementHits++;
}

// ── lengths ────────────────────────────────────────────────────────────────────────────────────
//
// Where a value ends is found by its bytes, and until they are there nothing behind them can be
// looked at. A value as long as the one before it, as ids and times are, ends where that one did:
// the processor goes on from there while the bytes are being compared.

/** Beyond all lengths: it is not guessed; the value is text beyond ASCII. */
const NO_GUESS: u32 = 254;
export const WIDE: u32 = 255;
const WINDOW: u32 = 64;
const MISSES_BORNE: u32 = 8;

/** `end`, the end of the value at `p`, which is what was guessed, mostly. */
@inline
export function guessed(node: usize, p: usize, end: usize, now: u32): usize {
  const length = <usize>load<u8>(node, NODE_LENGTH);
  if (length == <usize>NO_GUESS) return end;
  const guess = p + length;
  return end == guess ? guess : missed(node, p, end, now);
}

/** A value that is seldom as long as the one before it is guessed no more. */
function missed(node: usize, p: usize, end: usize, now: u32): usize {
  if (!end) return 0;
  let misses = <u32>load<u8>(node, NODE_MISSES) + 1;
  if (((now - load<u16>(node, NODE_WINDOW)) & 0xffff) > WINDOW) {
    store<u16>(node, now, NODE_WINDOW);
    misses = 1;
  }
  store<u8>(node, misses, NODE_MISSES);
  const isGuessed = misses <= MISSES_BORNE && end - p < <usize>NO_GUESS;
  store<u8>(node, isGuessed ? end - p : NO_GUESS, NODE_LENGTH);
  return end;
}
