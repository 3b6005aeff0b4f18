// The subscriptions of one page, and how far each was told: when the leader changes, each is taken
// up where it stood, so that no change is lost or told twice. What the next leader does not have in
// memory it tells from the log.

import type { TellFrom } from "./protocol.ts";

interface Subscription {
  readonly query: string;
  /** Where it begins with the leader at hand. */
  from: TellFrom;
  /** All changes of entries before it were told; null where none are known to be. */
  through: number | null;
  /** The leader at hand tells it what happens as it happens, not out of the log. */
  isLive: boolean;
}

export class Told {
  readonly #host: string;
  readonly #tell: (subscription: number, told: ArrayBuffer | null) => void;
  readonly #subscriptions = new Map<number, Subscription>();
  /** Where the leader at hand stands. */
  #position = 0;

  constructor(host: string, tell: (subscription: number, told: ArrayBuffer | null) => void) {
    this.#host = host;
    this.#tell = tell;
  }

  idOf(subscription: number): string {
    return `${this.#host}/${subscription}`;
  }

  add(subscription: number, query: string, from: TellFrom): void {
    this.#subscriptions.set(subscription, { query, from, through: null, isLive: false });
  }

  remove(subscription: number): void {
    this.#subscriptions.delete(subscription);
  }

  /** A leader begins at `position`; gives the subscriptions that it is to be asked for. */
  begin(position: number): number[] {
    this.#position = position;
    for (const told of this.#subscriptions.values()) {
      told.isLive = false;
      // Rows are told anew by each leader, and so is a view of which nothing was told yet. What is
      // new to this leader, too, it tells from now on; by then it may have gone further.
      if (told.through !== null && told.from !== "rows") told.from = told.through;
    }
    return [...this.#subscriptions.keys()];
  }

  /** How the leader at hand is asked for a subscription. */
  startOf(subscription: number): { readonly query: string; readonly from: TellFrom } {
    const told = this.#subscriptions.get(subscription)!;
    const { query, from } = told;
    if (typeof from === "number") told.through ??= from;
    else if (from === "now") told.through ??= this.#position;
    return { query, from };
  }

  /** Hears what the leader at hand tells of it. */
  hearerOf(subscription: number): (told: ArrayBuffer | null, through: number) => void {
    return (told, through) => {
      const known = this.#subscriptions.get(subscription);
      if (known === undefined) return;
      known.through = Math.max(known.through ?? 0, through);
      if (told === null) known.isLive = true;
      this.#tell(subscription, told);
    };
  }

  /** The leader has told all changes before `position`. */
  applied(position: number): void {
    this.#position = position;
    for (const told of this.#subscriptions.values()) {
      if (told.isLive && told.through !== null) told.through = Math.max(told.through, position);
    }
  }
}
