// Frames: where each path that a query reads gets its value. A query that reads only its event
// reads the fields as they lie in the batch; one with `with` or a span has a frame of places, each
// filled from a column of the event, of the span's other side, of what was looked up, or from the
// span itself (assembly/frame.ts). Columns are what must outlive the batch.

import * as layout from "../../assembly/layout.ts";
import type { Code } from "./code.ts";
import type { Plan, Query } from "./plan.ts";
import { SPAN_MEMBERS } from "./vocabulary.ts";

/** A path that the plan reads; the path of no names is the whole event. */
export type Path = readonly string[];

/** Paths numbered in the order in which they are first asked for. */
export class Numbering {
  readonly paths: Path[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(path: Path): number {
    const text = path.join(".");
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.paths.length);
    return this.paths.push(path) - 1;
  }
}

/** Columns of one kind of event: each is a field of the plan. */
export class Columns {
  readonly fields: number[] = [];
  readonly #all: Numbering;
  readonly #own = new Numbering();

  constructor(all: Numbering) {
    this.#all = all;
  }

  columnOf(path: Path): number {
    const column = this.#own.numberOf(path);
    this.fields[column] ??= this.#all.numberOf(path);
    return column;
  }
}

interface Place {
  readonly source: number;
  readonly lookup: number;
  readonly index: number;
}

/** The paths of one query: a number for each, and what the core needs to find their values. */
export class Frame {
  /** Of the event, or of the span's `from`. */
  readonly columns: Columns;
  readonly toColumns: Columns;
  readonly #all: Numbering;
  readonly #query: Query;
  readonly #tables: readonly Columns[];
  readonly #tableIndexes: readonly number[];
  readonly #paths = new Numbering();
  readonly #places: Place[] = [];
  readonly #read = new Set<number>();

  constructor(plan: Plan, query: Query, all: Numbering, tables: readonly Columns[]) {
    this.#all = all;
    this.#query = query;
    this.#tables = tables;
    this.#tableIndexes = query.with.map(({ table }) => {
      return plan.tables.findIndex(({ name }) => name === table);
    });
    this.columns = new Columns(all);
    this.toColumns = new Columns(all);
  }

  /** Whether the query's fields are read as they lie in the batch. */
  get isPlain(): boolean {
    return this.#query.span === null && this.#query.with.length === 0;
  }

  /** The number under which the query's expressions read a path. */
  numberOf(path: Path): number {
    if (this.isPlain) return this.fieldOf(path);
    const number = this.#paths.numberOf(path);
    this.#places[number] ??= this.#placeOf(path);
    return number;
  }

  /** The number of a path into the event, whatever the query reads besides. */
  fieldOf(path: Path): number {
    const field = this.#all.numberOf(path);
    this.#read.add(field);
    return field;
  }

  #placeOf(path: Path): Place {
    const [root = "", ...rest] = path;
    const lookup = this.#query.with.findIndex(({ as }) => as === root);
    if (lookup >= 0) {
      const columns = this.#tables[this.#tableIndexes[lookup]!]!;
      return { source: layout.SOURCE_LOOKUP, lookup, index: columns.columnOf(rest) };
    }
    const place = (source: number, index: number): Place => ({ source, lookup: 0, index });
    if (this.#query.span === null) {
      return place(layout.SOURCE_EVENT, this.columns.columnOf(path));
    }
    if (root === "from") return place(layout.SOURCE_EVENT, this.columns.columnOf(rest));
    if (root === "to") return place(layout.SOURCE_TO, this.toColumns.columnOf(rest));
    if (root === "span") {
      const member = rest.length === 0 ? layout.SPAN_SELF : SPAN_MEMBERS[rest[0]!];
      return place(layout.SOURCE_SPAN, member ?? layout.SPAN_SELF);
    }
    if (path.length === 1 && root === "eventTime") {
      return place(layout.SOURCE_SPAN, layout.SPAN_TIME);
    }
    return place(layout.SOURCE_NULL, 0);
  }

  /** Writes the frame's tables, and where they lie into the query's record at `at`. */
  write(code: Code, at: number): void {
    if (!this.isPlain) this.#writeFrame(code, at);
    for (const field of [...this.columns.fields, ...this.toColumns.fields]) this.#read.add(field);
    code.u32(at + layout.QUERY_FIELDS, code.list([...this.#read]));
    code.u32(at + layout.QUERY_COLUMNS, code.list(this.columns.fields));
    code.u32(at + layout.QUERY_TO_COLUMNS, code.list(this.toColumns.fields));
  }

  #writeFrame(code: Code, at: number): void {
    const looked = this.#query.with.map(({ on }, index) => {
      return { on, table: this.#tableIndexes[index]! };
    });
    const lookups = code.counted(looked, 4, layout.LOOKUP_BYTES, (entry, { on, table }) => {
      code.u32(entry + layout.LOOKUP_TABLE, table);
      const expression = code.expression(on, (path) => this.numberOf(path));
      code.u32(entry + layout.LOOKUP_ON, expression);
    });
    // Last: what `with` looks up may have asked for more.
    const places = this.#places;
    const frame = code.counted(places, 4, layout.FRAME_BYTES, (entry, place) => {
      const { source, lookup, index } = place;
      code.u8(entry + layout.FRAME_SOURCE, source);
      code.u8(entry + layout.FRAME_LOOKUP, lookup);
      code.u16(entry + layout.FRAME_INDEX, index);
    });
    code.u32(at + layout.QUERY_LOOKUPS, lookups);
    code.u32(at + layout.QUERY_FRAME, frame);
  }
}
