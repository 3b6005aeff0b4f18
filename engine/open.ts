// Opening: an engine from what its store holds. The newest snapshot says which plan ran; one of
// position 0, without a state, is written with a new log, so that each knows its plan.
//
//   same plan     restore it ──► replay the log's tail
//   another plan  the former one serves so; the plan asked for is rebuilt (rebuild/rebuild.ts)
//   no snapshot   replay the log under the plan asked for

import { Appending } from "./appending.ts";
import { Core, type OpenCore } from "./core/core.ts";
import { Engine } from "./engine.ts";
import { Poison } from "./ingest/poison.ts";
import { Quarantine } from "./ingest/quarantine.ts";
import { checkPlan, type Plan } from "./query/plan.ts";
import { PlanRefused } from "./query/plan-refused.ts";
import type { Schemas } from "./query/schema.ts";
import { hostBreathe, HostPace } from "./rebuild/host-pace.ts";
import type { Pace } from "./rebuild/pace.ts";
import { Retaining, type Retention } from "./retention.ts";
import { Running } from "./running.ts";
import { HostFault } from "./store/host-fault.ts";
import { memory } from "./store/memory.ts";
import { encodeSnapshot, goodSnapshots, type Snapshot } from "./store/snapshot.ts";
import type { Breathe } from "./store/steps.ts";
import type { LogHeader, Recovered, Store } from "./store/store.ts";
// Last, so that in a bundle its text parts no code: brotli then makes less of that.
import { loadCore } from "./core/load.ts";

export interface OpenOptions {
  /** Plain data: docs/contract.md of this package, "A plan". */
  readonly plan: unknown;
  /** Where the log is kept; `memory()` where absent. */
  readonly store?: Store;
  /** 16 bytes that key the hash tables of a new log; drawn at random where absent. */
  readonly hashKey?: Uint8Array;
  /** For how long the log is kept, and who gets what is trimmed; absent: for ever. */
  readonly retention?: Retention;
  /** The most memory of the core, in pages of 64 KiB; while a changed plan is rebuilt, of each. */
  readonly memoryPagesMax?: number;
}

const LOG_VERSION = 1;
const NOTHING = new Uint8Array(0);

/**
 * Opens an engine on what the store holds. A log of another plan is served by that plan until this
 * one has caught up: `stats().rebuild` says how far it is, `rebuilt()` when it is there. The first
 * slice belongs to opening, so that a short log seldom shows the former plan. Rejects with
 * PlanRefused or a HostFault, and has closed the store.
 */
export function open(options: OpenOptions): Promise<Engine> {
  return openAt(new HostPace(), options);
}

/**
 * The same, a rebuild going at `pace`, and what is pushed checked by `schemas`, until catalogues
 * bring them; `poison` is what the log, or the log of which it is a copy, is known to have.
 */
export async function openAt(
  pace: Pace,
  options: OpenOptions,
  schemas: Schemas | null = null,
  poison: Poison = new Poison(),
): Promise<Engine> {
  const plan = checked(options.plan);
  const store = options.store ?? memory();
  try {
    return await openOn(store, plan, options, { pace, schemas, poison });
  } catch (error) {
    // Who mends what hinders, or opens it next, finds it let go of.
    try {
      await store.close();
    } catch {}
    throw error;
  }
}

interface Means {
  readonly pace: Pace;
  readonly schemas: Schemas | null;
  readonly poison: Poison;
}

async function openOn(
  store: Store,
  plan: Plan,
  options: OpenOptions,
  { pace, schemas, poison }: Means,
): Promise<Engine> {
  const breathe = hostBreathe();
  const recovered = await store.recover(breathe);
  const header = recovered?.header ?? newHeader(options.hashKey);
  if (recovered === null) await store.create(header);
  const endPosition = recovered?.endPosition ?? 0;
  const snapshots = await goodOf(recovered, breathe);
  const newest = snapshots[0] ?? null;
  if (endPosition === 0 && newest?.plan !== plan.source) await notePlan(store, plan);
  const own = snapshots.find((snapshot) => snapshot.plan === plan.source) ?? null;
  const former = endPosition === 0 || newest === own ? null : formerPlan(newest);
  const serving = former ?? plan;
  const quarantine = new Quarantine(serving.limits.quarantine, recovered);
  const openCore: OpenCore = async ({ bytes }) => {
    return new Core(await loadCore(), bytes, options.memoryPagesMax);
  };
  const appending = new Appending(store, quarantine);
  await appending.resume(endPosition);
  poison.note(newest?.poisoned ?? []);
  const retaining = new Retaining({ store, quarantine, poison }, recovered, options.retention);
  const { hashKey } = header;
  const kept = { store, quarantine, appending, retaining, poison };
  const place = { ...kept, hashKey, schemas, openCore };
  const served = snapshots.filter((snapshot) => snapshot.plan === serving.source);
  retaining.assertReaches(served[0]?.position ?? 0);
  const running = await Running.open(serving, place, served);
  retaining.assertReaches(running.position);
  await running.catchUp(endPosition);
  const engine = new Engine(plan, running, place);
  if (former !== null) await engine.rebuild(own, recovered?.trimmedTo ?? 0, pace);
  return engine;
}

function checked(given: unknown): Plan {
  const { plan, faults } = checkPlan(given);
  if (plan === null) throw new PlanRefused(faults);
  return plan;
}

function newHeader(hashKey?: Uint8Array): LogHeader {
  const key = hashKey ?? crypto.getRandomValues(new Uint8Array(16));
  if (key.length !== 16) throw new RangeError(`Got ${key.length} bytes when a hash key has 16.`);
  return { version: LOG_VERSION, hashKey: key };
}

/** The snapshots that can be trusted, newest first. HostFault `log_truncated`. */
async function goodOf(recovered: Recovered | null, breathe: Breathe): Promise<Snapshot[]> {
  const { endPosition = 0 } = recovered ?? {};
  const good = await goodSnapshots(recovered, breathe);
  const newest = good[0]?.position ?? 0;
  if (newest <= endPosition) return good;
  const places = `at position ${newest} when the log ends at ${endPosition}`;
  const message = `A snapshot stands ${places}: restore the log from a copy.`;
  throw new HostFault("log_truncated", message);
}

/** By this a new log knows its plan. One that cannot be written costs time at a change of plan. */
async function notePlan(store: Store, plan: Plan): Promise<void> {
  const images = { state: NOTHING, told: NOTHING };
  const record = { position: 0, judgedSince: 0, since: 0, poisoned: [], ...images };
  try {
    await store.saveSnapshot({
      position: 0,
      bytes: encodeSnapshot({ ...record, plan: plan.source }),
    });
  } catch {}
}

/** Null where this build would refuse it: then there is nobody to serve meanwhile. */
function formerPlan(snapshot: Snapshot | null): Plan | null {
  return snapshot === null ? null : checkPlan(JSON.parse(snapshot.plan)).plan;
}
