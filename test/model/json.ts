// JSON as the semantics see it: canonical text (RFC 8785), scalars, and the order of strings.

export type Scalar = null | boolean | number | string;
export type Json = Scalar | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 8785: members sorted by UTF-16 units, no white space, numbers as ECMAScript prints them. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((each: Json) => canonical(each)).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name]!)}`).join(",")}}`;
}

/** "by UTF-8 bytes", which is the order of code points. */
export function compareUtf8(a: string, b: string): number {
  const left = [...a].map((each) => each.codePointAt(0)!);
  const right = [...b].map((each) => each.codePointAt(0)!);
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    if (left[index] !== right[index]) return left[index]! - right[index]!;
  }
  return left.length - right.length;
}

/** "Arrays and objects count as null in keys, `on`, `first`, `last`, `top` and `distinct`." */
export function asScalar(value: Json): Scalar {
  return typeof value === "object" ? null : value;
}

/** Own members only, and "a path does not enter arrays". What is missing is null. */
export function readPath(root: Json, path: string): Json {
  let value: Json = root;
  for (const name of path.split(".")) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return null;
    value = value[name]!;
  }
  return value;
}
