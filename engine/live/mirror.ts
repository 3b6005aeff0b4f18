// Mirrors: a view's rows somewhere else, a component or another thread, kept up by rows, not by
// changes: what is new, what is gone, and where the clock and the log stand after each push,
// whatever the query's `emit` says.
//
//   RowFeed   beside the engine: tells each push's upserts and removals of the queries listened to
//   Mirror    where they are read: takes these, and has the view's rows in the view's order
//
// Both cost what a push changed, not what the view has: of a query that has a mirror the core tells
// the rows that a push touched and those that `retain` or a session's new bounds ended, also those
// of which `emit` says nothing (assembly/watch.ts).

import { canonical, compareUtf8 } from "../event/canonical.ts";
import type { Json } from "../event/envelope.ts";
import type { Core } from "../core/core.ts";
import type { Change, Row } from "./change.ts";
import type { Decoder, Delta, RowPlace } from "./decoder.ts";
import { callListener } from "./subscription.ts";
import { isIn, type RowFilter } from "./view.ts";

export type { RowPlace } from "./decoder.ts";

/**
 * What a push did to a view: rows that are new or have another revision, in the order of the view,
 * and rows that are gone, of which some may have come in the same push.
 */
export interface RowDelta extends Delta {
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

/** What the feed asks of the plan that serves. */
export interface Served {
  readonly core: Core;
  readonly decoder: Decoder;
  /** The query's place in the plan; -1 where it has not the query. */
  indexOf(query: string): number;
  rows(query: string, filter?: RowFilter): readonly Row[];
  /** Whether the core tells the rows of a query from now on; nothing where the plan has it not. */
  watch(query: string, on: boolean): void;
}

export class RowFeed {
  readonly #served: () => Served;
  readonly #followed = new Map<string, Set<RowListener>>();
  #told: Pick<RowDelta, "clock" | "position"> = { clock: null, position: -1 };

  constructor(served: () => Served) {
    this.#served = served;
  }

  add(query: string, listener: RowListener): () => void {
    // A listener that is added twice is two listeners.
    const own: RowListener = (delta) => listener(delta);
    const listeners = this.#followed.get(query) ?? new Set();
    this.#followed.set(query, listeners.add(own));
    this.#served().watch(query, true);
    return () => {
      listeners.delete(own);
      if (listeners.size > 0 || this.#followed.get(query) !== listeners) return;
      this.#followed.delete(query);
      this.#served().watch(query, false);
    };
  }

  /** After each push, with what it told: nothing is read where nobody listens. */
  tell(records: readonly Uint8Array[]): void {
    const served = this.#served();
    this.#tell((query) => served.decoder.delta(records, served.indexOf(query)));
  }

  /** After a reprocess: its corrections are few, and some are of rows that the view lost before. */
  tellCorrected(changes: readonly Change[]): void {
    const served = this.#served();
    this.#tell((query) => {
      const own = changes.filter((change) => change.query === query);
      const rows = byId(own.length === 0 ? [] : served.rows(query, spanOf(own)));
      const ids = new Set(own.map(idOf));
      const gone = own.filter((change) => change.kind === "retract" && !rows.has(idOf(change)));
      return {
        upserts: [...rows].flatMap(([id, row]) => (ids.has(id) ? [row] : [])),
        removals: gone.map(({ key, window }) => ({ key, window })),
      };
    });
  }

  /** After another plan took the place of `before`: both views are compared, once. */
  tellSwap(before: Served): void {
    const served = this.#served();
    for (const query of this.#followed.keys()) served.watch(query, true);
    this.#tell((query) => deltaBetween(before.rows(query), served.rows(query)));
  }

  #tell(deltaOf: (query: string) => Delta): void {
    if (this.#followed.size === 0) return;
    const { clock, position } = this.#served().core.counts();
    const hasMoved = clock !== this.#told.clock || position !== this.#told.position;
    this.#told = { clock, position };
    for (const [query, listeners] of [...this.#followed]) {
      const delta = { ...deltaOf(query), clock, position };
      if (!hasMoved && delta.upserts.length === 0 && delta.removals.length === 0) continue;
      for (const listener of [...listeners]) {
        if (listeners.has(listener)) callListener(listener, delta);
      }
    }
  }
}

/** What makes the rows `after` of the rows `before`, which another plan may have made. */
export function deltaBetween(before: readonly Row[], after: readonly Row[]): Delta {
  const [old, standing] = [byId(before), byId(after)];
  const upserts = [...standing].filter(([id, row]) => {
    const known = old.get(id);
    return known === undefined || textOf(known) !== textOf(row);
  });
  const removals = [...old].filter(([id]) => !standing.has(id));
  return {
    upserts: upserts.map(([, row]) => row),
    removals: removals.map(([, { key, window }]) => ({ key, window })),
  };
}

function byId(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [idOf(row), row]));
}

function idOf({ key, window }: RowPlace): string {
  return canonical([{ ...key }, window.start, window.end]);
}

function textOf(row: Row): string {
  return canonical({ ...row } as unknown as Json);
}

/** From the first of their windows to the last. A global window is never corrected. */
function spanOf(changes: readonly Change[]): { readonly from: number; readonly to: number } {
  let [from, to] = [Infinity, -Infinity];
  for (const { window } of changes) {
    from = Math.min(from, window.start ?? -Infinity);
    to = Math.max(to, window.end ?? Infinity);
  }
  return { from, to };
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
