// The envelope: its members, a CloudEvent's made into them, and what "content" is. Judges nothing.

import { canonical, isObject, type Json, type JsonObject } from "./json.ts";
import { eventTimeMs } from "./time.ts";

const MEMBERS = [
  "eventId",
  "eventType",
  "eventVersion",
  "eventTime",
  "correlationId",
  "causationId",
  "source",
  "data",
];

export interface Envelope {
  readonly type: string;
  readonly timeMs: number;
  /** "An event's identity is `source` + `eventId` (no `source`: the empty one)." */
  readonly identity: string;
  /** "Content is the members of the envelope named above and no others, as canonical JSON." */
  readonly content: string;
  /** What paths read: all members, `eventTime` as ms. */
  readonly members: JsonObject;
}

export function readEnvelope(line: JsonObject): Envelope {
  const event = isCloudEvent(line) ? ofCloudEvent(line) : line;
  const content: { [name: string]: Json } = {};
  // "Null is absent": one that is null is no content.
  for (const name of MEMBERS) if ((event[name] ?? null) !== null) content[name] = event[name]!;
  const timeMs = eventTimeMs(String(event["eventTime"]));
  return {
    type: String(event["eventType"]),
    timeMs,
    identity: canonical([event["source"] ?? "", event["eventId"]!]),
    content: canonical(content),
    members: { ...event, eventTime: timeMs },
  };
}

/** "Its `specversion` is the string `1.0` and it has no `eventId`." */
function isCloudEvent(line: JsonObject): boolean {
  return line["specversion"] === "1.0" && !Object.hasOwn(line, "eventId");
}

function ofCloudEvent(line: JsonObject): JsonObject {
  // "Members beyond these are kept, and paths can read them."
  const event: { [name: string]: Json } = { ...line };
  event["eventId"] = line["id"]!;
  event["eventType"] = line["type"]!;
  event["eventTime"] = line["time"]!;
  event["eventVersion"] = line["eventversion"] ?? "1.0";
  event["correlationId"] = line["correlationid"] ?? line["id"]!;
  if (Object.hasOwn(line, "causationid")) event["causationId"] = line["causationid"]!;
  return event;
}

export interface Reprocess {
  readonly query: string;
  readonly from: number;
  readonly to: number;
}

/** A reprocess, as an exported log has it; null for any other line. */
export function reprocessOf(line: Json): Reprocess | null {
  const fact = isObject(line) ? (line["fact"] ?? null) : null;
  const reprocess = isObject(fact) ? (fact["reprocess"] ?? null) : null;
  return isObject(reprocess) ? (reprocess as unknown as Reprocess) : null;
}

/** "Lines that are `{"tick": integer}`"; null for any other line. */
export function tickOf(line: Json): number | null {
  if (!isObject(line) || Object.keys(line).length !== 1) return null;
  const tick = line["tick"];
  return typeof tick === "number" && Number.isInteger(tick) ? tick : null;
}
