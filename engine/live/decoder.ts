// What the core tells, as people read it: its records as changes and rows, in order. Objects that
// come again are made once: a key's, which is shared by all that is told of it, and a window's, by
// all that one push tells of it; both are frozen.

import * as layout from "../../assembly/layout.ts";
import { canonical } from "../event/canonical.ts";
import type { Plan } from "../query/plan.ts";
import type { Change, ChangeKind, ChangeWindow, Key, Row, Scalar, Told, Value } from "./change.ts";
import { KnownKeys } from "./known-keys.ts";
import { RecordReader } from "./record.ts";
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

/** Which records are read, by kind and query. */
type IsWanted = (kind: number, query: number) => boolean;

/** The records that are read, in order, and where each lies. */
interface Found {
  readonly order: TellingOrder;
  readonly readers: readonly RecordReader[];
  readonly readerOf: number[];
  readonly starts: number[];
}

export class Decoder {
  readonly #names: readonly QueryNames[];
  #known = new KnownKeys();

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
    return this.#read(found, (reader, query, key, window, value): Change => {
      const { revision, position } = reader;
      return { query, kind: KINDS[reader.kind]!, key, window, value, revision, position };
    });
  }

  /** The rows of a view; where `isOwn` is given, those of the keys that it holds for. */
  rows(records: readonly Uint8Array[], isOwn?: (key: Key) => boolean): Row[] {
    const found = this.#find(records, (kind) => kind === layout.CHANGE_ROW, isOwn);
    return this.#read(found, (reader, query, key, window, value): Row => {
      const { isFinal: final, revision } = reader;
      return { query, key, window, value, final, revision };
    });
  }

  #find(records: readonly Uint8Array[], isWanted: IsWanted, isOwn?: (key: Key) => boolean): Found {
    const order = new TellingOrder();
    const readers = records.map((bytes) => new RecordReader(bytes));
    const readerOf: number[] = [];
    const starts: number[] = [];
    for (const [index, reader] of readers.entries()) {
      while (reader.next()) {
        const { kind, query } = reader;
        if (!isWanted(kind, query)) continue;
        const key = this.#keyOf(reader, query);
        if (isOwn !== undefined && !isOwn(this.#known.keyOf(key))) continue;
        order.add(query, reader.windowStart, reader.windowEnd, key, KIND_PLACES[kind] ?? 0);
        readerOf.push(index);
        starts.push(reader.start);
      }
    }
    return { order, readers, readerOf, starts };
  }

  /** The entry of the record's key. */
  #keyOf(reader: RecordReader, query: number): number {
    const { bytes, keyTag, keyBytes } = reader;
    const at = reader.start + layout.CHANGE_HEADER_BYTES;
    const known = this.#known.find(query, keyTag, bytes, at, keyBytes);
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

  #read<T>(found: Found, make: Make<T>): T[] {
    const { order, readers, readerOf, starts } = found;
    const items = order.sorted(this.#known);
    const made: T[] = [];
    for (const item of items) {
      const reader = readers[readerOf[item]!]!;
      reader.seek(starts[item]!);
      const names = this.#names[reader.query]!;
      const key = this.#known.keyOf(order.keyOf(item));
      made.push(make(reader, names.query, key, order.windowOf(item), valueOf(reader, names.value)));
    }
    if (this.#known.isLarge) this.#known = new KnownKeys();
    return made;
  }
}

type Make<T> = (
  reader: RecordReader,
  query: string,
  key: Key,
  window: ChangeWindow,
  value: Value,
) => T;

function valueOf(reader: RecordReader, names: readonly string[]): Value {
  reader.skipKey();
  const value: { [member: string]: Told } = {};
  for (const name of names) value[name] = reader.told();
  return value;
}
