/**
 * A plan: plain data in, either a checked plan or every fault it has. The checked plan has its
 * defaults filled in and its times in ms; nobody behind this file looks at the plan as given, but
 * for `source`.
 */
import { PROGRAM_BYTES_MAX } from "../../assembly/layout.ts";
import { compile } from "./compile.ts";
import { checkDuration, DAY_MS, MINUTE_MS, SECOND_MS } from "./duration.ts";
import type { Read } from "./expression.ts";
import type { PlanFault } from "./plan-fault.ts";
import { FIELDS_MAX, LIMIT_MAX, QUERIES_MAX } from "./plan-limit.ts";
import {
  checkName,
  countOf,
  didYouMean,
  elementsOf,
  inDocumentOrder,
  isRecord,
  namesOf,
  quote,
  typeName,
  valueText,
  Place,
} from "./plan-place.ts";
import { checkQuery, type Query, type QueryContext } from "./query.ts";
import { checkHistories, checkTables, type Table } from "./table.ts";

export type { Aggregate, AggregateFunction } from "./aggregate.ts";
export type { Expression, Literal, Operator } from "./expression.ts";
export type { PlanFault, PlanFaultCode } from "./plan-fault.ts";
export type { Named, Query } from "./query.ts";
export type { Span } from "./span.ts";
export type { Lookup, Table } from "./table.ts";
export type { CalendarUnit, Window } from "./window.ts";

export interface Plan {
  readonly clock: {
    readonly delayMs: number;
    /** Null is "never". */
    readonly idleMs: number | null;
    readonly maxAheadMs: number;
    readonly dedupMs: number;
  };
  readonly limits: {
    readonly keys: number;
    readonly identities: number;
    readonly quarantine: number;
  };
  readonly catalogue: string | null;
  readonly tables: readonly Table[];
  readonly queries: readonly Query[];
  /** The plan as given, as JSON in the order of its members: what a fingerprint is taken of. */
  readonly source: string;
}

export type PlanCheck =
  | { readonly plan: Plan; readonly faults: readonly [] }
  | { readonly plan: null; readonly faults: readonly PlanFault[] };

/** Every fault of the plan in document order, or the plan with its defaults filled in. */
export function checkPlan(input: unknown, catalogues: readonly string[] = []): PlanCheck {
  const root = new Place(input);
  const checked = checkMembers(root, catalogues);
  if (checked === null || root.faults.length > 0) {
    return { plan: null, faults: inDocumentOrder(root.faults, input) };
  }
  // Not canonical: the order of aggregates and key members is that of what people read, and of
  // the state's layout. What was checked, and not what a `toJSON` would put in its place.
  const source = JSON.stringify(input, function (this: { [name: string]: unknown }, name) {
    return this[name];
  });
  const plan = { ...checked, source };
  const { bytes } = compile(plan, new Uint8Array(16));
  if (bytes.length <= PROGRAM_BYTES_MAX) return { plan, faults: [] };
  root.add(
    "plan_too_large",
    `Its program takes ${bytes.length} bytes when ${PROGRAM_BYTES_MAX} fit.`,
  );
  return { plan: null, faults: root.faults };
}

function checkMembers(root: Place, catalogues: readonly string[]): Omit<Plan, "source"> | null {
  const { value } = root;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return root.add("expected_object", `Got ${typeName(value)}.`);
  }
  isRecord(root, ["version", "queries"], ["clock", "limits", "catalogue", "tables"]);
  const version = root.child("version");
  if (version.value !== undefined && version.value !== 1) {
    version.add("unsupported_version", `Got ${valueText(version.value)}.`);
  }
  const clock = checkClock(root.child("clock"));
  const limits = checkLimits(root.child("limits"));
  const catalogue = root.member("catalogue", (name) => checkCatalogue(name, catalogues), null);
  const fields: Read[] = [];
  const tables = root.member("tables", (place) => checkTables(fields, place), []);
  const tableNames = namesOf(root.child("tables"));
  const context = { fields, tables: tableNames, names: new Set<string>(), lookBacks: [] };
  const queries = root.member("queries", (place) => checkQueries(context, place), []);
  checkHistories(root.child("tables"), tables, context.lookBacks);
  checkFieldCount(root, fields);
  return { clock, limits, catalogue, tables, queries };
}

function checkQueries(context: QueryContext, place: Place): readonly Query[] {
  const elements = elementsOf(place, QUERIES_MAX, { code: "empty_list" });
  return elements.flatMap((each) => checkQuery(context, each));
}

function checkClock(place: Place): Plan["clock"] {
  if (place.value !== undefined) isRecord(place, [], ["delay", "idle", "maxAhead", "dedup"]);
  const isEver = place.child("idle").value !== "never";
  return {
    delayMs: place.number("delay", checkDuration, 0),
    idleMs: isEver ? place.number("idle", checkDuration, 30 * SECOND_MS) : null,
    maxAheadMs: place.number("maxAhead", checkDuration, 5 * MINUTE_MS),
    dedupMs: place.number("dedup", checkDuration, 7 * DAY_MS),
  };
}

function checkLimits(place: Place): Plan["limits"] {
  if (place.value !== undefined) isRecord(place, [], ["keys", "identities", "quarantine"]);
  const checkLimit = (limit: Place): number | null => countOf(limit, LIMIT_MAX, "bad_limit");
  return {
    keys: place.number("keys", checkLimit, 1_048_576),
    identities: place.number("identities", checkLimit, 4_194_304),
    quarantine: place.number("quarantine", checkLimit, 10_000),
  };
}

function checkCatalogue(place: Place, catalogues: readonly string[]): string | null {
  const name = checkName(place);
  if (name === null) return null;
  // A catalogue that is there cannot be run yet; whether it is there is told first.
  if (catalogues.includes(name)) return place.add("not_supported_yet", "Got one.");
  const hint = didYouMean(name, catalogues) || `Got ${quote(name)}.`;
  return place.add("unknown_catalogue", hint);
}

/** The fault stands where a reader of the plan meets the first path too many. */
function checkFieldCount(root: Place, fields: readonly Read[]): void {
  const count = new Set(fields.map(({ text }) => text)).size;
  if (count <= FIELDS_MAX) return;
  const seen = new Set<string>();
  const inOrder = inDocumentOrder(fields, root.value);
  const first = inOrder.find(({ text }) => seen.add(text).size > FIELDS_MAX);
  const detail = `Got ${count} different paths when at most ${FIELDS_MAX} fit.`;
  new Place(null, first!.pointer, root.faults).add("too_many", detail);
}
