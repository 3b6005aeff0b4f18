/**
 * A place in the plan: a value, the pointer to it, and the list of the plan's faults. Every check
 * reads the plan through this file, so that a pointer is never put together twice, only own members
 * are seen, and a fault is told once. It decides what an object, a list and a name are; it knows no
 * member of any plan.
 *
 * A check gives what it read even where it told a fault, since nobody takes a plan that has one. A
 * number at fault is NaN: no comparison holds of it, so nothing more is said.
 */
import { pointerTo } from "../event/fault.ts";
import { utf8Length } from "../event/utf8.ts";
import { PLAN_FAULTS, type PlanFault, type PlanFaultCode } from "./plan-fault.ts";
import { NAME_BYTES_MAX } from "./plan-limit.ts";

export class Place {
  readonly value: unknown;
  readonly pointer: string;
  /** Of the whole plan, so far. */
  readonly faults: PlanFault[];

  constructor(value: unknown, pointer = "", faults: PlanFault[] = []) {
    this.value = value;
    this.pointer = pointer;
    this.faults = faults;
  }

  /** Tells a fault of this place. Null, so that a check can end with it. */
  add(code: PlanFaultCode, detail = ""): null {
    const sentence = PLAN_FAULTS[code];
    const message = detail === "" ? sentence : `${sentence} ${detail}`;
    this.faults.push({ code, pointer: this.pointer, message });
    return null;
  }

  /** Tells that another type is needed here. */
  isNo(expected: string, hint = ""): null {
    return this.add("wrong_type", `Got ${typeName(this.value)} when expected ${expected}.${hint}`);
  }

  child(name: string | number): Place {
    const { value } = this;
    // Of its own, and one that its JSON has.
    const hasMembers = typeof value === "object" && value !== null;
    const own = hasMembers && {}.propertyIsEnumerable.call(value, name);
    const inner = own ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
    return new Place(inner, pointerTo(this.pointer, name), this.faults);
  }

  /** What `check` reads of a member; `otherwise` where it is absent, as an undefined one is. */
  member<Read, Otherwise>(
    name: string,
    check: (place: Place) => Read,
    otherwise: Otherwise,
  ): Read | Otherwise {
    const place = this.child(name);
    return place.value === undefined ? otherwise : check(place);
  }

  /** The same of a number, NaN where it is at fault, or absent when it must be there. */
  number(name: string, check: (place: Place) => number | null, otherwise = NaN): number {
    return this.member(name, check, otherwise) ?? NaN;
  }
}

export function isObject(place: Place): boolean {
  const { value } = place;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return true;
  place.isNo("an object");
  return false;
}

/** The names of the members that are there. */
export function namesOf(place: Place): readonly string[] {
  return Object.keys(place.value ?? {}).filter((name) => place.child(name).value !== undefined);
}

/** Whether it is an object; unknown and missing members are faults. */
export function isRecord(
  place: Place,
  required: readonly string[],
  optional: readonly string[],
): boolean {
  if (!isObject(place)) return false;
  const names = [...required, ...optional];
  for (const name of namesOf(place)) {
    if (names.includes(name)) continue;
    place.child(name).add("unknown_member", didYouMean(name, names) || `Got ${quote(name)}.`);
  }
  for (const name of required) {
    const member = place.child(name);
    if (member.value !== undefined) continue;
    // The one member whose absence is a decision not taken; the others are just forgotten.
    member.add(name === "grace" ? "grace_required" : "missing_member", `Add "${name}".`);
  }
  return true;
}

/** The word that says which other members an object has; null where there is none. */
export function kindOf<Word extends string>(
  place: Place,
  name: string,
  table: { readonly [word in Word]: unknown },
  code: PlanFaultCode,
): Word | null {
  if (!isObject(place)) return null;
  const kind = place.child(name);
  if (kind.value === undefined) return kind.add("missing_member", `Add "${name}".`);
  return wordOf(kind, table, code);
}

/** The elements of a list, at most `max` of them. `empty`: what it is at fault if it has none. */
export function elementsOf(
  place: Place,
  max: number,
  empty?: { readonly code: PlanFaultCode; readonly detail?: string },
): readonly Place[] {
  const { value } = place;
  if (!Array.isArray(value)) {
    place.isNo("a list");
    return [];
  }
  if (value.length === 0 && empty !== undefined) place.add(empty.code, empty.detail);
  limitOf(place, value.length, max);
  const count = Math.min(value.length, max);
  return Array.from({ length: count }, (_, index) => place.child(index));
}

/**
 * The named members of an object whose names are the plan's own, at most `max` of them. `example`
 * of one, where it needs any.
 */
