// The strict lane's check of an event against the schema of its type: the first fault in the order
// of the schema's fields. assembly/check.ts checks the same, and tells no more than whether.

import type { Json, JsonObject } from "../event/envelope.ts";
import { isObject } from "../event/envelope.ts";
import { eventFault, pointerTo, type EventFault } from "../event/fault.ts";
import type { Schema, SchemaField } from "./schema.ts";

/** Null where the event fits. */
export function schemaFault(schema: Schema, event: JsonObject): EventFault | null {
  const field = schema.fields.find((each) => !fits(each, event));
  if (field === undefined) return null;
  const pointer = field.path.split(".").reduce(pointerTo, "");
  return eventFault("schema_mismatch", pointer, expected(field));
}

function fits(field: SchemaField, event: JsonObject): boolean {
  const path = field.path.split(".");
  const name = path.pop()!;
  let object: Json | undefined = event;
  for (const each of path) object = isObject(object) ? object[each] : undefined;
  // Where no object is, none of its members is asked for.
  if (!isObject(object)) return true;
  const value = object[name] ?? null;
  if (value === null) return field.required !== true;
  if (typeof value !== "string") return typeName(value) === field.type;
  if (field.type !== "string") return false;
  const { values, minLength = 0, maxLength = Infinity } = field;
  if (values?.includes(value) === false) return false;
  const characters = charactersIn(value);
  return characters >= minLength && characters <= maxLength;
}

function typeName(value: Exclude<Json, null | string>): string {
  return Array.isArray(value) ? "array" : typeof value;
}

/** Code points: a pair of surrogates is one. */
function charactersIn(text: string): number {
  let characters = 0;
  for (const _ of text) characters++;
  return characters;
}

function expected({ type, values, minLength, maxLength }: SchemaField): string {
  if (values !== undefined) return "one of the values that it lists";
  const article = /^[aeiou]/.test(type) ? "an" : "a";
  if (minLength === undefined && maxLength === undefined) return `${article} ${type}`;
  if (maxLength === undefined) return `a string of at least ${minLength} characters`;
  return `a string of ${minLength ?? 0} to ${maxLength} characters`;
}
