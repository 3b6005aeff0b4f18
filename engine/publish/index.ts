// The public surface of `millrace/publish`: the producer's side. Importing it does nothing.

export {
  publisher,
  type Publisher,
  type PublisherOptions,
  type PublisherStats,
} from "./publisher.ts";
export type { Token } from "./sender.ts";
export type { Fault } from "./receipt.ts";
export type { Host } from "./host.ts";
export { memory, type BackOff, type Fact, type Outbox } from "./outbox.ts";
export { indexeddb } from "./indexeddb.ts";
export { HostFault, type HostFaultCode } from "../store/host-fault.ts";
