// Two states of a view beside each other: which rows stand otherwise. Of a large view that takes a
// while, so it goes in steps, between which its caller may let others come.

import { canonical } from "../event/canonical.ts";
import type { Json } from "../event/envelope.ts";
import type { Steps } from "../store/steps.ts";
import type { Key, Row } from "./change.ts";
import type { RowPlace } from "./decoder.ts";

export const STEP_ROWS = 1000;

export interface Compared {
  /** Rows that stand no more or otherwise: as they stood, as they stand; in the views' order. */
  readonly was: readonly Row[];
  readonly is: readonly Row[];
  /** Of `was` those in whose place none stands. */
  readonly gone: readonly Row[];
}

export function* compareRows(before: Iterable<Row>, after: Iterable<Row>): Steps<Compared> {
  const idOf = identities();
  const old = new Map<string, Row>();
  const changed = new Set<Row>();
  const is: Row[] = [];
  let count = 0;
  for (const row of before) {
    old.set(idOf(row), row);
    if (++count % STEP_ROWS === 0) yield STEP_ROWS;
  }
  for (const row of after) {
    const id = idOf(row);
    const known = old.get(id);
    if (known !== undefined && isSame(known, row)) {
      old.delete(id);
    } else {
      is.push(row);
      if (known !== undefined) changed.add(known);
    }
    if (++count % STEP_ROWS === 0) yield STEP_ROWS;
  }
  const was = [...old.values()];
  return { was, is, gone: was.filter((row) => !changed.has(row)) };
}

/** Which row of a view; rows that were told together share the objects of their keys. */
function identities(): (place: RowPlace) => string {
  const texts = new Map<Key, string>();
  return ({ key, window: { start, end } }) => {
    const known = texts.get(key) ?? canonical({ ...key });
    texts.set(key, known);
    return `${start}/${end}/${known}`;
  };
}

/** Of two rows of one place. */
function isSame(a: Row, b: Row): boolean {
  if (a.final !== b.final || a.revision !== b.revision) return false;
  if (JSON.stringify(a.value) === JSON.stringify(b.value)) return true;
  return canonical(a.value as unknown as Json) === canonical(b.value as unknown as Json);
}
