// A view followed by a page: a mirror of its rows, kept up by the leader's feed. A new leader tells
// the view anew, as a whole; the page's listeners hear only what is different.

import type { Row } from "../live/change.ts";
import { deltaBetween, Mirror, type RowDelta, type RowListener } from "../live/mirror.ts";
import { callListener } from "../live/subscription.ts";
import type { RowFilter } from "../live/view.ts";
import type { RowsTold } from "./protocol.ts";

export class FollowedView {
  readonly #members: readonly string[];
  readonly #listeners = new Set<RowListener>();
  readonly #stop: () => void;
  #mirror: Mirror;

  /** `follow` begins to hear the feed; what it answers ends that. */
  constructor(members: readonly string[], follow: (hear: (told: RowsTold) => void) => () => void) {
    this.#members = members;
    this.#mirror = new Mirror(members);
    this.#stop = follow((told) => this.#hear(told));
  }

  /** As far as they were told: none at first. */
  rows(filter?: RowFilter): readonly Row[] {
    return this.#mirror.rows(filter);
  }

  /** True where `listener` was the last: nothing is heard any more. */
  remove(listener: RowListener): boolean {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return false;
    this.#stop();
    return true;
  }

  add(listener: RowListener): void {
    this.#listeners.add(listener);
  }

  #hear({ isWhole, ...told }: RowsTold): void {
    let delta: RowDelta = told;
    if (isWhole) {
      const mirror = new Mirror(this.#members);
      mirror.apply(told);
      delta = { ...told, ...deltaBetween(this.#mirror.rows(), mirror.rows()) };
      this.#mirror = mirror;
    } else {
      this.#mirror.apply(told);
    }
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) callListener(listener, delta);
    }
  }
}
