// What a GET of a view asks for: a part of the rows, by `from`, `to` and `key`, and whether it has
// them already, by `If-None-Match`; or what is behind one row, by `key` and `window`.

import type { ChangeWindow, Key, RowFilter } from "../engine/index.ts";
import { refusal } from "./problem.ts";

const MARK_BYTES = 8;
const encoder = new TextEncoder();

/** `from` and `to` in ms since 1970, `key` a JSON object of members. Throws a refusal. */
export function readFilter(parameter: (name: string) => string | undefined): RowFilter {
  const from = parameter("from");
  const to = parameter("to");
  const key = parameter("key");
  const filter = {
    ...(from !== undefined && { from: readTime("from", from) }),
    ...(to !== undefined && { to: readTime("to", to) }),
    ...(key !== undefined && { key: readKey(key) }),
  };
  if (filter.from! > filter.to!) throw refusal("bad_range");
  return filter;
}

/** `key` as above, `window` as start/end in ms, null/null of a global one. Throws a refusal. */
export function readRow(parameter: (name: string) => string | undefined): {
  readonly key: Key;
  readonly window: ChangeWindow;
} {
  const key = readKey(parameter("key") ?? "");
  const window = parameter("window") ?? "";
  if (window === "null/null") return { key, window: { start: null, end: null } };
  const [start = "", end = "", ...more] = window.split("/");
  if (more.length > 0) throw refusal("bad_parameter", { parameter: "window", detail: NO_WINDOW });
  return { key, window: { start: readTime("window", start), end: readTime("window", end) } };
}

const NO_WINDOW = "`window` is no window: send start/end in whole milliseconds, or null/null.";

function readTime(name: string, text: string): number {
  const time = /^-?\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(time)) return time;
  const noTime = `\`${name}\` is no time: send whole milliseconds since 1970.`;
  const detail = name === "window" ? NO_WINDOW : noTime;
  throw refusal("bad_parameter", { parameter: name, detail });
}

function readKey(text: string): Key {
  const key = parsed(text);
  if (isKey(key)) return key;
  const detail = "`key` is no key: send a JSON object of strings, numbers, booleans and nulls.";
  throw refusal("bad_parameter", { parameter: "key", detail });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isKey(value: unknown): value is Key {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((member) => member === null || isScalar(member));
}

function isScalar(value: unknown): boolean {
  const type = typeof value;
  return type === "string" || type === "boolean" || Number.isFinite(value);
}

/**
 * The position, and a mark of the answer's text: at one position another plan, which takes over
 * when it has caught up, or another build may answer other rows.
 */
export async function tagOf(position: number, text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  const bytes = [...new Uint8Array(digest, 0, MARK_BYTES)];
  return `"${position}-${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
}

/** Whether `If-None-Match` names the tag; on the way it may have become a weak one. */
export function hasTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(",").map((one) => one.trim().replace(/^W\//, ""));
  return tags.includes(tag) || tags.includes("*");
}
