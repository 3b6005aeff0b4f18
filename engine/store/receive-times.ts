// When entries, or the lines of a push, were received: in ms since 1970, one time for all of them,
// or one each, null where nobody said.

export type ReceiveTimes = number | null | readonly (number | null)[];

export function isList(received: ReceiveTimes): received is readonly (number | null)[] {
  return received !== null && typeof received !== "number";
}

/** That of the entry, or line, `index`. */
export function timeOf(received: ReceiveTimes, index: number): number | null {
  return isList(received) ? (received[index] ?? null) : received;
}

/** One for all where they do not differ. */
export function folded(received: ReceiveTimes): ReceiveTimes {
  if (!isList(received)) return received;
  const first = received[0] ?? null;
  return received.every((time) => time === first) ? first : received;
}
