/**
 * Tables and the `with`s that look them up. A table keeps its history at least as long as anyone
 * who looks it up may come late: that rule joins all queries, so it is checked after them.
 */
import { checkDurationOr, DAY_MS } from "./duration.ts";
import { checkPatterns } from "./event-pattern.ts";
import {
  checkPathOrExpression,
  eventScope,
  type Expression,
  type Read,
  type Scope,
} from "./expression.ts";
import { LOOKUPS_MAX, TABLES_MAX } from "./plan-limit.ts";
import {
  checkName,
  childOf,
  didYouMean,
  elementsOf,
  namedOf,
  quote,
  recordOf,
  typeName,
  type FaultList,
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

const RESERVED_NAMES = [
  "eventId",
  "eventType",
  "eventVersion",
  "eventTime",
  "correlationId",
  "causationId",
  "source",
  "data",
  "span",
  "from",
  "to",
];

export function checkTables(
  list: FaultList,
  fields: Read[],
  place: Place | undefined,
): readonly Table[] {
  if (place === undefined) return [];
  const scope = eventScope(list, fields, "events");
  return namedOf(list, place, TABLES_MAX)
    .map(([name, each]) => checkTable(scope, name, each))
    .filter((table) => table !== null);
}

function checkTable(scope: Scope, name: string, place: Place): Table | null {
  const { list } = scope;
  const members = recordOf(list, place, { required: ["from", "key"], optional: ["history"] });
  if (members === null) return null;
  const fromPlace = members.get("from");
  const keyPlace = members.get("key");
  const from = fromPlace === undefined ? [] : checkPatterns(list, fromPlace);
  const key = keyPlace === undefined ? null : checkPathOrExpression(scope, keyPlace);
  const historyMs = checkDurationOr(list, members.get("history"), HISTORY_MS_DEFAULT);
  return key === null || historyMs === null ? null : { name, from, key, historyMs };
}

/** The `with` of a query, in its order. `tables` are the names that the plan has, good or not. */
export function checkLookups(
  scope: Scope,
  place: Place | undefined,
  tables: readonly string[],
): readonly Lookup[] {
  if (place === undefined) return [];
  const taken = new Set<string>();
  return elementsOf(scope.list, place, LOOKUPS_MAX)
    .map((each) => checkLookup(scope, each, tables, taken))
    .filter((lookup) => lookup !== null);
}

function checkLookup(
  scope: Scope,
  place: Place,
  tables: readonly string[],
  taken: Set<string>,
): Lookup | null {
  const { list } = scope;
  const members = recordOf(list, place, { required: ["table", "on", "as"], optional: [] });
  if (members === null) return null;
  const onPlace = members.get("on");
  const table = checkTableName(list, members.get("table"), tables);
  const on = onPlace === undefined ? null : checkPathOrExpression(scope, onPlace);
  const as = checkAs(list, members.get("as"), taken);
  return table === null || on === null || as === null ? null : { table, on, as };
}

function checkTableName(
  list: FaultList,
  place: Place | undefined,
  tables: readonly string[],
): string | null {
  if (place === undefined) return null;
  const { value, pointer } = place;
  if (typeof value !== "string") {
    return list.add("wrong_type", pointer, `Got ${typeName(value)} when expected a string.`);
  }
  if (tables.includes(value)) return value;
  return list.add("unknown_table", pointer, didYouMean(value, tables) || `Got ${quote(value)}.`);
}

/** The root of the paths into what was found, so it is one name, and nobody else's. */
function checkAs(list: FaultList, place: Place | undefined, taken: Set<string>): string | null {
  if (place === undefined) return null;
  const { pointer } = place;
  const name = checkName(list, place.value, pointer);
  if (name === null) return null;
  if (name.includes(".")) return list.add("bad_name", pointer, "Got a dot: paths begin with it.");
  if (RESERVED_NAMES.includes(name)) return list.add("reserved_name", pointer, `Got "${name}".`);
  if (taken.has(name)) return list.add("duplicate_name", pointer, `Got ${quote(name)}.`);
  taken.add(name);
  return name;
}

/** `place` is that of the plan's `tables`. One fault a table, naming the query that needs most. */
export function checkHistories(
  list: FaultList,
  place: Place,
  tables: readonly Table[],
  lookBacks: readonly LookBack[],
): void {
  for (const { name, historyMs } of tables) {
    const own = lookBacks.filter(({ table }) => table === name);
    const needMs = Math.max(0, ...own.map(({ ms }) => ms));
    const query = own.find(({ ms }) => ms === needMs)?.query;
    if (historyMs >= needMs || query === undefined) continue;
    const { pointer } = childOf(childOf(place, name), "history");
    const detail = `Got ${historyMs} ms when ${quote(query)} looks back ${needMs} ms.`;
    list.add("history_too_short", pointer, detail);
  }
}
