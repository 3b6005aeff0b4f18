// The intake: from the lines of a push to what is appended and what is answered. It fills the
// batch (the strict lane, a slot a line), and after the core's verdicts settles what is left to
// decide: whether a known identity brings the same content, and what the quarantine has room for.

import * as layout from "../../assembly/layout.ts";
import type { Core } from "../core/core.ts";
import { CLOUD_MEMBERS, MEMBERS, type Json } from "../event/envelope.ts";
import { eventFault, pointerTo, type EventFault, type QuarantineCode } from "../event/fault.ts";
import { parseTime } from "../event/time.ts";
import type { Program } from "../query/compile.ts";
import { HostFault } from "../store/host-fault.ts";
import { CHUNK_RELEASED, decodeChunk, type Chunk } from "../store/chunk.ts";
import { entryLines } from "../store/entry.ts";
import { isList, timeOf, type ReceiveTimes } from "../store/receive-times.ts";
import { after } from "../store/steps.ts";
import type { MaybePromise, Store } from "../store/store.ts";
import { Batch } from "./batch.ts";
import { content, decodeAccepted, decodeEvent, isFault, type DecodedEvent } from "./decode.ts";
import type { Pushed } from "./input.ts";
import type { Poison } from "./poison.ts";
import type { Quarantine, Release } from "./quarantine.ts";
import { Tally, type Settled } from "./tally.ts";
import { tickOf } from "./tick.ts";

/** A push whose lines stand in the batch. */
export interface Filled {
  readonly batch: Batch;
  /** The position that the first accepted line will have. */
  readonly position: number;
  readonly bytes: Uint8Array;
  /** The same but for lines that are poisoned, as they came. */
  readonly sent: Uint8Array;
  /** The receive time of every line, or one a line; null where unknown. */
  readonly received: ReceiveTimes;
  /** Where the push is a release. */
  readonly release: Release | null;
  /** What lines are that are no events: a fault, or the instant of a tick. */
  readonly found: ReadonlyMap<number, EventFault | number>;
  /** Where the first event of a line's identity stands, of which the core's table knows nothing. */
  readonly known: ReadonlyMap<number, number>;
  readonly poisoned: ReadonlySet<number>;
}

export interface FillOptions {
  readonly receivedAt?: number | readonly (number | null)[];
  readonly receivedAtMember?: string;
  readonly ticks?: boolean;
  readonly release?: Release | null;
  /** Lines on which the core fails: it is given others in their place. */
  readonly poisoned?: ReadonlySet<number>;
}

const QUARANTINE_CODE: { readonly [fault: number]: QuarantineCode } = {
  [layout.FAULT_TIME_TOO_OLD]: "event_time_too_old",
  [layout.FAULT_TIME_IN_FUTURE]: "event_time_in_future",
};

const NONE: ReadonlySet<number> = new Set();
const NEWLINE = 10;
const READ_ONE = 1;

/** Where lines are known that the core knows nothing of. */
interface Beside {
  readonly quarantine: Quarantine;
  readonly poison: Poison;
  readonly store: Store;
}

export class Intake {
  readonly #program: Program;
  readonly #beside: Beside;

  constructor(program: Program, beside: Beside) {
    this.#program = program;
    this.#beside = beside;
  }

  // ── filling ──────────────────────────────────────────────────────────────────────────────────

