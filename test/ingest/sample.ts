// A valid event, and ways to spoil it.

import type { DecodedEvent } from "../../engine/ingest/decode.ts";
import { decodeEvent, isFault } from "../../engine/ingest/decode.ts";
import type { EventFault } from "../../engine/event/fault.ts";

export const SAMPLE = {
  eventId: "evt-1",
  eventType: "order.created",
  eventVersion: "1.0",
  eventTime: "2024-03-15T18:30:00Z",
  correlationId: "corr-1",
  causationId: "cause-1",
  source: "till-7",
  data: { orderId: "ORD-1" },
} as const;

export const CLOUD_SAMPLE = {
  specversion: "1.0",
  id: "evt-1",
  type: "order.created",
  time: "2024-03-15T18:30:00Z",
  source: "till-7",
  data: { orderId: "ORD-1" },
} as const;

/** The sample as text, with some members' raw JSON replaced, added, or (undefined) left out. */
export function lineWith(
  raws: { readonly [name: string]: string | undefined },
  sample: { readonly [name: string]: unknown } = SAMPLE,
): string {
  const members = new Map(Object.entries(sample).map(([k, v]) => [k, JSON.stringify(v)]));
  for (const [name, raw] of Object.entries(raws)) {
    if (raw === undefined) members.delete(name);
    else members.set(name, raw);
  }
  return `{${[...members].map(([name, raw]) => `${JSON.stringify(name)}:${raw}`).join(",")}}`;
}

/** `count` arrays or objects, each within the one before. */
export function nested(count: number, open = "[", close = "]"): string {
  return open.repeat(count) + close.repeat(count);
}

/** An object of `count` members. */
export function wide(count: number): string {
  return `{${Array.from({ length: count }, (_, index) => `"k${index}":${index}`).join(",")}}`;
}

/** Decodes one line that stands between others. */
export function decode(line: string | Uint8Array): DecodedEvent | EventFault {
  const body = typeof line === "string" ? Buffer.from(line) : line;
  const bytes = new Uint8Array(Buffer.concat([Buffer.from('"\n'), body, Buffer.from("\n}")]));
  return decodeEvent(bytes, 2, 2 + body.length);
}

/** `code pointer` of a fault, or `ok`. */
export function verdict(line: string | Uint8Array): string {
  const decoded = decode(line);
  return isFault(decoded) ? `${decoded.code} ${decoded.pointer}` : "ok";
}

/** Bytes where `%XX` stands for one byte. */
export function bytesOf(text: string): Uint8Array {
  const parts = text.split(/%([0-9A-F]{2})/);
  return new Uint8Array(
    Buffer.concat(
      parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, "hex"))),
    ),
  );
}
