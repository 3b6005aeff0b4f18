// The stored chunk: what one push appended to the log, as one exact-length buffer.
//
//   offset  bytes
//        0      4  magic, "MRCK"
//        4      2  version of this layout, 1
//        6      2  flags: 1 released, 2 years of zones
//        8      8  position of the first entry, u64
//       16      4  count of entries, u32
//       20      4  bytes of the lines, u32
//       24      4  form of the receive times: 0 none, 1 one for all, 2 one an entry
//       28      4  CRC32C of every other byte of the chunk, u32
//       32     32  SHA-256 of the previous chunk (the audit chain), zeros where it is not kept
//       64   8 × n receive times, f64 ms since 1970, -Infinity where unknown (NaN has many forms)
//        …      …  with flag 2: bytes of the years' JSON, u32, and that JSON (event/zone.ts)
//        …      …  the entries' lines, byte for byte, each ended by "\n"
//
// Little-endian throughout. Worked example: the tick {"tick":7} at position 5, no receive time:
//
//   4d 52 43 4b  01 00  00 00  05 00 00 00 00 00 00 00  01 00 00 00  0b 00 00 00
//   00 00 00 00  69 d7 9e b7  00 × 32  7b 22 74 69 63 6b 22 3a 37 7d 0a
//
// A chunk read back is refused as `chunk_broken`, by its positions, whatever single bit of it
// flipped, and whatever is missing or too much. Who reads lines from a store decodes its chunks.

import { viewOf } from "../event/bytes.ts";
import { decoder, encoder } from "../event/utf8.ts";
import type { ZoneYear } from "../event/zone.ts";
import { crc32c } from "./crc32c.ts";
import { HostFault } from "./host-fault.ts";
import { folded, isList, type ReceiveTimes } from "./receive-times.ts";
import { drained, paced, STEP_BYTES, type Breathe, type Steps } from "./steps.ts";
import type { Append, Recovered } from "./store.ts";

const MAGIC = 0x4b43524d;
const VERSION = 1;

const AT_MAGIC = 0;
const AT_VERSION = AT_MAGIC + 4;
const AT_FLAGS = AT_VERSION + 2;
const AT_POSITION = AT_FLAGS + 2;
const AT_COUNT = AT_POSITION + 8;
const AT_LINES_BYTES = AT_COUNT + 4;
const AT_RECEIVE_FORM = AT_LINES_BYTES + 4;
const AT_SUM = AT_RECEIVE_FORM + 4;
const AT_DIGEST = AT_SUM + 4;
const DIGEST_BYTES = 32;
const HEADER_BYTES = AT_DIGEST + DIGEST_BYTES;

const RECEIVE_NONE = 0;
const RECEIVE_ONE = 1;
const RECEIVE_EACH = 2;
const RECEIVE_BYTES = 8;
const RECEIVE_UNKNOWN = -Infinity;

const NEWLINE = 10;

/** The chunk holds lines that were released from the quarantine. */
export const CHUNK_RELEASED = 1;
/** The chunk brings years of zones; set by what it holds. */
const CHUNK_ZONES = 2;
const ZONES_LENGTH_BYTES = 4;

export interface Chunk {
  readonly firstPosition: number;
  /** Entries, and so lines. */
  readonly count: number;
  /** Null: none; of one an entry null where unknown, or a tick. */
  readonly receivedAt: ReceiveTimes;
  /** CHUNK_RELEASED, or 0. */
  readonly flags: number;
  /** Years of zones that its entries are the first to need. */
  readonly zones?: readonly ZoneYear[];
  /** 32 bytes. */
  readonly previousDigest: Uint8Array;
  /** The lines as received, each ended by "\n"; no other "\n" in them. */
  readonly lines: Uint8Array;
}

export function encodeChunk(chunk: Chunk): Uint8Array<ArrayBuffer> {
  return drained(encodeSteps(chunk));
}

