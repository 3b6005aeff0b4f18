/**
 * Tables and the `with`s that look them up. A table keeps its history at least as long as anyone
 * who looks it up may come late: that rule joins all queries, so it is checked after them.
 */
import { MEMBERS } from "../event/envelope.ts";
import { checkDuration, DAY_MS } from "./duration.ts";
import { checkPatterns } from "./event-pattern.ts";
import {
  checkPathOrExpression,
  eventScope,
  NOTHING,
  type Expression,
  type Read,
  type Scope,
} from "./expression.ts";
import { LOOKUPS_MAX, TABLES_MAX } from "./plan-limit.ts";
import {
  checkName,
  didYouMean,
  elementsOf,
  isRecord,
  namedOf,
  quote,
  type Place,
} from "./plan-place.ts";

export interface Table {
  readonly name: string;
  readonly from: readonly string[];
  readonly key: Expression;
  readonly historyMs: number;
}

export interface Lookup {
  readonly table: string;
  readonly on: Expression;
  readonly as: string;
}

/** How long a query may look back into a table, and which query that is. */
export interface LookBack {
  readonly table: string;
  readonly query: string;
  readonly ms: number;
}

const HISTORY_MS_DEFAULT = 7 * DAY_MS;

const RESERVED_NAMES: readonly string[] = [...MEMBERS, "span", "from", "to"];

export function checkTables(fields: Read[], place: Place): readonly Table[] {
  const scope = eventScope(fields, "events");
  return namedOf(place, TABLES_MAX).flatMap(([name, each]) => checkTable(scope, name, each));
}

/** One table, or none where it is no object. */
function checkTable(scope: Scope, name: string, place: Place): Table[] {
  if (!isRecord(place, ["from", "key"], ["history"])) return [];
  const from = place.member("from", checkPatterns, []);
  const key = place.member("key", (each) => checkPathOrExpression(scope, each), NOTHING);
  const historyMs = place.number("history", checkDuration, HISTORY_MS_DEFAULT);
  return [{ name, from, key, historyMs }];
}

/** The `with` of a query, in its order. `tables` are the names that the plan has, good or not. */
export function checkLookups(
  scope: Scope,
  place: Place,
  tables: readonly string[],
): readonly Lookup[] {
  const taken = new Set<string>();
  return elementsOf(place, LOOKUPS_MAX).map((each) => {
    isRecord(each, ["table", "on", "as"], []);
    return {
      table: each.member("table", (table) => checkTableName(table, tables), ""),
      on: each.member("on", (on) => checkPathOrExpression(scope, on), NOTHING),
      as: each.member("as", (as) => checkAs(as, taken), ""),
    };
  });
}

function checkTableName(place: Place, tables: readonly string[]): string {
  const { value } = place;
  if (typeof value !== "string") place.isNo("a string");
  else if (tables.includes(value)) return value;
  else place.add("unknown_table", didYouMean(value, tables) || `Got ${quote(value)}.`);
  return "";
}

/** The root of the paths into what was found, so it is one name, and nobody else's. */
function checkAs(place: Place, taken: Set<string>): string {
  const name = checkName(place);
  if (name === null) return "";
  if (name.includes(".")) place.add("bad_name", "Got a dot: paths begin with it.");
  else if (RESERVED_NAMES.includes(name)) place.add("reserved_name", `Got "${name}".`);
  else if (taken.has(name)) place.add("duplicate_name", `Got ${quote(name)}.`);
  taken.add(name);
  return name;
}

/** `place` is that of the plan's `tables`. One fault a table, naming the query that needs most. */
export function checkHistories(
  place: Place,
  tables: readonly Table[],
  lookBacks: readonly LookBack[],
): void {
  for (const { name, historyMs } of tables) {
    const own = lookBacks.filter(({ table }) => table === name);
    const needMs = Math.max(0, ...own.map(({ ms }) => ms));
    const query = own.find(({ ms }) => ms === needMs)?.query;
    if (!(historyMs < needMs) || query === undefined) continue;
    const detail = `Got ${historyMs} ms when ${quote(query)} looks back ${needMs} ms.`;
    place.child(name).child("history").add("history_too_short", detail);
  }
}