  /** A batch with a slot for each line; what the fast lane leaves, the strict lane fills. */
  fill(core: Core, pushed: Pushed, options: FillOptions): Filled {
    const { bytes, sent = bytes, fault } = pushed;
    const { receivedAt = null, receivedAtMember, release = null, poisoned = NONE } = options;
    const isByMember = receivedAtMember !== undefined;
    const received = isByMember ? [] : checkedTimes(receivedAt);
    const batch = new Batch(core, this.#program, bytes, isList(received) ? null : received);
    // An array that does not parse is one line, whatever it was meant to be.
    const isByLine = isList(received) && !isByMember && fault === undefined;
    if (isByLine && received.length !== batch.lines) {
      throw new HostFault(
        "bad_time",
        `Got ${received.length} receive times for ${batch.lines} lines: give each one.`,
      );
    }
    if (release !== null) batch.release();
    const known = new Map(release?.known);
    for (const line of known.keys()) batch.faulty(line);
    const found = new Map<number, EventFault | number>();
    const { position } = core.counts();
    const filled = { batch, position, bytes, sent, received, release, found, known, poisoned };
    for (const line of poisoned) batch.faulty(line);
    // The fast lane reads no receive times.
    for (const line of isByMember ? Array(batch.lines).keys() : batch.odd()) {
      if (poisoned.has(line)) continue;
      const what = fault ?? fillLine(this.#program, filled, line, options);
      if (what !== null) found.set(line, what);
      if (what !== null && typeof what !== "number") batch.faulty(line);
    }
    if (isList(received)) batch.receive((line) => timeOf(received, line));
    if (this.#beside.poison.hasEvents) this.#knowPoison(batch, known);
    return filled;
  }

  #knowPoison(batch: Batch, known: Map<number, number>): void {
    for (let line = 0; line < batch.lines; line++) {
      if (batch.eventAt(line) === null) continue;
      const position = this.#beside.poison.eventAt(batch.identity(line));
      if (position === null) continue;
      known.set(line, position);
      batch.faulty(line);
    }
  }

  // ── settling ─────────────────────────────────────────────────────────────────────────────────

  /** After the core's verdicts: the receipt, and what it takes to keep its promise. */
  settle(filled: Filled): MaybePromise<Settled> {
    const { batch } = filled;
    // A push that was judged line by line comes here some turns later: as below.
    batch.settle();
    const positions = new Set<number>();
    for (const line of batch.unsettled()) {
      const known = this.#knownAt(filled, line);
      if (known !== null) positions.add(known);
      if (batch.verdict(line) !== layout.VERDICT_DIFFERS) continue;
      const first = batch.first(line);
      if (first < filled.position) positions.add(first);
    }
    const read = this.#readEntries([...positions].sort((a, b) => a - b));
    return after(read, (entries) => this.#settle(filled, entries));
  }

  /** Where the line's event stands, if it was released or is poisoned: beside the core's table. */
  #knownAt({ batch, release, known }: Filled, line: number): number | null {
    const { quarantine } = this.#beside;
    const isHeld = release === null && batch.verdict(line) === layout.VERDICT_QUARANTINED;
    return known.get(line) ?? (isHeld ? quarantine.releasedAt(batch.identity(line)) : null);
  }

  #settle(filled: Filled, entries: ReadonlyMap<number, DecodedEvent>): Settled {
    // Reading a view meanwhile may have made room, and so moved the batch.
    filled.batch.settle();
    const tally = new Tally(filled);
    for (const line of filled.batch.unsettled()) this.#judge(filled, tally, entries, line);
    return tally.settled();
  }

  #judge(
    filled: Filled,
    tally: Tally,
    entries: ReadonlyMap<number, DecodedEvent>,
    line: number,
  ): void {
    const { batch } = filled;
    if (filled.poisoned.has(line)) return this.#hold(filled, tally, line, "poisoned");
    const found = filled.found.get(line) ?? null;
    if (typeof found === "number") return tally.tick();
    if (found !== null) return tally.invalid(line, found);
    const position = this.#knownAt(filled, line);
    if (position !== null) return compare(filled, tally, entries, line, position);
    switch (batch.verdict(line)) {
      case layout.VERDICT_DIFFERS:
        return compare(filled, tally, entries, line, batch.first(line));
      case layout.VERDICT_QUARANTINED:
        return this.#hold(filled, tally, line, QUARANTINE_CODE[batch.fault(line)]!);
      default:
        throw new Error(`Got verdict ${batch.verdict(line)} from an event that was probed.`);
    }
  }

