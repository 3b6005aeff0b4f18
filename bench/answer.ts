// What came out of a task, in a form that can be compared: how many events counted, and the rows.

export type Cell = string | number | null | readonly Cell[];

export interface Table {
  /** The columns that name a row; they come first. */
  readonly keys: number;
  readonly rows: readonly (readonly Cell[])[];
  /** How far each further column may be off, relative; 0 where absent. */
  readonly tolerances?: readonly number[];
}

export interface Answer {
  /** Events that counted; null where the contender does not know. */
  readonly events: number | null;
  /** By name; a contender may have fewer than ours. */
  readonly tables: { readonly [name: string]: Table };
}

/** The first difference, as a sentence, or null. `ours` says how far a column may be off. */
export function differenceOf(ours: Answer, theirs: Answer): string | null {
  if (theirs.events !== null && theirs.events !== ours.events) {
    return `${theirs.events} events counted, ${ours.events} by ours`;
  }
  for (const [name, table] of Object.entries(theirs.tables)) {
    const expected = ours.tables[name];
    if (expected === undefined) return `a table ${name} that ours has not`;
    const difference = tableDifference(expected, table);
    if (difference !== null) return `${name}: ${difference}`;
  }
  return null;
}

function tableDifference(ours: Table, theirs: Table): string | null {
  if (ours.rows.length !== theirs.rows.length) {
    return `${theirs.rows.length} rows, ${ours.rows.length} by ours`;
  }
  const nameOf = (row: readonly Cell[]): string => JSON.stringify(row.slice(0, ours.keys));
  const found = new Map(theirs.rows.map((row) => [nameOf(row), row]));
  for (const row of ours.rows) {
    const other = found.get(nameOf(row));
    if (other === undefined) return `no row ${nameOf(row)}`;
    for (let column = ours.keys; column < row.length; column++) {
      const tolerance = ours.tolerances?.[column - ours.keys] ?? 0;
      if (isClose(row[column]!, other[column]!, tolerance)) continue;
      const [left, right] = [JSON.stringify(other[column]), JSON.stringify(row[column])];
      return `row ${nameOf(row)}, column ${column}: ${left}, ${right} by ours`;
    }
  }
  return null;
}

function isClose(ours: Cell, theirs: Cell | undefined, tolerance: number): boolean {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    return (
      ours.length === theirs.length &&
      ours.every((cell: Cell, index) => isClose(cell, theirs[index] as Cell, tolerance))
    );
  }
  if (typeof ours !== "number" || typeof theirs !== "number") return ours === theirs;
  return Math.abs(ours - theirs) <= tolerance * Math.abs(ours);
}
