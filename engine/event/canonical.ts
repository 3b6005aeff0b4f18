// Canonical JSON (RFC 8785): members sorted by UTF-16 units, no blanks, numbers and strings as
// ECMAScript writes them. And the order of strings by their UTF-8 bytes, which is that of code
// points and so not JavaScript's own. Both expect well-formed strings and finite numbers, as
// every accepted event has.

import type { Json } from "./envelope.ts";

export function canonical(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError("Got a number that is not finite.");
    return String(value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) {
    let items = "";
    for (const item of value) items += items === "" ? canonical(item) : `,${canonical(item)}`;
    return `[${items}]`;
  }
  let members = "";
  for (const name of Object.keys(value).sort()) {
    const member = `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`;
    members += members === "" ? member : `,${member}`;
  }
  return `{${members}}`;
}

/** Moves the surrogates behind the rest of the plane, where their code points are. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The order of the UTF-8 bytes of two strings: negative, 0 or positive. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const unitA = a.charCodeAt(at);
    const unitB = b.charCodeAt(at);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}
