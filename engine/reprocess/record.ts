// Finals and corrections as bytes: read from the records that a core hands out (CHANGE_…), and
// written in the same form for the core that takes them in. Keys and values stay encoded, as text
// of one character a byte: two are the same where their texts are, and text that outlives a
// collection of garbage is moved in a fraction of the time that a buffer takes.

import * as layout from "../../assembly/layout.ts";
import { viewOf } from "../event/bytes.ts";
import { ENTRY_BYTES } from "../store/piece.ts";
import type { Steps } from "../store/steps.ts";

/** So many are compared, or written, in one step. */
export const STEP_WINDOWS = 1000;

/** A window that is final, of one key. */
export interface FinalWindow {
  /** ms since 1970. */
  readonly start: number;
  readonly end: number;
  /** Encoded (assembly/encode.ts), one character a byte. */
  readonly key: string;
  /** The core's hash of it, by which whoever reads the records tells keys apart. */
  readonly tag: number;
  /** Likewise. */
  readonly value: string;
  readonly revision: number;
}

export interface Correction extends FinalWindow {
  readonly kind: "retract" | "correction";
}

/** Steps of a core, each of so many bytes, that tell records; these stand until the next step. */
export type Telling = (emit: (records: Uint8Array) => void) => Steps<void>;

/** Gives `take` each window that the core tells of, some in one step. */
export function* readTelling(
  telling: Telling,
  take: (window: FinalWindow & { readonly isFinal: boolean }) => void,
): Steps<void> {
  const told: Uint8Array[] = [];
  const steps = telling((records) => told.push(records));
  for (let isDone = false; !isDone;) {
    const step = steps.next();
    isDone = step.done === true;
    let count = 0;
    for (const records of told.splice(0)) {
      for (const window of readRecords(records)) {
        take(window);
        if (++count % STEP_WINDOWS === 0) yield STEP_WINDOWS * ENTRY_BYTES;
      }
    }
    if (step.done !== true) yield step.value;
  }
}

/** The windows of one buffer of records, copied out of it. */
export function* readRecords(bytes: Uint8Array): Generator<FinalWindow & { isFinal: boolean }> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    const key = at + layout.CHANGE_HEADER_BYTES;
    const value = key + view.getUint32(at + layout.CHANGE_KEY_BYTES, true);
    const valueEnd = value + view.getUint32(at + layout.CHANGE_VALUE_BYTES, true);
    yield {
      isFinal: bytes[at + layout.CHANGE_FINAL] !== 0,
      start: Number(view.getBigInt64(at + layout.CHANGE_START, true)),
      end: Number(view.getBigInt64(at + layout.CHANGE_END, true)),
      key: textOf(bytes.subarray(key, value)),
      tag: view.getUint32(at + layout.CHANGE_KEY_TAG, true),
      value: textOf(bytes.subarray(value, valueEnd)),
      revision: view.getFloat64(at + layout.CHANGE_REVISION, true),
    };
    at += view.getUint32(at + layout.CHANGE_BYTES_TOTAL, true);
  }
}

/** Corrections of query `query` as records, at the position of their entry. */
export function* writeRecords(
  corrections: readonly Correction[],
  query: number,
  position: number,
): Steps<Uint8Array> {
  const bytes = new Uint8Array(corrections.reduce((sum, each) => sum + recordBytes(each), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [count, each] of corrections.entries()) {
    if (count % STEP_WINDOWS === STEP_WINDOWS - 1) yield STEP_WINDOWS;
    const isRetract = each.kind === "retract";
    const kind = isRetract ? layout.CHANGE_RETRACT : layout.CHANGE_CORRECTION;
    view.setUint32(at + layout.CHANGE_BYTES_TOTAL, recordBytes(each), true);
    view.setUint8(at + layout.CHANGE_KIND, kind);
    view.setUint8(at + layout.CHANGE_FINAL, isRetract ? 0 : 1);
    view.setUint16(at + layout.CHANGE_QUERY, query, true);
    view.setBigInt64(at + layout.CHANGE_START, BigInt(each.start), true);
    view.setBigInt64(at + layout.CHANGE_END, BigInt(each.end), true);
    view.setFloat64(at + layout.CHANGE_REVISION, each.revision, true);
    view.setFloat64(at + layout.CHANGE_POSITION, position, true);
    view.setUint32(at + layout.CHANGE_KEY_BYTES, each.key.length, true);
    view.setUint32(at + layout.CHANGE_VALUE_BYTES, each.value.length, true);
    view.setUint32(at + layout.CHANGE_KEY_TAG, each.tag, true);
    const key = at + layout.CHANGE_HEADER_BYTES;
    const text = each.key + each.value;
    for (let index = 0; index < text.length; index++) bytes[key + index] = text.charCodeAt(index);
    at += recordBytes(each);
  }
  return bytes;
}

/** A multiple of 8. */
function recordBytes({ key, value }: Correction): number {
  return (layout.CHANGE_HEADER_BYTES + key.length + value.length + 7) & ~7;
}

/** So many are arguments of one call. */
const TEXT_BYTES = 4096;

function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += TEXT_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + TEXT_BYTES));
  }
  return text;
}

/** What tells one window of one key from all others of its query. */
export function nameOf({ start, end, key }: FinalWindow): string {
  return `${start}/${end}/${key}`;
}
