// A batch in the core's memory: the fast lane, or the strict one, fills a slot a line, the core
// gives verdicts.
// The layout is assembly/layout.ts's; this file is the only one that writes it.

import { encoder } from "../event/utf8.ts";
import * as layout from "../../assembly/layout.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import { MEMBERS } from "../event/envelope.ts";
import type { Core } from "../core/core.ts";
import type { Program } from "../query/compile.ts";
import type { Path } from "../query/frame.ts";
import type { DecodedEvent } from "./decode.ts";
import { ABSENT, DEFAULTED } from "./decode.ts";
import { pathName } from "./json.ts";
import { tickText } from "./tick.ts";

const RECEIVED_UNKNOWN = -(2n ** 63n);
const EXACT_MAX = 2 ** 53;
const EXTEND_BYTES = 4096;
const QUOTED_VERSION = '"1.0"';

/** Of a line, in the batch's bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A line whose event was accepted before, at position `of`. */
export interface Duplicate extends Span {
  readonly line: number;
  readonly of: number;
}

export class Batch {
  readonly #core: Core;
  readonly #program: Program;
  readonly lines: number;
  #header = 0;
  #slots = 0;
  #envelope = 0;
  #values = 0;
  #text = 0;
  /** Where strings begin, where the next one goes, and how far they reach, as offsets. */
  readonly #strings: number;
  #used: number;
  #room: number;
  #entryLines: readonly number[] | null = null;

  /** Takes `bytes` in: NDJSON, all of one receive time, cut and read by the fast lane. */
  constructor(core: Core, program: Program, bytes: Uint8Array, receivedAt: number | null) {
    this.#core = core;
    this.#program = program;
    const scratch = core.begin(bytes.length);
    const text = scratch + core.view.getUint32(scratch + layout.SCRATCH_BYTES, true);
    core.bytes.set(bytes, text);
    core.scan(bytes.length, receivedAt);
    this.lines = core.lines;
    this.#place(scratch);
    this.#strings = core.view.getUint32(scratch + layout.SCRATCH_STRINGS, true);
    this.#used = this.#strings;
    this.#room = this.#strings;
  }

