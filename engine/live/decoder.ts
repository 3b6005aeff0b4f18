// What the core tells, as people read it: its records as changes and rows, in order. First what is
// wanted of the records is found and put in order, then made, one after another. Objects that come
// again are made once: a key's, which is shared by all that is told of it, and a window's, by all
// that one push tells of it; both are frozen.

import * as layout from "../../assembly/layout.ts";
import { viewOf } from "../event/bytes.ts";
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

/** Kinds of records, as bits: what is told to listeners; rows; what a push did to a view. */
const ROWS = 1 << layout.CHANGE_ROW;
const CHANGES = ROWS - 1;
const OF_VIEW =
  ROWS | (1 << layout.CHANGE_GONE) | (1 << layout.CHANGE_UPDATE) | (1 << layout.CHANGE_IS_FINAL);

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

export class Decoder {
  readonly #names: readonly QueryNames[];
  #known = new KnownKeys();
  // What is read with, each a buffer. The first is kept from push to push: a host drops the code it
  // made for objects of which the collector of garbage finds none.
  readonly #readers = [new RecordReader()];
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
  changes(records: readonly Uint8Array[], isHeard?: (query: string) => boolean): Change[] {
    const order = this.#find(records, CHANGES, isHeard);
    const items = order.sorted(this.#known);
    const changes: Change[] = [];
    changes.length = order.size;
    for (let place = 0; place < changes.length; place++) {
      const item = items[place]!;
      const reader = this.#goTo(order, item);
      const { query, value: names } = this.#names[reader.query]!;
      const kind = KINDS[reader.kind]!;
      const key = this.#known.keyOf(order.keyOf(item));
      const window = order.windowOf(item);
      const value = valueOf(reader, names);
      const { revision, position } = reader;
      changes[place] = { query, kind, key, window, value, revision, position };
    }
    this.#letGo(order);
    return changes;
  }

  /** What a push did to the view of a watched query (assembly/watch.ts), in the view's order. */
  delta(records: readonly Uint8Array[], query: number): Delta {
    const watched = this.#names[query]?.query;
    const order = this.#find(records, OF_VIEW, (name) => name === watched);
    const items = order.sorted(this.#known);
    const upserts: Row[] = [];
    const removals: RowPlace[] = [];
    for (let place = 0; place < order.size; place++) {
      // What was found last of a row is how the push left it.
      let item = items[place]!;
      while (place + 1 < order.size && order.areOfOneRow(item, items[place + 1]!)) {
        item = Math.max(item, items[++place]!);
      }
      if (this.#goTo(order, item).kind === layout.CHANGE_GONE) {
        const key = this.#known.keyOf(order.keyOf(item));
        const window = order.windowOf(item);
        removals.push({ key, window });
      } else upserts.push(this.#row(order, item));
    }
    this.#letGo(order);
    return { upserts, removals };
  }

  /** The rows of a view; where `isOwn` is given, those of the keys that it holds for. */
  rows(records: readonly Uint8Array[], isOwn?: (key: Key) => boolean): Row[] {
    const order = this.#find(records, ROWS, undefined, isOwn);
    const items = order.sorted(this.#known);
    const rows: Row[] = [];
    rows.length = order.size;
    for (let place = 0; place < rows.length; place++) rows[place] = this.#row(order, items[place]!);
    this.#letGo(order);
    return rows;
  }

  /** The rows in no order, some hundreds at a time. */
  *rowSteps(records: Uint8Array): Generator<readonly Row[], void, undefined> {
    const view = viewOf(records);
    for (let start = 0, end = 0; start < records.length; start = end) {
      for (let count = 0; count < STEP_RECORDS && end < records.length; count++) {
        end += view.getUint32(end + layout.CHANGE_BYTES_TOTAL, true);
      }
      const step = records.subarray(start, end);
      const order = this.#find([step], ROWS);
      const rows: Row[] = [];
      for (let item = 0; item < order.size; item++) rows.push(this.#row(order, item));
      this.#letGo(order);
      yield rows;
    }
  }

  /** The key as the core has it; null where a member is not named, or has no such value. */
  encodedKey(query: number, key: Key): Uint8Array | null {
    const names = this.#names[query]!.key;
    if (!names.every((name) => Object.hasOwn(key, name))) return null;
    return encodeScalars(names.map((name) => key[name]!));
  }

  /** Finds the records of such kinds, of the queries and keys that are wanted. */
  #find(
    records: readonly Uint8Array[],
    kinds: number,
    isHeard?: (query: string) => boolean,
    isOwn?: (key: Key) => boolean,
  ): TellingOrder {
    const order = this.#spare ?? new TellingOrder();
    this.#spare = null;
    const known = this.#known;
    const heard = this.#names.map(({ query }) => isHeard?.(query) ?? true);
    for (let buffer = 0; buffer < records.length; buffer++) {
      const reader = (this.#readers[buffer] ??= new RecordReader());
      reader.begin(records[buffer]!);
      const { words, view } = reader;
      let window = -1;
      let before = -1;
      for (let start = 0; start < words.length; start += words[start]! >> 2) {
        const head = words[start + KIND_WORD]!;
        const query = head >>> 16;
        if (((kinds >> (head & 255)) & 1) === 0 || !heard[query]!) continue;
        const tag = words[start + KEY_TAG_WORD]!;
        const keyAt = start * 4 + layout.CHANGE_HEADER_BYTES;
        let key = known.find(query, tag, view, keyAt, words[start + KEY_BYTES_WORD]!);
        if (key < 0) key = this.#learn(reader.goTo(start), query, tag);
        if (isOwn !== undefined && !isOwn(known.keyOf(key))) continue;
        if (before < 0 || !haveSameWindow(words, start, before)) {
          const { windowStart, windowEnd } = reader.goTo(start);
          window = order.enter(query, windowStart, windowEnd);
        }
        before = start;
        order.add(window, key, KIND_PLACES[head & 255] ?? 0, buffer, start);
      }
    }
    return order;
  }

  /** The reader at the record of an item. */
  #goTo(order: TellingOrder, item: number): RecordReader {
    return this.#readers[order.bufferOf(item)]!.goTo(order.startOf(item));
  }

  #row(order: TellingOrder, item: number): Row {
    const reader = this.#goTo(order, item);
    const { query, value: names } = this.#names[reader.query]!;
    const key = this.#known.keyOf(order.keyOf(item));
    const window = order.windowOf(item);
    const value = valueOf(reader, names);
    const { isFinal: final, revision } = reader;
    return { query, key, window, value, final, revision };
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

  #letGo(order: TellingOrder): void {
    this.#readers.length = 1;
    this.#readers[0]!.end();
    if (this.#known.isLarge) this.#known = new KnownKeys();
    if (order.size <= KNOWN_KEYS_MAX) {
      order.clear();
      this.#spare = order;
    }
  }
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
