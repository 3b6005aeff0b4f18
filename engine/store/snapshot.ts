// A snapshot: the core's image at one position, with what it takes to trust it.
//
//   magic MRSN │ version u16 │ layout u16 │ position f64 │ judged since f64 │ since f64 │
//   lengths of plan, state and told u32 each │ CRC32C over all but itself u32 │
//   plan, text │ state, bytes │ told, bytes │ poisoned positions, f64 each
//
// The plan stands in it as JSON: it is the fingerprint, and an older plan can be run on. A new log
// has one at position 0 whose state and told are empty: it says which plan it is.
// A snapshot of another layout is not read: the log is replayed instead.

import { viewOf } from "../event/bytes.ts";
import { decoder, encoder } from "../event/utf8.ts";
import { LAYOUT_VERSION } from "../../assembly/layout.ts";
import { crc32c } from "./crc32c.ts";
import { drained, paced, STEP_BYTES, type Breathe, type Steps } from "./steps.ts";
import type { Recovered } from "./store.ts";

const MAGIC = 0x4e53524d; // "MRSN"
const VERSION = 4;

const AT_MAGIC = 0;
const AT_VERSION = AT_MAGIC + 4;
const AT_LAYOUT = AT_VERSION + 2;
const AT_POSITION = AT_LAYOUT + 2;
const AT_JUDGED = AT_POSITION + 8;
const AT_SINCE = AT_JUDGED + 8;
const AT_PLAN = AT_SINCE + 8;
const AT_STATE = AT_PLAN + 4;
const AT_TOLD = AT_STATE + 4;
const AT_SUM = AT_TOLD + 4;
const HEADER_BYTES = AT_SUM + 4;
const POSITION_BYTES = 8;

export interface Snapshot {
  readonly position: number;
  /** Entries before this position were accepted under another clock, limits or catalogue. */
  readonly judgedSince: number;
  /** The plan was first given entries from this position on, those before being trimmed. */
  readonly since: number;
  /** The plan as JSON. */
  readonly plan: string;
  readonly state: Uint8Array;
  readonly told: Uint8Array;
  /** Entries that are skipped in every replay (ingest/poison.ts). */
  readonly poisoned: readonly number[];
}

/** What a snapshot is made of: told lies in pieces, each from some byte on. */
export interface ImageParts {
  readonly state: Uint8Array;
  readonly toldBytes: number;
  readonly toldFrom: (at: number) => Uint8Array;
}

export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const { state, told } = snapshot;
  const toldFrom = (at: number): Uint8Array => told.subarray(at, at + STEP_BYTES);
  return drained(encodeSteps(snapshot, () => ({ state, toldBytes: told.length, toldFrom })));
}

/** The same in steps; each asks for `image`, since whoever comes between may move it. */
export function* encodeSteps(
  snapshot: Omit<Snapshot, "state" | "told">,
  image: () => ImageParts,
): Steps<Uint8Array<ArrayBuffer>> {
  const plan = encoder.encode(snapshot.plan);
  const { poisoned } = snapshot;
  // Whoever comes between may make the memory grow, and then a view has no length.
  const { state, toldBytes } = image();
  const stateBytes = state.length;
  const poisonedAt = HEADER_BYTES + plan.length + stateBytes + toldBytes;
  const bytes = new Uint8Array(poisonedAt + poisoned.length * POSITION_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(AT_MAGIC, MAGIC, true);
  view.setUint16(AT_VERSION, VERSION, true);
  view.setUint16(AT_LAYOUT, LAYOUT_VERSION, true);
  view.setFloat64(AT_POSITION, snapshot.position, true);
  view.setFloat64(AT_JUDGED, snapshot.judgedSince, true);
  view.setFloat64(AT_SINCE, snapshot.since, true);
  view.setUint32(AT_PLAN, plan.length, true);
  view.setUint32(AT_STATE, stateBytes, true);
  view.setUint32(AT_TOLD, toldBytes, true);
  bytes.set(plan, HEADER_BYTES);
  for (const [index, position] of poisoned.entries()) {
    view.setFloat64(poisonedAt + index * POSITION_BYTES, position, true);
  }
  const stateAt = HEADER_BYTES + plan.length;
  let sum = crc32c(bytes, HEADER_BYTES, stateAt, crc32c(bytes, 0, AT_SUM));
  let to = stateAt;
  let worked = 0;
  while (to < poisonedAt) {
    const now = image();
    const at = to - stateAt;
    const isState = at < stateBytes;
    const part = isState ? now.state.subarray(at, at + STEP_BYTES) : now.toldFrom(at - stateBytes);
    bytes.set(part, to);
    sum = crc32c(bytes, to, to + part.length, sum);
    to += part.length;
    worked += part.length;
    if (worked < STEP_BYTES || to === poisonedAt) continue;
    yield worked;
    worked = 0;
  }
  view.setUint32(AT_SUM, crc32c(bytes, poisonedAt, bytes.length, sum), true);
  return bytes;
}

/** The snapshot, or null where it is damaged or another layout's: the log has all of it. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | null {
  return drained(decodeSteps(bytes));
}

function* decodeSteps(bytes: Uint8Array): Steps<Snapshot | null> {
  if (bytes.length < HEADER_BYTES) return null;
  const view = viewOf(bytes);
  if (view.getUint32(AT_MAGIC, true) !== MAGIC) return null;
  if (view.getUint16(AT_VERSION, true) !== VERSION) return null;
  if (view.getUint16(AT_LAYOUT, true) !== LAYOUT_VERSION) return null;
  const state = HEADER_BYTES + view.getUint32(AT_PLAN, true);
  const told = state + view.getUint32(AT_STATE, true);
  const end = told + view.getUint32(AT_TOLD, true);
  const poisonedCount = (bytes.length - end) / POSITION_BYTES;
  if (poisonedCount < 0 || !Number.isInteger(poisonedCount)) return null;
  if (view.getUint32(AT_SUM, true) !== (yield* sumSteps(bytes))) return null;
  return {
    position: view.getFloat64(AT_POSITION, true),
    judgedSince: view.getFloat64(AT_JUDGED, true),
    since: view.getFloat64(AT_SINCE, true),
    plan: decoder.decode(bytes.subarray(HEADER_BYTES, state)),
    state: bytes.subarray(state, told),
    told: bytes.subarray(told, end),
    poisoned: Array.from({ length: poisonedCount }, (_, index) => {
      return view.getFloat64(end + index * POSITION_BYTES, true);
    }),
  };
}

/** Those of a store that can be trusted, newest first; what is long is looked at in steps. */
export async function goodSnapshots(
  recovered: Recovered | null,
  breathe: Breathe,
): Promise<Snapshot[]> {
  const good: Snapshot[] = [];
  for (const { bytes } of recovered?.snapshots ?? []) {
    const snapshot = await paced(decodeSteps(bytes), breathe);
    if (snapshot !== null) good.push(snapshot);
  }
  // A store goes by the place beside the bytes, which no sum covers.
  return good.sort((a, b) => b.position - a.position);
}

function* sumSteps(bytes: Uint8Array): Steps<number> {
  let sum = crc32c(bytes, 0, AT_SUM);
  for (let at = HEADER_BYTES; at < bytes.length; at += STEP_BYTES) {
    const end = Math.min(at + STEP_BYTES, bytes.length);
    sum = crc32c(bytes, at, end, sum);
    if (end < bytes.length) yield STEP_BYTES;
  }
  return sum;
}