export function namedOf(place: Place, max: number, example?: string): readonly [string, Place][] {
  if (!isObject(place)) return [];
  const names = namesOf(place);
  if (names.length === 0 && example !== undefined) place.add("empty_list", example);
  limitOf(place, names.length, max);
  return names.slice(0, max).map((name) => {
    const member = place.child(name);
    checkName(member, name);
    return [name, member];
  });
}

/** An integer from 1 to `max`. */
export function countOf(place: Place, max: number, code: PlanFaultCode): number | null {
  const { value } = place;
  const isInteger = typeof value === "number" && Number.isInteger(value);
  if (isInteger && value >= 1 && value <= max) return value;
  return place.add(code, `Got ${valueText(value)}.`);
}

/** The place's value, or the name under which it stands, as a name. */
export function checkName(place: Place, value = place.value): string | null {
  if (typeof value !== "string") return place.isNo("a name");
  if (value === "__proto__") return place.add("forbidden_name");
  if (value === "") return place.add("bad_name", "Got an empty one.");
  if (!value.isWellFormed()) return place.add("bad_name", "Got a lone surrogate.");
  const bytes = utf8Length(value);
  if (bytes > NAME_BYTES_MAX) return place.add("bad_name", `Got ${bytes} bytes.`);
  return value;
}

/** One of the words that a table has. */
export function wordOf<Word extends string>(
  place: Place,
  table: { readonly [word in Word]: unknown },
  code: PlanFaultCode,
): Word | null {
  const { value } = place;
  if (typeof value !== "string") return place.isNo("a string");
  if (Object.hasOwn(table, value)) return value as Word;
  return place.add(code, didYouMean(value, Object.keys(table)) || `Got ${quote(value)}.`);
}

/** `Got "gaps". Did you mean "gap"?`, or nothing where nothing is near. */
export function didYouMean(got: string, names: readonly string[]): string {
  const wanted = got.toLowerCase();
  for (let edits = 0; edits <= 3; edits++) {
    const near = names.find((name) => {
      const isAllowed = edits <= Math.max(1, Math.floor(name.length / 3));
      return isAllowed && isNear(wanted, name.toLowerCase(), edits);
    });
    if (near !== undefined) return `Got ${quote(got)}. Did you mean ${quote(near)}?`;
  }
  return "";
}

export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value === undefined) return "nothing";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A number or a string as it is, of anything else what it is. */
export function valueText(value: unknown): string {
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? quote(value) : typeName(value);
}

/** A string of the plan in a message, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}

function limitOf(place: Place, count: number, max: number): void {
  if (count > max) place.add("too_many", `Got ${count} when at most ${max} fit.`);
}

/** Whether so few edits make one of the other; two swapped neighbours are one edit. */
function isNear(a: string, b: string, edits: number): boolean {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const [one, other] = [a.slice(same), b.slice(same)];
  if (edits === 0 || one === other) return one === other;
  const isSwapped = one[0] === other[1] && one[1] === other[0];
  return (
    isNear(one.slice(1), other.slice(1), edits - 1) ||
    isNear(one.slice(1), other, edits - 1) ||
    isNear(one, other.slice(1), edits - 1) ||
    (isSwapped && isNear(one.slice(2), other.slice(2), edits - 1))
  );
}

/** In the order in which a reader of the plan meets the pointers; what is missing comes last. */
export function inDocumentOrder<Item extends { readonly pointer: string }>(
  items: readonly Item[],
  input: unknown,
): readonly Item[] {
  const orders = new Map<object, ReadonlyMap<string, number>>();
  const ranked = items.map((item) => ({ item, rank: rankOf(item.pointer, input, orders) }));
  return ranked.sort((a, b) => compareRanks(a.rank, b.rank)).map(({ item }) => item);
}

/** The place of each name on the way among its siblings. */
function rankOf(
  pointer: string,
  input: unknown,
  orders: Map<object, ReadonlyMap<string, number>>,
): readonly number[] {
  const rank: number[] = [];
  let place = new Place(input);
  for (const segment of pointer.split("/").slice(1)) {
    const name = segment.replaceAll("~1", "/").replaceAll("~0", "~");
    const { value } = place;
    if (Array.isArray(value)) {
      rank.push(Number(name));
    } else if (typeof value === "object" && value !== null) {
      let order = orders.get(value);
      if (order === undefined) {
        order = new Map(Object.keys(value).map((key, index) => [key, index]));
        orders.set(value, order);
      }
      rank.push(order.get(name) ?? Infinity);
    }
    place = place.child(name);
  }
  return rank;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const count = Math.min(a.length, b.length);
  for (let index = 0; index < count; index++) {
    const left = a[index] ?? 0;
    const right = b[index] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
