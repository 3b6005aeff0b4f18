// The public surface of `millrace`: the engine and the memory store. No host globals.

export { open, type OpenOptions } from "./open.ts";
export { Engine } from "./engine.ts";
export type { SubscribeFrom, SubscribeOptions } from "./catch-up.ts";
export type { LogRange } from "./store/log-reader.ts";
export type { QueryStats, Stats } from "./live/stats.ts";
export type { ArchivedChunk, Retention } from "./retention.ts";
export { memory } from "./store/memory.ts";
export { verifyChunks, type BrokenLink, type Verified } from "./store/chain.ts";
export { HostFault, type HostFaultCode } from "./store/host-fault.ts";
export type { Store, StorageMode } from "./store/store.ts";
export { checkPlan, type Plan, type PlanFault } from "./query/plan.ts";
export { PlanRefused } from "./query/plan-refused.ts";
export type {
  Change,
  ChangeKind,
  ChangeWindow,
  Key,
  Row,
  Value,
  WindowBounds,
} from "./live/change.ts";
export type { Contribution, Emission, Explanation, LateContribution, Resent } from "./explain.ts";
export type { LoggedEvent } from "./ingest/logged-event.ts";
export type { RowFilter, View } from "./live/view.ts";
export { Mirror } from "./live/mirror.ts";
export type { RowDelta, RowListener, RowPlace, RowSource } from "./live/mirror.ts";
export type { Listener } from "./live/subscription.ts";
export type { LateEvent } from "./core/core.ts";
export type { PushInput, PushOptions } from "./ingest/input.ts";
export type { QuarantineEntry } from "./ingest/quarantine.ts";
export type { InvalidLine, QuarantinedLine, Receipt } from "./ingest/receipt.ts";
export type { RefusedLine } from "./ingest/refused-lines.ts";
export type { EventCode, QuarantineCode } from "./event/fault.ts";
