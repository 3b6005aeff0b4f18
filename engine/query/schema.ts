// Schemas: what events of a type must have in their `data`, as a table of fields that both lanes of
// ingest check alike: the strict one (schema-fault.ts), and the scan, for which it is written into
// the program (assembly/check.ts). What such a table cannot say is for a validator. No plan names a
// schema yet: a catalogue will bring them, and with them this file, which nobody else has to load.

import { encoder } from "../event/utf8.ts";
import * as layout from "../../assembly/layout.ts";
import type { JsonObject } from "../event/envelope.ts";
import type { EventFault } from "../event/fault.ts";
import type { Code } from "./code.ts";
import type { Path } from "./frame.ts";
import { schemaFault } from "./schema-fault.ts";

/** A member of `data`, or of an object in it. Null is absent. */
export interface SchemaField {
  /** Dotted, as in a plan, and begins with `data.`: no path enters an array. */
  readonly path: string;
  readonly type: "string" | "number" | "boolean" | "object" | "array";
  /** Whether it must be there where the object is in which it stands. */
  readonly required?: boolean;
  /** Of a string: all that it may be. */
  readonly values?: readonly string[];
  /** Of a string, both inclusive, in characters (Unicode code points, once unescaped). */
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface Schema {
  /** The whole event type: no pattern. */
  readonly type: string;
  /** In the order in which a fault is looked for. */
  readonly fields: readonly SchemaField[];
}

const KINDS: { readonly [type in SchemaField["type"]]: number } = {
  string: 1 << layout.TAG_STRING,
  number: 1 << layout.TAG_NUMBER,
  boolean: (1 << layout.TAG_TRUE) | (1 << layout.TAG_FALSE),
  object: 1 << layout.TAG_COMPOSITE,
  array: 1 << layout.TAG_LIST,
};
const ANY_LENGTH = 0xffffffff;

/** The schemas of some types; an event of another type is as it likes. */
export class Schemas {
  readonly #byType = new Map<string, Schema>();

  /** RangeError for two of one type, and for what no schema can ask. */
  constructor(schemas: readonly Schema[]) {
    for (const schema of schemas) {
      const { type, fields } = schema;
      if (this.#byType.has(type)) throw new RangeError(`Got two schemas for ${type}.`);
      for (const field of fields) assertSound(field);
      this.#byType.set(type, schema);
    }
  }

  /** Writes the checks of each; their offsets, by type. */
  compile(code: Code, fieldOf: (path: Path) => number): ReadonlyMap<string, number> {
    const offsets = new Map<string, number>();
    for (const { type, fields } of this.#byType.values()) {
      const checks = code.counted(fields, 8, layout.CHECK_BYTES, (at, field) => {
        writeCheck(code, field, fieldOf, at);
      });
      offsets.set(type, checks);
    }
    return offsets;
  }

  /** What is wrong with an event whose envelope is as it should be; null where nothing is. */
  fault(event: JsonObject, eventType: string): EventFault | null {
    const schema = this.#byType.get(eventType);
    return schema === undefined ? null : schemaFault(schema, event);
  }
}

function writeCheck(
  code: Code,
  field: SchemaField,
  fieldOf: (path: Path) => number,
  at: number,
): void {
  const { type, required = false, values, minLength = 0, maxLength = ANY_LENGTH } = field;
  const path = field.path.split(".");
  const placeOf = (of: Path): number => fieldOf(of) * layout.VALUE_BYTES;
  const isInner = path.length > 2;
  const kinds = required ? KINDS[type] : KINDS[type] | (1 << layout.TAG_NULL);
  code.u32(at + layout.CHECK_VALUE, placeOf(path));
  code.u32(at + layout.CHECK_KINDS, kinds);
  const object = isInner ? placeOf(path.slice(0, -1)) : layout.CHECK_IN_DATA;
  code.u32(at + layout.CHECK_OBJECT, object);
  code.u32(at + layout.CHECK_LEAST, minLength);
  code.u32(at + layout.CHECK_MOST, maxLength);
  if (values !== undefined) code.u32(at + layout.CHECK_VALUES, writeValues(code, values));
}

function writeValues(code: Code, values: readonly string[]): number {
  return code.counted(values, 4, 8, (at, value) => {
    const bytes = encoder.encode(value);
    code.u32(at, code.text(bytes));
    code.u32(at + 4, bytes.length);
  });
}

function assertSound({ path, type, values, minLength, maxLength }: SchemaField): void {
  const names = path.split(".");
  if (names.length < 2 || names[0] !== "data" || names.includes("")) {
    throw new RangeError(`Got the path ${JSON.stringify(path)} when it begins with "data.".`);
  }
  const isOfText = [values, minLength, maxLength].some((each) => each !== undefined);
  if (isOfText && type !== "string") {
    throw new RangeError(`Got values or lengths at ${path}, which is no string.`);
  }
  for (const length of [minLength ?? 0, maxLength ?? 0]) {
    if (Number.isInteger(length) && length >= 0 && length <= layout.LINE_BYTES_MAX) continue;
    throw new RangeError(`Got the length ${length} at ${path}: no string of an event has it.`);
  }
}
