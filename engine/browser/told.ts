// The subscriptions of one page, and how far each was told: when the leader changes, each is taken
// up where it stood, so that no change is lost or told twice. What the next leader does not have in
// memory it tells from the log.

import type { TellFrom } from "./protocol.ts";

interface Subscription {
  readonly query: string;
  /** Where it begins with the leader at hand. */
  from: TellFrom;
  /** All changes of entries before it were told; null where no leader has begun. */
  through: number | null;
  /** What is told comes as it happens, not out of the log. */
  isLive: boolean;
}

export class Told {
  readonly #host: string;
  readonly #tell: (subscription: number, told: ArrayBuffer) => void;
  readonly #subscriptions = new Map<number, Subscription>();
  /** Where the leader at hand stands. */
  #position = 0;

  constructor(host: string, tell: (subscription: number, told: ArrayBuffer) => void) {
    this.#host = host;
    this.#tell = tell;
  }

  idOf(subscription: number): string {
    return `${this.#host}/${subscription}`;
  }

  add(subscription: number, query: string, from: TellFrom): void {
    const isLive = typeof from !== "number";
    this.#subscriptions.set(subscription, { query, from, through: null, isLive });
  }

  remove(subscription: number): void {
    this.#subscriptions.delete(subscription);
  }

  /** A leader begins at `position`; gives the subscriptions that it is to be asked for. */
  begin(position: number): number[] {
    this.#position = position;
    for (const told of this.#subscriptions.values()) {
      // Rows are told anew by each leader.
      if (told.through === null || told.from === "rows") continue;
      told.isLive = told.through >= position;
      told.from = told.isLive ? "now" : told.through;
    }
    return [...this.#subscriptions.keys()];
  }

  /** How the leader at hand is asked for a subscription. */
  startOf(subscription: number): { readonly query: string; readonly from: TellFrom } {
    const told = this.#subscriptions.get(subscription)!;
    const { query, from } = told;
    told.through ??= typeof from === "number" ? from : this.#position;
    return { query, from };
  }

  /** Hears what the leader at hand tells of it. */
  hearerOf(subscription: number): (told: ArrayBuffer, through: number) => void {
    return (told, through) => {
      const known = this.#subscriptions.get(subscription);
      if (known === undefined) return;
      known.through = Math.max(known.through ?? 0, through);
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
