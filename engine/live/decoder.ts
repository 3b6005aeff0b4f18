// What the core tells, as people read it: its records as changes and rows, in order. Objects that
// come again are made once: a key's, which is shared by all that is told of it, and a window's, by
// all that one push tells of it; both are frozen.

import * as layout from "../../assembly/layout.ts";
import { canonical } from "../event/canonical.ts";
import type { Plan } from "../query/plan.ts";
import type { Change, ChangeKind, ChangeWindow, Key, Row, Scalar, Told, Value } from "./change.ts";
import { KNOWN_KEYS_MAX, KnownKeys } from "./known-keys.ts";
import {
  encodeScalars,
  haveSameWindow,
  KEY_BYTES_WORD,
  KEY_TAG_WORD,
  KIND_WORD,
  NUMBER_BYTES,
  RecordReader,
} from "./record.ts";
import { TellingOrder } from "./telling-order.ts";

const KINDS: readonly ChangeKind[] = ["update", "final", "retract", "correction"];
/** Among changes of one window: a retract first. */
const KIND_PLACES = [1, 2, 0, 3];

/** So many are read in one step. */
const STEP_RECORDS = 500;

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

export class Decoder {
  readonly #names: readonly QueryNames[];
  #known = new KnownKeys();
  // What is read with is kept from push to push: a host drops the code it made for objects of
  // which the collector of garbage finds none.
  readonly #reader = new RecordReader();
  /** An order that is not in use: its room is used again, unless it is large. */
  #spare: TellingOrder | null = new TellingOrder();

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
    const changes: Change[] = [];
    // What stands beside are rows, and a trace (trace.ts).
    const order = this.#read(
      records,
      (kind, query) => kind < layout.CHANGE_ROW && heard[query]!,
      (reader, { query, value: names }, key, window) => {
        const { revision, position } = reader;
        const kind = KINDS[reader.kind]!;
        const value = valueOf(reader, names);
        // To push costs a call.
        changes[changes.length] = { query, kind, key, window, value, revision, position };
      },
    );
    return this.#inOrder(order, changes);
  }

  /** What a push did to the view of a watched query (assembly/watch.ts), in the view's order. */
  delta(records: readonly Uint8Array[], query: number): Delta {
    const isOfView = (kind: number): boolean => {
      return (
        kind === layout.CHANGE_GONE || kind <= layout.CHANGE_IS_FINAL || kind === layout.CHANGE_ROW
      );
    };
    const all: (Row | RowPlace)[] = [];
    const order = this.#read(
      records,
      (kind, of) => of === query && isOfView(kind),
      (reader, names, key, window) => {
        const isGone = reader.kind === layout.CHANGE_GONE;
        all.push(isGone ? { key, window } : rowOf(reader, names, key, window));
      },
    );
    const lasts = lastOfEach(order, all);
    const upserts: Row[] = [];
    const removals: RowPlace[] = [];
    for (const each of this.#inOrder(order, all)) {
      if (!lasts.has(each)) continue;
      if ("value" in each) upserts.push(each);
      else removals.push(each);
    }
    return { upserts, removals };
  }

  /** The rows of a view; where `isOwn` is given, those of the keys that it holds for. */
  rows(records: readonly Uint8Array[], isOwn?: (key: Key) => boolean): Row[] {
    const rows: Row[] = [];
    const isRow = (kind: number): boolean => kind === layout.CHANGE_ROW;
    const take: Take = (...found) => rows.push(rowOf(...found));
    return this.#inOrder(this.#read(records, isRow, take, isOwn), rows);
  }

  /** The rows in no order, some hundreds at a time. */
  *rowSteps(records: Uint8Array): Generator<readonly Row[], void, undefined> {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let start = 0, end = 0; start < records.length; start = end) {
      for (let count = 0; count < STEP_RECORDS && end < records.length; count++) {
        end += view.getUint32(end + layout.CHANGE_BYTES_TOTAL, true);
      }
      const rows: Row[] = [];
      const take: Take = (...found) => rows.push(rowOf(...found));
      const step = records.subarray(start, end);
      this.#letGo(this.#read([step], (kind) => kind === layout.CHANGE_ROW, take));
      yield rows;
    }
  }

  /** The key as the core has it; null where a member is not named, or has no such value. */
  encodedKey(query: number, key: Key): Uint8Array | null {
    const names = this.#names[query]!.key;
    if (!names.every((name) => Object.hasOwn(key, name))) return null;
    return encodeScalars(names.map((name) => key[name]!));
  }

  /** Gives what is wanted to `take`, one after another; their order. */
  #read(
    records: readonly Uint8Array[],
    isWanted: IsWanted,
    take: Take,
    isOwn?: (key: Key) => boolean,
  ): TellingOrder {
    const order = this.#spare ?? new TellingOrder();
    this.#spare = null;
    const reader = this.#reader;
    for (const bytes of records) {
      reader.begin(bytes);
      const { words, view } = reader;
      // The last two different windows of this buffer, and the words where records of them begin.
      let last = -1;
      let lastStart = -1;
      let before = -1;
      let beforeStart = -1;
      while (reader.next()) {
        const start = reader.start >> 2;
        const kind = words[start + KIND_WORD]! & 255;
        const query = words[start + KIND_WORD]! >>> 16;
        if (!isWanted(kind, query)) continue;
        const keyTag = words[start + KEY_TAG_WORD]!;
        const keyBytes = words[start + KEY_BYTES_WORD]!;
        const known = this.#known.find(query, keyTag, view, reader.keyAt, keyBytes);
        const entry = known < 0 ? this.#learn(reader, query, keyTag) : known;
        const key = this.#known.keyOf(entry);
        if (isOwn !== undefined && !isOwn(key)) continue;
        if (last < 0 || !haveSameWindow(words, start, lastStart)) {
          const isBefore = before >= 0 && haveSameWindow(words, start, beforeStart);
          const { windowStart, windowEnd } = reader;
          const window = isBefore ? before : order.enter(query, windowStart, windowEnd);
          before = last;
          beforeStart = lastStart;
          last = window;
        }
        lastStart = start;
        order.add(last, entry, KIND_PLACES[kind] ?? 0);
        take(reader, this.#names[query]!, key, order.windowAt(last));
      }
    }
    reader.end();
    return order;
  }

  /** The entry of the record's key, which was not known. */
  #learn(reader: RecordReader, query: number, keyTag: number): number {
    const { bytes, keyAt, keyBytes } = reader;
    const key: { [member: string]: Scalar } = {};
    const values: Scalar[] = [];
    for (const name of this.#names[query]!.key) {
      const value = reader.scalar();
      key[name] = value;
      values.push(value);
    }
    const encoded = bytes.subarray(keyAt, keyAt + keyBytes);
    return this.#known.add(query, keyTag, encoded, { key, text: canonical(values) });
  }

  /** What was read, in order. */
  #inOrder<T>(order: TellingOrder, found: readonly T[]): T[] {
    const told = order.inOrder(found, this.#known);
    this.#letGo(order);
    return told;
  }

  #letGo(order: TellingOrder): void {
    if (this.#known.isLarge) this.#known = new KnownKeys();
    if (order.size <= KNOWN_KEYS_MAX) {
      order.clear();
      this.#spare = order;
    }
  }
}

