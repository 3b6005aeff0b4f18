// The body of a POST as lines: its content type says what the lines are, its encoding whether they
// are packed, and every limit is held before anything is decoded.
//
// node:zlib unpacks, not a DecompressionStream: that one inflates whatever is written to it at
// once, however far its reader is behind, so 4 MiB of zeros would become 4 GiB in memory.

// oxlint-disable-next-line typescript/triple-slash-reference -- a declaration has nothing to import
/// <reference path="./zlib.d.ts" />

import { gunzipSync } from "node:zlib";
import { eventFault } from "../engine/event/fault.ts";
import { joinLines } from "../engine/ingest/array.ts";
import { decodeEvent, isFault } from "../engine/ingest/decode.ts";
import { readInput, type Input } from "../engine/ingest/input.ts";
import { refusal } from "./problem.ts";

const MIB = 1024 * 1024;
export const BODY_BYTES_MAX = 4 * MIB;
export const UNPACKED_BYTES_MAX = 16 * MIB;
export const UNPACKED_RATIO_MAX = 100;
export const EVENTS_MAX = 10_000;

const OPENING_BRACKET = 0x5b;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

type Reader = (bytes: Uint8Array) => Input;

const READERS: { readonly [contentType: string]: Reader } = {
  "application/x-ndjson": (bytes) => readInput(bytes, "ndjson", EVENTS_MAX),
  "application/json": (bytes) => (beginsArray(bytes) ? readArray(bytes) : readEvent(bytes)),
  "application/cloudevents+json": readEvent,
  "application/cloudevents-batch+json": (bytes) =>
    beginsArray(bytes) ? readArray(bytes) : readNoArray(bytes),
};

/** The lines of a request. Throws a refusal. */
export async function readBody(request: Request): Promise<Input> {
  const reader = readerOf(request.headers.get("Content-Type") ?? "");
  const isPacked = isGzip(request.headers.get("Content-Encoding") ?? "");
  const sent = await readBytes(request);
  const input = reader(withoutMark(isPacked ? unpack(sent) : sent));
  if (input.lines.length > EVENTS_MAX) throw refusal("too_many_events");
  return input;
}

function readerOf(header: string): Reader {
  const [type = "", ...parameters] = header.split(";").map((part) => part.trim().toLowerCase());
  const isUtf8 = parameters
    .filter((parameter) => parameter.startsWith("charset="))
    .every((parameter) => /^charset="?utf-?8"?$/.test(parameter));
  const reader = isUtf8 && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (reader === undefined) throw refusal("unsupported_content_type");
  return reader;
}

function isGzip(header: string): boolean {
  const encoding = header.trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return false;
  if (encoding === "gzip" || encoding === "x-gzip") return true;
  throw refusal("unsupported_encoding");
}

/** All bytes as sent; a body that is too large is not read to its end. */
export async function readBytes(request: Request): Promise<Uint8Array> {
  const announced = Number(request.headers.get("Content-Length") ?? 0);
  if (announced > BODY_BYTES_MAX) throw refusal("body_too_large");
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body as ReadableStream<Uint8Array>) {
    length += part.length;
    if (length > BODY_BYTES_MAX) throw refusal("body_too_large");
    parts.push(part);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function unpack(packed: Uint8Array): Uint8Array {
  const maxOutputLength = Math.min(UNPACKED_BYTES_MAX, packed.length * UNPACKED_RATIO_MAX);
  if (maxOutputLength === 0) throw refusal("bad_encoding");
  try {
    return gunzipSync(packed, { maxOutputLength });
  } catch (error) {
    throw refusal(error instanceof RangeError ? "body_too_large" : "bad_encoding");
  }
}

function withoutMark(bytes: Uint8Array): Uint8Array {
  const isMarked = BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte);
  return isMarked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function beginsArray(bytes: Uint8Array): boolean {
  return bytes[bytes.findIndex((byte) => !isBlank(byte))] === OPENING_BRACKET;
}

function readArray(bytes: Uint8Array): Input {
  return readInput(bytes, undefined, EVENTS_MAX);
}

/** One event, which may stand on several lines: they are made one. */
function readEvent(bytes: Uint8Array): Input {
  let start = 0;
  let end = bytes.length;
  while (start < end && isBlank(bytes[start])) start++;
  while (end > start && isBlank(bytes[end - 1])) end--;
  // In a valid event a newline can only be white space.
  if (!isFault(decodeEvent(bytes, start, end))) joinLines(bytes.subarray(start, end));
  return { bytes, lines: [{ start, end, fault: null }] };
}

/** What should be an array and is none: one fault, nothing applied. */
function readNoArray(bytes: Uint8Array): Input {
  const fault = eventFault("invalid_json", "");
  return { bytes, lines: [{ start: 0, end: bytes.length, fault }] };
}
