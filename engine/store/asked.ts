// What a caller asks for that cannot be, the same wherever it is asked: a HostFault that names the
// place, and says what to give instead. No value is repeated.

import { HostFault } from "./host-fault.ts";

export function unknownQuery(names: Iterable<string>): HostFault {
  const listed = [...names].join(", ");
  const message = `No query of this plan has the name given: it has ${listed}.`;
  return new HostFault("unknown_query", message);
}

/**
 * The members of a key are some of the query's, or all where it `isWhole`, and are scalars.
 * HostFault `bad_key`.
 */
export function checkKey(
  key: { readonly [name: string]: unknown },
  members: readonly string[],
  isWhole = false,
): void {
  const wrong = [...Object.keys(key), ...(isWhole ? members : [])].find((name) => {
    return !members.includes(name) || !isScalar(key[name]);
  });
  if (wrong === undefined) return;
  const own = `${members.join(", ") || "no members"}, each a string, number, boolean or null`;
  throw new HostFault("bad_key", `A key of this query has ${own}: look at ${wrong}.`);
}

function isScalar(value: unknown): boolean {
  return (
    value === null ||
    typeof value === "boolean" ||
    typeof value === "string" ||
    Number.isFinite(value)
  );
}

/** HostFault `bad_time`. */
export function checkTick(timeMs: number): void {
  if (!Number.isSafeInteger(timeMs))
    throw new HostFault("bad_time", "A tick is a whole number of ms since 1970.");
}

/** Of times or positions, either end open. HostFault `bad_range`. */
export function checkRange({ from, to }: { readonly from?: number; readonly to?: number }): void {
  for (const end of [from, to]) {
    if (end === undefined || (typeof end === "number" && !Number.isNaN(end))) continue;
    throw new HostFault("bad_range", "`from` and `to` are numbers, or absent.");
  }
}

/** Where a subscription begins. HostFault `bad_range`. */
export function checkFrom(from: unknown): void {
  const isPosition = Number.isSafeInteger(from) && (from as number) >= 0;
  if (isPosition || from === "now" || from === "snapshot") return;
  throw new HostFault("bad_range", '`from` is "now", "snapshot" or a position.');
}
