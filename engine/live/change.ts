// Changes and rows, as people read them: the core's records with their members named, and the one
// order in which a push tells them (contract.md, "A change").

import * as layout from "../../assembly/layout.ts";
import { canonical, compareUtf8 } from "../event/canonical.ts";
import type { Plan, Query } from "../query/plan.ts";

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

const KINDS: readonly ChangeKind[] = ["update", "final", "retract", "correction"];
/** Among changes of one window. */
const KIND_ORDER: { readonly [kind in ChangeKind]: number } = {
  retract: 0,
  update: 1,
  final: 2,
  correction: 3,
};

/** What the core writes for the bounds of a window that has none. */
const NO_TIME = -(2n ** 63n);

/** A string may begin with U+FEFF, which is no mark of byte order there. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A record with what it is ordered by. */
interface Ordered<T> {
  readonly query: number;
  /** Nulls last. */
  readonly start: number;
  readonly end: number;
  /** The key's values as canonical JSON. */
  readonly keyText: string;
  readonly kind: number;
  readonly item: T;
}

/** Decodes and orders the changes of one push. */
export function changesOf(plan: Plan, records: readonly Uint8Array[]): Change[] {
  return inOrder(
    decode(plan, records, (record, query, key, value) => {
      const kind = KINDS[record.kind]!;
      const { window, revision, position } = record;
      return { query: query.name, kind, key, window, value, revision, position };
    }),
  );
}

/** Decodes and orders the rows of a view. */
export function rowsOf(plan: Plan, records: readonly Uint8Array[]): Row[] {
  return inOrder(
    decode(plan, records, (record, query, key, value) => {
      const { window, final, revision } = record;
      return { query: query.name, key, window, value, final, revision };
    }),
  );
}

function inOrder<T>(items: Ordered<T>[]): T[] {
  items.sort(
    (a, b) =>
      a.query - b.query ||
      compare(a.end, b.end) ||
      compare(a.start, b.start) ||
      compareUtf8(a.keyText, b.keyText) ||
      a.kind - b.kind,
  );
  return items.map(({ item }) => item);
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface ChangeRecord {
  readonly kind: number;
  readonly final: boolean;
  readonly window: ChangeWindow;
  readonly revision: number;
  readonly position: number;
}

type Make<T> = (record: ChangeRecord, query: Query, key: Key, value: Value) => T;

function decode<T>(plan: Plan, buffers: readonly Uint8Array[], make: Make<T>): Ordered<T>[] {
  const items: Ordered<T>[] = [];
  for (const buffer of buffers) {
    const reader = new RecordReader(buffer);
    while (reader.next()) {
      const query = plan.queries[reader.query]!;
      const record = reader.record();
      // What stands beside is a trace (trace.ts).
      if (record.kind > layout.CHANGE_ROW) continue;
      const keyValues = query.key.map(() => reader.scalar());
      const key = named(query.key, keyValues);
      const told = [...query.aggregates, ...query.derive];
      const value = named(
        told,
        told.map(() => reader.told()),
      );
      items.push({
        query: reader.query,
        start: record.window.start ?? Infinity,
        end: record.window.end ?? Infinity,
        keyText: canonical(keyValues),
        kind: KIND_ORDER[KINDS[record.kind] ?? "update"],
        item: make(record, query, key, value),
      });
    }
  }
  return items;
}

function named<T>(
  names: readonly { readonly name: string }[],
  values: readonly T[],
): { readonly [member: string]: T } {
  return Object.fromEntries(names.map(({ name }, index) => [name, values[index]!]));
}

/** Walks the records of one buffer (assembly/emit.ts). */
export class RecordReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #start = 0;
  #next = 0;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): boolean {
    this.#start = this.#next;
    if (this.#start >= this.#bytes.length) return false;
    this.#next += this.#view.getUint32(this.#start + layout.CHANGE_BYTES_TOTAL, true);
    this.#at = this.#start + layout.CHANGE_HEADER_BYTES;
    return true;
  }

  get query(): number {
    return this.#view.getUint16(this.#start + layout.CHANGE_QUERY, true);
  }

  record(): ChangeRecord {
    const at = this.#start;
    const time = (offset: number): bigint => this.#view.getBigInt64(at + offset, true);
    const start = time(layout.CHANGE_START);
    const end = time(layout.CHANGE_END);
    return {
      kind: this.#view.getUint8(at + layout.CHANGE_KIND),
      final: this.#view.getUint8(at + layout.CHANGE_FINAL) !== 0,
      window:
        start === NO_TIME ? { start: null, end: null } : { start: Number(start), end: Number(end) },
      revision: this.#view.getFloat64(at + layout.CHANGE_REVISION, true),
      position: this.#view.getFloat64(at + layout.CHANGE_POSITION, true),
    };
  }

  /** Of a trace, behind the key: the event's time and the clock that took it. */
  traceTimes(): [timeMs: number, clock: number] {
    const time = (offset: number): number =>
      Number(this.#view.getBigInt64(this.#at + offset, true));
    return [time(layout.TRACE_TIME), time(layout.TRACE_CLOCK)];
  }

  /** The next encoded value of a window. */
  told(): Told {
    const tag = this.#view.getUint8(this.#at);
    if (tag !== layout.TAG_LIST && tag !== layout.TAG_TOP) return this.scalar();
    const length = this.#view.getUint32(this.#at + 1, true);
    this.#at += 5;
    if (tag === layout.TAG_LIST) return Array.from({ length }, () => this.#number());
    return Array.from({ length }, () => ({ value: this.scalar(), count: this.#number() ?? 0 }));
  }

  #number(): number | null {
    const value = this.scalar();
    return typeof value === "number" ? value : null;
  }

  /** The next encoded value (assembly/encode.ts): first come the key's. */
  scalar(): Scalar {
    const tag = this.#view.getUint8(this.#at++);
    if (tag === layout.TAG_NUMBER) {
      this.#at += 8;
      return this.#view.getFloat64(this.#at - 8, true);
    }
    if (tag === layout.TAG_STRING) {
      const length = this.#view.getUint32(this.#at, true);
      this.#at += 4 + length;
      return decoder.decode(this.#bytes.subarray(this.#at - length, this.#at));
    }
    if (tag === layout.TAG_NULL || tag === layout.TAG_COMPOSITE) return null;
    return tag === layout.TAG_TRUE;
  }
}
