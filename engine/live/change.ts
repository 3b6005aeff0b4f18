// Changes and rows, as people read them (contract.md, "A change"): plain values. Those that are
// told together share the objects of their keys and windows, which are frozen.

export type Scalar = null | boolean | number | string;
export type Key = { readonly [member: string]: Scalar };

/** One of the most frequent values, and how often it came. */
export type TopEntry = { readonly value: Scalar; readonly count: number };

/** What an aggregate tells: of `quantile` with a list and of `histogram` a list, of `top` too. */
export type Told = Scalar | readonly (number | null)[] | readonly TopEntry[];
export type Value = { readonly [member: string]: Told };

/** A span of event time, half-open, in ms since 1970. */
export interface WindowBounds {
  readonly start: number;
  readonly end: number;
}

/** A global window has no bounds. */
export type ChangeWindow = WindowBounds | { readonly start: null; readonly end: null };

export type ChangeKind = "update" | "final" | "retract" | "correction";

/** What a push told of one key and window; `value` has the plan's aggregates by their names. */
export interface Change {
  readonly query: string;
  readonly kind: ChangeKind;
  readonly key: Key;
  readonly window: ChangeWindow;
  readonly value: Value;
  /** Events applied to the window, and one more when it is final. */
  readonly revision: number;
  /** The entry during whose processing the change came about. */
  readonly position: number;
}

/** One line of a view. */
export interface Row {
  readonly query: string;
  readonly key: Key;
  readonly window: ChangeWindow;
  readonly value: Value;
  readonly final: boolean;
  readonly revision: number;
}
