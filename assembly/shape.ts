// Shapes: what the events of a feed have in common, the bytes between their values. Of a line that
// the walk (scan-value.ts) took, the walk's steps are kept as a path of a trie; a line whose bytes
// follow a path needs no look at its names: only its values are read, by the same functions.
//
//   node (96 bytes):  ┌───────┬──────┬──────┬───────────┬────────┬───────┬──────────┬──────────┐
//                     │ bytes │ kind │ next │ alternate │ member │ depth │ segment  │ mask     │
//                     └───────┴──────┴──────┴───────────┴────────┴───────┴──────────┴──────────┘
//                                                                          32 bytes   32 bytes
//
// A path is only ever what a walk did on a line that was an event, so that a line which follows it
// is one too if its values are. Room is bounded: a full trie is emptied, and where that did not
// pay, because each line has a shape of its own, nothing is learned for a while.

import { DATA, MEMBER_MEMBERS, MEMBER_NUMBER, SCAN, STATE } from "./layout";
import { takeData } from "./scan-envelope";
import { plainEnd, sameBytes } from "./scan-text";
import { openComposite, readMember, skipValue } from "./scan-value";

const QUOTE: u32 = 0x22;
const OPEN_OBJECT: u32 = 0x7b;

const NODE_KIND: usize = 4;
const NODE_NEXT: usize = 8;
const NODE_ALTERNATE: usize = 12;
const NODE_MEMBER: usize = 16;
const NODE_DEPTH: usize = 20;
const NODE_SEGMENT: usize = 32;
const NODE_MASK: usize = 64;
const NODE_BYTES: usize = 96;
const SEGMENT_BYTES: usize = 32;

/** Steps: what the walk did where it met a value. */
export const STEP_SKIP: u32 = 1;
export const STEP_READ: u32 = 2;
/** An object that is read member by member begins, and `data` has ended. */
export const STEP_OPEN: u32 = 3;
export const STEP_CLOSE: u32 = 4;
/** More of a long segment follows; the line ends. */
const STEP_ON: u32 = 5;
const STEP_END: u32 = 6;

/** Behind the keys of mark.ts: the steps of the line at hand, then the nodes; the first is none. */
const STEPS: usize = SCAN + 15360;
const STEP_BYTES: usize = 20;
const STEPS_MAX: u32 = 64;
const NODES: usize = STEPS + 1280;
const NODES_END: usize = STATE - NODE_BYTES;

let stepCount: u32 = 0;
/** Where the next node goes, and how often lines followed a path since the trie was empty. */
let top: usize = NODES + NODE_BYTES;
let hits: u32 = 0;
let learned: u32 = 0;
/** So many more lines teach nothing. */
let pause: u32 = 0;

const PAUSE: u32 = 4096;
/** A trie that was filled by fewer hits than this a line learned did not pay. */
const HITS_WORTH: u32 = 4;

// ── learning ───────────────────────────────────────────────────────────────────────────────────

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
 * The node of a segment below `parent`, found or made; 0 where there is no room. What the bytes so
 * far are decides on member and depth.
 */
function link(parent: usize, kind: u32, from: usize, bytes: usize, at: usize): usize {
  let place = parent + NODE_NEXT;
  for (let node = <usize>load<u32>(place); node; node = load<u32>(place)) {
    if (
      load<u32>(node) == <u32>bytes &&
      load<u32>(node, NODE_KIND) == kind &&
      sameBytes(node + NODE_SEGMENT, from, bytes)
    ) {
      return node;
    }
    place = node + NODE_ALTERNATE;
  }
  if (top == NODES_END || top + NODE_BYTES > <usize>STATE) return 0;
  const node = top;
  top += NODE_BYTES;
  memory.fill(node, 0, NODE_BYTES);
  store<u32>(node, <u32>bytes);
  store<u32>(node, kind, NODE_KIND);
  if (at) {
    store<u32>(node, load<u32>(at, 12), NODE_MEMBER);
    store<u32>(node, load<u32>(at, 16), NODE_DEPTH);
  }
  memory.copy(node + NODE_SEGMENT, from, bytes);
  memory.fill(node + NODE_MASK, 0xff, bytes);
  store<u32>(place, <u32>node);
  return node;
}