type Take = (reader: RecordReader, names: QueryNames, key: Key, window: ChangeWindow) => void;

function rowOf(reader: RecordReader, names: QueryNames, key: Key, window: ChangeWindow): Row {
  const { isFinal: final, revision } = reader;
  const value = valueOf(reader, names.value);
  return { query: names.query, key, window, value, final, revision };
}

function valueOf(reader: RecordReader, names: readonly string[]): Value {
  const value: { [member: string]: Told } = {};
  const { length } = names;
  const at = reader.skipKey();
  const { bytes, view } = reader;
  // A place of the program for each of the first, which mostly are numbers: where one query is
  // told, or all have the same names, each place knows its name.
  const most = Math.min(length, 4);
  let index = 0;
  while (index < most && bytes[at + index * NUMBER_BYTES] === layout.TAG_NUMBER) index++;
  reader.skip(index * NUMBER_BYTES);
  if (index > 0) value[names[0]!] = view.getFloat64(at + 1, true);
  if (index > 1) value[names[1]!] = view.getFloat64(at + 10, true);
  if (index > 2) value[names[2]!] = view.getFloat64(at + 19, true);
  if (index > 3) value[names[3]!] = view.getFloat64(at + 28, true);
  for (; index < length; index++) value[names[index]!] = reader.told();
  return value;
}

/** What was found last of each row: how the push left that. */
function lastOfEach<T>(order: TellingOrder, found: readonly T[]): ReadonlySet<T> {
  const lasts = new Map<string, T>();
  for (const [item, each] of found.entries()) {
    const { start, end } = order.windowOf(item);
    lasts.set(`${order.keyOf(item)}/${start}/${end}`, each);
  }
  return new Set(lasts.values());
}
