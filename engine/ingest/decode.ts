// The strict lane's reading of one line: bytes in, an event or the first fault in the contract's
// order out. The envelope is judged here, for native events and for CloudEvents, whose members
// are mapped under the envelope's names. It touches no state and knows no catalogue.

import { canonical } from "../event/canonical.ts";
import {
  CLOUD_MEMBERS,
  CORRELATION_ID,
  DEFAULT_VERSION,
  EVENT_ID,
  EVENT_TIME,
  EVENT_VERSION,
  EXPECTED,
  LINE_BYTES_MAX,
  MEMBERS,
  isObject,
  memberCode,
} from "../event/envelope.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import { eventFault } from "../event/fault.ts";
import type { EventFault } from "../event/fault.ts";
import { parseTime } from "../event/time.ts";
import { JsonReader } from "./json.ts";
import { isUtf8 } from "./utf8.ts";

export interface DecodedEvent {
  /** As paths read it: envelope names, data, and every other member; eventTime is the string. */
  readonly event: JsonObject;
  readonly eventId: string;
  readonly eventType: string;
  /** "" when absent. */
  readonly source: string;
  readonly timeMs: number;
  /**
   * Start and end of each member's raw value in the bytes, by member number: ABSENT twice when
   * absent or null, DEFAULTED twice for the version that a CloudEvent leaves out.
   */
  readonly spans: Int32Array;
}

export const ABSENT = -1;
/** Stands for the constant bytes `"1.0"`, quotes included. */
export const DEFAULTED = -2;

type Names = readonly string[];

function numbersOf(names: Names): ReadonlyMap<string, number> {
  return new Map(names.map((name, member) => [name, member]));
}

const MEMBER_NUMBERS = numbersOf(MEMBERS);
const CLOUD_NUMBERS = numbersOf(CLOUD_MEMBERS);

export function isFault(decoded: DecodedEvent | EventFault): decoded is EventFault {
  return "code" in decoded;
}

/** A CloudEvent says so by its `specversion`, and has no `eventId`. */
function isCloudEvent(root: JsonObject): boolean {
  return root["specversion"] === "1.0" && (root["eventId"] ?? null) === null;
}

/** The same event under the envelope's names; a member sent under one of those is not kept. */
function mapCloudEvent(root: JsonObject): JsonObject {
  const event: JsonObject = Object.create(null);
  for (const name of Object.keys(root)) {
    if (!CLOUD_NUMBERS.has(name) && !MEMBER_NUMBERS.has(name)) event[name] = root[name]!;
  }
  for (let member = 0; member < MEMBERS.length; member++) {
    const value = root[CLOUD_MEMBERS[member]!] ?? null;
    if (value !== null) event[MEMBERS[member]!] = value;
  }
  event["eventVersion"] ??= DEFAULT_VERSION;
  if (event["eventId"] !== undefined) event["correlationId"] ??= event["eventId"];
  return event;
}

/** The first member at fault, in the envelope's order; the time in ms when there is none. */
function judgeEnvelope(event: JsonObject, sentNames: Names): number | EventFault {
  let timeMs = 0;
  for (let member = 0; member < MEMBERS.length; member++) {
    const value = event[MEMBERS[member]!];
    let code = memberCode(member, value);
    if (code === null && member === EVENT_TIME) {
      const time = parseTime(value as string);
      if (typeof time === "number") timeMs = time;
      else code = time;
    }
    if (code !== null) return eventFault(code, `/${sentNames[member]}`, EXPECTED[member]);
  }
  return timeMs;
}

/** Places the root's spans by member number, in the bytes that the line begins at `start` of. */
function spansOf(
  reader: JsonReader,
  root: JsonObject,
  numbers: ReadonlyMap<string, number>,
  start: number,
): Int32Array {
  const spans = new Int32Array(MEMBERS.length * 2).fill(ABSENT);
  const { rootNames, rootSpans } = reader;
  for (let index = 0; index < rootNames.length; index++) {
    const name = rootNames[index]!;
    const member = numbers.get(name);
    if (member === undefined || root[name] === null) continue;
    spans[member * 2] = start + rootSpans[index * 2]!;
    spans[member * 2 + 1] = start + rootSpans[index * 2 + 1]!;
  }
  return spans;
}

function defaultCloudSpans(spans: Int32Array): void {
  if (spans[EVENT_VERSION * 2] === ABSENT) {
    spans.fill(DEFAULTED, EVENT_VERSION * 2, EVENT_VERSION * 2 + 2);
  }
  if (spans[CORRELATION_ID * 2] === ABSENT) {
    spans.copyWithin(CORRELATION_ID * 2, EVENT_ID * 2, EVENT_ID * 2 + 2);
  }
}

/** Reads the line `bytes[start..end)`: the event, or its first fault. */
export function decodeEvent(
  bytes: Uint8Array,
  start: number,
  end: number,
): DecodedEvent | EventFault {
  if (end - start > LINE_BYTES_MAX) return eventFault("too_large", "");
  const line = bytes.subarray(start, end);
  const reader = new JsonReader(line);
  const root: Json | undefined = reader.read();
  const isChecked = root !== undefined && reader.isAscii;
  if (!isChecked && !isUtf8(line)) return eventFault("invalid_utf8", "");
  if (root !== undefined && !isObject(root)) reader.mark("expected_object", 0, 0);
  const mark = reader.gravest();
  if (mark !== null) return eventFault(mark.code, mark.pointer);
  if (!isObject(root)) throw new Error("Got no object and no fault from one line.");

  const isCloud = isCloudEvent(root);
  const event = isCloud ? mapCloudEvent(root) : root;
  const timeMs = judgeEnvelope(event, isCloud ? CLOUD_MEMBERS : MEMBERS);
  if (typeof timeMs !== "number") return timeMs;
  const spans = spansOf(reader, root, isCloud ? CLOUD_NUMBERS : MEMBER_NUMBERS, start);
  if (isCloud) defaultCloudSpans(spans);
  return {
    event,
    eventId: event["eventId"] as string,
    eventType: event["eventType"] as string,
    source: (event["source"] ?? "") as string,
    timeMs,
    spans,
  };
}

/** What makes two events the same: the envelope's members that are present, and no others. */
export function content(decoded: DecodedEvent): string {
  const members: JsonObject = Object.create(null);
  for (const name of MEMBERS) {
    const value = decoded.event[name] ?? null;
    if (value !== null) members[name] = value;
  }
  return canonical(members);
}
