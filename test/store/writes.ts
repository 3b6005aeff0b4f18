// What the tests of stores write and look at: chunks, held lines, released identities, and the place
// that keeps them, one storage that can be opened again and again. A durable one can also be damaged
// behind the store's back, and filled up.

import { expect } from "vitest";
import { CHUNK_RELEASED, decodeChunk, encodeChunk } from "../../engine/store/chunk.ts";
import type { Append, HeldLine, LogHeader, MaybePromise, Store } from "../../engine/store/store.ts";

export interface Place {
  /** A store over this place's storage, as after a restart. */
  open(): MaybePromise<Store>;
  /** Changes the stored chunk that begins at `position`, or loses it (null). */
  damage?(position: number, change: (bytes: Uint8Array) => Uint8Array | null): MaybePromise<void>;
  /** A store whose disk fills up at the last write of its next append. */
  openFull?(): MaybePromise<Store>;
}

/** Runs a test's body with a place of its own. */
export type WithPlace = (body: (place: Place) => Promise<void>) => Promise<void>;

export const HEADER: LogHeader = { version: 1, hashKey: filled(16, 7) };

export const NOTHING = { held: [], letGo: [], remembered: [], forgotten: [] };
const encoder = new TextEncoder();

/** A chunk of `count` entries from `firstPosition`, its lines `lineBytes` long with their "\n". */
export function appendOf(
  firstPosition: number,
  count: number,
  { lineBytes = 40, ...beside }: { lineBytes?: number } & Partial<Append> = {},
): Append {
  const lines = Array.from(
    { length: count },
    (_, index) => `{"n":${firstPosition + index}}`.padEnd(lineBytes - 1) + "\n",
  );
  const chunk = encodeChunk({
    firstPosition,
    count,
    receivedAt: firstPosition % 2 === 0 ? null : 1_710_530_712_345,
    flags: firstPosition % 3 === 0 ? CHUNK_RELEASED : 0,
    previousDigest: filled(32, firstPosition),
    lines: encoder.encode(lines.join("")),
  });
  return { chunk, firstPosition, endPosition: firstPosition + count, ...NOTHING, ...beside };
}

export function heldOf(id: string, receivedAt: number | null = null): HeldLine {
  return {
    id,
    code: "event_time_in_future",
    receivedAt,
    line: encoder.encode(`{"eventId":"${id}"}`),
  };
}

/** Appends with chunks of these sizes, one after another from position 0. */
export async function fill(store: Store, counts: readonly number[]): Promise<Uint8Array[]> {
  await store.create(HEADER);
  const chunks: Uint8Array[] = [];
  let position = 0;
  for (const count of counts) {
    const write = appendOf(position, count);
    await store.append(write);
    chunks.push(write.chunk!);
    position = write.endPosition;
  }
  return chunks;
}

/** Every chunk from `from` on, read in pages of `limitBytes`. */
export async function readAll(
  store: Store,
  from: number,
  limitBytes: number,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let position = from; ;) {
    const page = await store.read(position, limitBytes);
    if (page.length === 0) return chunks;
    chunks.push(...page);
    const last = decodeChunk(page.at(-1)!);
    // A page that gets nowhere would be read for ever.
    expect(last.firstPosition + last.count).toBeGreaterThan(position);
    position = last.firstPosition + last.count;
  }
}
/** Makes a test of what is said about a place. */
export type About = (sentence: string, body: (place: Place) => Promise<void>) => void;

export const RELEASED = ["z", "a", "m"].map((identity, index) => ({
  identity,
  position: index + 3,
}));

/** A HostFault of this code, whose message names these. */
export async function expectFault(
  work: () => MaybePromise<unknown>,
  code: string,
  ...named: string[]
): Promise<void> {
  const error: unknown = await (async () => work())().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "HostFault", code });
  for (const part of named) expect(String(error)).toContain(part);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function filled(length: number, byte: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(byte);
}

export function patterned(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, at) => (at * 31 + (at >>> 8)) & 255);
}

/** The same bytes as a view into a larger buffer. */
export function viewOf(bytes: Uint8Array): Uint8Array {
  const larger = filled(bytes.length + 50, 99);
  larger.set(bytes, 20);
  return larger.subarray(20, 20 + bytes.length);
}
