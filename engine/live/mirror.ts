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
import type { Core } from "../core/core.ts";
import type { Change, ChangeWindow, Row, Scalar } from "./change.ts";
import { HostFault } from "../store/host-fault.ts";
import { drained, paced, type Breathe, type Steps } from "../store/steps.ts";
import { compareRows, idOf, ordered } from "./compare-rows.ts";
import type { Decoder, Delta } from "./decoder.ts";
import { callListener } from "./subscription.ts";
import { compareTimes } from "./telling-order.ts";
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
  /** Whether the core has failed: another is being made, or will be. */
  readonly isSpent: boolean;
  readonly decoder: Decoder;
  /** The query's place in the plan; -1 where it has not the query. */
  indexOf(query: string): number;
  rows(query: string, filter?: RowFilter): readonly Row[];
  /** All of them in steps, in no order. */
  rowSteps(query: string): Steps<Row[]>;
  /** Whether the core tells the rows of a query from now on; nothing where the plan has it not. */
  watch(query: string, on: boolean): void;
}

export class RowFeed {
  readonly #served: () => Served;
  readonly #followed = new Map<string, Set<RowListener>>();
  /** Those that began while a core was made again, when there was nothing to read. */
  #begun = new Set<RowListener>();
  #told: Pick<RowDelta, "clock" | "position"> = { clock: null, position: -1 };

  constructor(served: () => Served) {
    this.#served = served;
  }

  add(query: string, listener: RowListener): () => void {
    // A listener that is added twice is two listeners.
    const own: RowListener = (delta) => listener(delta);
    const listeners = this.#followed.get(query) ?? new Set();
    this.#followed.set(query, listeners.add(own));
    const served = this.#served();
    served.watch(query, true);
    if (served.isSpent) this.#begun.add(own);
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

  /**
   * Both views of another plan's swap are compared, with what waits coming between; the answer
   * tells what differs, once `after` serves, also to who began meanwhile.
   */
  async swap(before: Served, after: Served, breathe: Breathe): Promise<() => void> {
    const deltas = new Map<string, Delta>();
    function* compared(query: string): Steps<Delta> {
      const { is, gone } = yield* compareRows(
        yield* before.rowSteps(query),
        yield* after.rowSteps(query),
      );
      const [upserts, removals] = [yield* ordered(is), yield* ordered(gone)];
      return {
        upserts: upserts.map(({ row }) => row),
        removals: removals.map(({ row: { key, window } }) => ({ key, window })),
      };
    }
    for (const query of [...this.#followed.keys()]) {
      deltas.set(query, await paced(compared(query), breathe));
    }
    return () => {
      for (const query of this.#followed.keys()) after.watch(query, true);
      this.#tell((query) => deltas.get(query) ?? drained(compared(query)));
    };
  }

  #tell(deltaFor: (query: string) => Delta): void {
    const begun = this.#begun;
    this.#begun = new Set();
    if (this.#followed.size === 0) return;
    const served = this.#served();
    const { clock, position } = served.core.counts();
    const hasMoved = clock !== this.#told.clock || position !== this.#told.position;
    this.#told = { clock, position };
    for (const [query, listeners] of [...this.#followed]) {
      const all = { ...deltaFor(query), clock, position };
      for (const listener of [...listeners]) {
        const isNew = begun.has(listener);
        const delta = isNew ? { ...all, upserts: served.rows(query), removals: [] } : all;
        if (!hasMoved && delta.upserts.length === 0 && delta.removals.length === 0) continue;
        if (listeners.has(listener)) callListener(listener, delta);
      }
    }
  }
}

/** The rows that a mirror begins with: none while a core is made again, it is told them then. */
export function rowsToBegin(source: RowSource, query: string, filter?: RowFilter): readonly Row[] {
  try {
    return source.rows(query, filter);
  } catch (error) {
    if (error instanceof HostFault && error.code === "core_failed") return [];
    throw error;
  }
}

export function byId(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [idOf(row), row]));
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

/** A row and its place among the others, which no other revision of it changes. */
interface Placed {
  /** Null once it is gone. */
  row: Row | null;
  readonly window: ChangeWindow;
  readonly keyText: string;
}

/**
 * The rows of a view, as far as they were told. They stay in order: to read them after a change
 * costs a search for each row that is new, and a copy of the list.
 */
export class Mirror {
  readonly #members: readonly string[];
  readonly #placed = new Map<string, Placed>();
  /** In order, with those that are gone since. */
  #ordered: Placed[] = [];
  /** Not in order yet. */
  #fresh: Placed[] = [];
  /** As they were read last; null where something was told since. */
  #rows: readonly Row[] | null = [];
  clock: number | null = null;
  position = 0;

  /** `members`: the names of the query's key, in the order of the plan, which orders rows. */
  constructor(members: readonly string[]) {
    this.#members = members;
  }

  apply({ upserts, removals, clock, position }: RowDelta): void {
    for (const place of removals) {
      const id = idOf(place);
      const placed = this.#placed.get(id);
      if (placed === undefined) continue;
      placed.row = null;
      this.#placed.delete(id);
    }
    for (const row of upserts) this.#put(row);
    if (upserts.length + removals.length > 0) this.#rows = null;
    this.clock = clock;
    this.position = position;
  }

  #put(row: Row): void {
    const id = idOf(row);
    const known = this.#placed.get(id);
    if (known !== undefined) {
      known.row = row;
      return;
    }
    const placed = { row, window: row.window, keyText: canonical([...this.#keyOf(row)]) };
    this.#placed.set(id, placed);
    this.#fresh.push(placed);
  }

  /** As the plan orders it; another plan's, which is shown until this one serves, as that does. */
  #keyOf({ key }: Row): readonly Scalar[] {
    const names = Object.keys(key);
    const isOwn =
      names.length === this.#members.length && names.every((name) => this.#members.includes(name));
    return (isOwn ? this.#members : names).map((name) => key[name]!);
  }

  /** The same list as before where nothing was told since, and all rows are asked for. */
  rows(filter?: RowFilter): readonly Row[] {
    this.#rows ??= this.#read();
    return filter === undefined ? this.#rows : this.#rows.filter((row) => isIn(filter, row));
  }

  #read(): readonly Row[] {
    const ordered: Placed[] = [];
    const rows: Row[] = [];
    const keep = (placed: Placed): void => {
      if (placed.row === null) return;
      ordered.push(placed);
      rows.push(placed.row);
    };
    let next = 0;
    for (const fresh of this.#fresh.sort(comparePlaces)) {
      const place = placeOf(this.#ordered, fresh, next);
      while (next < place) keep(this.#ordered[next++]!);
      keep(fresh);
    }
    while (next < this.#ordered.length) keep(this.#ordered[next++]!);
    this.#ordered = ordered;
    this.#fresh = [];
    return rows;
  }
}

/** Where `placed` belongs in what is in order, from `low` on. */
function placeOf(ordered: readonly Placed[], placed: Placed, low: number): number {
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePlaces(ordered[middle]!, placed) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function comparePlaces(a: Placed, b: Placed): number {
  return (
    compareTimes(a.window.end, b.window.end) ||
    compareTimes(a.window.start, b.window.start) ||
    compareUtf8(a.keyText, b.keyText)
  );
}
