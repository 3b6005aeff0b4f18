// The intake: from the lines of a push to what is appended and what is answered. It fills the
// batch (the strict lane, a slot a line), and after the core's verdicts settles what is left to
// decide: whether a known identity brings the same content, and what the quarantine has room for.

import * as layout from "../../assembly/layout.ts";
import type { Core } from "../core/core.ts";
import { CLOUD_MEMBERS, MEMBERS, type Json } from "../event/envelope.ts";
import { eventFault, pointerTo, type EventFault, type QuarantineCode } from "../event/fault.ts";
import { parseTime } from "../event/time.ts";
import type { Program } from "../query/compile.ts";
import { CHUNK_RELEASED, decodeChunk, type Chunk } from "../store/chunk.ts";
import type { MaybePromise, Store } from "../store/store.ts";
import { Batch, type First } from "./batch.ts";
import { content, decodeEvent, isFault, type DecodedEvent } from "./decode.ts";
import type { InputLine } from "./input.ts";
import type { Quarantine, Release } from "./quarantine.ts";
import { Tally, type Settled } from "./tally.ts";
import { tickOf } from "./tick.ts";

/** A push whose lines stand in the batch. */
export interface Filled {
  readonly batch: Batch;
  /** The position that the first accepted line will have. */
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly lines: readonly InputLine[];
  readonly receivedAt: (line: number) => number | null;
  /** Where the push is a release. */
  readonly release: Release | null;
  /** Of each line: its fault, the instant of a tick, or null for an event. */
  readonly found: readonly (EventFault | number | null)[];
}

interface IntakeOptions {
  readonly receivedAt?: number | readonly (number | null)[];
  readonly receivedAtMember?: string;
  readonly ticks?: boolean;
  readonly release?: Release | null;
}

const QUARANTINE_CODE: { readonly [fault: number]: QuarantineCode } = {
  [layout.FAULT_TIME_TOO_OLD]: "event_time_too_old",
  [layout.FAULT_TIME_IN_FUTURE]: "event_time_in_future",
};

const NEWLINE = 10;
const READ_ONE = 1;

export class Intake {
  readonly #program: Program;
  readonly #quarantine: Quarantine;
  readonly #store: Store;

  constructor(program: Program, quarantine: Quarantine, store: Store) {
    this.#program = program;
    this.#quarantine = quarantine;
    this.#store = store;
  }

  // ── filling ──────────────────────────────────────────────────────────────────────────────────

  /** A batch with a slot for each line, faults in their place. */
  fill(core: Core, bytes: Uint8Array, lines: readonly InputLine[], options: IntakeOptions): Filled {
    const member = options.receivedAtMember;
    const read: (number | null)[] | null = member === undefined ? null : lines.map(() => null);
    const receivedAt = receiveTimes(read ?? options.receivedAt, lines.length);
    const batch = new Batch(core, this.#program, lines.length, bytes);
    const release = options.release ?? null;
    if (release !== null) batch.release();
    const found = lines.map(({ start, end, fault }, index) => {
      if (fault !== null || release?.known.has(index) === true) return fault;
      const tick = options.ticks === true ? tickOf(bytes, start, end) : null;
      if (tick !== null) {
        batch.tick(index, tick);
        return tick;
      }
      const decoded = decodeEvent(bytes, start, end);
      if (isFault(decoded)) return decoded;
      if (read !== null && member !== undefined) {
        const received = receiveTimeOf(decoded, member);
        if (received !== null && typeof received !== "number") return received;
        read[index] = received;
      }
      batch.event(index, decoded, receivedAt(index));
      return null;
    });
    return { batch, position: core.counts().position, bytes, lines, receivedAt, release, found };
  }

  // ── settling ─────────────────────────────────────────────────────────────────────────────────

  /** After the core's verdicts: the receipt, and what it takes to keep its promise. */
  settle(filled: Filled): MaybePromise<Settled> {
    const { batch, lines } = filled;
    const positions = new Set<number>();
    for (let line = 0; line < lines.length; line++) {
      const released = this.#releasedAt(filled, line);
      if (released !== null) positions.add(released);
      if (batch.verdict(line) !== layout.VERDICT_DIFFERS) continue;
      const first = batch.first(line);
      if ("position" in first) positions.add(first.position);
    }
    const read = this.#readEntries([...positions].sort((a, b) => a - b));
    if (read instanceof Promise) return read.then((entries) => this.#settle(filled, entries));
    return this.#settle(filled, read);
  }

  /** Of a line that would be held, or is: where the event stands that was released before it. */
  #releasedAt({ batch, release }: Filled, line: number): number | null {
    if (release !== null) return release.known.get(line) ?? null;
    if (batch.verdict(line) !== layout.VERDICT_QUARANTINED) return null;
    return this.#quarantine.releasedAt(batch.identity(line));
  }

  #settle(filled: Filled, entries: ReadonlyMap<number, DecodedEvent>): Settled {
    // Reading a view meanwhile may have made room, and so moved the batch.
    filled.batch.settle();
    const tally = new Tally(filled);
    for (let line = 0; line < filled.lines.length; line++) {
      this.#judge(filled, tally, entries, line);
    }
    return tally.settled();
  }

