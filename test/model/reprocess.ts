// Reprocessing, the obvious way: all entries at once, sorted, nothing late. "`reprocess` computes the
// closed windows that touch [from, to) again from the log, late events included (all entries before
// it are known then: lookups see every version, facts are taken in order and none is late)."

import type { Row } from "./aggregate.ts";
import { holds, valueOf } from "./expression.ts";
import { asScalar, canonical, type Json, type JsonObject } from "./json.ts";
import { takesType, type Fact, type QueryJson } from "./plan.ts";
import { endedOf } from "./span.ts";
import type { Table } from "./table.ts";
import { durationMs } from "./time.ts";
import { windowsOf } from "./window.ts";

export interface TrueWindow {
  readonly key: JsonObject;
  readonly start: number;
  readonly end: number;
  readonly rows: readonly Row[];
}

/** Every window that the query has when all is known. */
export function trueWindows(
  query: QueryJson,
  tables: ReadonlyMap<string, Table>,
  facts: readonly Fact[],
): TrueWindow[] {
  const inputs =
    query.span === undefined
      ? facts
          .filter(({ type }) => takesType(query.from!, type))
          .map(({ members, time, position }) => ({ root: members, time, position }))
      : endedOf(query, facts).map(({ root, time }) => ({ root, time, position: 0 }));
  // Nothing is late here, whether or not it was released.
  const rows = inputs.map((input, order) => ({ ...input, order, isReleased: false }));
  const ofKeys = new Map<string, { key: JsonObject; rows: Row[] }>();
  for (const row of rows) {
    let root: JsonObject = row.root;
    for (const { table, on, as } of query.with ?? []) {
      // No clock yet: nothing is forgotten.
      const version = tables.get(table)!.lookUp(valueOf(on, root), row.time, -Infinity);
      root = { ...root, [as]: version };
    }
    if (!holds(query.where, root)) continue;
    const members = Object.entries(query.key).map(([name, path]) => {
      return [name, asScalar(valueOf(path, root))] as const;
    });
    if (members.some(([, value]) => value === null)) continue;
    const key: { [name: string]: Json } = Object.fromEntries(members);
    const own = ofKeys.get(canonical(key)) ?? { key, rows: [] };
    own.rows.push({ ...row, root });
    ofKeys.set(canonical(key), own);
  }
  const windowsOfKey = query.window.kind === "session" ? sessions : fixedWindows;
  return [...ofKeys.values()].flatMap((own) => windowsOfKey(query, own.key, own.rows));
}

function fixedWindows({ window }: QueryJson, key: JsonObject, rows: readonly Row[]): TrueWindow[] {
  const windows = new Map<string, TrueWindow & { rows: Row[] }>();
  for (const row of rows) {
    for (const { start, end } of windowsOf(window, row.time)) {
      if (start === null || end === null) continue;
      const own = windows.get(`${start}/${end}`) ?? { key, start, end, rows: [] };
      own.rows.push(row);
      windows.set(`${start}/${end}`, own);
    }
  }
  return [...windows.values()];
}

function sessions({ window }: QueryJson, key: JsonObject, rows: readonly Row[]): TrueWindow[] {
  const gap = durationMs(window.gap!);
  const found: { key: JsonObject; start: number; end: number; rows: Row[] }[] = [];
  for (const row of rows.toSorted((a, b) => a.time - b.time || a.order - b.order)) {
    const last = found.at(-1);
    if (last !== undefined && row.time <= last.end) {
      last.rows.push(row);
      last.end = row.time + gap;
    } else found.push({ key, start: row.time, end: row.time + gap, rows: [row] });
  }
  return found;
}

interface Placed {
  readonly key: JsonObject;
  readonly start: number | null;
  readonly end: number | null;
}

/** All that hangs together with `first`: of its key, overlapping or touching, however far. */
export function groupOf<T extends Placed>(first: T, all: readonly T[]): Set<T> {
  const group = new Set([first]);
  for (let size = 0; size < group.size;) {
    size = group.size;
    for (const each of all) {
      const meets = [...group].some((other) => {
        const isNear = each.start! <= other.end! && each.end! >= other.start!;
        return isNear && canonical(each.key) === canonical(other.key);
      });
      if (meets) group.add(each);
    }
  }
  return group;
}
