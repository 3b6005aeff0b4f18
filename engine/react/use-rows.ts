// `millrace/react`: the rows of a view in a component, which renders again when a push touched rows
// of its own filter, and not otherwise. React is the reader's; nothing here brings it along.

import { useMemo, useSyncExternalStore } from "react";
import type { Key, Row } from "../live/change.ts";
import { rowsToBegin, type RowDelta, type RowSource } from "../live/mirror.ts";
import { isIn, type RowFilter } from "../live/view.ts";
import { checkKey } from "../store/asked.ts";

export interface UseRowsOptions extends RowFilter {
  /**
   * The rows that the server rendered, for rendering there and while the page takes over; the
   * source's own where absent.
   */
  readonly serverRows?: readonly Row[];
}

const NO_ROWS: readonly Row[] = [];

/**
 * The rows of `query` in the order of the view, those of the filter only: the same array until one
 * of them changes. None while `source` is null, as before an engine is open.
 */
export function useRows(
  source: RowSource | null,
  query: string,
  options: UseRowsOptions = {},
): readonly Row[] {
  // A filter that is written anew at each rendering is the same filter.
  const { key = null, from = null, to = null, serverRows } = options;
  // As text, a member without a value would be none, and all rows those that are asked for.
  if (key !== null) checkKey(key, Object.keys(key));
  const filterText = JSON.stringify([key, from, to]);
  const followed = useMemo(
    () => new FollowedRows(source, query, filterOf(filterText)),
    [source, query, filterText],
  );
  const readOnServer = (): readonly Row[] => serverRows ?? followed.read();
  return useSyncExternalStore(followed.follow, followed.read, readOnServer);
}

type FilterValues = [key: Key | null, from: number | null, to: number | null];

function filterOf(text: string): RowFilter {
  const [key, from, to] = JSON.parse(text) as FilterValues;
  return {
    ...(key !== null && { key }),
    ...(from !== null && { from }),
    ...(to !== null && { to }),
  };
}

/** The rows of one filter, read when they are asked for and kept until a push touches one. */
class FollowedRows {
  readonly #source: RowSource | null;
  readonly #query: string;
  readonly #filter: RowFilter;
  #rows: readonly Row[] | null = null;

  constructor(source: RowSource | null, query: string, filter: RowFilter) {
    this.#source = source;
    this.#query = query;
    this.#filter = filter;
  }

  readonly read = (): readonly Row[] => {
    const source = this.#source;
    this.#rows ??= source === null ? NO_ROWS : rowsToBegin(source, this.#query, this.#filter);
    return this.#rows;
  };

  readonly follow = (render: () => void): (() => void) => {
    if (this.#source === null) return () => {};
    const stop = this.#source.onRows(this.#query, (delta) => {
      if (!this.#isTouched(delta)) return;
      this.#rows = null;
      render();
    });
    // Pushes between the rendering and now were heard by nobody; React reads again after this.
    const before = this.read();
    this.#rows = null;
    if (textOf(before) === textOf(this.read())) this.#rows = before;
    return stop;
  };

  #isTouched({ upserts, removals }: RowDelta): boolean {
    const isOwn = (place: Row | RowDelta["removals"][number]): boolean => isIn(this.#filter, place);
    return upserts.some(isOwn) || removals.some(isOwn);
  }
}

/** What tells rows apart: of one revision, values are the same. */
function textOf(rows: readonly Row[]): string {
  return JSON.stringify(rows.map(({ key, window, revision }) => [key, window, revision]));
}
