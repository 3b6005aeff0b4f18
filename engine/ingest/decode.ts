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
  EVENT_TYPE,
  EVENT_VERSION,
  EXPECTED,
  LINE_BYTES_MAX,
  MEMBERS,
  SOURCE,
  isObject,
  memberCode,
} from "../event/envelope.ts";
import type { Json, JsonObject } from "../event/envelope.ts";
import { eventFault } from "../event/fault.ts";
import type { EventFault } from "../event/fault.ts";
import { parseTime } from "../event/time.ts";
import { JsonReader } from "./json.ts";
import { decodeUtf8 } from "../event/utf8.ts";

export interface DecodedEvent {
  /** As paths read it: envelope names, data, and every other member; eventTime is the string. */
  readonly event: JsonObject;
  readonly eventId: string;
  readonly eventType: string;
  /** "" when absent. */
  readonly source: string;
  readonly timeMs: number;
  /** Whether it was sent as a CloudEvent, whose members have names of their own. */
  readonly isCloudEvent: boolean;
  /**
   * Start and end of each member's raw value in the bytes, by member number: ABSENT twice when
   * absent or null, DEFAULTED twice for the version that a CloudEvent leaves out.
   */
  readonly spans: Int32Array;
  /** Where integers beyond 2^53 are that read as 2^53, by `pathName`; null where there is none. */
  readonly rounded: ReadonlySet<string> | null;
}

export const ABSENT = -1;
/** Stands for the constant bytes `"1.0"`, quotes included. */
export const DEFAULTED = -2;

function numbersOf(names: readonly string[]): ReadonlyMap<string, number> {
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

/** The envelope's values and where they stand, by member number. */
interface Envelope {
  readonly values: (Json | undefined)[];
  readonly spans: Int32Array;
}

/** Sorts the root's members by number; those that are null count as absent. */
function envelopeOf(
  reader: JsonReader,
  numbers: ReadonlyMap<string, number>,
  start: number,
): Envelope {
  const values: (Json | undefined)[] = MEMBERS.map(() => undefined);
  const spans = new Int32Array(MEMBERS.length * 2).fill(ABSENT);
  const { rootNames, rootValues, rootSpans } = reader;
  for (let index = 0; index < rootNames.length; index++) {
    const member = numbers.get(rootNames[index]!);
    const value = rootValues[index]!;
    if (member === undefined || value === null) continue;
    values[member] = value;
    spans[member * 2] = start + rootSpans[index * 2]!;
    spans[member * 2 + 1] = start + rootSpans[index * 2 + 1]!;
  }
  return { values, spans };
}

/** What a CloudEvent may leave out: its version, and its correlation, which is then its id. */
function addCloudDefaults({ values, spans }: Envelope): void {
  if (values[EVENT_VERSION] === undefined) {
    values[EVENT_VERSION] = DEFAULT_VERSION;
    spans.fill(DEFAULTED, EVENT_VERSION * 2, EVENT_VERSION * 2 + 2);
  }
  if (values[CORRELATION_ID] === undefined) {
    values[CORRELATION_ID] = values[EVENT_ID];
    spans.copyWithin(CORRELATION_ID * 2, EVENT_ID * 2, EVENT_ID * 2 + 2);
  }
}

/** A CloudEvent under the envelope's names; what was sent under one of those is not kept. */
function renamed(root: JsonObject, values: Envelope["values"]): JsonObject {
  const event: JsonObject = Object.create(null);
  for (const name of Object.keys(root)) {
    if (!CLOUD_NUMBERS.has(name) && !MEMBER_NUMBERS.has(name)) event[name] = root[name]!;
  }
  for (let member = 0; member < MEMBERS.length; member++) {
    const value = values[member];
    if (value !== undefined) event[MEMBERS[member]!] = value;
  }
  return event;
}

/** The first member at fault, in the envelope's order; the time in ms when there is none. */
function judge(values: Envelope["values"], sentNames: readonly string[]): number | EventFault {
  let timeMs = 0;
  for (let member = 0; member < MEMBERS.length; member++) {
    const value = values[member];
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

/** Reads the line `bytes[start..end)`: the event, or its first fault. */
export function decodeEvent(
  bytes: Uint8Array,
  start: number,
  end: number,
): DecodedEvent | EventFault {
  if (end - start > LINE_BYTES_MAX) return eventFault("too_large", "");
  const line = bytes.subarray(start, end);
  const text = decodeUtf8(line);
  if (text === null) return eventFault("invalid_utf8", "");
  const reader = new JsonReader(text, line.length);
  const root: Json | undefined = reader.read();
  if (root !== undefined && !isObject(root)) reader.mark("expected_object", 0, 0);
  const mark = reader.gravest();
  if (mark !== null) return eventFault(mark.code, mark.pointer);
  if (!isObject(root)) throw new Error("Got no object and no fault from one line.");

  const isCloud = isCloudEvent(root);
  const envelope = envelopeOf(reader, isCloud ? CLOUD_NUMBERS : MEMBER_NUMBERS, start);
  if (isCloud) addCloudDefaults(envelope);
  const { values, spans } = envelope;
  const timeMs = judge(values, isCloud ? CLOUD_MEMBERS : MEMBERS);
  if (typeof timeMs !== "number") return timeMs;
  return {
    event: isCloud ? renamed(root, values) : root,
    eventId: values[EVENT_ID] as string,
    eventType: values[EVENT_TYPE] as string,
    source: (values[SOURCE] ?? "") as string,
    timeMs,
    isCloudEvent: isCloud,
    spans,
    rounded: reader.rounded,
  };
}

/** The same of a line that was an event before. */
export function decodeAccepted(bytes: Uint8Array, start = 0, end = bytes.length): DecodedEvent {
  const decoded = decodeEvent(bytes, start, end);
  if (!isFault(decoded)) return decoded;
  throw new Error(`Got ${decoded.code} from an event that was valid before.`);
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