  #judge(
    filled: Filled,
    tally: Tally,
    entries: ReadonlyMap<number, DecodedEvent>,
    line: number,
  ): void {
    const { batch } = filled;
    const found = filled.found[line] ?? null;
    if (typeof found === "number") return tally.tick(line, found);
    if (found !== null) return tally.invalid(line, found);
    const position = this.#releasedAt(filled, line);
    if (position !== null) return compare(filled, tally, entries, line, { position });
    switch (batch.verdict(line)) {
      case layout.VERDICT_ACCEPTED:
        return tally.accepted(line);
      case layout.VERDICT_DUPLICATE:
        return tally.duplicate(line, batch.first(line));
      case layout.VERDICT_DIFFERS:
        return compare(filled, tally, entries, line, batch.first(line));
      case layout.VERDICT_QUARANTINED:
        return this.#hold(filled, tally, line);
      default:
        throw new Error(`Got verdict ${batch.verdict(line)} for an event that was probed.`);
    }
  }

  #hold(filled: Filled, tally: Tally, line: number): void {
    const code = QUARANTINE_CODE[filled.batch.fault(line)]!;
    const bytes = lineBytes(filled, line);
    const identity = filled.batch.identity(line);
    const known = this.#quarantine.idOf(identity, bytes, tally.held);
    if (known.isHeld) return tally.quarantined(line, code, timePointer(filled, line), null);
    if (!this.#quarantine.hasRoom(tally.held.length + 1)) {
      return tally.invalid(line, eventFault("quarantine_full", timePointer(filled, line)));
    }
    // Kept in a buffer of its own: the push's may be a large one.
    const held = { id: known.id, code, receivedAt: filled.receivedAt(line), line: bytes.slice() };
    tally.quarantined(line, code, timePointer(filled, line), held);
  }

  /** The events at these positions, ascending. */
  #readEntries(
    positions: readonly number[],
    read: Map<number, DecodedEvent> = new Map(),
  ): MaybePromise<ReadonlyMap<number, DecodedEvent>> {
    for (let index = read.size; index < positions.length; index = read.size) {
      const page = this.#store.read(positions[index]!, READ_ONE);
      if (page instanceof Promise) {
        return page.then((chunks) => {
          pick(chunks, positions, read);
          return this.#readEntries(positions, read);
        });
      }
      pick(page, positions, read);
    }
    return read;
  }
}

/** Takes from `chunks` the entries at the next of `positions`. */
function pick(
  chunks: readonly Uint8Array[],
  positions: readonly number[],
  read: Map<number, DecodedEvent>,
): void {
  const before = read.size;
  for (const bytes of chunks) {
    const chunk = decodeChunk(bytes);
    const spans = lineSpans(chunk.lines);
    let position = positions[read.size];
    while (position !== undefined && position < chunk.firstPosition + chunk.count) {
      const { start, end } = spans[position - chunk.firstPosition]!;
      read.set(position, decodeAccepted(chunk.lines, start, end));
      position = positions[read.size];
    }
  }
  if (read.size === before) throw new Error(`The log has no position ${positions[before]}.`);
}

