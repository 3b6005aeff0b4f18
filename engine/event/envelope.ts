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
import { utf8Length } from "./utf8.ts";

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
const TOKEN = new RegExp(`^[!-~]{1,${TOKEN_LENGTH_MAX}}$`);
/** Digits, a dot, digits, no leading zeros. */
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)$/;

/** 1 to 256 bytes in UTF-8. The text is well formed. */
function isName(text: string): boolean {
  const length = text.length;
  return length > 0 && length <= NAME_BYTES_MAX && utf8Length(text) <= NAME_BYTES_MAX;
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
      return TOKEN.test(value) ? null : "bad_event_id";
    case EVENT_TYPE:
      return TOKEN.test(value) ? null : "bad_event_type";
    case EVENT_VERSION:
      return VERSION.test(value) ? null : "bad_event_version";
    case EVENT_TIME:
      return null;
    default:
      return isName(value) ? null : "wrong_type";
  }
}
