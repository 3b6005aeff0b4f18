// A plan as JSON (contract.md, "A plan"), and the defaults where it says nothing.

import type { Json, JsonObject, Scalar } from "./json.ts";
import { durationMs } from "./time.ts";

export type Duration = number | string;
/** A list is an operator with its operands; all else is a literal. */
export type ExpressionJson = Scalar | readonly Json[];

export interface WindowJson {
  readonly kind: string;
  readonly size?: Duration;
  readonly every?: Duration;
  readonly offset?: Duration;
  readonly gap?: Duration;
  readonly timezone?: string;
  readonly grace?: Duration;
}

export interface AggregateJson {
  readonly fn: string;
  readonly of?: ExpressionJson;
  readonly where?: ExpressionJson;
  readonly q?: number | readonly number[];
  readonly k?: number;
  readonly bounds?: readonly number[];
}

export interface WithJson {
  readonly table: string;
  readonly on: ExpressionJson;
  readonly as: string;
}

export interface SpanJson {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly on: ExpressionJson;
  readonly within: Duration;
  readonly wait?: Duration;
  readonly early?: Duration;
}

export interface QueryJson {
  readonly name: string;
  readonly from?: readonly string[];
  readonly span?: SpanJson;
  readonly with?: readonly WithJson[];
  readonly wait?: Duration;
  readonly where?: ExpressionJson;
  readonly key: { readonly [name: string]: ExpressionJson };
  readonly window: WindowJson;
  readonly aggregate: { readonly [name: string]: AggregateJson };
  readonly derive?: { readonly [name: string]: ExpressionJson };
  readonly emit?: string;
  readonly retain?: Duration;
}

export interface TableJson {
  readonly from: readonly string[];
  readonly key: ExpressionJson;
  readonly history?: Duration;
}

export interface PlanJson {
  readonly version: 1;
  readonly clock?: { readonly [name: string]: Duration };
  readonly limits?: { readonly [name: string]: number };
  readonly tables?: { readonly [name: string]: TableJson };
  readonly queries: readonly QueryJson[];
}

export interface Settings {
  readonly delay: number;
  readonly maxAhead: number;
  readonly dedup: number;
  readonly keys: number;
  readonly identities: number;
  readonly quarantine: number;
}

export function settingsOf({ clock = {}, limits = {} }: PlanJson): Settings {
  return {
    delay: durationMs(clock["delay"] ?? 0),
    maxAhead: durationMs(clock["maxAhead"] ?? "5m"),
    dedup: durationMs(clock["dedup"] ?? "7d"),
    keys: limits["keys"] ?? 1_048_576,
    identities: limits["identities"] ?? 4_194_304,
    quarantine: limits["quarantine"] ?? 10_000,
  };
}

/** "`from` takes exact types, or a prefix ending in `.*`, or `["*"]`." */
export function takesType(patterns: readonly string[], eventType: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*") return true;
    if (pattern.endsWith(".*")) return eventType.startsWith(pattern.slice(0, -1));
    return pattern === eventType;
  });
}

/** One accepted event, its members as paths read them: `eventTime` in ms. */
export interface Fact {
  readonly type: string;
  readonly time: number;
  readonly position: number;
  readonly members: JsonObject;
  /** It came out of the quarantine. */
  readonly isReleased: boolean;
}