/** Links the bytes from `from` to `to`, then what is done behind them. */
function linkSegment(parent: usize, kind: u32, from: usize, to: usize, at: usize): usize {
  while (parent && to - from > SEGMENT_BYTES) {
    parent = link(parent, STEP_ON, from, SEGMENT_BYTES, 0);
    from += SEGMENT_BYTES;
  }
  return parent ? link(parent, kind, from, to - from, at) : 0;
}

/** Learns the shape of the line from `from` to its newline, which the walk took just now. */
export function learn(from: usize, newline: usize): void {
  if (pause) {
    pause--;
    return;
  }
  if (stepCount > STEPS_MAX) return;
  learned++;
  let parent = NODES;
  for (let i: u32 = 0; i < stepCount && parent; i++) {
    const at = STEPS + <usize>i * STEP_BYTES;
    parent = linkSegment(parent, load<u32>(at), from, load<u32>(at, 4), at);
    from = load<u32>(at, 8);
  }
  if (parent) parent = linkSegment(parent, STEP_END, from, newline, 0);
  if (!parent) empty();
}

function empty(): void {
  if (hits < learned * HITS_WORTH) pause = PAUSE;
  top = NODES + NODE_BYTES;
  store<u32>(NODES, 0, NODE_NEXT);
  hits = 0;
  learned = 0;
}

// ── following ──────────────────────────────────────────────────────────────────────────────────

@inline
function begins(p: usize, node: usize): bool {
  const a = v128.xor(v128.load(p), v128.load(node, NODE_SEGMENT));
  const b = v128.xor(v128.load(p, 16), v128.load(node, NODE_SEGMENT + 16));
  const first = v128.and(a, v128.load(node, NODE_MASK));
  return !v128.any_true(v128.or(first, v128.and(b, v128.load(node, NODE_MASK + 16))));
}

/** Where members of a member are read, the walk goes on inside of an object, of nothing else. */
@inline
function isFor(kind: u32, member: usize, p: usize): bool {
  if (kind == STEP_OPEN) return <u32>load<u8>(p) == OPEN_OBJECT;
  if (kind != STEP_READ || <u32>load<u8>(p) != OPEN_OBJECT) return true;
  return load<u32>(member, MEMBER_MEMBERS) == 0;
}

/** Follows a path along the line that begins at `p`; the newline behind it, or 0. */
export function follow(p: usize): usize {
  let node = <usize>load<u32>(NODES, NODE_NEXT);
  let dataAt: usize = 0;
  while (node) {
    const kind = load<u32>(node, NODE_KIND);
    const member = <usize>load<u32>(node, NODE_MEMBER);
    const behind = p + load<u32>(node);
    if (!begins(p, node) || !isFor(kind, member, behind)) {
      node = load<u32>(node, NODE_ALTERNATE);
      continue;
    }
    p = behind;
    if (kind == STEP_READ) p = readMember(p, load<u32>(node, NODE_DEPTH), member);
    else if (kind == STEP_SKIP) {
      // Mostly a string, without escapes.
      const end = <u32>load<u8>(p) == QUOTE ? plainEnd(p + 1) : p;
      if (end != p && <u32>load<u8>(end) == QUOTE) p = end + 1;
      else p = skipValue(p, load<u32>(node, NODE_DEPTH));
    }
    else if (kind == STEP_OPEN) {
      openComposite(member);
      if (load<u16>(member, MEMBER_NUMBER) == DATA) dataAt = p;
    } else if (kind == STEP_CLOSE) takeData(dataAt, p);
    else if (kind == STEP_END) {
      if (load<u8>(p) != 10) return 0;
      hits++;
      return p;
    }
    if (!p) return 0;
    node = load<u32>(node, NODE_NEXT);
  }
  return 0;
}
