// What the core tells, as people read it: its records as changes and rows, in order. Objects that
// come again are made once: a key's, which is shared by all that is told of it, and a window's, by
// all that one push tells of it; both are frozen.

import * as layout from "../../assembly/layout.ts";
import { canonical } from "../event/canonical.ts";
import type { Plan } from "../query/plan.ts";
import type { Change, ChangeKind, ChangeWindow, Key, Row, Scalar, Told, Value } from "./change.ts";
import { KNOWN_KEYS_MAX, KnownKeys } from "./known-keys.ts";
import { encodeScalars, RecordReader } from "./record.ts";
import { TellingOrder } from "./telling-order.ts";

const KINDS: readonly ChangeKind[] = ["update", "final", "retract", "correction"];
/** Among changes of one window: a retract first. */
const KIND_PLACES = [1, 2, 0, 3];

/** How the records of one query are read. */
interface QueryNames {
  readonly query: string;
  readonly key: readonly string[];
  readonly value: readonly string[];
}

/** What a push did to a view. */
export interface Delta {
  readonly upserts: readonly Row[];
  readonly removals: readonly RowPlace[];
}

/** Which row of a view. */
export interface RowPlace {
  readonly key: Key;
  readonly window: ChangeWindow;
}

/** Which records are read, by kind and query. */
type IsWanted = (kind: number, query: number) => boolean;

/** The records that are read, in order, and where each lies. */
interface Found {
  readonly order: TellingOrder;
  readonly readers: readonly RecordReader[];
}

export class Decoder {
  readonly #names: readonly QueryNames[];
  #known = new KnownKeys();
  /** An order that is not in use: its room is used again, unless it is large. */
  #spare: TellingOrder | null = null;

