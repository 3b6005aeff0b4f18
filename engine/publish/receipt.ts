// A receipt, as the edge answers it (contract.md): facts are forgotten by nothing else, so whatever
// answers in its place, a captive portal or a proxy, must not pass for one.

/** What is wrong with a fact, as the server says. */
export interface Fault {
  readonly code: string;
  /** The place in the event, a JSON pointer; `""` is the whole. */
  readonly pointer: string;
  readonly message: string;
}

export interface PublishReceipt {
  readonly duplicate: number;
  readonly invalid: readonly (Fault & { readonly index: number })[];
  readonly quarantined: readonly { readonly index: number }[];
  /** Indexes of facts of which nothing is known. */
  readonly unavailable: readonly number[];
}

/** The receipt for `sent` lines; null where `body` is none, or does not account for each. */
export function receiptOf(body: unknown, sent: number): PublishReceipt | null {
  const members = Object(body) as { readonly [name: string]: unknown };
  const { received, accepted, duplicate, invalid, quarantined, unavailable = [] } = members;
  if (received !== sent || !isCount(accepted) || !isCount(duplicate)) return null;
  if (![invalid, quarantined, unavailable].every(Array.isArray)) return null;
  const indexes = [invalid, quarantined]
    .flat()
    .map((line: unknown) => (Object(line) as { index?: unknown }).index)
    .concat(unavailable);
  const known = new Set(indexes.filter((index) => isCount(index) && index < sent));
  if (known.size !== indexes.length || accepted + duplicate + known.size !== sent) return null;
  return { duplicate, invalid, quarantined, unavailable } as PublishReceipt;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}