/** An identity that is known: a duplicate, or a conflict with the first event. */
function compare(
  filled: Filled,
  tally: Tally,
  entries: ReadonlyMap<number, DecodedEvent>,
  line: number,
  first: First,
): void {
  if (hasContentOf(filled, line, first, entries)) return tally.duplicate(line, first);
  tally.invalid(line, eventFault("event_id_conflict", idPointer(filled, line)), first);
}

function hasContentOf(
  filled: Filled,
  line: number,
  first: First,
  entries: ReadonlyMap<number, DecodedEvent>,
): boolean {
  const other = "line" in first ? decodedLine(filled, first.line) : entries.get(first.position)!;
  return content(decodedLine(filled, line)) === content(other);
}

function decodedLine(filled: Filled, line: number): DecodedEvent {
  const { start, end } = filled.lines[line]!;
  return decodeAccepted(filled.bytes, start, end);
}

function decodeAccepted(bytes: Uint8Array, start: number, end: number): DecodedEvent {
  const decoded = decodeEvent(bytes, start, end);
  if (!isFault(decoded)) return decoded;
  throw new Error(`Got ${decoded.code} from an event that was valid before.`);
}

/** A batch of a chunk's entries from entry `skip` on; all of them were accepted once. */
export function fillFromLog(core: Core, program: Program, chunk: Chunk, skip: number): Batch {
  const spans = lineSpans(chunk.lines);
  const count = spans.length - skip;
  const batch = new Batch(core, program, count, chunk.lines);
  if ((chunk.flags & CHUNK_RELEASED) !== 0) batch.release();
  for (let index = 0; index < count; index++) {
    const { start, end } = spans[index + skip]!;
    const tick = tickOf(chunk.lines, start, end);
    if (tick !== null) batch.tick(index, tick);
    else
      batch.event(index, decodeAccepted(chunk.lines, start, end), receivedOf(chunk, index + skip));
    batch.setVerdict(index, layout.VERDICT_ACCEPTED);
  }
  return batch;
}

export function lineBytes({ bytes, lines }: Filled, line: number): Uint8Array {
  return bytes.subarray(lines[line]!.start, lines[line]!.end);
}

/** Where the event time of a valid event stands, as it was sent. */
function timePointer(filled: Filled, line: number): string {
  return decodedLine(filled, line).isCloudEvent ? "/time" : "/eventTime";
}

function idPointer(filled: Filled, line: number): string {
  return decodedLine(filled, line).isCloudEvent ? "/id" : "/eventId";
}

/** Spans of lines that are each ended by a newline. */
function lineSpans(lines: Uint8Array): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(NEWLINE, start);
    spans.push({ start, end });
    start = end + 1;
  }
  return spans;
}

function receivedOf({ receivedAt }: Chunk, entry: number): number | null {
  if (receivedAt === null || typeof receivedAt === "number") return receivedAt;
  return receivedAt[entry] ?? null;
}

/** What an event says of its receive time in a top-level member: ms, unknown, or a fault. */
export function receiveTimeOf(decoded: DecodedEvent, member: string): number | null | EventFault {
  const value = sentMember(decoded, member) ?? null;
  const time = typeof value === "string" ? parseTime(value) : value;
  if (time === null || (typeof time === "number" && Number.isSafeInteger(time))) return time;
  return eventFault("invalid_time", pointerTo("", member));
}

/** A top-level member by the name under which it was sent. */
function sentMember({ event, isCloudEvent }: DecodedEvent, name: string): Json | undefined {
  const names: readonly string[] = MEMBERS;
  const cloudNames: readonly string[] = CLOUD_MEMBERS;
  if (!isCloudEvent) return event[name];
  if (cloudNames.includes(name)) return event[names[cloudNames.indexOf(name)]!];
  return names.includes(name) ? undefined : event[name];
}

function receiveTimes(
  given: number | readonly (number | null)[] | undefined,
  lines: number,
): (line: number) => number | null {
  if (given === undefined) return () => null;
  const times = typeof given === "number" ? [given] : given;
  if (typeof given !== "number" && given.length !== lines) {
    throw new RangeError(`Got ${given.length} receive times for ${lines} lines.`);
  }
  for (const time of times) {
    if (time !== null && !Number.isSafeInteger(time)) {
      throw new RangeError("A receive time is a whole number of ms since 1970, or null.");
    }
  }
  return typeof given === "number" ? () => given : (line) => given[line]!;
}
