// Tables: per key, versions by event time; looked up as of a time.

import { valueOf } from "./expression.ts";
import { asScalar, canonical, type Json, type JsonObject, type Scalar } from "./json.ts";
import { takesType, type Fact, type TableJson } from "./plan.ts";
import { durationMs } from "./time.ts";

export class Table {
  readonly #plan: TableJson;
  readonly #historyMs: number;
  readonly #versions = new Map<string, Fact[]>();

  constructor(plan: TableJson) {
    this.#plan = plan;
    this.#historyMs = durationMs(plan.history ?? "7d");
  }

  /** "A null key feeds nothing." */
  take(fact: Fact): void {
    if (!takesType(this.#plan.from, fact.type)) return;
    const key = asScalar(valueOf(this.#plan.key, fact.members));
    if (key === null) return;
    const versions = this.#versions.get(canonical(key)) ?? [];
    versions.push(fact);
    versions.sort((a, b) => a.time - b.time || a.position - b.position);
    this.#versions.set(canonical(key), versions);
  }

  /** "The greatest version <= event time" (of two at one time, the later position), or null. */
  lookUp(on: Json, time: number, clock: number): JsonObject | null {
    const key: Scalar = asScalar(on);
    if (key === null) return null;
    const versions = this.#versions.get(canonical(key)) ?? [];
    // "A version is forgotten once a later one is at or before T - history."
    const kept = versions.filter((_, index) => {
      const later = versions[index + 1];
      return later === undefined || later.time > clock - this.#historyMs;
    });
    return kept.findLast((version) => version.time <= time)?.members ?? null;
  }

  /** Whether a lookup finds nothing, or another version, for what history has run out on. */
  hasForgotten(on: Json, time: number, clock: number): boolean {
    return this.lookUp(on, time, clock) !== this.lookUp(on, time, -Infinity);
  }
}
