// The checksum of a row that stands beside the chunks, which have their own: the log's header, by
// whose key identities are told, each held line, which may be an event one day, and each identity
// that was released, which makes its event a duplicate. Rows of earlier builds have none, and are
// believed.

import { encoder } from "../event/utf8.ts";
import { crc32c } from "./crc32c.ts";
import { HostFault } from "./host-fault.ts";
import type { ReleasedIdentity } from "./store.ts";

const NO_BYTES = new Uint8Array(0);

/** CRC32C of a row: its members as JSON, in order, and what it has as bytes. */
export function rowSum(members: readonly (string | number | null)[], bytes: Uint8Array): number {
  return crc32c(bytes, 0, bytes.length, crc32c(encoder.encode(JSON.stringify(members))));
}

/** A place in the log that sums of earlier builds know nothing of, where it is one. */
export function placed(position: number): number[] {
  return position === 0 ? [] : [position];
}

export function releasedSum({ identity, position }: ReleasedIdentity): number {
  return rowSum([identity, position], NO_BYTES);
}

/** The same, where it is what was written. HostFault `log_broken`. */
export function checkReleased(each: ReleasedIdentity, written: unknown): ReleasedIdentity {
  const row = `The released identity ${JSON.stringify(each.identity)}`;
  checkRow(row, written, releasedSum(each));
  return each;
}

/** HostFault `log_broken` where a row is not what was written, `row` being what it is. */
export function checkRow(row: string, written: unknown, sum: number): void {
  if ((written ?? null) === null || written === sum) return;
  const problem = `${row} is broken: it sums to ${sum} when ${String(written)} was written`;
  throw new HostFault("log_broken", `${problem}. Restore the log from a copy.`);
}
