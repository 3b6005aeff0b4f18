// Mirrors: a view's rows somewhere else, a component or another thread, kept up by rows, not by
// changes: what is new, what is gone, and where the clock and the log stand after each push,
// whatever the query's `emit` says.
//
//   RowFeed   beside the engine: tells each push's upserts and removals of the queries listened to
//   Mirror    where they are read: takes these, and has the view's rows in the view's order
//
// The feed compares the view before and after, O(rows) a push, and only of queries that have a
// mirror: the core tells what it emits, and rows that `retain` ends or `emit` keeps silent are not
// among that. A row of one revision is the same row, so values need no comparing.

import { canonical, compareUtf8 } from "../event/canonical.ts";
import type { Json } from "../event/envelope.ts";
import type { ChangeWindow, Key, Row } from "./change.ts";
import { callListener } from "./subscription.ts";
import { isIn, type RowFilter } from "./view.ts";

/** Which row of a view. */
export interface RowPlace {
  readonly key: Key;
  readonly window: ChangeWindow;
}

/** What a push did to a view. */
export interface RowDelta {
  /** Rows that are new or have another revision, in the order of the view. */
  readonly upserts: readonly Row[];
  readonly removals: readonly RowPlace[];
  /** ms since 1970; null before the first event or tick. */
  readonly clock: number | null;
  /** The next position. */
  readonly position: number;
}

export type RowListener = (delta: RowDelta) => void;

/** Where rows can be read and followed: an engine, or what stands for one. */
export interface RowSource {
  /** The rows of a view, in its order. */
  rows(query: string, filter?: RowFilter): readonly Row[];
  /** Tells `listener` each push from now on; the answer stops it. */
  onRows(query: string, listener: RowListener): () => void;
}

interface Followed {
  readonly listeners: Set<RowListener>;
  /** As they were last told. */
  rows: ReadonlyMap<string, Row>;
}

type Standing = Pick<RowDelta, "clock" | "position">;

export class RowFeed {
  readonly #read: (query: string) => readonly Row[];
  readonly #standing: () => Standing;
  readonly #followed = new Map<string, Followed>();
  #told: Standing = { clock: null, position: -1 };

  constructor(read: (query: string) => readonly Row[], standing: () => Standing) {
    this.#read = read;
    this.#standing = standing;
  }

  add(query: string, listener: RowListener): () => void {
    // A listener that is added twice is two listeners.
    const own: RowListener = (delta) => listener(delta);
    const known = this.#followed.get(query);
    const followed = known ?? { listeners: new Set(), rows: byId(this.#read(query)) };
    this.#followed.set(query, followed);
    followed.listeners.add(own);
    return () => {
      followed.listeners.delete(own);
      if (followed.listeners.size > 0 || this.#followed.get(query) !== followed) return;
      this.#followed.delete(query);
    };
  }

  /**
   * After each push: nothing is read where nobody listens. `isAnew`: the rows may be of another
   * plan, where one of the same revision may be another row.
   */
  tell(isAnew = false): void {
    if (this.#followed.size === 0) return;
    const { clock, position } = this.#standing();
    const hasMoved = clock !== this.#told.clock || position !== this.#told.position;
    this.#told = { clock, position };
    for (const [query, followed] of [...this.#followed]) {
      const rows = byId(this.#read(query));
      const { upserts, removals } = difference(followed.rows, rows, isAnew);
      followed.rows = rows;
      if (!hasMoved && upserts.length === 0 && removals.length === 0) continue;
      const delta = { upserts, removals, clock, position };
      for (const listener of [...followed.listeners]) {
        if (followed.listeners.has(listener)) callListener(listener, delta);
      }
    }
  }
}

/** What makes the rows `after` of the rows `before`, which another plan may have made. */
export function deltaBetween(
  before: readonly Row[],
  after: readonly Row[],
): Pick<RowDelta, "upserts" | "removals"> {
  return difference(byId(before), byId(after), true);
}

function byId(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [idOf(row), row]));
}

function idOf({ key, window }: RowPlace): string {
  return canonical([{ ...key }, window.start, window.end]);
}

function difference(
  before: ReadonlyMap<string, Row>,
  after: ReadonlyMap<string, Row>,
  isAnew = false,
): Pick<RowDelta, "upserts" | "removals"> {
  const upserts = [...after].filter(([id, row]) => {
    const known = before.get(id);
    return known?.revision !== row.revision || (isAnew && textOf(known) !== textOf(row));
  });
  const removals = [...before].filter(([id]) => !after.has(id));
  return {
    upserts: upserts.map(([, row]) => row),
    removals: removals.map(([, { key, window }]) => ({ key, window })),
  };
}

function textOf(row: Row): string {
  return canonical({ ...row } as unknown as Json);
}

/** The rows of a view, as far as they were told. */
export class Mirror {
  readonly #members: readonly string[];
  readonly #rows = new Map<string, { readonly row: Row; readonly keyText: string }>();
  /** In order; null where it has to be made anew. */
  #ordered: readonly Row[] | null = null;
  clock: number | null = null;
  position = 0;

  /** `members`: the names of the query's key, in the order of the plan, which orders rows. */
  constructor(members: readonly string[]) {
    this.#members = members;
  }

  apply({ upserts, removals, clock, position }: RowDelta): void {
    for (const place of removals) this.#rows.delete(idOf(place));
    for (const row of upserts) {
      const keyText = canonical(this.#members.map((name) => row.key[name] ?? null));
      this.#rows.set(idOf(row), { row, keyText });
    }
    if (upserts.length + removals.length > 0) this.#ordered = null;
    this.clock = clock;
    this.position = position;
  }

  rows(filter: RowFilter = {}): readonly Row[] {
    this.#ordered ??= [...this.#rows.values()]
      .toSorted(
        (a, b) =>
          compareTimes(a.row.window.end, b.row.window.end) ||
          compareTimes(a.row.window.start, b.row.window.start) ||
          compareUtf8(a.keyText, b.keyText),
      )
      .map(({ row }) => row);
    return this.#ordered.filter((row) => isIn(filter, row));
  }
}

/** Nulls last. */
function compareTimes(a: number | null, b: number | null): number {
  return a === b ? 0 : (a ?? Infinity) < (b ?? Infinity) ? -1 : 1;
}