  #place(scratch: number): void {
    const { view } = this.#core;
    this.#header = scratch;
    this.#slots = scratch + view.getUint32(scratch + layout.SCRATCH_SLOTS, true);
    this.#envelope = scratch + view.getUint32(scratch + layout.SCRATCH_ENVELOPE, true);
    this.#values = scratch + view.getUint32(scratch + layout.SCRATCH_VALUES, true);
    this.#text = scratch + view.getUint32(scratch + layout.SCRATCH_BYTES, true);
  }

  /** The lines that the scan left to be filled, ascending. */
  odd(): Generator<number, void, undefined> {
    return this.#those((line) => this.#core.oddFrom(line));
  }

  /** After the verdicts: the lines that are neither accepted events nor duplicates, ascending. */
  unsettled(): Generator<number, void, undefined> {
    return this.#those((line) => this.#core.unsettledFrom(line));
  }

  *#those(from: (line: number) => number): Generator<number, void, undefined> {
    for (let line = from(0); line < this.lines; line = from(line + 1)) yield line;
  }

  #slotAt(line: number): number {
    return this.#slots + line * layout.SLOT_BYTES;
  }

  /** Where the line stands in the batch's bytes. */
  span(line: number): Span {
    const { view } = this.#core;
    const slot = this.#slotAt(line);
    const start = view.getUint32(slot + layout.SLOT_LINE, true);
    return { start, end: start + view.getUint32(slot + layout.SLOT_LINE_BYTES, true) };
  }

  // ── filling ──────────────────────────────────────────────────────────────────────────────────

  event(line: number, decoded: DecodedEvent, receivedAt: number | null): void {
    this.#writeEnvelope(decoded);
    const route = this.#program.router.route(decoded.eventType);
    const flags = route === 0 ? 0 : this.#row(line, decoded);
    const { view } = this.#core;
    const slot = this.#slotAt(line);
    view.setUint8(slot + layout.SLOT_KIND, layout.KIND_EVENT);
    view.setUint8(slot + layout.SLOT_FLAGS, flags);
    view.setUint32(slot + layout.SLOT_ROUTE, route, true);
    view.setBigInt64(slot + layout.SLOT_TIME, BigInt(decoded.timeMs), true);
    this.#setReceived(slot, receivedAt);
    this.#core.sealLine(line);
  }

  /** A tick; its line is written out as the log keeps it. */
  tick(line: number, timeMs: number): void {
    const { offset, length } = this.#write(tickText(timeMs));
    this.#setLine(line, offset, length);
    const slot = this.#slotAt(line);
    this.#core.view.setUint8(slot + layout.SLOT_KIND, layout.KIND_TICK);
    this.#core.view.setBigInt64(slot + layout.SLOT_TIME, BigInt(timeMs), true);
  }

  /** A line that is neither. */
  faulty(line: number): void {
    this.#core.bytes[this.#slotAt(line) + layout.SLOT_KIND] = layout.KIND_FAULTY;
  }

  /** Receive times of all events, a line each. */
  receive(receivedAt: (line: number) => number | null): void {
    for (let line = 0; line < this.lines; line++) {
      const slot = this.#slotAt(line);
      if (this.#core.bytes[slot + layout.SLOT_KIND] === layout.KIND_EVENT) {
        this.#setReceived(slot, receivedAt(line));
      }
    }
  }

  #setReceived(slot: number, receivedAt: number | null): void {
    const received = receivedAt === null ? RECEIVED_UNKNOWN : BigInt(receivedAt);
    this.#core.view.setBigInt64(slot + layout.SLOT_RECEIVED, received, true);
  }

  #setLine(line: number, offset: number, length: number): void {
    const { view } = this.#core;
    const slot = this.#slotAt(line);
    view.setUint32(slot + layout.SLOT_LINE, offset, true);
    view.setUint32(slot + layout.SLOT_LINE_BYTES, length, true);
  }

  /** The lines were released from the quarantine: none of them is held back. */
  release(): void {
    const { view, batch } = this.#core;
    view.setUint32(batch + layout.SCRATCH_RELEASED, 1, true);
  }

  #writeEnvelope(decoded: DecodedEvent): void {
    const row = this.#envelope - this.#text;
    const { spans } = decoded;
    for (let member = 0; member < MEMBERS.length; member++) {
      const start = spans[member * 2]!;
      if (start === DEFAULTED) this.#string(row + member * 8, QUOTED_VERSION);
      else if (start === ABSENT) this.#span(row + member * 8, 0, 0);
      else this.#span(row + member * 8, start, spans[member * 2 + 1]! - start);
    }
    this.#string(row + layout.ENVELOPE_EVENT_ID, decoded.eventId);
    this.#string(row + layout.ENVELOPE_SOURCE, decoded.source);
  }

  /** The flags of all the values in the row. */
  #row(line: number, decoded: DecodedEvent): number {
    const { fields } = this.#program;
    let at = this.#values + line * fields.length * layout.VALUE_BYTES - this.#text;
    let flags = 0;
    for (const path of fields) {
      const isRounded = decoded.rounded?.has(pathName(path)) ?? false;
      flags |= this.#value(at, valueAt(decoded, path), isRounded);
      at += layout.VALUE_BYTES;
    }
    return flags;
  }

  /** Writes a value; `isRounded`: as a number, it is an integer beyond 2^53 that reads as 2^53. */
  #value(at: number, value: Json | undefined, isRounded: boolean): number {
    if (value === null || value === undefined) return 0;
    if (typeof value === "string") {
      this.#core.view.setUint8(this.#text + at, layout.TAG_STRING);
      const { offset, length } = this.#write(value);
      this.#core.view.setUint32(this.#text + at + layout.VALUE_LENGTH, length, true);
      this.#core.view.setUint32(this.#text + at + layout.VALUE_PAYLOAD, offset, true);
      return 0;
    }
    const { view } = this.#core;
    view.setUint8(this.#text + at, tagOf(value));
    if (Array.isArray(value)) view.setUint8(this.#text + at + layout.VALUE_IS_ARRAY, 1);
    if (typeof value !== "number") return 0;
    view.setFloat64(this.#text + at + layout.VALUE_PAYLOAD, value, true);
    if (Math.abs(value) <= EXACT_MAX && !isRounded) return 0;
    view.setUint8(this.#text + at + layout.VALUE_FLAGS, layout.FLAG_INEXACT);
    return layout.FLAG_INEXACT;
  }

  #span(at: number, offset: number, length: number): void {
    this.#core.view.setUint32(this.#text + at, offset, true);
    this.#core.view.setUint32(this.#text + at + 4, length, true);
  }

  #string(at: number, text: string): void {
    const { offset, length } = this.#write(text);
    this.#span(at, offset, length);
  }

  /** Appends a string's UTF-8 bytes behind the batch's bytes. */
  #write(text: string): { offset: number; length: number } {
    const offset = this.#used;
    if (offset + text.length * 3 > this.#room) this.#extend(text.length * 3);
    const { bytes } = this.#core;
    const start = this.#text + offset;
    let length = 0;
    for (; length < text.length; length++) {
      const code = text.charCodeAt(length);
      if (code > 0x7f) break;
      bytes[start + length] = code;
    }
    if (length < text.length) {
      const rest = bytes.subarray(start, start + text.length * 3);
      length = encoder.encodeInto(text, rest).written;
    }
    this.#used += length;
    return { offset, length };
  }

  #extend(bytes: number): void {
    const more = Math.max(bytes, EXTEND_BYTES, (this.#room - this.#strings) >> 1);
    this.#core.extend(more);
    this.#room += more;
  }

  // ── verdicts ─────────────────────────────────────────────────────────────────────────────────

  /** After what makes room, which moves the batch: where it lies now. */
  settle(): void {
    this.#place(this.#core.batch);
  }

  /** How many lines are entries: accepted events and ticks. */
  get entryCount(): number {
    return this.#core.view.getUint32(this.#header + layout.SCRATCH_ENTRIES, true);
  }

  /** Bytes of the entries, each with its newline. */
  get entryBytes(): number {
    return this.#core.view.getUint32(this.#header + layout.SCRATCH_ENTRY_BYTES, true);
  }

  /** The entries' lines, each ended by a newline. */
  entries(): Uint8Array {
    return this.#core.entries(this.entryBytes);
  }

  /** Which lines they are, ascending. */
  get entryLines(): readonly number[] {
    if (this.#entryLines === null) {
      const lines = Array.from({ length: this.lines }, (_, line) => line);
      this.#entryLines = lines.filter((line) => this.verdict(line) === layout.VERDICT_ACCEPTED);
    }
    return this.#entryLines;
  }

  /** How many lines are duplicates by their marks. */
  get duplicateCount(): number {
    return this.#core.view.getUint32(this.#header + layout.SCRATCH_DUPLICATES, true);
  }

  /** The last of them, `most` at most, the last one first. */
  duplicates(most: number): Duplicate[] {
    const found: Duplicate[] = [];
    const count = Math.min(most, this.duplicateCount);
    for (let line = this.lines - 1; found.length < count; line--) {
      if (this.verdict(line) !== layout.VERDICT_DUPLICATE) continue;
      found.push({ line, of: this.first(line), ...this.span(line) });
    }
    return found;
  }

  verdict(line: number): number {
    return this.#core.bytes[this.#slotAt(line) + layout.SLOT_VERDICT]!;
  }

  setVerdict(line: number, verdict: number): void {
    this.#core.bytes[this.#slotAt(line) + layout.SLOT_VERDICT] = verdict;
  }

  /** FAULT_… of a line that is held. */
  fault(line: number): number {
    return this.#core.bytes[this.#slotAt(line) + layout.SLOT_FAULT]!;
  }

  /** Of one that differs, or a duplicate: where the first of its identity stands, or will. */
  first(line: number): number {
    const slot = this.#slotAt(line);
    return this.#core.view.getFloat64(slot + layout.SLOT_FIRST, true);
  }

  /** When the event of the line happened, and which route it takes; null where it is a tick. */
  eventAt(line: number): { readonly timeMs: number; readonly route: number } | null {
    const { view } = this.#core;
    const slot = this.#slotAt(line);
    if (view.getUint8(slot + layout.SLOT_KIND) !== layout.KIND_EVENT) return null;
    return {
      timeMs: Number(view.getBigInt64(slot + layout.SLOT_TIME, true)),
      route: view.getUint32(slot + layout.SLOT_ROUTE, true),
    };
  }

  /** The fingerprint of the event's identity, 32 hex digits. */
  identity(line: number): string {
    const slot = this.#slotAt(line) + layout.SLOT_IDENTITY;
    return hex(this.#core.view, slot) + hex(this.#core.view, slot + 8);
  }
}

function hex(view: DataView, at: number): string {
  return view.getBigUint64(at, true).toString(16).padStart(16, "0");
}

function tagOf(value: Exclude<Json, null | string>): number {
  if (typeof value === "number") return layout.TAG_NUMBER;
  if (typeof value === "boolean") return value ? layout.TAG_TRUE : layout.TAG_FALSE;
  return layout.TAG_COMPOSITE;
}

/** What a path reads: own members only, never into an array; the event's time in ms. */
function valueAt(decoded: DecodedEvent, path: Path): Json | undefined {
  if (path.length === 1 && path[0] === "eventTime") return decoded.timeMs;
  let value: Json | undefined = decoded.event;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}
