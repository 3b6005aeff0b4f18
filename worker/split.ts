// The lines of a request by restaurant: each is decoded strictly, a bad one is refused here, and
// what is left goes to the restaurant that `data.restaurantId` names, in the order in which it was
// sent. No object wakes for what is refused.

import type { JsonObject } from "../engine/event/envelope.ts";
import { eventFault, type EventFault } from "../engine/event/fault.ts";
import { decodeEvent, isFault } from "../engine/ingest/decode.ts";
import type { Input, InputLine } from "../engine/ingest/input.ts";
import type { InvalidLine } from "../engine/ingest/receipt.ts";
import { refusal } from "./problem.ts";

export const RESTAURANTS_MAX = 1000;
const ID_BYTES_MAX = 128;
const NEWLINE = 10;

/** The lines of one restaurant, as one push. */
export interface Share {
  readonly restaurantId: string;
  /** Of each line: its index in the request. */
  readonly indexes: readonly number[];
  /** The lines, each ended by a newline; a buffer of its own. */
  readonly lines: Uint8Array;
}

export interface Split {
  readonly received: number;
  readonly invalid: readonly InvalidLine[];
  readonly shares: readonly Share[];
}

const encoder = new TextEncoder();

/** Throws a refusal when the lines are for too many restaurants. */
export function split({ bytes, lines }: Input): Split {
  const invalid: InvalidLine[] = [];
  const indexesOf = new Map<string, number[]>();
  lines.forEach((line, index) => {
    const found = destinationOf(bytes, line);
    if (typeof found !== "string") {
      invalid.push({ index, ...found });
      return;
    }
    const indexes = indexesOf.get(found);
    if (indexes === undefined) indexesOf.set(found, [index]);
    else indexes.push(index);
  });
  if (indexesOf.size > RESTAURANTS_MAX) throw refusal("too_many_restaurants");
  const shares = [...indexesOf].map(([restaurantId, indexes]) => {
    return { restaurantId, indexes, lines: joined(bytes, lines, indexes) };
  });
  return { received: lines.length, invalid, shares };
}

function destinationOf(bytes: Uint8Array, { start, end, fault }: InputLine): string | EventFault {
  if (fault !== null) return fault;
  const decoded = decodeEvent(bytes, start, end);
  if (isFault(decoded)) return decoded;
  const data = decoded.event["data"] as JsonObject;
  const restaurantId = Object.hasOwn(data, "restaurantId") ? data["restaurantId"] : null;
  if (isRestaurantId(restaurantId)) return restaurantId;
  return eventFault("unroutable", "/data/restaurantId");
}

/** 1 to 128 bytes in UTF-8. A path cannot name `.` and `..`, so nobody could read their views. */
export function isRestaurantId(value: unknown): value is string {
  if (typeof value !== "string" || value === "" || value === "." || value === "..") return false;
  return value.length <= ID_BYTES_MAX && encoder.encode(value).length <= ID_BYTES_MAX;
}

function joined(
  bytes: Uint8Array,
  lines: readonly InputLine[],
  indexes: readonly number[],
): Uint8Array {
  const own = indexes.map((index) => lines[index]!);
  const share = new Uint8Array(own.reduce((sum, { start, end }) => sum + end - start + 1, 0));
  let at = 0;
  for (const { start, end } of own) {
    share.set(bytes.subarray(start, end), at);
    at += end - start + 1;
    share[at - 1] = NEWLINE;
  }
  return share;
}