/** The same in steps of so many bytes. */
export function* encodeSteps(chunk: Chunk): Steps<Uint8Array<ArrayBuffer>> {
  assertMembers(chunk);
  const { receivedAt, lines } = chunk;
  const form = receivedAt === null ? RECEIVE_NONE : isList(receivedAt) ? RECEIVE_EACH : RECEIVE_ONE;
  const zonesAt = HEADER_BYTES + receiveCount(form, chunk.count) * RECEIVE_BYTES;
  const zones = encodeZones(chunk.zones);
  const linesAt = zonesAt + zones.length;
  const bytes = new Uint8Array(linesAt + lines.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(AT_MAGIC, MAGIC, true);
  view.setUint16(AT_VERSION, VERSION, true);
  view.setUint16(AT_FLAGS, chunk.flags | (zones.length > 0 ? CHUNK_ZONES : 0), true);
  view.setBigUint64(AT_POSITION, BigInt(chunk.firstPosition), true);
  view.setUint32(AT_COUNT, chunk.count, true);
  view.setUint32(AT_LINES_BYTES, lines.length, true);
  view.setUint32(AT_RECEIVE_FORM, form, true);
  bytes.set(chunk.previousDigest, AT_DIGEST);
  if (isList(receivedAt)) {
    for (let entry = 0; entry < receivedAt.length; entry++) {
      const ms = receivedAt[entry] ?? RECEIVE_UNKNOWN;
      view.setFloat64(HEADER_BYTES + entry * RECEIVE_BYTES, ms, true);
    }
  } else if (receivedAt !== null) {
    view.setFloat64(HEADER_BYTES, receivedAt, true);
  }
  bytes.set(zones, zonesAt);
  let sum = crc32c(bytes, AT_DIGEST, linesAt, crc32c(bytes, 0, AT_SUM));
  let lineCount = 0;
  for (let at = 0; at < lines.length; at += STEP_BYTES) {
    const part = lines.subarray(at, at + STEP_BYTES);
    bytes.set(part, linesAt + at);
    sum = crc32c(bytes, linesAt + at, linesAt + at + part.length, sum);
    lineCount += newlinesIn(part);
    if (at + STEP_BYTES < lines.length) yield STEP_BYTES;
  }
  assertLines(chunk, lineCount);
  view.setUint32(AT_SUM, sum, true);
  return bytes;
}

/** The chunk's members; `lines` and `previousDigest` are views of `bytes`. */
export function decodeChunk(bytes: Uint8Array): Chunk {
  checkChunk(bytes);
  const chunk = membersOf(bytes);
  assertChunk(chunk);
  return chunk;
}

/** The same, checked in steps; the lines are counted by whoever walks through them. */
export async function decodePaced(bytes: Uint8Array, breathe: Breathe): Promise<Chunk> {
  await paced(checkSteps(bytes), breathe);
  return membersOf(bytes);
}

function membersOf(bytes: Uint8Array): Chunk {
  const view = viewOf(bytes);
  const count = view.getUint32(AT_COUNT, true);
  const form = view.getUint32(AT_RECEIVE_FORM, true);
  const flags = view.getUint16(AT_FLAGS, true);
  const zonesAt = HEADER_BYTES + receiveCount(form, count) * RECEIVE_BYTES;
  const linesAt = zonesAt + zonesBytes(view, zonesAt, flags);
  return {
    firstPosition: Number(view.getBigUint64(AT_POSITION, true)),
    count,
    receivedAt: readReceivedAt(view, form, count),
    flags: flags & ~CHUNK_ZONES,
    ...(linesAt > zonesAt && { zones: decodeZones(bytes.subarray(zonesAt, linesAt)) }),
    previousDigest: bytes.subarray(AT_DIGEST, AT_DIGEST + DIGEST_BYTES),
    lines: bytes.subarray(linesAt),
  };
}

export interface Span {
  readonly firstPosition: number;
  /** The first position after the chunk. */
  readonly endPosition: number;
}

/** Where the chunk begins and ends in the log, once every byte of it was checked. */
export function checkChunk(bytes: Uint8Array): Span {
  return drained(checkSteps(bytes));
}

function* checkSteps(bytes: Uint8Array): Steps<Span> {
  const span = spanOf(bytes);
  const place = `at position ${span.firstPosition}`;
  const view = viewOf(bytes);
  const count = view.getUint32(AT_COUNT, true);
  const received = receiveCount(view.getUint32(AT_RECEIVE_FORM, true), count);
  const zonesAt = HEADER_BYTES + received * RECEIVE_BYTES;
  const zones = zonesBytes(view, zonesAt, view.getUint16(AT_FLAGS, true));
  const wanted = zonesAt + zones + view.getUint32(AT_LINES_BYTES, true);
  if (bytes.length !== wanted) {
    throw broken(place, `got ${bytes.length} bytes when its header says ${wanted}`);
  }
  let sum = crc32c(bytes, 0, AT_SUM);
  let at = AT_DIGEST;
  for (; bytes.length - at > STEP_BYTES; at += STEP_BYTES) {
    sum = crc32c(bytes, at, at + STEP_BYTES, sum);
    yield STEP_BYTES;
  }
  sum = crc32c(bytes, at, bytes.length, sum);
  const written = view.getUint32(AT_SUM, true);
  if (sum !== written) {
    throw broken(place, `its bytes sum to ${hex(sum)} when ${hex(written)} was written`);
  }
  return span;
}

/** What the header says of the chunk's place; believe it only of bytes that were just encoded. */
function spanOf(bytes: Uint8Array): Span {
  const nowhere = "at an unknown position";
  if (bytes.length < HEADER_BYTES) {
    throw broken(nowhere, `got ${bytes.length} bytes when a header has ${HEADER_BYTES}`);
  }
  const view = viewOf(bytes);
  if (view.getUint32(AT_MAGIC, true) !== MAGIC) throw broken(nowhere, "it has no MRCK in front");
  const firstPosition = Number(view.getBigUint64(AT_POSITION, true));
  const version = view.getUint16(AT_VERSION, true);
  if (version !== VERSION) {
    const problem = `has version ${version} when this build reads version ${VERSION}`;
    const message = `The chunk at position ${firstPosition} ${problem}: update Millrace.`;
    throw new HostFault("chunk_broken", message);
  }
  return { firstPosition, endPosition: firstPosition + view.getUint32(AT_COUNT, true) };
}

/** What a store has behind a page: where its next chunk begins, or where the log ends. */
export interface Following {
  readonly position: number;
  readonly isEnd: boolean;
}

/**
 * Checks a page that a store read: chunks that are whole and follow one another, the first of them
 * holding `from`. A page that stands before a gap is given; the read that falls into the gap is
 * refused.
 */
export function checkPage(chunks: readonly Uint8Array[], from: number, following: Following): void {
  checkSpans(chunks.map(checkChunk), from, following);
}

/** The same in steps. */
export async function checkPagePaced(
  chunks: readonly Uint8Array[],
  from: number,
  following: Following,
  breathe: Breathe,
): Promise<void> {
  const spans: Span[] = [];
  for (const bytes of chunks) spans.push(await paced(checkSteps(bytes), breathe));
  checkSpans(spans, from, following);
}

function checkSpans(spans: readonly Span[], from: number, following: Following): void {
  let next: number | null = null;
  for (const span of spans) {
    const wanted: number = next ?? Math.min(from, span.firstPosition);
    if (span.firstPosition > wanted) throw missing(wanted, span.firstPosition);
    if (next !== null && span.firstPosition < next) {
      throw broken(`at position ${span.firstPosition}`, `the one before it ends at ${next}`);
    }
    next = span.endPosition;
  }
  const reached = next ?? from;
  const fellShort = reached <= from || following.isEnd;
  if (fellShort && reached < following.position) throw missing(reached, following.position);
}

/** Checks that the newest chunk ends where the header record says that the log does. */
export function checkEnd(newest: Uint8Array | null, endPosition: number): void {
  const end = newest === null ? 0 : checkChunk(newest).endPosition;
  if (end < endPosition) {
    const problem = `ends at position ${end} when its header says ${endPosition}`;
    const message = `The log ${problem}: the newest chunks are lost, restore them from a copy.`;
    throw new HostFault("log_truncated", message);
  }
  if (end > endPosition) {
    const place = `that ends at position ${end}`;
    throw broken(place, `the log's header says that the log ends at ${endPosition}`);
  }
}

function spanOfWrite(write: Append): Span {
  const { entries, firstPosition } = write;
  if (entries) return { ...entries, endPosition: entries.firstPosition + entries.count };
  return write.chunk === null ? { firstPosition, endPosition: firstPosition } : spanOf(write.chunk);
}

/** What every store asks before it writes: that the chunk stands where the log ends. */
export function checkAppend(write: Append, endPosition: number): void {
  const { firstPosition } = write;
  const span = spanOfWrite(write);
  if (span.firstPosition !== firstPosition || span.endPosition !== write.endPosition) {
    const wanted = `positions ${firstPosition} to ${write.endPosition}`;
    const got = `${span.firstPosition} to ${span.endPosition}`;
    throw new RangeError(`The append says ${wanted} when its chunk says ${got}.`);
  }
  if (firstPosition !== endPosition) throw anotherWriter(endPosition, firstPosition);
}

/**
 * Whether the store whose log ends at `endPosition` has what it was asked to write: since an append
 * is atomic, one thing of it says so for all.
 */
export function hasWrite(
  { firstPosition, endPosition: wanted, held, letGo }: Append,
  endPosition: number,
  isHeld: (id: string) => boolean,
): boolean {
  if (endPosition !== wanted && endPosition !== firstPosition) {
    throw anotherWriter(endPosition, firstPosition);
  }
  if (wanted !== firstPosition) return endPosition === wanted;
  return held.length > 0 ? isHeld(held[0]!.id) : !isHeld(letGo[0]!);
}

function anotherWriter(endPosition: number, firstPosition: number): HostFault {
  const problem = `The log ends at ${endPosition} when this engine would append at`;
  const message = `${problem} ${firstPosition}: another writer was here, open the log again.`;
  return new HostFault("storage_unavailable", message);
}

/** The fault of a release whose line is not on the store's list. */
export function notHeld(id: string): HostFault {
  const message = `The line ${id} is not held: another writer was here, open the log again.`;
  return new HostFault("storage_unavailable", message);
}

/** The fault of positions that a log should hold and does not, `to` not included. */
export function missing(from: number, to: number): HostFault {
  const named = to - from === 1 ? `Position ${from} is` : `Positions ${from} to ${to - 1} are`;
  return new HostFault("chunk_broken", `${named} missing from the log: restore it from a copy.`);
}

/** What a store asks before it reads: that `from` was not trimmed. */
export function checkKept(from: number, trimmedTo: number): void {
  if (from >= trimmedTo) return;
  const named = `Positions below ${trimmedTo}`;
  throw new HostFault("log_trimmed", `${named} were trimmed from the log: ask its archive.`);
}

/** What a store asks before it trims: that a chunk begins at `to`, which is kept. */
export function checkTrim(to: number, isChunk: boolean): void {
  if (!isChunk) throw new RangeError(`No chunk begins at ${to}: a log is trimmed between chunks.`);
}

/** How far an archive has all, once what is before `to` is trimmed, which it has or not. */
export function archivedBy(
  { trimmedTo, archivedTo }: Pick<Recovered, "trimmedTo" | "archivedTo">,
  to: number,
  isArchived: boolean,
): number {
  // What was trimmed before it was asked is in none.
  return isArchived && archivedTo >= trimmedTo ? Math.max(archivedTo, to) : archivedTo;
}

/** What a store asks before it puts a chunk back: where it begins, ending at `trimmedTo`. */
export function checkPutBack(chunk: Uint8Array, trimmedTo: number): number {
  const { firstPosition, endPosition } = checkChunk(chunk);
  if (endPosition === trimmedTo) return firstPosition;
  throw new RangeError(`The chunk ends at ${endPosition} when the log begins at ${trimmedTo}.`);
}

/** The chunk in the exported form of a log: its control line, then its lines as they are. */
export function exportChunk(chunk: Chunk): string {
  const control = {
    position: chunk.firstPosition,
    receivedAt: folded(chunk.receivedAt),
    ...((chunk.flags & CHUNK_RELEASED) !== 0 && { released: true }),
  };
  const lines = decoder.decode(chunk.lines);
  const line = { chunk: control, ...(chunk.zones !== undefined && { zones: chunk.zones }) };
  return `${JSON.stringify(line)}\n${lines}`;
}

/** `bytes` in a buffer of its own length: a store keeps the whole buffer behind a view. */
export function exactBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const exact =
    buffer instanceof ArrayBuffer && !buffer.resizable && buffer.byteLength === bytes.length;
  return exact ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

function readReceivedAt(view: DataView, form: number, count: number): ReceiveTimes {
  if (form === RECEIVE_NONE) return null;
  if (form === RECEIVE_ONE) return view.getFloat64(HEADER_BYTES, true);
  const times: (number | null)[] = [];
  for (let entry = 0; entry < count; entry++) {
    const ms = view.getFloat64(HEADER_BYTES + entry * RECEIVE_BYTES, true);
    times.push(ms === RECEIVE_UNKNOWN ? null : ms);
  }
  return times;
}

/** A length and the years as JSON; nothing where there are none. */
function encodeZones(zones: readonly ZoneYear[] = []): Uint8Array {
  if (zones.length === 0) return new Uint8Array(0);
  const text = encoder.encode(JSON.stringify(zones));
  const bytes = new Uint8Array(ZONES_LENGTH_BYTES + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, ZONES_LENGTH_BYTES);
  return bytes;
}

function decodeZones(bytes: Uint8Array): readonly ZoneYear[] {
  const text = decoder.decode(bytes.subarray(ZONES_LENGTH_BYTES));
  return JSON.parse(text) as readonly ZoneYear[];
}

/** Bytes of the years' section; a damaged chunk may say anything, its checksum is next. */
function zonesBytes(view: DataView, at: number, flags: number): number {
  const hasZones = (flags & CHUNK_ZONES) !== 0 && at + ZONES_LENGTH_BYTES <= view.byteLength;
  return hasZones ? ZONES_LENGTH_BYTES + view.getUint32(at, true) : 0;
}

function receiveCount(form: number, count: number): number {
  return form === RECEIVE_EACH ? count : form === RECEIVE_ONE ? 1 : 0;
}

/** Asked before writing and after reading: what fails here is a fault of this program. */
function assertChunk(chunk: Chunk): void {
  assertMembers(chunk);
  assertLines(chunk, newlinesIn(chunk.lines));
}

function assertMembers(chunk: Chunk): void {
  const { firstPosition, count, receivedAt, flags, previousDigest } = chunk;
  const timeCount = isList(receivedAt) ? receivedAt.length : count;
  const isPosition = firstPosition >= 0 && Number.isSafeInteger(firstPosition + count);
  assert(chunk, isPosition, "no such position");
  const isSome = Number.isInteger(count) && count >= 1;
  assert(chunk, isSome, `got ${count} entries when it holds at least 1`);
  assert(chunk, timeCount === count, `got ${timeCount} receive times for ${count} entries`);
  assert(chunk, flags === (flags & 0xffff), `flags ${flags} do not fit 16 bits`);
  const { length } = previousDigest;
  assert(chunk, length === DIGEST_BYTES, `its digest has ${length} bytes`);
}

/** Each ended by "\n", the last one too. */
function assertLines(chunk: Chunk, found: number): void {
  const lines = chunk.lines.at(-1) === NEWLINE ? found : -1;
  const problem = `got ${lines} whole lines for ${chunk.count} entries`;
  assert(chunk, lines === chunk.count, problem);
}

function assert({ firstPosition }: Chunk, holds: boolean, problem: string): void {
  if (!holds) throw new RangeError(`Chunk at position ${firstPosition}: ${problem}.`);
}

function newlinesIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

function broken(place: string, problem: string): HostFault {
  const message = `The chunk ${place} is broken: ${problem}. Restore the log from a copy.`;
  return new HostFault("chunk_broken", message);
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, "0");
}
