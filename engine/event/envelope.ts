// The envelope: the eight members that every event has, what each may hold, and the names that a
// CloudEvent gives them. A member's number is its index in MEMBERS, everywhere. This file judges
// one value at a time; the order of faults and their places are the reader's (ingest/decode.ts).

import {
  CAUSATION_ID,
  DATA,
  EVENT_ID,
  EVENT_TIME,
  EVENT_TYPE,
  EVENT_VERSION,
  NAME_BYTES_MAX,
  SOURCE,
  TOKEN_LENGTH_MAX,
} from "../../assembly/layout.ts";
import type { EventCode } from "./fault.ts";

export type Json = null | boolean | number | string | Json[] | JsonObject;

export interface JsonObject {
  [name: string]: Json;
}

export const MEMBERS = [
  "eventId",
  "eventType",
  "eventVersion",
  "eventTime",
  "correlationId",
  "causationId",
  "source",
  "data",
] as const;

/** What a CloudEvent calls the members, by member number. */
export const CLOUD_MEMBERS = [
  "id",
  "type",
  "eventversion",
  "time",
  "correlationid",
  "causationid",
  "source",
  "data",
] as const;

export {
  CAUSATION_ID,
  CORRELATION_ID,
  DATA,
  DEPTH_MAX,
  EVENT_ID,
  EVENT_TIME,
  EVENT_TYPE,
  EVENT_VERSION,
  KEYS_MAX,
  LINE_BYTES_MAX,
  NAME_BYTES_MAX,
  SOURCE,
  TOKEN_LENGTH_MAX,
} from "../../assembly/layout.ts";

/** A CloudEvent without `eventversion` has this one. */
export const DEFAULT_VERSION = "1.0";

/** What `wrong_type` asks for, by member number. */
export const EXPECTED = [
  "a string",
  "a string",
  "a string",
  "a string",
  "a string of 1 to 256 bytes",
  "a string of 1 to 256 bytes",
  "a string of 1 to 256 bytes",
  "an object",
] as const;

/** 1 to 128 printable ASCII characters, no space. */
export function isToken(text: string): boolean {
  if (text.length === 0 || text.length > TOKEN_LENGTH_MAX) return false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x21 || unit > 0x7e) return false;
  }
  return true;
}

/** The end of a run of digits without a leading zero, or -1 when there is none at `from`. */
function digitsEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at++;
  if (at === from) return -1;
  return at - from > 1 && text.charCodeAt(from) === 0x30 ? -1 : at;
}

/** Digits, a dot, digits, no leading zeros. */
export function isVersion(text: string): boolean {
  const dot = digitsEnd(text, 0);
  if (dot < 0 || text.charCodeAt(dot) !== 0x2e) return false;
  return digitsEnd(text, dot + 1) === text.length;
}

/** 1 to 256 bytes in UTF-8. The text is well formed: pairs of surrogates take four bytes. */
export function isName(text: string): boolean {
  if (text.length === 0 || text.length > NAME_BYTES_MAX) return false;
  if (text.length * 3 <= NAME_BYTES_MAX) return true;
  let lengthBytes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) lengthBytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) lengthBytes += 2;
    else lengthBytes += 3;
  }
  return lengthBytes <= NAME_BYTES_MAX;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is wrong with a member's value, or null. Of a time only the type is judged here. */
export function memberCode(member: number, value: Json | undefined): EventCode | null {
  if (value === undefined || value === null) {
    return member === CAUSATION_ID || member === SOURCE ? null : "missing_field";
  }
  if (member === DATA) return isObject(value) ? null : "wrong_type";
  if (typeof value !== "string") return "wrong_type";
  switch (member) {
    case EVENT_ID:
      return isToken(value) ? null : "bad_event_id";
    case EVENT_TYPE:
      return isToken(value) ? null : "bad_event_type";
    case EVENT_VERSION:
      return isVersion(value) ? null : "bad_event_version";
    case EVENT_TIME:
      return null;
    default:
      return isName(value) ? null : "wrong_type";
  }
}
