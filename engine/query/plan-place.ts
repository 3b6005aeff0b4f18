/**
 * A place in the plan: a value, the pointer to it, and the list of the plan's faults. Every check
 * reads the plan through this file, so that a pointer is never put together twice, only own members
 * are seen, and a fault is told once. It decides what an object, a list and a name are; it knows no
 * member of any plan.
 */
import { utf8Length } from "../event/utf8.ts";
import { PLAN_FAULTS, type PlanFault, type PlanFaultCode } from "./plan-fault.ts";
import { NAME_BYTES_MAX } from "./plan-limit.ts";

export type Members = ReadonlyMap<string, Place>;

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
    const own = typeof value === "object" && value !== null && Object.hasOwn(value, name);
    const escaped = String(name).replaceAll("~", "~0").replaceAll("/", "~1");
    const inner = own ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
    return new Place(inner, `${this.pointer}/${escaped}`, this.faults);
  }
}

/** All members of an object, by their own names. An undefined member is absent, as in JSON. */
export function membersOf(place: Place): Members | null {
  const { value } = place;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return place.isNo("an object");
  }
  const members = new Map<string, Place>();
  for (const name of Object.keys(value)) {
    const child = place.child(name);
    if (child.value !== undefined) members.set(name, child);
  }
  return members;
}

/** The members of an object that knows its names: unknown and missing ones are faults. */
export function recordOf(
  place: Place,
  known: { readonly required: readonly string[]; readonly optional: readonly string[] },
): Members | null {
  const members = membersOf(place);
  if (members === null) return null;
  const names = [...known.required, ...known.optional];
  for (const [name, member] of members) {
    if (!names.includes(name))
      member.add("unknown_member", didYouMean(name, names) || `Got ${quote(name)}.`);
  }
  for (const name of known.required) {
    if (members.has(name)) continue;
    // The one member whose absence is a decision not taken; the others are just forgotten.
    const code = name === "grace" ? "grace_required" : "missing_member";
    place.child(name).add(code, `Add "${name}".`);
  }
  return members;
}

/** The elements of a list, at most `max` of them. */
export function elementsOf(place: Place, max: number): readonly Place[] {
  const { value } = place;
  if (!Array.isArray(value)) {
    place.isNo("a list");
    return [];
  }
  limitOf(place, value.length, max);
  const count = Math.min(value.length, max);
  return Array.from({ length: count }, (_, index) => place.child(index));
}

/** The named members of an object whose names are the plan's own, at most `max` of them. */
export function namedOf(place: Place, max: number): readonly [string, Place][] {
  const members = membersOf(place);
  if (members === null) return [];
  limitOf(place, members.size, max);
  const named = [...members].slice(0, max);
  for (const [name, member] of named) checkName(member, name);
  return named;
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

/** One of a few words. */
export function wordOf<Word extends string>(
  place: Place,
  words: readonly Word[],
  code: PlanFaultCode,
): Word | null {
  const { value } = place;
  if (typeof value !== "string") return place.isNo("a string");
  const word = words.find((each) => each === value);
  return word ?? place.add(code, didYouMean(value, words) || `Got ${quote(value)}.`);
}

/** `Got "gaps". Did you mean "gap"?`, or nothing where nothing is near. */
export function didYouMean(got: string, names: readonly string[]): string {
  const wanted = got.toLowerCase();
  let best = "";
  let bestDistance = Infinity;
  for (const name of names) {
    const allowed = Math.max(1, Math.min(3, Math.floor(name.length / 3)));
    if (Math.abs(name.length - got.length) > allowed) continue;
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance > allowed || distance >= bestDistance) continue;
    best = name;
    bestDistance = distance;
  }
  return best === "" ? "" : `Got ${quote(got)}. Did you mean ${quote(best)}?`;
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

/** Levenshtein's, two swapped neighbours counted as one edit. Both words are short. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + change,
      );
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    before = above;
    above = current;
  }
  return above[b.length] ?? 0;
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