  constructor(plan: Plan) {
    this.#names = plan.queries.map(({ name, key, aggregates, derive }) => ({
      query: name,
      key: key.map((member) => member.name),
      value: [...aggregates, ...derive].map((member) => member.name),
    }));
  }

  /** The changes among the records of a push, of the queries that `isHeard` holds for. */
  changes(records: readonly Uint8Array[], isHeard = (_query: string) => true): Change[] {
    const heard = this.#names.map(({ query }) => isHeard(query));
    // What stands beside are rows, and a trace (trace.ts).
    const found = this.#find(records, (kind, query) => kind < layout.CHANGE_ROW && heard[query]!);
    const changes: Change[] = [];
    this.#each(found, (reader, names, key, window) => {
      const { revision, position } = reader;
      const { query } = names;
      const value = valueOf(reader, names.value);
      changes.push({ query, kind: KINDS[reader.kind]!, key, window, value, revision, position });
    });
    return changes;
  }

  /** What a push did to the view of a watched query (assembly/watch.ts), in the view's order. */
  delta(records: readonly Uint8Array[], query: number): Delta {
    const isOfView = (kind: number): boolean => {
      return (
        kind === layout.CHANGE_GONE || kind <= layout.CHANGE_IS_FINAL || kind === layout.CHANGE_ROW
      );
    };
    const found = this.#find(records, (kind, of) => of === query && isOfView(kind));
    const isLast = lastOfEach(found.order);
    const upserts: Row[] = [];
    const removals: RowPlace[] = [];
    this.#each(found, (reader, names, key, window, item) => {
      if (!isLast[item]) return;
      if (reader.kind === layout.CHANGE_GONE) removals.push({ key, window });
      else upserts.push(rowOf(reader, names, key, window));
    });
    return { upserts, removals };
  }

  /** The rows of a view; where `isOwn` is given, those of the keys that it holds for. */
  rows(records: readonly Uint8Array[], isOwn?: (key: Key) => boolean): Row[] {
    const found = this.#find(records, (kind) => kind === layout.CHANGE_ROW, isOwn);
    const rows: Row[] = [];
    this.#each(found, (reader, names, key, window) => {
      rows.push(rowOf(reader, names, key, window));
    });
    return rows;
  }

  /** The key as the core has it; null where a member is not named, or has no such value. */
  encodedKey(query: number, key: Key): Uint8Array | null {
    const names = this.#names[query]!.key;
    if (!names.every((name) => Object.hasOwn(key, name))) return null;
    return encodeScalars(names.map((name) => key[name]!));
  }

  #find(records: readonly Uint8Array[], isWanted: IsWanted, isOwn?: (key: Key) => boolean): Found {
    const order = this.#spare ?? new TellingOrder();
    this.#spare = null;
    const readers = records.map((bytes) => new RecordReader(bytes));
    for (const [index, reader] of readers.entries()) {
      // The last two items of different windows, of this buffer, and where their records begin.
      let last = -1;
      let lastStart = -1;
      let before = -1;
      let beforeStart = -1;
      while (reader.next()) {
        const { kind, query, start } = reader;
        if (!isWanted(kind, query)) continue;
        const key = this.#keyOf(reader, query);
        if (isOwn !== undefined && !isOwn(this.#known.keyOf(key))) continue;
        const place = KIND_PLACES[kind] ?? 0;
        if (last >= 0 && reader.hasWindowOf(lastStart)) {
          order.addLike(last, key, place, index, start);
          continue;
        }
        const item = order.size;
        if (before >= 0 && reader.hasWindowOf(beforeStart)) {
          order.addLike(before, key, place, index, start);
        } else {
          const { windowStart, windowEnd } = reader;
          order.add(query, windowStart, windowEnd, key, place, index, start);
        }
        before = last;
        beforeStart = lastStart;
        last = item;
        lastStart = start;
      }
    }
    return { order, readers };
  }

  /** The entry of the record's key. */
  #keyOf(reader: RecordReader, query: number): number {
    const { bytes, view, keyTag, keyBytes } = reader;
    const at = reader.start + layout.CHANGE_HEADER_BYTES;
    const known = this.#known.find(query, keyTag, view, at, keyBytes);
    if (known >= 0) return known;
    const key: { [member: string]: Scalar } = {};
    const values: Scalar[] = [];
    for (const name of this.#names[query]!.key) {
      const value = reader.scalar();
      key[name] = value;
      values.push(value);
    }
    const encoded = bytes.subarray(at, at + keyBytes);
    return this.#known.add(query, keyTag, encoded, { key, text: canonical(values) });
  }

  /** Goes through what was found, in order. */
  #each({ order, readers }: Found, take: Take): void {
    const items = order.sorted(this.#known);
    for (let index = 0; index < items.length; index++) {
      const item = items[index]!;
      const reader = readers[order.bufferOf(item)]!;
      reader.seek(order.startOf(item));
      const key = this.#known.keyOf(order.keyOf(item));
      take(reader, this.#names[reader.query]!, key, order.windowOf(item), item);
    }
    if (this.#known.isLarge) this.#known = new KnownKeys();
    if (order.size > KNOWN_KEYS_MAX) return;
    order.clear();
    this.#spare = order;
  }
}

type Take = (
  reader: RecordReader,
  names: QueryNames,
  key: Key,
  window: ChangeWindow,
  item: number,
) => void;

function rowOf(reader: RecordReader, names: QueryNames, key: Key, window: ChangeWindow): Row {
  const { isFinal: final, revision } = reader;
  const value = valueOf(reader, names.value);
  return { query: names.query, key, window, value, final, revision };
}

function valueOf(reader: RecordReader, names: readonly string[]): Value {
  reader.skipKey();
  const value: { [member: string]: Told } = {};
  const { length } = names;
  // A place of the program for each of the first: where one query is told, or all have the same
  // names, each place knows its name.
  if (length > 0) value[names[0]!] = reader.told();
  if (length > 1) value[names[1]!] = reader.told();
  if (length > 2) value[names[2]!] = reader.told();
  if (length > 3) value[names[3]!] = reader.told();
  for (let index = 4; index < length; index++) value[names[index]!] = reader.told();
  return value;
}

/** Of each item whether it is the last that was told of its row: how the push left that. */
function lastOfEach(order: TellingOrder): readonly boolean[] {
  const lasts = new Map<string, number>();
  for (let item = 0; item < order.size; item++) {
    const { start, end } = order.windowOf(item);
    lasts.set(`${order.keyOf(item)}/${start}/${end}`, item);
  }
  const isLast = Array.from({ length: order.size }, () => false);
  for (const item of lasts.values()) isLast[item] = true;
  return isLast;
}
