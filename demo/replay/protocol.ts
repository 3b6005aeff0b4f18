// Everything that crosses between the page and its worker. The page calls `Replay` (worker.ts) over
// comlink, a handful of coarse calls; the worker posts frames on a port of their own: what changed
// since the last one, ten times a second at most, and once a second when nothing does.

import type { Row, StorageMode } from "../../engine/index.ts";

export const QUERY = "restaurant-metrics";
export const SPEEDS = [1, 10, 60, 300, 600] as const;
export type Speed = (typeof SPEEDS)[number];

/** `opening` until the log was read; `ended` when the recording has no more lines. */
export type PlayState = "opening" | "playing" | "paused" | "ended";

/** What the register says of a restaurant. */
export interface RestaurantFact {
  readonly restaurantId: string;
  readonly name: string;
  readonly zoneId: string;
  readonly cuisine: string;
}

/** The recording's shape, for the progress bar: equal parts of its playing time. */
export interface Density {
  /** Orders that arrive in each part. */
  readonly orders: readonly number[];
  /** When each part begins, recorded time in ms. */
  readonly starts: readonly number[];
}

/** Where the log is kept, and why it is not where it should be. */
export interface Storage {
  readonly mode: StorageMode;
  readonly reason: string | null;
}

/** A fault of the host: its code is stable, its message says what to do. */
export interface Fault {
  readonly code: string;
  readonly message: string;
}

export interface Counts {
  readonly accepted: number;
  /** Since the worker was started; so are the next two. */
  readonly received: number;
  readonly duplicate: number;
  readonly invalid: number;
  readonly held: number;
  readonly late: number;
  /** Lines that were refused before the worker was started. */
  readonly refusedBefore: number;
}

/** An event that came after its window was final. */
export interface LateOrder {
  readonly position: number;
  readonly restaurantId: string;
  readonly windowStart: number;
  readonly lateMs: number;
}

export interface Frame {
  /** The frames before this one tell of another log: forget what they said. */
  readonly isFirst: boolean;
  readonly state: PlayState;
  readonly speed: Speed;
  /** Event time; null before the first event. */
  readonly clock: number | null;
  /** 0 to 1 of the recording's playing time. */
  readonly progress: number;
  /** Lines of the recording taken so far. */
  readonly line: number;
  /** Lines that are due and not yet pushed. */
  readonly backlog: number;
  /** How long the oldest line of the last push had been due when its change was told. */
  readonly behindMs: number;
  readonly storage: Storage;
  readonly fault: Fault | null;
  readonly counts: Counts;
  /** The latest of each row that changed. */
  readonly rows: readonly Row[];
  readonly restaurants: readonly RestaurantFact[];
  readonly late: readonly LateOrder[];
  /** A silence of the recording that was just passed over. */
  readonly skipped: { readonly from: number; readonly to: number } | null;
}

export interface StartOptions {
  readonly speed: Speed;
  readonly isPaused: boolean;
}

/** What the page is told once, before the first frame. */
export interface Opening {
  readonly lines: number;
  readonly density: Density;
}

export type LineList = "late" | "duplicate" | "invalid" | "held";

/** One line that was not counted, and why. */
export interface ListedLine {
  readonly code: string;
  /** Where in the log: of itself, or of the first event with its identity. */
  readonly position: number | null;
  readonly receivedAt: number | null;
  readonly note: string;
  readonly line: string;
}
