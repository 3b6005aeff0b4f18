// What a published case is: a plan of one query, a feed, and what comes of it. The tables beside
// this file hold the facts and figures of other engines' documentation and tests, in our words;
// published.test.ts runs them. Times are ms since 1970.

/** An event of `key` at `timeMs` that carries `value`, or time that passes without events. */
export type Fed =
  | readonly [key: string | null, timeMs: number, value?: number | string]
  | { readonly tick: number };

type Scalar = number | string | null;
/** `null` in a query without a key. */
type CaseKey = string | null;

/** The values stand in the order of the query's aggregates. */
export type Result = readonly [
  key: CaseKey,
  start: number | null,
  end: number | null,
  ...values: Scalar[],
];

export type Told = readonly [kind: "update" | "final" | "retract", ...result: Result];

/** The position of the event, and the window that it came too late for. */
export type Late = readonly [position: number, start: number, end: number];

/** Where we answer otherwise on purpose. */
export interface Difference {
  readonly theirs: string;
  readonly ours: string;
  readonly because: string;
}

export interface PublishedCase {
  /** A sentence. */
  readonly name: string;
  /** The section or the test where the figures stand. */
  readonly source: string;
  readonly window: { readonly [member: string]: unknown };
  /** `false`: one group of all events. By default the key is that of each event. */
  readonly keyed?: false;
  /** By default `n`, a count. */
  readonly aggregate?: { readonly [name: string]: unknown };
  readonly where?: unknown;
  readonly clock?: { readonly [member: string]: unknown };
  readonly feed: readonly Fed[];
  /** When the host received each; by default unknown, as in a recording. */
  readonly receivedAt?: readonly number[];
  /** Before this entry of the feed the engine is opened again, from its log. */
  readonly reopenAt?: number;

  /** All that is told when each entry is a push of its own. */
  readonly told?: readonly Told[];
  /** The finals that the feed brings about by itself, in order. */
  readonly finals?: readonly Result[];
  /** Those that the end of the recording (`--flush`) adds. */
  readonly flushed?: readonly Result[];
  /** The view at the end of the feed. */
  readonly rows?: readonly Result[];
  /** Finals and rows of other windows than those listed are not looked at. */
  readonly onlyThese?: true;
  readonly late?: readonly Late[];
  readonly unkeyed?: number;
  /** Code of each entry of the feed that is held back, by its index. */
  readonly held?: { readonly [index: number]: string };
  /** The code for which the plan is refused; nothing else is looked at. */
  readonly refused?: string;

  readonly differs?: Difference;
}

export const SUM = { sum: { fn: "sum", of: "data.v" } } as const;
export const COUNT_AND_SUM = { n: { fn: "count" }, ...SUM } as const;

/** One late event in each window of `size` that begins at `from`, `from` + 1 … `to`. */
export function lateFrom(position: number, from: number, to: number, size: number): Late[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    return [position, from + index, from + index + size] as const;
  });
}
