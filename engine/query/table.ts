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
  didYouMean,
  elementsOf,
  namedOf,
  quote,
  recordOf,
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

export function checkTables(fields: Read[], place: Place | undefined): readonly Table[] {
  if (place === undefined) return [];
  const scope = eventScope(fields, "events");
  return namedOf(place, TABLES_MAX)
    .map(([name, each]) => checkTable(scope, name, each))
    .filter((table) => table !== null);
}

function checkTable(scope: Scope, name: string, place: Place): Table | null {
  const members = recordOf(place, { required: ["from", "key"], optional: ["history"] });
  if (members === null) return null;
  const fromPlace = members.get("from");
  const keyPlace = members.get("key");
  const from = fromPlace === undefined ? [] : checkPatterns(fromPlace);
  const key = keyPlace === undefined ? null : checkPathOrExpression(scope, keyPlace);
  const historyMs = checkDurationOr(members.get("history"), HISTORY_MS_DEFAULT);
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
  return elementsOf(place, LOOKUPS_MAX)
    .map((each) => checkLookup(scope, each, tables, taken))
    .filter((lookup) => lookup !== null);
}

function checkLookup(
  scope: Scope,
  place: Place,
  tables: readonly string[],
  taken: Set<string>,
): Lookup | null {
  const members = recordOf(place, { required: ["table", "on", "as"], optional: [] });
  if (members === null) return null;
  const onPlace = members.get("on");
  const table = checkTableName(members.get("table"), tables);
  const on = onPlace === undefined ? null : checkPathOrExpression(scope, onPlace);
  const as = checkAs(members.get("as"), taken);
  return table === null || on === null || as === null ? null : { table, on, as };
}

function checkTableName(place: Place | undefined, tables: readonly string[]): string | null {
  if (place === undefined) return null;
  const { value } = place;
  if (typeof value !== "string") return place.isNo("a string");
  if (tables.includes(value)) return value;
  return place.add("unknown_table", didYouMean(value, tables) || `Got ${quote(value)}.`);
}

/** The root of the paths into what was found, so it is one name, and nobody else's. */
function checkAs(place: Place | undefined, taken: Set<string>): string | null {
  if (place === undefined) return null;
  const name = checkName(place);
  if (name === null) return null;
  if (name.includes(".")) return place.add("bad_name", "Got a dot: paths begin with it.");
  if (RESERVED_NAMES.includes(name)) return place.add("reserved_name", `Got "${name}".`);
  if (taken.has(name)) return place.add("duplicate_name", `Got ${quote(name)}.`);
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
    if (historyMs >= needMs || query === undefined) continue;
    const detail = `Got ${historyMs} ms when ${quote(query)} looks back ${needMs} ms.`;
    place.child(name).child("history").add("history_too_short", detail);
  }
}
