// The receipts of the restaurants as one: indexes as they were sent, a position for each
// restaurant, and beside them the lines whose restaurant could not be reached.

import type { HostFaultCode } from "../engine/index.ts";
import type { InvalidLine, QuarantinedLine } from "../engine/ingest/receipt.ts";
import type { PushAnswer } from "./restaurant.ts";
import type { Split } from "./split.ts";

export interface EdgeReceipt {
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly invalid: readonly InvalidLine[];
  readonly quarantined: readonly QuarantinedLine[];
  /** Of each restaurant: the next position, all below it is durable. */
  readonly positions: { readonly [restaurantId: string]: number };
  /** Indexes of lines of which nothing is known; absent where there are none. */
  readonly unavailable?: readonly number[];
  /** Of a restaurant that was reached and has no room: the code of its fault. */
  readonly faults?: { readonly [restaurantId: string]: HostFaultCode };
}

/** `answers` in the order of the shares, null for a restaurant out of reach. */
export function merge(parts: Split, answers: readonly (PushAnswer | null)[]): EdgeReceipt {
  let accepted = 0;
  let duplicate = 0;
  const invalid: InvalidLine[] = [...parts.invalid];
  const quarantined: QuarantinedLine[] = [];
  const unavailable: number[] = [];
  const faults: [string, HostFaultCode][] = [];
  const positions: [string, number][] = [];
  for (const [at, { restaurantId, indexes }] of parts.shares.entries()) {
    const answer = answers[at];
    if (answer?.receipt === undefined) {
      unavailable.push(...indexes);
      if (answer?.fault !== undefined) faults.push([restaurantId, answer.fault]);
      continue;
    }
    const { receipt } = answer;
    assertConserved(receipt, indexes.length);
    accepted += receipt.accepted;
    duplicate += receipt.duplicate;
    for (const line of receipt.invalid) invalid.push({ ...line, index: indexes[line.index]! });
    for (const line of receipt.quarantined) {
      quarantined.push({ ...line, index: indexes[line.index]! });
    }
    positions.push([restaurantId, receipt.position]);
  }
  const merged = {
    received: parts.received,
    accepted,
    duplicate,
    invalid: invalid.toSorted((a, b) => a.index - b.index),
    quarantined: quarantined.toSorted((a, b) => a.index - b.index),
    positions: Object.fromEntries(positions),
  };
  assertConserved(merged, parts.received - unavailable.length);
  if (unavailable.length === 0) return merged;
  return {
    ...merged,
    unavailable: unavailable.toSorted((a, b) => a - b),
    ...(faults.length > 0 && { faults: Object.fromEntries(faults) }),
  };
}

type Dispositions = Pick<EdgeReceipt, "accepted" | "duplicate" | "invalid" | "quarantined">;

/** Every line became one thing; asserted of each restaurant's receipt, and of all together. */
function assertConserved(receipt: Dispositions, sent: number): void {
  const { accepted, duplicate, invalid, quarantined } = receipt;
  const became = accepted + duplicate + invalid.length + quarantined.length;
  if (became === sent) return;
  throw new Error(`Got dispositions for ${became} lines when ${sent} were sent.`);
}
