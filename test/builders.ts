// What the tests of the engine push: events, and the plan that they go through. Times are ms, so
// that a test shows its boundaries; whatever a test is not about has a default.

import { Core, type OpenCore } from "../engine/core/core.ts";
import { loadCore } from "../engine/core/load.ts";
import {
  Engine,
  open,
  type Change,
  type OpenOptions,
  type PushInput,
  type Receipt,
} from "../engine/index.ts";

export const openCore: OpenCore = async ({ bytes }) => new Core(await loadCore(), bytes);

export interface SentEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly eventVersion: string;
  readonly eventTime: string;
  readonly correlationId: string;
  readonly data: { readonly [name: string]: unknown };
  readonly [name: string]: unknown;
}

/** The event `eventId` at `timeMs`; `more` replaces members or adds some. */
export function event(
  eventId: string,
  timeMs: number,
  data: SentEvent["data"] = {},
  more: { readonly [name: string]: unknown } = {},
): SentEvent {
  const eventTime = new Date(timeMs).toISOString();
  const envelope = { eventId, eventType: "tested", eventVersion: "1.0", eventTime };
  return { ...envelope, correlationId: "c", data, ...more };
}

/** Events at these times, each with an id of its own. */
export function eventsAt(
  times: readonly number[],
  data: SentEvent["data"] = {},
  prefix = "e",
): SentEvent[] {
  return times.map((timeMs, index) => event(`${prefix}${index}`, timeMs, data));
}

export function ndjson(events: readonly unknown[]): string {
  return events.map((each) => `${JSON.stringify(each)}\n`).join("");
}

interface PlanParts {
  readonly clock?: { readonly [name: string]: unknown };
  readonly limits?: { readonly [name: string]: unknown };
}

/** Members of the only query, `q`: by default a count, without a key, of windows of 10 ms. */
export function planOf(
  query: { readonly [name: string]: unknown } = {},
  parts: PlanParts = {},
): { version: 1; queries: { readonly [name: string]: unknown }[] } {
  return { version: 1, ...parts, queries: [queryOf(query)] };
}

export function queryOf(query: { readonly [name: string]: unknown } = {}): {
  readonly [name: string]: unknown;
} {
  const window = { kind: "tumbling", size: 10, grace: 0 };
  const smallest = { name: "q", from: ["*"], key: {}, window, aggregate: { n: { fn: "count" } } };
  return { ...smallest, ...query };
}

export function tumbling(size: number | string, grace: number | string, more = {}): object {
  return { kind: "tumbling", size, grace, ...more };
}

/** Keys the hash tables of every engine under test alike, so that states can be compared. */
export const HASH_KEY = new Uint8Array(16).fill(7);

/** An engine of `plan`, after pushing each of `pushes`. */
export async function engineOf(
  plan: unknown,
  pushes: readonly PushInput[] = [],
  options: Omit<OpenOptions, "plan"> = {},
): Promise<Engine> {
  const engine = await open({ hashKey: HASH_KEY, ...options, plan });
  for (const push of pushes) await engine.push(push);
  return engine;
}

/** `code pointer` of each line that was refused or held, by its index. */
export function verdictsOf(receipt: Receipt): { readonly [index: number]: string } {
  const lines = [...receipt.invalid, ...receipt.quarantined];
  return Object.fromEntries(
    lines.map(({ index, code, pointer }) => [index, `${code} ${pointer}`.trimEnd()]),
  );
}

/** All that is told from now on. */
export function listen(engine: Engine): Change[] {
  const heard: Change[] = [];
  engine.listen((changes) => heard.push(...changes));
  return heard;
}
