// A view followed by a page: a mirror of its rows, kept up by the leader's feed. A new leader tells
// the view anew, as a whole; the page's listeners hear only what is different.

import { canonical } from "../event/canonical.ts";
import type { Json } from "../event/envelope.ts";
import type { Row } from "../live/change.ts";
import { idOf } from "../live/compare-rows.ts";
import type { Delta } from "../live/decoder.ts";
import { byId, Mirror, type RowListener } from "../live/mirror.ts";
import { callListener } from "../live/subscription.ts";
import type { RowFilter } from "../live/view.ts";
import type { RowsTold } from "./protocol.ts";

export class FollowedView {
  readonly #listeners = new Set<RowListener>();
  readonly #mirror: Mirror;
  readonly #stop: () => void;

  /** `follow` begins to hear the feed; what it answers ends that. */
  constructor(members: readonly string[], follow: (hear: (told: RowsTold) => void) => () => void) {
    this.#mirror = new Mirror(members);
    this.#stop = follow((told) => this.#hear(told));
  }

  /** As far as they were told: none at first. */
  rows(filter?: RowFilter): readonly Row[] {
    return this.#mirror.rows(filter);
  }

  remove(listener: RowListener): void {
    this.#listeners.delete(listener);
  }

  /** True where nobody listens: nothing is heard any more. */
  endAlone(): boolean {
    if (this.#listeners.size > 0) return false;
    this.#stop();
    return true;
  }

  add(listener: RowListener): void {
    this.#listeners.add(listener);
  }

  #hear({ isWhole, ...told }: RowsTold): void {
    const delta = isWhole ? { ...told, ...difference(this.#mirror.rows(), told.upserts) } : told;
    this.#mirror.apply(delta);
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) callListener(listener, delta);
    }
  }
}

/** What makes of the rows `before` those that stand `now`, in the order given. */
function difference(before: readonly Row[], now: readonly Row[]): Delta {
  const gone = byId(before);
  const upserts = now.filter((row) => {
    const id = idOf(row);
    const known = gone.get(id);
    gone.delete(id);
    return known === undefined || textOf(known) !== textOf(row);
  });
  return { upserts, removals: [...gone.values()].map(({ key, window }) => ({ key, window })) };
}

function textOf(row: Row): string {
  return canonical(row as unknown as Json);
}
