// Host facts as lines: `{"fact":{…}}` in the log and in its exported form, each a chunk of its own.

import { decoder, encoder } from "../event/utf8.ts";
import { HostFault } from "../store/host-fault.ts";
import { GENESIS } from "../store/chain.ts";
import type { Chunk } from "../store/chunk.ts";

/** What was asked to be computed again: the closed windows of a query that touch [from, to), ms. */
export interface ReprocessFact {
  readonly query: string;
  readonly from: number;
  readonly to: number;
}

const FACT = /^[ \t\r]*\{[ \t\r]*"fact"[ \t\r]*:/;
/** More than a fact has before its first colon. */
const HEAD_BYTES = 64;

/**
 * The fact of a line: a reprocess, or `"unknown"` where this build knows none of its name or its
 * members are wrong; null where the line is anything else.
 */
export function factOf(bytes: Uint8Array): ReprocessFact | "unknown" | null {
  if (!isFact(bytes)) return null;
  const line = membersOf(parse(bytes), ["fact"]);
  if (line === null) return null;
  const fact = membersOf(line["fact"], ["reprocess"]);
  const members = membersOf(fact?.["reprocess"], ["query", "from", "to"]);
  if (members === null) return "unknown";
  const { query, from, to } = members;
  if (typeof query !== "string" || !isRange(from, to)) return "unknown";
  return { query, from, to: to as number };
}

/** The positions that a chunk of the log marks as poisoned; null where it is anything else. */
export function poisonedBy({
  count,
  lines,
}: Pick<Chunk, "count" | "lines">): readonly number[] | null {
  const fact = count === 1 && isFact(lines) ? membersOf(parse(lines), ["fact"])?.["fact"] : null;
  const poisoned = membersOf(membersOf(fact, ["poisoned"])?.["poisoned"], ["positions"]);
  const positions: unknown = poisoned?.["positions"];
  return Array.isArray(positions) && positions.every(isPosition) ? positions : null;
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isFact(bytes: Uint8Array): boolean {
  return FACT.test(decoder.decode(bytes.subarray(0, HEAD_BYTES)));
}

/** The fact that a chunk of the log is; null where it has events or ticks. */
export function factOfChunk({ firstPosition, count, lines }: Chunk): ReprocessFact | null {
  const fact = count === 1 ? factOf(lines) : null;
  if (fact !== "unknown") return fact;
  throw new Error(`Got a fact at position ${firstPosition} that this build does not know.`);
}

/** The fact as a line of a chunk, with its newline. */
export function factLine({ query, from, to }: ReprocessFact): Uint8Array {
  return encoder.encode(`${JSON.stringify({ fact: { reprocess: { query, from, to } } })}\n`);
}

/** A fact's chunk as a core is given it: of the chain it knows nothing. */
export function factChunk(lines: Uint8Array, firstPosition: number): Chunk {
  return { firstPosition, count: 1, receivedAt: null, flags: 0, previousDigest: GENESIS, lines };
}

/** That these entries are poisoned, as a line of a chunk, with its newline. */
export function poisonLine(positions: readonly number[]): Uint8Array {
  return encoder.encode(`${JSON.stringify({ fact: { poisoned: { positions } } })}\n`);
}

/** What a caller asks for. HostFault `bad_range`. */
export function reprocessFact(query: string, range: { from: number; to: number }): ReprocessFact {
  const { from, to } = range;
  if (isRange(from, to)) return { query, from, to };
  throw new HostFault("bad_range", "A range is whole ms since 1970, `from` before `to`.");
}

/** Whether the two are whole ms since 1970, the first before the second. */
function isRange(from: unknown, to: unknown): from is number {
  return (
    Number.isSafeInteger(from) && Number.isSafeInteger(to) && (from as number) < (to as number)
  );
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return null;
  }
}

/** An object with these members and no others. */
function membersOf(
  value: unknown,
  names: readonly string[],
): { readonly [name: string]: unknown } | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const own = Object.keys(value);
  const isExact = own.length === names.length && names.every((name) => own.includes(name));
  return isExact ? (value as { readonly [name: string]: unknown }) : null;
}
