// The server of the simulation: real engines, one a restaurant, behind the answers of the edge
// (worker/), with a weather. It is told nothing of the publisher but its requests.

import { gunzipSync } from "node:zlib";
import { type Engine, type Receipt } from "../../engine/index.ts";
import type { Random } from "../twin/random.ts";
import { engineOf, planOf } from "../builders.ts";

export const RESTAURANTS = ["R0", "R1", "R2"] as const;

/** What becomes of a request; `lost` and `hung` may have been taken in before. */
export type Fate =
  | "well"
  | "twice"
  | "unreached"
  | "lost"
  | "hung"
  | "portal"
  | "unauthorized"
  | "too-large"
  | "busy"
  | "broken"
  | "partial";

/** How often each comes, by weight. */
export type Weather = readonly (readonly [weight: number, fate: Fate])[];

export const WEATHERS: readonly Weather[] = [
  [[1, "well"]],
  [[1, "unreached"]],
  [
    [1, "busy"],
    [1, "broken"],
  ],
  [
    [3, "well"],
    [1, "too-large"],
    [1, "unauthorized"],
  ],
  [
    [3, "well"],
    [2, "partial"],
  ],
  [
    [4, "well"],
    [2, "twice"],
    [1, "unreached"],
    [2, "lost"],
    [1, "hung"],
    [1, "portal"],
    [1, "unauthorized"],
    [1, "too-large"],
    [1, "busy"],
    [1, "broken"],
    [2, "partial"],
  ],
];

/** Where the request ends: an answer, or none by failing or by never coming. */
export type Ending = Response | "failed" | "never";

export class SimulatedServer {
  weather: Weather = WEATHERS[0]!;
  /** The token that is taken now. */
  token = "t0";
  /** Whether some facts of a request were ever told apart: then order across facts is not kept. */
  hasParted = false;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #engines = new Map<string, Engine>();
  /** Lines in the order in which they were accepted. */
  readonly accepted: string[] = [];

  constructor(random: Random, now: () => number) {
    this.#random = random;
    this.#now = now;
  }

  async open(): Promise<void> {
    for (const id of RESTAURANTS) this.#engines.set(id, await engineOf(planOf({})));
  }

  async close(): Promise<void> {
    for (const engine of this.#engines.values()) await engine.close();
  }

  /** All that the logs hold, by restaurant. */
  async logged(): Promise<string[]> {
    const lines: string[] = [];
    for (const engine of this.#engines.values()) {
      for await (const chunk of engine.log()) {
        const own = chunk.split("\n").filter((line) => line !== "" && !line.startsWith('{"chunk"'));
        lines.push(...own);
      }
    }
    return lines;
  }

  /** Ids of what the engines hold in quarantine. */
  held(): string[] {
    return [...this.#engines.values()].flatMap((engine) =>
      engine.quarantine().map(({ line }) => (JSON.parse(line) as { eventId: string }).eventId),
    );
  }

  async answer(init: RequestInit): Promise<Ending> {
    const fate = this.#random.weighted(this.weather);
    const headers = init.headers as { readonly [name: string]: string };
    if (fate === "unreached") return "failed";
    const isKnown = headers["Authorization"] === `Bearer ${this.token}`;
    if (fate === "unauthorized" || !isKnown) return this.#refuse(401, "unauthorized");
    if (fate === "busy") return this.#refuse(429, "too_many_requests");
    if (fate === "broken") return this.#refuse(this.#random.pick([500, 502, 504]), "broken");
    if (fate === "portal") return new Response("<html>Welcome!</html>", { status: 200 });
    const lines = linesOf(init);
    if (fate === "too-large" && lines.length > 1) return this.#refuse(413, "body_too_large");
    if (lines.some((line) => line.includes('"huge"'))) return this.#refuse(413, "body_too_large");
    const away = fate === "partial" ? this.#random.pick(RESTAURANTS) : null;
    let answer = await this.#receive(lines, away);
    if (fate === "twice") answer = await this.#receive(lines, null);
    if (fate === "lost") return "failed";
    return fate === "hung" ? "never" : answer;
  }

  async #receive(lines: readonly string[], away: string | null): Promise<Response> {
    const total = { accepted: 0, duplicate: 0 };
    const invalid: { index: number }[] = [];
    const quarantined: { index: number }[] = [];
    const unavailable: number[] = [];
    const positions: { [restaurantId: string]: number } = {};
    // One by one, so that a receipt tells of each line what became of it.
    for (const [index, line] of lines.entries()) {
      const { restaurantId } = (JSON.parse(line) as { data: { restaurantId: string } }).data;
      if (restaurantId === away) {
        unavailable.push(index);
        continue;
      }
      const engine = this.#engines.get(restaurantId)!;
      const receivedAt = this.#now();
      const receipt: Receipt = await engine.push(line, { format: "ndjson", receivedAt });
      if (receipt.accepted > 0) this.accepted.push(line);
      total.accepted += receipt.accepted;
      total.duplicate += receipt.duplicate;
      invalid.push(...receipt.invalid.map((fault) => ({ ...fault, index })));
      quarantined.push(...receipt.quarantined.map((fault) => ({ ...fault, index })));
      positions[restaurantId] = receipt.position;
    }
    const receipt = { received: lines.length, ...total, invalid, quarantined, positions };
    if (unavailable.length > 0) {
      this.hasParted = true;
      const parted = { status: 503, code: "restaurant_unavailable", ...receipt, unavailable };
      return Response.json(parted, { status: 503, headers: { "Retry-After": "1" } });
    }
    if (invalid.length < lines.length) return Response.json(receipt);
    return Response.json({ status: 422, code: "all_invalid", ...receipt }, { status: 422 });
  }

  /** An answer that is no receipt, with or without `Retry-After`, as seconds or as a date. */
  #refuse(status: number, code: string): Response {
    const headers = new Headers();
    const seconds = this.#random.between(0, 200);
    const asks = this.#random.below(3);
    if (status !== 413 && asks === 1) headers.set("Retry-After", String(seconds));
    if (status !== 413 && asks === 2) {
      headers.set("Retry-After", new Date(this.#now() + seconds * 1000).toUTCString());
    }
    return Response.json({ status, code }, { status, headers });
  }
}

/** The lines of a request, unpacked. */
export function linesOf({ body, headers }: RequestInit): string[] {
  const isPacked = (headers as { readonly [name: string]: string })["Content-Encoding"] === "gzip";
  const bytes = isPacked ? gunzipSync(body as Uint8Array) : (body as Uint8Array);
  return new TextDecoder().decode(bytes).split("\n");
}