  #hold(filled: Filled, tally: Tally, line: number, code: QuarantineCode): void {
    const bytes = lineBytes(filled, line);
    const isPoisoned = code === "poisoned";
    // The core made no fingerprint of it.
    const identity = isPoisoned ? code : filled.batch.identity(line);
    const pointer = isPoisoned ? "" : timePointer(filled, line);
    const { quarantine } = this.#beside;
    const known = quarantine.idOf(identity, bytes, tally.held);
    if (known.isHeld) return tally.quarantined(line, code, pointer, null);
    if (!quarantine.hasRoom(tally.held.length + 1)) {
      return tally.invalid(line, eventFault("quarantine_full", pointer));
    }
    // Kept in a buffer of its own: the push's may be a large one.
    const receivedAt = timeOf(filled.received, line);
    const held = { id: known.id, code, receivedAt, line: bytes.slice() };
    tally.quarantined(line, code, pointer, held);
  }

  /** The events at these positions, ascending. */
  #readEntries(
    positions: readonly number[],
    read: Map<number, DecodedEvent> = new Map(),
  ): MaybePromise<ReadonlyMap<number, DecodedEvent>> {
    for (let index = read.size; index < positions.length; index = read.size) {
      const page = this.#beside.store.read(positions[index]!, READ_ONE);
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
    const lines = [...entryLines(chunk)];
    let position = positions[read.size];
    while (position !== undefined && position < chunk.firstPosition + chunk.count) {
      const line = lines[position - chunk.firstPosition]!;
      read.set(position, decodeAccepted(line));
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
  first: number,
): void {
  if (hasContentOf(filled, line, first, entries)) return tally.duplicate(line, first);
  tally.invalid(line, eventFault("event_id_conflict", idPointer(filled, line)), first);
}

function hasContentOf(
  filled: Filled,
  line: number,
  first: number,
  entries: ReadonlyMap<number, DecodedEvent>,
): boolean {
  const index = first - filled.position;
  const other =
    index < 0 ? entries.get(first)! : decodedLine(filled, filled.batch.entryLines[index]!);
  return content(decodedLine(filled, line)) === content(other);
}

function decodedLine(filled: Filled, line: number): DecodedEvent {
  const { start, end } = filled.batch.span(line);
  return decodeAccepted(filled.bytes, start, end);
}

/** A line by the strict lane: null for an event, the instant of a tick, or a fault. */
function fillLine(
  { schemas }: Program,
  { batch, bytes, received }: Filled,
  line: number,
  { ticks, receivedAtMember, release }: FillOptions,
): EventFault | number | null {
  const { start, end } = batch.span(line);
  const tick = ticks === true ? tickOf(bytes, start, end) : null;
  if (tick !== null) {
    batch.tick(line, tick);
    return tick;
  }
  const decoded = decodeEvent(bytes, start, end);
  if (isFault(decoded)) return decoded;
  // What is released was checked when it was sent.
  const isReleased = (release ?? null) !== null;
  const fault = isReleased ? null : schemas?.fault(decoded.event, decoded.eventType);
  if (fault) return fault;
  if (receivedAtMember !== undefined && isList(received)) {
    const read = receiveTimeOf(decoded, receivedAtMember);
    if (read !== null && typeof read !== "number") return read;
    (received as (number | null)[])[line] = read;
  }
  batch.event(line, decoded, timeOf(received, line));
  return null;
}

/** A batch of a chunk's entries from entry `skip` on; all of them were accepted once. */
export function fillFromLog(core: Core, program: Program, chunk: Chunk, skip: number): Batch {
  let { lines: bytes } = chunk;
  for (let entry = 0; entry < skip; entry++) bytes = bytes.subarray(bytes.indexOf(NEWLINE) + 1);
  const { receivedAt } = chunk;
  const received = isList(receivedAt) ? receivedAt.slice(skip) : receivedAt;
  const batch = new Batch(core, program, bytes, isList(received) ? null : received);
  if ((chunk.flags & CHUNK_RELEASED) !== 0) batch.release();
  for (const line of batch.odd()) {
    const { start, end } = batch.span(line);
    const tick = tickOf(bytes, start, end);
    if (tick !== null) batch.tick(line, tick);
    else batch.event(line, decodeAccepted(bytes, start, end), timeOf(received, line));
  }
  if (isList(received)) batch.receive((line) => timeOf(received, line));
  core.accept();
  return batch;
}

function lineBytes({ sent, batch }: Filled, line: number): Uint8Array {
  const { start, end } = batch.span(line);
  return sent.subarray(start, end);
}

/** Where the event time of a valid event stands, as it was sent. */
function timePointer(filled: Filled, line: number): string {
  return decodedLine(filled, line).isCloudEvent ? "/time" : "/eventTime";
}

function idPointer(filled: Filled, line: number): string {
  return decodedLine(filled, line).isCloudEvent ? "/id" : "/eventId";
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

function checkedTimes(given: ReceiveTimes): ReceiveTimes {
  for (const time of isList(given) ? given : [given]) {
    if (time !== null && !Number.isSafeInteger(time)) {
      throw new HostFault(
        "bad_time",
        "A receive time is a whole number of ms since 1970, or null.",
      );
    }
  }
  return given;
}
